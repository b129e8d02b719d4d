/** One of the two photos of a question, and what is told of it once it is answered. */

import { decimal, msg, t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { place } from "../../lib/pictures/boxes";
import { paintBitmap } from "../../lib/pictures/canvas";
import type { Pair, QuizChoice } from "../../lib/wire/protocol";

const NAMES = [msg("Left"), msg("Right")] as const;

interface Revealed {
  /** It fires the channel more than the other. */
  best: boolean;
  chosen: boolean;
}

export class Choice {
  readonly button: HTMLButtonElement;
  private readonly canvas = h("canvas", { class: "zf-quiz-picture", "aria-hidden": "true" });
  private readonly field = h("span", {
    class: "zf-quiz-field",
    "aria-hidden": "true",
    hidden: true,
  });
  private readonly verdict = h("b", { class: "zf-quiz-verdict" });
  private readonly caption = h("span", { class: "zf-quiz-caption" });
  private choice: QuizChoice | null = null;
  private extent: Pair = [1, 1];

  constructor(
    private readonly side: 0 | 1,
    onclick: () => void,
  ) {
    this.button = h(
      "button",
      { type: "button", class: "zf-quiz-choice", onclick },
      h("span", { class: "zf-quiz-stage" }, this.canvas, this.field),
      h("span", { class: "zf-quiz-below" }, this.verdict, this.caption),
    );
  }

  show(choice: QuizChoice, bitmap: ImageBitmap): void {
    this.choice = choice;
    this.extent = [bitmap.height, bitmap.width];
    paintBitmap(this.canvas, bitmap);
  }

  /** null: it isn't answered yet; `value` is what it reaches, in words. */
  reveal(revealed: Revealed | null, value = ""): void {
    if (!this.choice) return;
    const { name, percentile, box } = this.choice;
    const side = t(NAMES[this.side]);
    this.button.setAttribute("aria-disabled", String(revealed !== null));
    this.button.dataset.state = revealed === null ? "asked" : revealed.best ? "best" : "other";
    this.button.classList.toggle("zf-chosen", revealed?.chosen ?? false);
    this.field.hidden = revealed === null || this.choice.value <= 0;
    if (!this.field.hidden) place(this.field, box, this.extent);
    if (revealed === null) {
      this.verdict.textContent = String(this.side + 1);
      this.caption.textContent = side;
      this.button.setAttribute("aria-label", `${this.side + 1}, ${side}: ${name}`);
      return;
    }
    const words = [revealed.best ? t("fires more") : t("fires less")];
    if (revealed.chosen) words.push(t("your choice"));
    this.verdict.textContent = `${value} · ${words.join(" · ")}`;
    const share = `${Math.floor(percentile)} %`;
    this.caption.textContent = t("more than in {share} of the photos", { share });
    const told = `${side}: ${name}, ${this.verdict.textContent}, ${this.caption.textContent}`;
    this.button.setAttribute("aria-label", told);
  }
}

/** The two values as short as they can be told apart. */
export function apart(values: readonly [number, number]): [string, string] {
  for (let digits = 4; values[0] !== values[1]; digits++) {
    const [one, other] = [number(values[0]), number(values[1])];
    if (one !== other) return [one, other];
    const [longer, than] = [
      decimal(values[0].toPrecision(digits)),
      decimal(values[1].toPrecision(digits)),
    ];
    if (longer !== than || digits > 16) return [longer, than];
  }
  return [number(values[0]), number(values[1])];
}
