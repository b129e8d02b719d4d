/** A chart of an experiment: numbers to look at, to read one by one, and to choose from. */

import { h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import type { OwnView } from "../shared/view";
import { around, type Drawn, draw, drawMarks, isPointedOut, legend, standOut } from "./drawing";
import type { Layout } from "./geometry";
import { layOut } from "./layout";
import type { Charted } from "./spec";
import { measurer } from "./text";
import { nearest, walk } from "./walk";
import { table, title, told } from "./words";

export const chart: OwnView<Charted> = (el, store, _source, signal) => {
  new ChartView(el, store, signal);
};

class ChartView {
  private readonly body = h("div", { class: "zf-chart-body", role: "figure" });
  private readonly above = h("div", { class: "zf-chart-axis" });
  private readonly stage = h("div", { class: "zf-chart-stage" });
  private readonly below = h("div", { class: "zf-chart-axis zf-chart-across" });
  private readonly names = h("div", {});
  private readonly numbers = h("div", { class: "zf-hidden" });
  private readonly tip = h("div", { class: "zf-chart-tip", "aria-hidden": "true", hidden: true });
  private shown: Charted | null = null;
  private width = 0;
  private layout: Layout | null = null;
  private drawn: Drawn | null = null;
  private waiting = false;
  /** Series and place of the tab stop. */
  private stop: readonly [series: number, place: number] = [0, 0];

  constructor(
    el: HTMLElement,
    private readonly store: OwnStore<Charted>,
    signal: AbortSignal,
  ) {
    this.body.append(this.above, this.stage, this.below, this.names, this.numbers);
    el.append(this.body);
    const on = { signal };
    this.stage.addEventListener("pointermove", (event) => this.hover(event), on);
    this.stage.addEventListener("pointerleave", () => this.leave(), on);
    this.stage.addEventListener("click", (event) => this.click(event), on);
    this.stage.addEventListener("keydown", (event) => this.press(event), on);
    this.stage.addEventListener("focusin", (event) => this.stay(numberOf(event)), on);
    this.stage.addEventListener("focusout", () => this.show(null), on);
    store.subscribe(() => this.soon(), signal);
    const resized = new ResizeObserver(() => this.follow());
    resized.observe(this.stage);
    signal.addEventListener("abort", () => resized.disconnect(), { once: true });
    this.follow();
  }

  /** After all traits of a message are there. */
  private soon(): void {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      this.follow();
    });
  }

  private follow(): void {
    const now = this.store.get();
    const width = Math.floor(this.stage.clientWidth);
    const before = this.shown;
    if (!before || DRAWN.some((name) => before[name] !== now[name])) {
      this.tell(now);
      this.drawn = null;
    }
    this.shown = now;
    if (width > 0 && (!this.drawn || width !== this.width)) {
      this.width = width;
      this.paint(now);
    }
    this.mark(now);
  }

  /** All that is text. */
  private tell(now: Charted): void {
    const [above, below] = now.lying ? [now.across, now.up] : [now.up, now.across];
    this.body.setAttribute("aria-label", title(now));
    this.above.textContent = above.label;
    this.below.textContent = below.label;
    this.stage.style.height = `${now.height}px`;
    this.names.replaceChildren(...(now.legend && now.series.length > 0 ? [legend(now)] : []));
    this.numbers.replaceChildren(table(now));
  }

  private paint(now: Charted): void {
    const focused = this.focused() !== null;
    this.layout = layOut(now, this.width, measurer(this.stage));
    this.drawn = draw(now, this.layout, this.width);
    this.stage.replaceChildren(this.drawn.element, this.tip);
    this.tip.hidden = true;
    const stop = this.numberAt(...this.stop);
    this.drawn.spots[stop]?.setAttribute("tabindex", "0");
    if (focused) this.drawn.spots[stop]?.focus();
  }

  private mark(now: Charted): void {
    if (!this.drawn || !this.layout) return;
    this.drawn.marks.replaceChildren(...drawMarks(this.layout, now.marks, now));
    this.layout.spots.forEach((spot, at) => {
      const element = this.drawn?.spots[at];
      if (isPointedOut(spot, now.marks, now)) element?.setAttribute("aria-current", "true");
      else element?.removeAttribute("aria-current");
    });
    standOut(this.body, now.strong);
  }

  /** The number of a spot; of the first where there is none at that place. */
  private numberAt(series: number, place: number): number {
    const spots = this.layout?.spots ?? [];
    const at = spots.findIndex((spot) => spot.series === series && spot.place === place);
    return Math.max(0, at);
  }

  private hover(event: PointerEvent): void {
    this.show(this.meant(event));
  }

  private leave(): void {
    this.show(numberOf({ target: this.focused() }));
  }

  /** What has the focus here, also where hosts put widgets into a shadow root. */
  private focused(): Element | null {
    const { activeElement } = this.stage.getRootNode() as Document | ShadowRoot;
    return this.stage.contains(activeElement) ? activeElement : null;
  }

  private click(event: MouseEvent): void {
    this.choose(this.meant(event));
  }

  private press(event: KeyboardEvent): void {
    const from = numberOf(event);
    if (from === null || !this.layout || !this.shown) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Escape") {
      this.show(null);
      return;
    }
    if (event.key === "Enter" || event.key === " ") this.choose(from);
    else {
      const to = walk(this.layout.spots, from, event.key, this.shown.lying);
      if (to === null) return;
      this.drawn?.spots[to]?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Focus is there: so is the one tab stop. */
  private stay(at: number | null): void {
    const spot = at === null ? undefined : this.layout?.spots[at];
    if (!spot || !this.drawn) return;
    const before = this.numberAt(...this.stop);
    this.stop = [spot.series, spot.place];
    this.drawn.spots[before]?.setAttribute("tabindex", "-1");
    this.drawn.spots[this.numberAt(...this.stop)]?.setAttribute("tabindex", "0");
    this.show(at);
  }

  private choose(at: number | null): void {
    const spot = at === null ? undefined : this.layout?.spots[at];
    if (!spot || !this.shown?.choosable) return;
    this.store.set({ chosen: [spot.series, spot.place] });
  }

  /** The spot that a pointer means: under it, near it, or of the line that it is on. */
  private meant(event: MouseEvent): number | null {
    const { layout, drawn } = this;
    if (!layout || !drawn) return null;
    const own = numberOf(event);
    if (own !== null) return own;
    const area = drawn.element.getBoundingClientRect();
    const scale = area.width / this.width || 1;
    const [x, y] = [(event.clientX - area.left) / scale, (event.clientY - area.top) / scale];
    const near = nearest(layout.spots, x, y);
    const line = (event.target as Element).closest<SVGElement>("[data-series]");
    if (near !== null || !line) return near;
    const series = Number(line.dataset.series);
    const of = layout.spots.flatMap((spot, at) =>
      spot.series === series ? [{ ...spot, at }] : [],
    );
    const best = nearest(of, x, y, Number.POSITIVE_INFINITY);
    return best === null ? null : (of[best]?.at ?? null);
  }

  /** Say what a spot is, beside it. */
  private show(at: number | null): void {
    const spot = at === null ? undefined : this.layout?.spots[at];
    this.drawn?.element.querySelector(".zf-chart-halo")?.remove();
    this.tip.hidden = !spot;
    if (!spot || !this.shown || !this.drawn) return;
    this.drawn.element.append(around(spot, "zf-chart-halo"));
    const [first, ...others] = told(this.shown, spot.series, spot.place);
    this.tip.replaceChildren(h("strong", {}, first), ...others.map((text) => h("span", {}, text)));
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = Math.max(0, Math.min(this.width - width, spot.x - width / 2));
    const over = spot.y - height - 10;
    const top = over >= 0 ? over : Math.min(spot.y + 10, this.shown.height - height);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${Math.max(0, top)}px`;
  }
}

/** What the drawing and the texts are made of; marks are put over them. */
const DRAWN = [
  "label",
  "across",
  "up",
  "series",
  "lying",
  "legend",
  "choosable",
  "height",
] as const satisfies readonly (keyof Charted)[];

function numberOf({ target }: { target: EventTarget | null }): number | null {
  const spot = (target as Element | null)?.closest<SVGElement>("[data-spot]");
  return spot ? Number(spot.dataset.spot) : null;
}
