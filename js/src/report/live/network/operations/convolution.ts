/** Filtering an area of a map, and the way down through the transposed filters. */

import { copyLine } from "../maps";
import type { Matrices } from "../matrices";
import { type Area, type Convolution, type Floats, isEmpty, reads, type Shape } from "../program";
import type { Stock } from "../stock";
import { LANES, ROWS } from "../wasm";
import { Apart } from "./depthwise";

/** Numbers of columns, and of products, that are at hand at once: what caches hold. */
export const COLUMNS = 1 << 17;
const PRODUCTS = 1 << 18;
export interface Room {
  columns: number;
  products: number;
}

/** What all filters of a network share. */
export interface Bench {
  matrices: Matrices;
  stock: Stock;
  room: Room;
}

/** Filters as blocks of `ROWS` rows, `depth` columns each, and what each row begins with. */
interface Blocks {
  start: number;
  blocks: number;
  depth: number;
  bias: number;
}

export class Filters {
  private readonly up: Blocks[] = [];
  private readonly down: Blocks[] = [];
  private readonly taps: number;
  private readonly inside: number;
  private readonly outside: number;
  /** Whether each channel has a filter of its own: no matrix product. */
  private readonly apart: Apart | null;

  constructor(
    private readonly bench: Bench,
    private readonly one: Convolution,
    private readonly input: Shape,
    private readonly weight: Floats,
    private readonly bias: Floats | null,
  ) {
    this.taps = one.kernel[0] * one.kernel[1];
    this.inside = input[0] / one.groups;
    this.outside = one.shape[0] / one.groups;
    this.apart =
      this.inside === 1 && this.outside === 1 ? new Apart(one, input, weight, bias) : null;
  }

  /** How much room filtering takes, of columns and products. */
  static needs(one: Convolution, input: Shape): Room {
    const depth = (input[0] / one.groups) * one.kernel[0] * one.kernel[1];
    const rows = one.shape[0] / one.groups;
    const padded = (n: number) => Math.ceil(n / ROWS) * ROWS * LANES;
    return {
      columns: Math.max(depth, rows) * LANES,
      products: Math.max(padded(rows), padded(depth)),
    };
  }

  private filtersUp(group: number): Blocks {
    const depth = this.inside * this.taps;
    const first = group * this.outside;
    this.up[group] ??= this.pack(
      depth,
      this.outside,
      (row, k) => this.weight[(first + row) * depth + k] as number,
      (row) => (this.bias ? (this.bias[first + row] as number) : 0),
    );
    return this.up[group];
  }

  private filtersDown(group: number): Blocks {
    const rows = this.inside * this.taps;
    const first = group * this.outside;
    this.down[group] ??= this.pack(
      this.outside,
      rows,
      (row, k) => this.weight[(first + k) * rows + row] as number,
      () => 0,
    );
    return this.down[group];
  }

