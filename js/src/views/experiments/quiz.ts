/** A quiz: two photos, of which one fires a channel more, and a hint; at the end the score. */

import { msg, t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import { decode } from "../../lib/pictures/canvas";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";
import { apart, Choice } from "./quiz_choice";
import { type Hint, QuizHint } from "./quiz_hint";
import { type Bar, quizScore } from "./quiz_score";

export const SIDES = ["left", "right"] as const;
export type Side = (typeof SIDES)[number];

export interface Playing {
  /** Names the round; empty before there is a question. */
  quiz: string;
  hint: Hint;
  hard: boolean;
  /** Questions that are made, and that there will be. */
  ready: number;
  total: number;
  /** The question that is shown; `total`: the score is. */
  at: number;
  given: readonly (readonly [side: Side, seconds: number | null])[];
  says: readonly string[];
  bars: readonly Bar[];
}

const ASKED = msg("Which photo fires the channel more?");
const KEYS: Record<string, number> = { "1": 0, ArrowLeft: 0, "2": 1, ArrowRight: 1 };

export const quiz: OwnView<Playing> = (...given) => {
  new QuizView(...given);
};

class QuizView {
  private readonly panel: Panel;
  private readonly choices: readonly [Choice, Choice];
  private readonly pair: HTMLElement;
  private readonly hint: QuizHint;
  private readonly game: HTMLElement;
  private readonly text = h("p", { class: "zf-quiz-text" });
  private readonly next: HTMLButtonElement;
  private readonly line: HTMLElement;
  private readonly score = h("div", { class: "zf-quiz-score", tabindex: -1, hidden: true });
  private readonly count = h("span", { class: "zf-dim" });
  private asked = "";
  private ahead = "";
  /** What is on screen, and since when. */
  private painted: { name: string; data: Answer<"question">["data"]; since: number } | null = null;
  /** The question, and whether it is answered, that was shown last. */
  private shown = "";
  /** The focus was in here before it was on something that is hidden now. */
  private held = false;

  constructor(
    el: HTMLElement,
    private readonly store: OwnStore<Playing>,
    private readonly source: Source,
    private readonly signal: AbortSignal,
  ) {
    this.panel = new Panel(el, "quiz", t(ASKED), source, signal);
    this.panel.element.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own 1 and 2
    this.choices = [new Choice(0, () => this.choose(0)), new Choice(1, () => this.choose(1))];
    this.pair = h(
      "div",
      { class: "zf-quiz-pair", role: "group", "aria-label": t("The two photos"), tabindex: -1 },
      ...this.choices.map((choice) => choice.button),
    );
    this.hint = new QuizHint();
    this.next = buttonOf(t("Next"), {
      class: "zf-button zf-primary",
      onclick: () => this.goOn(),
    });
    this.line = h("div", { class: "zf-quiz-line" }, this.text, this.next);
    const played = h("div", { class: "zf-quiz-played" }, this.pair, this.line);
    this.game = h("div", { class: "zf-quiz-game", hidden: true }, this.hint.element, played);
    this.panel.tools.append(this.count);
    this.panel.body.append(this.game, this.score);
    this.panel.element.addEventListener("keydown", (event) => this.key(event), { signal });
    store.subscribe(() => this.follow(), signal);
    this.follow();
  }

  private follow(): void {
    const { quiz, ready, total, at } = this.store.get();
    const over = total > 0 && at >= total;
    this.hold();
    this.score.hidden = !over;
    if (over) {
      this.end();
      return;
    }
    if (!quiz || at >= ready) {
      this.asked = ""; // whatever of it was asked for too early: marimo sets trait after trait
      this.count.textContent = "";
      this.game.hidden = true;
      this.panel.title(t(ASKED));
      this.panel.explain(quiz && total > 0 ? t("The next question is being made.") : "");
      return;
    }
    const name = `${quiz}:${at}`;
    if (name !== this.asked) {
      this.asked = name;
      this.load(quiz, at, name);
    }
    this.mark();
    this.lookAhead();
  }

  private load(quiz: string, number: number, name: string): void {
    const options = { priority: PRIORITY.interaction, whole: true };
    const shown = async (answer: Answer<"question">, fresh: () => boolean) => {
      const { data, buffers } = answer;
      const signed = data.choices.length + data.patches;
      const bitmaps = await Promise.all(
        buffers.map((buffer, i) => decode(buffer, i < signed ? data.mime : data.signed_mime)),
      );
      if (fresh() && name === this.asked) {
        data.choices.forEach((choice, i) => {
          const bitmap = bitmaps[i];
          if (bitmap) this.choices[i]?.show(choice, bitmap);
        });
        const rest = bitmaps.slice(data.choices.length);
        this.hint.show(this.store.get().hint, data, rest);
        this.painted = { name, data, since: performance.now() };
        this.mark();
      }
      for (const bitmap of bitmaps) bitmap.close();
    };
    void this.panel.load("question", { quiz, number }, "question", options, shown);
  }

  /** The next question is there before it is asked for. */
  private lookAhead(): void {
    const { quiz, at, ready } = this.store.get();
    const name = `${quiz}:${at + 1}`;
    if (at + 1 >= ready || name === this.ahead) return;
    this.ahead = name;
    this.source.prefetch("question", { quiz, number: at + 1 }, "question:next", this.signal);
  }

  private choose(side: number): void {
    const { given, at } = this.store.get();
    const chosen = SIDES[side];
    if (!this.current || given.length > at || !chosen) return;
    const seconds = Math.round((performance.now() - this.current.since) / 10) / 100;
    this.store.set({ given: [...given, [chosen, seconds]] });
  }

  private goOn(): void {
    const { given, at } = this.store.get();
    if (given.length > at) this.store.set({ at: at + 1 });
  }

  /** What is on screen, if it is what is to be shown. */
  private get current() {
    return this.painted?.name === this.asked ? this.painted : null;
  }

  private key(event: KeyboardEvent): void {
    const side = KEYS[event.key];
    if (side === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(side);
  }

  /** The question as it stands: asked, or answered. */
  private mark(): void {
    const { given, at, total, hard } = this.store.get();
    this.game.hidden = !this.painted;
    if (!this.current) return;
    const { data, name } = this.current;
    this.hold();
    const answer = given[at]?.[0];
    const [left, right] = data.choices;
    if (!left || !right) return;
    const values = apart([left.value, right.value]);
    const [more, less, best] = left.value > right.value ? [left, right, 0] : [right, left, 1];
    this.panel.title(t(ASKED), `${data.layer} : ${data.channel}`);
    this.count.textContent = t("question {n} of {total}", { n: at + 1, total });
    this.choices.forEach((choice, i) => {
      const revealed = { best: i === best, chosen: answer === SIDES[i] };
      choice.reveal(answer === undefined ? null : revealed, values[i]);
    });
    this.hint.explain(this.panel, answer !== undefined);
    this.next.hidden = answer === undefined;
    this.next.textContent = at + 1 === total ? t("See the score") : t("Next");
    const correct = answer === SIDES[best];
    const reached = { more: values[best] ?? "", less: values[1 - best] ?? "" };
    const told = { ...reached, strong: more.name, weak: less.name };
    const near = hard ? t("Hard: the two are near to each other in the channel's range.") : "";
    this.text.textContent =
      answer === undefined
        ? `${t("Click the photo, or press 1 or 2.")} ${near}`.trim()
        : correct
          ? t("Right: the channel reaches {more} in {strong}, {less} in {weak}.", told)
          : t("No: the channel reaches {more} in {strong}, {less} in {weak}.", told);
    this.line.dataset.answer = answer === undefined ? "none" : correct ? "right" : "wrong";
    const state = `${name}:${answer !== undefined}`;
    if (state === this.shown) return;
    this.shown = state;
    if (answer !== undefined) announce(this.panel.element, this.text.textContent);
    this.refocus(answer === undefined ? this.pair : this.next);
  }

  private end(): void {
    const { says, bars } = this.store.get();
    this.game.hidden = true;
    this.panel.title(t("Your score"));
    this.count.textContent = "";
    this.panel.explain("");
    quizScore(this.score, says, bars);
    if (this.shown === "score" || says.length === 0) return;
    this.shown = "score";
    announce(this.panel.element, says.join(" "));
    this.refocus(this.score);
  }

  private get active(): Element | null {
    return (this.panel.element.getRootNode() as Document | ShadowRoot).activeElement;
  }

  /** Before what has the focus is hidden. */
  private hold(): void {
    if (this.panel.element.contains(this.active)) this.held = true;
  }

  /** Who plays by keys goes on from there; nobody else's focus is taken. */
  private refocus(element: HTMLElement): void {
    const lost = this.active === null || this.active === document.body;
    if (this.panel.element.contains(this.active) || (this.held && lost)) {
      element.focus({ preventScroll: true });
    }
    this.held = false;
  }
}
