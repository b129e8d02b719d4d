/** What is done to areas of maps, place by place. */

import type { Add, Area, Floats, Shape } from "./program";

/** Visit the lines of an area of a map in all channels: a call for each place takes longer. */
export function lines(
  [channels, rows, columns]: readonly [number, number, number],
  area: Area,
  visit: (start: number, end: number, channel: number) => void,
): void {
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const line = (channel * rows + row) * columns;
      visit(line + area.left, line + area.right, channel);
    }
  }
}

/** Visit the places of an area of a map in all channels. */
export function each(
  [channels, rows, columns]: Shape,
  area: Area,
  visit: (at: number, channel: number, row: number, column: number) => void,
): void {
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const line = (channel * rows + row) * columns;
      for (let column = area.left; column < area.right; column++) {
        visit(line + column, channel, row, column);
      }
    }
  }
}

/** Numbers side by side from which the browser's own copy is quicker than one by one. */
const MANY = 192;

/** Copy numbers that lie side by side. */
export function copyLine(
  from: Float32Array,
  start: number,
  to: Float32Array,
  at: number,
  count: number,
): void {
  if (count >= MANY) to.set(from.subarray(start, start + count), at);
  else for (let n = 0; n < count; n++) to[at + n] = from[start + n] as number;
}

/** Copy an area of all channels, from an offset to another. */
export function copy(
  from: Floats,
  start: number,
  to: Floats,
  offset: number,
  [channels, rows, columns]: readonly [number, number, number],
  area: Area,
): void {
  const width = area.right - area.left;
  const lines = width === columns; // they lie one behind the other
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const at = (channel * rows + row) * columns + area.left;
      copyLine(from, start + at, to, offset + at, lines ? (area.bottom - row) * width : width);
      if (lines) break;
    }
  }
}

export function add({ factors, shape }: Add, x: Floats, y: Floats, out: Floats, area: Area): void {
  const [one, other] = factors;
  lines(shape, area, (start, end) => {
    for (let at = start; at < end; at++)
      out[at] = (x[at] as number) * one + (y[at] as number) * other;
  });
}

export function pad(
  [top, left]: readonly [number, number],
  value: number,
  x: Floats,
  [, high, wide]: Shape,
  out: Floats,
  shape: Shape,
  area: Area,
): void {
  each(shape, area, (at, channel, row, column) => {
    const [y, c] = [row - top, column - left];
    const inside = y >= 0 && c >= 0 && y < high && c < wide;
    out[at] = inside ? (x[(channel * high + y) * wide + c] as number) : value;
  });
}

export function softmax(x: Floats, out: Floats): void {
  const most = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (const value of x) sum += Math.exp(value - most);
  x.forEach((value, i) => {
    out[i] = Math.exp(value - most) / sum;
  });
}

/** The largest magnitude in an area. */
export function largest(x: Floats, [channels, rows, columns]: Shape, area: Area): number {
  let most = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const line = (channel * rows + row) * columns;
      for (let column = area.left; column < area.right; column++) {
        const size = Math.abs(x[line + column] as number);
        if (size > most) most = size;
        else if (Number.isNaN(size)) return size;
      }
    }
  }
  return most;
}
