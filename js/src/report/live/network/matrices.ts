/** Matrix products in one memory: by WebAssembly SIMD where there is any, else by plain JavaScript. */

import { LANES, moduleBytes, ROWS } from "./wasm";

const PAGE = 1 << 16;

/** A product, with places as indices into `floats`, and `stride` in numbers: see `wasm.ts`. */
export interface Product {
  a: number;
  b: number;
  c: number;
  blocks: number;
  depth: number;
  panels: number;
  stride: number;
  bias: number;
  low: number;
  high: number;
}

interface Functions {
  multiply(...numbers: number[]): void;
  largest(to: number, one: number, other: number, vectors: number): void;
  line(at: number, vectors: number, scale: number, shift: number, low: number, high: number): void;
}

export class Matrices {
  /** The numbers of the memory; made anew when it grows. */
  floats: Float32Array<ArrayBuffer>;
  private end = 0;

  private constructor(
    private readonly memory: WebAssembly.Memory | null,
    private readonly functions: Functions | null,
    /** Why products are plain JavaScript; empty if they aren't. */
    readonly plain: string,
  ) {
    this.floats = new Float32Array(memory ? (memory.buffer as ArrayBuffer) : new ArrayBuffer(PAGE));
  }

  /** `plain`: by JavaScript alone, whatever there is. */
  static async open(plain = false): Promise<Matrices> {
    if (plain) return new Matrices(null, null, "asked for");
    try {
      const memory = new WebAssembly.Memory({ initial: 1 });
      const { instance } = await WebAssembly.instantiate(moduleBytes(), { m: { m: memory } });
      return new Matrices(memory, instance.exports as unknown as Functions, "");
    } catch (error) {
      return new Matrices(null, null, error instanceof Error ? error.message : String(error));
    }
  }

  /** Room for so many numbers; where it begins, as an index into `floats`. */
  room(numbers: number): number {
    const start = this.end;
    this.end += Math.ceil(numbers / 4) * 4;
    const bytes = this.end * 4;
    const have = this.floats.byteLength;
    if (bytes <= have) return start;
    if (this.memory) {
      this.memory.grow(Math.ceil((bytes - have) / PAGE));
      this.floats = new Float32Array(this.memory.buffer as ArrayBuffer);
    } else {
      const grown = new Float32Array(Math.ceil((bytes * 1.25) / 4));
      grown.set(this.floats);
      this.floats = grown;
    }
    return start;
  }

  multiply(of: Product): void {
    const { a, b, c, blocks, depth, panels, stride, bias, low, high } = of;
    if (panels === 0 || blocks === 0) return;
    if (!this.functions) multiplyPlainly(this.floats, of);
    else {
      const places = [a * 4, b * 4, c * 4, blocks, depth, panels, stride * 4, bias * 4];
      this.functions.multiply(...places, low, high);
    }
  }

  /** The larger of two numbers each, NaN above all: `count` of them, to the next four. */
  largest(to: number, one: number, other: number, count: number): void {
    const vectors = Math.ceil(count / 4);
    if (vectors === 0) return;
    if (this.functions) this.functions.largest(to * 4, one * 4, other * 4, vectors);
    else {
      for (let i = 0; i < vectors * 4; i++) {
        const [x, y] = [this.floats[one + i] as number, this.floats[other + i] as number];
        this.floats[to + i] = x > y || Number.isNaN(x) ? x : y;
      }
    }
  }

  /** Numbers times a factor and some more, within bounds: `count` of them, to the next four. */
  line(at: number, count: number, scale: number, shift: number, low: number, high: number): void {
    const vectors = Math.ceil(count / 4);
    if (vectors === 0) return;
    if (this.functions) this.functions.line(at * 4, vectors, scale, shift, low, high);
    else {
      for (let i = at; i < at + vectors * 4; i++) {
        this.floats[i] = within((this.floats[i] as number) * scale + shift, low, high);
      }
    }
  }
}

const within = (value: number, low: number, high: number) =>
  value < low ? low : value > high ? high : value;

/** Two rows of a block at a time, four columns: as many sums as JavaScript keeps in registers. */
function multiplyPlainly(m: Float32Array, of: Product): void {
  const { a, b, c, blocks, depth, panels, stride, bias, low, high } = of;
  for (let panel = 0; panel < panels; panel++) {
    const right = b + panel * depth * LANES;
    for (let block = 0; block < blocks; block++) {
      const left = a + block * depth * ROWS;
      for (let row = 0; row < ROWS; row += 2) {
        const shift = bias + block * ROWS + row;
        const [more, another] = [m[shift] as number, m[shift + 1] as number];
        for (let lane = 0; lane < LANES; lane += 4) {
          let [s0, s1, s2, s3] = [more, more, more, more];
          let [t0, t1, t2, t3] = [another, another, another, another];
          let i = left + row;
          let j = right + lane;
          for (let k = 0; k < depth; k++) {
            const x = m[i] as number;
            const y = m[i + 1] as number;
            const b0 = m[j] as number;
            const b1 = m[j + 1] as number;
            const b2 = m[j + 2] as number;
            const b3 = m[j + 3] as number;
            s0 += x * b0;
            s1 += x * b1;
            s2 += x * b2;
            s3 += x * b3;
            t0 += y * b0;
            t1 += y * b1;
            t2 += y * b2;
            t3 += y * b3;
            i += ROWS;
            j += LANES;
          }
          const out = c + (block * ROWS + row) * stride + panel * LANES + lane;
          m[out] = within(s0, low, high);
          m[out + 1] = within(s1, low, high);
          m[out + 2] = within(s2, low, high);
          m[out + 3] = within(s3, low, high);
          m[out + stride] = within(t0, low, high);
          m[out + stride + 1] = within(t1, low, high);
          m[out + stride + 2] = within(t2, low, high);
          m[out + stride + 3] = within(t3, low, high);
        }
      }
    }
  }
}
