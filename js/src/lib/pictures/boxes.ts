/** Rectangles of pixels: `Box` in zfwidgets/records/layers.py. */

import type { Box, Field, Pair } from "../wire/protocol";

/** The part inside an image. */
export function clip(box: Box, rows: number, columns: number): Box {
  const within = (value: number, end: number) => Math.min(Math.max(value, 0), end);
  const [top, left] = [within(box.top, rows), within(box.left, columns)];
  const bottom = Math.max(within(box.top + box.height, rows), top);
  const right = Math.max(within(box.left + box.width, columns), left);
  return { top, left, height: bottom - top, width: right - left };
}

/** The box moved into an image, and cut if it is larger. */
export function inside(box: Box, [rows, columns]: Pair): Box {
  const [height, width] = [Math.min(box.height, rows), Math.min(box.width, columns)];
  const top = Math.min(Math.max(box.top, 0), rows - height);
  const left = Math.min(Math.max(box.left, 0), columns - width);
  return { top, left, height, width };
}

/** The square of `side` pixels in the middle of a box, cut to it. */
export function middleOf(box: Box, side: number): Box {
  const [height, width] = [Math.min(side, box.height), Math.min(side, box.width)];
  const top = box.top + Math.floor((box.height - height) / 2);
  const left = box.left + Math.floor((box.width - width) / 2);
  return { top, left, height, width };
}

/** The square of `side` pixels around a unit's middle: `focus_box` in zfwidgets/records/focus.py. */
export function focusBox({ reach, ...field }: Field, unit: Pair, side: number, extent: Pair): Box {
  if (reach === "global") return { top: 0, left: 0, height: extent[0], width: extent[1] };
  const start = (axis: 0 | 1) => unit[axis] * field.stride[axis] + field.offset[axis];
  const [height, width] = field.size;
  // Also of a field larger than the image, whose box is the image: the unit's middle counts.
  return inside(middleOf({ top: start(0), left: start(1), height, width }, side), extent);
}

/** A box as seen from the top left of another. */
export function within(box: Box, other: Box): Box {
  return { ...box, top: box.top - other.top, left: box.left - other.left };
}

/** Where a pointer is on a picture of this extent, in pixels: (row, column). */
export function pointed(event: MouseEvent, picture: Element, [rows, columns]: Pair): Pair {
  const { top, left, height, width } = picture.getBoundingClientRect();
  return [
    ((event.clientY - top) / (height || 1)) * rows,
    ((event.clientX - left) / (width || 1)) * columns,
  ];
}

/** Lay an element over a picture of this extent, where the box is. */
export function place(element: HTMLElement, box: Box, [rows, columns]: Pair): void {
  element.style.top = `${(box.top / rows) * 100}%`;
  element.style.left = `${(box.left / columns) * 100}%`;
  element.style.height = `${(box.height / rows) * 100}%`;
  element.style.width = `${(box.width / columns) * 100}%`;
}
