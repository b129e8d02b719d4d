/**
 * A map's life: estimated before it starts, started when what it depends on has rested, stopped
 * with what there is kept, and gone on with. Another target or channel of the same pass is asked
 * for at once: the kernel has it.
 */

import { plural, t } from "../../lib/language/translate";
import { type Grids, identityOf, passOf } from "../../lib/occlusion/map_kinds";
import { buttonOf, h } from "../../lib/page/dom";
import { duration, timeLeft } from "../../lib/page/format";
import { settledOf } from "../../lib/page/settled";
import { type Answer, type Key, type Kinds, PRIORITY } from "../../lib/wire/protocol";
import { progressBar } from "../shared/index_line";
import type { Panel } from "../shared/status";
import type { Overlay } from "./heatmap";

/** The map starts when what it depends on has rested this long. */
const REST_MS = 300;
const ESTIMATE_MS = 100;

type MapKey = Key<"occlusion">;
type Count = { done: number; total: number; seconds_left: number | null };

interface Wanted {
  key: MapKey;
  overlay: Overlay;
}

/** Where its answers go. */
interface Sink {
  readonly grids: Grids | null;
  set(answer: Answer<"occlusion">, key: MapKey): void;
  clear(): void;
  /** The map on screen waits for a newer answer. */
  stale(is: boolean): void;
}

export class MapRun {
  readonly button = buttonOf(t("Compute map"), { class: "zf-button zf-primary" });
  readonly progress = h("div", { class: "zf-map-progress" });
  /** `peek`: only for what is there already, as the user has stopped the pass. */
  private run: { controller: AbortController; key: MapKey; peek: boolean } | null = null;
  private rest: (() => void) | null = null;
  private soon: (() => void) | null = null;
  private estimate: Kinds["estimate"]["data"] | null = null;
  private idleKey = "";

  constructor(
    private readonly panel: Panel,
    private readonly auto: () => boolean,
    private readonly wanted: () => Wanted | null,
    private readonly sink: Sink,
    private readonly signal: AbortSignal,
  ) {
    this.button.dataset.zfNeedsKernel = "";
    this.button.addEventListener("click", () => (this.run ? this.stop() : this.start()));
    const end = () => {
      this.soon?.();
      this.stop();
    };
    signal.addEventListener("abort", end, { once: true });
    this.show(null);
  }

  get running(): boolean {
    return this.run !== null;
  }

  /** Settings have changed: the map on screen must be theirs, or none. */
  update(): void {
    const wanted = this.wanted();
    const here = this.run?.key ?? this.sink.grids?.key ?? null;
    if (!wanted || wanted.overlay === "none") {
      this.stop();
      const gone = !wanted || (here && passOf(here) !== passOf(wanted.key));
      if (gone) this.forget();
      return;
    }
    const { key, overlay } = wanted;
    if (here && identityOf(overlay, here) === identityOf(overlay, key)) return;
    if (here && passOf(here) === passOf(key)) {
      const data = this.sink.grids?.data;
      const stopped = this.run?.peek ?? (data !== undefined && data.done < data.total);
      this.sink.stale(true);
      this.start(stopped);
      return;
    }
    const text = JSON.stringify(key);
    if (!here && text === this.idleKey) return;
    this.stop();
    this.forget();
    this.idleKey = text;
    this.askEstimate(key);
    if (this.auto()) this.startSoon();
  }

  /** Maps start by themselves from now on, or don't. */
  followAuto(): void {
    if (!this.auto()) {
      this.rest?.();
      this.rest = null;
    } else if (this.idleKey && !this.run && !this.rest && !this.sink.grids) this.startSoon();
  }

  private forget(): void {
    this.idleKey = "";
    this.estimate = null;
    this.sink.clear();
    this.show(null);
  }

  private startSoon(): void {
    const settled = settledOf(this.panel.element).begin();
    const timer = setTimeout(() => {
      this.start();
      settled();
    }, REST_MS);
    this.rest = () => {
      clearTimeout(timer);
      settled();
    };
  }

  private askEstimate({ target: _, channel: __, ...key }: MapKey): void {
    this.soon?.();
    const settled = settledOf(this.panel.element).begin();
    const mine = this.idleKey;
    const timer = setTimeout(() => {
      settled();
      if (this.idleKey !== mine) return;
      const load = { priority: PRIORITY.interaction, signal: this.signal, quiet: true };
      void this.panel.load("estimate", key, "estimate", load, ({ data }) => {
        if (this.idleKey !== mine) return;
        this.estimate = data;
        if (!this.run) this.show(this.sink.grids?.data ?? null);
      });
    }, ESTIMATE_MS);
    this.soon = () => {
      clearTimeout(timer);
      settled();
    };
  }

  /** Stop here; what there is stays. */
  stop(): void {
    this.rest?.();
    this.rest = null;
    this.run?.controller.abort();
    this.run = null;
    this.sink.stale(false);
    this.show(this.sink.grids?.data ?? null);
  }

  /** Start, or go on; or only peek. */
  private async start(peek = false): Promise<void> {
    this.rest?.();
    this.rest = null;
    this.run?.controller.abort();
    const wanted = this.wanted();
    if (!wanted) return;
    const mine = { controller: new AbortController(), key: wanted.key, peek };
    this.run = mine;
    this.show(this.sink.grids?.data ?? null);
    const load = {
      priority: PRIORITY.maps,
      signal: AbortSignal.any([this.signal, mine.controller.signal]),
      onProgress: (count: Count) => this.run === mine && this.show(count),
    };
    await this.panel.load("occlusion", mine.key, "map", load, (answer, _, complete) => {
      if (this.run !== mine) return;
      this.sink.set(answer, mine.key);
      this.sink.stale(false);
      if (complete) this.run = null;
      if (peek) this.stop();
      this.show(answer.data);
    });
    if (this.run !== mine) return;
    this.run = null;
    this.sink.stale(false);
    this.show(this.sink.grids?.data ?? null);
  }

  private show(count: Count | null): void {
    const running = this.run !== null;
    const data = this.sink.grids?.data;
    const begun = data !== undefined && data.done < data.total;
    this.button.textContent = running ? t("Stop") : begun ? t("Go on") : t("Compute map");
    this.button.title = running
      ? t("Stop the map here: what there is stays")
      : begun
        ? t("Compute the rest of the map")
        : t("Slide the occluder over the whole photo");
    const bar = (share: number | null) => (running ? [progressBar(share, t("Occlusion map"))] : []);
    if (!count) {
      this.progress.replaceChildren(...bar(null), running ? "" : estimateText(this.estimate));
      return;
    }
    const { done, total, seconds_left } = count;
    const counted =
      total === 0
        ? t("waiting")
        : done < total
          ? `${done} / ${total}`
          : plural(total, "{n} position", "{n} positions", { n: total });
    const left = running ? timeLeft(seconds_left) : done < total ? t("stopped") : "";
    this.progress.replaceChildren(
      ...bar(total ? done / total : null),
      `${counted}${left ? ` · ${left}` : ""}`,
    );
  }
}

function estimateText(estimate: Kinds["estimate"]["data"] | null): string {
  if (!estimate) return "";
  const { positions, seconds, basis } = estimate;
  const time = duration(seconds);
  const all = plural(positions, "{n} position", "{n} positions", { n: positions });
  if (!time) return all;
  const about =
    basis === "measured"
      ? t("about {time}, from passes on this device", { time })
      : t("about {time}, from a short probe", { time });
  return `${all} · ${about}`;
}
