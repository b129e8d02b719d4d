/** The occluder over the photo: moved and resized by pointer and keys. */

import { t } from "../../lib/language/translate";
import { baselineText } from "../../lib/occlusion/baselines";
import { clipPath } from "../../lib/occlusion/mask";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import { place, pointed } from "../../lib/pictures/boxes";
import type { Box, Occluder, Pair } from "../../lib/wire/protocol";

export const SMALLEST = 4;
/** A pointer that moves less, in CSS pixels, has clicked. */
const CLICK_PX = 4;

/** The nearest box whose centre is in the image; at a border the image cuts the occluder. */
export function keepInside(box: Box, [rows, columns]: Pair): Box {
  const height = clamp(Math.round(box.height), SMALLEST, rows);
  const width = clamp(Math.round(box.width), SMALLEST, columns);
  const half: Pair = [Math.floor(height / 2), Math.floor(width / 2)];
  const top = clamp(Math.round(box.top), -half[0], rows - 1 - half[0]);
  const left = clamp(Math.round(box.left), -half[1], columns - 1 - half[1]);
  return { top, left, height, width };
}

/** The same centre, another size. */
export function resized(box: Box, height: number, width: number): Box {
  const top = box.top + Math.floor(box.height / 2) - Math.floor(height / 2);
  const left = box.left + Math.floor(box.width / 2) - Math.floor(width / 2);
  return { top, left, height, width };
}

/** Where a key takes the box: arrows move by `step`, with Shift they change the size. */
export function keyed(box: Box, key: string, shift: boolean, step: number): Box | null {
  const move: Record<string, Pair> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  const direction = move[key];
  if (!direction) return null;
  const [down, right] = direction;
  return shift
    ? {
        ...box,
        height: Math.max(box.height + down * step, SMALLEST),
        width: Math.max(box.width + right * step, SMALLEST),
      }
    : { ...box, top: box.top + down * step, left: box.left + right * step };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

export interface OccluderHandle {
  element: HTMLElement;
  /** Show the selection's occluder on an image of this extent. */
  show(extent: Pair): void; // hidden when there is none: a click on the photo makes one
  /** The selection's occluder, or the one that a click would make. */
  now(): Occluder;
  /** Put the box somewhere, inside the image. */
  put(box: Box): void;
  change(values: Partial<Occluder>): void;
  dragging(): boolean;
}

export function defaultOccluder([rows, columns]: Pair): Occluder {
  const size = Math.max(SMALLEST, Math.round(Math.min(rows, columns) / 7));
  const [top, left] = [(rows - size) >> 1, (columns - size) >> 1];
  return { top, left, height: size, width: size, baseline: "grey", mask: null, extra_boxes: [] };
}

/**
 * `stage` is the element that the photo baselines; `step` the current stride; `clicked` is told where
 * the photo was clicked, in input pixels.
 */
export function occluderHandle(
  stage: HTMLElement,
  selection: SelectionStore,
  step: () => number,
  clicked: (row: number, col: number) => void,
  signal: AbortSignal,
): OccluderHandle {
  const cover = h("div", { class: "zf-cover-shape" });
  const held = h("div", { class: "zf-held-all", "aria-hidden": "true" });
  const corner = h("span", { class: "zf-corner", "aria-hidden": "true" });
  const element = h(
    "div",
    {
      class: "zf-occluder",
      role: "group",
      tabindex: 0,
      "aria-roledescription": "movable rectangle",
      hidden: true,
    },
    cover,
    corner,
  );
  stage.append(held, element);
  let extent: Pair = [1, 1];
  let drag: { start: Box; row: number; col: number; sizing: boolean; still: boolean } | null = null;

  const now = (): Occluder => ({ ...defaultOccluder(extent), ...selection.get("occluder") });
  const change = (values: Partial<Occluder>) => {
    const next = { ...now(), ...values };
    selection.set("occluder", { ...next, ...keepInside(next, extent) });
  };
  const write = (box: Box) => change(box);
  let from: Pair = [0, 0];

  stage.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      const [row, col] = pointed(event, stage, extent);
      const inside = event.composedPath().includes(element);
      if (!inside) {
        const { height, width } = now();
        write({ top: row - height / 2, left: col - width / 2, height, width });
      }
      drag = { start: now(), row, col, sizing: event.target === corner, still: !inside };
      from = [event.clientX, event.clientY];
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("zf-dragging");
      element.focus({ preventScroll: true });
      event.preventDefault();
    },
    { signal },
  );
  stage.addEventListener(
    "pointermove",
    (event) => {
      if (!drag) return;
      if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) >= CLICK_PX) {
        drag.still = false;
      }
      if (drag.still) return;
      const [row, col] = pointed(event, stage, extent);
      const [down, right] = [row - drag.row, col - drag.col];
      const { top, left, height, width } = drag.start;
      write(
        drag.sizing
          ? {
              top,
              left,
              height: Math.max(height + down, SMALLEST),
              width: Math.max(width + right, SMALLEST),
            }
          : { top: top + down, left: left + right, height, width },
      );
    },
    { signal },
  );
  const drop = () => {
    if (!drag) return;
    const { still, row, col } = drag;
    drag = null;
    stage.classList.remove("zf-dragging");
    if (still) clicked(row, col);
    announce(element, label(now()));
  };
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(end, drop, { signal });
  }
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const box = keyed(now(), event.key, event.shiftKey, step());
    if (!box) return;
    event.preventDefault();
    event.stopPropagation();
    write(box);
    announce(element, label(now()));
  });

  return {
    element,
    show(size) {
      extent = size;
      const occluder = selection.get("occluder");
      element.hidden = held.hidden = occluder === null;
      if (!occluder) return;
      const { baseline, mask, extra_boxes } = now();
      stage.dataset.baseline = baseline === "grey" ? "grey" : "other";
      element.title = t("Covered with: {name}", { name: baselineText(baseline).name });
      element.setAttribute("aria-label", label(occluder));
      cover.style.clipPath = clipPath(mask);
      place(element, occluder, extent);
      held.replaceChildren(
        ...extra_boxes.map((box) => {
          const one = h("div", { class: "zf-held zf-cover-shape" });
          place(one, box, extent);
          return one;
        }),
      );
    },
    now,
    put: (box) => write(box),
    change,
    dragging: () => drag !== null,
  };
}

function label({ top, left, height, width }: Box): string {
  return t(
    "Occluder of {height} by {width} pixels at row {row}, column {col}. Arrow keys move it, with Shift they resize it.",
    { height, width, row: top, col: left },
  );
}
