/** Lines, levels and named points. */

import type { Box, Label, Layout, Measure, Point, Spot } from "./geometry";
import { lying, placed, type Range, reachOf, standing, type Tick, tickText } from "./scale";
import { type Charted, known, type Series } from "./spec";
import { shortened } from "./text";

/** Around the plot: half a line of text above, below that of values a line of places. */
const TOP = 8;
const BELOW = 24;
const RIGHT = 10;
/** The longest name on an axis or beside a point. */
const LONGEST = 110;
/** Points of which each has its name beside it. */
const NAMED = 15;
const LINE = 13;

export function layLines(chart: Charted, width: number, measure: Measure): Layout {
  const { series, across, up } = chart;
  const height = chart.height - TOP - BELOW;
  const values = series.flatMap(({ y }) => y.filter(known));
  const places = series.flatMap(({ x }) => x.filter(known));
  const valued = reachOf(values, up);
  const reached = reachOf(places, across);
  const vertical = valued && standing(valued, up, height);
  const left = 8 + Math.ceil(Math.max(0, ...(vertical?.ticks ?? []).map((t) => measure(t.text))));
  const right = Math.max(RIGHT, reached ? halfOf(reached, measure) : 0);
  const plot: Box = { left, top: TOP, width: Math.max(20, width - left - right), height };
  const scattered = series.some(({ kind }) => kind === "points");
  const horizontal = reached && {
    ...lying(reached, across, plot.width, measure, {
      ended: scattered,
      whole: places.every(Number.isInteger),
      values: scattered,
    }),
  };
  const toX = horizontal && placed(horizontal, left, left + plot.width);
  const toY = vertical && placed(vertical, TOP + height, TOP);
  const labels: Label[] = [];
  const grid: [Point, Point][] = [];
  for (const { value, text } of vertical?.ticks ?? []) {
    const y = toY?.(value) ?? 0;
    grid.push([
      { x: left, y },
      { x: left + plot.width, y },
    ]);
    labels.push({ x: left - 6, y: y + 4, text, anchor: "end" });
  }
  if (toX && horizontal) {
    const named = across.names.map(([value, name]) => ({ value, text: name }));
    const ticks = named.length > 0 ? thinned(named, toX, width, measure) : horizontal.ticks;
    for (const tick of ticks) labels.push(below(tick, toX, width, chart.height - 5, measure));
  }
  const [lines, spots] = toY ? drawn(series, plot, toX, toY) : [[], []];
  if (scattered && spots.length <= NAMED) {
    labels.push(...beside(spots, series, width, plot, measure));
  }
  return {
    plot,
    grid,
    base: null,
    labels,
    lines,
    spots,
    at: (place) =>
      toX && horizontal && place >= horizontal.low && place <= horizontal.high ? toX(place) : null,
  };
}

/** Half of the widest number at an axis' ends. */
function halfOf({ low, high }: Range, measure: Measure): number {
  const step = (high - low) / 4;
  return 2 + Math.ceil(Math.max(...[low, high].map((end) => measure(tickText(end, step)))) / 2);
}

function drawn(
  series: readonly Series[],
  plot: Box,
  toX: ((value: number) => number) | null,
  toY: (value: number) => number,
): [Layout["lines"], Spot[]] {
  const lines: { series: number; parts: Point[][] }[] = [];
  const spots: Spot[] = [];
  series.forEach(({ kind, x, y }, number) => {
    if (kind === "level") {
      const [value] = y;
      if (!known(value)) return;
      const [start, end] = [plot.left, plot.left + plot.width].map((x) => ({ x, y: toY(value) }));
      lines.push({ series: number, parts: [[start as Point, end as Point]] });
      spots.push({ ...(end as Point), series: number, place: 0, radius: 0 });
      return;
    }
    const dense = plot.width / Math.max(1, x.length - 1) / 4;
    const radius = kind === "points" ? 4 : Math.min(3, Math.max(1.5, dense));
    const parts: Point[][] = [[]];
    y.forEach((value, place) => {
      const at = x[place];
      if (!known(value) || !known(at) || !toX) {
        parts.push([]);
        return;
      }
      const point = { x: toX(at), y: toY(value) };
      parts.at(-1)?.push(point);
      spots.push({ ...point, series: number, place, radius });
    });
    if (kind === "line") {
      lines.push({ series: number, parts: parts.filter((part) => part.length > 1) });
    }
  });
  return [lines, spots];
}

/** A text below its place, moved inwards where it would be cut. */
function below(
  { value, text }: Tick,
  toX: (value: number) => number,
  width: number,
  y: number,
  measure: Measure,
): Label {
  const short = shortened(text, LONGEST, measure);
  const half = measure(short) / 2 + 1;
  const x = Math.max(half, Math.min(width - half, toX(value)));
  return { x, y, text: short, anchor: "middle", ...(short === text ? {} : { whole: text }) };
}

/** Every so manieth of the names, so that none lies over another. */
function thinned(
  names: readonly Tick[],
  toX: (value: number) => number,
  width: number,
  measure: Measure,
): Tick[] {
  for (let every = 1; ; every++) {
    const some = names.filter((_, i) => i % every === 0);
    let end = Number.NEGATIVE_INFINITY;
    const fit = some.every((tick) => {
      const { x, text } = below(tick, toX, width, 0, measure);
      const half = measure(text) / 2;
      const free = x - half >= end + 8;
      end = x + half;
      return free;
    });
    if (fit) return some;
  }
}

/** The names of points beside them, where there is room. */
function beside(
  spots: readonly Spot[],
  series: readonly Series[],
  width: number,
  plot: Box,
  measure: Measure,
): Label[] {
  const taken: Box[] = spots.map(({ x, y, radius: r }) => ({
    left: x - r,
    top: y - r,
    width: 2 * r,
    height: 2 * r,
  }));
  const labels: Label[] = [];
  for (const { x, y, series: number, place } of spots) {
    const whole = series[number]?.names[place] ?? "";
    const text = shortened(whole, LONGEST, measure);
    const size = { width: measure(text), height: LINE };
    const corners = [
      { left: x + 11, top: y - LINE / 2 },
      { left: x - 11 - size.width, top: y - LINE / 2 },
      { left: x - size.width / 2, top: y - 9 - LINE },
      { left: x - size.width / 2, top: y + 9 },
    ];
    const free = corners
      .map((corner) => ({ ...corner, ...size }))
      .find(
        (box) =>
          box.left >= plot.left &&
          box.left + box.width <= width &&
          box.top >= 0 &&
          box.top + box.height <= plot.top + plot.height &&
          !taken.some((other) => overlap(box, other)),
      );
    if (!text || !free) continue;
    taken.push(free);
    labels.push({ x: free.left, y: free.top + 10, text, anchor: "start", whole });
  }
  return labels;
}

function overlap(a: Box, b: Box): boolean {
  return (
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height
  );
}
