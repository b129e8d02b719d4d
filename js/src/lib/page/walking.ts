/** Where a step leads from a channel, as the strip in which users step has them. */

import type { SelectionStore } from "./selection_store";

export interface Walk {
  /** Channels of a layer, in the strip's order. */
  ordered: readonly number[];
  columns: number;
}

type Walking = (layer: string) => Walk | null;

const strips = new WeakMap<SelectionStore, Walking>();

/** Say in what order a selection's channels stand, for as long as a strip shows them. */
export function walksBy(selection: SelectionStore, walking: Walking, signal: AbortSignal): void {
  strips.set(selection, walking);
  signal.addEventListener("abort", () => {
    if (strips.get(selection) === walking) strips.delete(selection);
  });
}

/**
 * The channels that the next step most likely leads to, the likeliest first: on in the direction of
 * the last step, then the next and the one before.
 */
export function stepsFrom(
  selection: SelectionStore,
  layer: string,
  channels: number,
  channel: number,
  before: number | null,
): number[] {
  const walk = strips.get(selection)?.(layer);
  const ordered = walk?.ordered.length === channels ? walk.ordered : [];
  const place = (one: number) => (ordered.length ? ordered.indexOf(one) : one);
  const at = place(channel);
  const step = before === null ? 0 : at - place(before);
  const stepped = Math.abs(step) === 1 || Math.abs(step) === walk?.columns;
  const places = new Set([...(stepped ? [at + step] : []), at + 1, at - 1]);
  return [...places]
    .filter((there) => there >= 0 && there < channels)
    .slice(0, 2)
    .map((there) => (ordered.length ? (ordered[there] ?? there) : there));
}
