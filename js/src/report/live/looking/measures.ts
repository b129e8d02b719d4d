/**
 * How projections are shown: scales, the square where the signal is, and colours, as
 * `zfwidgets/records/projections.py` and `focus.py` have them.
 */

import { focusBox, inside } from "../../../lib/pictures/boxes";
import { LUMINANCE } from "../../../lib/pictures/colour_tables";
import type { Box, Field, Operation, Pair, Status } from "../../../lib/wire/protocol";
import type { Floats } from "../network/program";

const CLIPPED_AT = 99.5;
const SHARE = 0.95;
const IN_COLOUR = 0.5;
const STATUSES: readonly Status[] = ["paper", "adjoint", "linearised", "unknown"];

/** A projection of a unit: all pixels of the network's input, signed. */
export interface Projected {
  image: number;
  unit: Pair;
  box: Box;
  pixels: Floats;
  nearTies: number;
}

/** A part of pixels, channel by channel; zero outside of the image. */
interface Crop {
  channels: number;
  height: number;
  width: number;
  values: Floats;
}

function crop(pixels: Floats, channels: number, [rows, columns]: Pair, box: Box): Crop {
  const { top, left, height, width } = box;
  const values = new Float32Array(channels * height * width);
  const [first, last] = [Math.max(left, 0), Math.min(left + width, columns)];
  for (let channel = 0; channel < channels; channel++) {
    for (let row = Math.max(top, 0); row < Math.min(top + height, rows); row++) {
      if (first >= last) continue;
      const from = (channel * rows + row) * columns;
      const to = (channel * height + row - top) * width - left;
      values.set(pixels.subarray(from + first, from + last), to + first);
    }
  }
  return { channels, height, width, values };
}

/** A percentile of magnitudes that aren't zero, between neighbours by share; 1 if there are none. */
function scaleOf(parts: readonly Floats[]): number {
  const all = parts.flatMap((part) => [...part].map(Math.abs).filter((value) => value > 0));
  if (all.length === 0) return 1;
  const sorted = Float32Array.from(all).sort();
  const at = (CLIPPED_AT / 100) * (sorted.length - 1);
  const low = Math.floor(at);
  const [below, above] = [
    sorted[low] as number,
    sorted[Math.min(low + 1, sorted.length - 1)] as number,
  ];
  return below + (above - below) * (at - low);
}

function brightness({ channels, values }: Crop, full: number): Floats {
  const clipped = (value: number) => Math.min(Math.max(value, -full), full);
  const plane = values.length / channels;
  if (channels < 3) return values.subarray(0, plane).map(clipped) as Floats;
  return Float32Array.from({ length: plane }, (_, i) =>
    LUMINANCE.reduce((sum, share, c) => sum + share * clipped(values[c * plane + i] as number), 0),
  );
}

const centre = (field: Field, extent: Pair, unit: Pair): Pair => {
  if (field.reach === "global") return [(extent[0] - 1) / 2, (extent[1] - 1) / 2];
  const axis = (n: 0 | 1) => unit[n] * field.stride[n] + field.offset[n] + (field.size[n] - 1) / 2;
  return [axis(0), axis(1)];
};

/** The shortest run around a middle, whole or half, that holds a place. */
function sideOf(place: number, middle: number): number {
  const twice = Math.round(2 * (place - middle));
  return twice <= 0 ? Math.max(-twice, 1) : twice + 1;
}

/** The side of the smallest square that holds most of the projections' energy. */
function focusSide(
  found: readonly Projected[],
  field: Field,
  extent: Pair,
  channels: number,
): number {
  const axes = [0, 1] as const;
  const most = Math.max(...axes.map((n) => Math.min(field.size[n], extent[n])));
  if (field.reach === "global") return Math.max(...extent);
  const energy: number[] = [0];
  for (const { pixels, box, unit } of found) {
    const [row, column] = centre(field, extent, unit);
    const [rows, columns] = extent;
    for (let y = Math.max(box.top, 0); y < Math.min(box.top + box.height, rows); y++) {
      const down = sideOf(y, row);
      for (let x = Math.max(box.left, 0); x < Math.min(box.left + box.width, columns); x++) {
        let sum = 0;
        for (let c = 0; c < channels; c++)
          sum += (pixels[(c * rows + y) * columns + x] as number) ** 2;
        const side = Math.max(down, sideOf(x, column));
        while (energy.length <= side) energy.push(0);
        energy[side] = (energy[side] as number) + sum;
      }
    }
  }
  const total = energy.reduce((a, b) => a + b, 0);
  if (!(total > 0)) return most;
  let held = 0;
  for (let side = 0; side < energy.length; side++) {
    held += energy[side] as number;
    if (held >= SHARE * total) return Math.min(side, most);
  }
  return most;
}

