/**
 * The occluder's shape, drawn and erased on the photo itself by pointer or keys.
 *
 * What is drawn are pixels of the photo; after each stroke the occluder is the box around them with
 * its 16 x 16 cells (`shapeOf`), and these are what is shown.
 */

import { t } from "../../lib/language/translate";
import { cells, coveredPixels, ellipse, encode, shapeOf } from "../../lib/occlusion/mask";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { place, pointed } from "../../lib/pictures/boxes";
import type { Occluder, Pair } from "../../lib/wire/protocol";
import { keyed, type OccluderHandle, SMALLEST } from "./occluder";

/** The brush's width is so much of the photo's shorter side. */
const BRUSH = 1 / 14;

export interface ShapeDrawing {
  /** Begins and ends it. */
  button: HTMLButtonElement;
  /** What can be done meanwhile; belongs below the photo. */
  bar: HTMLElement;
  /** The selection's occluder, or the photo, is another one. */
  changed(extent: Pair): void;
}

export function shapeDrawing(
  stage: HTMLElement,
  handle: OccluderHandle,
  signal: AbortSignal,
): ShapeDrawing {
  const stroke = h("canvas", { class: "zf-stroke", "aria-hidden": "true", hidden: true });
  const brush = h("div", {
    class: "zf-brush",
    role: "application",
    tabindex: 0,
    hidden: true,
    "aria-label": t(
      "Brush: arrows move it, Space draws, with Shift arrows draw along, E erases, Escape ends",
    ),
  });
  stage.append(stroke, brush);
  let extent: Pair = [1, 1];
  let drawn: Uint8Array = new Uint8Array(0);
  /** The next stroke begins a shape of its own. */
  let anew = true;
  let erases = false;
  let on = false;
  /** The occluder that was made of what is drawn. */
  let made = "";
  let at: Pair = [0, 0];
  let last: Pair | null = null;

  const radius = () => Math.max(2, (Math.min(...extent) * BRUSH) / 2);
  const shapeNow = ({ top, left, height, width, mask }: Occluder) =>
    JSON.stringify([top, left, height, width, mask]);

  const said = h("span", { class: "zf-draw-said", role: "status" });
  const toggle = (text: string, title: string, is: boolean) =>
    buttonOf(text, { class: "zf-button zf-toggle", title, onclick: () => erase(is) });
  const draws = toggle(t("Draw"), t("Strokes cover. Key: E"), false);
  const takes = toggle(t("Erase"), t("Strokes uncover. Key: E"), true);
  const simple = (text: string, title: string, onclick: () => void) =>
    buttonOf(text, { title, onclick });
  const bar = h(
    "div",
    {
      class: "zf-controls zf-draw",
      role: "group",
      "aria-label": t("Shape of the occluder"),
      hidden: true,
    },
    draws,
    takes,
    simple(t("Ellipse"), t("The largest in the occluder's box"), () => fill(encode(ellipse()))),
    simple(t("Invert"), t("Cover what is open in the occluder's box"), () => {
      const next = cells(handle.now().mask).map((is) => !is);
      if (next.some(Boolean)) fill(encode(next));
      else say(t("The whole box is covered: nothing would be left."));
    }),
    simple(t("Start anew"), t("The next stroke begins another shape"), () => {
      anew = true;
      erase(false);
      say(t("The next stroke begins another shape."));
      brush.focus();
    }),
    simple(t("Done"), t("End drawing. Key: Escape"), () => set(false)),
    said,
  );
  const button = buttonOf(t("Draw a shape"), {
    class: "zf-button zf-toggle",
    "aria-pressed": "false",
    title: t("Draw the shape of the occluder on the photo"),
    onclick: () => set(!on),
  });

  const say = (text: string) => {
    said.textContent = text;
  };
  const erase = (is: boolean) => {
    erases = is;
    draws.setAttribute("aria-pressed", String(!is));
    takes.setAttribute("aria-pressed", String(is));
  };
  const fill = (mask: string | null) => {
    handle.change({ mask });
    anew = false;
    begin();
  };

  /** Take the occluder as what is drawn. */
  const begin = () => {
    const now = handle.now();
    drawn = coveredPixels(now, now.mask, extent);
    made = shapeNow(now);
    tell();
  };
  const tell = () => {
    const { height, width, mask } = handle.now();
    const n = cells(mask).filter(Boolean).length;
    say(`${n} of 256 cells of a box of ${height} × ${width} pixels cover.`);
  };

  const set = (is: boolean) => {
    if (on === is) return;
    on = is;
    last = null;
    stage.classList.toggle("zf-drawing", is);
    button.setAttribute("aria-pressed", String(is));
    bar.hidden = brush.hidden = stroke.hidden = !is;
    if (!is) {
      button.closest("details")?.setAttribute("open", "");
      button.focus();
      return;
    }
    anew = handle.now().mask === null;
    erase(false);
    begin();
    if (anew) say(t("Draw on the photo. The first stroke begins the shape."));
    const { top, left, height, width } = handle.now();
    move([top + height / 2, left + width / 2]);
    stage.scrollIntoView?.({ block: "nearest" });
    brush.focus({ preventScroll: true });
  };

  const move = ([row, col]: Pair) => {
    at = [Math.min(Math.max(row, 0), extent[0]), Math.min(Math.max(col, 0), extent[1])];
    const r = radius();
    place(brush, { top: at[0] - r, left: at[1] - r, height: 2 * r, width: 2 * r }, extent);
  };

  /** A disc, and all between it and the one before. */
  const stamp = (from: Pair, to: Pair) => {
    const r = radius();
    const far = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const steps = Math.max(1, Math.ceil(far / (r / 2)));
    for (let i = 0; i <= steps; i++) {
      const row = from[0] + ((to[0] - from[0]) * i) / steps;
      const col = from[1] + ((to[1] - from[1]) * i) / steps;
      disc(drawn, extent, [row, col], r, erases ? 0 : 1);
    }
    paint();
  };
  const start = () => {
    if (anew && !erases) drawn = new Uint8Array(extent[0] * extent[1]);
    anew = false;
  };
  /** The stroke has ended: the occluder is what is drawn. */
  const end = () => {
    stroke.width = 0;
    const shape = shapeOf(drawn, extent, SMALLEST);
    if (!shape) {
      say(t("Nothing is left: draw a stroke. Until then the occluder stays as it is."));
      anew = true;
      return;
    }
    handle.change(shape);
    made = shapeNow(handle.now());
    tell();
  };
  const paint = () => {
    const [rows, columns] = extent;
    stroke.width = columns;
    stroke.height = rows;
    const context = stroke.getContext("2d");
    if (!context) return;
    const picture = context.createImageData(columns, rows);
    drawn.forEach((is, i) => {
      if (is) picture.data.set([23, 105, 196, 150], 4 * i);
    });
    context.putImageData(picture, 0, 0);
  };

  // Before the occluder, which would be moved.
  const first = { signal, capture: true };
  stage.addEventListener(
    "pointerdown",
    (event) => {
      if (!on || event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      stage.setPointerCapture(event.pointerId);
      last = pointed(event, stage, extent);
      start();
      move(last);
      stamp(last, last);
      brush.focus({ preventScroll: true });
    },
    first,
  );
  stage.addEventListener(
    "pointermove",
    (event) => {
      if (!on) return;
      const now = pointed(event, stage, extent);
      move(now);
      if (!last) return;
      event.stopPropagation();
      stamp(last, now);
      last = now;
    },
    first,
  );
  for (const name of ["pointerup", "pointercancel"] as const) {
    stage.addEventListener(
      name,
      () => {
        if (last) end();
        last = null;
      },
      first,
    );
  }
  brush.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const box = { top: at[0], left: at[1], height: 1, width: 1 };
    const to = keyed(box, event.key, false, radius());
    if (event.key === "Escape") set(false);
    else if (event.key.toLowerCase() === "e") erase(!erases);
    else if (event.key === " " || event.key === "Enter") {
      start();
      stamp(at, at);
      end();
    } else if (to) {
      const from = at;
      move([to.top, to.left]);
      if (event.shiftKey) {
        start();
        stamp(from, at);
        end();
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    if (on) {
      const [row = 0, col = 0] = at.map(Math.round);
      const here = erases
        ? t("Erasing at row {row}, column {col}.", { row, col })
        : t("Drawing at row {row}, column {col}.", { row, col });
      announce(stage, `${here} ${said.textContent}`);
    }
  });

  return {
    button,
    bar,
    changed(size) {
      const same = size.join() === extent.join();
      extent = size;
      if (!on || last || (same && shapeNow(handle.now()) === made)) return;
      begin();
      move(at);
    },
  };
}

/** Set the pixels whose centre lies in a disc. */
function disc(pixels: Uint8Array, [rows, columns]: Pair, [y, x]: Pair, r: number, value: 0 | 1) {
  for (let row = Math.max(0, Math.floor(y - r)); row < Math.min(rows, y + r); row++) {
    for (let col = Math.max(0, Math.floor(x - r)); col < Math.min(columns, x + r); col++) {
      if (Math.hypot(row + 0.5 - y, col + 0.5 - x) <= r) pixels[row * columns + col] = value;
    }
  }
}
