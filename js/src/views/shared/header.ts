/** The widget's first line: which network on which photos, and what one should know of it. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import { settledOf } from "../../lib/page/settled";
import { type Catalogue, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { onLost } from "./lost";
import { popoverButton } from "./popover";

export function header(
  el: HTMLElement,
  source: Source,
  signal: AbortSignal,
  tools: Node | null = null,
): void {
  const line = h("div", { class: "zf-title" });
  el.append(line);
  signal.addEventListener("abort", () => line.remove(), { once: true });
  const ask = (anew = false) => {
    const asked = source.get(
      "catalogue",
      {},
      { slot: "header", priority: PRIORITY.interaction, signal, anew },
    );
    settledOf(el)
      .during(asked.then(({ data }) => show(line, data, tools)))
      .catch(() => {}); // the panels below say what is wrong
  };
  ask();
  onLost(el, () => ask(true), signal); // the engine's notes say more now
  const forget = source.onRevival(() => {
    if (!line.hasChildNodes()) ask();
  });
  signal.addEventListener("abort", forget, { once: true });
}

function show(
  line: HTMLElement,
  { engine, images, classes, layers }: Catalogue,
  tools: Node | null,
): void {
  const skipped = engine.skipped.length;
  const facts = [
    engine.device,
    count(layers.length, "layer"),
    count(images.length, "photo"),
    count(classes.length, "class", "classes"),
  ];
  const urgent = skipped > 0 || engine.notes.length > 0;
  line.replaceChildren(
    h("strong", {}, engine.model),
    h("span", { class: "zf-facts" }, facts.join(" · ")),
    tools ?? "",
    popoverButton("i", t("About this engine"), `zf-info${urgent ? " zf-urgent" : ""}`, () => [
      h("h4", {}, engine.model),
      h(
        "dl",
        {},
        ...row(t("Device"), engine.device),
        ...row(t("Input"), `${engine.input.join(" × ")} ${t("(channels, rows, columns)")}`),
        ...row(t("Transform"), engine.transform),
      ),
      list(t("Notes"), engine.notes),
      list(
        t("Skipped images ({n})", { n: skipped }),
        engine.skipped.map(([name, reason]) => `${name}: ${reason}`),
      ),
    ]),
  );
}

function row(term: string, text: string): Node[] {
  return text ? [h("dt", {}, term), h("dd", {}, text)] : [];
}

function list(title: string, items: readonly string[]): Node | string {
  if (items.length === 0) return "";
  return h("div", {}, h("h5", {}, title), h("ul", {}, ...items.map((item) => h("li", {}, item))));
}
