/**
 * From an anywidget to a view: resolve the selection, wrap the model, set the stage.
 *
 * This and the entry points are the only code that knows anywidget.
 */

import { speak, spoken, t } from "../../lib/language/translate";
import { h, injectStyles } from "../../lib/page/dom";
import {
  ModelSelection,
  ModelStore,
  nextFrame,
  type OwnStore,
  type SelectionStore,
  type StateModel,
  type Store,
} from "../../lib/page/selection_store";
import { Settled, settledOf } from "../../lib/page/settled";
import { onTheme } from "../../lib/page/theme";
import { type Channel, KernelSource } from "../../lib/wire/kernel_source";
import { isMessage } from "../../lib/wire/protocol";
import { NoAnswer, type Source } from "../../lib/wire/source";
import { together } from "../../lib/wire/together";
import { COMMON } from "../../styles";
import type { Compared, Side } from "../../views/compare";
import { guide } from "../../views/shared/guide";
import { header } from "../../views/shared/header";
import { roomBar } from "../../views/shared/room";
import { sayNoAnswer } from "../../views/shared/status";
import { tools } from "../../views/shared/tools";
import type { OptionStore, OwnView, View, ViewOptions } from "../../views/shared/view";

export interface RenderContext {
  model: StateModel & Channel;
  el: HTMLElement;
  signal: AbortSignal;
  /** There with anywidget 0.11, which the loader asks for. */
  host?: {
    getModel(reference: string): Promise<StateModel & Channel>;
    getWidget?(reference: string): Promise<Composed>;
  };
}

/** Another widget, to be shown within one's own view. */
interface Composed {
  render(context: { el: HTMLElement; signal: AbortSignal }): Promise<void>;
}

export interface Widget {
  render(context: RenderContext): void | Promise<void>;
}

/** A root element with the page contract: classes, styles, theme, settled. */
export function createRoot(
  el: HTMLElement,
  name: string,
  sheets: readonly string[],
  signal: AbortSignal,
): HTMLElement {
  const root = h("div", { class: `zf-root zf-${name}`, lang: spoken() });
  el.append(root);
  new Settled(root);
  const styles = [...COMMON, ...sheets];
  injectStyles(el, styles);
  // Before it is attached an element doesn't know that it will be in a shadow root.
  nextFrame(() => injectStyles(el, styles));
  onTheme((theme) => {
    root.dataset.zfTheme = theme;
  }, signal);
  signal.addEventListener("abort", () => takeApart(root), { once: true });
  return root;
}

/**
 * Remove an element, and all within it from each other: JupyterLab keeps each key event, and with
 * it the element that had the focus, which would keep all others of the view.
 */
function takeApart(root: HTMLElement): void {
  root.remove();
  for (const one of root.querySelectorAll("*")) one.remove();
}

/** Speak the language of a widget in its element. */
function say(root: HTMLElement, model: StateModel): void {
  speak(model.get("language") as string | undefined);
  root.lang = spoken();
}

/** An anywidget around a view with its style sheets; the root gets the class `zf-<name>`. */
export function widget(name: string, view: View, sheets: readonly string[]): Widget {
  return {
    async render({ model, el, signal, host }) {
      const root = createRoot(el, name, sheets, signal);
      let current = new AbortController();
      const open = async () => {
        current.abort();
        current = new AbortController();
        const now = AbortSignal.any([signal, current.signal]);
        for (const old of root.querySelectorAll(":scope > .zf-banner")) old.remove();
        const end = settledOf(root).begin();
        say(root, model);
        try {
          const chosen = await resolve(model, host);
          if (now.aborted) return;
          heed(root, chosen, now);
          const selection = new ModelSelection(chosen);
          const source = connect(root, model, now);
          const options = new ModelStore<ViewOptions>(model);
          show(root, view, selection, source, now, options);
        } catch (error) {
          if (!now.aborted) complain(root, error);
        } finally {
          nextFrame(end);
        }
      };
      onTraits(model, ["selection", "fingerprint", "language"], open, signal);
      await open();
    },
  };
}

/** An anywidget around a view of two widgets, its model's `left` and `right`. */
export function pairWidget(
  name: string,
  view: (
    el: HTMLElement,
    sides: readonly [Side, Side],
    store: Store<Compared>,
    signal: AbortSignal,
  ) => void,
  sheets: readonly string[],
): Widget {
  return {
    async render({ model, el, signal, host }) {
      const root = createRoot(el, name, sheets, signal);
      let current = new AbortController();
      const side = async (which: string, now: AbortSignal): Promise<Side> => {
        const one = await resolve(model, host, which);
        const chosen = await resolve(one, host);
        heed(root, chosen, now);
        return {
          selection: new ModelSelection(chosen),
          source: connect(root, one, now),
          options: new ModelStore<ViewOptions>(one),
        };
      };
      const open = async () => {
        current.abort();
        current = new AbortController();
        const now = AbortSignal.any([signal, current.signal]);
        const end = settledOf(root).begin();
        say(root, model);
        try {
          const sides = await Promise.all([side("left", now), side("right", now)]);
          if (!now.aborted) view(root, sides, new ModelStore<Compared>(model), now);
        } catch (error) {
          if (!now.aborted) complain(root, error);
        } finally {
          nextFrame(end);
        }
      };
      onTraits(model, ["language"], open, signal);
      await open();
    },
  };
}

