/** Max-pools: of an area upwards, and downwards to where a maximum was. */

import type { Pair } from "../../../../lib/wire/protocol";
import { copyLine, largest } from "../maps";
import type { Matrices } from "../matrices";
import {
  type AdaptiveMax,
  type Area,
  type Floats,
  isEmpty,
  type MaxPool,
  reads,
  type Shape,
} from "../program";
import { COLUMNS, type Room } from "./convolution";
import { sharedWindow } from "./pools";

/** A pool's window on a map: the part of it that lies within. */
class Window {
  private top = 0;
  private bottom = 0;
  private left = 0;
  private right = 0;
  private readonly dilation: Pair;

  constructor(
    private readonly one: MaxPool | AdaptiveMax,
    private readonly x: Floats,
    private readonly input: Shape,
  ) {
    this.dilation = one.op === "max_pool" ? one.dilation : [1, 1];
  }

  moveTo(row: number, column: number): void {
    const { one, input } = this;
    if (one.op === "adaptive_max") {
      Object.assign(this, sharedWindow(one.shape, input, row, column));
      return;
    }
    const { kernel, stride, padding, dilation } = one;
    const [down, across] = dilation;
    const top = row * stride[0] - padding[0];
    const left = column * stride[1] - padding[1];
    this.top = top < 0 ? top + Math.ceil(-top / down) * down : top;
    this.left = left < 0 ? left + Math.ceil(-left / across) * across : left;
    this.bottom = Math.min(top + kernel[0] * down, this.input[1]);
    this.right = Math.min(left + kernel[1] * across, this.input[2]);
  }

  /** The largest of a channel, NaN above all. */
  largest(channel: number): number {
    const { x, input, left, right } = this;
    const [down, across] = this.dilation;
    let most = Number.NEGATIVE_INFINITY;
    for (let y = this.top; y < this.bottom; y += down) {
      const line = (channel * input[1] + y) * input[2];
      for (let at = line + left; at < line + right; at += across) {
        const value = x[at] as number;
        if (!(value <= most)) most = Number.isNaN(most) ? most : value;
      }
    }
    return most;
  }

  /**
   * Where a channel's largest is: of equal ones the first, row by row, of NaN the last, as PyTorch
   * has it. -1 where the window holds nothing.
   */
  switch(channel: number, largest: number): number {
    const { x, input, left, right } = this;
    const [down, across] = this.dilation;
    const none = Number.isNaN(largest);
    let last = -1;
    for (let y = this.top; y < this.bottom; y += down) {
      const line = (channel * input[1] + y) * input[2];
      for (let at = line + left; at < line + right; at += across) {
        if (x[at] === largest) return at;
        if (none && Number.isNaN(x[at])) last = at;
      }
    }
    return last;
  }

  /** Whether a channel has a value that only rounding keeps below its largest; equal ones don't count. */
  isTied(channel: number, largest: number, rounding: number): boolean {
    const { x, input, left, right } = this;
    const [down, across] = this.dilation;
    for (let y = this.top; y < this.bottom; y += down) {
      const line = (channel * input[1] + y) * input[2];
      for (let at = line + left; at < line + right; at += across) {
        const value = x[at] as number;
        if (value !== largest && value >= largest - rounding) return true;
      }
    }
    return false;
  }
}

/** Two values tie if they differ by less than so many roundings of the map's largest one. */
const ROUNDING = 16;
const EPSILON = 2 ** -23;

/** The places of an axis whose windows lie within the map. */
function withoutBorder(one: MaxPool, axis: 0 | 1, start: number, end: number, length: number) {
  const reach = (one.kernel[axis] - 1) * one.dilation[axis];
  const first = Math.ceil(one.padding[axis] / one.stride[axis]);
  const last = Math.floor((length - 1 - reach + one.padding[axis]) / one.stride[axis]);
  return [Math.max(start, first), Math.min(end, last + 1)] as const;
}

export class MaxPools {
  constructor(private readonly bench: { matrices: Matrices; room: Room }) {}

  /** Fills an area of `out` from `x`, both whole maps. */
  fill(one: MaxPool | AdaptiveMax, x: Floats, input: Shape, out: Floats, area: Area): void {
    const [channels, rows, columns] = one.shape;
    const done = one.op === "max_pool" ? this.within(one, x, input, out, area) : null;
    const window = new Window(one, x, input);
    for (let row = area.top; row < area.bottom; row++) {
      const some = done && row >= done.top && row < done.bottom;
      for (let column = area.left; column < area.right; column++) {
        if (some && column === done.left) column = done.right;
        if (column >= area.right) break;
        window.moveTo(row, column);
        for (let channel = 0; channel < channels; channel++) {
          out[(channel * rows + row) * columns + column] = window.largest(channel);
        }
      }
    }
  }

