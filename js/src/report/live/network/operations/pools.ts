/** Means over windows, and downwards to all that a mean is of. */

import { type Area, type Floats, type MeanPool, reads, type Shape } from "../program";

interface Window {
  top: number;
  left: number;
  bottom: number;
  right: number;
  divisor: number;
}

function meanWindow(one: MeanPool, [, high, wide]: Shape, row: number, column: number): Window {
  const { kernel, stride, padding, padding_counts, divisor } = one;
  const top = row * stride[0] - padding[0];
  const left = column * stride[1] - padding[1];
  const bottom = Math.min(top + kernel[0], high + padding[0]);
  const right = Math.min(left + kernel[1], wide + padding[1]);
  const [first, last] = [Math.max(top, 0), Math.min(bottom, high)];
  const [start, end] = [Math.max(left, 0), Math.min(right, wide)];
  const counted = padding_counts ? (bottom - top) * (right - left) : (last - first) * (end - start);
  return { top: first, left: start, bottom: last, right: end, divisor: divisor || counted };
}

type WindowOf = (row: number, column: number) => Window;

/** Visit the windows of an area in all channels: of each the place of its mean, and its lines. */
function windows(
  shape: Shape,
  windowOf: WindowOf,
  [, high, wide]: Shape,
  area: Area,
  visit: (at: number, window: Window, lines: readonly number[]) => void,
): void {
  const [channels, rows, columns] = shape;
  for (let row = area.top; row < area.bottom; row++) {
    for (let column = area.left; column < area.right; column++) {
      const window = windowOf(row, column);
      for (let channel = 0; channel < channels; channel++) {
        const lines = [];
        for (let y = window.top; y < window.bottom; y++) lines.push((channel * high + y) * wide);
        visit((channel * rows + row) * columns + column, window, lines);
      }
    }
  }
}

/** A mean over windows. */
function means(
  shape: Shape,
  windowOf: WindowOf,
  x: Floats,
  input: Shape,
  out: Floats,
  area: Area,
): void {
  windows(shape, windowOf, input, area, (at, { left, right, divisor }, lines) => {
    let sum = 0;
    for (const line of lines) for (let c = left; c < right; c++) sum += x[line + c] as number;
    out[at] = sum / divisor;
  });
}

function unmean(
  shape: Shape,
  windowOf: WindowOf,
  signal: Floats,
  input: Shape,
  below: Floats,
  area: Area,
): void {
  windows(shape, windowOf, input, area, (at, { left, right, divisor }, lines) => {
    const share = (signal[at] as number) / divisor;
    if (share === 0) return;
    for (const line of lines) {
      for (let c = left; c < right; c++) below[line + c] = (below[line + c] as number) + share;
    }
  });
}

export function meanPool(one: MeanPool, x: Floats, input: Shape, out: Floats, area: Area): void {
  means(one.shape, (row, column) => meanWindow(one, input, row, column), x, input, out, area);
}

export function unmeanPool(
  one: MeanPool,
  input: Shape,
  signal: Floats,
  below: Floats,
  area: Area,
): Area {
  unmean(
    one.shape,
    (row, column) => meanWindow(one, input, row, column),
    signal,
    input,
    below,
    area,
  );
  return reads(one, area, 0, input);
}

/** One of `rows` x `columns` windows that share a map, as PyTorch's adaptive pools have them. */
export function sharedWindow(
  [, rows, columns]: Shape,
  [, high, wide]: Shape,
  row: number,
  column: number,
) {
  return {
    top: Math.floor((row * high) / rows),
    bottom: Math.ceil(((row + 1) * high) / rows),
    left: Math.floor((column * wide) / columns),
    right: Math.ceil(((column + 1) * wide) / columns),
  };
}

function shared(shape: Shape, input: Shape): WindowOf {
  return (row, column) => {
    const window = sharedWindow(shape, input, row, column);
    const { top, left, bottom, right } = window;
    return { ...window, divisor: (bottom - top) * (right - left) };
  };
}

export function adaptiveMean(shape: Shape, x: Floats, input: Shape, out: Floats, area: Area): void {
  means(shape, shared(shape, input), x, input, out, area);
}

export function unadaptiveMean(
  shape: Shape,
  input: Shape,
  signal: Floats,
  below: Floats,
  area: Area,
): void {
  unmean(shape, shared(shape, input), signal, input, below, area);
}
