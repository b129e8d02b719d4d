/** One map over the photo: its pixels on a canvas, and its legend as data and as elements. */

import { t } from "../../lib/language/translate";
import { labelColours, paintLabels, paintValues } from "../../lib/occlusion/grid";
import {
  changeOf,
  changeReading,
  changeScale,
  changeText,
  type Grids,
  isChange,
  keptText,
  type MapKind,
  type Names,
  partOf,
  quantity,
  reading,
  type Scale,
  SIDES,
  UNITS,
  valueScale,
  valueText,
} from "../../lib/occlusion/map_kinds";
import { h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import { place } from "../../lib/pictures/boxes";
import { paintPicture } from "../../lib/pictures/canvas";
import { gradient, lutOf, type MapName, type Part, type Rgb } from "../../lib/pictures/colour";
import type { Pair } from "../../lib/wire/protocol";
import { legend } from "../patches/words";

/** A pass and which of its maps is looked at. */
export interface Shown {
  grids: Grids;
  kind: MapKind;
  /** What tells it from another of the same kind; "" if nothing need. */
  about: string;
}

export interface Legend {
  /** Which of two maps this is; "" where there is one. */
  side: "" | "left" | "right";
  /** What a cell's value is. */
  what: string;
  /** With its unit, and of which pass. */
  title: string;
  reading: string;
  scale: ScaleText | null;
  labels: { text: string; colour: Rgb }[];
  /** How many labels have no colour of their own. */
  more: number;
}

interface ScaleText {
  colours: MapName;
  /** Part of the colours that the scale uses. */
  part: Part;
  low: string;
  high: string;
  /** Where on it no change lies, as a share of its length; null where that is at neither side. */
  zero: number | null;
  /** The value without occluder, in words. */
  clean: string;
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
    scale: Scale | null,
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
export function commonScale(kind: MapKind, maps: readonly Grids[], colours: MapName): Scale | null {
  if (kind === "predicted" || maps.some((grids) => !grids.has(kind))) return null;
  const all = (of: (grids: Grids) => Float32Array) =>
    Float32Array.from(maps.flatMap((grids) => [...of(grids)]));
  const clean = maps.map((grids) => grids.clean(kind));
  const values = all((grids) => grids.values(kind));
  if (!isChange(colours)) return valueScale(kind, values, clean);
  const changes = all((grids) => grids.change(kind));
  const known = [...values, ...clean].filter(Number.isFinite);
  const largest = known.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return changeScale(kind, changes, largest);
}

export function paintMap(
  canvas: HTMLCanvasElement,
  grids: Grids,
  kind: MapKind,
  colours: MapName,
  scale: Scale | null,
): void {
  if (kind === "predicted") {
    paintPicture(canvas, paintLabels(grids.predicted, grids.grid));
    return;
  }
  const values = isChange(colours) ? grids.change(kind) : grids.values(kind);
  const { ends } = scale ?? (commonScale(kind, [grids], colours) as Scale);
  paintPicture(canvas, paintValues(values, grids.grid, lutOf(colours), ends));
}

/** What a painted map shows, in words. */
export function legendOf(
  grids: Grids,
  kind: MapKind,
  about: string,
  colours: MapName,
  scale: Scale | null,
  names: Names,
): Legend {
  const head = about ? `${about}: ` : "";
  const all = { side: "" as const, scale: null, labels: [], more: 0 };
  if (kind === "predicted") {
    const what = quantity(kind, grids, names);
    const answer = names.className(grids.data.clean.predicted);
    const found = labelColours(grids.predicted);
    const labels = found.slice(0, LABELS).map(({ label, cells, colour }) => ({
      text: `${names.className(label)}: ${count(cells, "position")}`,
      colour,
    }));
    const title = `${head}${what}: ${keptText(grids, names)}`;
    const more = found.length - labels.length;
    return { ...all, what, title, reading: reading(kind, answer), labels, more };
  }
  const clean = grids.clean(kind);
  const change = isChange(colours);
  const what = change ? changeOf(kind, grids, names) : quantity(kind, grids, names);
  const unit = UNITS[kind];
  const points = change && kind === "probability";
  const title = points
    ? `${head}${t("over the whole map, of “{name}” ({value} without occluder)", {
        name: names.className(grids.data.target),
        value: valueText(kind, clean),
      })}`
    : `${head}${what}${unit && ` (${t(unit)})`}`;
  if (change && !Number.isFinite(clean)) {
    const why = t("There is no change to show: without occluder it isn't a finite number.");
    return { ...all, what, title: `${title}. ${why}`, reading: why };
  }
  const span = scale ?? (commonScale(kind, [grids], colours) as Scale);
  const text = (value: number) => (change ? changeText(kind, value) : valueText(kind, value));
  return {
    ...all,
    what,
    title,
    reading: isChange(colours) ? changeReading(kind, colours, span) : reading(kind, ""),
    scale: {
      colours,
      part: partOf(span),
      low: text(span.low),
      high: text(span.high),
      // Where grey lies at neither end, its meaning is said here.
      zero: change && span.low < 0 && span.high > 0 ? -span.low / (span.high - span.low) : null,
      clean: points
        ? span.low < 0 && span.high > 0
          ? t("mark: no change")
          : ""
        : isChange(colours) && span.low < 0 && span.high > 0
          ? t("{none}: no change ({value})", {
              none: t(SIDES[colours][1]).toLowerCase(),
              value: valueText(kind, clean),
            })
          : t("without occluder {value}", { value: valueText(kind, clean) }),
    },
  };
}

export function legendElement({ side, title, scale, labels, more }: Legend): HTMLElement {
  const swatch = ([r, g, b]: Rgb) => h("i", { style: `background:rgb(${r},${g},${b})` });
  return h(
    "div",
    { class: "zf-map-legend" },
    scale && legend(gradient(scale.colours, scale.part), scale.low, scale.high, scale.zero),
    scale && h("span", { class: "zf-dim" }, scale.clean),
    h(
      "span",
      { class: "zf-map-title" },
      side && h("b", {}, `${side === "left" ? t("left") : t("right")}: `),
      title,
    ),
    labels.length > 0 &&
      h(
        "ul",
        { class: "zf-label-key" },
        ...labels.map(({ text, colour }) => h("li", {}, swatch(colour), text)),
        more > 0 && h("li", {}, t("and {n} more in grey", { n: more })),
      ),
  );
}
