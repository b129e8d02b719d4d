/** ipywidgets in a page without ipywidgets: boxes, what is in them, and how these are laid out. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { onTraits } from "../shared/mount";
import { CONTROLS } from "./controls";
import type { Model, Page } from "./page";

const BOXES: Readonly<Record<string, string>> = {
  BoxModel: "widget-container widget-box",
  HBoxModel: "widget-container widget-box widget-hbox",
  VBoxModel: "widget-container widget-box widget-vbox",
  GridBoxModel: "widget-container widget-gridbox",
};

/** What ipywidgets' layouts may say, as CSS has it but for hyphens. */
const LAYOUT = [
  ...["display", "visibility", "order", "overflow", "flex", "flex_flow"],
  ...["align_content", "align_items", "align_self", "justify_content", "justify_items"],
  ...["width", "min_width", "max_width", "height", "min_height", "max_height"],
  ...["margin", "padding", "border_top", "border_right", "border_bottom", "border_left"],
  ...["top", "right", "bottom", "left", "object_fit", "object_position"],
  ...["grid_area", "grid_auto_columns", "grid_auto_flow", "grid_auto_rows", "grid_column"],
  ...["grid_gap", "grid_row", "grid_template_areas", "grid_template_columns"],
  ...["grid_template_rows"],
];

/** Fill an element, which is in the page, with what a model shows, and keep it up to date. */
export async function fill(
  el: HTMLElement,
  classes: string,
  model: Model,
  page: Page,
  signal: AbortSignal,
  reference: unknown = undefined,
): Promise<void> {
  const name = String(model.get("_model_name"));
  const [box, control] = [BOXES[name], CONTROLS[name]];
  const ours = model.get("_model_module") === "anywidget";
  dress(el, `${classes} jupyter-widgets ${box ?? control?.classes ?? ""}`, model, signal);
  lay(el, model, page, signal).catch(console.warn);
  if (box !== undefined) await children(el, model, page, signal);
  else if (ours) await page.show(reference, { el, signal });
  else if (control) control.show(el, model, signal);
  else el.append(refusal(name, String(model.get("_model_module"))));
}

/** A box's children, in their order; those that stay keep their views. */
async function children(
  el: HTMLElement,
  model: Model,
  page: Page,
  signal: AbortSignal,
): Promise<void> {
  const shown = new Map<string, { place: HTMLElement; end: AbortController }>();
  const show = () => {
    const wanted = (model.get("children") ?? []) as string[];
    for (const [reference, { place, end }] of shown) {
      if (wanted.includes(reference)) continue;
      end.abort();
      place.remove();
      shown.delete(reference);
    }
    const filled: Promise<void>[] = [];
    for (const [number, reference] of wanted.entries()) {
      const known = shown.get(reference);
      const { place, end } = known ?? { place: h("div"), end: new AbortController() };
      // What is moved loses its focus: only what isn't there yet.
      const there = el.children[number] ?? null;
      if (there !== place) el.insertBefore(place, there);
      if (known) continue;
      shown.set(reference, { place, end });
      filled.push(child(place, reference, page, AbortSignal.any([signal, end.signal])));
    }
    return Promise.all(filled);
  };
  onTraits(model, ["children"], show, signal);
  await show();
}

async function child(
  place: HTMLElement,
  reference: string,
  page: Page,
  signal: AbortSignal,
): Promise<void> {
  try {
    const model = await page.model(reference);
    if (!signal.aborted) await fill(place, "", model, page, signal, reference);
  } catch (error) {
    if (signal.aborted) return;
    console.error(error);
    place.append(h("p", { role: "alert" }, t("Run this cell to bring it to life.")));
  }
}

/** The classes of a widget: its kind's, and those that Python has added. */
function dress(el: HTMLElement, kind: string, model: Model, signal: AbortSignal): void {
  const put = () => {
    const own = (model.get("_dom_classes") ?? []) as string[];
    el.className = [kind.trim(), ...own].join(" ");
  };
  onTraits(model, ["_dom_classes"], put, signal);
  put();
}

/** The layout of a widget, which is a model of its own. */
async function lay(el: HTMLElement, model: Model, page: Page, signal: AbortSignal): Promise<void> {
  const layout = await page.model(model.get("layout"));
  if (signal.aborted) return;
  const put = (name: string) => {
    const value = layout.get(name);
    const property = name.replaceAll("_", "-");
    if (typeof value === "string") el.style.setProperty(property, value);
    else el.style.removeProperty(property);
  };
  for (const name of LAYOUT) {
    onTraits(layout, [name], () => put(name), signal);
    put(name);
  }
}

/** In the place of what only ipywidgets' own pages show. */
function refusal(model: string, module: string): HTMLElement {
  const name = model.replace(/Model$/, "");
  const values = { what: `${module}.${name}` };
  return h(
    "p",
    { class: "zf-refused" },
    t("This page can't show {what}: JupyterLab, Notebook 7 and Voila do.", values),
  );
}
