/** Nonlinear functions of a single number, and their derivatives. */

import type { Curve } from "../program";

type Function = (x: number) => number;

const sigmoid: Function = (x) => 1 / (1 + Math.exp(-x));
const GELU = Math.sqrt(2 / Math.PI);
const inner: Function = (x) => Math.tanh(GELU * (x + 0.044715 * x ** 3));

const CURVES: Record<string, readonly [up: Function, derivative: Function]> = {
  sigmoid: [sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  hardsigmoid: [(x) => Math.min(Math.max(x + 3, 0), 6) / 6, (x) => (x > -3 && x < 3 ? 1 / 6 : 0)],
  hardswish: [
    (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    (x) => (x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1),
  ],
  gelu: [
    (x) => 0.5 * x * (1 + inner(x)),
    (x) =>
      0.5 * (1 + inner(x)) + 0.5 * x * (1 - inner(x) ** 2) * GELU * (1 + 3 * 0.044715 * x ** 2),
  ],
};

/** A curve and its derivative; undefined for one that isn't known. */
export function curveOf({ curve, slope = 0 }: Curve): readonly [Function, Function] | undefined {
  if (curve === "leaky") return [(x) => (x > 0 ? x : x * slope), (x) => (x > 0 ? 1 : slope)];
  if (curve === "elu") {
    return [(x) => (x > 0 ? x : slope * Math.expm1(x)), (x) => (x > 0 ? 1 : slope * Math.exp(x))];
  }
  return CURVES[curve];
}
