/** The picture of a network in pixels: rectangles, frames of open blocks, and lines. */

import { t } from "../../lib/language/translate";
import { reachText } from "./layer_words";
import { arrange, type Element, type Level, type Slot } from "./network_lanes";
import { arcsOf, type Span, type Spot, through } from "./network_lines";
import type { Part } from "./network_parts";
import { type Frame, GAP, type Picture, type Placed } from "./network_picture";

interface Options {
  /** (channels, rows, columns) of the image; without it none is drawn. */
  image?: readonly [number, number, number];
  /** Layers in a row, without lines. */
  row?: boolean;
  /** What there is in any case, in pixels. */
  height?: number;
}

const MARGIN = 8;
const PADDING = 12;
const HEADER = 13; // the name of an open block
const TEXTS = 26; // name and receptive field below a rectangle
const LANE = 15;
const PASSING = 5;
const NEAR = 42; // from the middle of a rectangle to its texts
const WIDEST = 32;
const TALLEST = 52;
const LOWEST = 40;
const JOIN = 14; // the sign where lines come together
const SIGN = 5; // its radius
const CAP = 6; // a rectifier
const MARK = 12; // of a closed block, before its name
const MOST_BELOW = 96;
const MOST_BESIDE = 120;
const LETTER = 6.7;

/** What a part is called beside others of its block. */
function labelOf({ block, layer, within }: Part): string {
  const name = block || layer.name;
  if (name === within.at(-1)) return t("output");
  const around = `${(within.at(-1) ?? "").replace(/@\d+$/, "")}.`;
  return name.startsWith(around) ? name.slice(around.length) : name;
}

export function layout(parts: readonly Part[], options: Options = {}): Picture {
  const { image, row = false, height: least = 96 } = options;
  const root = arrange(parts, image !== undefined, row);
  const sizes = new Sizes(parts, image, row);
  const spans = new Map<Level, Span[]>();
  const spots = new Map<number, Spot>();
  const width = across(root, MARGIN, true, sizes, spans, spots) + MARGIN;

  const arcs = row ? new Map<number, number>() : arcsOf(parts, spots, passing(root, spans));
  const headers = HEADER * deepest(root);
  const above = arcs.size > 0 ? Math.min(20, 8 + 3 * Math.max(...arcs.values())) : 2;
  const most = Math.max(least - headers - above - TEXTS, LOWEST, need(root, true));
  const top = headers + above;
  const height = top + most + TEXTS;
  const frames: Frame[] = [];
  const passes = new Map<number, (Span & { y: number })[]>();
  down(root, top, top + most, height, true, { spans, spots, frames, passes });

  // One scale for all, so that the lowest lane has room for what stands in it.
  let scale = 1;
  for (const [number, spot] of spots)
    scale = Math.min(scale, (spot.bottom - spot.top - 4) / sizes.tall(number));
  const placed = [...spots]
    .sort(([a], [b]) => a - b)
    .map(([number, spot]) => sizes.place(number, spot, Math.max(scale, 0.1), height));
  const lines = row ? [] : through(parts, placed, spots, passes, arcs, headers + 3);
  return { width, height, placed, frames, lines };
}

/** How large things are drawn; halving is a step on both scales. */
class Sizes {
  private readonly most: { channels: number; rows: number };

  constructor(
    private readonly parts: readonly Part[],
    private readonly image: Options["image"],
    private readonly row: boolean,
  ) {
    // Closed blocks' too: opening one changes no widths.
    const layers = parts.flatMap(({ inside }) => inside);
    const [, rows] = image ?? [0, 1];
    this.most = {
      channels: Math.max(...layers.map(({ channels }) => channels), 1),
      rows: Math.max(...layers.map((layer) => layer.rows), rows, 1),
    };
  }

  private share(value: number, of: number): number {
    return (Math.log2(1 + value) / Math.log2(1 + of)) ** 2;
  }

