/**
 * A matrix product in WebAssembly SIMD, assembled here from its instructions.
 *
 * `multiply(a, b, c, blocks, depth, panels, stride)`: `a` holds blocks of `ROWS` rows, `depth`
 * columns each of `ROWS` numbers; `b` holds panels of `LANES` columns, `depth` rows each of
 * `LANES` numbers; `c` has rows of `stride` bytes. All are places in the memory, in bytes. What is
 * in `c` is overwritten.
 */

/** Rows of a block of the left matrix. */
export const ROWS = 4;
/** Columns of a panel of the right one. */
export const LANES = 8;
const VECTORS = LANES / 4;

const I32 = 0x7f;
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
const F32X4_ADD = simd(0xe4);
const F32X4_MULTIPLY = simd(0xe6);
const ZERO = [...simd(0x0c), ...new Array(16).fill(0)];

/** Repeat while `counter`, which starts at a count above zero, isn't zero. */
function loop(counter: number, body: number[]): number[] {
  const again = [...get(counter), ...constant(1), 0x6b, 0x22, ...unsigned(counter), 0x0d, 0x00];
  return [0x03, 0x40, ...body, ...again, END];
}

const step = (local: number, by: number[]) => [...get(local), ...by, ...ADD, ...set(local)];

function body(): number[] {
  const [A, B, C, BLOCKS, DEPTH, PANELS, STRIDE] = [0, 1, 2, 3, 4, 5, 6] as const;
  const [LEFT, RIGHT, OUT, ROW, I, K] = [7, 8, 9, 10, 11, 12] as const;
  const sums = 13;
  const right = sums + ROWS * VECTORS;
  const scalar = right + VECTORS;
  const sum = (row: number, vector: number) => sums + row * VECTORS + vector;
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const vectors = Array.from({ length: VECTORS }, (_, vector) => vector);
  const clear = rows.flatMap((row) => vectors.flatMap((v) => [...ZERO, ...set(sum(row, v))]));
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
    ...vectors.flatMap((v) => [...get(ROW), ...get(sum(row, v)), ...store(16 * v)]),
    ...(row < ROWS - 1 ? step(ROW, get(STRIDE)) : []),
  ]);
  const block = [
    ...clear,
    ...get(B),
    ...set(RIGHT),
    ...get(DEPTH),
    ...set(K),
    ...loop(K, inner),
    ...get(OUT),
    ...set(ROW),
    ...write,
    ...step(OUT, [...get(STRIDE), ...constant(ROWS), ...MULTIPLY]),
  ];
  const panel = [
    ...get(A),
    ...set(LEFT),
    ...get(C),
    ...set(OUT),
    ...get(BLOCKS),
    ...set(I),
    ...loop(I, block),
    ...step(B, [...get(DEPTH), ...constant(4 * LANES), ...MULTIPLY]),
    ...step(C, constant(4 * LANES)),
  ];
  const locals = [2, 6, I32, ROWS * VECTORS + VECTORS + 1, V128];
  return [...locals, ...loop(PANELS, panel), END];
}

function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

const text = (value: string) => [value.length, ...[...value].map((c) => c.charCodeAt(0))];

/** The module's bytes: it imports `m.m`, a memory, and exports `f`. */
export function moduleBytes(): Uint8Array<ArrayBuffer> {
  const code = body();
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 7, ...new Array(7).fill(I32), 0]),
    ...section(2, [1, ...text("m"), ...text("m"), 0x02, 0x00, 0x01]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("f"), 0x00, 0x00]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
