/** Bars, upright or lying, in groups where there are several series. */

import {
  type Box,
  type Label,
  type Layout,
  type Measure,
  type Point,
  SLANT,
  type Spot,
} from "./geometry";
import { lying, placed, reachOf, standing } from "./scale";
import { type Charted, known } from "./spec";
import { allShortened } from "./text";

const EDGE = 8;
/** A line of text below the plot, and below those beside it. */
const BELOW = 24;
/** Of a group's place, and of a bar at most. */
const FILLED = 0.8;
const THICKEST = 36;
const ANGLE = (SLANT / 180) * Math.PI;
const LONGEST = 110;
const LINE = 14;

export function layBars(chart: Charted, width: number, measure: Measure): Layout {
  return chart.lying ? layLying(chart, width, measure) : layStanding(chart, width, measure);
}

function layStanding(chart: Charted, width: number, measure: Measure): Layout {
  const { up, across, height } = chart;
  const names = across.names.map(([, name]) => name);
  const valued = reached(chart);
  const widest = Math.max(0, ...names.map(measure));
  // How much names need decides over the ticks, whose width decides over how much names need.
  let [below, left] = [BELOW, 40];
  let vertical = standing(valued, up, height - EDGE - below);
  let slanted = false;
  for (let round = 0; round < 2; round++) {
    left = 8 + Math.ceil(Math.max(...vertical.ticks.map(({ text }) => measure(text))));
    slanted = widest + 6 > (width - left - EDGE) / Math.max(1, names.length);
    below = slanted ? Math.ceil(Math.min(widest, LONGEST) * Math.sin(ANGLE)) + 18 : BELOW;
    vertical = standing(valued, up, height - EDGE - below);
  }
  const plot: Box = {
    left,
    top: EDGE,
    width: Math.max(20, width - left - EDGE),
    height: Math.max(20, height - EDGE - below),
  };
  const toY = placed(vertical, plot.top + plot.height, plot.top);
  const right = plot.left + plot.width;
  const level = (value: number): [Point, Point] => [
    { x: plot.left, y: toY(value) },
    { x: right, y: toY(value) },
  ];
  const labels: Label[] = vertical.ticks.map(({ value, text }) => ({
    x: plot.left - 6,
    y: toY(value) + 4,
    text,
    anchor: "end",
  }));
  const slot = plot.width / Math.max(1, names.length);
  const every = slanted ? Math.max(1, Math.ceil(LINE / Math.sin(ANGLE) / slot)) : 1;
  const middle = (i: number) => plot.left + (i + 0.5) * slot;
  const room = (i: number) =>
    slanted ? Math.min(LONGEST, (middle(i) - 8) / Math.cos(ANGLE)) : slot;
  const short = allShortened(names, room, measure);
  names.forEach((name, i) => {
    if (i % every !== 0) return;
    const [x, text] = [middle(i), short[i] ?? ""];
    const y = plot.top + plot.height + (slanted ? 12 : 19);
    labels.push({ x, y, text, whole: name, anchor: slanted ? "end" : "middle", slanted });
  });
  const spots = bars(chart, slot, (from, thick, value) => {
    const [one, other] = [toY(0), toY(value)];
    const box = { left: plot.left + from, width: thick };
    return {
      bar: { ...box, top: Math.min(one, other), height: Math.abs(one - other) },
      area: { ...box, top: plot.top, height: plot.height },
      x: plot.left + from + thick / 2,
      y: other,
    };
  });
  const grid = vertical.ticks.map(({ value }) => level(value));
  return { plot, grid, base: level(0), labels, lines: [], spots, at: () => null };
}

function layLying(chart: Charted, width: number, measure: Measure): Layout {
  const { up, across, height } = chart;
  const names = across.names.map(([, name]) => name);
  const room = Math.min(Math.max(0, ...names.map(measure)), Math.floor(0.4 * width));
  const left = Math.ceil(room) + 8;
  const plot: Box = {
    left,
    top: 4,
    width: Math.max(20, width - left - 16),
    height: Math.max(20, height - 4 - BELOW),
  };
  const horizontal = lying(reached(chart), up, plot.width, measure, { ended: true });
  const toX = placed(horizontal, plot.left, plot.left + plot.width);
  const bottom = plot.top + plot.height;
  const upright = (value: number): [Point, Point] => [
    { x: toX(value), y: plot.top },
    { x: toX(value), y: bottom },
  ];
  const labels: Label[] = horizontal.ticks.map(({ value, text }) => {
    const half = measure(text) / 2 + 1;
    const x = Math.max(half, Math.min(width - half, toX(value)));
    return { x, y: bottom + 17, text, anchor: "middle" };
  });
  const slot = plot.height / Math.max(1, names.length);
  const every = Math.max(1, Math.ceil(LINE / slot));
  const short = allShortened(names, () => room, measure);
  names.forEach((name, i) => {
    if (i % every !== 0) return;
    const text = short[i] ?? "";
    const y = plot.top + (i + 0.5) * slot + 4;
    labels.push({ x: left - 6, y, text, whole: name, anchor: "end" });
  });
  const spots = bars(chart, slot, (from, thick, value) => {
    const [one, other] = [toX(0), toX(value)];
    const box = { top: plot.top + from, height: thick };
    return {
      bar: { ...box, left: Math.min(one, other), width: Math.abs(one - other) },
      area: { ...box, left: plot.left, width: plot.width },
      x: other,
      y: plot.top + from + thick / 2,
    };
  });
  const grid = horizontal.ticks.map(({ value }) => upright(value));
  return { plot, grid, base: upright(0), labels, lines: [], spots, at: () => null };
}

/** What the axis of values reaches: bars begin at zero. */
function reached({ series, up }: Charted) {
  const values = series.flatMap(({ y }) => y.filter(known));
  const largest = Math.max(0, ...values.map(Math.abs), Math.abs(up.low ?? 0), up.high ?? 0);
  if (largest === 0) return { low: 0, high: 1 };
  return reachOf([...values, 0], up) ?? { low: 0, high: 1 };
}

/** The bars of all series, each at its part of its group's place. */
function bars(
  { series }: Charted,
  slot: number,
  at: (from: number, thick: number, value: number) => Omit<Spot, "series" | "place" | "radius">,
): Spot[] {
  const thick = Math.min(THICKEST, (FILLED * slot) / Math.max(1, series.length));
  const before = (slot - thick * series.length) / 2;
  return series.flatMap(({ y }, number) =>
    y.flatMap((value, place) => {
      if (!known(value)) return [];
      const from = place * slot + before + number * thick;
      return [{ ...at(from, thick, value), series: number, place, radius: 0 }];
    }),
  );
}
