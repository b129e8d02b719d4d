/** Asks ahead for the channels that the next step would lead to, and for one that is pressed. */

import type { SelectionStore } from "../../lib/page/selection_store";
import { stepsFrom } from "../../lib/page/walking";
import { PATCHES } from "../../lib/wire/constants";
import { PRIORITY } from "../../lib/wire/protocol";
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
      this.source.prefetch("top", key, `${slot}:top`, signal);
      this.source.prefetch("projections", { ...key, rule }, `${slot}:projections`, signal);
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

/**
 * Ask for a channel's patches and projections when its tile in a strip is pressed: the click comes
 * most of a tenth of a second later, and asks for the same. Of a press that becomes no click nothing
 * is shown.
 */
export function asksWhenPressed(
  strip: HTMLElement,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
): void {
  strip.addEventListener("pointerdown", (event) => {
    const tile = (event.target as Element).closest<HTMLElement>(".zf-tile");
    const [layer, now] = selection.get("unit") ?? [];
    const channel = Number(tile?.dataset.channel);
    // A finger may only want to scroll.
    if (event.button !== 0 || event.pointerType === "touch") return;
    if (!tile || layer === undefined || channel === now) return;
    const key = { layer, channel, k: PATCHES };
    const rule = selection.get("rule") || "deconvnet";
    const top = { slot: "press:top", priority: PRIORITY.patches, signal };
    const projections = { slot: "press:projections", priority: PRIORITY.projections, signal };
    source.get("top", key, top).catch(() => {});
    source.get("projections", { ...key, rule }, projections).catch(() => {});
  });
}
