/** The runtime of a network in a page, against the plain definitions. */

import { describe, expect, it } from "vitest";
import { Matrices } from "../../src/report/live/network/matrices";
import { Network } from "../../src/report/live/network/network";
import { Filters, roomFor } from "../../src/report/live/network/operations/convolution";
import { MaxPools, unpool } from "../../src/report/live/network/operations/max_pools";
import {
  type Area,
  type Convolution,
  count,
  type Floats,
  type MaxPool,
  type Operation,
  type Program,
  type Shape,
  type Values,
  whole,
} from "../../src/report/live/network/program";
import { Stock } from "../../src/report/live/network/stock";
import { LANES, ROWS } from "../../src/report/live/network/wasm";
import { halves, weightsOf } from "../../src/report/live/network/weights";

/** Numbers that are the same in each run, -1 to 1. */
function drawn(length: number, seed = 1): Floats {
  let state = seed * 2654435761;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const dot = (a: Floats, b: Floats) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

function near(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  const most = Array.from(expected).reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const off = Array.from(expected).map((value, i) => Math.abs(value - (found[i] as number)));
  expect(Math.max(...off) / most).toBeLessThan(1e-5);
}

describe.each([false, true])("products, plain %s", (plain) => {
  it("are those of the definition, also after the memory has grown", async () => {
    const matrices = await Matrices.open(plain);
    expect(matrices.plain === "").toBe(!plain);
    const [blocks, depth, panels] = [3, 7, 2];
    const [a, b] = [matrices.room(blocks * ROWS * depth), matrices.room(panels * depth * LANES)];
    const left = drawn(blocks * ROWS * depth, 2);
    matrices.floats.set(left, a);
    const c = matrices.room(blocks * ROWS * panels * LANES);
    const right = drawn(panels * depth * LANES, 3);
    matrices.room(1 << 18);
    matrices.floats.set(right, b);
    const stride = panels * LANES;
    const bias = matrices.room(blocks * ROWS);
    const shifts = drawn(blocks * ROWS, 4);
    matrices.floats.set(shifts, bias);
    const [low, high] = [-0.5, 0.75];
    matrices.multiply({ a, b, c, blocks, depth, panels, stride, bias, low, high });
    const expected = new Float32Array(blocks * ROWS * stride);
    for (let row = 0; row < blocks * ROWS; row++) {
      for (let column = 0; column < stride; column++) {
        const at = row * stride + column;
        expected[at] = shifts[row] as number;
        for (let k = 0; k < depth; k++) {
          const block = Math.floor(row / ROWS) * depth * ROWS;
          const panel = Math.floor(column / LANES) * depth * LANES;
          const x = left[block + k * ROWS + (row % ROWS)] as number;
          const y = right[panel + k * LANES + (column % LANES)] as number;
          expected[at] = (expected[at] as number) + x * y;
        }
        expected[at] = Math.min(Math.max(expected[at] as number, low), high);
      }
    }
    for (const bound of [low, high]) expect(expected).toContain(bound);
    near(matrices.floats.slice(c, c + expected.length), expected);
  });

  it("come with the larger of two, and lines, in which NaN stays", async () => {
    const matrices = await Matrices.open(plain);
    const [one, other, to] = [matrices.room(8), matrices.room(8), matrices.room(8)];
    matrices.floats.set([1, -2, 0, Number.NaN, 5, Infinity, -7, 2], one);
    matrices.floats.set([0, -1, Number.NaN, 3, 5, 1, -Infinity, 4], other);
    matrices.largest(to, one, other, 7);
    const found = () => Array.from(matrices.floats.slice(to, to + 8));
    expect(found()).toEqual([1, -1, Number.NaN, Number.NaN, 5, Infinity, -7, 4]);
    matrices.line(to, 8, -2, 1, -6, 2.5);
    expect(found()).toEqual([-1, 2.5, Number.NaN, Number.NaN, -6, -6, 2.5, -6]);
  });
});

const SLIDES: [
  inside: number,
  outside: number,
  Omit<Convolution, "op" | "in" | "shape" | "weight">,
][] = [
  [5, 7, { kernel: [3, 2], stride: [1, 2], padding: [1, 0], dilation: [1, 1], groups: 1 }],
  [6, 4, { kernel: [2, 3], stride: [3, 1], padding: [2, 1], dilation: [2, 1], groups: 2 }],
  [4, 4, { kernel: [3, 3], stride: [2, 2], padding: [1, 2], dilation: [1, 2], groups: 4 }],
];

function convolution(
  inside: number,
  outside: number,
  slide: (typeof SLIDES)[number][2],
): [Convolution, Shape] {
  const input: Shape = [inside, 13, 17];
  const length = (n: number, axis: 0 | 1) =>
    Math.floor(
      (n + 2 * slide.padding[axis] - (slide.kernel[axis] - 1) * slide.dilation[axis] - 1) /
        slide.stride[axis],
    ) + 1;
  const shape: Shape = [outside, length(13, 0), length(17, 1)];
  return [{ op: "conv", in: [0], shape, weight: 0, ...slide }, input];
}

async function filters(one: Convolution, input: Shape): Promise<Filters> {
  const matrices = await Matrices.open();
  const room = roomFor(matrices, [Filters.needs(one, input)]);
  const weights = (one.shape[0] * input[0] * one.kernel[0] * one.kernel[1]) / one.groups;
  return new Filters({ matrices, room, stock: new Stock() }, one, input, drawn(weights, 4), null);
}

describe.each(SLIDES)("filters %d to %d", (inside, outside, slide) => {
  it("give an area what the whole map has there, and touch nothing else", async () => {
    const [one, input] = convolution(inside, outside, slide);
    const known = await filters(one, input);
    const x = drawn(count(input), 5);
    const all = new Float32Array(count(one.shape));
    known.filter(x, all, whole(one.shape));
    expect(all.some((value) => value !== 0)).toBe(true);
    const area: Area = { top: 1, left: 2, bottom: 3, right: 6 };
    const part = new Float32Array(all.length).fill(Number.NaN);
    known.filter(x, part, area);
    const [, rows, columns] = one.shape;
    all.forEach((value, at) => {
      const [row, column] = [Math.floor(at / columns) % rows, at % columns];
      const isInside =
        row >= area.top && row < area.bottom && column >= area.left && column < area.right;
      if (isInside) expect(part[at]).toBeCloseTo(value, 5);
      else expect(part[at]).toBeNaN();
    });
  });

  it("are sent down by their transpose", async () => {
    const [one, input] = convolution(inside, outside, slide);
    const known = await filters(one, input);
    const [x, y] = [drawn(count(input), 6), drawn(count(one.shape), 7)];
    const [up, down] = [new Float32Array(y.length), new Float32Array(x.length)];
    known.filter(x, up, whole(one.shape));
    known.transpose(y, down, whole(one.shape));
    expect(dot(up, y)).toBeCloseTo(dot(x, down), 3);
  });
});

const POOLS: [input: Shape, Omit<MaxPool, "op" | "in" | "shape">][] = [
  [[5, 13, 17], { kernel: [3, 3], stride: [2, 2], padding: [0, 0], dilation: [1, 1] }],
  [[4, 12, 19], { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] }],
  [[3, 9, 8], { kernel: [2, 3], stride: [1, 3], padding: [0, 1], dilation: [3, 1] }],
  [[2, 21, 400], { kernel: [1, 5], stride: [1, 2], padding: [0, 2], dilation: [1, 1] }],
];

