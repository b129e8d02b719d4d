/** Filtering an area of a map, and the way down through the transposed filters. */

import type { Matrices } from "./matrices";
import { type Area, type Convolution, type Floats, isEmpty, reads, type Shape } from "./program";
import { LANES, ROWS } from "./wasm";

/** Numbers of columns, and of products, that are at hand at once: what caches hold. */
const COLUMNS = 1 << 17;
const PRODUCTS = 1 << 18;

interface Room {
  columns: number;
  products: number;
}

/** Filters as blocks of `ROWS` rows, `depth` columns each. */
interface Blocks {
  start: number;
  blocks: number;
  depth: number;
}

export class Filters {
  private readonly up: Blocks[] = [];
  private readonly down: Blocks[] = [];
  private readonly taps: number;
  private readonly inside: number;
  private readonly outside: number;
  /** Whether each channel has a filter of its own: no matrix product. */
  private readonly apart: boolean;

  constructor(
    private readonly matrices: Matrices,
    private readonly room: Room,
    private readonly one: Convolution,
    private readonly input: Shape,
    private readonly weight: Floats,
    private readonly bias: Floats | null,
  ) {
    this.taps = one.kernel[0] * one.kernel[1];
    this.inside = input[0] / one.groups;
    this.outside = one.shape[0] / one.groups;
    this.apart = this.inside === 1 && this.outside === 1;
  }

  /** How much room filtering takes, of columns and products. */
  static needs(one: Convolution, input: Shape): Room {
    const depth = (input[0] / one.groups) * one.kernel[0] * one.kernel[1];
    const rows = one.shape[0] / one.groups;
    const padded = (n: number) => Math.ceil(n / ROWS) * ROWS * LANES;
    return {
      columns: Math.max(COLUMNS, Math.max(depth, rows) * LANES),
      products: Math.max(PRODUCTS, padded(rows), padded(depth)),
    };
  }

  private filtersUp(group: number): Blocks {
    const depth = this.inside * this.taps;
    this.up[group] ??= this.pack(
      depth,
      this.outside,
      (row, k) => (group * this.outside + row) * depth + k,
    );
    return this.up[group];
  }

  private filtersDown(group: number): Blocks {
    const rows = this.inside * this.taps;
    this.down[group] ??= this.pack(
      this.outside,
      rows,
      (row, k) => (group * this.outside + k) * rows + row,
    );
    return this.down[group];
  }

  private pack(depth: number, rows: number, at: (row: number, k: number) => number): Blocks {
    const blocks = Math.ceil(rows / ROWS);
    const start = this.matrices.room(blocks * ROWS * depth);
    const { floats } = this.matrices;
    for (let row = 0; row < blocks * ROWS; row++) {
      const base = start + Math.floor(row / ROWS) * depth * ROWS + (row % ROWS);
      for (let k = 0; k < depth; k++) {
        floats[base + k * ROWS] = row < rows ? (this.weight[at(row, k)] as number) : 0;
      }
    }
    return { start, blocks, depth };
  }

  /** Filter: fills an area of `out` from `x`, both whole maps. */
  filter(x: Floats, out: Floats, area: Area): void {
    if (isEmpty(area)) return;
    const { stride, dilation, kernel } = this.one;
    const [rows, columns] = [area.bottom - area.top, area.right - area.left];
    // What is read, with the border's zeros around it.
    const top = area.top * stride[0] - this.one.padding[0];
    const left = area.left * stride[1] - this.one.padding[1];
    const height = (rows - 1) * stride[0] + (kernel[0] - 1) * dilation[0] + 1;
    const width = (columns - 1) * stride[1] + (kernel[1] - 1) * dilation[1] + 1;
    const exact = top === 0 && left === 0 && height === this.input[1] && width === this.input[2];
    const padded = exact ? x : this.padded(x, top, left, height, width);
    const taps = this.tapPlaces(width);
    for (let group = 0; group < this.one.groups; group++) {
      const from = group * this.inside * height * width;
      if (this.apart) this.alone(padded, from, out, group, area, width, taps);
      else this.together(padded, from, out, group, area, [height, width], taps);
    }
  }

  private tapPlaces(width: number): Int32Array {
    const { kernel, dilation } = this.one;
    return Int32Array.from({ length: this.taps }, (_, tap) => {
      const [row, column] = [Math.floor(tap / kernel[1]), tap % kernel[1]];
      return row * dilation[0] * width + column * dilation[1];
    });
  }

