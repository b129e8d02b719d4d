/** A report's page: its views over what the file holds, one linked address, and tools. */

import { speak, t } from "../lib/language/translate";
import { buttonOf, h, injectStyles } from "../lib/page/dom";
import { count } from "../lib/page/format";
import { MemoryStore, type Selection, type SelectionStore } from "../lib/page/selection_store";
import { currentTheme } from "../lib/page/theme";
import type { Source } from "../lib/wire/source";
import * as sheets from "../styles";
import { explorer } from "../views/explorer";
import { grid } from "../views/grid";
import { classes } from "../views/occlusion/classes";
import { photo } from "../views/occlusion/photo";
import { channels } from "../views/picker/channels";
import { layers } from "../views/picker/layers";
import { layout } from "../views/shared/layout";
import type { View, ViewOptions } from "../views/shared/view";
import { createRoot, show } from "../widgets/shared/mount";
import { type StoredComparison, storedComparison } from "./comparison";
import { showFigures } from "./figures";
import { lesson } from "./lesson";
import { linked, toHash } from "./link";
import styles from "./report.css";
import { StoredSelection } from "./snap";
import { StoredAnswers, StoredSource } from "./stored/answers";
import { BrokenReport, Bundle, inFolder, inPage, type Manifest } from "./stored/bundle";

const VIEWS: Record<string, View> = {
  explorer,
  picker: layout("picker", [layers, channels]),
  grid,
  occlusion: layout("occlusion", [photo, classes]),
};

const { COMMON: _, ...own } = sheets;
const SHEETS = [...new Set(Object.values(own).flat())];

interface PageManifest extends Manifest {
  selections: Selection[];
  views: {
    view: string;
    selection: number;
    options: ViewOptions;
    /** What stands beside it, in a comparison. */
    beside?: StoredComparison;
  }[];
  /** Worksheets: where their questions lie, and which selection they look at. */
  lessons?: { part: string; selection: number }[];
}

/** What a network inside of the page adds to a bundle. */
export interface Life {
  /** Says how it is. */
  line: HTMLElement;
  /** Rejects where it doesn't run. */
  started: Promise<void>;
  source(): Source;
}

/** A bundle's network; null where it has none. */
export type Revive = (bundle: Bundle, answers: StoredAnswers) => Life | null;

/** Bring all places of the page's views to life; a page may have views of several bundles. */
export async function open(page: Document, revive: Revive = () => null): Promise<void> {
  injectStyles(page.body, [styles]);
  const places = [...page.querySelectorAll<HTMLElement>("[data-zf-view]")];
  const bundles = new Set(places.map((place) => place.dataset.zfBundle ?? ""));
  const notice = h("p", { class: "zf-notice", role: "status", hidden: true });
  const { signal } = new AbortController();
  let first = true;
  if (places.length === 0) {
    page.body.prepend(alerting("This report is broken: it has no place for a view."));
  }
  for (const name of bundles) {
    const mine = places.filter((place) => (place.dataset.zfBundle ?? "") === name);
    try {
      await fill(page, name, mine, first ? notice : null, revive, signal);
      first = false;
    } catch (error) {
      console.error(error);
      const what = error instanceof BrokenReport ? "This report is broken" : "This page failed";
      const text = error instanceof Error ? error.message : String(error);
      for (const place of mine) place.querySelector(".zf-meanwhile")?.remove();
      (mine[0] ?? page.body).prepend(alerting(`${what}: ${text}`));
    }
  }
}

function alerting(text: string): HTMLElement {
  return h("p", { class: "zf-notice", role: "alert" }, text);
}

/** The views of one bundle. The page's address is that of the first selection of the first one. */
async function fill(
  page: Document,
  name: string,
  places: readonly HTMLElement[],
  notice: HTMLElement | null,
  revive: Revive,
  signal: AbortSignal,
): Promise<void> {
  const folder = page.head.querySelector<HTMLMetaElement>("meta[name=zfwidgets-parts]")?.content;
  const parts = inPage(page, name);
  const bundle = await Bundle.read(parts, folder ? inFolder(folder) : parts);
  const manifest = bundle.manifest as PageManifest;
  const answers = new StoredAnswers(bundle);
  const [, rows, columns] = manifest.catalogue.engine.input;
  const [view] = manifest.views;
  if (notice) speak(view?.options?.language); // a page has one language, that of its first widget
  const life = revive(bundle, answers);
  const selections = manifest.selections.map(
    (state) => new StoredSelection(state, manifest.formats, [rows, columns], life === null),
  );
  if (life) places[0]?.before(life.line);
  const first = selections[0];
  if (first && notice) {
    linked(first, manifest.catalogue, (text) => say(notice, text), signal);
    tools(
      page,
      () => new URL(toHash(first, manifest.catalogue.images.length), location.href).href,
      notice,
      signal,
    );
  }
  for (const place of places) {
    const { view, selection, options, beside } = manifest.views[Number(place.dataset.zfView)] ?? {};
    const chosen = selections[selection ?? -1];
    const known = VIEWS[view ?? ""];
    const other = selections[beside?.right ?? -1];
    const pair = view === "compare" && beside && other ? { ...beside, other } : null;
    if (!(known || pair) || !view || !chosen) {
      place.replaceChildren(alerting("This report is broken: it doesn't say what stands here."));
      continue;
    }
    place.replaceChildren();
    const root = createRoot(place, view, SHEETS, signal);
    // A photo that followed its channel would leave those whose maps the report holds.
    const { photo_follows: _, ...looks } = options ?? {};
    const own = new MemoryStore<ViewOptions>(looks);
    const source = () => life?.source() ?? new StoredSource(answers);
    if (pair) storedComparison(root, [chosen, pair.other], source, own, pair, signal);
    else if (known) show(root, known, chosen, source(), signal, own);
    const confine = () => {
      if (view === "explorer" || view === "grid") lack(root, chosen, answers, signal);
      settle(root, manifest);
    };
    if (life) life.started.catch(confine);
    else confine();
  }
  life?.started.catch(() => {
    for (const one of selections) one.confine();
  });
  await lessons(page, bundle, selections, name, signal);
  const figures = [...page.querySelectorAll<HTMLElement>("[data-zf-figure]")];
  const own = figures.filter((figure) => (figure.dataset.zfBundle ?? "") === name);
  await showFigures(own, bundle).catch((error) => {
    console.error(error);
    for (const place of own) place.replaceChildren(`This figure can't be shown: ${error}`);
  });
}

