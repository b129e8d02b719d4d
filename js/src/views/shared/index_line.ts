/**
 * While the index is being built: how far it is, in the widget's first line, and a button that
 * pauses it. What panels show meanwhile they mark themselves.
 */

import { t, whole } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { count, number, timeLeft } from "../../lib/page/format";
import { homeOf } from "../../lib/page/settled";
import { type IndexProgress, ofIndex, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";

/** After so much news the button no longer waits for what was asked of it. */
const PATIENCE = 4;

export const soFarText = (images: number, of: number) =>
  images < of
    ? t("so far: {n} of {all}", { n: whole(images), all: count(of, "image") })
    : t("{n} of {all}, finishing", { n: whole(of), all: count(of, "image") });

const LINES = new WeakMap<Element, IndexLine>();

/**
 * Show it once in a widget, for as long as the index is being built. It asks for news itself; what
 * others are told counts where it is newer.
 */
export function indexLine(
  within: Element,
  source: Source,
  signal: AbortSignal,
  progress: IndexProgress,
): void {
  const root = homeOf(within);
  if (!root) return;
  const shown = LINES.get(root);
  if (shown) {
    shown.hear(progress);
    return;
  }
  const line = new IndexLine(root, source);
  LINES.set(root, line);
  line.hear(progress);
  const gone = () => {
    line.element.remove();
    LINES.delete(root);
  };
  signal.addEventListener("abort", gone, { once: true });
  source
    .get(
      "index",
      {},
      {
        slot: "index",
        priority: PRIORITY.prefetch,
        signal,
        onProgress: (progress) => ofIndex(progress) && line.show(progress),
      },
    )
    .then(() => announce(root, t("All images have been looked at.")))
    .catch(() => {}) // the panels say what is wrong
    .finally(gone);
}

class IndexLine {
  readonly element: HTMLElement;
  private readonly bar = progressBar(0, t("Images looked at"));
  private readonly so_far = h("b");
  private readonly pace = h("span", { class: "zf-index-pace" });
  private readonly button: HTMLButtonElement;
  private paused: boolean | null = null;
  /** What the button was pressed for, until it is so, or others have decided otherwise. */
  private wanted: boolean | null = null;
  private news = 0;
  private done = 0;
  /** A quarter of the images is news; a batch isn't. */
  private quarter = -1;

  constructor(
    private readonly root: Element,
    source: Source,
  ) {
    this.button = buttonOf("", {
      hidden: !source.pause,
      onclick: () => {
        this.wanted = !this.paused;
        this.news = 0;
        source.pause?.(this.wanted);
        this.label();
      },
    });
    const text = h("span", { class: "zf-index-text" }, this.so_far, this.pace);
    this.element = h(
      "div",
      { class: "zf-index", role: "group", "aria-label": t("Looking at all images"), hidden: true },
      this.bar,
      text,
      this.button,
    );
    const title = root.querySelector(":scope > .zf-title");
    const last = title?.querySelector(":scope > .zf-info");
    if (title) title.insertBefore(this.element, last ?? null);
    else root.prepend(this.element);
  }

  /** Others are told of the same pass, but later. */
  hear(progress: IndexProgress): void {
    if (progress.done > this.done) this.show(progress);
  }

  show({ done, total, seconds_left, per_second, filled, paused }: IndexProgress): void {
    if (total === 0 && !paused) return; // it waits for its turn
    this.done = done;
    this.element.hidden = false;
    this.bar.value = total > 0 ? done / total : 0;
    const where = total > 0 ? soFarText(done, total) : t("nothing looked at yet");
    const facts =
      paused || (total > 0 && done >= total)
        ? []
        : [per_second === null ? "" : pace(per_second), timeLeft(seconds_left)];
    if (filled) {
      const [n, all] = filled.map(whole) as [string, string];
      facts.push(t("{n} of {all} channels filled", { n, all }));
    }
    this.so_far.textContent = paused ? `${t("Paused")} · ${where}` : capital(where);
    this.pace.textContent = facts.filter(Boolean).join(" · ");
    this.element.title = `${this.so_far.textContent} · ${this.pace.textContent}. ${t("Filled: nine patches. What is shown until the end is provisional.")}`;
    this.news += 1;
    this.tell(where, total > 0 ? Math.floor((4 * done) / total) : 0, paused);
  }

  /** Politely: at the start and at each quarter, and when it is paused or goes on. */
  private tell(where: string, quarter: number, paused: boolean): void {
    const first = this.paused === null;
    const turned = paused !== this.paused;
    if (turned || quarter > this.quarter) {
      const looking = first || !turned ? t("Looking at all images") : t("Going on");
      const what = paused ? t("Paused") : looking;
      const end = first ? `. ${t("What is shown until the end is provisional.")}` : "";
      announce(this.root, `${what}, ${where}${end}`);
    }
    this.paused = paused;
    this.quarter = Math.max(quarter, this.quarter);
    this.label();
  }

  /** The batch that is being computed is finished first: until then the button says so. */
  private label(): void {
    if (this.wanted === this.paused || this.news > PATIENCE) this.wanted = null;
    const texts =
      this.wanted === null ? [t("Resume"), t("Pause")] : [t("Pausing …"), t("Resuming …")];
    this.button.textContent = texts[(this.wanted ?? this.paused) ? 0 : 1] ?? "";
  }
}

const pace = (perSecond: number) =>
  perSecond === 1 ? t("1 image/s") : t("{n} images/s", { n: number(perSecond) });

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** `share` null: under way, nobody knows how far. */
export function progressBar(share: number | null, label: string): HTMLProgressElement {
  const bar = h("progress", { class: "zf-progress", max: 1, "aria-label": label });
  if (share !== null) bar.value = share;
  return bar;
}
