/** The geometry of an occlusion map, and its cells while it comes in coarse to fine. */

import type { Picture } from "../pictures/canvas";
import { categoryColour, type Lut, lutIndex, type Rgb, type Rgba } from "../pictures/colour";
import type { Box, Pair } from "../wire/protocol";

export function pair(value: number | Pair): Pair {
  return typeof value === "number" ? [value, value] : value;
}

/** The occluder centred on a cell, unclipped: `occluder_box` in zfwidgets/records/occlusion.py. */
export function occluderBox(row: number, col: number, size: Pair, stride: Pair): Box {
  const centre = (cell: number, axis: 0 | 1) =>
    cell * stride[axis] + Math.floor(stride[axis] / 2) - Math.floor(size[axis] / 2);
  return { top: centre(row, 0), left: centre(col, 1), height: size[0], width: size[1] };
}

/** The cell whose block holds an input pixel. */
export function cellAt(row: number, col: number, stride: Pair, grid: Pair): Pair {
  const cell = (value: number, axis: 0 | 1) =>
    Math.min(Math.max(Math.floor(value / stride[axis]), 0), grid[axis] - 1);
  return [cell(row, 0), cell(col, 1)];
}

/**
 * For each cell the index of the nearest done one (itself when done), -1 when none is.
 *
 * Nearest in rows and columns, whichever differs more: waves spread from all done cells at once.
 */
export function nearestDone(done: readonly boolean[], rows: number, columns: number): Int32Array {
  const nearest = new Int32Array(rows * columns).fill(-1);
  const queue: number[] = [];
  done.forEach((is, i) => {
    if (!is) return;
    nearest[i] = i;
    queue.push(i);
  });
  for (let head = 0; head < queue.length; head++) {
    const cell = queue[head] as number;
    const [row, col] = [Math.floor(cell / columns), cell % columns];
    for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, rows - 1); r++) {
      for (let c = Math.max(col - 1, 0); c <= Math.min(col + 1, columns - 1); c++) {
        const next = r * columns + c;
        if (nearest[next] !== -1) continue;
        nearest[next] = nearest[cell] as number;
        queue.push(next);
      }
    }
  }
  return nearest;
}

/** Opacity of a cell that borrows its neighbour's value until its own is computed. */
export const PROVISIONAL = 0.5;

function paintCells(
  done: readonly boolean[],
  grid: Pair,
  colour: (cell: number) => Rgb | Uint8ClampedArray,
): Picture {
  const [rows, columns] = grid;
  const rgba = new Uint8ClampedArray(rows * columns * 4);
  nearestDone(done, rows, columns).forEach((from, i) => {
    if (from === -1) return;
    const [red, green, blue, alpha = 255] = colour(from) as Rgb | Rgba;
    rgba.set([red, green, blue, from === i ? alpha : alpha * PROVISIONAL], i * 4);
  });
  return { rows, columns, rgba };
}

/** Values through a colour map; NaN means not done. */
export function paintValues(
  values: Float32Array,
  grid: Pair,
  lut: Lut,
  [low, high]: readonly [number, number],
): Picture {
  const done = Array.from(values, (value) => !Number.isNaN(value));
  return paintCells(done, grid, (cell) => {
    const at = lutIndex(values[cell] as number, low, high) * 4;
    return lut.subarray(at, at + 4);
  });
}

/** A label, how many cells it wins, and its colour. */
interface LabelColour {
  label: number;
  cells: number;
  colour: Rgb;
}

/** The labels by how many of the done cells they win, most first. */
export function labelColours(labels: Int32Array): LabelColour[] {
  const counts = new Map<number, number>();
  for (const label of labels) {
    if (label < 0) continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .map(([label, n], i) => ({ label, cells: n, colour: categoryColour(i) }));
}

/** Labels in their categories' colours; -1 means not done. */
export function paintLabels(labels: Int32Array, grid: Pair): Picture {
  const colours = new Map(labelColours(labels).map(({ label, colour }) => [label, colour]));
  const done = Array.from(labels, (label) => label >= 0);
  return paintCells(done, grid, (cell) => colours.get(labels[cell] as number) as Rgb);
}

/** Smallest and largest of the finite values. */
export function range(values: Float32Array): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}
