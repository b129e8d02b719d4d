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

export function resize(picture: Rgb, rows: number, columns: number, name: string): Rgb {
  if (rows === picture.rows && columns === picture.columns) return picture;
  if (name === "nearest") return nearest(picture, rows, columns);
  const filter = FILTERS[name];
  if (!filter) throw new Error(`Unknown filter ${name}.`);
  let { pixels, columns: width } = picture;
  if (columns !== picture.columns) {
    const out = new Uint8Array(picture.rows * columns * 3);
    const weights = weightsOf(picture.columns, columns, filter);
    along(pixels, out, picture.rows, [3, width * 3], [3, columns * 3], weights);
    pixels = out;
    width = columns;
  }
  if (rows !== picture.rows) {
    const out = new Uint8Array(rows * width * 3);
    const weights = weightsOf(picture.rows, rows, filter);
    along(pixels, out, width, [width * 3, 3], [width * 3, 3], weights);
    pixels = out;
  }
  return { rows, columns, pixels };
}

function nearest(picture: Rgb, rows: number, columns: number): Rgb {
  const pixels = new Uint8Array(rows * columns * 3);
  for (let row = 0; row < rows; row++) {
    const y = Math.min(Math.trunc((row + 0.5) * (picture.rows / rows)), picture.rows - 1);
    for (let column = 0; column < columns; column++) {
      const x = Math.min(
        Math.trunc((column + 0.5) * (picture.columns / columns)),
        picture.columns - 1,
      );
      const from = (y * picture.columns + x) * 3;
      pixels.set(picture.pixels.subarray(from, from + 3), (row * columns + column) * 3);
    }
  }
  return { rows, columns, pixels };
}
