/** What the nine share, counted; which channels respond alike, and what the channel prefers. */

import { announce } from "../../lib/a11y";
import { h } from "../../lib/dom";
import { count, number, percent } from "../../lib/format";
import { type Answer, PRIORITY, type SharedName } from "../../lib/protocol";
import { nextFrame, type SelectionStore } from "../../lib/selection_store";
import { settledOf } from "../../lib/settled";
import { KernelError, NoAnswer, NotStored, Superseded } from "../../lib/source";
import { fold } from "../shared/fold";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

type Data = Answer<"about">["data"];

/** A fold under the strongest patches; hidden where nothing can be told, as in a report. */
export function whatTheyShare(panel: Panel, selection: SelectionStore, signal: AbortSignal): void {
  const line = fold("about", "What they share");
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
        : "nothing found automatically: what do you see?",
    );
    body.replaceChildren(
      ...shared(data),
      alike(data, (other) => {
        selection.set("unit", [layer, other]);
        announce(panel.element, `Channel ${other}`);
      }),
      prefers(data),
      h(
        "details",
        { class: "zf-counted" },
        h("summary", {}, "How this is counted"),
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
    ...groups.map((name) => told(name, "all photos", data)),
    ...looks.map((name) => told(name, "random patches", data)),
  ];
  if (lines.length === 0) lines.push(h("li", {}, nothing(data)));
  return [h("ul", { class: "zf-shared" }, ...lines)];
}

function told(name: SharedName, others: string, data: Data): HTMLElement {
  const most = name.most ? `, ${name.most[1]} of them ${name.most[0]}` : "";
  const is = others === "all photos" && data.by === "predicted class" ? " by predicted class" : "";
  const chance =
    `By chance alone, a name like this would come up anywhere in the layer with a probability ` +
    `of at most ${number(name.p)}.`;
  return h(
    "li",
    { title: chance },
    h("strong", {}, `${name.count} of ${name.of}: ${name.text}`),
    `${is}${most} (of ${others}: ${percent(name.share)})`,
  );
}

function nothing(data: Data): string {
  const first = data.groups[0];
  if (first) {
    return (
      `No class in common, which doesn't say that they share nothing. Most frequent: ${first.text}, ${first.count} of ${first.of} (of all ` +
      `photos: ${percent(first.share)}); chance would give as much somewhere in this layer.`
    );
  }
  if (data.by === "" && data.looked === 0) return `Nothing can be counted: ${data.why}.`;
  if (data.by === "")
    return "No colour, direction or contrast in common, which doesn't say that they share nothing.";
  return `No class in common: no three of the nine are of one group, by ${data.by}.`;
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
        title: `Choose channel ${channel}: correlation ${correlation.toFixed(2)}`,
        onclick: () => choose(channel),
      },
      String(channel),
      h("small", {}, correlation.toFixed(2)),
    ),
  );
  return h(
    "div",
    { class: "zf-alike", role: "group", "aria-label": "Channels that respond alike" },
    h("span", {}, buttons.length > 0 ? "Respond alike:" : "No other channel responds alike."),
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
    `On average over whole photos it responds most to those of ${each.join(", ")}.`,
  );
}

/** What was counted, over what. */
function explained(data: Data): string {
  const photos = count(data.images, "photo");
  const over = data.complete ? `all ${photos}` : `a sample of ${photos}`;
  const grouped = count(data.grouped, "photo");
  const groups = {
    label: `Groups are the photos' own labels, folded into plain ones; ${grouped} have one. `,
    "predicted class":
      "Groups are the classes that the network predicts, right or wrong, folded into plain " +
      `ones; known of ${grouped}. `,
    "": "",
  }[data.by];
  const patches = data.looked > 0 ? `Patches are compared with ${data.looked} random ones. ` : "";
  const more =
    data.prefers.length > 0
      ? ", + how far a group's mean lies above that of all (chance alone would give any group as " +
        "much in 1 channel of 20)"
      : "";
  const why = data.prefers_why && ` ${data.prefers_why}`;
  return (
    `${groups}${patches}Names are given only where chance alone would give any name in such a ` +
    "layer at most 1 time in 20. Alike: correlation, from 0.3 on, of the largest activation in " +
    `each of ${over}${more}.${why}`
  );
}
