/** Two networks side by side on the same photos: each view twice, in pairs. */

import { msg, t } from "../lib/language/translate";
import { h } from "../lib/page/dom";
import type { SelectionStore, Store } from "../lib/page/selection_store";
import { type Catalogue, PRIORITY } from "../lib/wire/protocol";
import { relay, type Source } from "../lib/wire/source";
import { classes } from "./occlusion/classes";
import { photo } from "./occlusion/photo";
import { patches } from "./patches/pinned";
import { photosOf } from "./photos/photos";
import { channels } from "./picker/channels";
import { layers } from "./picker/layers";
import { header } from "./shared/header";
import { wholeScreen } from "./shared/tools";
import type { OptionStore, View } from "./shared/view";

/** State of a `zf.Compare` beside that of its sides. */
export interface Compared {
  names: readonly string[];
  /** What isn't the same on both sides, in words. */
  notes: readonly string[];
  /** Whether equal numbers are the same channels, or might be looked at side by side. */
  numbering: "no" | "maybe" | "same";
  same_channel: boolean;
}

export interface Side {
  selection: SelectionStore;
  source: Source;
  options: OptionStore;
}

const VIEWS: readonly View[] = [layers, channels, patches, photo, classes];
const BOTH = msg("The photos that both networks have, as the first one sees them.");
/** As in zfwidgets/widgets/comparing/side.py. */
const NO_OWN = msg(
  "A photo of your own has to be given to both networks: compare.show(photo), in Python.",
);

export function compare(
  root: HTMLElement,
  sides: readonly [Side, Side],
  store: Store<Compared>,
  signal: AbortSignal,
): void {
  const place = h("div", { class: "zf-layout zf-layout-compare" });
  root.append(words(root, store, signal), place);
  signal.addEventListener("abort", () => place.remove(), { once: true });
  const names = () => store.get("names") ?? ["A", "B"];
  const cell = (at: number) =>
    h("div", {
      class: "zf-compare-cell",
      role: "group",
      "aria-label": names()[at] ?? "",
      "data-zf-side": at,
    });
  sides.forEach(({ source }, at) => {
    const head = cell(at);
    head.dataset.zfHead = String(at);
    head.append(h("h2", { class: "zf-side-name" }, names()[at] ?? ""));
    place.append(head);
    header(head, source, signal);
  });
  const [first] = sides;
  const strip = h("div", { class: "zf-compare-photos", "data-zf-side": 0 });
  place.append(strip);
  photosOf(t(BOTH), strip, first.selection, common(sides), signal, first.options);
  for (const view of VIEWS) {
    sides.forEach(({ selection, source, options }, at) => {
      const where = cell(at);
      where.dataset.zfName = names()[at] ?? "";
      place.append(where);
      view(where, selection, source, signal, options);
    });
  }
}

/** What both share and what they don't; whether channels' numbers follow each other. */
function words(root: HTMLElement, store: Store<Compared>, signal: AbortSignal): HTMLElement {
  const same = h("input", {
    type: "checkbox",
    onchange: () => store.set("same_channel", same.checked),
  });
  const label = h(
    "label",
    { class: "zf-label zf-check" },
    same,
    t("Same layer and channel number on both sides"),
  );
  const meaning = h("p", { class: "zf-compare-meaning" });
  const notes = h("ul", { class: "zf-compare-notes" });
  const element = h(
    "div",
    { class: "zf-compare-words" },
    meaning,
    label,
    wholeScreen(root, signal) ?? "",
    h("div", { class: "zf-compare-told", role: "status" }, notes),
  );
  const show = () => {
    const numbering = store.get("numbering");
    const meant = [
      t("Photo, occluder and class are the same on both sides; each map has a scale of its own."),
      numbering === "same"
        ? t(
            "Layer, channel and rule are each side's own. It is the same network twice: equal numbers are the same channel.",
          )
        : t(
            "Layer, channel and rule are each side's own: channel 7 of one network needn't be the same feature as channel 7 of the other.",
          ),
    ];
    if (numbering === "maybe") {
      meant.push(t("Trained anew, a network puts other features under the same numbers."));
    }
    meaning.textContent = meant.join(" ");
    label.hidden = numbering === "no";
    same.checked = store.get("same_channel") === true;
    notes.replaceChildren(...(store.get("notes") ?? []).map((text) => h("li", {}, text)));
    notes.hidden = notes.childElementCount === 0;
  };
  for (const field of ["notes", "numbering", "same_channel"] as const) {
    store.subscribe(field, show, signal);
  }
  signal.addEventListener("abort", () => element.remove(), { once: true });
  show();
  return element;
}

/** The first side's source, but for its photos: those that the other one has too. */
function common([first, second]: readonly [Side, Side]): Source {
  const { source } = first;
  const catalogue = (of: Source, signal?: AbortSignal) =>
    of
      .get("catalogue", {}, { slot: "common", priority: PRIORITY.interaction, signal })
      .then(({ data }) => data);
  return relay(source, {
    async get(kind, key, options) {
      const answer = await source.get(kind, key, options);
      if (kind !== "photos") return answer;
      const [one, other] = await Promise.all([
        catalogue(source, options.signal),
        catalogue(second.source, options.signal),
      ]);
      const data = { ...answer.data, no_own: t(NO_OWN), held: both(one, other) };
      return { ...answer, data };
    },
  });
}

/** The photos of the first catalogue that the second has too, by name; null: all. */
export function both(first: Catalogue, second: Catalogue): number[] | null {
  const there = new Set(second.images.map(({ name }) => name));
  const found = first.images.flatMap(({ name }, image) => (there.has(name) ? [image] : []));
  return found.length === first.images.length ? null : found;
}
