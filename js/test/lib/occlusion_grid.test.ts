import { describe, expect, it } from "vitest";
import {
  cellAt,
  labelColours,
  nearestDone,
  occluderBox,
  PROVISIONAL,
  paintLabels,
  paintValues,
  range,
} from "../../src/lib/occlusion/grid";
import {
  changeScale,
  changeText,
  KINDS,
  type MapKind,
  partOf,
  valueScale,
} from "../../src/lib/occlusion/map_kinds";
import { clip } from "../../src/lib/pictures/boxes";
import { lutOf } from "../../src/lib/pictures/colour";
import type { Pair } from "../../src/lib/wire/protocol";

describe("the occluder of a cell", () => {
  it("is centred on the cell's block, as occluder_box in records.py has it", () => {
    // worked out by hand: row*stride + stride//2 - size//2
    expect(occluderBox(0, 0, [32, 20], [8, 6])).toEqual({
      top: -12,
      left: -7,
      height: 32,
      width: 20,
    });
    expect(occluderBox(3, 5, [32, 20], [8, 6])).toEqual({
      top: 12,
      left: 23,
      height: 32,
      width: 20,
    });
    expect(occluderBox(2, 1, [7, 5], [3, 4])).toEqual({ top: 4, left: 4, height: 7, width: 5 });
  });

  it("is cut by the image", () => {
    const box = occluderBox(0, 5, [32, 20], [8, 6]);
    expect(clip(box, 24, 40)).toEqual({ top: 0, left: 23, height: 20, width: 17 });
    expect(clip({ top: 50, left: 2, height: 4, width: 4 }, 24, 40)).toEqual({
      top: 24,
      left: 2,
      height: 0,
      width: 4,
    });
  });

  it.each([
    [
      [8, 6],
      [32, 20],
    ],
    [
      [4, 4],
      [9, 31],
    ],
    [
      [5, 3],
      [4, 4],
    ],
  ] as [Pair, Pair][])(
    "has its centre in the cell that it stands for (stride %j, size %j)",
    (stride, size) => {
      const grid: Pair = [7, 11];
      for (let row = 0; row < grid[0]; row++) {
        for (let col = 0; col < grid[1]; col++) {
          const { top, left, height, width } = occluderBox(row, col, size, stride);
          const centre = [top + Math.floor(height / 2), left + Math.floor(width / 2)] as const;
          expect(cellAt(...centre, stride, grid)).toEqual([row, col]);
        }
      }
    },
  );
});

describe("cells that aren't done", () => {
  it("borrow from the nearest done one", () => {
    const [rows, columns] = [9, 13];
    const done = Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 11 === 0);
    const nearest = nearestDone(done, rows, columns);
    const distance = (a: number, b: number) =>
      Math.max(
        Math.abs(Math.floor(a / columns) - Math.floor(b / columns)),
        Math.abs((a % columns) - (b % columns)),
      );
    const sources = done.flatMap((is, i) => (is ? [i] : []));
    nearest.forEach((from, cell) => {
      expect(done[from]).toBe(true);
      const best = Math.min(...sources.map((source) => distance(cell, source)));
      expect(distance(cell, from)).toBe(best);
    });
    for (const source of sources) expect(nearest[source]).toBe(source);
  });

  it("stay empty when nothing is done", () => {
    expect(Array.from(nearestDone([false, false], 1, 2))).toEqual([-1, -1]);
  });
});

describe("painting coarse to fine", () => {
  const grid: Pair = [4, 6];
  const nan = Number.NaN;
  const coarse = Float32Array.from({ length: 24 }, () => nan);
  coarse[0] = 0;
  coarse[3] = 1;
  coarse[14] = 0.5;
  const pixel = (rgba: Uint8ClampedArray, cell: number) =>
    Array.from(rgba.slice(cell * 4, cell * 4 + 4));
  const lut = lutOf("viridis");
  const colour = (at: number) => Array.from(lut.slice(at * 4, at * 4 + 3));

  it("paints done cells in full and borrowed ones provisionally", () => {
    const { rows, columns, rgba } = paintValues(coarse, grid, lut, [0, 1]);
    expect([rows, columns]).toEqual(grid);
    expect(pixel(rgba, 0)).toEqual([...colour(0), 255]);
    expect(pixel(rgba, 3)).toEqual([...colour(255), 255]);
    expect(pixel(rgba, 14)).toEqual([...colour(128), 255]);
    expect(pixel(rgba, 5)).toEqual([...colour(255), 255 * PROVISIONAL + 0.5].map(Math.floor));
  });

  it("changes no done cell when more come, and ends with none provisional", () => {
    const before = paintValues(coarse, grid, lut, [0, 1]).rgba;
    const fine = coarse.map((value, i) => (Number.isNaN(value) ? i / 24 : value));
    const after = paintValues(fine, grid, lut, [0, 1]).rgba;
    for (const cell of [0, 3, 14]) expect(pixel(after, cell)).toEqual(pixel(before, cell));
    for (let cell = 0; cell < 24; cell++) expect(after[cell * 4 + 3]).toBe(255);
  });

  it("paints nothing before the first cell is done", () => {
    const { rgba } = paintValues(new Float32Array(24).fill(nan), grid, lut, [0, 1]);
    expect(rgba.every((value) => value === 0)).toBe(true);
  });

  it("gives labels their colours by how many cells they win", () => {
    const labels = Int32Array.from([7, 7, 7, 2, -1, 2]);
    const key = labelColours(labels);
    expect(key.map(({ label, cells }) => [label, cells])).toEqual([
      [7, 3],
      [2, 2],
    ]);
    const { rgba } = paintLabels(labels, [2, 3]);
    expect(pixel(rgba, 0)).toEqual([...key[0]!.colour, 255]);
    expect(pixel(rgba, 5)).toEqual([...key[1]!.colour, 255]);
    expect(rgba[4 * 4 + 3]).toBeLessThan(255);
  });
});

