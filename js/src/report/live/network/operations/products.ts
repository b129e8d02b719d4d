/** Products of two signals: of two maps, or of a map and a gate. */

import { each } from "../maps";
import type { Area, Floats, Shape } from "../program";

/** The place of a factor that a place of the product is made of: one channel may stand for all. */
type Place = (at: number, channel: number) => number;

function placeOf(factor: Floats, [channels, rows, columns]: Shape): Place {
  const plane = rows * columns;
  if (factor.length === channels * plane) return (at) => at;
  return (at, channel) => at - channel * plane;
}

export function product(
  shape: Shape,
  [x, y]: readonly [Floats, Floats],
  out: Floats,
  area: Area,
): void {
  const [atX, atY] = [placeOf(x, shape), placeOf(y, shape)];
  each(shape, area, (at, channel) => {
    out[at] = (x[atX(at, channel)] as number) * (y[atY(at, channel)] as number);
  });
}

/** Add to what lies below one factor the signal times the other. */
export function factorDown(
  shape: Shape,
  signal: Floats,
  other: Floats,
  below: Floats,
  area: Area,
): void {
  const [from, to] = [placeOf(other, shape), placeOf(below, shape)];
  each(shape, area, (at, channel) => {
    const place = to(at, channel);
    const value = (signal[at] as number) * (other[from(at, channel)] as number);
    below[place] = (below[place] as number) + value;
  });
}

/** A gate's factor of a channel: of a gate with one value for all, that. */
export const opening = (gate: Floats, channel: number) =>
  gate[gate.length === 1 ? 0 : channel] as number;