/** Share of the energy that is one colour and its opposite. */
function colourShare(crops: readonly Crop[]): number {
  let [a, b, d, everything] = [0, 0, 0, 0];
  for (const { channels, values } of crops) {
    const plane = values.length / channels;
    for (const value of values) everything += value * value;
    if (channels !== 3) continue;
    for (let i = 0; i < plane; i++) {
      const [red, green, blue] = [values[i], values[plane + i], values[2 * plane + i]] as number[];
      const one = ((red as number) - (green as number)) / Math.SQRT2;
      const other = ((red as number) + (green as number) - 2 * (blue as number)) / Math.sqrt(6);
      a += one * one;
      b += one * other;
      d += other * other;
    }
  }
  const largest = (a + d) / 2 + Math.hypot((a - d) / 2, b);
  return everything > 0 ? largest / everything : 0;
}

/** NumPy's rounding: halves to even numbers. */
function even(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** Signed values around mid-grey: rows and columns, then RGBA, as `RAW` pictures are. */
function picture({ channels, height, width, values }: Crop, full: number): ArrayBuffer {
  const out = new ArrayBuffer(8 + height * width * 4);
  const head = new DataView(out);
  head.setUint32(0, height, true);
  head.setUint32(4, width, true);
  const rgba = new Uint8Array(out, 8);
  const plane = height * width;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const value = values[(channels >= 3 ? c : 0) * plane + i] as number;
      rgba[i * 4 + c] = Math.min(Math.max(even((value / full) * 127), -127), 127) + 128;
    }
    rgba[i * 4 + 3] = 255;
  }
  return out;
}

/** The answer's fields on a channel's projections, and their pictures. */
export function described(
  found: readonly (Projected | null)[],
  field: Field,
  extent: Pair,
  channels: number,
  operations: readonly Operation[],
) {
  const known = found.filter((one) => one !== null);
  const crops = known.map(({ pixels, box }) => crop(pixels, channels, extent, box));
  const scale = scaleOf(crops.map(({ values }) => values));
  const own = crops.map(({ values }) => scaleOf([values]));
  const full = own.map((mine) => Math.max(scale, mine));
  const bright = crops.map((one, i) => brightness(one, full[i] as number));
  const side = focusSide(known, field, extent, channels);
  const share = colourShare(crops);
  const status = operations.reduce<Status>(
    (worst, one) => (STATUSES.indexOf(one.status) > STATUSES.indexOf(worst) ? one.status : worst),
    "paper",
  );
  const pools = operations.reduce(
    (sum, { name, count }) => sum + (name.includes("max_pool") ? count : 0),
    0,
  );
  const rows = known.map(({ image, unit, nearTies }, i) => ({
    image,
    scale: own[i] as number,
    full: full[i] as number,
    brightness: scaleOf([bright[i] as Floats]),
    view: focusBox(field, unit, side, extent),
    status,
    operations: [...operations],
    pools,
    blank: !(crops[i] as Crop).values.some((value) => value !== 0),
    near_ties: nearTies,
  }));
  let next = 0;
  const buffers = known.map(({ pixels, box }, i) =>
    picture(crop(pixels, channels, extent, inside(box, extent)), full[i] as number),
  );
  return {
    data: {
      projections: found.map((one) => (one ? (rows[next++] ?? null) : null)),
      scale,
      brightness: scaleOf(bright),
      focus: side,
      colour_share: share,
      clearest: (share >= IN_COLOUR ? "colour" : "brightness") as "colour" | "brightness",
      clipped_at: CLIPPED_AT,
    },
    buffers,
  };
}
