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
  nearTies: number | null;
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

/** Magnitudes of what isn't zero. */
function magnitudes(values: Floats): Floats {
  const out = new Float32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i] as number);
    out[count] = value;
    if (value !== 0) count++;
  }
  return out.slice(0, count);
}

/** The value that so many others lie below; what is above it comes to stand behind it. */
function ranked(values: Floats, rank: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number;
    let [i, j] = [low, high];
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i > j) break;
      const kept = values[i] as number;
      values[i++] = values[j] as number;
      values[j--] = kept;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank] as number;
}

/** A percentile of magnitudes, between neighbours by share; 1 if there are none. */
function scaleOf(parts: readonly Floats[]): number {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  if (end === 0) return 1;
  const at = (CLIPPED_AT / 100) * (end - 1);
  const low = Math.floor(at);
  const below = ranked(all, low);
  if (low === at) return below;
  let above = Number.POSITIVE_INFINITY;
  for (let i = low + 1; i < end; i++) above = Math.min(above, all[i] as number);
  return below + (above - below) * (at - low);
}

function brightness({ channels, values }: Crop, full: number): Floats {
  const clipped = (value: number) => Math.min(Math.max(value, -full), full);
  const plane = values.length / channels;
  const out = new Float32Array(plane);
  const shares = channels < 3 ? [1] : LUMINANCE;
  shares.forEach((share, c) => {
    for (let i = 0; i < plane; i++) {
      out[i] = (out[i] as number) + share * clipped(values[c * plane + i] as number);
    }
  });
  return out;
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

/** A projection's energy by the side of the smallest square around the unit that holds it. */
function energyOf(
  { pixels, box, unit }: Projected,
  field: Field,
  extent: Pair,
  channels: number,
): Float64Array {
  const [row, column] = centre(field, extent, unit);
  const [rows, columns] = extent;
  const out = new Float64Array(2 * Math.max(rows, columns, ...field.size) + 2);
  const across = Int32Array.from({ length: columns }, (_, x) => sideOf(x, column));
  for (let y = Math.max(box.top, 0); y < Math.min(box.top + box.height, rows); y++) {
    const down = sideOf(y, row);
    for (let x = Math.max(box.left, 0); x < Math.min(box.left + box.width, columns); x++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) {
        const value = pixels[(c * rows + y) * columns + x] as number;
        sum += value * value;
      }
      const side = Math.max(down, across[x] as number);
      out[side] = (out[side] as number) + sum;
    }
  }
  return out;
}

/** The side of the smallest square that holds most of the projections' energy. */
function focusSide(energies: readonly Float64Array[], field: Field, extent: Pair): number {
  const axes = [0, 1] as const;
  const most = Math.max(...axes.map((n) => Math.min(field.size[n], extent[n])));
  if (field.reach === "global") return Math.max(...extent);
  const total = energies.reduce((sum, one) => sum + one.reduce((a, b) => a + b, 0), 0);
  if (!(total > 0)) return most;
  let held = 0;
  for (let side = 0; side < most; side++) {
    for (const one of energies) held += one[side] ?? 0;
    if (held >= SHARE * total) return side;
  }
  return most;
}

/** Share of the energy that is one colour and its opposite. */
function colourShare(crops: readonly Crop[]): number {
  let [a, b, d, everything] = [0, 0, 0, 0];
  for (const { channels, values } of crops) {
    const plane = values.length / channels;
    for (let i = 0; i < values.length; i++) everything += (values[i] as number) ** 2;
    if (channels !== 3) continue;
    for (let i = 0; i < plane; i++) {
      const red = values[i] as number;
      const green = values[plane + i] as number;
      const blue = values[2 * plane + i] as number;
      const one = (red - green) / Math.SQRT2;
      const other = (red + green - 2 * blue) / Math.sqrt(6);
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
  rgba.fill(255);
  for (let c = 0; c < 3; c++) {
    const from = (channels >= 3 ? c : 0) * plane;
    for (let i = 0; i < plane; i++) {
      const level = even(((values[from + i] as number) / full) * 127);
      rgba[i * 4 + c] = (level < -127 ? -127 : level > 127 ? 127 : level) + 128;
    }
  }
  return out;
}

/** What of a projection needs be measured once. */
interface Measures {
  crop: Crop;
  magnitudes: Floats;
  own: number;
  energy: Float64Array;
}

const MEASURED = new WeakMap<Projected, Measures>();

function measured(one: Projected, field: Field, extent: Pair, channels: number): Measures {
  let found = MEASURED.get(one);
  if (!found) {
    const cut = crop(one.pixels, channels, extent, one.box);
    const values = magnitudes(cut.values);
    const energy = energyOf(one, field, extent, channels);
    found = { crop: cut, magnitudes: values, own: scaleOf([values]), energy };
    MEASURED.set(one, found);
  }
  return found;
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
  const measures = known.map((one) => measured(one, field, extent, channels));
  const crops = measures.map((one) => one.crop);
  const scale = scaleOf(measures.map((one) => one.magnitudes));
  const own = measures.map((one) => one.own);
  const full = own.map((mine) => Math.max(scale, mine));
  const bright = crops.map((one, i) => magnitudes(brightness(one, full[i] as number)));
  const side = focusSide(
    measures.map((one) => one.energy),
    field,
    extent,
  );
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
    blank: measures[i]?.magnitudes.length === 0,
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