  private of(number: number): { channels: number; rows: number; label: string; reach: string } {
    const part = this.parts[number];
    if (!part) {
      const [channels, rows] = this.image ?? [1, 1];
      return { channels, rows, label: t("image"), reach: "" };
    }
    const { channels, rows, name } = part.layer;
    const label = this.row ? name : labelOf(part);
    return { channels, rows, label, reach: reachText(part.layer) };
  }

  private wide(number: number): number {
    return 4 + (WIDEST - 4) * this.share(this.of(number).channels, this.most.channels);
  }

  tall(number: number): number {
    return 3 + (TALLEST - 3) * this.share(this.of(number).rows, this.most.rows);
  }

  /** Left of the rectangle, and right of it: what a closed block joins, it joins inside. */
  private sides(number: number): [number, number] {
    const { layer, block, rectifier } = this.parts[number] ?? {};
    const join = layer?.joined ? JOIN : 0;
    return [block ? 0 : join, (rectifier ? CAP + 1 : 0) + (block ? join : 0)];
  }

  /** Extent of name and receptive field. */
  private texts(number: number): [number, number] {
    const { label, reach } = this.of(number);
    const mark = this.parts[number]?.block ? MARK : 0;
    return [mark + label.length * LETTER + 4, reach.length * LETTER + 4];
  }

  width(number: number, beside: boolean): number {
    const [left, right] = this.sides(number);
    const [name, reach] = this.texts(number);
    if (beside) return JOIN + WIDEST + right + 6 + Math.min(name + reach, MOST_BESIDE);
    const glyph = Math.max(left, right) * 2 + this.wide(number) + 4;
    return Math.max(glyph, Math.min(Math.max(name, reach, 34), this.row ? 128 : MOST_BELOW));
  }

  place(number: number, spot: Spot, scale: number, floor: number): Placed {
    const { label, reach } = this.of(number);
    const { rectifier, block, layer } = this.parts[number] ?? {};
    const [left, right] = this.sides(number);
    const { beside, top, bottom } = spot;
    const [width, height] = [this.wide(number), Math.max(this.tall(number) * scale, 2)];
    const y = (top + bottom) / 2;
    const middle = (spot.left + spot.right) / 2;
    const x = beside ? spot.left + JOIN + (WIDEST - width) / 2 : middle - width / 2;
    const end = x + width + (rectifier ? CAP + 1 : 0);
    const join = block ? end + JOIN / 2 + 2 : x - JOIN / 2 - 1;
    const [name, field] = this.texts(number);
    const text = x + width + right + 5;
    // Below a rectangle, but never far below it, however high the picture is.
    const upper = beside ? top : Math.max(top, y - NEAR);
    const lower = beside ? bottom : Math.min(floor, y + NEAR + TEXTS);
    return {
      part: number,
      cell: { x: spot.left, y: upper, width: spot.right - spot.left, height: lower - upper },
      glyph: { x, y: y - height / 2, width, height },
      ...(rectifier && { rectifier: { x: end - CAP, y: y - height / 2, width: CAP, height } }),
      ...(layer?.joined && { join: { x: join, y } }),
      entry: left > 0 ? join - SIGN : x,
      exit: beside ? Math.min(text + name + field, spot.right) : x + width + right,
      ...(beside && { text: text - spot.left }),
      label,
      reach,
    };
  }
}

/** Columns from left to right; where they are doesn't depend on heights. */
function across(
  level: Level,
  left: number,
  alone: boolean,
  sizes: Sizes,
  spans: Map<Level, Span[]>,
  spots: Map<number, Spot>,
): number {
  let x = left;
  const own: Span[] = [];
  for (const slots of level.columns) {
    const low = alone && slots.length === 1;
    let right = x;
    for (const { element, passing } of slots) {
      if (passing) continue;
      const end = element.level
        ? across(element.level, x + PADDING, low, sizes, spans, spots) + PADDING
        : x + sizes.width(element.part, !low);
      right = Math.max(right, end);
    }
    for (const { element, passing } of slots)
      if (!passing && element.level === undefined)
        spots.set(element.part, { left: x, right, top: 0, bottom: 0, beside: !low });
    own.push({ left: x, right });
    x = right + GAP;
  }
  spans.set(level, own);
  return Math.max(x - GAP, left);
}

