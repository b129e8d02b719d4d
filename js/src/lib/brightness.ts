/** A signed projection as brightness alone, without its colours. */

import type { Picture } from "./canvas";

/** Signed pictures hold zero at 128 and the end of their range 127 levels from it. */
const ZERO = 128;
const LEVELS = 127;
/** Rec. 709: how much red, green and blue add to brightness. */
const WEIGHTS = [0.2126, 0.7152, 0.0722] as const;

/** The value below which this share of the magnitudes lies that aren't zero; 1 if all are. */
function end(values: Float32Array, percentile: number): number {
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  if (sizes.length === 0) return 1;
  sizes.sort();
  const at = ((sizes.length - 1) * percentile) / 100;
  const [below, above] = [sizes[Math.floor(at)] as number, sizes[Math.ceil(at)] as number];
  return below + (above - below) * (at - Math.floor(at));
}

/** Around mid-grey, on a scale of its own that clips at a percentile of what isn't zero. */
export function brightnessPicture(signed: Picture, percentile: number): Picture {
  const rgba = signed.rgba.slice();
  const values = new Float32Array(rgba.length / 4);
  for (let i = 0; i < values.length; i++) {
    for (let c = 0; c < 3; c++) {
      values[i] =
        (values[i] as number) + (WEIGHTS[c] as number) * ((rgba[4 * i + c] as number) - ZERO);
    }
  }
  const scale = LEVELS / end(values, percentile);
  values.forEach((value, i) => {
    const level = Math.min(Math.max(Math.round(value * scale), -LEVELS), LEVELS);
    rgba.fill(ZERO + level, 4 * i, 4 * i + 3);
  });
  return { ...signed, rgba };
}
