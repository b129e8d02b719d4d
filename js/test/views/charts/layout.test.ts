/** Where a chart puts its numbers, against positions that are computed here. */

import { describe, expect, it } from "vitest";
import type { Box, Label, Layout, Spot } from "../../../src/views/charts/geometry";
import { layOut } from "../../../src/views/charts/layout";
import { type Axis, type Charted, FIRST, type Series } from "../../../src/views/charts/spec";
import { allShortened, shortened } from "../../../src/views/charts/text";

const axis = (some: Partial<Axis> = {}): Axis => ({ ...FIRST.across, ...some });
const one = (some: Partial<Series>): Series => ({
  kind: "line",
  style: 0,
  name: "one",
  x: [],
  y: [],
  names: [],
  ...some,
});
const charted = (some: Partial<Charted>): Charted => ({ ...FIRST, ...some });
const named = (...names: string[]) => axis({ names: names.map((name, i) => [i, name] as const) });

/** Letters are as wide as they are on no screen, so that nothing fits by luck. */
const measure = (text: string) => 7 * text.length;

/** The straight line through numbers and their pixels: by least squares, not by our scales. */
function fitted(values: readonly number[], pixels: readonly number[]) {
  const mean = (all: readonly number[]) => all.reduce((a, b) => a + b, 0) / all.length;
  const [v, p] = [mean(values), mean(pixels)];
  const slope =
    values.reduce((sum, value, i) => sum + (value - v) * ((pixels[i] as number) - p), 0) /
    values.reduce((sum, value) => sum + (value - v) ** 2, 0);
  return { slope, at: (value: number) => p + slope * (value - v) };
}

function boxOf({ x, y, text, anchor }: Label): Box {
  const width = measure(text);
  const left = { start: x, middle: x - width / 2, end: x - width }[anchor];
  return { left, top: y - 9, width, height: 12 };
}

const apart = (a: Box, b: Box) =>
  a.left + a.width <= b.left ||
  b.left + b.width <= a.left ||
  a.top + a.height <= b.top ||
  b.top + b.height <= a.top;

/** No text is cut by the drawing's edge, and none lies over another. */
function expectReadable({ labels }: Layout, width: number, height: number): void {
  const boxes = labels.filter(({ slanted }) => !slanted).map(boxOf);
  for (const box of boxes) {
    expect(box.left).toBeGreaterThanOrEqual(-0.01);
    expect(box.left + box.width).toBeLessThanOrEqual(width + 0.01);
    expect(box.top).toBeGreaterThanOrEqual(-1.01);
    expect(box.top + box.height).toBeLessThanOrEqual(height);
  }
  boxes.forEach((box, i) => {
    for (const other of boxes.slice(i + 1)) expect(apart(box, other)).toBe(true);
  });
}

const texts = ({ labels }: Layout) => labels.map(({ text }) => text);
const x = (spots: readonly Spot[]) => spots.map((spot) => spot.x);
const y = (spots: readonly Spot[]) => spots.map((spot) => spot.y);

