/** What every view is: a function that fills an element until its signal aborts. */

import type { SelectionStore } from "../lib/selection_store";
import type { Source } from "../lib/source";

/** Initial values of what a view keeps to itself; see docs/architecture.md. */
export interface ViewOptions {
  /** Start occlusion maps without being asked. */
  auto?: boolean;
  /** Input pixels between positions of the occluder. */
  stride?: number;
  overlay?: string;
  colours?: string;
  opacity?: number;
  patches?: string;
  sort?: string;
}

export type View = (
  el: HTMLElement,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
  options: ViewOptions,
) => void;

/** The option's value if it is among the choices, else the first choice. */
export function choice<V extends string>(
  value: string | undefined,
  choices: readonly (readonly [V, string])[],
): V {
  return (choices.find(([v]) => v === value) ?? choices[0])?.[0] as V;
}

/** An abort controller that is replaced at each call; all end with `signal`. */
export function renewable(signal: AbortSignal): () => AbortSignal {
  let current = new AbortController();
  return () => {
    current.abort();
    current = new AbortController();
    return AbortSignal.any([signal, current.signal]);
  };
}
