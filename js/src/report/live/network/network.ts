/** A network that is walked up, area by area, and down by a rule. */

import { type Rule, type Signal, sendDown } from "./descent";
import { fused } from "./fusing";
import { add, copy, largest, lines, pad, softmax } from "./maps";
import type { Matrices } from "./matrices";
import { Filters, roomFor } from "./operations/convolution";
import { curveOf } from "./operations/curves";
import { groupNormed } from "./operations/group_norms";
import { MaxPools } from "./operations/max_pools";
import { normed } from "./operations/norms";
import { adaptiveMean, meanPool } from "./operations/pools";
import { opening, product } from "./operations/products";
import {
  type Area,
  type Convolution,
  count,
  type Floats,
  isEmpty,
  isWhole,
  type Operation,
  type Program,
  reaches,
  reads,
  type Scale,
  type Shape,
  shapeOf,
  type Transposed,
  union,
  type Values,
} from "./program";
import { Stock } from "./stock";

interface Filtering {
  one: Operation;
  forward: Convolution;
  input: Shape;
}

/** The filter that an operation is, or whose transpose it is. */
function filtering(one: Operation, program: Program): Filtering[] {
  if (one.op !== "conv" && one.op !== "conv_transposed") return [];
  const input = shapeOf(program, one.in[0] as number);
  if (one.op === "conv") return [{ one, forward: one, input }];
  const { bias: _, ...plain } = one;
  return [{ one, forward: { ...plain, op: "conv", shape: input }, input: one.shape }];
}

/** Called before each operation; throws to stop. */
export type Breathe = () => Promise<void> | void;

export class Network {
  private readonly convolutions = new Map<Operation, Filters>();
  private readonly stock = new Stock();
  private readonly pools: MaxPools;
  /** As it is run: some of its rectifiers are part of what lies before them. */
  readonly program: Program;

  constructor(
    program: Program,
    private readonly arrays: readonly Floats[],
    matrices: Matrices,
  ) {
    this.program = fused(program);
    const filters = this.program.operations.flatMap((one) => filtering(one, this.program));
    const room = roomFor(
      matrices,
      filters.map(({ forward, input }) => Filters.needs(forward, input)),
    );
    const bench = { matrices, room, stock: this.stock };
    this.pools = new MaxPools(bench);
    for (const { one, forward, input } of filters) {
      const weight = this.array(forward.weight);
      const bias = forward.bias === undefined ? null : this.array(forward.bias);
      const { shape, kernel, groups } = forward;
      if (weight.length !== (shape[0] * input[0] * kernel[0] * kernel[1]) / groups) {
        throw new Error("A filter's weights aren't as many as they must be.");
      }
      this.convolutions.set(one, new Filters(bench, forward, input, weight, bias));
    }
    for (const one of program.operations) {
      if (one.op === "curve" && !curveOf(one)) throw new Error(`Unknown curve ${one.curve}.`);
    }
  }

  shape(value: number): Shape {
    return shapeOf(this.program, value);
  }

  filters(one: Operation): Filters {
    return this.convolutions.get(one) as Filters;
  }

  array(number: number): Floats {
    const found = this.arrays[number];
    if (!found) throw new Error("Weights are missing.");
    return found;
  }

  optional(number: number | undefined): Floats | null {
    return number === undefined ? null : this.array(number);
  }

  /** The areas of all values that areas of some are computed from. */
  needs(wanted: ReadonlyMap<number, Area>): (Area | null)[] {
    const { operations } = this.program;
    const areas: (Area | null)[] = new Array(operations.length + 1).fill(null);
    for (const [value, area] of wanted) areas[value] = union(areas[value] ?? null, area);
    for (let i = operations.length - 1; i >= 0; i--) {
      const area = areas[i + 1];
      if (!area || isEmpty(area)) continue;
      const one = operations[i] as Operation;
      one.in.forEach((from, number) => {
        areas[from] = union(areas[from] ?? null, reads(one, area, number, this.shape(from)));
      });
    }
    return areas;
  }

