/** Class scores as numbers to show: `zfwidgets/records/predictions.py`, in double precision. */

import type { Floats } from "../network/program";

export const largestOf = (values: ArrayLike<number>): number => {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value <= most)) most = value; // NaN is the largest, and stays it
    if (Number.isNaN(most)) return most;
  }
  return most;
};

/** The first of the largest, as NumPy's argmax. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) return i;
    if (value > (values[best] as number)) best = i;
  }
  return best;
}

export function softmax(logits: Floats): Floats {
  const most = largestOf(logits);
  const shifted = Float64Array.from(logits, (value) => Math.exp(value - most));
  const sum = shifted.reduce((a, b) => a + b, 0);
  return Float32Array.from(shifted, (value) => value / sum);
}

/** Whether class scores have no probabilities. */
export const noNumbers = (logits: Floats) => !Number.isFinite(largestOf(logits));

/** Log-odds of a class, of the logits: exact also where its probability rounds to 1. */
export function logOdds(logits: Floats, target: number): number {
  if (noNumbers(logits)) return Number.NaN;
  let most = Number.NEGATIVE_INFINITY;
  logits.forEach((value, i) => {
    if (i !== target) most = Math.max(most, value);
  });
  if (!Number.isFinite(most)) most = 0;
  let sum = 0;
  logits.forEach((value, i) => {
    if (i !== target) sum += Math.exp(value - most);
  });
  return (logits[target] as number) - most - Math.log(sum);
}

/** The probability of log-odds, with full precision at both ends. */
export function fromLogOdds(odds: number): number {
  const small = Math.exp(-Math.abs(odds));
  return (odds < 0 ? small : 1) / (1 + small);
}
