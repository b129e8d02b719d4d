/**
 * A panel: title, tools, body, one line of explanation, and what happens while its pixels aren't
 * there: skeletons, progress, errors in their place with what to do.
 */

import { msg, t } from "../../lib/language/translate";
import { buttonOf, h, nameIn } from "../../lib/page/dom";
import { timeLeft } from "../../lib/page/format";
import { kernelBusy } from "../../lib/page/kernel_busy";
import { nextFrame } from "../../lib/page/selection_store";
import { settledOf } from "../../lib/page/settled";
import type { Answer, Catalogue, Key, Kind, Progress, SoFar } from "../../lib/wire/protocol";
import { ofIndex, PRIORITY } from "../../lib/wire/protocol";
import { KernelError, NoAnswer, NotStored, type Source, Superseded } from "../../lib/wire/source";
import { indexLine, progressBar, soFarText } from "./index_line";

/** Quicker answers show no skeleton: a flash says less than nothing. */
const SKELETON_MS = 120;
const WAITING_MS = 4000;
const BUSY = msg("Kernel busy: this is shown when the running cell is done.");

interface LoadOptions {
  priority: number;
  /** Ends this request earlier than the view. */
  signal?: AbortSignal | undefined;
  /** A failure is shown elsewhere, or says nothing; and so is what is provisional. */
  quiet?: boolean;
  /** Nothing is shown before the whole answer is there. */
  whole?: boolean;
  /** Ask the kernel, whatever it said before. */
  anew?: boolean;
  /** What to do once it may succeed; else this alone is asked for again. */
  again?: () => void;
  onProgress?: (progress: Progress) => void;
}

/**
 * Shows an answer. After anything asynchronous it asks `fresh()`: false when a newer answer of
 * the same slot is being painted.
 */
type Painter<K extends Kind> = (
  answer: Answer<K>,
  fresh: () => boolean,
  complete: boolean,
) => void | Promise<void>;

export class Panel {
  readonly element: HTMLElement;
  readonly tools = h("div", { class: "zf-tools" });
  readonly body = h("div", { class: "zf-body" });
  private readonly heading: HTMLElement;
  private readonly message = h("div", { class: "zf-message", role: "status", hidden: true });
  /** How to read what is shown; below it, unless a view puts it elsewhere. */
  readonly note = h("p", { class: "zf-note" });
  private readonly provisional = h("span", { class: "zf-so-far", hidden: true });
  /** What each slot's answer is over, and which request it was. */
  private readonly soFar = new Map<string, { of: object; seen: SoFar | undefined }>();
  private readonly paints = new Map<string, number>();
  private readonly loading = new Set<string>();
  private messageOf = "";

  constructor(
    host: HTMLElement,
    readonly name: string,
    title: string,
    readonly source: Source,
    readonly signal: AbortSignal,
  ) {
    this.heading = h("h3", {}, title);
    this.element = h(
      "section",
      { class: `zf-panel zf-${name}`, "aria-label": nameIn(host, title) },
      h("header", { class: "zf-head" }, this.heading, this.provisional, this.tools),
      this.message,
      this.body,
      this.note,
    );
    host.append(this.element);
    signal.addEventListener("abort", () => this.element.remove(), { once: true });
  }

  /** The heading, with what it is about right now. */
  title(text: string, about = ""): void {
    this.heading.replaceChildren(text);
    if (about) this.heading.append(h("span", { class: "zf-about", title: about }, about));
  }

  /** One line on what is shown and how to read it. */
  explain(...content: (Node | string)[]): void {
    // Under a dragged occluder the words stay: nothing need be laid out anew.
    if (content.length === 1 && content[0] === this.note.textContent) return;
    this.note.replaceChildren(...content);
  }

  /** Ask, show a sign of life meanwhile, paint; true when the whole answer is painted. */
  async load<K extends Kind>(
    kind: K,
    key: Key<K>,
    slot: string,
    options: LoadOptions,
    paint: Painter<K>,
  ): Promise<boolean> {
    const { priority, quiet = false } = options;
    const signal = options.signal ?? this.signal;
    if (signal.aborted) return false;
    const end = settledOf(this.element).begin();
    const mine = {};
    const run = (answer: Answer<K>, complete: boolean) => {
      const { so_far } = answer.data as { so_far?: SoFar };
      this.mark(slot, mine, quiet ? undefined : so_far);
      this.clear(slot);
      if (so_far?.same) return;
      const turn = (this.paints.get(slot) ?? 0) + 1;
      this.paints.set(slot, turn);
      const fresh = () => this.paints.get(slot) === turn && !signal.aborted;
      return paint(answer, fresh, complete);
    };
    // From here on an older answer of this slot has nothing to say.
    this.paints.set(slot, (this.paints.get(slot) ?? 0) + 1);
    this.clear(slot);
    this.mark(slot, mine, this.soFar.get(slot)?.seen);
    const skeleton = setTimeout(() => this.setLoading(slot, true), SKELETON_MS);
    const waiting = setTimeout(() => {
      if (!quiet)
        this.say(slot, kernelBusy(this.element) ? t(BUSY) : t("Waiting for the kernel …"));
    }, WAITING_MS);
    const alive = () => {
      clearTimeout(skeleton);
      clearTimeout(waiting);
    };
    try {
      const answer = await this.source.get(kind, key, {
        slot: `${this.name}:${slot}`,
        priority,
        signal,
        ...(options.anew && { anew: true }),
        onPartial: (partial) => {
          alive();
          if (options.whole) return;
          Promise.resolve(run(partial, false)).catch((error) => console.error(error));
        },
        onProgress: (progress) => {
          clearTimeout(waiting);
          if (ofIndex(progress)) indexLine(this.element, this.source, this.signal, progress);
          else if (options.onProgress) options.onProgress(progress);
          else if (!quiet) this.progress(slot, progress);
        },
      });
      alive();
      if (signal.aborted) return false;
      await run(answer, true);
      return !signal.aborted;
    } catch (error) {
      alive();
      // Unless something newer has been asked for in this slot since, answered or not.
      const newest = () => this.soFar.get(slot)?.of === mine;
      if (error instanceof Superseded || signal.aborted) {
        if (newest()) this.clear(slot);
        return false;
      }
      this.setLoading(slot, false);
      const retry = () => {
        if (signal.aborted || !newest()) return;
        if (options.again) options.again();
        else void this.load(kind, key, slot, options, paint);
      };
      if (error instanceof NoAnswer) this.noAnswer(error, retry);
      else if (error instanceof NotStored && !quiet) this.say(slot, error.message);
      else if (!quiet) this.fail(slot, error, retry);
      return false;
    } finally {
      alive();
      if (this.soFar.get(slot)?.of === mine) this.mark(slot, mine, undefined);
      nextFrame(end);
    }
  }