describe("the scale of values", () => {
  const span = (...from: Parameters<typeof valueScale>) => valueScale(...from).ends;

  it("starts at zero and holds the clean value", () => {
    const values = Float32Array.from([0.25, Number.NaN, 0.75]);
    expect(range(values)).toEqual([0.25, 0.75]);
    expect(span("probability", values, [0.875])).toEqual([0, 0.875]);
    expect(span("total", Float32Array.from([-2, 1]), [0])).toEqual([-2, 1]);
    expect(span("hamming", Float32Array.from([0.125, 0.5]), [0])).toEqual([0, 0.5]);
  });

  it("of scores spans what there is, as their zero means nothing", () => {
    const values = Float32Array.from([4, Number.POSITIVE_INFINITY, 7]);
    expect(span("logit", values, [9, 3])).toEqual([3, 9]);
    expect(span("log_odds", Float32Array.from([3]), [3])).toEqual([2, 4]);
  });
});

describe("the scale of changes", () => {
  /** The colour that a change gets. */
  const painted = (changes: Float32Array, at: number) => {
    const { ends } = changeScale("probability", changes, 1);
    const { rgba } = paintValues(changes, [1, changes.length], lutOf("diverging"), ends);
    return Array.from(rgba.subarray(at * 4, at * 4 + 3));
  };
  const neutral = Array.from(lutOf("diverging").subarray(128 * 4, 128 * 4 + 3));

  it("never promises what can't be: from 60 % nothing rises by more than 40 points", () => {
    for (const clean of [0, 0.1, 0.6, 0.93, 1]) {
      const values = Array.from({ length: 41 }, (_, i) => i / 40);
      const changes = Float32Array.from(values, (value) => value - clean);
      const { low, high } = changeScale("probability", changes, 1);
      expect(clean + low).toBeGreaterThanOrEqual(-1e-6);
      expect(clean + high).toBeLessThanOrEqual(1 + 1e-6);
    }
  });

  it("has grey for no change, wherever that lies between what occurs", () => {
    for (const changes of [
      [0, -0.3, 0.05],
      [0, 0.7],
      [0, -0.2],
      [0, 0],
    ]) {
      expect(painted(Float32Array.from(changes), 0)).toEqual(neutral);
    }
    const [less, more] = [-0.3, 0.3].map((one) => painted(Float32Array.from([0, one]), 1));
    expect(less![2]).toBeGreaterThan(less![0]! + 50); // blue
    expect(more![0]).toBeGreaterThan(more![2]! + 50); // red
  });

  it("gives equal changes in both directions equally strong colours", () => {
    const scale = changeScale("total", Float32Array.from([-8, 2, Number.NaN]), 20);
    expect(scale).toEqual({ ends: [-8, 8], low: -8, high: 2 });
    expect(partOf(scale)).toEqual([0, 0.625]); // 2 is a quarter of the way from the middle
    const distance = changeScale("hamming", Float32Array.from([0, 0.5]), 0.5);
    expect(partOf(distance)).toEqual([0.5, 1]);
  });

  it.each(Object.keys(KINDS).filter((kind) => kind !== "predicted") as MapKind[])(
    "doesn't paint rounding of %s in strong colours",
    (kind) => {
      const share = ["probability", "hamming", "cosine"].includes(kind);
      const [largest, noise] = share ? [1, 1e-7] : [300, 3e-5];
      const changes = Float32Array.from([0, noise, -noise]);
      const { ends } = changeScale(kind, changes, largest);
      const { rgba } = paintValues(changes, [1, 3], lutOf("diverging"), ends);
      rgba.forEach((level, at) => {
        expect(Math.abs(level - (neutral[at % 4] ?? 255))).toBeLessThanOrEqual(2);
      });
      const real = Float32Array.from([0, share ? 0.01 : 3]);
      expect(changeScale(kind, real, largest).ends[1]).toBeCloseTo(real[1]!);
    },
  );

  it("paints values that differ by rounding alike", () => {
    const values = Float32Array.from([300, 300.00003]);
    const { ends } = valueScale("total", values, [300]);
    const at = (value: number) => (value - ends[0]) / (ends[1] - ends[0]);
    expect(at(values[1]!) - at(values[0]!)).toBeLessThan(0.01);
  });

  it("is told in points, or in the map's own unit", () => {
    expect(
      ["probability", "hamming", "total"].map((kind) => changeText(kind as "total", 0)),
    ).toEqual(["no change", "no change", "no change"]);
    expect(changeText("probability", -0.3)).toBe("−30 points");
    expect(changeText("probability", 0.05)).toBe("+5 points");
    expect(changeText("probability", 0.01)).toBe("+1 point");
    expect(changeText("probability", -0.0123)).toBe("−1.2 points");
    expect(changeText("probability", -0.0001)).toBe("<0.1 points down");
    expect(changeText("probability", 2e-5)).toBe("<0.1 points up");
    expect(changeText("logit", -12.345)).toBe("−12.3");
    expect(changeText("total", 0.5)).toBe("+0.5");
    expect(changeText("hamming", 0.125)).toBe("13 %");
    expect(changeText("cosine", 1.25)).toBe("1.25");
  });
});