/** For views that only show what their model tells: nothing is asked. */
const NOTHING_ASKED: Source = {
  get: () => Promise.reject(new NoAnswer(false)),
  prefetch() {},
  onRevival: () => () => {},
};

/**
 * An anywidget around a view of its own model's traits; `first` is what they are at first, `asks`
 * whether it asks the kernel for anything, and says when there is none.
 */
export function ownWidget<S extends object>(
  name: string,
  view: OwnView<S>,
  sheets: readonly string[],
  first: S,
  asks = true,
): Widget {
  return {
    render({ model, el, signal }) {
      const root = createRoot(el, name, sheets, signal);
      const traits = Object.entries(first);
      const store: OwnStore<S> = {
        get: () =>
          Object.fromEntries(
            traits.map(([trait, value]) => [trait, model.get(trait) ?? value]),
          ) as S,
        set(values) {
          for (const [trait, value] of Object.entries(values)) model.set(trait, value);
          model.save_changes();
        },
        subscribe: (listener, until) => onTraits(model, Object.keys(first), listener, until),
      };
      let current = new AbortController();
      const open = () => {
        current.abort();
        current = new AbortController();
        const now = AbortSignal.any([signal, current.signal]);
        root.replaceChildren();
        say(root, model);
        view(root, store, asks ? connect(root, model, now) : NOTHING_ASKED, now);
      };
      onTraits(model, ["language"], open, signal);
      open();
    },
  };
}

/** What the kernel answers to a model; says on the root when its connection ends. */
function connect(
  root: HTMLElement,
  model: StateModel & Channel,
  signal: AbortSignal,
): KernelSource {
  const source = new KernelSource(together(model), String(model.get("fingerprint") ?? ""));
  signal.addEventListener("abort", () => source.close(), { once: true });
  heedKernel(root, model, source, signal);
  watch(model, signal, () => {
    source.lose();
    sayNoAnswer(root, source, new NoAnswer(true, true), () => {});
  });
  return source;
}

/**
 * Keep `data-zf-kernel` of the root: style sheets hide the static picture beside the view, or the
 * view, by it. The pages of a Jupyter server have a kernel, so it "answers" until it was waited for
 * in vain ("silent"). A saved page may show widgets and have none: "unknown" until it answers.
 */
function heedKernel(
  root: HTMLElement,
  model: StateModel & Channel,
  source: KernelSource,
  signal: AbortSignal,
): void {
  const served = document.getElementById("jupyter-config-data") !== null;
  root.dataset.zfKernel ??= served ? "answers" : "unknown";
  const answers = () => {
    root.dataset.zfKernel = "answers";
  };
  model.on("msg:custom", answers);
  signal.addEventListener("abort", () => model.off("msg:custom", answers), { once: true });
  source.onSilence(() => {
    if (served) root.dataset.zfKernel = "silent";
  });
}

/** Be told of changes of some traits until `signal` aborts. */
export function onTraits(
  model: StateModel,
  traits: readonly string[],
  listener: () => void,
  signal: AbortSignal,
): void {
  for (const trait of traits) {
    const event = `change:${trait}`;
    model.on(event, listener);
    signal.addEventListener("abort", () => model.off(event, listener), { once: true });
  }
}

/** A widget's first line and its view. */
export function show(
  root: HTMLElement,
  view: View,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
  options: OptionStore,
): void {
  const explores = root.classList.contains("zf-explorer");
  header(root, source, signal, explores ? tools(root, selection, options, signal) : null);
  view(root, selection, source, signal, options);
  if (!explores) return;
  guide(root, signal);
  roomBar(root, source, options, signal);
}

/** The widget to which a trait of a model refers. */
async function resolve(
  model: StateModel,
  host: RenderContext["host"],
  trait = "selection",
): Promise<RenderContext["model"]> {
  const reference = model.get(trait);
  if (!host || typeof reference !== "string")
    throw new Error(t("Run this cell to bring it to life."));
  try {
    return await host.getModel(reference);
  } catch (error) {
    console.warn(error);
    throw new Error(t("What was chosen here is gone. Run this cell to bring it to life."));
  }
}

/** ipywidgets says so when a model's connection ends, as by a restart of the kernel. */
function watch(model: StateModel, signal: AbortSignal, lost: () => void): void {
  model.on("comm_live_update", lost);
  signal.addEventListener("abort", () => model.off("comm_live_update", lost), { once: true });
}

/** The kernel refuses what can't be chosen and takes the old value back; say why. */
function heed(root: HTMLElement, model: RenderContext["model"], signal: AbortSignal): void {
  const onMessage = (content: unknown) => {
    if (!isMessage(content) || content.op !== "error") return;
    const { message } = content.data as { message: string };
    const close = () => banner.remove();
    const banner = h(
      "div",
      { class: "zf-banner", role: "alert" },
      h("span", {}, message),
      h("button", { class: "zf-button", type: "button", onclick: close }, t("Close")),
    );
    for (const old of root.querySelectorAll(":scope > .zf-banner")) old.remove();
    root.prepend(banner);
  };
  model.on("msg:custom", onMessage);
  signal.addEventListener("abort", () => model.off("msg:custom", onMessage), { once: true });
}

function complain(root: HTMLElement, error: unknown): void {
  console.error(error);
  const text = error instanceof Error ? error.message : t("Run this cell to bring it to life.");
  root.prepend(h("div", { class: "zf-banner", role: "alert" }, h("span", {}, text)));
}