  /** Fill what lies within the map, if that is worth it; the area, or null. */
  private within(one: MaxPool, x: Floats, input: Shape, out: Floats, area: Area): Area | null {
    const [channels, , columns] = one.shape;
    const [, high, wide] = input;
    const [top, bottom] = withoutBorder(one, 0, area.top, area.bottom, high);
    const [left, right] = withoutBorder(one, 1, area.left, area.right, wide);
    const inner = { top, left, bottom, right };
    // A few columns of wide maps are quicker one by one.
    if (isEmpty(inner) || 4 * (right - left) < columns) return null;
    const atOnce = this.channelsAtOnce(one, input, top, bottom);
    if (atOnce < 1) return null;
    for (let first = 0; first < channels; first += atOnce) {
      this.together(one, x, input, out, [first, Math.min(first + atOnce, channels)], inner);
    }
    return inner;
  }

  /** How many channels there is room for. */
  private channelsAtOnce(one: MaxPool, [, , wide]: Shape, top: number, bottom: number): number {
    const lines = (bottom - top - 1) * one.stride[0] + (one.kernel[0] - 1) * one.dilation[0] + 1;
    const more = (one.kernel[1] - 1) * one.dilation[1] + 4;
    return Math.floor((COLUMNS - more) / (lines * wide));
  }

  /** Windows that lie within the map: the largest along each axis, of all places at once. */
  private together(
    one: MaxPool,
    x: Floats,
    [, high, wide]: Shape,
    out: Floats,
    [first, last]: readonly [number, number],
    { top, left, bottom, right }: Area,
  ): void {
    const { matrices, room } = this.bench;
    const { floats } = matrices;
    const [, rows, columns] = one.shape;
    const [down, across] = one.stride;
    const start = top * down - one.padding[0];
    const lines = (bottom - top - 1) * down + (one.kernel[0] - 1) * one.dilation[0] + 1;
    const plane = lines * wide;
    for (let channel = first; channel < last; channel++) {
      const from = (channel * high + start) * wide;
      copyLine(x, from, floats, room.columns + (channel - first) * plane, plane);
    }
    const count = (last - first) * plane;
    this.along(room.columns, room.products, one.dilation[1], one.kernel[1], count);
    this.along(room.products, room.columns, one.dilation[0] * wide, one.kernel[0], count);
    for (let channel = first; channel < last; channel++) {
      for (let row = top; row < bottom; row++) {
        const to = (channel * rows + row) * columns;
        const line = room.columns + (channel - first) * plane + (row - top) * down * wide;
        let from = line + left * across - one.padding[1];
        for (let column = left; column < right; column++) {
          out[to + column] = floats[from] as number;
          from += across;
        }
      }
    }
  }

  /** The largest of so many numbers a distance apart, for each; what lies behind the last is read too. */
  private along(from: number, to: number, distance: number, taps: number, count: number): void {
    const { matrices } = this.bench;
    matrices.largest(to, from, taps > 1 ? from + distance : from, count);
    for (let tap = 2; tap < taps; tap++) matrices.largest(to, to, from + tap * distance, count);
  }
}

/**
 * Put a signal where the maxima were; the area, and the largest magnitude that crossed a near tie:
 * null where that isn't told, as the engine doesn't of windows that aren't all of one size.
 */
export function unpool(
  one: MaxPool | AdaptiveMax,
  x: Floats,
  own: Floats,
  input: Shape,
  signal: Floats,
  below: Floats,
  area: Area,
): [area: Area, crossing: number | null] {
  const [channels, rows, columns] = one.shape;
  const reached = reads(one, area, 0, input);
  const rounding = ROUNDING * EPSILON * largest(x, input, reached);
  let crossing = 0;
  const window = new Window(one, x, input);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      for (let column = area.left; column < area.right; column++) {
        const place = (channel * rows + row) * columns + column;
        const value = signal[place] as number;
        if (value === 0) continue;
        const most = own[place] as number;
        window.moveTo(row, column);
        const at = window.switch(channel, most);
        if (at < 0) continue;
        below[at] = (below[at] as number) + value;
        if (Math.abs(value) <= crossing) continue;
        if (window.isTied(channel, most, rounding)) crossing = Math.abs(value);
      }
    }
  }
  return [reached, one.op === "max_pool" ? crossing : null];
}
