/**
 * Colour maps as look-up tables of 256 RGBA entries; applied in the browser, so that another
 * map or opacity needs no kernel.
 */

import { CATEGORIES, COLOUR_MAPS } from "./colour_tables";

export type MapName = keyof typeof COLOUR_MAPS;

export type Lut = Uint8ClampedArray;

/** The names of all, in the order of menus. */
export const MAP_NAMES = Object.keys(COLOUR_MAPS) as MapName[];

function build(stops: readonly string[]): Lut {
  const last = stops.length - 1;
  const channel = (stop: number, c: number) =>
    Number.parseInt(stops[stop]!.slice(c * 2, c * 2 + 2) || "ff", 16);
  const lut = new Uint8ClampedArray(256 * 4).fill(255);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * last;
    const low = Math.min(Math.floor(at), last - 1);
    for (let c = 0; c < 4; c++) {
      const [a, b] = [channel(low, c), channel(low + 1, c)];
      lut[i * 4 + c] = Math.round(a + (b - a) * (at - low));
    }
  }
  return lut;
}

const LUTS = new Map<MapName, Lut>();

export function lutOf(name: MapName): Lut {
  const lut = LUTS.get(name) ?? build(COLOUR_MAPS[name]);
  LUTS.set(name, lut);
  return lut;
}

/** The entry for `value` on a scale from `low` to `high`; outside it, the end's. */
export function lutIndex(value: number, low: number, high: number): number {
  const share = high > low ? (value - low) / (high - low) : 0;
  return Math.round(Math.min(Math.max(share, 0), 1) * 255);
}

/** Part of a colour map, from one share of it to another. */
export type Part = readonly [from: number, to: number];

/** `count` evenly spaced colours of a part of the map with their opacity (0..255), low to high. */
export function coloursOf(name: MapName, [from, to]: Part, count: number): Rgba[] {
  const lut = lutOf(name);
  return Array.from({ length: count }, (_, i) => {
    const at = lutIndex(from + ((to - from) * i) / (count - 1), 0, 1) * 4;
    return [...lut.subarray(at, at + 4)] as unknown as Rgba;
  });
}

/** A CSS gradient of the map, or of a part of it, low to high. */
export function gradient(name: MapName, part: Part = [0, 1]): string {
  const colours = coloursOf(name, part, 17).map(cssColour);
  return `linear-gradient(to right,${colours.join(",")})`;
}

export type Rgb = readonly [red: number, green: number, blue: number];
export type Rgba = readonly [red: number, green: number, blue: number, alpha: number];

/** A colour with an opacity of 0..255, for CSS and canvases. */
export function cssColour([red, green, blue, alpha]: Rgba): string {
  return `rgba(${red},${green},${blue},${Number((alpha / 255).toFixed(3))})`;
}

/** The colour of a category by its rank; grey for what has none of its own. */
export function categoryColour(rank: number): Rgb {
  return CATEGORIES[Math.min(rank, CATEGORIES.length - 1)] as Rgb;
}
