/**
 * Pictures resized as Pillow does it, to the last bit: `ImagingResample` for 8 bits a channel.
 *
 * Along each axis a pixel is a weighted sum over the filter's support, which grows where the
 * picture shrinks; weights are whole numbers of `BITS` bits, and between the two axes pixels are
 * rounded to 8 bits.
 */

export interface Rgb {
  rows: number;
  columns: number;
  /** Red, green, blue of each pixel. */
  pixels: Uint8Array<ArrayBuffer>;
}

type Filter = (x: number) => number;

const sinc: Filter = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

function bicubic(x: number): number {
  const a = -0.5;
  const at = Math.abs(x);
  if (at < 1) return ((a + 2) * at - (a + 3)) * at * at + 1;
  return at < 2 ? (((at - 5) * at + 8) * at - 4) * a : 0;
}

function hamming(x: number): number {
  const at = Math.abs(x);
  if (at === 0) return 1;
  if (at >= 1) return 0;
  const angle = at * Math.PI;
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle));
}

const FILTERS: Record<string, readonly [filter: Filter, support: number]> = {
  box: [(x) => (x > -0.5 && x <= 0.5 ? 1 : 0), 0.5],
  bilinear: [(x) => Math.max(1 - Math.abs(x), 0), 1],
  hamming: [hamming, 1],
  bicubic: [bicubic, 2],
  lanczos: [(x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0), 3],
};

const BITS = 32 - 8 - 2;

interface Weights {
  first: Int32Array;
  count: Int32Array;
  /** `most` a place. */
  weights: Int32Array;
  most: number;
}

function weightsOf(
  length: number,
  to: number,
  [filter, support]: readonly [Filter, number],
): Weights {
  const scale = length / to;
  const wide = Math.max(scale, 1);
  const reach = support * wide;
  const most = Math.ceil(reach) * 2 + 1;
  const [first, count] = [new Int32Array(to), new Int32Array(to)];
  const weights = new Int32Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), length);
    const own: number[] = [];
    let sum = 0;
    for (let x = start; x < end; x++) {
      const weight = filter((x - centre + 0.5) * (1 / wide));
      own.push(weight);
      sum += weight;
    }
    first[i] = start;
    count[i] = end - start;
    own.forEach((weight, n) => {
      const share = (sum === 0 ? weight : weight / sum) * 2 ** BITS;
      weights[i * most + n] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
  }
  return { first, count, weights, most };
}

/** One axis: `lines` lines, of which `step` is the distance of pixels and `stride` of lines. */
function along(
  from: Uint8Array,
  to: Uint8Array,
  lines: number,
  [step, stride]: readonly [number, number],
  [toStep, toStride]: readonly [number, number],
  { first, count, weights, most }: Weights,
): void {
  for (let i = 0; i < first.length; i++) {
    const [start, n] = [first[i] as number, count[i] as number];
    for (let line = 0; line < lines; line++) {
      for (let c = 0; c < 3; c++) {
        let sum = 1 << (BITS - 1);
        let at = line * stride + start * step + c;
        for (let k = 0; k < n; k++) {
          sum += (from[at] as number) * (weights[i * most + k] as number);
          at += step;
        }
        const level = sum >> BITS;
        to[line * toStride + i * toStep + c] = level < 0 ? 0 : level > 255 ? 255 : level;
      }
    }
  }
}

/** `tallFirst`: rows are shrunk before columns where that is less work, as Pillow does from 13 on. */
export function resize(
  picture: Rgb,
  rows: number,
  columns: number,
  name: string,
  tallFirst: boolean,
): Rgb {
  if (rows === picture.rows && columns === picture.columns) return picture;
  if (name === "nearest") return nearest(picture, rows, columns);
  const filter = FILTERS[name];
  if (!filter) throw new Error(`Unknown filter ${name}.`);
  const shrinks = picture.rows - rows;
  if (tallFirst && shrinks > 0 && shrinks > 2 * (picture.columns - columns)) {
    return wide(tall(picture, rows, filter), columns, filter);
  }
  return tall(wide(picture, columns, filter), rows, filter);
}

type Sampling = readonly [filter: Filter, support: number];

function wide(picture: Rgb, columns: number, filter: Sampling): Rgb {
  const { rows, pixels, columns: before } = picture;
  if (columns === before) return picture;
  const out = new Uint8Array(rows * columns * 3);
  along(pixels, out, rows, [3, before * 3], [3, columns * 3], weightsOf(before, columns, filter));
  return { rows, columns, pixels: out };
}

function tall(picture: Rgb, rows: number, filter: Sampling): Rgb {
  const { rows: before, pixels, columns } = picture;
  if (rows === before) return picture;
  const out = new Uint8Array(rows * columns * 3);
  const line = [columns * 3, 3] as const;
  along(pixels, out, columns, line, line, weightsOf(before, rows, filter));
  return { rows, columns, pixels: out };
}

/** The places that pixels are taken from, added up as Pillow does. */
function places(from: number, to: number): Int32Array {
  const step = from / to;
  let at = step * 0.5;
  return Int32Array.from({ length: to }, () => {
    const place = Math.min(Math.trunc(at), from - 1);
    at += step;
    return place;
  });
}

function nearest(picture: Rgb, rows: number, columns: number): Rgb {
  const pixels = new Uint8Array(rows * columns * 3);
  const [down, across] = [places(picture.rows, rows), places(picture.columns, columns)];
  down.forEach((y, row) => {
    across.forEach((x, column) => {
      const from = (y * picture.columns + x) * 3;
      pixels.set(picture.pixels.subarray(from, from + 3), (row * columns + column) * 3);
    });
  });
  return { rows, columns, pixels };
}