  /** Compute areas of values from an image; maps are whole, what isn't needed in them is zero. */
  async up(image: Floats, areas: readonly (Area | null)[], breathe: Breathe): Promise<Values> {
    const values: Values = [image];
    for (let i = 0; i < this.program.operations.length; i++) {
      const area = areas[i + 1];
      if (!area || isEmpty(area)) continue;
      await breathe();
      const out = this.stock.take(count(this.shape(i + 1)), isWhole(area, this.shape(i + 1)));
      values[i + 1] = out;
      this.run(i, values, out, area);
    }
    return values;
  }

  /** Values of `up` that nobody looks at any more, but for some; the image isn't ours. */
  release(values: Values, kept: readonly number[] = []): void {
    values.forEach((value, at) => {
      if (at > 0 && value && !kept.includes(at)) this.stock.give(value);
    });
    values.length = 0;
  }

  /**
   * Compute what an area of the image changes, into values that are there: what each value's area
   * is. Only what the wanted values are computed from.
   */
  spread(values: Values, changed: Area, needed: readonly (Area | null)[]): (Area | null)[] {
    const { operations } = this.program;
    const areas: (Area | null)[] = new Array(operations.length + 1).fill(null);
    areas[0] = changed;
    operations.forEach((one, i) => {
      if (!needed[i + 1]) return;
      let area: Area | null = null;
      one.in.forEach((from, number) => {
        const before = areas[from];
        if (!before || isEmpty(before)) return;
        area = union(area, reaches(one, before, number, this.shape(from)));
      });
      if (!area || isEmpty(area)) return;
      areas[i + 1] = area;
      this.run(i, values, values[i + 1] as Floats, area);
    });
    return areas;
  }

  private run(i: number, values: Values, out: Floats, area: Area): void {
    const one = this.program.operations[i] as Operation;
    const x = values[one.in[0] as number] as Floats;
    const input = this.shape(one.in[0] as number);
    switch (one.op) {
      case "conv":
        this.filters(one).filter(x, out, area);
        break;
      case "conv_transposed":
        this.transposed(one, x, out, area);
        break;
      case "group_norm":
        groupNormed(one, x, this.optional(one.scale), this.optional(one.shift), out, area);
        break;
      case "product":
        product(one.shape, [x, values[one.in[1] as number] as Floats], out, area);
        break;
      case "scale":
        this.scale(one, x, out, area);
        break;
      case "rectify": {
        const most = one.most ?? Number.POSITIVE_INFINITY;
        lines(one.shape, area, (start, end) => {
          for (let at = start; at < end; at++) {
            const value = x[at] as number;
            out[at] = value < 0 ? 0 : value > most ? most : value;
          }
        });
        break;
      }
      case "curve": {
        const curve = (curveOf(one) as NonNullable<ReturnType<typeof curveOf>>)[0];
        lines(one.shape, area, (start, end) => {
          for (let at = start; at < end; at++) out[at] = curve(x[at] as number);
        });
        break;
      }
      case "norm":
        normed(one, x, out, area);
        break;
      case "adaptive_max":
      case "max_pool":
        this.pools.fill(one, x, input, out, area);
        break;
      case "mean_pool":
        meanPool(one, x, input, out, area);
        break;
      case "adaptive_mean":
        adaptiveMean(one.shape, x, input, out, area);
        break;
      case "add":
        add(one, x, values[one.in[1] as number] as Floats, out, area);
        break;
      case "gate": {
        const through = values[one.in[one.through] as number] as Floats;
        const gate = values[one.in[1 - one.through] as number] as Floats;
        lines(one.shape, area, (start, end, channel) => {
          const factor = opening(gate, channel);
          for (let at = start; at < end; at++) out[at] = (through[at] as number) * factor;
        });
        break;
      }
      case "concat": {
        let start = 0;
        for (const from of one.in) {
          const [channels, rows, columns] = this.shape(from);
          copy(values[from] as Floats, 0, out, start, [channels, rows, columns], area);
          start += channels * rows * columns;
        }
        break;
      }
      case "part": {
        const [, rows, columns] = one.shape;
        copy(x, one.first * rows * columns, out, 0, one.shape, area);
        break;
      }
      case "pad":
        pad(one.before, one.value, x, input, out, one.shape, area);
        break;
      case "view":
        out.set(x);
        break;
      case "softmax":
        softmax(x, out);
    }
  }

