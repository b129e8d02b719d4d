/** What an occluder lays on an image: `zfwidgets/engine/occlusion/baselines.py`. */

import { coveredPixels } from "../../../lib/occlusion/mask";
import type { Baseline, Box, Cover, Occluder } from "../../../lib/wire/protocol";
import type { Area, Floats, Shape } from "../network/program";
import { msg, Told } from "../told";

/** Standard deviation of the blur, as a share of the image's shorter side. */
const BLUR = 1 / 16;

/** Baselines that a page can make of any photo, beside those of constant colour. */
export const MADE = ["border", "blur"];

/** A value of each channel, or of each place of each channel. */
export interface Paint {
  values: Floats;
  everywhere: boolean;
}

export function paintOf(
  baseline: Baseline,
  constants: Readonly<Record<string, readonly number[]>>,
  image: Floats,
  shape: Shape,
): Paint {
  const [channels] = shape;
  if (typeof baseline === "number") {
    return { values: new Float32Array(channels).fill(baseline), everywhere: false };
  }
  const constant = constants[baseline];
  if (constant) {
    const values = Float32Array.from({ length: channels }, (_, i) => {
      return constant[i % constant.length] as number;
    });
    return { values, everywhere: false };
  }
  if (baseline === "border") return { values: border(image, shape), everywhere: false };
  if (baseline === "blur") return { values: blurred(image, shape), everywhere: true };
  throw new Told(msg("The baseline “{baseline}” needs a kernel: a page can't make it."), {
    baseline,
  });
}

/** Cover a box of an image; `mask` says which of its pixels. */
export function cover(
  image: Floats,
  shape: Shape,
  box: Box,
  mask: string | null,
  { values, everywhere }: Paint,
): void {
  const [channels, rows, columns] = shape;
  const covered = mask === null ? null : coveredPixels(box, mask, [rows, columns]);
  const { top, left, bottom, right } = areaOf(box, shape);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const place = row * columns + column;
        if (covered && !covered[place]) continue;
        const at = channel * rows * columns + place;
        image[at] = values[everywhere ? at : channel] as number;
      }
    }
  }
}

/** All of an occluder on an image, its further boxes first. */
export function coverAll(
  image: Floats,
  shape: Shape,
  occluder: Cover | Occluder,
  paint: Paint,
): Floats {
  const out = image.slice();
  for (const box of occluder.extra_boxes) cover(out, shape, box, null, paint);
  if ("top" in occluder) cover(out, shape, occluder, occluder.mask, paint);
  return out;
}

/** The part of a box that lies on the image. */
export function areaOf(box: Box, [, rows, columns]: Shape): Area {
  const within = (value: number, end: number) => Math.min(Math.max(value, 0), end);
  const [top, left] = [within(box.top, rows), within(box.left, columns)];
  const bottom = Math.max(within(box.top + box.height, rows), top);
  const right = Math.max(within(box.left + box.width, columns), left);
  return { top, left, bottom, right };
}

function border(image: Floats, [channels, rows, columns]: Shape): Floats {
  const out = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    let [sum, count] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const inner = row > 0 && row < rows - 1;
      for (let column = 0; column < columns; column++) {
        if (inner && column > 0 && column < columns - 1) continue;
        sum += image[(channel * rows + row) * columns + column] as number;
        count += 1;
      }
    }
    out[channel] = sum / count;
  }
  return out;
}

/** The place that stands for one beyond the border, mirrored without repeating the border. */
function mirrored(at: number, length: number): number {
  const inside = at < 0 ? -at : at;
  return inside >= length ? 2 * (length - 1) - inside : inside;
}

function blurred(image: Floats, [channels, rows, columns]: Shape): Floats {
  const shorter = Math.min(rows, columns);
  const sigma = shorter * BLUR;
  const reach = Math.min(Math.ceil(3 * sigma), shorter - 1);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => {
    return Math.exp(-0.5 * ((i - reach) / sigma) ** 2);
  });
  const total = weights.reduce((a, b) => a + b, 0);
  const pass = (from: Floats, vertical: boolean): Floats => {
    const out = new Float32Array(from.length);
    const length = vertical ? rows : columns;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let i = -reach; i <= reach; i++) {
            const at = mirrored((vertical ? row : column) + i, length);
            const [y, x] = vertical ? [at, column] : [row, at];
            sum +=
              (weights[i + reach] as number) * (from[(channel * rows + y) * columns + x] as number);
          }
          out[(channel * rows + row) * columns + column] = sum / total;
        }
      }
    }
    return out;
  };
  return pass(pass(image, false), true);
}