interface Places {
  spans: ReadonlyMap<Level, Span[]>;
  spots: Map<number, Spot>;
  frames: Frame[];
  passes: Map<number, (Span & { y: number })[]>;
}

/** What stands in each column, from top to bottom. */
function down(
  level: Level,
  top: number,
  bottom: number,
  floor: number,
  low: boolean,
  places: Places,
): void {
  const { spans, spots, frames, passes } = places;
  level.columns.forEach((slots, i) => {
    const span = spans.get(level)?.[i] as Span;
    for (const [slot, from, to] of share(slots, top, bottom)) {
      const { element } = slot;
      const alone = low && slots.length === 1;
      if (slot.passing) {
        for (const part of partsIn(element))
          passes.set(part, [...(passes.get(part) ?? []), { ...span, y: (from + to) / 2 }]);
      } else if (element.level === undefined) {
        Object.assign(spots.get(element.part) as Spot, { top: from, bottom: to });
      } else {
        const { block, depth } = element.level;
        const y = alone ? HEADER * (depth - 1) : from + 1;
        const end = alone ? floor : to - 1;
        const inner = spans.get(element.level)?.at(-1)?.right ?? span.left;
        const width = inner + PADDING - span.left;
        frames.push({ block, box: { x: span.left, y, width, height: end - y } });
        down(element.level, alone ? top : y + HEADER, alone ? bottom : end, floor, alone, places);
      }
    }
  });
}

/** A column's height among what stands in it. */
function share(slots: Slot[], top: number, bottom: number): [Slot, number, number][] {
  if (slots.length === 1) return [[slots[0] as Slot, top, bottom]];
  const needs = slots.map(needOf);
  const all = needs.reduce((a, b) => a + b, 0);
  const stretch = Math.min(Math.max((bottom - top) / all, 1), 1.5);
  let y = (top + bottom - all * stretch) / 2;
  return slots.map((slot, i) => {
    const from = y;
    y += (needs[i] as number) * stretch;
    return [slot, from, y];
  });
}

function needOf({ element, passing }: Slot): number {
  if (passing) return PASSING;
  return element.level ? need(element.level, false) + HEADER + 4 : LANE;
}

/** The least height of a level; where it stands alone, names of its blocks are above it. */
function need(level: Level, low: boolean): number {
  const sum = (slots: Slot[]) => {
    const [only, ...others] = slots.map(({ element }) => element.level);
    return low && only && others.length === 0
      ? need(only, true)
      : slots.map(needOf).reduce((a, b) => a + b, 0);
  };
  return Math.max(LANE, ...level.columns.map(sum));
}

/** How many names of open blocks stand one below another. */
function deepest(level: Level): number {
  const alone = level.columns.filter((slots) => slots.length === 1).map(([slot]) => slot);
  const inner = alone.flatMap((slot) => (slot?.element.level ? [deepest(slot.element.level)] : []));
  return Math.max(level.depth, ...inner);
}

function partsIn(element: Element): number[] {
  return element.level ? element.level.elements.flatMap(partsIn) : [element.part];
}

/** Where lines pass through columns: by the part that they come from. */
function passing(root: Level, spans: ReadonlyMap<Level, Span[]>): Map<number, Span[]> {
  const found = new Map<number, Span[]>();
  const look = (level: Level) =>
    level.columns.forEach((slots, i) => {
      for (const { element, passing } of slots)
        if (passing) {
          for (const part of partsIn(element))
            found.set(part, [...(found.get(part) ?? []), spans.get(level)?.[i] as Span]);
        } else if (element.level) look(element.level);
    });
  look(root);
  return found;
}
