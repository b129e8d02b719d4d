/** A mask drawn by hand: 16 x 16 cells of the occluder's box, on the wire 64 hex digits. */

import type { Box, Pair } from "../wire/protocol";

export const SIDE = 16;

/** Which cells are covered, row by row; null covers all. */
export function cells(mask: string | null): boolean[] {
  if (mask === null) return new Array(SIDE * SIDE).fill(true);
  return [...mask].flatMap((digit) => {
    const bits = Number.parseInt(digit, 16);
    return [8, 4, 2, 1].map((bit) => (bits & bit) !== 0);
  });
}

/** The mask of these cells: null when all are covered. */
export function encode(covered: readonly boolean[]): string | null {
  if (covered.every(Boolean)) return null;
  let text = "";
  for (let i = 0; i < covered.length; i += 4) {
    const bits = [8, 4, 2, 1].filter((_, j) => covered[i + j]);
    text += bits.reduce((a, b) => a + b, 0).toString(16);
  }
  return text;
}

/** The largest ellipse in the box. */
export function ellipse(): boolean[] {
  const middle = (SIDE - 1) / 2;
  return Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, col] = [Math.floor(i / SIDE) - middle, (i % SIDE) - middle];
    return row * row + col * col <= (SIDE / 2) ** 2;
  });
}

/** CSS `clip-path` of a mask: one rectangle a run of cells, all in one path. */
export function clipPath(mask: string | null): string {
  if (mask === null) return "none";
  const covered = cells(mask);
  const at = (n: number) => `${(n / SIDE) * 100}%`;
  const points: string[] = ["0 0"];
  for (let row = 0; row < SIDE; row++) {
    for (let col = 0; col < SIDE; col++) {
      if (!covered[row * SIDE + col]) continue;
      const start = col;
      while (col + 1 < SIDE && covered[row * SIDE + col + 1]) col += 1;
      const [left, right] = [at(start), at(col + 1)];
      const [top, bottom] = [at(row), at(row + 1)];
      // Back to where all runs start: what is walked twice covers nothing.
      const corners = [left, top, right, top, right, bottom, left, bottom, left, top];
      for (let i = 0; i < corners.length; i += 2) points.push(`${corners[i]} ${corners[i + 1]}`);
      points.push("0 0");
    }
  }
  return `polygon(${points.join(",")})`;
}

/** The cell along one side in which the centre of a pixel lies. */
const cellOf = (pixel: number, length: number) => Math.floor(((pixel + 0.5) * SIDE) / length);

/** Which pixels of a photo a box with a mask covers, row by row. */
export function coveredPixels(box: Box, mask: string | null, [rows, columns]: Pair): Uint8Array {
  const covered = cells(mask);
  const pixels = new Uint8Array(rows * columns);
  for (let row = Math.max(box.top, 0); row < Math.min(box.top + box.height, rows); row++) {
    const down = cellOf(row - box.top, box.height) * SIDE;
    for (let col = Math.max(box.left, 0); col < Math.min(box.left + box.width, columns); col++) {
      if (covered[down + cellOf(col - box.left, box.width)]) pixels[row * columns + col] = 1;
    }
  }
  return pixels;
}

/**
 * The box around what is drawn on a photo, `smallest` pixels high and wide at least, and its mask:
 * of each cell what most of its pixels are. Null where nothing is drawn.
 */
export function shapeOf(
  drawn: Uint8Array,
  [rows, columns]: Pair,
  smallest: number,
): (Box & { mask: string | null }) | null {
  let [top, left, bottom, right] = [rows, columns, -1, -1];
  drawn.forEach((is, i) => {
    if (!is) return;
    const [row, col] = [Math.floor(i / columns), i % columns];
    [top, left] = [Math.min(top, row), Math.min(left, col)];
    [bottom, right] = [Math.max(bottom, row), Math.max(right, col)];
  });
  if (bottom < 0) return null;
  const span = (first: number, last: number, most: number): [number, number] => {
    const length = Math.min(Math.max(last - first + 1, smallest), most);
    const middle = Math.floor((first + last + 1 - length) / 2);
    return [Math.min(Math.max(middle, 0), most - length), length];
  };
  const [y, height] = span(top, bottom, rows);
  const [x, width] = span(left, right, columns);
  const [is, all] = [new Array(SIDE * SIDE).fill(0), new Array(SIDE * SIDE).fill(0)];
  for (let row = 0; row < height; row++) {
    const down = cellOf(row, height) * SIDE;
    for (let col = 0; col < width; col++) {
      const cell = down + cellOf(col, width);
      all[cell] += 1;
      is[cell] += drawn[(y + row) * columns + x + col] ?? 0;
    }
  }
  // A cell of a small box may hold no pixel's centre: it covers nothing, and looks like its pixel.
  const near = (cell: number, length: number) =>
    Math.min(Math.floor(((cell + 0.5) * length) / SIDE), length - 1);
  const covered = all.map((pixels, cell) => {
    if (pixels > 0) return 2 * is[cell] >= pixels;
    const [row, col] = [near(Math.floor(cell / SIDE), height), near(cell % SIDE, width)];
    return drawn[(y + row) * columns + x + col] === 1;
  });
  // So thin that no cell is mostly drawn: better some more than nothing.
  const mask = covered.some(Boolean) ? covered : is.map((pixels) => pixels > 0);
  return { top: y, left: x, height, width, mask: encode(mask) };
}
