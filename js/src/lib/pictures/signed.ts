/** Ways to look at a signed projection, computed in the page from its pixels. */

import type { Picture } from "./canvas";
import { type Lut, lutIndex } from "./colour";
import { LUMINANCE } from "./colour_tables";

/** Signed pictures hold zero at 128 and the end of their range 127 levels from it. */
const ZERO = 128;
const LEVELS = 127;

/** A picture of the same size whose colour channels are `level` of the signed levels. */
function mapped(signed: Picture, level: (signed: number) => number): Picture {
  const rgba = signed.rgba.slice();
  for (let i = 0; i < rgba.length; i++) {
    if (i % 4 !== 3) rgba[i] = level((rgba[i] as number) - ZERO);
  }
  return { ...signed, rgba };
}

/** The nearest level on the scale. */
const end = (value: number) => Math.min(Math.max(Math.round(value), -LEVELS), LEVELS);

/** Colours around mid-grey, with levels `gain` times as far from it. */
export function signedPicture(signed: Picture, gain: number): Picture {
  return mapped(signed, (level) => ZERO + end(level * gain));
}

/** Brightness around mid-grey, with levels `gain` times as far from it. */
export function brightnessPicture(signed: Picture, gain: number): Picture {
  const rgba = signed.rgba.slice();
  const [red, green, blue] = LUMINANCE;
  for (let i = 0; i < rgba.length; i += 4) {
    const value =
      red * ((rgba[i] as number) - ZERO) +
      green * ((rgba[i + 1] as number) - ZERO) +
      blue * ((rgba[i + 2] as number) - ZERO);
    rgba[i] = rgba[i + 1] = rgba[i + 2] = ZERO + end(value * gain);
  }
  return { ...signed, rgba };
}

/** What is above zero: black at zero, full colour at the scale's end. */
export function positivePicture(signed: Picture, gain: number): Picture {
  return mapped(signed, (level) => Math.min(Math.max((level * gain) / LEVELS, 0), 1) * 255);
}

/** The largest magnitude among a pixel's channels, 0..1 of the scale. */
export function magnitude(signed: Picture, gain = 1): Float32Array<ArrayBuffer> {
  const { rgba } = signed;
  const out = new Float32Array(rgba.length / 4);
  for (let i = 0; i < out.length; i++) {
    let largest = 0;
    for (let c = 0; c < 3; c++) {
      largest = Math.max(largest, Math.abs((rgba[i * 4 + c] as number) - ZERO));
    }
    out[i] = Math.min((largest * gain) / LEVELS, 1);
  }
  return out;
}

export function magnitudePicture(signed: Picture, gain: number, lut: Lut): Picture {
  const values = magnitude(signed, gain);
  const rgba = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, i) => {
    const at = lutIndex(value, 0, 1) * 4;
    rgba.set(lut.subarray(at, at + 4), i * 4);
  });
  return { ...signed, rgba };
}

/** Mean over a (2 radius + 1)-wide window along one axis; beyond the border there is nothing. */
function boxBlur(
  values: Float32Array,
  lines: number,
  length: number,
  stride: [line: number, step: number],
  radius: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * stride[0];
    let sum = 0;
    for (let i = 0; i < Math.min(radius, length); i++) sum += values[start + i * stride[1]] ?? 0;
    for (let i = 0; i < length; i++) {
      if (i + radius < length) sum += values[start + (i + radius) * stride[1]] ?? 0;
      if (i - radius - 1 >= 0) sum -= values[start + (i - radius - 1) * stride[1]] ?? 0;
      out[start + i * stride[1]] = Math.max(sum, 0) / (2 * radius + 1);
    }
  }
  return out;
}

/** Two box blurs along each axis, close to a Gaussian. */
export function blur(
  values: Float32Array<ArrayBuffer>,
  rows: number,
  columns: number,
  radius: number,
): Float32Array<ArrayBuffer> {
  let out = values;
  for (let pass = 0; pass < 2; pass++) {
    out = boxBlur(out, rows, columns, [columns, 1], radius);
    out = boxBlur(out, columns, rows, [1, columns], radius);
  }
  return out;
}

/** The patch, opaque where the blurred magnitude of its projection is large. */
export function reveal(patch: Picture, signed: Picture): Picture {
  const { rows, columns } = patch;
  if (signed.rows !== rows || signed.columns !== columns) {
    throw new Error(
      `A patch of ${rows}x${columns} can't be seen through a projection of ` +
        `${signed.rows}x${signed.columns} pixels.`,
    );
  }
  const radius = Math.max(1, Math.round(Math.min(rows, columns) / 24));
  const mask = blur(magnitude(signed), rows, columns, radius);
  const strongest = mask.reduce((a, b) => Math.max(a, b), 0) || 1;
  const rgba = patch.rgba.slice();
  mask.forEach((value, i) => {
    rgba[i * 4 + 3] = Math.round(Math.min(1, (1.6 * value) / strongest) * 255);
  });
  return { rows, columns, rgba };
}
