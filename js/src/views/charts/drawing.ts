/** A chart's layout as elements. */

import { h, svg } from "../../lib/page/dom";
import { SERIES } from "../../lib/pictures/colour_tables";
import { type Label, type Layout, type Point, SLANT, type Spot } from "./geometry";
import type { Charted, Mark, Series } from "./spec";
import { told } from "./words";

/** Lines are told apart by these, too. */
const DASHES = ["", "7 4", "2 3", "9 3 2 3"] as const;

const px = (value: number) => value.toFixed(2);
const d = (points: readonly Point[]) =>
  points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${px(x)} ${px(y)}`).join("");

export interface Drawn {
  element: SVGSVGElement;
  /** In the order of the layout's spots. */
  spots: SVGGElement[];
  /** What is pointed out, below the spots. */
  marks: SVGGElement;
}

/** The whole drawing. */
export function draw(chart: Charted, layout: Layout, width: number): Drawn {
  const grid = layout.grid.map((ends) => svg("path", { class: "zf-chart-grid", d: d(ends) }));
  const base = layout.base && svg("path", { class: "zf-chart-base", d: d(layout.base) });
  const marks = svg("g", { class: "zf-chart-marks" });
  const spots: SVGGElement[] = [];
  const series = chart.series.map((one, number) => {
    const lines = layout.lines.filter((line) => line.series === number);
    const path = lines.flatMap(({ parts }) => parts.map(d)).join("");
    const own: SVGGElement[] = [];
    layout.spots.forEach((spot, at) => {
      if (spot.series !== number) return;
      const element = spotElement(chart, spot, at);
      spots[at] = element;
      own.push(element);
    });
    const group = svg(
      "g",
      { class: `zf-chart-series zf-chart-${one.kind}`, "data-series": number },
      // What a pointer finds of a thin line.
      path && svg("path", { class: "zf-chart-near", d: path }),
      path && svg("path", { class: "zf-chart-path", d: path, "stroke-dasharray": dashes(one) }),
      ...own,
    );
    ink(group, one);
    return group;
  });
  const element = svg(
    "svg",
    { class: "zf-chart-drawing", width, height: chart.height, role: "group" },
    ...grid,
    base,
    svg("g", { class: "zf-chart-labels", "aria-hidden": "true" }, ...layout.labels.map(label)),
    ...series,
    marks,
  );
  element.classList.toggle("zf-choosable", chart.choosable);
  return { element, spots, marks };
}

function spotElement(chart: Charted, spot: Spot, at: number): SVGGElement {
  const { bar, area, x, y, radius } = spot;
  const box = (of: { left: number; top: number; width: number; height: number }, name: string) =>
    svg("rect", {
      class: name,
      x: px(of.left),
      y: px(of.top),
      width: px(of.width),
      height: px(of.height),
    });
  return svg(
    "g",
    {
      class: "zf-chart-spot",
      role: chart.choosable ? "button" : "img",
      "aria-label": told(chart, spot.series, spot.place).join(", "),
      tabindex: -1,
      "data-spot": at,
      "data-place": spot.place,
    },
    area && box(area, "zf-chart-area"),
    bar && box(bar, "zf-chart-bar"),
    !bar && svg("circle", { class: "zf-chart-dot", cx: px(x), cy: px(y), r: radius }),
  );
}

/** Lines at places, and rings or frames around what is pointed out. */
export function drawMarks(layout: Layout, marks: readonly Mark[], chart: Charted): SVGElement[] {
  const { plot } = layout;
  return marks.flatMap((mark) => {
    const x = mark.kind === "line" ? layout.at(mark.at) : null;
    const line = x !== null && [
      { x, y: plot.top },
      { x, y: plot.top + plot.height },
    ];
    return [
      ...(line ? [svg("path", { class: "zf-chart-mark", d: d(line) })] : []),
      ...layout.spots
        .filter((spot) => isPointedOut(spot, [mark], chart))
        .map((spot) => around(spot, "zf-chart-ring")),
    ];
  });
}

/** Whether any mark is of this spot. */
export function isPointedOut(
  { series, place }: Spot,
  marks: readonly Mark[],
  chart: Charted,
): boolean {
  return marks.some(({ kind, at }) =>
    kind === "line" ? chart.series[series]?.x[place] === at : place === at,
  );
}

/** A ring around a point, or a frame around a bar. */
export function around({ bar, x, y, radius }: Spot, name: string): SVGElement {
  if (!bar) return svg("circle", { class: name, cx: px(x), cy: px(y), r: radius + 4 });
  return svg("rect", {
    class: name,
    x: px(bar.left - 1),
    y: px(bar.top - 1),
    width: px(bar.width + 2),
    height: px(bar.height + 2),
  });
}

/** Let one series stand out. */
export function standOut(element: Element, strong: number): void {
  for (const group of element.querySelectorAll<SVGGElement>("[data-series]")) {
    const own = Number(group.dataset.series) === strong;
    group.classList.toggle("zf-strong", own);
    group.classList.toggle("zf-faded", strong >= 0 && !own);
  }
}

/** The names of the series, each with its line or its bar's colour. */
export function legend({ series }: Charted): HTMLElement {
  return h(
    "ul",
    { class: "zf-chart-legend" },
    ...series.map((one, number) => {
      const bars = one.kind === "bars";
      const key = svg(
        "svg",
        { width: bars ? 10 : 24, height: 10, "aria-hidden": "true" },
        bars
          ? svg("rect", { class: "zf-chart-bar", width: 10, height: 10 })
          : svg("path", { class: "zf-chart-path", d: "M0 5H24", "stroke-dasharray": dashes(one) }),
      );
      const item = h("li", { "data-series": number }, key, h("span", {}, one.name));
      ink(item, one);
      return item;
    }),
  );
}

function label({ x, y, text, whole, anchor, slanted }: Label): SVGElement {
  const place = slanted ? { transform: `translate(${px(x)} ${px(y)}) rotate(-${SLANT})` } : {};
  return svg(
    "text",
    { ...(slanted ? place : { x: px(x), y: px(y) }), "text-anchor": anchor },
    whole && whole !== text && svg("title", {}, whole),
    text,
  );
}

function ink(element: HTMLElement | SVGElement, { style }: Series): void {
  element.style.setProperty("--zf-ink", SERIES[style % SERIES.length] ?? "");
}

function dashes({ style }: Series): string | undefined {
  return DASHES[style % DASHES.length] || undefined;
}
