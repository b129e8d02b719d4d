/** Matrix products in one memory: by WebAssembly SIMD where there is any, else by plain JavaScript. */

import { LANES, moduleBytes, ROWS } from "./wasm";

const PAGE = 1 << 16;

type Multiply = (
  a: number,
  b: number,
  c: number,
  blocks: number,
  depth: number,
  panels: number,
  stride: number,
) => void;

export class Matrices {
  /** The numbers of the memory; made anew when it grows. */
  floats: Float32Array<ArrayBuffer>;
  private end = 0;

  private constructor(
    private readonly memory: WebAssembly.Memory | null,
    private readonly run: Multiply | null,
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
      return new Matrices(memory, instance.exports.f as Multiply, "");
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

  /** As `wasm.ts` says, but places are indices into `floats`, and `stride` is in numbers. */
  multiply(
    a: number,
    b: number,
    c: number,
    blocks: number,
    depth: number,
    panels: number,
    stride: number,
  ): void {
    if (panels === 0 || blocks === 0) return;
    if (this.run) this.run(a * 4, b * 4, c * 4, blocks, depth, panels, stride * 4);
    else multiplyPlainly(this.floats, a, b, c, blocks, depth, panels, stride);
  }
}

/** Two rows of a block at a time, four columns: as many sums as JavaScript keeps in registers. */
export function multiplyPlainly(
  m: Float32Array,
  a: number,
  b: number,
  c: number,
  blocks: number,
  depth: number,
  panels: number,
  stride: number,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const right = b + panel * depth * LANES;
    for (let block = 0; block < blocks; block++) {
      const left = a + block * depth * ROWS;
      for (let row = 0; row < ROWS; row += 2) {
        for (let lane = 0; lane < LANES; lane += 4) {
          let [s0, s1, s2, s3, t0, t1, t2, t3] = [0, 0, 0, 0, 0, 0, 0, 0];
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
          m[out] = s0;
          m[out + 1] = s1;
          m[out + 2] = s2;
          m[out + 3] = s3;
          m[out + stride] = t0;
          m[out + stride + 1] = t1;
          m[out + stride + 2] = t2;
          m[out + stride + 3] = t3;
        }
      }
    }
  }
}
