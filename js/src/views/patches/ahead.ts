/** Asks ahead for the channels that the next step would lead to, and for one that is pressed. */

import type { SelectionStore } from "../../lib/page/selection_store";
import { stepsFrom } from "../../lib/page/walking";
import { readAhead } from "../../lib/pictures/pixels";
import { PATCHES } from "../../lib/wire/constants";
import { type Answer, type Key, type Kind, PRIORITY, type Unit } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";

type Place = readonly [layer: string, channel: number, rule: string];

export class Ahead {
  private readonly running = new Map<string, AbortController>();
  private here: Place | null = null;
  private before: Place | null = null;

  constructor(
    private readonly source: Source,
    private readonly selection: SelectionStore,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Another channel is chosen. What is asked ahead for it goes on until `leave`: the kernel goes on
   * with what it has begun, once it is asked for the same.
   */
  reach(here: Place): void {
    this.before = this.here;
    this.here = here;
    this.stop(String(here));
  }

  /** The chosen channel has been asked for, or none is chosen: nothing is asked ahead any more. */
  leave(): void {
    this.stop(null);
  }

  /** All of the chosen channel is there: ask for those that a step leads to. */
  ask(channels: number): void {
    if (!this.here) return;
    const [layer, channel, rule] = this.here;
    const before = this.before?.[0] === layer ? this.before[1] : null;
    stepsFrom(this.selection, layer, channels, channel, before).forEach((next, at) => {
      const going = new AbortController();
      this.running.set(String([layer, next, rule]), going);
      const signal = AbortSignal.any([this.signal, going.signal]);
      const key = { layer, channel: next, k: PATCHES };
      const slot = `prefetch:${at}`;
      const came = readsAhead(signal);
      this.source.prefetch("top", key, `${slot}:top`, signal, came);
      this.source.prefetch("projections", { ...key, rule }, `${slot}:projections`, signal, came);
    });
  }

  private stop(but: string | null): void {
    for (const [place, going] of this.running) {
      if (place === but) continue;
      going.abort();
      this.running.delete(place);
    }
  }
}

/** The channel that a click on an element would choose; null if none. */
export type LeadsTo = (element: Element) => Unit | null;

/**
 * Ask for a channel's patches and projections when what chooses it is pressed: the click comes most
 * of a tenth of a second later, and asks for the same. Where none comes, nothing is shown.
 */
export function asksWhenPressed(
  place: HTMLElement,
  leadsTo: LeadsTo,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
): void {
  place.addEventListener("pointerdown", (event) => {
    const keys = event.button === 0 && keysOf(event, leadsTo, selection);
    if (!keys) return;
    const { layer, channel, k, rule } = keys;
    const ask = <K extends Kind>(kind: K, key: Key<K>, priority: number) => {
      source.get(kind, key, { slot: `press:${kind}`, priority, signal }).catch(() => {});
    };
    ask("top", { layer, channel, k }, PRIORITY.patches);
    ask("projections", { layer, channel, k, rule }, PRIORITY.projections);
    // The click then has nothing to ask before the patches stand.
    ask("about", { layer, channel }, PRIORITY.sheets);
  });
}

/** A pointer that only passes over something asks for nothing. */
const REST_MS = 100;

/** Ask for them when the pointer rests on what chooses a channel, after all else that is asked. */
function asksWhenRestedOn(
  place: HTMLElement,
  leadsTo: LeadsTo,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
): void {
  let resting: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(resting);
  place.addEventListener("pointerover", (event) => {
    stop();
    const keys = event.buttons === 0 && keysOf(event, leadsTo, selection);
    if (!keys) return;
    const { rule, ...top } = keys;
    const came = readsAhead(signal);
    resting = setTimeout(() => {
      source.prefetch("top", top, "rest:top", signal, came);
      source.prefetch("projections", { ...top, rule }, "rest:projections", signal, came);
    }, REST_MS);
  });
  for (const type of ["pointerleave", "pointerdown"]) place.addEventListener(type, stop);
  signal.addEventListener("abort", stop, { once: true });
}

/** Ask for them when the pointer rests on what chooses a channel, and when that is pressed. */
export function asksBeforeClick(...told: Parameters<typeof asksWhenPressed>): void {
  asksWhenPressed(...told);
  asksWhenRestedOn(...told);
}

/** What of the channel is to be asked for; null where it is chosen, or a finger may want to scroll. */
function keysOf(
  { target, pointerType }: PointerEvent,
  leadsTo: LeadsTo,
  selection: SelectionStore,
) {
  const unit = pointerType === "touch" ? null : leadsTo(target as Element);
  if (!unit || JSON.stringify(unit) === JSON.stringify(selection.get("unit"))) return null;
  const rule = selection.get("rule") || "deconvnet";
  return { layer: unit[0], channel: unit[1], k: PATCHES, rule };
}

/** What an answer shows is read before it is to be shown. */
const readsAhead = (signal: AbortSignal) => (answer: Answer<"top" | "projections">) => {
  readAhead(answer.buffers, answer.data.mime, signal).catch(() => {});
};
