/**
 * A report's selection: the occluder takes only positions, sizes and baselines whose effect is stored,
 * so that every number beside it is the one of the place where it is drawn.
 */

import { cellAt, occluderBox, pair } from "../lib/occlusion/grid";
import {
  MemorySelection,
  type Selection,
  type SelectionField,
  type SelectionStore,
} from "../lib/page/selection_store";
import type { Occluder, Pair } from "../lib/wire/protocol";
import type { Format } from "./stored/bundle";

/** The stored position that is nearest to an occluder. */
export function snapped(occluder: Occluder, formats: readonly Format[], input: Pair): Occluder {
  const distance = (one: Format) =>
    Math.abs(one.height - occluder.height) +
    Math.abs(one.width - occluder.width) +
    (one.baseline === occluder.baseline ? 0 : 1e6);
  const format = [...formats].sort((a, b) => distance(a) - distance(b))[0];
  if (!format) return occluder;
  const { stride: step, image: _, ...look } = format;
  const stride = pair(step);
  const size: Pair = [format.height, format.width];
  const grid: Pair = [Math.ceil(input[0] / stride[0]), Math.ceil(input[1] / stride[1])];
  const middle: Pair = [
    occluder.top + Math.floor(occluder.height / 2),
    occluder.left + Math.floor(occluder.width / 2),
  ];
  const box = occluderBox(...cellAt(...middle, stride, grid), size, stride);
  return { ...occluder, ...look, ...box };
}

export class StoredSelection implements SelectionStore {
  private readonly inner: MemorySelection;

  constructor(
    state: Selection,
    private readonly formats: readonly Format[],
    private readonly input: Pair,
    /** Whether only what is stored is known: where a network answers, occluders go anywhere. */
    private stored = true,
  ) {
    this.inner = new MemorySelection({ ...state, occluder: this.known(state.occluder) });
  }

  private known(occluder: Occluder | null): Occluder | null {
    return occluder && this.stored ? snapped(occluder, this.formats, this.input) : occluder;
  }

  /** From now on only what is stored is known. */
  confine(): void {
    this.stored = true;
    this.inner.set("occluder", this.known(this.inner.get("occluder")));
  }

  get<F extends SelectionField>(field: F): Selection[F] {
    return this.inner.get(field);
  }

  set<F extends SelectionField>(field: F, value: Selection[F]): void {
    const stored = field === "occluder" ? this.known(value as Occluder | null) : value;
    this.inner.set(field, stored as Selection[F]);
  }

  subscribe(field: SelectionField, listener: () => void, signal: AbortSignal): void {
    this.inner.subscribe(field, listener, signal);
  }
}
