/** Pools: of an area upwards, and downwards to where a maximum was, or to all that a mean is of. */

import { type Area, type Floats, type MaxPool, type MeanPool, reads, type Shape } from "./program";

export function maxPool(one: MaxPool, x: Floats, input: Shape, out: Floats, area: Area): void {
  const [channels, rows, columns] = one.shape;
  const [, high, wide] = input;
  const { kernel, stride, padding, dilation } = one;
  const [down, across] = dilation;
  const within = (start: number, step: number) =>
    start < 0 ? start + Math.ceil(-start / step) * step : start;
  for (let channel = 0; channel < channels; channel++) {
    const plane = channel * high * wide;
    for (let row = area.top; row < area.bottom; row++) {
      const top = row * stride[0] - padding[0];
      const [first, bottom] = [within(top, down), Math.min(top + kernel[0] * down, high)];
      for (let column = area.left; column < area.right; column++) {
        const left = column * stride[1] - padding[1];
        const start = plane + (left < 0 ? within(left, across) : left);
        const end = plane + Math.min(left + kernel[1] * across, wide);
        let most = Number.NEGATIVE_INFINITY;
        for (let line = first * wide; line < bottom * wide; line += down * wide) {
          for (let at = start + line; at < end + line; at += across) {
            const value = x[at] as number;
            if (!(value <= most)) most = Number.isNaN(most) ? most : value; // NaN is above all
          }
        }
        out[(channel * rows + row) * columns + column] = most;
      }
    }
  }
}

/**
 * Where a window's maximum is: of equal ones the first, row by row, and NaN is above all, as
 * PyTorch has it. -1 where the window holds nothing.
 */
function switchOf(
  { kernel, stride, padding, dilation }: MaxPool,
  x: Floats,
  [, high, wide]: Shape,
  channel: number,
  row: number,
  column: number,
): number {
  const top = row * stride[0] - padding[0];
  const left = column * stride[1] - padding[1];
  const [bottom, right] = [top + kernel[0] * dilation[0], left + kernel[1] * dilation[1]];
  const [down, across] = dilation;
  const plane = channel * high * wide;
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (
    let y = top < 0 ? top + Math.ceil(-top / down) * down : top;
    y < bottom && y < high;
    y += down
  ) {
    const line = plane + y * wide;
    const from = left < 0 ? left + Math.ceil(-left / across) * across : left;
    for (let c = from; c < right && c < wide; c += across) {
      const value = x[line + c] as number;
      if (value > most || best < 0 || Number.isNaN(value)) {
        best = line + c;
        most = value;
      }
    }
  }
  return best;
}

/** Two values tie if they differ by less than so many roundings of the map's largest one. */
const ROUNDING = 16;
const EPSILON = 2 ** -23;

/** Whether a window holds a value that only rounding keeps below its maximum; equal ones don't count. */
function tied(
  { kernel, stride, padding, dilation }: MaxPool,
  x: Floats,
  [, high, wide]: Shape,
  [channel, row, column]: readonly [number, number, number],
  most: number,
  rounding: number,
): boolean {
  for (let i = 0; i < kernel[0]; i++) {
    const y = row * stride[0] - padding[0] + i * dilation[0];
    if (y < 0 || y >= high) continue;
    for (let j = 0; j < kernel[1]; j++) {
      const c = column * stride[1] - padding[1] + j * dilation[1];
      if (c < 0 || c >= wide) continue;
      const value = x[(channel * high + y) * wide + c] as number;
      if (value !== most && value >= most - rounding) return true;
    }
  }
  return false;
}

/** Put a signal where the maxima were; the area, and the largest magnitude that crossed a near tie. */
export function unpool(
  one: MaxPool,
  x: Floats,
  input: Shape,
  signal: Floats,
  below: Floats,
  area: Area,
): [area: Area, crossing: number] {
  const [channels, rows, columns] = one.shape;
  const reached = reads(one, area, 0, input);
  const rounding = ROUNDING * EPSILON * largest(x, input, reached);
  let crossing = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      for (let column = area.left; column < area.right; column++) {
        const value = signal[(channel * rows + row) * columns + column] as number;
        if (value === 0) continue;
        const at = switchOf(one, x, input, channel, row, column);
        if (at < 0) continue;
        below[at] = (below[at] as number) + value;
        if (Math.abs(value) <= crossing) continue;
        const place = [channel, row, column] as const;
        if (tied(one, x, input, place, x[at] as number, rounding)) crossing = Math.abs(value);
      }
    }
  }
  return [reached, crossing];
}

/** The largest magnitude in an area. */
export function largest(x: Floats, [channels, rows, columns]: Shape, area: Area): number {
  let most = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const line = (channel * rows + row) * columns;
      for (let column = area.left; column < area.right; column++) {
        most = Math.max(most, Math.abs(x[line + column] as number));
      }
    }
  }
  return most;
}

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

/** A mean over windows. */
function means(
  shape: Shape,
  windowOf: WindowOf,
  x: Floats,
  input: Shape,
  out: Floats,
  area: Area,
): void {
  const [channels, rows, columns] = shape;
  const [, high, wide] = input;
  for (let row = area.top; row < area.bottom; row++) {
    for (let column = area.left; column < area.right; column++) {
      const { top, left, bottom, right, divisor } = windowOf(row, column);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let y = top; y < bottom; y++) {
          const line = (channel * high + y) * wide;
          for (let c = left; c < right; c++) sum += x[line + c] as number;
        }
        out[(channel * rows + row) * columns + column] = sum / divisor;
      }
    }
  }
}

function unmean(
  shape: Shape,
  windowOf: WindowOf,
  signal: Floats,
  input: Shape,
  below: Floats,
  area: Area,
): void {
  const [channels, rows, columns] = shape;
  const [, high, wide] = input;
  for (let row = area.top; row < area.bottom; row++) {
    for (let column = area.left; column < area.right; column++) {
      const { top, left, bottom, right, divisor } = windowOf(row, column);
      for (let channel = 0; channel < channels; channel++) {
        const share = (signal[(channel * rows + row) * columns + column] as number) / divisor;
        if (share === 0) continue;
        for (let y = top; y < bottom; y++) {
          const line = (channel * high + y) * wide;
          for (let c = left; c < right; c++) below[line + c] = (below[line + c] as number) + share;
        }
      }
    }
  }
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

/** Windows that share a map among `rows` x `columns`, as PyTorch's adaptive pools do. */
function shared([, rows, columns]: Shape, [, high, wide]: Shape): WindowOf {
  return (row, column) => {
    const top = Math.floor((row * high) / rows);
    const bottom = Math.ceil(((row + 1) * high) / rows);
    const left = Math.floor((column * wide) / columns);
    const right = Math.ceil(((column + 1) * wide) / columns);
    return { top, left, bottom, right, divisor: (bottom - top) * (right - left) };
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