  private padded(x: Floats, top: number, left: number, height: number, width: number): Floats {
    const [channels, rows, columns] = this.input;
    const out = new Float32Array(channels * height * width);
    const [first, last] = [Math.max(top, 0), Math.min(top + height, rows)];
    const [start, end] = [Math.max(left, 0), Math.min(left + width, columns)];
    if (start >= end) return out;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = first; row < last; row++) {
        const from = (channel * rows + row) * columns;
        const to = (channel * height + row - top) * width - left;
        out.set(x.subarray(from + start, from + end), to + start);
      }
    }
    return out;
  }

  /** Each channel by its own filter. */
  private alone(
    x: Floats,
    from: number,
    out: Floats,
    channel: number,
    area: Area,
    width: number,
    taps: Int32Array,
  ): void {
    const [, rows, columns] = this.one.shape;
    const [down, across] = this.one.stride;
    const first = channel * this.taps;
    const bias = this.bias ? (this.bias[channel] as number) : 0;
    for (let row = area.top; row < area.bottom; row++) {
      const line = from + (row - area.top) * down * width;
      for (let column = area.left; column < area.right; column++) {
        const place = line + (column - area.left) * across;
        let sum = bias;
        for (let tap = 0; tap < taps.length; tap++) {
          sum +=
            (this.weight[first + tap] as number) * (x[place + (taps[tap] as number)] as number);
        }
        out[(channel * rows + row) * columns + column] = sum;
      }
    }
  }

  /** Places that are filtered at once, a multiple of `LANES`. */
  private atOnce(depth: number, blocks: number): number {
    const most = Math.min(COLUMNS / depth, PRODUCTS / (blocks * ROWS));
    return Math.max(LANES, Math.floor(most / LANES) * LANES);
  }

  private together(
    x: Floats,
    from: number,
    out: Floats,
    group: number,
    area: Area,
    [height, width]: [number, number],
    taps: Int32Array,
  ): void {
    const { start, blocks, depth } = this.filtersUp(group);
    const { floats } = this.matrices;
    const [down, across] = this.one.stride;
    const columns = area.right - area.left;
    const total = (area.bottom - area.top) * columns;
    const most = this.atOnce(depth, blocks);
    const plane = height * width;
    const bases = new Int32Array(most);
    for (let first = 0; first < total; first += most) {
      const places = Math.min(most, total - first);
      const panels = Math.ceil(places / LANES);
      for (let i = 0; i < panels * LANES; i++) {
        const place = Math.min(first + i, total - 1);
        const row = Math.floor(place / columns);
        bases[i] = from + row * down * width + (place - row * columns) * across;
      }
      let to = this.room.columns;
      for (let panel = 0; panel < panels; panel++) {
        const b = panel * LANES;
        const [b0, b1, b2, b3] = [bases[b], bases[b + 1], bases[b + 2], bases[b + 3]] as number[];
        const [b4, b5, b6, b7] = [
          bases[b + 4],
          bases[b + 5],
          bases[b + 6],
          bases[b + 7],
        ] as number[];
        for (let channel = 0; channel < this.inside; channel++) {
          for (let tap = 0; tap < taps.length; tap++) {
            const at = channel * plane + (taps[tap] as number);
            floats[to] = x[at + (b0 as number)] as number;
            floats[to + 1] = x[at + (b1 as number)] as number;
            floats[to + 2] = x[at + (b2 as number)] as number;
            floats[to + 3] = x[at + (b3 as number)] as number;
            floats[to + 4] = x[at + (b4 as number)] as number;
            floats[to + 5] = x[at + (b5 as number)] as number;
            floats[to + 6] = x[at + (b6 as number)] as number;
            floats[to + 7] = x[at + (b7 as number)] as number;
            to += LANES;
          }
        }
      }
      const stride = panels * LANES;
      this.matrices.multiply(
        start,
        this.room.columns,
        this.room.products,
        blocks,
        depth,
        panels,
        stride,
      );
      this.putUp(out, group, area, first, places, stride);
    }
  }

  /** Products and biases, from a place of an area on. */
  private putUp(
    out: Floats,
    group: number,
    area: Area,
    first: number,
    places: number,
    stride: number,
  ): void {
    const { floats } = this.matrices;
    const [, rows, columns] = this.one.shape;
    const width = area.right - area.left;
    for (let filter = 0; filter < this.outside; filter++) {
      const channel = group * this.outside + filter;
      const bias = this.bias ? (this.bias[channel] as number) : 0;
      const from = this.room.products + filter * stride;
      let i = 0;
      while (i < places) {
        const row = Math.floor((first + i) / width);
        const column = first + i - row * width;
        const run = Math.min(width - column, places - i);
        const to = (channel * rows + area.top + row) * columns + area.left + column;
        for (let n = 0; n < run; n++) out[to + n] = (floats[from + i + n] as number) + bias;
        i += run;
      }
    }
  }

  /** The way down: adds to `below` what an area of `signal` sends there; which area that is. */
  transpose(signal: Floats, below: Floats, area: Area): Area {
    const reached = reads(this.one, area, 0, this.input);
    if (isEmpty(area) || isEmpty(reached)) return reached;
    for (let group = 0; group < this.one.groups; group++) {
      if (this.apart) this.transposeAlone(signal, below, group, area);
      else this.transposeTogether(signal, below, group, area);
    }
    return reached;
  }

  private transposeAlone(signal: Floats, below: Floats, channel: number, area: Area): void {
    const [, rows, columns] = this.one.shape;
    const { kernel, stride, padding, dilation } = this.one;
    const [, high, wide] = this.input;
    for (let row = area.top; row < area.bottom; row++) {
      for (let column = area.left; column < area.right; column++) {
        const value = signal[(channel * rows + row) * columns + column] as number;
        if (value === 0) continue;
        for (let tap = 0; tap < this.taps; tap++) {
          const y = row * stride[0] - padding[0] + Math.floor(tap / kernel[1]) * dilation[0];
          const x = column * stride[1] - padding[1] + (tap % kernel[1]) * dilation[1];
          if (y < 0 || x < 0 || y >= high || x >= wide) continue;
          const at = (channel * high + y) * wide + x;
          below[at] =
            (below[at] as number) + value * (this.weight[channel * this.taps + tap] as number);
        }
      }
    }
  }

  private transposeTogether(signal: Floats, below: Floats, group: number, area: Area): void {
    const { start, blocks, depth } = this.filtersDown(group);
    const { floats } = this.matrices;
    const [, rows, columns] = this.one.shape;
    const width = area.right - area.left;
    const total = (area.bottom - area.top) * width;
    const most = this.atOnce(depth, blocks);
    const places = new Int32Array(most);
    for (let first = 0; first < total; first += most) {
      const some = Math.min(most, total - first);
      const panels = Math.ceil(some / LANES);
      for (let i = 0; i < some; i++) {
        const row = Math.floor((first + i) / width);
        places[i] = (area.top + row) * columns + area.left + first + i - row * width;
      }
      let to = this.room.columns;
      for (let start = 0; start < some; start += LANES) {
        let plane = group * this.outside * rows * columns;
        for (let k = 0; k < depth; k++) {
          for (let lane = 0; lane < LANES; lane++) {
            const i = start + lane;
            floats[to++] = i < some ? (signal[plane + (places[i] as number)] as number) : 0;
          }
          plane += rows * columns;
        }
      }
      const stride = panels * LANES;
      this.matrices.multiply(
        start,
        this.room.columns,
        this.room.products,
        blocks,
        depth,
        panels,
        stride,
      );
      this.putDown(below, group, places, some, stride);
    }
  }

  /** Add products where their taps lie, leaving out the border: row by row of the places. */
  private putDown(
    below: Floats,
    group: number,
    places: Int32Array,
    some: number,
    stride: number,
  ): void {
    const { floats } = this.matrices;
    const { kernel, stride: steps, padding, dilation } = this.one;
    const [, high, wide] = this.input;
    const runs = this.runs(places, some);
    let from = this.room.products;
    for (let channel = 0; channel < this.inside; channel++) {
      const plane = (group * this.inside + channel) * high * wide;
      for (let tap = 0; tap < this.taps; tap++) {
        const down = Math.floor(tap / kernel[1]) * dilation[0] - padding[0];
        const across = (tap % kernel[1]) * dilation[1] - padding[1];
        for (const [start, length, row, column] of runs) {
          const y = row * steps[0] + down;
          if (y < 0 || y >= high) continue;
          const x = column * steps[1] + across;
          const first = x < 0 ? Math.ceil(-x / steps[1]) : 0;
          const last = Math.min(length, Math.floor((wide - 1 - x) / steps[1]) + 1);
          let at = plane + y * wide + x + first * steps[1];
          for (let n = first; n < last; n++) {
            below[at] = (below[at] as number) + (floats[from + start + n] as number);
            at += steps[1];
          }
        }
        from += stride;
      }
    }
  }

  /** Places that lie side by side in one row. */
  private runs(places: Int32Array, some: number): Run[] {
    const columns = this.one.shape[2];
    const found: Run[] = [];
    let last: Run | undefined;
    for (let i = 0; i < some; i++) {
      const row = Math.floor((places[i] as number) / columns);
      const column = (places[i] as number) - row * columns;
      if (last && last[2] === row && last[3] + last[1] === column) last[1] += 1;
      else {
        last = [i, 1, row, column];
        found.push(last);
      }
    }
    return found;
  }
}

type Run = [start: number, length: number, row: number, column: number];

/** Room that the largest of all convolutions needs. */
export function roomFor(matrices: Matrices, needs: readonly Room[]): Room {
  const most = (name: keyof Room) => needs.reduce((sum, one) => Math.max(sum, one[name]), 0);
  return { columns: matrices.room(most("columns")), products: matrices.room(most("products")) };
}