  private transposed(one: Transposed, x: Floats, out: Floats, area: Area): void {
    const sums = this.stock.take(out.length); // what it sends lies beyond the area too
    this.filters(one).transpose(x, sums, reads(one, area, 0, this.shape(one.in[0] as number)));
    const bias = this.optional(one.bias);
    lines(one.shape, area, (start, end, channel) => {
      const more = bias?.[channel] ?? 0;
      for (let at = start; at < end; at++) out[at] = (sums[at] as number) + more;
    });
    this.stock.give(sums);
  }

  private scale(one: Scale, x: Floats, out: Floats, area: Area): void {
    const [scale, shift] = [this.optional(one.scale), this.optional(one.shift)];
    lines(one.shape, area, (start, end, channel) => {
      const [factor, more] = [scale?.[channel] ?? 1, shift?.[channel] ?? 0];
      for (let at = start; at < end; at++) out[at] = (x[at] as number) * factor + more;
    });
  }

  /**
   * Take a signal at a place of a value down to the image.
   *
   * `values` must hold what lies below it. Returns the signal there, a whole image, and how strong a
   * signal crossed near ties of max-pools, null where that isn't known: `Crossing` in
   * zfwidgets/engine/network/graph/near_ties.py.
   */
  async down(
    value: number,
    [channel, row, column]: readonly [number, number, number],
    start: number,
    values: Values,
    rule: Rule,
    breathe: Breathe,
  ): Promise<{ pixels: Floats; nearTies: number | null }> {
    const shape = this.shape(value);
    /** The largest magnitude, for each map that pools read, that came through a near tie. */
    const crossed = new Map<number, number>();
    let nearTies = 0;
    let known = true;
    const arrive = (at: number, signal: Floats, area: Area) => {
      const most = crossed.get(at) ?? 0;
      if (most > 0)
        nearTies = Math.max(nearTies, Math.min(most / largest(signal, this.shape(at), area), 1));
    };
    const signals: (Signal | undefined)[] = [];
    const signal = this.stock.take(count(shape));
    signal[(channel * shape[1] + row) * shape[2] + column] = start;
    const area = { top: row, left: column, bottom: row + 1, right: column + 1 };
    signals[value] = { signal, area };
    for (let i = value - 1; i >= 0; i--) {
      const above = signals[i + 1];
      if (!above || isEmpty(above.area)) continue;
      await breathe();
      signals[i + 1] = undefined;
      arrive(i + 1, above.signal, above.area);
      const one = this.program.operations[i] as Operation;
      const pass = (number: number, send: (below: Floats, fresh: boolean) => Area) => {
        const from = one.in[number] as number;
        const before = signals[from];
        const below = before?.signal ?? this.stock.take(count(this.shape(from)));
        signals[from] = { signal: below, area: union(before?.area ?? null, send(below, !before)) };
      };
      const cross = (most: number | null) => {
        if (most === null) {
          known = false;
          return;
        }
        const from = one.in[0] as number;
        crossed.set(from, Math.max(crossed.get(from) ?? 0, most));
      };
      sendDown(this, one, above, values, values[i + 1] as Floats, rule, pass, cross);
      this.stock.give(above.signal);
    }
    const end = signals[0];
    if (end) arrive(0, end.signal, end.area);
    const pixels = end?.signal ?? new Float32Array(count(this.program.input));
    return { pixels, nearTies: known ? nearTies : null };
  }
}
