/**
 * A matrix product and two functions of lists in WebAssembly SIMD, assembled here from their
 * instructions. All places in the memory are in bytes.
 *
 * `multiply(a, b, c, blocks, depth, panels, stride, bias, low, high)`: `a` holds blocks of `ROWS`
 * rows, `depth` columns each of `ROWS` numbers; `b` holds panels of `LANES` columns, `depth` rows
 * each of `LANES` numbers; `c` has rows of `stride` bytes and is overwritten: by the product, with
 * each row's bias, no less than `low` and no more than `high`.
 *
 * `largest(to, one, other, vectors)`: the larger of two numbers, in so many vectors of four.
 *
 * `line(at, vectors, scale, shift, low, high)`: numbers times `scale` and `shift` more, within
 * bounds, in place.
 *
 * NaN stays NaN in all of them.
 */

/** Rows of a block of the left matrix. */
export const ROWS = 4;
/** Columns of a panel of the right one. */
export const LANES = 8;
const VECTORS = LANES / 4;

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const END = 0x0b;

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    out.push(rest ? low | 0x80 : low);
  } while (rest);
  return out;
}

function signed(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && !(low & 0x40)) || (rest === -1 && (low & 0x40) !== 0);
    out.push(done ? low : low | 0x80);
    if (done) return out;
  }
}

const get = (local: number) => [0x20, ...unsigned(local)];
const set = (local: number) => [0x21, ...unsigned(local)];
const constant = (value: number) => [0x41, ...signed(value)];
const ADD = [0x6a];
const MULTIPLY = [0x6c];
const simd = (code: number) => [0xfd, ...unsigned(code)];
const at = (align: number, offset: number) => [align, ...unsigned(offset)];
const load = (offset: number) => [...simd(0x00), ...at(2, offset)];
const splat = (offset: number) => [...simd(0x09), ...at(2, offset)];
const store = (offset: number) => [...simd(0x0b), ...at(2, offset)];
const SPLAT = simd(0x13);
const F32X4_ADD = simd(0xe4);
const F32X4_MULTIPLY = simd(0xe6);
const F32X4_MIN = simd(0xe8);
const F32X4_MAX = simd(0xe9);

/** Repeat while `counter`, which starts at a count above zero, isn't zero. */
function loop(counter: number, body: number[]): number[] {
  const again = [...get(counter), ...constant(1), 0x6b, 0x22, ...unsigned(counter), 0x0d, 0x00];
  return [0x03, 0x40, ...body, ...again, END];
}

const step = (local: number, by: number[]) => [...get(local), ...by, ...ADD, ...set(local)];

interface Function {
  name: string;
  parameters: number[];
  body: number[];
}