  /** Say of how many images what is shown is, until all of it is of all of them. */
  private mark(slot: string, of: object, seen: SoFar | undefined): void {
    this.soFar.set(slot, { of, seen });
    const all = [...this.soFar.values()].flatMap((one) => one.seen ?? []);
    const least = all.sort((a, b) => a.images - b.images)[0];
    this.provisional.hidden = least === undefined;
    this.element.classList.toggle("zf-provisional", least !== undefined);
    if (least) this.provisional.textContent = soFarText(least.images, least.of);
  }

  /** The catalogue, once it has come. */
  catalogue(ready: (catalogue: Catalogue) => void): void {
    const priority = PRIORITY.interaction;
    void this.load("catalogue", {}, "catalogue", { priority }, ({ data }) => ready(data));
  }

  private setLoading(slot: string, is: boolean): void {
    if (is) this.loading.add(slot);
    else this.loading.delete(slot);
    this.element.classList.toggle("zf-loading", this.loading.size > 0);
    this.body.setAttribute("aria-busy", String(this.loading.size > 0));
  }

  private clear(slot: string): void {
    this.setLoading(slot, false);
    if (this.messageOf === slot) this.message.hidden = true;
  }

  private say(slot: string, ...content: (Node | string)[]): void {
    this.messageOf = slot;
    this.message.className = "zf-message";
    this.message.replaceChildren(...content);
    this.message.hidden = false;
  }

  private progress(slot: string, progress: Progress): void {
    const { done, total, seconds_left } = progress;
    const what = t(progress.what);
    const left = timeLeft(seconds_left);
    const counted = total > 0 ? ` ${done} / ${total}` : "";
    this.say(
      slot,
      h("span", {}, `${what}${counted}${left ? ` · ${left}` : ""}`),
      progressBar(total > 0 ? done / total : null, what),
    );
  }

  private fail(slot: string, error: unknown, retry: () => void): void {
    const text = error instanceof Error ? error.message : String(error);
    const name = error instanceof KernelError ? error.name : t("This view failed");
    if (!(error instanceof KernelError)) console.error(error);
    const again = buttonOf(t("Try again"), { onclick: retry });
    this.say(slot, h("span", {}, h("strong", {}, `${name}: `), text), again);
    this.message.classList.add("zf-error");
  }

  private noAnswer(error: NoAnswer, retry: () => void): void {
    const root = this.element.closest<HTMLElement>(".zf-root");
    if (root) sayNoAnswer(root, this.source, error, retry);
  }
}

/** Said once for the whole widget; all that failed is asked again together. */
export function sayNoAnswer(
  root: HTMLElement,
  source: Source,
  error: NoAnswer,
  retry: () => void,
): void {
  const banner = root.querySelector<HTMLElement>(":scope > .zf-banner") ?? createBanner(root);
  const text = banner.querySelector("span");
  if (text) text.textContent = noAnswerText(root, error);
  const again = () => {
    forget();
    banner.removeEventListener("zf-retry", again);
    banner.remove();
    retry();
  };
  const forget = source.onRevival(again);
  banner.addEventListener("zf-retry", again);
}

const LATE_OR_GONE = msg(
  "No answer from the kernel. If a cell is running, what you asked for is shown when it is done; if none is, run this cell again.",
);

/** A kernel that runs a cell may be late; whether it does, not every host's page shows. */
function noAnswerText(root: HTMLElement, error: NoAnswer): string {
  const busy = error.lost ? false : kernelBusy(root);
  if (busy) return t("Kernel busy: what you asked for is shown when the running cell is done.");
  if (busy === null && error.everAnswered) {
    return t(LATE_OR_GONE);
  }
  return t(error.message);
}

function createBanner(root: HTMLElement): HTMLElement {
  const onclick = () => banner.dispatchEvent(new Event("zf-retry"));
  const banner = h(
    "div",
    { class: "zf-banner zf-no-answer", role: "alert" },
    h("span", {}),
    buttonOf(t("Try again"), { onclick }),
  );
  root.prepend(banner);
  return banner;
}
