/** The network as a scrollable list of its layers, in the order of the forward pass. */

import { announce, roving } from "../../lib/a11y";
import { h } from "../../lib/dom";
import { rangesOf } from "../../lib/fields";
import { count, extent } from "../../lib/format";
import type { Catalogue, Field, Layer } from "../../lib/protocol";
import { Panel } from "../shared/status";
import type { View } from "../shared/view";

/** More ranges of channels than these aren't listed one by one. */
const MOST_RANGES = 8;

/** Layers of one block stand together: those whose names share a parent below the top level. */
export function blockOf(name: string, layers: ReadonlySet<string>): string {
  if (layers.has(`${name}\0block`)) return name;
  const parent = name.slice(0, Math.max(name.lastIndexOf("."), 0));
  return parent.includes(".") || layers.has(`${parent}\0block`) ? parent : "";
}

function sizeText({ reach, size }: Field): string {
  if (reach === "global") return "whole image";
  const bound = { exact: "", "upper bound": "≤ ", gated: "~ " }[reach];
  return `${bound}${extent(size)}`;
}

/** The field of a layer's channels: one, or the smallest and the largest of several. */
export function fieldText(layer: Layer): string {
  const area = ({ size }: Field) => size[0] * size[1];
  const sizes = rangesOf(layer)
    .map(({ field }) => field)
    .sort((a, b) => area(a) - area(b))
    .map(sizeText);
  const [least, most] = [sizes[0] as string, sizes.at(-1) as string];
  return least === most ? least : `${least} – ${most}`;
}

/** The same in full: of which channels, where there are few ranges. */
export function fieldsText(layer: Layer): string {
  const ranges = rangesOf(layer);
  if (ranges.length === 1) return `receptive field ${fieldText(layer)}`;
  if (ranges.length > MOST_RANGES) return `receptive fields ${fieldText(layer)}, by channel`;
  const of = ranges.map(({ first, last, field }) => {
    const channels = first === last ? `channel ${first}` : `channels ${first} to ${last}`;
    return `${sizeText(field)} (${channels})`;
  });
  return `receptive fields ${of.join(", ")}`;
}

/** Width tells channels, height resolution; both on scales where halving is a step. */
function glyph(layer: Layer, most: { channels: number; rows: number }): HTMLElement {
  const share = (value: number, of: number) => Math.log2(1 + value) / Math.log2(1 + of);
  const width = 4 + 32 * share(layer.channels, most.channels) ** 2;
  const height = 2 + 20 * share(layer.rows, most.rows) ** 2;
  return h(
    "span",
    { class: "zf-glyph", "aria-hidden": "true" },
    h("span", { style: `width:${width.toFixed(1)}px;height:${height.toFixed(1)}px` }),
  );
}

export const layers: View = (el, selection, source, signal) => {
  const panel = new Panel(el, "layers", "Layers", source, signal);
  const list = h("div", { class: "zf-list", role: "listbox", "aria-label": "Layers" });
  const filter = h("input", {
    type: "search",
    class: "zf-input",
    placeholder: "Filter",
    "aria-label": "Filter layers by name or kind",
  });
  panel.tools.append(filter);
  panel.body.append(list);
  panel.explain(
    "Bars: width = channels, height = resolution (log scales). Right: receptive field in input pixels (≤ at most, ~ but for gates, a – b smallest and largest of its channels).",
  );

  /** The channel that was looked at last in each layer. */
  const channelOf = new Map<string, number>();
  let entries: { layer: Layer; element: HTMLElement }[] = [];
  const shown = () => entries.filter(({ element }) => !element.hidden);

  const choose = (index: number) => {
    const layer = shown()[index]?.layer;
    if (!layer) return;
    const current = selection.get("unit");
    if (current?.[0] === layer.name) return;
    if (current) channelOf.set(...current);
    const channel = Math.min(channelOf.get(layer.name) ?? 0, layer.channels - 1);
    selection.set("unit", [layer.name, channel]);
    announce(el, `Layer ${layer.name}, ${layer.kind}, ${count(layer.channels, "channel")}`);
  };
  const keys = roving(
    list,
    () => shown().map(({ element }) => element),
    () => 1,
    choose,
  );

  const mark = (reveal: boolean) => {
    const name = selection.get("unit")?.[0];
    for (const { layer, element } of entries) {
      const is = layer.name === name;
      element.setAttribute("aria-selected", String(is));
      if (is && reveal) scrollWithin(list, element);
    }
    const at = shown().findIndex(({ layer }) => layer.name === name);
    keys.focusable(Math.max(at, 0));
  };

  const show = (catalogue: Catalogue) => {
    const all = catalogue.layers;
    const names = new Set(
      all.map(({ name, role }) => (role === "block" ? `${name}\0block` : name)),
    );
    const most = {
      channels: Math.max(...all.map((layer) => layer.channels), 1),
      rows: Math.max(...all.map((layer) => layer.rows), 1),
    };
    let block = "";
    const rows: HTMLElement[] = [];
    entries = all.map((layer) => {
      const own = blockOf(layer.name, names);
      const first = own !== block;
      block = own;
      const inner = own !== "" && own !== layer.name;
      if (first && own) {
        const text = h("bdi", { dir: "ltr" }, own);
        rows.push(h("div", { class: "zf-block", role: "presentation", title: own }, text));
      }
      const element = h(
        "div",
        {
          class: `zf-layer zf-role-${layer.role}${own ? " zf-in-block" : ""}${first ? " zf-first" : ""}`,
          role: "option",
          tabindex: -1,
          title: `${layer.name} · ${layer.kind} · ${layer.channels} channels of ${extent([layer.rows, layer.columns])} · ${fieldsText(layer)} · stride ${extent(layer.field.stride)}`,
          "data-layer": layer.name,
        },
        glyph(layer, most),
        h(
          "span",
          { class: "zf-layer-name" },
          // Cut where it is too long at its start: layers differ at the end of their names.
          h("bdi", { dir: "ltr" }, inner ? layer.name.slice(own.length + 1) : layer.name),
        ),
        h("span", { class: "zf-layer-kind" }, layer.kind),
        h(
          "span",
          { class: "zf-layer-shape" },
          h("b", {}, String(layer.channels)),
          ` × ${extent([layer.rows, layer.columns])}`,
        ),
        h("span", { class: "zf-layer-field" }, fieldText(layer)),
      );
      rows.push(element);
      return { layer, element };
    });
    list.replaceChildren(...rows);
    mark(true);
  };

  list.addEventListener("click", (event) => {
    const target = (event.target as Element).closest(".zf-layer");
    choose(shown().findIndex(({ element }) => element === target));
  });
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { layer, element } of entries) {
      const text = `${layer.name} ${layer.kind} ${layer.role}`.toLowerCase();
      element.hidden = !words.every((word) => text.includes(word));
    }
    list.classList.toggle("zf-empty", shown().length === 0);
    list.classList.toggle("zf-filtered", words.length > 0);
    mark(true);
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    shown()[0]?.element.focus();
  });
  selection.subscribe("unit", () => mark(true), signal);
  const resized = new ResizeObserver(() => mark(true));
  resized.observe(list);
  signal.addEventListener("abort", () => resized.disconnect());
  panel.catalogue(show);
};

/** Scroll the container, never the page. */
export function scrollWithin(container: HTMLElement, element: HTMLElement): void {
  const [outer, inner] = [container.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top) container.scrollTop -= outer.top - inner.top + 8;
  else if (inner.bottom > outer.bottom) container.scrollTop += inner.bottom - outer.bottom + 8;
}
