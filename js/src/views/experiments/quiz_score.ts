/** The score at the end: in words, and as shares with their intervals beside what guessing gets. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { percent } from "../../lib/page/format";

/** What a score is of, and its share with the 95 % interval, 0..1. */
export type Bar = readonly [of: string, share: number, low: number, high: number];

const CHANCE = 0.5;

export function quizScore(place: HTMLElement, says: readonly string[], bars: readonly Bar[]): void {
  const at = (share: number) => `${(100 * share).toFixed(1)}%`;
  const rows = bars.map(([of, share, low, high]) =>
    h(
      "div",
      {
        class: "zf-quiz-bar",
        role: "img",
        "aria-label": t("{of}: {share}, 95 % interval {low} to {high}", {
          of,
          share: percent(share),
          low: percent(low),
          high: percent(high),
        }),
      },
      h("span", { class: "zf-quiz-of" }, of),
      h(
        "span",
        { class: "zf-quiz-track" },
        h("i", { class: "zf-quiz-chance", style: `left:${at(CHANCE)}` }),
        h("i", { class: "zf-quiz-interval", style: `left:${at(low)};width:${at(high - low)}` }),
        h("i", { class: "zf-quiz-share", style: `left:${at(share)}` }),
      ),
      h("span", { class: "zf-quiz-percent" }, percent(share)),
    ),
  );
  const [first, ...rest] = says;
  place.replaceChildren(
    h("p", { class: "zf-quiz-first" }, first ?? t("Waiting for the kernel to count …")),
    ...rows,
    rows.length > 0
      ? h(
          "p",
          { class: "zf-quiz-key" },
          t("Dot: share of right answers; line: 95 % interval; dashed: guessing."),
        )
      : "",
    ...rest.map((text) => h("p", {}, text)),
  );
}
