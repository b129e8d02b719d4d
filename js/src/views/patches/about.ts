/** What the nine share, counted; which channels respond alike, and what the channel prefers. */

import { decimal, msg, t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { count, number, percent } from "../../lib/page/format";
import { nextFrame, type SelectionStore } from "../../lib/page/selection_store";
import { settledOf } from "../../lib/page/settled";
import { type Answer, PRIORITY, type SharedName } from "../../lib/wire/protocol";
import { KernelError, NoAnswer, NotStored, Superseded } from "../../lib/wire/source";
import { fold } from "../shared/fold";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

type Data = Answer<"about">["data"];

/** A fold under the strongest patches; hidden where nothing can be told, as in a report. */
export function whatTheyShare(panel: Panel, selection: SelectionStore, signal: AbortSignal): void {
  const line = fold("about", t("What they share"));
  const { element, body } = line;
  element.open = true;
  element.hidden = true;
  panel.element.append(element);
  const renew = renewable(signal);

  const open = async () => {
    const unit = selection.get("unit");
    const current = renew();
    body.classList.add("zf-stale");
    if (!unit) {
      element.hidden = true;
      return;
    }
    const [layer, channel] = unit;
    const end = settledOf(panel.element).begin();
    try {
      const slot = "patches:about";
      const options = { slot, priority: PRIORITY.sheets, signal: current };
      const { data } = await panel.source.get("about", { layer, channel }, options);
      if (!current.aborted) show(data, layer, channel);
    } catch (error) {
      if (current.aborted || error instanceof Superseded) return;
      // A report has no such answer; that a kernel is silent is said above.
      element.hidden = error instanceof NotStored || error instanceof NoAnswer;
      if (!element.hidden) fail(error);
    } finally {
      nextFrame(end);
    }
  };

  const fail = (error: unknown) => {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (!(error instanceof KernelError)) console.error(error);
    body.classList.remove("zf-stale");
    line.says("");
    body.replaceChildren(h("p", { class: "zf-fold-note" }, text));
  };

  const show = (data: Data, layer: string, channel: number) => {
    const held = body.contains(document.activeElement);
    const names = [...data.groups, ...data.looks].filter(({ named }) => named);
    line.says(
      names.length > 0
        ? names.map(({ text }) => text).join(", ")
        : t("nothing found automatically: what do you see?"),
    );
    body.replaceChildren(
      ...shared(data),
      alike(data, (other) => {
        selection.set("unit", [layer, other]);
        announce(panel.element, t("Channel {n}", { n: other }));
      }),
      prefers(data),
      h(
        "details",
        { class: "zf-counted" },
        h("summary", {}, t("How this is counted")),
        h("p", { class: "zf-fold-note" }, explained(data)),
      ),
    );
    body.classList.remove("zf-stale");
    element.hidden = false;
    element.dataset.channel = String(channel);
    if (held) body.querySelector<HTMLElement>("button")?.focus();
  };

  selection.subscribe("unit", open, signal);
  void open();
}

/** The names, or that there is none, and what comes nearest. */
function shared(data: Data): Node[] {
  const groups = data.groups.filter(({ named }) => named);
  const looks = data.looks.filter(({ named }) => named);
  const lines = [
    ...groups.map((name) => told(name, msg("all photos"), data)),
    ...looks.map((name) => told(name, msg("random patches"), data)),
  ];
  if (lines.length === 0) lines.push(h("li", {}, nothing(data)));
  return [h("ul", { class: "zf-shared" }, ...lines)];
}

function told(name: SharedName, others: string, data: Data): HTMLElement {
  const most = name.most
    ? `, ${t("{n} of them {name}", { n: name.most[1], name: name.most[0] })}`
    : "";
  const predicted = others === "all photos" && data.by === "predicted class";
  const is = predicted ? ` ${t("by predicted class")}` : "";
  const chance = t(
    "By chance alone, a name like this would come up anywhere in the layer with a probability of at most {p}.",
    { p: number(name.p) },
  );
  return h(
    "li",
    { title: chance },
    h("strong", {}, `${t("{n} of {all}", { n: name.count, all: name.of })}: ${name.text}`),
    `${is}${most} (${t("of {others}", { others: t(others) })}: ${percent(name.share)})`,
  );
}

function nothing(data: Data): string {
  const first = data.groups[0];
  if (first) {
    return t(
      "Nothing in common that can be counted. Most frequent: {name}, {n} of {of} (of all photos: {share}); by chance alone some channel of this layer would have as many.",
      { name: first.text, n: first.count, of: first.of, share: percent(first.share) },
    );
  }
  if (data.by === "" && data.looked === 0)
    return t("Nothing can be counted: {why}.", { why: data.why });
  if (data.by === "")
    return t(
      "No colour, direction or contrast in common, which doesn't say that they share nothing.",
    );
  return data.by === "label"
    ? t("No class in common: no three of the nine are of one group, by label.")
    : t("No class in common: no three of the nine are of one group, by predicted class.");
}

/** The channels that respond alike: each a button that chooses it. */
function alike(data: Data, choose: (channel: number) => void): HTMLElement {
  const buttons = data.alike.map(([channel, correlation]) =>
    h(
      "button",
      {
        type: "button",
        class: "zf-button",
        "data-channel": channel,
        title: t("Choose channel {channel}: correlation {value}", {
          channel,
          value: decimal(correlation.toFixed(2)),
        }),
        onclick: () => choose(channel),
      },
      String(channel),
      h("small", {}, decimal(correlation.toFixed(2))),
    ),
  );
  return h(
    "div",
    { class: "zf-alike", role: "group", "aria-label": t("Channels that respond alike") },
    h(
      "span",
      {},
      buttons.length > 0
        ? t("Respond alike (channel, correlation):")
        : t("No other channel responds alike."),
    ),
    ...buttons,
  );
}

function prefers(data: Data): HTMLElement | string {
  if (data.prefers.length === 0) return "";
  const each = data.prefers.map(
    ({ text, more, images }) => `${text} (+${number(more)}, ${count(images, "photo")})`,
  );
  return h(
    "p",
    { class: "zf-prefers" },
    t("On average over whole photos it responds most to those of {groups}.", {
      groups: each.join(", "),
    }),
  );
}

/** What was counted, over what. */
function explained(data: Data): string {
  const photos = count(data.images, "photo");
  const over = data.complete
    ? t("all of {photos}", { photos })
    : t("a sample of {photos}", { photos });
  const grouped = count(data.grouped, "photo");
  const groups = {
    label: `${t("Groups are the photos' own labels, folded into plain ones; {photos} have one.", { photos: grouped })} `,
    "predicted class": `${t("Groups are the classes that the network predicts, right or wrong, folded into plain ones; known of {photos}.", { photos: grouped })} `,
    "": "",
  }[data.by];
  const patches =
    data.looked > 0
      ? `${t("Patches are compared with {n} random ones.", { n: data.looked })} `
      : "";
  const more =
    data.prefers.length > 0
      ? ` ${t("+: how far a group's mean lies above that of all (chance alone would give any group as much in 1 channel of 20).")}`
      : "";
  const why = data.prefers_why && ` ${data.prefers_why}`;
  const names = t(
    "Names are given only where chance alone would give any name in such a layer at most 1 time in 20. Alike: correlation, from {least} on, of the largest activation in each of {over}.",
    { least: number(0.3), over },
  );
  return `${groups}${patches}${names}${more}${why}`;
}
