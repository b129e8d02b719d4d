/** From a photo to the network's image: `zfwidgets/engine/portable/preparation.py` says the steps. */

import type { Floats, Shape } from "../network/program";
import { type Rgb, resize } from "./resize";

export type Step =
  | {
      step: "resize";
      size: number | [number, number];
      filter: string;
      /** Whether rows are shrunk before columns where that is less work. */
      tall_first: boolean;
    }
  | { step: "crop"; size: [number, number] };

/** How photos become as large as the network wants, and levels of pixels its values. */
export interface Preparation {
  steps: readonly Step[] | null;
  /** What 0 to 255 are, in each channel. */
  levels: readonly (readonly number[])[];
}

/** A photo of any size as pixels of the network's. */
export function fitted(photo: Rgb, steps: readonly Step[]): Rgb {
  let picture = photo;
  for (const one of steps) {
    if (one.step === "resize") {
      const [rows, columns] = sizeOf(picture, one.size);
      picture = resize(picture, rows, columns, one.filter, one.tall_first);
    } else if (one.step === "crop") picture = centre(picture, ...one.size);
  }
  return picture;
}

/** Size for one number, the shorter side's: the longer one rounded down, as torchvision does. */
function sizeOf({ rows, columns }: Rgb, size: number | [number, number]): [number, number] {
  if (typeof size !== "number") return size;
  const longer = (long: number, short: number) => Math.trunc((size * long) / short);
  return columns <= rows ? [longer(rows, columns), size] : [size, longer(columns, rows)];
}

/** Python's rounding: halves to even numbers. */
function rounded(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** The centre; black around a picture that is smaller. */
function centre(picture: Rgb, rows: number, columns: number): Rgb {
  const pixels = new Uint8Array(rows * columns * 3);
  const start = (have: number, want: number) =>
    have < want ? -Math.floor((want - have) / 2) : rounded((have - want) / 2);
  const [top, left] = [start(picture.rows, rows), start(picture.columns, columns)];
  for (let row = 0; row < rows; row++) {
    const y = row + top;
    if (y < 0 || y >= picture.rows) continue;
    const [first, last] = [Math.max(-left, 0), Math.min(picture.columns - left, columns)];
    const from = (y * picture.columns + left) * 3;
    const line = picture.pixels.subarray(from + first * 3, from + last * 3);
    pixels.set(line, (row * columns + first) * 3);
  }
  return { rows, columns, pixels };
}

/** Pixels of the network's size as its image. */
export function imageOf(pixels: Uint8Array, shape: Shape, preparation: Preparation): Floats {
  const [channels, rows, columns] = shape;
  const places = rows * columns;
  if (pixels.length !== places * 3) {
    throw new Error(`A photo has ${pixels.length / 3} pixels instead of ${places}.`);
  }
  const out = new Float32Array(channels * places);
  for (let channel = 0; channel < channels; channel++) {
    const values = Float32Array.from(preparation.levels[channel] ?? []);
    for (let i = 0; i < places; i++) {
      out[channel * places + i] = values[pixels[i * 3 + channel] as number] as number;
    }
  }
  return out;
}
