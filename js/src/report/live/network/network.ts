/** A network that is walked up, area by area, and down by a rule. */

import { Filters, roomFor } from "./convolution";
import { curveOf } from "./curves";
import type { Matrices } from "./matrices";
import {
  adaptiveMean,
  largest,
  maxPool,
  meanPool,
  unadaptiveMean,
  unmeanPool,
  unpool,
} from "./pools";
import {
  type Add,
  type Area,
  count,
  type Floats,
  isEmpty,
  type Operation,
  type Program,
  reaches,
  reads,
  type Scale,
  type Shape,
  shapeOf,
  union,
  whole,
} from "./program";

/** Values of one image, whole maps each; what wasn't needed is missing. */
export type Values = (Floats | undefined)[];

/** What happens to a signal at a rectifier: `zfwidgets/engine/projection/rules.py`. */
export type Rule = "deconvnet" | "guided" | "gradient";

/** Called before each operation; throws to stop. */
export type Breathe = () => Promise<void> | void;

export class Network {
  private readonly filters = new Map<number, Filters>();

  constructor(
    readonly program: Program,
    private readonly arrays: readonly Floats[],
    matrices: Matrices,
  ) {
    const convolutions = program.operations.flatMap((one, i) =>
      one.op === "conv" ? [[i, one, this.shape(one.in[0] as number)] as const] : [],
    );
    const room = roomFor(
      matrices,
      convolutions.map(([, one, input]) => Filters.needs(one, input)),
    );
    for (const [i, one, input] of convolutions) {
      const weight = this.array(one.weight);
      const bias = one.bias === undefined ? null : this.array(one.bias);
      if (
        weight.length !==
        (one.shape[0] * input[0] * one.kernel[0] * one.kernel[1]) / one.groups
      ) {
        throw new Error("A filter's weights aren't as many as they must be.");
      }
      this.filters.set(i, new Filters(matrices, room, one, input, weight, bias));
    }
    for (const one of program.operations) {
      if (one.op === "curve" && !curveOf(one)) throw new Error(`Unknown curve ${one.curve}.`);
    }
  }

  shape(value: number): Shape {
    return shapeOf(this.program, value);
  }

