/** The first line of an experiment: what it is, of what, what one should know; like an Explorer's. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { popoverButton } from "../shared/popover";
import type { OwnView } from "../shared/view";

export interface Headed {
  name: string;
  facts: string;
  /** What it shows and how it is read: a paragraph each. */
  about: readonly string[];
  /** How a result came to be that isn't computed here; empty: it is live. */
  recorded: string;
}

export const head: OwnView<Headed> = (el, store, _source, signal) => {
  const name = h("strong", {});
  const facts = h("span", { class: "zf-facts" });
  const mark = h("span", { class: "zf-so-far" }, t("recorded"));
  const label = t("About this experiment");
  const info = popoverButton("i", label, "zf-info", () => {
    const now = store.get();
    const paragraphs = [now.facts, ...now.about].filter(Boolean);
    return [h("h4", {}, now.name), ...paragraphs.map((text) => h("p", {}, text))];
  });
  const recorded = h("div", { class: "zf-recorded", role: "note" });
  el.append(h("div", { class: "zf-title" }, name, facts, mark, info), recorded);
  const follow = () => {
    const now = store.get();
    name.textContent = now.name;
    facts.textContent = facts.title = now.facts;
    recorded.textContent = now.recorded;
    recorded.hidden = mark.hidden = !now.recorded;
  };
  store.subscribe(follow, signal);
  follow();
};
