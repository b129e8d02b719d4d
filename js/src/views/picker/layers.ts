/** The network as a picture from left to right: layers, blocks that open, and what reads what. */

import { msg, plural, t } from "../../lib/language/translate";
import { announce, roving } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import type { Catalogue, Layer, Unit } from "../../lib/wire/protocol";
import { asksWhenPressed, type LeadsTo } from "../patches/ahead";
import { Panel } from "../shared/status";
import type { View } from "../shared/view";
import { tint } from "./network_class";
import { type Drawn, draw, type Item } from "./network_drawing";
import { layout } from "./network_layout";
import { isConnected, openAround, openAtFirst, type Part, partsOf, rowOf } from "./network_parts";

const READING = msg(
  "Width: channels. Height: resolution. Number: how many pixels of the photo a unit sees, side to side.",
);
const IN_FULL = msg(
  "Width and height are on scales where halving is a step; ≤ is at most, ~ but for gates. + is a sum, × a product, ‖ stands for channels put side by side. A bar right of a rectangle is its rectifier. ▸ opens a block, as Enter does.",
);
const NOT_KNOWN = msg("In the order of the forward pass: how layers are connected isn't recorded.");
/** Two clicks that are farther apart are two. */
const TWICE_MS = 600;

export const layers: View = (el, selection, source, signal, options) => {
  const panel = new Panel(el, "layers", t("Layers"), source, signal);
  const list = h("div", {
    class: "zf-list",
    role: "listbox",
    "data-empty": t("No layer matches."),
    "aria-label": t("Layers"),
    "aria-orientation": "horizontal",
  });
  const filter = h("input", {
    type: "search",
    class: "zf-input",
    placeholder: t("Filter"),
    "aria-label": t("Filter layers by name or kind"),
  });
  panel.tools.append(filter);
  panel.body.append(list);

  /** Whether patches stand beside it; a picker by itself has none. */
  const shows = el.matches(".zf-layout-explorer, .zf-compare-cell");
  /** The channel that was looked at last in each layer. */
  const channelOf = new Map<string, number>();
  let all: Layer[] = [];
  let image: Catalogue["engine"]["input"];
  let connected = false;
  let open: ReadonlySet<string> = new Set();
  let parts: Part[] = [];
  let items: Item[] = [];
  let lines: Drawn["lines"] = new Map();
  let height = 0;

  const chosen = () => selection.get("unit")?.[0];
  const words = () => filter.value.toLowerCase().split(/\s+/).filter(Boolean);

  /** The channel that a layer is opened at. */
  const firstOf = ({ name, channels }: Layer): Unit => [
    name,
    Math.min(channelOf.get(name) ?? 0, channels - 1),
  ];

  const choose = (index: number) => {
    const layer = items[index]?.layer;
    if (!layer) return;
    const current = selection.get("unit");
    if (current?.[0] === layer.name) return;
    if (current) channelOf.set(...current);
    selection.set("unit", firstOf(layer));
    const { name, kind, channels } = layer;
    announce(el, t("Layer {name}, {kind}, {of}", { name, kind, of: count(channels, "channel") }));
  };
  const keys = roving(
    list,
    () => items.map(({ element }) => element),
    () => 1,
    choose,
  );

  /** What shows a layer, or the closed block that it is in. */
  const find = (name: string | undefined) => {
    const at = items.findIndex(({ layer }) => layer.name === name);
    if (at >= 0 || name === undefined) return at;
    return items.findIndex(
      ({ part, layer }) =>
        layer === parts[part]?.layer && parts[part]?.inside.some((one) => one.name === name),
    );
  };

  let marked: Element[] = [];
  /** The layer that is marked. */
  let shown: string | undefined;
  const mark = (reveal: boolean) => {
    shown = chosen();
    const at = find(shown);
    const { layer, part, element } = items[at] ?? {};
    // Few elements change: a network may have hundreds.
    for (const one of marked) {
      if (one.hasAttribute("aria-selected")) one.setAttribute("aria-selected", "false");
      one.classList.remove("zf-holds", "zf-on");
    }
    marked = [];
    if (element) {
      const is = layer?.name === chosen();
      element.setAttribute("aria-selected", String(is));
      element.classList.toggle("zf-holds", !is);
      const own = lines.get(part as number) ?? [];
      for (const line of own) line.classList.add("zf-on");
      marked = [element, ...own];
      if (reveal) scrollWithin(list, element);
    }
    keys.focusable(Math.max(at, 0));
  };

  const paint = (reveal: boolean) => {
    const filtered = words();
    const matching = all.filter((layer) => {
      const text = `${layer.name} ${layer.kind} ${layer.role}`.toLowerCase();
      return filtered.every((word) => text.includes(word));
    });
    const picture = connected && filtered.length === 0;
    parts = picture ? partsOf(all, open) : rowOf(matching);
    height = list.clientHeight;
    const size = picture ? { image, height } : { row: true, height };
    const drawn = draw(parts, layout(parts, size));
    const focused = items.find(({ element }) => element.matches(":focus"))?.layer.name;
    items = drawn.items;
    lines = drawn.lines;
    list.replaceChildren(drawn.element);
    list.classList.toggle("zf-empty", items.length === 0);
    tint(items, parts, options.get("room"));
    mark(reveal);
    const focus = focused === undefined ? undefined : items[Math.max(find(focused), 0)]?.element;
    focus?.focus({ preventScroll: true });
    return focus;
  };

  const show = (catalogue: Catalogue) => {
    all = catalogue.layers;
    image = catalogue.engine.input;
    connected = isConnected(all);
    open = connected ? openAtFirst(all) : new Set();
    const inFull = `${t(READING)} ${t(IN_FULL)}`;
    panel.explain(h("span", { title: inFull }, t(connected ? READING : NOT_KNOWN)));
    reach();
    paint(true);
  };

  /** Open blocks around the chosen layer. */
  const reach = () => {
    const name = chosen();
    if (connected && name !== undefined) open = openAround(all, name, open);
  };

  const toggle = (block: string, is: boolean) => {
    const now = new Set(open);
    if (is) now.add(block);
    else now.delete(block);
    open = now;
    const inside = all.filter(({ blocks }) => blocks?.includes(block));
    const focus = paint(false);
    const at = items.findIndex(({ part, layer }) => {
      const shown = parts[part];
      return is ? layer === inside[0] : shown?.block === block && layer === shown.layer;
    });
    const first = items.findIndex(({ part }) => parts[part]?.within.includes(block));
    const element = focus ?? items[at < 0 ? first : at]?.element;
    if (element) scrollWithin(list, element);
    const opened = plural(inside.length, "{block} open: {n} layer", "{block} open: {n} layers", {
      block,
    });
    announce(el, is ? opened : t("{block} closed", { block }));
  };
  /** Open a closed block; close the one that a layer is in. */
  const turn = (index: number) => {
    const part = parts[items[index]?.part ?? -1];
    const around = part?.within.at(-1);
    if (part?.block) toggle(part.block, true);
    else if (around) toggle(around, false);
  };
  const at = (target: EventTarget | null) => {
    const element = (target as Element | null)?.closest(".zf-layer");
    return items.findIndex((item) => item.element === element);
  };

  // Behind the second click of two there may be something else: the first has opened a block.
  let turned = Number.NEGATIVE_INFINITY;
  const again = (event: MouseEvent) => event.detail > 1 && event.timeStamp - turned < TWICE_MS;
  list.addEventListener("click", (event) => {
    if (again(event)) return;
    const target = event.target as Element;
    const header = target.closest<HTMLElement>(".zf-block-name");
    if (header || target.closest(".zf-opens")) turned = event.timeStamp;
    if (header) toggle(header.dataset.block as string, false);
    else if (target.closest(".zf-opens")) turn(at(target));
    else choose(at(target));
  });
  const leadsTo: LeadsTo = (element) => {
    const layer = element.closest(".zf-block-name, .zf-opens") ? null : items[at(element)]?.layer;
    return layer && layer.name !== chosen() ? firstOf(layer) : null;
  };
  // Not when only pointed at: the first look at a layer may take long.
  if (shows) asksWhenPressed(list, leadsTo, selection, source, signal);
  list.addEventListener("dblclick", (event) => {
    if (again(event)) return;
    const index = at(event.target);
    if (parts[items[index]?.part ?? -1]?.block) turn(index);
  });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = at(event.target);
    if (index < 0) return;
    event.preventDefault();
    turn(index);
  });
  filter.addEventListener("input", () => {
    if (words().length === 0) reach();
    paint(true);
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    items[0]?.element.focus();
  });
  selection.subscribe(
    "unit",
    () => {
      const before = open;
      const there = items.some(({ layer }) => layer.name === chosen());
      if (!there && words().length === 0) reach();
      // Another channel of the same layer is no news, and reading what is where would have the page
      // laid out before the patches are asked for.
      if (open.size !== before.size) paint(true);
      else if (shown !== chosen()) mark(true);
    },
    signal,
  );
  options.subscribe("room", () => tint(items, parts, options.get("room")), signal);
  const resized = new ResizeObserver(() => {
    if (all.length > 0 && Math.abs(list.clientHeight - height) > 1) paint(true);
    else mark(true);
  });
  resized.observe(list);
  signal.addEventListener("abort", () => resized.disconnect());
  panel.catalogue(show);
};

/** Scroll the container, never the page; what is next to the element is seen, too. */
function scrollWithin(container: HTMLElement, element: HTMLElement): void {
  const [outer, inner] = [container.getBoundingClientRect(), element.getBoundingClientRect()];
  const around = Math.max(0, Math.min(48, (outer.width - inner.width) / 2));
  const [left, right] = [inner.left - around, inner.right + around];
  if (left < outer.left) container.scrollLeft -= outer.left - left;
  else if (right > outer.right) container.scrollLeft += right - outer.right;
  if (inner.top < outer.top) container.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) container.scrollTop += inner.bottom - outer.bottom;
}