describe.each(POOLS)("a max-pool of %j by %j", (input, slide) => {
  const { kernel, stride, padding, dilation } = slide;
  /** One more place than fits, as where it is rounded up. */
  const length = (n: number, axis: 0 | 1) =>
    Math.ceil((n + 2 * padding[axis] - (kernel[axis] - 1) * dilation[axis] - 1) / stride[axis]) + 1;
  const shape: Shape = [input[0], length(input[1], 0), length(input[2], 1)];
  const one: MaxPool = { op: "max_pool", in: [0], shape, ...slide };

  /** By the definition: the largest and where it is; of equal ones the first, of NaN the last. */
  function defined(x: Floats, channel: number, row: number, column: number) {
    let [at, most] = [-1, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < kernel[0]; i++) {
      for (let j = 0; j < kernel[1]; j++) {
        const y = row * stride[0] - padding[0] + i * dilation[0];
        const c = column * stride[1] - padding[1] + j * dilation[1];
        if (y < 0 || c < 0 || y >= input[1] || c >= input[2]) continue;
        const place = (channel * input[1] + y) * input[2] + c;
        const value = x[place] as number;
        if (at < 0 || value > most || Number.isNaN(value)) [at, most] = [place, value];
      }
    }
    return [most, at] as const;
  }

  it.each([false, true])("has the largest, and sends down to it, plain %s", async (plain) => {
    const matrices = await Matrices.open(plain);
    const pools = new MaxPools({
      matrices,
      room: roomFor(matrices, [{ columns: 0, products: 0 }]),
    });
    const x = drawn(count(input), 12).map((value) => Math.round(4 * value) + 0) as Floats; // with ties, without -0
    x[7] = x[30] = Number.NaN;
    const signal = drawn(count(shape), 13);
    const areas = [
      whole(shape),
      { ...whole(shape), top: 1, left: 2 },
      { top: 0, left: 1, bottom: 2, right: 2 },
    ];
    for (const area of areas) {
      const [up, down] = [new Float32Array(count(shape)), new Float32Array(count(input))];
      pools.fill(one, x, input, up, area);
      unpool(one, x, up, input, signal, down, area);
      const expected = [new Float32Array(count(shape)), new Float32Array(count(input))] as const;
      for (let channel = 0; channel < shape[0]; channel++) {
        for (let row = area.top; row < area.bottom; row++) {
          for (let column = area.left; column < area.right; column++) {
            const place = (channel * shape[1] + row) * shape[2] + column;
            const [most, at] = defined(x, channel, row, column);
            expected[0][place] = most;
            if (at >= 0) expected[1][at] = (expected[1][at] as number) + (signal[place] as number);
          }
        }
      }
      expect(up).toEqual(expected[0]);
      near(down, expected[1]);
    }
  });
});

