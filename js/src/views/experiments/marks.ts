/** Boxes that are marked on photos, by part and photo, as the kernel keeps them. */

import type { Box, Pair } from "../../lib/wire/protocol";

/** top, left, height, width, in input pixels. */
export type Numbers = [number, number, number, number];

/** By part, by the photo's place. */
export type Marks = Readonly<Record<string, Readonly<Record<string, Numbers>>>>;

/** What is marked, as its widget has it. */
export interface Marking {
  /** Name of the photos' wall. */
  wall: string;
  label: string;
  note: string;
  /** CSS pixels of a photo's longer side, at most. */
  size: number;
  /** Rows and columns of the network's input. */
  extent: Pair;
  parts: readonly string[];
  /** The one that is marked now. */
  part: string;
  boxes: Marks;
}

/** Fewer pixels along an axis are nothing to draw. */
export const SMALLEST = 2;

export function boxOf(marks: Marks, part: string, photo: number): Box | null {
  const numbers = marks[part]?.[photo];
  if (!numbers) return null;
  const [top, left, height, width] = numbers;
  return { top, left, height, width };
}

/** The marks with another box; null takes it away. */
export function withBox(marks: Marks, part: string, photo: number, box: Box | null): Marks {
  const { [photo]: _, ...others } = marks[part] ?? {};
  if (!box) return { ...marks, [part]: others };
  return { ...marks, [part]: { ...others, [photo]: [box.top, box.left, box.height, box.width] } };
}

/** How many photos a part is marked in. */
export function count(marks: Marks, part: string): number {
  return Object.keys(marks[part] ?? {}).length;
}

/** The nearest box of whole pixels that lies in the photo. */
export function inside(box: Box, [rows, columns]: Pair): Box {
  const [top, height] = along(box.top, box.height, rows);
  const [left, width] = along(box.left, box.width, columns);
  return { top, left, height, width };
}

/** The box between two pixels of the photo, in whichever order they were drawn. */
export function between([row, col]: Pair, [toRow, toCol]: Pair, extent: Pair): Box {
  const clip = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most);
  const rows = [clip(row, extent[0]), clip(toRow, extent[0])].sort((a, b) => a - b);
  const cols = [clip(col, extent[1]), clip(toCol, extent[1])].sort((a, b) => a - b);
  const [top = 0, bottom = 0] = rows;
  const [left = 0, right = 0] = cols;
  return inside({ top, left, height: bottom - top, width: right - left }, extent);
}

/** What a click makes: a box of a seventh of the shorter side about a pixel. */
export function about([row, col]: Pair, extent: Pair): Box {
  const size = Math.max(SMALLEST, Math.round(Math.min(...extent) / 7));
  return inside({ top: row - size / 2, left: col - size / 2, height: size, width: size }, extent);
}

function along(start: number, length: number, extent: number): Pair {
  const long = Math.min(Math.max(Math.round(length), Math.min(SMALLEST, extent)), extent);
  return [Math.min(Math.max(Math.round(start), 0), extent - long), long];
}
