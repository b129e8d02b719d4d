/** A picture of a question, with rectangles on it. */

import { h } from "../../lib/page/dom";
import { clip, place } from "../../lib/pictures/boxes";
import { paintBitmap } from "../../lib/pictures/canvas";
import type { LessonFigure } from "../../lib/wire/protocol";

export function figure(
  told: LessonFigure,
  bitmaps: readonly ImageBitmap[],
  tag: "figure" | "span" = "figure",
): HTMLElement {
  const canvas = h("canvas", { class: "zf-quiz-picture", "aria-hidden": "true" });
  const bitmap = bitmaps[told.picture];
  if (bitmap) paintBitmap(canvas, bitmap);
  const [rows, columns] = told.extent;
  const marks = told.marks.map(({ box, text }) => {
    const seen = clip(box, rows, columns);
    const mark = h("span", { class: "zf-quiz-field" }, text && h("b", {}, text));
    place(mark, seen, told.extent);
    return mark;
  });
  const stage = h(
    "span",
    { class: "zf-quiz-stage", role: "img", "aria-label": told.alt || told.caption },
    canvas,
    ...marks,
  );
  return h(
    tag,
    { class: "zf-lesson-figure" },
    stage,
    told.caption && h(tag === "figure" ? "figcaption" : "span", {}, told.caption),
  );
}