  private pack(
    depth: number,
    rows: number,
    at: (row: number, k: number) => number,
    biasOf: (row: number) => number,
  ): Blocks {
    const { matrices } = this.bench;
    const blocks = Math.ceil(rows / ROWS);
    const start = matrices.room(blocks * ROWS * depth);
    const bias = matrices.room(blocks * ROWS);
    const { floats } = matrices;
    for (let row = 0; row < blocks * ROWS; row++) {
      const base = start + Math.floor(row / ROWS) * depth * ROWS + (row % ROWS);
      floats[bias + row] = row < rows ? biasOf(row) : 0;
      for (let k = 0; k < depth; k++) {
        floats[base + k * ROWS] = row < rows ? at(row, k) : 0;
      }
    }
    return { start, blocks, depth, bias };
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
      if (this.apart) this.apart.filter(padded, from, out, group, area, width, taps);
      else this.together(padded, from, out, group, area, [height, width], taps);
    }
    if (!exact) this.bench.stock.give(padded);
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
    const out = this.bench.stock.take(channels * height * width);
    const [first, last] = [Math.max(top, 0), Math.min(top + height, rows)];
    const [start, end] = [Math.max(left, 0), Math.min(left + width, columns)];
    if (start >= end) return out;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = first; row < last; row++) {
        const from = (channel * rows + row) * columns;
        const to = (channel * height + row - top) * width - left;
        copyLine(x, from + start, out, to + start, end - start);
      }
    }
    return out;
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
    const filters = this.filtersUp(group);
    const { floats } = this.bench.matrices;
    const [down, across] = this.one.stride;
    const columns = area.right - area.left;
    const total = (area.bottom - area.top) * columns;
    const most = this.atOnce(filters.depth, filters.blocks);
    const plane = height * width;
    const bases = new Int32Array(most);
    const bound = this.one.rectify;
    const bounds: Bounds = bound === undefined ? UNBOUNDED : [0, bound];
    for (let first = 0; first < total; first += most) {
      const places = Math.min(most, total - first);
      const panels = Math.ceil(places / LANES);
      for (let i = 0; i < panels * LANES; i++) {
        const place = Math.min(first + i, total - 1);
        const row = Math.floor(place / columns);
        bases[i] = from + row * down * width + (place - row * columns) * across;
      }
      let to = this.bench.room.columns;
      for (let panel = 0; panel < panels; panel++) {
        to = gather(floats, to, x, bases, panel * LANES, this.inside, plane, taps);
      }
      this.multiply(filters, panels, bounds);
      this.putUp(out, group, area, first, places, panels * LANES);
    }
  }

  /** What lies in the room's columns by filters, into its products. */
  private multiply(filters: Blocks, panels: number, [low, high]: Bounds): void {
    const { matrices, room } = this.bench;
    const { start, blocks, depth, bias } = filters;
    const stride = panels * LANES;
    const [b, c] = [room.columns, room.products];
    matrices.multiply({ a: start, b, c, blocks, depth, panels, stride, bias, low, high });
  }

  /** Products, from a place of an area on. */
  private putUp(
    out: Floats,
    group: number,
    area: Area,
    first: number,
    places: number,
    stride: number,
  ): void {
    const { floats } = this.bench.matrices;
    const [, rows, columns] = this.one.shape;
    const width = area.right - area.left;
    const lines = width === columns; // they lie one behind the other
    for (let filter = 0; filter < this.outside; filter++) {
      const plane = (group * this.outside + filter) * rows * columns;
      const from = this.bench.room.products + filter * stride;
      let i = 0;
      while (i < places) {
        const row = Math.floor((first + i) / width);
        const column = first + i - row * width;
        const run = lines ? places : Math.min(width - column, places - i);
        const to = plane + (area.top + row) * columns + area.left + column;
        copyLine(floats, from + i, out, to, run);
        i += run;
      }
    }
  }

  /**
   * The way down: adds to `below` what an area of `signal` sends there, of what is no less than
   * `low`; which area that is.
   */
  transpose(signal: Floats, below: Floats, area: Area, low = Number.NEGATIVE_INFINITY): Area {
    const reached = reads(this.one, area, 0, this.input);
    if (isEmpty(area) || isEmpty(reached)) return reached;
    for (let group = 0; group < this.one.groups; group++) {
      if (this.apart) this.apart.transpose(signal, below, group, area, low);
      else this.transposeTogether(signal, below, group, area, low);
    }
    return reached;
  }

  private transposeTogether(
    signal: Floats,
    below: Floats,
    group: number,
    area: Area,
    low: number,
  ): void {
    const filters = this.filtersDown(group);
    const { matrices, room } = this.bench;
    const { floats } = matrices;
    const [, rows, columns] = this.one.shape;
    const width = area.right - area.left;
    const total = (area.bottom - area.top) * width;
    const most = this.atOnce(filters.depth, filters.blocks);
    const places = new Int32Array(most);
    const plane = rows * columns;
    const corner = area.top * columns + area.left;
    const origin = group * this.outside * plane + corner;
    for (let first = 0; first < total; first += most) {
      const some = Math.min(most, total - first);
      const panels = Math.ceil(some / LANES);
      for (let i = 0; i < panels * LANES; i++) {
        const place = Math.min(first + i, total - 1);
        const row = Math.floor(place / width);
        places[i] = origin + row * columns + place - row * width;
      }
      let to = this.bench.room.columns;
      for (let panel = 0; panel < panels; panel++) {
        to = gather(floats, to, signal, places, panel * LANES, filters.depth, plane, HERE);
      }
      if (low > Number.NEGATIVE_INFINITY) {
        matrices.line(room.columns, to - room.columns, 1, 0, low, Number.POSITIVE_INFINITY);
      }
      this.multiply(filters, panels, UNBOUNDED);
      this.putDown(below, group, this.runs(area, first, some), panels * LANES);
    }
  }

  /** Add products where their taps lie, leaving out the border: row by row of the places. */
  private putDown(below: Floats, group: number, runs: readonly Run[], stride: number): void {
    const { floats } = this.bench.matrices;
    const { kernel, stride: steps, padding, dilation } = this.one;
    const [, high, wide] = this.input;
    let from = this.bench.room.products;
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

  /** Places of an area that lie side by side in one row, from one on. */
  private runs(area: Area, first: number, some: number): Run[] {
    const width = area.right - area.left;
    const found: Run[] = [];
    for (let i = 0; i < some; ) {
      const row = Math.floor((first + i) / width);
      const column = first + i - row * width;
      const length = Math.min(width - column, some - i);
      found.push([i, length, area.top + row, area.left + column]);
      i += length;
    }
    return found;
  }
}

type Run = [start: number, length: number, row: number, column: number];

type Bounds = readonly [low: number, high: number];

const UNBOUNDED: Bounds = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Numbers at `LANES` places and some distances from each, plane by plane; where the next go. */
function gather(
  floats: Float32Array,
  start: number,
  from: Floats,
  places: Int32Array,
  first: number,
  planes: number,
  plane: number,
  taps: Int32Array,
): number {
  // One by one: a loop over the lanes takes twice as long.
  const p0 = places[first] as number;
  const p1 = places[first + 1] as number;
  const p2 = places[first + 2] as number;
  const p3 = places[first + 3] as number;
  const p4 = places[first + 4] as number;
  const p5 = places[first + 5] as number;
  const p6 = places[first + 6] as number;
  const p7 = places[first + 7] as number;
  let to = start;
  for (let k = 0; k < planes; k++) {
    for (let tap = 0; tap < taps.length; tap++) {
      const at = k * plane + (taps[tap] as number);
      floats[to] = from[at + p0] as number;
      floats[to + 1] = from[at + p1] as number;
      floats[to + 2] = from[at + p2] as number;
      floats[to + 3] = from[at + p3] as number;
      floats[to + 4] = from[at + p4] as number;
      floats[to + 5] = from[at + p5] as number;
      floats[to + 6] = from[at + p6] as number;
      floats[to + 7] = from[at + p7] as number;
      to += LANES;
    }
  }
  return to;
}

const HERE = Int32Array.of(0);

/** Room that the largest of all convolutions needs, and pools. */
export function roomFor(matrices: Matrices, needs: readonly Room[]): Room {
  const most = needs.reduce(
    (room, one) => ({
      columns: Math.max(room.columns, one.columns),
      products: Math.max(room.products, one.products),
    }),
    { columns: COLUMNS, products: PRODUCTS },
  );
  return { columns: matrices.room(most.columns), products: matrices.room(most.products) };
}
