/** Rectifiers that are all that reads a filter's value become part of the filter. */

import type { Operation, Program } from "./program";

/** The same values by the same numbers; those that only a rectifier reads are needed by nothing. */
export function fused(program: Program): Program {
  const { operations, layers, output } = program;
  const readers = new Map<number, number>();
  const read = (value: number) => readers.set(value, (readers.get(value) ?? 0) + 1);
  for (const one of operations) one.in.forEach(read);
  for (const value of Object.values(layers)) read(value);
  if (output !== null) read(output);
  const merged = operations.map((one): Operation => {
    const before = one.op === "rectify" ? operations[(one.in[0] as number) - 1] : undefined;
    if (one.op !== "rectify" || before?.op !== "conv") return one;
    if (readers.get(one.in[0] as number) !== 1) return one;
    return { ...before, rectify: one.most ?? Number.POSITIVE_INFINITY };
  });
  return { ...program, operations: merged };
}
