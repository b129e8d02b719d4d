/** A question of a lesson: the prediction first, then the picture with the truth. */

import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import { decode } from "../../lib/pictures/canvas";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";
import { type Answering, choices, estimate, find } from "./answering";
import { figure } from "./figure";

export interface Asking {
  /** Names the try; another one after a reset. */
  question: string;
  kind: "choice" | "estimate" | "find";
  phase: "making" | "asked" | "answered" | "failed";
  message: string;
  given: readonly [value: number | string, seconds: number | null] | null;
  /** How often it was asked to look at the channel that is chosen. */
  checks: number;
  says: readonly string[];
  correct: boolean | null;
  chosen: string;
  before: string;
  place: string;
  words: Readonly<Record<string, string>>;
  language: string;
  projector: boolean;
}

/** Before anything is known of it. */
export const NOT_YET: Asking = {
  question: "",
  kind: "choice",
  phase: "making",
  message: "",
  given: null,
  checks: 0,
  says: [],
  correct: null,
  chosen: "",
  before: "",
  place: "",
  words: {},
  language: "en",
  projector: false,
};

export const question: OwnView<Asking> = (...given) => {
  new QuestionView(...given);
};

class QuestionView {
  private readonly panel: Panel;
  private readonly before = h("p", { class: "zf-lesson-before" });
  private readonly ask = h("p", { class: "zf-lesson-ask" });
  private readonly figures = h("div", { class: "zf-lesson-figures" });
  private readonly answering = h("div", { class: "zf-lesson-answering" });
  private readonly verdict = h("p", { class: "zf-lesson-verdict", hidden: true, tabindex: -1 });
  private input: Answering | null = null;
  /** What was asked of the kernel last, and what is on screen since when. */
  private asked = "";
  private painted = "";
  private since = 0;
  private told = "";
  private held = false;

  constructor(
    el: HTMLElement,
    private readonly store: OwnStore<Asking>,
    source: Source,
    signal: AbortSignal,
  ) {
    const { words } = store.get();
    this.panel = new Panel(el, "lesson", words.question ?? "", source, signal);
    this.panel.element.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys
    // Nor what else the page does with keys that move a slider or a choice.
    const own = (event: Event) =>
      event.target instanceof HTMLInputElement && event.stopPropagation();
    this.panel.element.addEventListener("keydown", own, { signal });
    this.panel.body.append(this.before, this.ask, this.figures, this.answering, this.verdict);
    store.subscribe(() => this.follow(), signal);
    this.follow();
  }

  private follow(): void {
    const { question, phase, message, before, place, words, language, projector } =
      this.store.get();
    const root = this.panel.element.closest<HTMLElement>(".zf-root");
    root?.classList.toggle("zf-projector", projector);
    if (root) root.lang = language;
    this.panel.title(place || (words.question ?? ""));
    this.panel.element.setAttribute("aria-label", place || (words.question ?? ""));
    this.before.textContent = before;
    this.before.hidden = before === "";
    this.panel.explain(message);
    this.panel.element.dataset.phase = phase;
    const there = phase === "asked" || phase === "answered";
    for (const part of [this.ask, this.figures, this.answering]) part.hidden = !there;
    if (!there) {
      this.verdict.hidden = true;
      return;
    }
    const name = `${question}:${phase === "answered"}`;
    if (name !== this.asked) {
      this.asked = name;
      this.load(question, phase === "answered", name);
    }
    this.mark();
  }

  private load(question: string, revealed: boolean, name: string): void {
    const options = { priority: PRIORITY.interaction, whole: true };
    const shown = async ({ data, buffers }: Answer<"exercise">, fresh: () => boolean) => {
      const bitmaps = await Promise.all(buffers.map((buffer) => decode(buffer, data.mime)));
      if (fresh() && name === this.asked) this.show(data, bitmaps, revealed, name);
      for (const bitmap of bitmaps) bitmap.close();
    };
    void this.panel.load("exercise", { question, revealed }, "exercise", options, shown);
  }

  private show(
    data: Answer<"exercise">["data"],
    bitmaps: readonly ImageBitmap[],
    revealed: boolean,
    name: string,
  ): void {
    const { kind, given, words } = this.store.get();
    this.hold();
    this.ask.textContent = data.ask;
    this.figures.replaceChildren(...data.figures.map((told) => figure(told, bitmaps)));
    this.figures.hidden = data.figures.length === 0;
    const value = given?.[0] ?? null;
    const give = (answer: number | string) => this.give(answer);
    if (kind === "choice") this.input = choices(data, bitmaps, words, value, give);
    else if (kind === "estimate") this.input = estimate(data, words, value, give);
    else this.input = find(words, value !== null || revealed, give, () => this.check());
    this.answering.replaceChildren(...this.input.elements);
    if (this.painted !== name) this.since = performance.now();
    this.painted = name;
    this.mark();
  }

  private give(answer: number | string): void {
    const { given, phase } = this.store.get();
    if (given !== null || phase !== "asked" || this.painted !== this.asked) return;
    const seconds = Math.round((performance.now() - this.since) / 10) / 100;
    this.store.set({ given: [answer, seconds] });
  }

  private check(): void {
    const { checks, phase } = this.store.get();
    if (phase === "asked") this.store.set({ checks: checks + 1 });
  }

  /** What is said of the answer, once its pictures stand. */
  private mark(): void {
    const { says, correct, phase, chosen, checks, question } = this.store.get();
    if (this.painted !== this.asked) return;
    this.input?.follow(chosen);
    const text = says.join(" ");
    this.verdict.hidden = text === "";
    this.verdict.textContent = text;
    this.verdict.dataset.answer = phase === "answered" && correct ? "right" : "wrong";
    const told = text && `${question}:${phase}:${checks}:${text}`;
    if (told === this.told) return;
    this.told = told;
    if (text === "") return;
    announce(this.panel.element, text);
    if (phase === "answered") this.refocus();
  }

  private get active(): Element | null {
    return (this.panel.element.getRootNode() as Document | ShadowRoot).activeElement;
  }

  /** Before what has the focus is replaced. */
  private hold(): void {
    if (this.panel.element.contains(this.active)) this.held = true;
  }

  /** Who plays by keys goes on from there; nobody else's focus is taken. */
  private refocus(): void {
    if (this.held) this.verdict.focus({ preventScroll: true });
    this.held = false;
  }
}