function multiply(): Function {
  const [A, B, C, BLOCKS, DEPTH, PANELS, STRIDE, BIAS, LOWEST, HIGHEST] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ] as const;
  const [LEFT, RIGHT, OUT, ROW, I, K, SHIFT] = [10, 11, 12, 13, 14, 15, 16] as const;
  const sums = 17;
  const right = sums + ROWS * VECTORS;
  const scalar = right + VECTORS;
  const [low, high] = [scalar + 1, scalar + 2];
  const sum = (row: number, vector: number) => sums + row * VECTORS + vector;
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const vectors = Array.from({ length: VECTORS }, (_, vector) => vector);
  const start = rows.flatMap((row) => [
    ...get(SHIFT),
    ...splat(4 * row),
    ...set(scalar),
    ...vectors.flatMap((v) => [...get(scalar), ...set(sum(row, v))]),
  ]);
  const inner = [
    ...vectors.flatMap((v) => [...get(RIGHT), ...load(16 * v), ...set(right + v)]),
    ...rows.flatMap((row) => [
      ...get(LEFT),
      ...splat(4 * row),
      ...set(scalar),
      ...vectors.flatMap((v) => [
        ...get(sum(row, v)),
        ...get(scalar),
        ...get(right + v),
        ...F32X4_MULTIPLY,
        ...F32X4_ADD,
        ...set(sum(row, v)),
      ]),
    ]),
    ...step(LEFT, constant(4 * ROWS)),
    ...step(RIGHT, constant(4 * LANES)),
  ];
  const write = rows.flatMap((row) => [
    ...vectors.flatMap((v) => [
      ...get(ROW),
      ...within(get(sum(row, v)), get(low), get(high)),
      ...store(16 * v),
    ]),
    ...(row < ROWS - 1 ? step(ROW, get(STRIDE)) : []),
  ]);
  const block = [
    ...start,
    ...get(B),
    ...set(RIGHT),
    ...get(DEPTH),
    ...set(K),
    ...loop(K, inner),
    ...get(OUT),
    ...set(ROW),
    ...write,
    ...step(OUT, [...get(STRIDE), ...constant(ROWS), ...MULTIPLY]),
    ...step(SHIFT, constant(4 * ROWS)),
  ];
  const panel = [
    ...get(A),
    ...set(LEFT),
    ...get(C),
    ...set(OUT),
    ...get(BIAS),
    ...set(SHIFT),
    ...get(BLOCKS),
    ...set(I),
    ...loop(I, block),
    ...step(B, [...get(DEPTH), ...constant(4 * LANES), ...MULTIPLY]),
    ...step(C, constant(4 * LANES)),
  ];
  const locals = [2, 7, I32, ROWS * VECTORS + VECTORS + 3, V128];
  const bounds = [...get(LOWEST), ...SPLAT, ...set(low), ...get(HIGHEST), ...SPLAT, ...set(high)];
  return {
    name: "multiply",
    parameters: [...new Array(8).fill(I32), F32, F32],
    body: [...locals, ...bounds, ...loop(PANELS, panel), END],
  };
}

/** A vector, no less than one and no more than another. */
const within = (vector: number[], low: number[], high: number[]) => [
  ...vector,
  ...low,
  ...F32X4_MAX,
  ...high,
  ...F32X4_MIN,
];

function largest(): Function {
  const [TO, ONE, OTHER, VECTORS_LEFT] = [0, 1, 2, 3] as const;
  const body = [
    ...get(TO),
    ...get(ONE),
    ...load(0),
    ...get(OTHER),
    ...load(0),
    ...F32X4_MAX,
    ...store(0),
    ...[TO, ONE, OTHER].flatMap((local) => step(local, constant(16))),
  ];
  return {
    name: "largest",
    parameters: [I32, I32, I32, I32],
    body: [0, ...loop(VECTORS_LEFT, body), END],
  };
}

function line(): Function {
  const [AT, VECTORS_LEFT, SCALE, SHIFT, LOW, HIGH] = [0, 1, 2, 3, 4, 5] as const;
  const splatted = (local: number) => [...get(local), ...SPLAT];
  const value = [
    ...get(AT),
    ...load(0),
    ...splatted(SCALE),
    ...F32X4_MULTIPLY,
    ...splatted(SHIFT),
    ...F32X4_ADD,
  ];
  const body = [
    ...get(AT),
    ...within(value, splatted(LOW), splatted(HIGH)),
    ...store(0),
    ...step(AT, constant(16)),
  ];
  return {
    name: "line",
    parameters: [I32, I32, F32, F32, F32, F32],
    body: [0, ...loop(VECTORS_LEFT, body), END],
  };
}

function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

const text = (value: string) => [value.length, ...[...value].map((c) => c.charCodeAt(0))];

/** The module's bytes: it imports `m.m`, a memory, and exports the functions by their names. */
export function moduleBytes(): Uint8Array<ArrayBuffer> {
  const functions = [multiply(), largest(), line()];
  const list = (of: (one: Function, number: number) => number[]) => [
    functions.length,
    ...functions.flatMap(of),
  ];
  const sized = (content: number[]) => [...unsigned(content.length), ...content];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      list(({ parameters }) => [0x60, parameters.length, ...parameters, 0]),
    ),
    ...section(2, [1, ...text("m"), ...text("m"), 0x02, 0x00, 0x01]),
    ...section(
      3,
      list((_, number) => [number]),
    ),
    ...section(
      7,
      list(({ name }, number) => [...text(name), 0x00, number]),
    ),
    ...section(
      10,
      list(({ body }) => sized(body)),
    ),
  ]);
}
