/** ipywidgets' controls that our boxes hold, as the browser's own ones. */

import { t } from "../../lib/language/translate";
import { buttonOf, h, uniqueId } from "../../lib/page/dom";
import { onTraits } from "../shared/mount";
import type { Model } from "./page";

interface Control {
  /** Classes that ipywidgets gives it. */
  readonly classes: string;
  show(el: HTMLElement, model: Model, signal: AbortSignal): void;
}

const INLINE = "widget-inline-hbox";

/** By the name of the model in ipywidgets. */
export const CONTROLS: Readonly<Record<string, Control>> = {
  HTMLModel: { classes: `${INLINE} widget-html`, show: html },
  ButtonModel: { classes: "zf-holds", show: button },
  DropdownModel: { classes: `${INLINE} widget-dropdown`, show: dropdown },
  IntSliderModel: { classes: `${INLINE} widget-slider widget-hslider`, show: slider },
  FloatSliderModel: { classes: `${INLINE} widget-slider widget-hslider`, show: slider },
  SelectionSliderModel: {
    classes: `${INLINE} widget-slider widget-hslider`,
    show: selectionSlider,
  },
  IntProgressModel: { classes: `${INLINE} widget-hprogress`, show: progress },
  PlayModel: { classes: `${INLINE} widget-play`, show: play },
};

const text = (model: Model, trait: string) => String(model.get(trait) ?? "");
const number = (model: Model, trait: string) => Number(model.get(trait) ?? 0);

function save(model: Model, values: Record<string, unknown>): void {
  for (const [trait, value] of Object.entries(values)) model.set(trait, value);
  model.save_changes();
}

/** Do something now, and whenever one of these traits has changed. */
function keep(model: Model, traits: readonly string[], signal: AbortSignal, put: () => void) {
  onTraits(model, traits, put, signal);
  put();
}

/** The description in front of a control; it names that for all who can't see it. */
function described(el: HTMLElement, control: HTMLElement, model: Model, signal: AbortSignal): void {
  control.id ||= uniqueId("control");
  const label = h("label", { class: "widget-label", for: control.id });
  el.append(label, control);
  keep(model, ["description", "tooltip"], signal, () => {
    label.textContent = text(model, "description");
    label.hidden = label.textContent === "";
    control.title = text(model, "tooltip");
  });
}

function html(el: HTMLElement, model: Model, signal: AbortSignal): void {
  const content = h("div", { class: "widget-html-content" });
  if (text(model, "description")) {
    el.append(h("span", { class: "widget-label" }, text(model, "description")));
  }
  el.append(content);
  keep(model, ["value"], signal, () => {
    content.innerHTML = text(model, "value");
  });
}

function button(el: HTMLElement, model: Model, signal: AbortSignal): void {
  const click = () => model.send({ event: "click" });
  const one = buttonOf(null, { class: "jupyter-button widget-button", onclick: click });
  el.append(one);
  keep(model, ["description", "tooltip", "disabled"], signal, () => {
    one.textContent = text(model, "description");
    one.title = text(model, "tooltip");
    one.disabled = model.get("disabled") === true;
  });
}

function dropdown(el: HTMLElement, model: Model, signal: AbortSignal): void {
  const choose = () => save(model, { index: one.selectedIndex });
  const one = h("select", { onchange: choose });
  described(el, one, model, signal);
  keep(model, ["_options_labels", "index", "disabled"], signal, () => {
    const labels = (model.get("_options_labels") ?? []) as string[];
    if (labels.join("\n") !== [...one.options].map(({ text }) => text).join("\n")) {
      one.replaceChildren(...labels.map((label) => h("option", {}, label)));
    }
    const index = model.get("index");
    one.selectedIndex = typeof index === "number" ? index : -1;
    one.disabled = model.get("disabled") === true;
  });
}

interface Range {
  readonly traits: readonly string[];
  /** Least, greatest, step and value. */
  read(): readonly [least: number, most: number, step: number, value: number];
  write(value: number): Record<string, unknown>;
  say(value: number): string;
}