describe("lines", () => {
  const chart = charted({
    across: axis({ label: "shift" }),
    up: axis({ low: 0, high: 1 }),
    series: [
      one({ x: [-40, -15, 0, 35], y: [0.125, null, 0.5, 0.9] }),
      one({ name: "two", style: 1, x: [-40, 35], y: [0.25, 0.75] }),
    ],
  });

  it.each([220, 380, 900])("stand where their numbers say, in %i pixels", (width) => {
    const layout = layOut(chart, width, measure);
    const { spots, plot } = layout;
    expect(spots.map(({ series, place }) => [series, place])).toEqual([
      [0, 0],
      [0, 2],
      [0, 3],
      [1, 0],
      [1, 1],
    ]);
    // The axis is 0 to 1 high, and as wide as the data.
    for (const [i, value] of [0.125, 0.5, 0.9, 0.25, 0.75].entries()) {
      expect(spots[i]?.y).toBeCloseTo(plot.top + (1 - value) * plot.height, 6);
    }
    for (const [i, value] of [-40, 0, 35, -40, 35].entries()) {
      expect(spots[i]?.x).toBeCloseTo(plot.left + ((value + 40) / 75) * plot.width, 6);
    }
    expectReadable(layout, width, chart.height);
    // Numbers on the axes are those of their places.
    const below = layout.labels.filter(({ anchor }) => anchor === "middle");
    expect(below.length).toBeGreaterThan(1);
    const { at } = fitted([-40, 35], [plot.left, plot.left + plot.width]);
    for (const label of below) {
      const value = Number(label.text.replace("−", "-"));
      expect(value % 5).toBeCloseTo(0, 9);
      expect(Math.abs(label.x - at(value))).toBeLessThan(8); // moved inwards at the edges
    }
  });

  it("have gaps where a number is missing, and single points between two gaps", () => {
    const gap = one({ x: [0, 1, 2, 3, 4, 5], y: [1, 2, null, 3, null, Number.NaN] });
    const { lines, spots } = layOut(charted({ series: [gap] }), 400, measure);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.parts.map((part) => part.length)).toEqual([2]);
    expect(spots.map(({ place }) => place)).toEqual([0, 1, 3]);
  });

  it("never leave the drawing: the axis reaches at least what it should, and all data", () => {
    const up = axis({ low: -0.1, high: 1 });
    const far = one({ x: [0, 1], y: [-0.83, 1] });
    const layout = layOut(charted({ up, series: [far] }), 400, measure);
    for (const spot of layout.spots) {
      expect(spot.y).toBeGreaterThanOrEqual(layout.plot.top);
      expect(spot.y).toBeLessThanOrEqual(layout.plot.top + layout.plot.height);
    }
    expect(texts(layout)).toContain("−1.0");
  });

  it("have whole numbers below whole places, and places named by name", () => {
    const epochs = one({ x: [1, 2, 3], y: [0.5, 0.4, 0.3] });
    const whole = layOut(charted({ series: [epochs] }), 900, measure);
    const below = (layout: Layout) =>
      layout.labels.filter(({ anchor }) => anchor === "middle").map(({ text }) => text);
    expect(below(whole)).toEqual(["1", "2", "3"]);
    const moments = Array.from({ length: 30 }, (_, i) => i);
    const steps = one({ x: moments, y: moments });
    const across = named(...moments.map((i) => `${100 * i}`));
    const layout = layOut(charted({ across, series: [steps] }), 300, measure);
    expectReadable(layout, 300, 240);
    expect(below(layout)[0]).toBe("0");
    expect(below(layout).length).toBeGreaterThan(2);
    for (const text of below(layout)) {
      const label = layout.labels.find((one) => one.text === text && one.anchor === "middle");
      expect(Math.abs((label?.x ?? 0) - (layout.spots[Number(text) / 100]?.x ?? 0))).toBeLessThan(
        16,
      );
    }
  });

  it("are compared with levels as wide as the drawing", () => {
    const level = one({ kind: "level", name: "chance", y: [0.25] });
    const { lines, plot, spots } = layOut(
      charted({ ...chart, series: [...chart.series, level] }),
      400,
      measure,
    );
    const [start, end] = lines[2]?.parts[0] ?? [];
    expect([start?.x, end?.x]).toEqual([plot.left, plot.left + plot.width]);
    expect(start?.y).toBeCloseTo(plot.top + 0.75 * plot.height, 6);
    expect(spots.at(-1)).toMatchObject({ series: 2, place: 0, y: start?.y });
  });

  it.each([
    [[], []],
    [[3], [7]],
    [
      [0, 1],
      [0, 0],
    ],
    [
      [0, 1],
      [null, null],
    ],
    [
      [5e-7, 9e-7],
      [1e9, 3e9],
    ],
  ])("say nothing wrong of places %j with values %j", (x, y) => {
    const layout = layOut(charted({ series: [one({ x, y })] }), 300, measure);
    expect(layout.spots).toHaveLength(y.filter((value) => value !== null).length);
    for (const { x, y } of [...layout.spots, ...layout.labels]) {
      expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
    }
    expectReadable(layout, 300, 240);
  });
});