/** The worksheets of a bundle. */
async function lessons(
  page: Document,
  bundle: Bundle,
  selections: readonly SelectionStore[],
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const all = [...page.querySelectorAll<HTMLElement>("[data-zf-lesson]")];
  const { lessons: held = [] } = bundle.manifest as PageManifest;
  for (const place of all.filter((one) => (one.dataset.zfBundle ?? "") === name)) {
    const { part, selection } = held[Number(place.dataset.zfLesson)] ?? {};
    const chosen = selections[selection ?? -1];
    try {
      if (!part || !chosen) throw new BrokenReport("it doesn't say what is asked here.");
      lesson(place, await bundle.part(part), chosen, SHEETS, signal);
    } catch (error) {
      console.error(error);
      place.replaceChildren(alerting(`This worksheet can't be shown: ${error}`));
    }
  }
}

function say(place: HTMLElement, text: string): void {
  place.textContent = text;
  place.hidden = text === "";
}

/** One line on the projections of the chosen channel that only a kernel could show. */
function lack(
  root: HTMLElement,
  selection: SelectionStore,
  answers: StoredAnswers,
  signal: AbortSignal,
): void {
  const line = h("p", { class: "zf-lack", role: "status", hidden: true });
  root.querySelector(".zf-title")?.after(line);
  const tell = async () => {
    const unit = selection.get("unit");
    if (!unit) return say(line, "");
    const [held, all] = await answers.layers.projected(
      ...unit,
      selection.get("rule") || "deconvnet",
    );
    if (selection.get("unit")?.join() !== unit.join()) return;
    const of = { n: held, all: count(all, "projection") };
    const text =
      held === 0
        ? t("This report holds no projections of this channel; a kernel shows all.")
        : held === 1
          ? t("This report holds the strongest of {all} of this channel; a kernel shows all.", of)
          : t(
              "This report holds the {n} strongest of {all} of this channel; a kernel shows all.",
              of,
            );
    say(line, held < all ? text : "");
  };
  const quietly = () => void tell().catch(() => say(line, ""));
  selection.subscribe("unit", quietly, signal);
  selection.subscribe("rule", quietly, signal);
  quietly();
}

/** What would need a kernel stays visible, out of reach, with one line that says why, or goes. */
function settle(root: HTMLElement, { sentences }: PageManifest): void {
  for (const control of root.querySelectorAll<HTMLElement>("[data-zf-needs-kernel]")) {
    control.inert = true;
    control.classList.add("zf-needs-kernel");
  }
  for (const map of root.querySelectorAll(".zf-map")) {
    const controls = map.querySelector(".zf-needs-kernel");
    const why = h("p", { class: "zf-lack" }, sentences.positions ?? "");
    controls?.closest(".zf-controls, .zf-fold")?.before(why);
  }
}

// ---------------------------------------------------------------- tools

function tools(page: Document, link: () => string, notice: HTMLElement, signal: AbortSignal): void {
  const place = page.querySelector("[data-zf-tools]");
  if (!place) return;
  const copy = buttonOf(t("Copy link"), {
    class: "zf-page-button",
    onclick: () => void copyLink(link(), copy, notice),
  });
  const theme = buttonOf("", { class: "zf-page-button" });
  const name = () => {
    theme.textContent = currentTheme() === "dark" ? t("Light") : t("Dark");
    theme.title = currentTheme() === "dark" ? t("Show this page light") : t("Show this page dark");
    page.documentElement.dataset.zfTheme = currentTheme();
  };
  theme.addEventListener("click", () => {
    page.body.dataset.jpThemeLight = String(currentTheme() === "dark");
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name, { signal });
  name();
  const print = buttonOf(t("Print"), { class: "zf-page-button" });
  print.addEventListener("click", () => globalThis.print());
  place.replaceChildren(copy, theme, print);
  place.after(notice);
}

async function copyLink(
  link: string,
  button: HTMLButtonElement,
  notice: HTMLElement,
): Promise<void> {
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = t("Copied");
    setTimeout(() => {
      button.textContent = t("Copy link");
    }, 1500);
  } catch {
    // Not every page may write to the clipboard: then the reader does it.
    const field = h("input", { class: "zf-link", readonly: true, "aria-label": "Link" });
    field.value = link;
    notice.hidden = false;
    notice.replaceChildren("Copy this link: ", field);
    field.select();
  }
}
