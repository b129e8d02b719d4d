/** One map over the photo: its pixels on a canvas, and its legend as data and as elements. */

import { paintPicture } from "../lib/canvas";
import { gradient, lutOf, type MapName, type Rgb } from "../lib/colour";
import { h } from "../lib/dom";
import { percent } from "../lib/format";
import {
  type Grids,
  type MapKind,
  type Names,
  quantity,
  reading,
  scaleOf,
  UNITS,
  valueText,
} from "../lib/map_kinds";
import { labelColours, paintLabels, paintValues } from "../lib/occlusion_grid";
import type { Pair } from "../lib/protocol";
import { place } from "./occluder";
import { legend } from "./patches";

/** A pass and which of its maps is looked at. */
export interface Shown {
  grids: Grids;
  kind: MapKind;
  /** What tells it from another of the same kind; "" if nothing need. */
  about: string;
}

export interface Legend {
  /** Of two maps, which this is; "" of one. */
  side: "" | "left" | "right";
  /** What a cell's value is. */
  what: string;
  /** With its unit, and of which pass. */
  title: string;
  reading: string;
  scale: { colours: MapName; low: string; high: string; clean: string } | null;
  labels: { name: string; share: string; colour: Rgb }[];
  /** How many labels have no colour of their own. */
  more: number;
}

const LABELS = 7;

export class MapLayer {
  readonly canvas = h("canvas", { class: "zf-heat zf-pixelated", hidden: true });
  readonly element: HTMLElement;

  constructor(side: "left" | "right") {
    this.element = h("div", { class: `zf-heat-side zf-heat-${side}` }, this.canvas);
  }

  /** Paint it; null where the pass doesn't have this map. */
  draw(
    { grids, kind, about }: Shown,
    colours: MapName,
    extent: Pair,
    scale: [number, number] | null,
    names: Names,
  ): Legend | null {
    this.canvas.hidden = !grids.has(kind);
    if (this.canvas.hidden) return null;
    const [rows, columns] = grids.grid;
    const [down, right] = grids.data.stride;
    // Cells are whole blocks: the last ones may reach beyond the image, which cuts them.
    place(this.canvas, { top: 0, left: 0, height: rows * down, width: columns * right }, extent);
    paintMap(this.canvas, grids, kind, colours, scale);
    this.canvas.classList.add("zf-pixelated");
    return legendOf(grids, kind, about, colours, scale, names);
  }
}

/** The scale of one map, or of two on one scale. */
export function commonScale(kind: MapKind, maps: readonly Grids[], colours: MapName) {
  if (kind === "predicted" || maps.some((grids) => !grids.has(kind))) return null;
  const clean = maps.map((grids) => grids.clean(kind));
  const values = Float32Array.from(maps.flatMap((grids) => [...grids.values(kind)]));
  if (colours === "diverging") return scaleOf(kind, values, clean[0] ?? 0, colours);
  return scaleOf(kind, Float32Array.from([...values, ...clean]), clean[0] ?? 0, colours);
}

export function paintMap(
  canvas: HTMLCanvasElement,
  grids: Grids,
  kind: MapKind,
  colours: MapName,
  scale: [number, number] | null,
): void {
  if (kind === "predicted") {
    paintPicture(canvas, paintLabels(grids.predicted, grids.grid));
    return;
  }
  const span = scale ?? scaleOf(kind, grids.values(kind), grids.clean(kind), colours);
  paintPicture(canvas, paintValues(grids.values(kind), grids.grid, lutOf(colours), span));
}

function legendOf(
  grids: Grids,
  kind: MapKind,
  about: string,
  colours: MapName,
  scale: [number, number] | null,
  names: Names,
): Legend {
  const what = quantity(kind, grids, names);
  const unit = UNITS[kind] && ` (${UNITS[kind]})`;
  const title = `${about ? `${about}: ` : ""}${what}${unit}`;
  if (kind === "predicted") {
    const all = labelColours(grids.predicted);
    const labels = all.slice(0, LABELS).map(({ label, share, colour }) => ({
      name: names.className(label),
      share: percent(share),
      colour,
    }));
    const more = all.length - labels.length;
    return { side: "", what, title, reading: reading(kind), scale: null, labels, more };
  }
  const clean = grids.clean(kind);
  const [low, high] = scale ?? scaleOf(kind, grids.values(kind), clean, colours);
  const ends = { low: valueText(kind, low), high: valueText(kind, high) };
  return {
    side: "",
    what,
    title,
    reading: reading(kind),
    scale: { colours, ...ends, clean: valueText(kind, clean) },
    labels: [],
    more: 0,
  };
}

export function legendElement({ side, title, scale, labels, more }: Legend): HTMLElement {
  const swatch = ([r, g, b]: Rgb) => h("i", { style: `background:rgb(${r},${g},${b})` });
  return h(
    "div",
    { class: "zf-map-legend" },
    scale && legend(gradient(scale.colours), scale.low, scale.high),
    scale && h("span", { class: "zf-dim" }, `without occluder ${scale.clean}`),
    h("span", { class: "zf-map-title" }, side && h("b", {}, `${side}: `), title),
    labels.length > 0 &&
      h(
        "ul",
        { class: "zf-label-key" },
        ...labels.map(({ name, share, colour }) => h("li", {}, swatch(colour), `${name} ${share}`)),
        more > 0 && h("li", {}, `and ${more} more in grey`),
      ),
  );
}
