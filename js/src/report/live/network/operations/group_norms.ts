/** Norms over an image's own mean and spread, and their derivative at this image. */

import type { Area, Floats, GroupNorm } from "../program";

/** Numbers that are normed together: places of a map, by the channel that each is in. */
interface Group {
  size: number;
  place(i: number): number;
  channel(i: number): number;
}

/** What an area's places are normed with: all of some channels, or of each place all channels. */
function* groupsOf(one: GroupNorm, area: Area): Generator<Group> {
  const [channels, rows, columns] = one.shape;
  const plane = rows * columns;
  if (one.apart) {
    for (let row = area.top; row < area.bottom; row++) {
      for (let column = area.left; column < area.right; column++) {
        const at = row * columns + column;
        yield { size: channels, place: (i) => i * plane + at, channel: (i) => i };
      }
    }
    return;
  }
  const size = (channels / one.groups) * plane;
  for (let group = 0; group < one.groups; group++) {
    const first = group * size;
    yield { size, place: (i) => first + i, channel: (i) => Math.floor((first + i) / plane) };
  }
}

/** A group's mean, and one over its standard deviation. */
function measured(x: Floats, { size, place }: Group, epsilon: number): [number, number] {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += x[place(i)] as number;
  const mean = sum / size;
  let squares = 0;
  for (let i = 0; i < size; i++) squares += ((x[place(i)] as number) - mean) ** 2;
  return [mean, 1 / Math.sqrt(squares / size + epsilon)];
}

export function groupNormed(
  one: GroupNorm,
  x: Floats,
  scale: Floats | null,
  shift: Floats | null,
  out: Floats,
  area: Area,
): void {
  for (const group of groupsOf(one, area)) {
    const [mean, inverse] = measured(x, group, one.epsilon);
    for (let i = 0; i < group.size; i++) {
      const [at, channel] = [group.place(i), group.channel(i)];
      const normed = ((x[at] as number) - mean) * inverse;
      out[at] = normed * (scale?.[channel] ?? 1) + (shift?.[channel] ?? 0);
    }
  }
}

/** Add to `below` what a signal becomes by the derivative; which area that is, is the caller's. */
export function groupUnnormed(
  one: GroupNorm,
  x: Floats,
  scale: Floats | null,
  signal: Floats,
  below: Floats,
  area: Area,
): void {
  for (const group of groupsOf(one, area)) {
    const { size, place, channel } = group;
    const [mean, inverse] = measured(x, group, one.epsilon);
    const scaled = (i: number) => (signal[place(i)] as number) * (scale?.[channel(i)] ?? 1);
    const normed = (i: number) => ((x[place(i)] as number) - mean) * inverse;
    let [sum, along] = [0, 0];
    for (let i = 0; i < size; i++) {
      const value = scaled(i);
      sum += value;
      along += value * normed(i);
    }
    for (let i = 0; i < size; i++) {
      const at = place(i);
      const change = scaled(i) - sum / size - (normed(i) * along) / size;
      below[at] = (below[at] as number) + inverse * change;
    }
  }
}