/** Filters, a pool, a branch and a sum: what an occluder changes goes both ways. */
function branching(): Program {
  const slide = { stride: [1, 1], padding: [1, 1], dilation: [1, 1] } as const;
  const conv = (from: number, shape: Shape, weight: number): Operation =>
    ({ op: "conv", in: [from], shape, weight, kernel: [3, 3], groups: 1, ...slide }) as Operation;
  return {
    input: [3, 15, 12],
    operations: [
      conv(0, [4, 15, 12], 0),
      { op: "rectify", in: [1], shape: [4, 15, 12] },
      {
        op: "max_pool",
        in: [2],
        shape: [4, 8, 6],
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1],
        dilation: [1, 1],
      },
      conv(3, [4, 8, 6], 1),
      { op: "add", in: [3, 4], shape: [4, 8, 6], factors: [1, -0.5] },
      { op: "concat", in: [5, 3], shape: [8, 8, 6] },
      { op: "adaptive_mean", in: [6], shape: [8, 1, 1] },
      { op: "view", in: [7], shape: [8, 1, 1] },
    ],
    layers: { sum: 5 },
    output: 8,
  };
}

describe("a network", () => {
  it("computes only what a change reaches, and that is what a whole pass gives", async () => {
    const program = branching();
    const arrays = [drawn(4 * 3 * 9, 8), drawn(4 * 4 * 9, 9)];
    const network = new Network(program, arrays, await Matrices.open());
    const values = program.operations.map((_, i) => i + 1);
    const needs = network.needs(new Map(values.map((at) => [at, whole(network.shape(at))])));
    const image = drawn(3 * 15 * 12, 10);
    const working = (await network.up(image, needs, () => {})).map((one) => one?.slice()) as Values;
    const covered = image.slice();
    const area = { top: 4, left: 3, bottom: 7, right: 5 };
    for (let channel = 0; channel < 3; channel++) {
      for (let row = area.top; row < area.bottom; row++) {
        for (let column = area.left; column < area.right; column++) {
          covered[(channel * 15 + row) * 12 + column] = 0.25;
        }
      }
    }
    working[0] = covered;
    const reached = network.spread(working, area, needs);
    expect(reached[1]).toEqual({ top: 3, left: 2, bottom: 8, right: 6 });
    expect(reached[3]).not.toEqual(whole(network.shape(3)));
    const expected = await network.up(covered, needs, () => {});
    for (const at of values) near(working[at] as Floats, expected[at] as Floats);
  });

  it("runs a rectifier within the filter that it alone reads, to the same values", async () => {
    const program = branching();
    const arrays = [drawn(4 * 3 * 9, 8), drawn(4 * 4 * 9, 9)];
    const merged = new Network(program, arrays, await Matrices.open());
    const apart = new Network(
      { ...program, layers: { ...program.layers, filtered: 1 } },
      arrays,
      await Matrices.open(),
    );
    expect(merged.program.operations[1]?.op).toBe("conv");
    expect(apart.program.operations[1]?.op).toBe("rectify");
    const image = drawn(3 * 15 * 12, 10);
    const run = async (network: Network, rule: "deconvnet" | "guided" | "gradient") => {
      const needs = network.needs(new Map([[5, whole(network.shape(5))]]));
      const values = await network.up(image, needs, () => {});
      return [
        values[5] as Floats,
        (await network.down(5, [2, 4, 3], 1, values, rule, () => {})).pixels,
      ];
    };
    for (const rule of ["deconvnet", "guided", "gradient"] as const) {
      const [found, expected] = [await run(merged, rule), await run(apart, rule)];
      for (const i of [0, 1]) near(found[i] as Floats, expected[i] as Floats);
      expect(expected[1]?.some((value) => value !== 0)).toBe(true);
    }
  });

  it("gives the same again where maps were released, whatever lay in them", async () => {
    const network = new Network(
      branching(),
      [drawn(4 * 3 * 9, 8), drawn(4 * 4 * 9, 9)],
      await Matrices.open(),
    );
    const image = drawn(3 * 15 * 12, 10);
    const area = { top: 4, left: 2, bottom: 6, right: 5 };
    const run = async (known: Floats) => {
      const needs = network.needs(new Map([[5, area]]));
      return network.up(known, needs, () => {});
    };
    const first = (await run(image)).map((value) => value?.slice());
    for (const value of await run(image)) if (value !== image) value?.fill(Number.NaN);
    const dirty = await run(image);
    network.release(dirty);
    const again = await run(image);
    first.forEach((value, at) => {
      if (value) expect(again[at]).toEqual(value);
    });
  });

  it("refuses weights that aren't as many as they must be", async () => {
    const matrices = await Matrices.open();
    expect(() => new Network(branching(), [drawn(5), drawn(7)], matrices)).toThrow("weights");
    expect(() => new Network(branching(), [], matrices)).toThrow("missing");
  });

  it("takes whole numbers times the scale of their filter, once where filters are shared", () => {
    const program = branching();
    const filters = Int8Array.from({ length: 4 * 4 * 9 }, (_, i) => (i % 255) - 127);
    const scales = Float32Array.of(0.5, 2, 0.25, 1);
    const operations = program.operations.map((one) =>
      one.op === "conv" && one.weight === 1 ? { ...one, weight_scale: 2 } : one,
    );
    const view = (array: ArrayBufferView<ArrayBuffer>) => new DataView(array.buffer);
    const views = [view(drawn(4 * 3 * 9, 8)), view(filters), view(scales)];
    const kinds = ["float32", "int8", "float32"] as const;
    const shared = { ...program, operations: [...operations, operations[3] as Operation] };
    for (const one of [{ ...program, operations }, shared]) {
      const found = weightsOf(one, views, kinds)[1] as Floats;
      expect(Array.from(found)).toEqual(
        Array.from(filters, (value, i) => value * (scales[Math.floor(i / 36)] as number)),
      );
    }
    expect(() => weightsOf({ ...program, operations }, views.slice(0, 2), kinds)).toThrow("Scales");
  });

  it("reads half precision as it is defined", () => {
    const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0xfc00, 0x3555];
    const found = halves(new DataView(Uint16Array.from(bits).buffer));
    const expected = [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, Infinity, -Infinity];
    expect(Array.from(found.slice(0, 9))).toEqual(expected);
    expect(found[9]).toBeCloseTo(1 / 3, 3);
    expect(halves(new DataView(Uint16Array.of(0x7e00).buffer))[0]).toBeNaN();
  });
});