function range(el: HTMLElement, model: Model, signal: AbortSignal, of: Range): void {
  const moved = () => {
    say();
    if (model.get("continuous_update") !== false) take();
  };
  const take = () => save(model, of.write(Number(input.value)));
  const input = h("input", { type: "range", oninput: moved, onchange: take });
  const readout = h("div", { class: "widget-readout" });
  const say = () => {
    readout.textContent = of.say(Number(input.value));
    input.setAttribute("aria-valuetext", readout.textContent);
  };
  described(el, input, model, signal);
  const container = h("div", { class: "slider-container" });
  input.replaceWith(container);
  container.append(input);
  el.append(readout);
  keep(model, [...of.traits, "readout", "disabled"], signal, () => {
    const [least, most, step, value] = of.read();
    for (const [name, bound] of [
      ["min", least],
      ["max", most],
      ["step", step],
    ] as const) {
      input.setAttribute(name, String(bound));
    }
    input.value = String(value);
    input.disabled = model.get("disabled") === true;
    readout.hidden = model.get("readout") === false;
    say();
  });
}

function slider(el: HTMLElement, model: Model, signal: AbortSignal): void {
  range(el, model, signal, {
    traits: ["min", "max", "step", "value"],
    read: () => [
      number(model, "min"),
      number(model, "max"),
      number(model, "step") || 1,
      number(model, "value"),
    ],
    write: (value) => ({ value }),
    say: String,
  });
}

function selectionSlider(el: HTMLElement, model: Model, signal: AbortSignal): void {
  const labels = () => (model.get("_options_labels") ?? []) as string[];
  range(el, model, signal, {
    traits: ["_options_labels", "index"],
    read: () => [0, Math.max(0, labels().length - 1), 1, number(model, "index")],
    write: (index) => ({ index }),
    say: (index) => labels()[index] ?? "",
  });
}

function progress(el: HTMLElement, model: Model, signal: AbortSignal): void {
  const bar = h("div", { class: "progress-bar" });
  // What it shows stands beside it in words.
  el.append(h("div", { class: "progress", "aria-hidden": "true" }, bar));
  keep(model, ["min", "max", "value"], signal, () => {
    const [least, most] = [number(model, "min"), number(model, "max")];
    const share = (number(model, "value") - least) / (most - least || 1);
    bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  });
}

/** Plays in the view in which it was started: others of the same model only show it. */
function play(el: HTMLElement, model: Model, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = () => {
    clearTimeout(timer);
    timer = undefined;
    save(model, { playing: false });
  };
  const again = () => {
    timer = setTimeout(next, number(model, "interval"));
  };
  const next = () => {
    const value = number(model, "value") + (number(model, "step") || 1);
    if (value > number(model, "max") && model.get("repeat") !== true) return pause();
    save(model, { value: value > number(model, "max") ? number(model, "min") : value });
    again();
  };
  const start = () => {
    const over = number(model, "value") >= number(model, "max");
    save(model, { playing: true, ...(over && { value: number(model, "min") }) });
    again();
  };
  const toggle = () => (model.get("playing") === true ? pause() : start());
  const stop = () => {
    pause();
    save(model, { value: number(model, "min") });
  };
  const first = buttonOf(null, { class: "jupyter-button", onclick: toggle });
  const second = buttonOf("\u25a0", { class: "jupyter-button", onclick: stop });
  el.append(first, second);
  signal.addEventListener("abort", () => timer !== undefined && pause(), { once: true });
  keep(model, ["playing", "disabled"], signal, () => {
    const playing = model.get("playing") === true;
    if (!playing) clearTimeout(timer);
    first.textContent = playing ? "\u2759\u2759" : "\u25b6";
    for (const [one, says] of [
      [first, playing ? t("Pause") : t("Play")],
      [second, t("Back to the start")],
    ] as const) {
      one.title = says;
      one.setAttribute("aria-label", says);
      one.disabled = model.get("disabled") === true;
    }
  });
}
