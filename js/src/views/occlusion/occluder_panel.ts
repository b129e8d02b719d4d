/** What covers: baseline, height and width, a shape drawn by hand, rectangles that stay. */

import { t } from "../../lib/language/translate";
import { asBaseline, baselineText, baselineValue } from "../../lib/occlusion/baselines";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h, select } from "../../lib/page/dom";
import { extent as extentText } from "../../lib/page/format";
import type { Baseline, Box, Pair } from "../../lib/wire/protocol";
import { type Fold, fold } from "../shared/fold";
import { type OccluderHandle, resized } from "./occluder";
import type { ShapeDrawing } from "./shape_drawing";

/** Largest size on the sliders, in input pixels; keys and the corner go further. */
const LARGEST = 128;
const MOST_HELD = 8;

interface OccluderPanel {
  fold: Fold;
  baselines(names: readonly string[]): void;
  /** Show the selection's occluder. */
  show(extent: Pair): void;
}

export function occluderPanel(handle: OccluderHandle, drawing: ShapeDrawing): OccluderPanel {
  const part = fold("occluder", t("Occluder"));
  let baselines: Baseline[] = ["grey"];

  const baseline = select(
    t("What the occluder shows in place of the photo"),
    [],
    "",
    (value: string) => handle.change({ baseline: asBaseline(value) }),
  );
  const explanation = h("p", { class: "zf-hint" });
  const slider = (side: "height" | "width") => {
    const text = h("output", { class: "zf-number-text" });
    const input = h("input", {
      type: "range",
      min: 8,
      max: LARGEST,
      step: 4,
      "aria-label":
        side === "height" ? t("Occluder height in pixels") : t("Occluder width in pixels"),
      oninput: () => {
        const { height, width, ...rest } = handle.now();
        const size = { height, width, [side]: Number(input.value) };
        if (together.checked) size.height = size.width = Number(input.value);
        handle.put(resized({ ...rest, height, width }, size.height, size.width));
      },
    });
    const name = side === "height" ? t("Height") : t("Width");
    return { input, text, element: h("label", { class: "zf-label" }, name, input, text) };
  };
  const together = h("input", { type: "checkbox", checked: true });
  const sides = { height: slider("height"), width: slider("width") };

  const hold = buttonOf(t("Hold it here"), {
    title: t("Keep this rectangle covered while the occluder goes elsewhere"),
    onclick: () => {
      const { top, left, height, width, extra_boxes } = handle.now();
      handle.change({ extra_boxes: [...extra_boxes, { top, left, height, width }] });
      const size = extentText([height, width]);
      announce(hold, t("Held: {size} pixels at {row}, {col}", { size, row: top, col: left }));
    },
  });
  const whole = buttonOf(t("Whole box"), { onclick: () => handle.change({ mask: null }) });
  const held = h("ul", { class: "zf-chips", "aria-label": t("Rectangles that stay covered") });
  part.body.dataset.zfNeedsKernel = "";
  part.body.append(
    baseline,
    explanation,
    h("div", { class: "zf-controls" }, sides.height.element),
    h("div", { class: "zf-controls" }, sides.width.element),
    h("label", { class: "zf-label zf-check" }, together, t("square")),
    h("div", { class: "zf-controls" }, drawing.button, whole, hold),
    held,
  );

  const whereOf = ({ top, left, height, width }: Box) => ({
    size: extentText([height, width]),
    row: top,
    col: left,
  });
  const chip = (box: Box, i: number) =>
    h(
      "li",
      {},
      t("{size} at {row}, {col}", whereOf(box)),
      buttonOf("×", {
        class: "zf-remove",
        "aria-label": t("Uncover {size} at {row}, {col}", whereOf(box)),
        onclick: () =>
          handle.change({ extra_boxes: handle.now().extra_boxes.filter((_, n) => n !== i) }),
      }),
    );

  let listed = "";
  /** Also the baseline that Python has set, if it is a number. */
  const options = (now: Baseline) => {
    const all = [...baselines, 0];
    if (!all.includes(now)) all.push(now);
    if (all.join() !== listed) {
      baseline.replaceChildren(
        ...all.map((one) => h("option", { value: baselineValue(one) }, baselineText(one).name)),
      );
      listed = all.join();
    }
    baseline.value = baselineValue(now);
    explanation.textContent = baselineText(now).explanation;
  };

  return {
    fold: part,
    baselines(names) {
      baselines = [...names];
      options(handle.now().baseline);
    },
    show(extent) {
      const { height, width, baseline: now, mask, extra_boxes } = handle.now();
      for (const [side, value, most] of [
        ["height", height, extent[0]],
        ["width", width, extent[1]],
      ] as const) {
        sides[side].input.max = String(Math.min(LARGEST, most));
        sides[side].input.value = String(value);
        sides[side].text.textContent = `${value} px`;
      }
      if (height !== width) together.checked = false;
      options(now);
      whole.hidden = mask === null;
      hold.disabled = extra_boxes.length >= MOST_HELD;
      held.replaceChildren(...extra_boxes.map(chip));
      held.hidden = extra_boxes.length === 0;
      const more = [
        mask !== null && "shaped",
        extra_boxes.length > 0 && `${extra_boxes.length} held`,
      ];
      part.says(
        [baselineText(now).name, `${extentText([height, width])} px`, ...more]
          .filter(Boolean)
          .join(" · "),
      );
    },
  };
}