  private array(number: number): Floats {
    const found = this.arrays[number];
    if (!found) throw new Error("Weights are missing.");
    return found;
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
      const out = new Float32Array(count(this.shape(i + 1)));
      values[i + 1] = out;
      this.run(i, values, out, area);
    }
    return values;
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
        this.filters.get(i)?.filter(x, out, area);
        break;
      case "scale":
        this.scale(one, x, out, area);
        break;
      case "rectify": {
        const most = one.most ?? Number.POSITIVE_INFINITY;
        each(one.shape, area, (at) => {
          const value = x[at] as number;
          out[at] = value < 0 ? 0 : value > most ? most : value;
        });
        break;
      }
      case "curve": {
        const curve = (curveOf(one) as NonNullable<ReturnType<typeof curveOf>>)[0];
        each(one.shape, area, (at) => {
          out[at] = curve(x[at] as number);
        });
        break;
      }
      case "max_pool":
        maxPool(one, x, input, out, area);
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
        each(one.shape, area, (at, channel) => {
          out[at] = (through[at] as number) * (gate[channel] as number);
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

  private scale(one: Scale, x: Floats, out: Floats, area: Area): void {
    const scale = one.scale === undefined ? null : this.array(one.scale);
    const shift = one.shift === undefined ? null : this.array(one.shift);
    each(one.shape, area, (at, channel) => {
      const value = (x[at] as number) * (scale ? (scale[channel] as number) : 1);
      out[at] = value + (shift ? (shift[channel] as number) : 0);
    });
  }

  /**
   * Take a signal at a place of a value down to the image.
   *
   * `values` must hold what lies below it. Returns the signal there, a whole image, and how strong a
   * signal crossed near ties of max-pools: `Crossing` in zfwidgets/engine/network/graph/near_ties.py.
   */
  async down(
    value: number,
    [channel, row, column]: readonly [number, number, number],
    start: number,
    values: Values,
    rule: Rule,
    breathe: Breathe,
  ): Promise<{ pixels: Floats; nearTies: number }> {
    const shape = this.shape(value);
    /** Of each map that pools read, the largest magnitude that came through a near tie. */
    const crossed = new Map<number, number>();
    let nearTies = 0;
    const arrive = (at: number, signal: Floats, area: Area) => {
      const most = crossed.get(at) ?? 0;
      if (most > 0)
        nearTies = Math.max(nearTies, Math.min(most / largest(signal, this.shape(at), area), 1));
    };
    const signals: ({ signal: Floats; area: Area } | undefined)[] = [];
    const signal = new Float32Array(count(shape));
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
      const pass = (number: number, send: (below: Floats) => Area) => {
        const from = one.in[number] as number;
        const known = signals[from];
        const below = known?.signal ?? new Float32Array(count(this.shape(from)));
        signals[from] = { signal: below, area: union(known?.area ?? null, send(below)) };
      };
      const cross = (most: number) => {
        const from = one.in[0] as number;
        crossed.set(from, Math.max(crossed.get(from) ?? 0, most));
      };
      this.below(i, above.signal, above.area, values, rule, pass, cross);
    }
    const end = signals[0];
    if (end) arrive(0, end.signal, end.area);
    return { pixels: end?.signal ?? new Float32Array(count(this.program.input)), nearTies };
  }

  private below(
    i: number,
    signal: Floats,
    area: Area,
    values: Values,
    rule: Rule,
    pass: (number: number, send: (below: Floats) => Area) => void,
    cross: (most: number) => void,
  ): void {
    const one = this.program.operations[i] as Operation;
    const input = this.shape(one.in[0] as number);
    const x = values[one.in[0] as number] as Floats;
    /** Place by place. */
    const each_ = (number: number, of: (at: number, channel: number) => number) =>
      pass(number, (below) => {
        each(one.shape, area, (at, channel) => {
          below[at] = (below[at] as number) + of(at, channel);
        });
        return area;
      });
    switch (one.op) {
      case "conv":
        pass(0, (below) => (this.filters.get(i) as Filters).transpose(signal, below, area));
        break;
      case "scale": {
        const scale = one.scale === undefined ? null : this.array(one.scale);
        each_(
          0,
          (at, channel) => (signal[at] as number) * (scale ? (scale[channel] as number) : 1),
        );
        break;
      }
      case "rectify": {
        const most = one.most ?? Number.POSITIVE_INFINITY;
        each_(0, (at) => {
          const value = signal[at] as number;
          if (rule !== "gradient" && value <= 0) return 0;
          if (rule === "deconvnet") return value;
          const before = x[at] as number;
          return before > 0 && before < most ? value : 0;
        });
        break;
      }
      case "curve": {
        const derivative = (curveOf(one) as NonNullable<ReturnType<typeof curveOf>>)[1];
        each_(0, (at) => (signal[at] as number) * derivative(x[at] as number));
        break;
      }
      case "max_pool":
        pass(0, (below) => {
          const [reached, most] = unpool(one, x, input, signal, below, area);
          cross(most);
          return reached;
        });
        break;
      case "mean_pool":
        pass(0, (below) => unmeanPool(one, input, signal, below, area));
        break;
      case "adaptive_mean":
        pass(0, (below) => {
          unadaptiveMean(one.shape, input, signal, below, area);
          return whole(input);
        });
        break;
      case "add":
        one.factors.forEach((factor, number) => {
          each_(number, (at) => (signal[at] as number) * factor);
        });
        break;
      case "gate": {
        const gate = values[one.in[1 - one.through] as number] as Floats;
        each_(one.through, (at, channel) => (signal[at] as number) * (gate[channel] as number));
        break;
      }
      case "concat": {
        let start = 0;
        one.in.forEach((from, number) => {
          const [channels, rows, columns] = this.shape(from);
          const offset = start;
          start += channels * rows * columns;
          pass(number, (below) => {
            each([channels, rows, columns], area, (at) => {
              below[at] = (below[at] as number) + (signal[offset + at] as number);
            });
            return area;
          });
        });
        break;
      }
      case "part": {
        const offset = one.first * one.shape[1] * one.shape[2];
        pass(0, (below) => {
          each(one.shape, area, (at) => {
            below[offset + at] = (below[offset + at] as number) + (signal[at] as number);
          });
          return area;
        });
        break;
      }
      case "pad":
        pass(0, (below) => {
          const inner = reads(one, area, 0, input);
          const [top, left] = one.before;
          const [, rows, columns] = one.shape;
          each(input, inner, (at, channel, row, column) => {
            const from = (channel * rows + row + top) * columns + column + left;
            below[at] = (below[at] as number) + (signal[from] as number);
          });
          return inner;
        });
        break;
      case "view":
        pass(0, (below) => {
          for (let at = 0; at < signal.length; at++) {
            below[at] = (below[at] as number) + (signal[at] as number);
          }
          return whole(input);
        });
        break;
      case "softmax": {
        const out = new Float32Array(x.length);
        softmax(x, out);
        const along = out.reduce((sum, share, at) => sum + share * (signal[at] as number), 0);
        each_(0, (at) => (out[at] as number) * ((signal[at] as number) - along));
      }
    }
  }
}

/** Visit the places of an area of a map in all channels. */
function each(
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

/** Copy an area of all channels, from an offset to another. */
export function copy(
  from: Floats,
  start: number,
  to: Floats,
  offset: number,
  [channels, rows, columns]: Shape,
  area: Area,
): void {
  const width = area.right - area.left;
  if (width === columns) {
    for (let channel = 0; channel < channels; channel++) {
      const first = (channel * rows + area.top) * columns;
      const end = (channel * rows + area.bottom) * columns;
      to.set(from.subarray(start + first, start + end), offset + first);
    }
    return;
  }
  for (let channel = 0; channel < channels; channel++) {
    for (let row = area.top; row < area.bottom; row++) {
      const at = (channel * rows + row) * columns + area.left;
      for (let n = 0; n < width; n++) to[offset + at + n] = from[start + at + n] as number;
    }
  }
}

function add({ factors, shape }: Add, x: Floats, y: Floats, out: Floats, area: Area): void {
  const [one, other] = factors;
  each(shape, area, (at) => {
    out[at] = (x[at] as number) * one + (y[at] as number) * other;
  });
}

function pad(
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

function softmax(x: Floats, out: Floats): void {
  const most = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (const value of x) sum += Math.exp(value - most);
  x.forEach((value, i) => {
    out[i] = Math.exp(value - most) / sum;
  });
}
