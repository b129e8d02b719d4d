/** Weights as they lie in a report, as the numbers that are computed with. */

import type { Floats, Program } from "./program";

/** As `zfwidgets/engine/portable/record.py` keeps them. */
export type Kind = "int8" | "float16" | "float32";

/** IEEE 754's half precision. */
export function halves(view: DataView): Floats {
  const out = new Float32Array(view.byteLength / 2);
  for (let i = 0; i < out.length; i++) {
    const bits = view.getUint16(2 * i, true);
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}

function singles(view: DataView): Floats {
  return new Float32Array(
    view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer,
  );
}

/** All arrays as float32; filters in int8 times their scales. */
export function weightsOf(
  program: Program,
  arrays: readonly DataView[],
  kinds: readonly Kind[],
): Floats[] {
  const found = arrays.map((view, i) => {
    if (kinds[i] === "float16") return halves(view);
    return kinds[i] === "int8" ? bytes(view) : singles(view);
  });
  const done = new Set<number>();
  for (const one of program.operations) {
    if (one.op !== "conv" || one.weight_scale === undefined || done.has(one.weight)) continue;
    done.add(one.weight); // filters may be shared
    const [weight, scales] = [found[one.weight], found[one.weight_scale]];
    if (!weight || scales?.length !== one.shape[0])
      throw new Error("Scales of filters are missing.");
    const each = weight.length / scales.length;
    weight.forEach((value, at) => {
      weight[at] = value * (scales[Math.floor(at / each)] as number);
    });
  }
  return found;
}

function bytes(view: DataView): Floats {
  return Float32Array.from(new Int8Array(view.buffer, view.byteOffset, view.byteLength));
}
