/** From numbers to pixels, and the round numbers on an axis. */

import { decimal } from "../../lib/language/translate";
import { number } from "../../lib/page/format";
import { type Axis, known } from "./spec";

export interface Range {
  low: number;
  high: number;
}

/** A text on an axis, and where it belongs. */
export interface Tick {
  value: number;
  text: string;
}

/** Steps of places may be sixths too: angles have them. */
const OF_VALUES = [1, 2, 5, 10];
const OF_PLACES = [1, 2, 5, 6, 10];
/** Pixels between two texts at least. */
const GAP = 14;
/** Pixels between two values at least, where they stand above each other. */
const APART = 34;

/** What an axis reaches: all of the data, and what it should reach at least. */
export function reachOf(values: readonly number[], axis: Axis): Range | null {
  const all = [...values, axis.low, axis.high].filter(known);
  if (all.length === 0) return null;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of all) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low < high) return { low, high };
  const half = Math.abs(low) / 10 || 0.5;
  return { low: low - half, high: high + half };
}

/** The round step that is no smaller. */
export function roundStep(rough: number, steps: readonly number[] = OF_VALUES): number {
  const ten = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const step = steps.find((n) => n * ten >= rough * 0.999);
  return (step ?? 10) * ten;
}

/** All multiples of a step in a range. */
export function multiples({ low, high }: Range, step: number): Tick[] {
  const first = Math.ceil(low / step - 1e-6);
  const last = Math.floor(high / step + 1e-6);
  const ticks: Tick[] = [];
  for (let n = first; n <= last; n++)
    ticks.push({ value: n * step, text: tickText(n * step, step) });
  return ticks;
}

/** A number with as many digits as its step needs. */
export function tickText(value: number, step: number): string {
  if (Math.abs(value) >= 1e6 || step < 1e-4) return number(value).replace("-", "−");
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const text = decimal(value.toFixed(digits));
  return Number(value.toFixed(digits)) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** An axis of values beside a drawing of so many pixels: it ends at round numbers. */
export function standing(range: Range, axis: Axis, pixels: number): Range & { ticks: Tick[] } {
  const step = roundStep((range.high - range.low) / Math.max(1, Math.floor(pixels / APART)));
  const ended = rounded(range, axis, step);
  return { ...ended, ticks: multiples(ended, step) };
}

/** An axis below a drawing: as many round numbers as there is room for, none over another. */
export function lying(
  range: Range,
  axis: Axis,
  pixels: number,
  measure: (text: string) => number,
  { ended = false, whole = false, values = true } = {},
): Range & { ticks: Tick[] } {
  for (let count = Math.max(1, Math.floor(pixels / 40)); ; count--) {
    let step = roundStep((range.high - range.low) / count, values ? OF_VALUES : OF_PLACES);
    if (whole) step = Math.max(1, step);
    const reached = ended ? rounded(range, axis, step) : range;
    const ticks = multiples(reached, step);
    const widest = Math.max(0, ...ticks.map(({ text }) => measure(text)));
    const apart = (step / (reached.high - reached.low)) * pixels;
    if (apart >= widest + GAP) return { ...reached, ticks };
    if (count === 1) return { ...reached, ticks: ticks.slice(0, 1) };
  }
}

/** A range whose ends are round where no end was asked for, or the data go beyond it. */
function rounded({ low, high }: Range, axis: Axis, step: number): Range {
  return {
    low: low === axis.low ? low : Math.floor(low / step + 1e-6) * step,
    high: high === axis.high ? high : Math.ceil(high / step - 1e-6) * step,
  };
}

/** Where a value is between two ends in pixels. */
export function placed(range: Range, from: number, to: number): (value: number) => number {
  return (value) => from + ((value - range.low) / (range.high - range.low)) * (to - from);
}