describe("bars", () => {
  const series = [
    one({ kind: "bars", name: "before", x: [0, 1, 2], y: [0.25, 0.5, null] }),
    one({ kind: "bars", name: "after", style: 1, x: [0, 1, 2], y: [-0.25, 0.75, 0.1] }),
  ];

  it("are as high as their numbers, from zero, beside each other", () => {
    const chart = charted({ across: named("cat", "dog", "owl"), series });
    const layout = layOut(chart, 400, measure);
    const values = [0.25, 0.5, -0.25, 0.75, 0.1];
    const { slope } = fitted(values, y(layout.spots));
    expect(slope).toBeLessThan(0);
    layout.spots.forEach(({ bar }, i) => {
      expect(bar?.height).toBeCloseTo(Math.abs((values[i] as number) * slope), 6);
    });
    const zero = layout.base?.[0]?.y ?? 0;
    expect(layout.spots[0]?.bar?.top).toBeCloseTo(zero - 0.25 * -slope, 6);
    expect(layout.spots[2]?.bar?.top).toBeCloseTo(zero, 6); // below
    const lefts = layout.spots.map(({ bar }) => bar?.left ?? 0);
    expect([...lefts].sort((a, b) => a - b)).toEqual(
      [0, 2, 1, 3, 4].map((i) => lefts[i]), // cat, cat, dog, dog, owl
    );
    expectReadable(layout, 400, chart.height);
    expect(texts(layout)).toEqual(expect.arrayContaining(["cat", "dog", "owl", "0.0"]));
  });

  it("lie with the first on top, and their names keep some room", () => {
    const across = named("cat", "a very long name that no chart has room for", "owl");
    const chart = charted({ across, series, lying: true, up: axis({ low: 0, high: 1 }) });
    const layout = layOut(chart, 300, measure);
    const values = [0.25, 0.5, -0.25, 0.75, 0.1];
    const { slope } = fitted(values, x(layout.spots));
    layout.spots.forEach(({ bar }, i) => {
      expect(bar?.width).toBeCloseTo(Math.abs((values[i] as number) * slope), 6);
    });
    expect(layout.spots[0]?.y).toBeLessThan(layout.spots[1]?.y ?? 0);
    const long = layout.labels.find(({ whole }) => whole?.startsWith("a very"));
    expect(long?.text).toMatch(/^a very.*…$/);
    expect(measure(long?.text ?? "")).toBeLessThanOrEqual(0.4 * 300);
    expectReadable(layout, 300, chart.height);
  });

  it.each([200, 420, 1000])(
    "have slanted names where level ones don't fit, in %i pixels",
    (width) => {
      const layers = Array.from({ length: 8 }, (_, i) => `features.${i}.expand3x3`);
      const bars = one({ kind: "bars", x: layers.map((_, i) => i), y: layers.map((_, i) => i) });
      const chart = charted({ across: named(...layers), series: [bars] });
      const layout = layOut(chart, width, measure);
      const names = layout.labels.filter(({ whole }) => whole);
      expect(names.length).toBeGreaterThan(2);
      expect(new Set(names.map(({ whole }) => whole)).size).toBe(names.length);
      for (const { x, y, text, slanted } of names) {
        if (!slanted) continue;
        // Turned by 40 degrees about its end, it begins left and below.
        const angle = (40 / 180) * Math.PI;
        expect(x - Math.cos(angle) * measure(text)).toBeGreaterThanOrEqual(-0.01);
        expect(y + Math.sin(angle) * measure(text)).toBeLessThanOrEqual(chart.height);
      }
      const slanted = names.filter((label) => label.slanted);
      slanted.slice(1).forEach((label, i) => {
        const across = (label.x - (slanted[i]?.x ?? 0)) * Math.sin((40 / 180) * Math.PI);
        expect(across).toBeGreaterThanOrEqual(11);
      });
      expectReadable(layout, width, chart.height);
    },
  );

  it("of nothing have an axis, and zero has a bar of no height", () => {
    const none = one({ kind: "bars", x: [0, 1], y: [0, null] });
    const layout = layOut(charted({ across: named("a", "b"), series: [none] }), 300, measure);
    expect(layout.spots.map(({ bar }) => bar?.height)).toEqual([0]);
  });
});

describe("points", () => {
  it("have their names beside them where there is room, none over another", () => {
    const names = ["oak", "elm", "fir", "a tree with the longest of all names", "yew"];
    const points = one({
      kind: "points",
      names,
      x: [0.5, 0.51, 0.9, 0.1, 0.3],
      y: [0.7, 0.7, 0.2, 0.9, null],
    });
    const chart = charted({ series: [points], up: axis({ low: 0, high: 1 }) });
    const layout = layOut(chart, 420, measure);
    expect(layout.spots.map(({ place }) => place)).toEqual([0, 1, 2, 3]);
    expect(texts(layout)).toEqual(expect.arrayContaining(["oak", "elm", "fir"]));
    expect(texts(layout)).not.toContain("yew");
    expectReadable(layout, 420, chart.height);
    const { at } = fitted([0.7, 0.2], [layout.spots[0]?.y ?? 0, layout.spots[2]?.y ?? 0]);
    expect(layout.spots[3]?.y).toBeCloseTo(at(0.9), 6);
  });
});

it("leaves out the middle of names that would be cut to the same", () => {
  const names = ["without conv3, conv4", "without conv3, fc6", "as it is", "as it is"];
  const short = allShortened(names, () => 84, measure);
  expect(short).toEqual(["withou…conv4", "withou…, fc6", "as it is", "as it is"]);
});

it("cuts a text at the last letter that fits", () => {
  expect(shortened("kitten", 42, measure)).toBe("kitten");
  expect(shortened("kitten", 41, measure)).toBe("kitt…");
  expect(shortened("a b c", 21, measure)).toBe("a…");
  expect(shortened("kitten", 3, measure)).toBe("…");
});
