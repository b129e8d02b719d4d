/**
 * Colour maps as look-up tables of 256 RGBA entries; applied in the browser, so that another
 * map or opacity needs no kernel.
 */

/** 33 evenly spaced colours of each map; between them, straight lines. */
const STOPS = {
  /** Perceptually even, dark to light. */
  viridis:
    "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e" +
    "26828e23898e21908c1f978b1f9f8821a68527ad8131b57b3ebc744dc26c5cc8636ece5882d34d95d840" +
    "aadc32c0df25d5e21aeae51afde725",
  magma:
    "0000040303120a0822130d341d114729115a36106b440f7650127c5d177f691c817621818226818f2a81" +
    "9c2e7fa9337db6367ac33b75cf4070db476ae65164ee5c5ef46a5cf9785dfb8861fd9668fea571feb47b" +
    "fec287fed194fde0a1fceeb0fcfdbf",
  /** Blue below the middle, red above. */
  diverging:
    "3b4cc0445acc4e68d85875e16282ea6c8ff1779af782a6fb8db0fe98b9ffa3c2feaec9fcb8d0f9c2d5f4" +
    "ccd9edd5dbe5dcdcdce4d9d2ebd3c6f1cdb9f4c5adf7bba0f7b194f7a687f49a7bf18d6fec7f63e57058" +
    "de614dd55042cb3e38c0282fb40426",
} as const;

export type MapName = keyof typeof STOPS;

export type Lut = Uint8ClampedArray;

function build(stops: string): Lut {
  const last = stops.length / 6 - 1;
  const channel = (stop: number, c: number) =>
    Number.parseInt(stops.slice(stop * 6 + c * 2, stop * 6 + c * 2 + 2), 16);
  const lut = new Uint8ClampedArray(256 * 4).fill(255);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * last;
    const low = Math.min(Math.floor(at), last - 1);
    for (let c = 0; c < 3; c++) {
      const [a, b] = [channel(low, c), channel(low + 1, c)];
      lut[i * 4 + c] = Math.round(a + (b - a) * (at - low));
    }
  }
  return lut;
}

const LUTS = new Map<MapName, Lut>();

export function lutOf(name: MapName): Lut {
  const lut = LUTS.get(name) ?? build(STOPS[name]);
  LUTS.set(name, lut);
  return lut;
}

/** The entry for `value` on a scale from `low` to `high`; outside it, the end's. */
export function lutIndex(value: number, low: number, high: number): number {
  const share = high > low ? (value - low) / (high - low) : 0;
  return Math.round(Math.min(Math.max(share, 0), 1) * 255);
}

/** A CSS gradient of the map, low to high. */
export function gradient(name: MapName, direction = "to right"): string {
  const lut = lutOf(name);
  const colours = Array.from({ length: 17 }, (_, i) => {
    const at = Math.round((i / 16) * 255) * 4;
    return `rgb(${lut[at]},${lut[at + 1]},${lut[at + 2]})`;
  });
  return `linear-gradient(${direction},${colours.join(",")})`;
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** Colours for categories that colour-blind people tell apart (Okabe and Ito, 2008). */
export const CATEGORIES: readonly Rgb[] = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
];

/** For what no category has a colour of its own for. */
export const OTHER: Rgb = [128, 128, 128];
