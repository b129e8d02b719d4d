/** What stands above a worksheet's questions, and below them: title, words, score, files. */

import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { download } from "../../lib/page/files";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";

export interface Sheet {
  worksheet: string;
  part: "head" | "foot";
  title: string;
  intro: string;
  /** The score. */
  says: string;
  answered: number;
  asked: number;
  /** How often it was started again. */
  resets: number;
  projector: boolean;
  words: Readonly<Record<string, string>>;
  language: string;
}

export const worksheet: OwnView<Sheet> = (el, store, source, signal) => {
  const { part, title, intro, words, worksheet: name } = store.get();
  const head = part === "head";
  const heading = head ? title : (words.score ?? "");
  const panel = new Panel(el, "worksheet", heading, source, signal);
  panel.title(heading);
  const root = panel.element.closest<HTMLElement>(".zf-root");
  const score = h("p", { class: "zf-lesson-score" });
  const options = { priority: PRIORITY.interaction, whole: true };
  const pull = (slot: string, shown: (data: Answer<"worksheet">["data"]) => void, anew = false) =>
    panel.load("worksheet", { worksheet: name }, slot, { ...options, anew }, ({ data }) =>
      shown(data),
    );

  const large = buttonOf(words.projector, {
    class: "zf-button zf-toggle",
    onclick: () => store.set({ projector: !store.get().projector }),
  });
  const follow = () => {
    const { says, answered, asked, projector, language } = store.get();
    root?.classList.toggle("zf-projector", projector);
    if (root) root.lang = language;
    large.setAttribute("aria-pressed", String(projector));
    if (score.textContent !== says) {
      score.textContent = says;
      if (!head && answered === asked) announce(panel.element, says);
    }
  };

  if (head) {
    const list = h("dl", {});
    const glossary = h(
      "details",
      {
        class: "zf-lesson-glossary",
        ontoggle: () => {
          if (!glossary.open || list.childElementCount > 0) return;
          void pull("glossary", (data) => {
            list.replaceChildren(
              ...data.glossary.flatMap(([word, meaning]) => [
                h("dt", {}, word),
                h("dd", {}, meaning),
              ]),
            );
          });
        },
      },
      h("summary", {}, words.glossary),
      list,
    );
    panel.tools.append(large);
    panel.body.append(h("p", { class: "zf-lesson-intro" }, intro), glossary);
  } else {
    panel.body.append(score, foot());
  }
  store.subscribe(follow, signal);
  follow();

  function foot(): HTMLElement {
    const save = buttonOf(words.save, {
      onclick: () =>
        void pull(
          "csv",
          ({ csv, name: file }) => download(new Blob([csv], { type: "text/csv" }), file),
          true,
        ),
    });
    const again = buttonOf(words.reset, { onclick: () => ask(true) });
    const sure = h(
      "div",
      { class: "zf-message", role: "group", hidden: true },
      h("span", {}, words.sure),
      buttonOf(words.reset, {
        class: "zf-button zf-primary",
        onclick: () => {
          ask(false);
          store.set({ resets: store.get().resets + 1 });
        },
      }),
      buttonOf(words.keep, { onclick: () => ask(false) }),
    );
    const ask = (is: boolean) => {
      sure.hidden = !is;
      again.hidden = is;
      (is ? sure.querySelector("button") : again)?.focus();
    };
    return h("div", { class: "zf-lesson-line" }, save, again, sure);
  }
};
