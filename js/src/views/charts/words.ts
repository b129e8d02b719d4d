/** What a chart says of its points: in their names, in the tooltip and in the table. */

import { decimal } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { type Axis, type Charted, known, type Series } from "./spec";

/** Four digits, as precise as a chart is read. */
export function exact(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-3
      ? number(value)
      : decimal(String(size >= 1000 ? Math.round(value) : Number(value.toPrecision(4))));
  return text.replace(/^-/, "−");
}

/** What a place of an axis is called. */
function placeName(axis: Axis, at: number): string {
  return axis.names.find(([place]) => place === at)?.[1] ?? exact(at);
}

/** A value with what it is, as far as that is known. */
function measured(axis: Axis, text: string): string {
  return [axis.label, text].filter(Boolean).join(" ");
}

/** What a point is, the name first. */
export function told(chart: Charted, series: number, place: number): string[] {
  const one = chart.series[series];
  const value = one?.y[place];
  if (!one || !known(value)) return [];
  const at = one.x[place];
  const said: string[] = [];
  if (one.kind === "points") said.push(one.names[place] ?? "");
  if (one.kind === "bars") said.push(placeName(chart.across, place));
  const named = one.kind === "bars" ? chart.series.length > 1 : one.kind !== "points";
  if (named) said.push(one.name);
  if (one.kind !== "bars" && known(at)) {
    said.push(measured(chart.across, placeName(chart.across, at)));
  }
  said.push(measured(chart.up, exact(value)));
  return said.filter(Boolean);
}

/** What all of it is called. */
export function title({ label, up, across }: Charted): string {
  return [label, up.label, across.label].filter(Boolean).join(", ");
}

/** The numbers, for those who don't see the drawing. */
export function table(chart: Charted): HTMLTableElement {
  const { series, across, up } = chart;
  const points = series.find(({ kind }) => kind === "points");
  const [heads, rows] = points ? listed(points, across, up) : crossed(series, across);
  return h(
    "table",
    {},
    h("caption", {}, title(chart)),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h(
      "tbody",
      {},
      ...rows.map(([name, ...cells]) =>
        h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) => h("td", {}, cell))),
      ),
    ),
  );
}

const said = (value: number | null | undefined) => (known(value) ? exact(value) : "–");

/** A row for each named point. */
function listed({ name, names, x, y }: Series, across: Axis, up: Axis): [string[], string[][]] {
  const rows = names.map((own, place) => [own, said(x[place]), said(y[place])]);
  return [[name || "–", across.label, up.label], rows];
}

/** A row for each place, a column for each series. */
function crossed(series: readonly Series[], across: Axis): [string[], string[][]] {
  const columns = series.map(({ kind, x, y }) => {
    const own = new Map<number, number | null>();
    x.forEach((at, place) => {
      if (known(at)) own.set(at, y[place] ?? null);
    });
    return (at: number) => (kind === "level" ? y[0] : own.get(at));
  });
  const places = [...new Set(series.flatMap(({ x }) => x.filter(known)))].sort((a, b) => a - b);
  const rows = places.map((at) => [
    placeName(across, at),
    ...columns.map((column) => said(column(at))),
  ]);
  return [[across.label || "–", ...series.map(({ name }) => name || "–")], rows];
}
