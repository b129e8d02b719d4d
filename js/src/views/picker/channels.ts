/** The channels of the chosen layer as a grid of thumbnails, however many there are. */

import { msg, t } from "../../lib/language/translate";
import { announce, gridStep } from "../../lib/page/a11y";
import { buttonOf, h, select, uniqueId } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { InSight } from "../../lib/page/in_sight";
import { walksBy } from "../../lib/page/walking";
import { pointed } from "../../lib/pictures/boxes";
import { sized } from "../../lib/pictures/canvas";
import { floats, ints } from "../../lib/wire/codec";
import { type Catalogue, type Pair, PRIORITY, type SoFar } from "../../lib/wire/protocol";
import { asksBeforeClick, type LeadsTo } from "../patches/ahead";
import { Panel } from "../shared/status";
import { choice, renewable, type View } from "../shared/view";
import {
  asked,
  type ChannelStats,
  isDead,
  order,
  SORTS,
  type Sort,
  sortText,
  valueText,
} from "./channel_order";
import { channelSearch } from "./channel_search";
import { ChannelSheets } from "./channel_sheets";
import { channelText } from "./channel_words";
import { branchesText } from "./layer_words";
import { ThisPhoto } from "./this_photo";

/** CSS pixels. */
const THUMB = 48;
const TILE = { width: 54, height: 66 };
/** Margin of a thumbnail in its tile. */
const INSET = 3;
/** Rows drawn beyond what is visible. */
const MARGIN = 2;

const SEEN = msg(
  "This photo, clear where each channel fires, strongest first. Point at the photo: who sees it?",
);
const EXPLAINED = msg("Each channel's strongest patch. Arrow keys walk the channels.");

export const channels: View = (el, selection, source, signal, options) => {
  const panel = new Panel(el, "channels", t("Channels"), source, signal);
  const pictures = h("canvas", { class: "zf-strip-pictures", "aria-hidden": "true" });
  const space = h("div", { class: "zf-strip-space", role: "presentation" }, pictures);
  const strip = h(
    "div",
    { class: "zf-strip", role: "listbox", tabindex: 0, "aria-label": t("Channels") },
    space,
  );
  const readout = h("div", { class: "zf-readout" });
  panel.body.append(strip, readout);
  panel.explain(t(EXPLAINED));

  let sort = choice<Sort>(options.get("sort"), SORTS);
  const search = channelSearch({
    has: (channel) => place.has(channel),
    total: () => total,
    reveal: (channel) => reveal(channel),
    choose: (channel) => choose(channel),
    say: (text) => {
      readout.textContent = text ?? describe(chosen());
    },
  });
  const sorts = select(t("Sort channels"), SORTS, sort, (value) => options.set("sort", value));
  const forPhoto = buttonOf(t("For this photo"), {
    class: "zf-button zf-toggle",
    "aria-pressed": "false",
    hidden: true,
    title: t("Channels by how strongly they fire on the chosen photo, and where in it"),
    onclick: () => {
      forPhoto.setAttribute("aria-pressed", String(!seen));
      thisPhoto.forget();
      seen = seen ? null : thisPhoto;
      look();
    },
  });
  forPhoto.dataset.zfNeedsKernel = "hidden";
  panel.tools.append(forPhoto, sorts, search);
  const thisPhoto = new ThisPhoto(panel, () => {
    arrange();
    fromTheTop();
  });
  /** The photo whose order and pictures the strip shows; null: what the index says of all photos. */
  let seen: ThisPhoto | null = null;

  /** Whether a photo and patches stand beside it; a picker by itself has none. */
  const shows = el.matches(".zf-layout-explorer, .zf-compare-cell");
  const renew = renewable(signal);
  const prefix = uniqueId("channel");
  const tiles = new Map<number, HTMLElement>();
  const sheets = new ChannelSheets(el, panel, () => {
    for (const [channel, tile] of tiles) label(channel, tile);
    paint();
  });
  let catalogue: Catalogue | null = null;
  let layer: string | null = null;
  const infoNow = () => catalogue?.layers.find(({ name }) => name === layer) ?? null;
  let total = 0;
  let stats: ChannelStats | null = null;
  /** What only some sorts ask for, and by which layer's features. */
  let orders: Pick<ChannelStats, "readable" | "suspicious"> = {};
  let features = "";
  /** How many images the statistics are of, while the index is being built. */
  let soFar: SoFar | null = null;
  let ordered: number[] = [];
  let place = new Map<number, number>();
  /** The first row that has tiles. */
  let firstRow = 0;
  let current = signal;

  const resized = () => {
    if (!seen || inSight.top > 0) scrollTo(chosen());
    draw();
  };
  const inSight = new InSight(strip, resized, () => draw(), signal);
  const columns = () => Math.max(1, Math.floor((inSight.width || 324) / TILE.width));
  // Before it is laid out the strip has no extent, but is about to show something.
  const height = () => inSight.height || 200;
  const chosen = () => {
    const unit = selection.get("unit");
    return unit && unit[0] === layer ? unit[1] : -1;
  };

  /** Before all images were looked at nobody knows. */
  const dead = (channel: number) => !soFar && isDead(stats, channel);

  const describe = (channel: number): string => {
    if (channel < 0) return "";
    if (seen) return seen.describe(channel);
    if (!stats) return t("channel {channel}", { channel });
    const values = valueText(sort, orders, channel);
    return channelText(channel, stats, infoNow(), values, soFar, sheets.whyLost(channel));
  };

  /**
   * The pictures of the tiles from `firstRow` on, all on one canvas: each canvas is a layer, for
   * which every frame of the page pays, as when the occluder is dragged.
   */
  const paint = () => {
    const wide = columns();
    const rows = Math.ceil(tiles.size / wide);
    pictures.hidden = rows === 0;
    if (pictures.hidden) return;
    pictures.style.top = `${firstRow * TILE.height}px`;
    const context = sized(pictures, rows * TILE.height, wide * TILE.width);
    for (const [channel, tile] of tiles) {
      tile.classList.toggle("zf-skeleton", seen ? seen.order.length === 0 : !sheets.has(channel));
      const here = (place.get(channel) ?? 0) - firstRow * wide;
      const [row, column] = [Math.floor(here / wide), here % wide];
      const corner: Pair = [row * TILE.height + INSET, column * TILE.width + INSET];
      if (!context) continue;
      if (seen) seen.paint(context, channel, corner, THUMB);
      else if (!isDead(stats, channel) && sheets.whyLost(channel) === undefined) {
        sheets.paint(context, channel, corner, THUMB);
      }
    }
  };

  const create = (channel: number) => {
    const tile = h(
      "div",
      {
        class: "zf-tile",
        role: "option",
        id: `${prefix}-${channel}`,
        "data-channel": channel,
        "aria-setsize": total,
      },
      h("i", { "aria-hidden": "true" }),
      h("span", {}, String(channel)),
    );
    label(channel, tile);
    return tile;
  };

  const label = (channel: number, tile: HTMLElement) => {
    const text = describe(channel);
    tile.classList.toggle("zf-dead", dead(channel));
    tile.classList.toggle("zf-lost", sheets.whyLost(channel) !== undefined);
    tile.title = text;
    tile.setAttribute("aria-label", text);
    tile.setAttribute("aria-posinset", String((place.get(channel) ?? 0) + 1));
  };

  walksBy(selection, (name) => (name === layer ? { ordered, columns: columns() } : null), signal);

  /** Tiles for what is visible, and only those. */
  const draw = () => {
    const wide = columns();
    const rows = Math.ceil(total / wide);
    space.style.height = `${rows * TILE.height}px`;
    firstRow = Math.max(0, Math.floor(inSight.top / TILE.height) - MARGIN);
    const bottom = Math.ceil((inSight.top + height()) / TILE.height) + MARGIN;
    const from = firstRow * wide;
    const visible = ordered.slice(from, Math.min(bottom, rows) * wide);
    const keep = new Set(visible);
    for (const [channel, tile] of tiles) {
      if (keep.has(channel)) continue;
      tile.remove();
      tiles.delete(channel);
    }
    visible.forEach((channel, i) => {
      let tile = tiles.get(channel);
      if (!tile) {
        tile = create(channel);
        tiles.set(channel, tile);
        space.append(tile);
      }
      const at = from + i;
      const [x, y] = [(at % wide) * TILE.width, Math.floor(at / wide) * TILE.height];
      tile.style.transform = `translate(${x}px,${y}px)`;
    });
    paint();
    if (layer !== null) for (const channel of visible) sheets.want(channel);
    mark();
  };

  const mark = () => {
    const now = chosen();
    for (const [channel, tile] of tiles) {
      const is = String(channel === now);
      if (tile.getAttribute("aria-selected") !== is) tile.setAttribute("aria-selected", is);
    }
    if (tiles.has(now)) strip.setAttribute("aria-activedescendant", `${prefix}-${now}`);
    else strip.removeAttribute("aria-activedescendant");
    readout.textContent = describe(now);
    const info = infoNow();
    readout.title = info ? branchesText(info) : "";
  };

  /** Scroll so that a channel is visible; whether that moved anything. */
  const scrollTo = (channel: number): boolean => {
    const row = Math.floor((place.get(channel) ?? Number.NaN) / columns());
    return inSight.scrollToRow(row, TILE.height, height());
  };

  /** See to it that a channel is visible; what is drawn already isn't drawn again. */
  const reveal = (channel: number) => {
    if (scrollTo(channel) || !tiles.has(channel)) draw();
    else mark();
  };

  /** Another channel of the layer; the page is laid out after the patches have been asked for. */
  const step = (channel: number) => {
    if (!tiles.has(channel)) return reveal(channel);
    mark();
    queueMicrotask(() => scrollTo(channel) && draw());
  };

  const rank = () => {
    ordered = seen?.order.length
      ? seen.order
      : order(total, sort, stats && { ...stats, ...orders });
    place = new Map(ordered.map((channel, i) => [channel, i]));
  };

  const arrange = () => {
    rank();
    for (const tile of tiles.values()) tile.remove();
    tiles.clear();
    reveal(chosen());
  };

  /** Other statistics of the same channels: the strip stays where it is, and so do its elements. */
  const refresh = () => {
    rank();
    for (const [channel, tile] of tiles) label(channel, tile);
    draw();
  };

  /** Those that fire most, wherever the chosen one is. */
  const fromTheTop = () => {
    inSight.top = 0;
    draw();
  };

  /** The chosen photo's own order and pictures, or what the index says of all photos. */
  const look = () => {
    const [photo, name] = [selection.get("photo"), layer];
    sorts.disabled = seen !== null;
    sorts.title = sortText(sort, features || t("the last layer")) ?? "";
    panel.explain(seen ? t(SEEN) : ((orders.readable && sortText(sort, features)) ?? t(EXPLAINED)));
    if (seen && photo !== null && name !== null) void seen.load(photo, name);
    strip.classList.toggle("zf-seen", seen !== null);
    arrange();
    if (seen) fromTheTop();
  };

  const choose = (channel: number) => {
    if (layer === null || channel === chosen()) return;
    selection.set("unit", [layer, channel]);
    announce(el, describe(channel));
  };

  const open = () => {
    const name = selection.get("unit")?.[0] ?? null;
    if (name === layer) return step(chosen());
    const info = catalogue?.layers.find((one) => one.name === name);
    if (!catalogue || !info || name === null) return;
    current = renew();
    layer = name;
    total = info.channels;
    sheets.open(layer, total, current);
    stats = soFar = null;
    orders = {};
    inSight.top = 0;
    if (seen) look();
    panel.title(t("Channels"), t("{n} in {layer}", { n: total, layer: name }));
    arrange();
    askOrders();
    const load = { priority: PRIORITY.patches, signal: current };
    void panel.load("channels", { layer: name }, "stats", load, (answer) => {
      const [mean, silent, strongest, image] = answer.buffers;
      const known = stats !== null;
      soFar = answer.data.so_far ?? null;
      stats = {
        mean: floats(mean),
        silent: floats(silent),
        strongest: floats(strongest),
        image: ints(image),
      };
      const silenced = ordered.filter(dead).length;
      const about = t("{n} in {layer}", { n: total, layer: name });
      const rest = silenced ? `, ${t("{n} always silent", { n: silenced })}` : "";
      panel.title(t("Channels"), `${about}${rest}`);
      if (known) refresh();
      else arrange();
    });
  };

  /** What the sort needs, where that isn't there yet. */
  const askOrders = () => {
    if (!seen) look();
    if (!asked(sort) || layer === null || orders.readable) return;
    const load = { priority: PRIORITY.sheets, signal: current };
    void panel.load("orders", { layer }, "orders", load, ({ data, buffers }) => {
      orders = { readable: floats(buffers[0]), suspicious: floats(buffers[1]) };
      features = data.features;
      if (!seen) look();
    });
  };

  const channelAt = (target: EventTarget | null): number | null => {
    const tile = (target as Element).closest<HTMLElement>(".zf-tile");
    return tile && Number(tile.dataset.channel);
  };
  strip.addEventListener("click", ({ target }) => choose(channelAt(target) ?? chosen()));
  const leadsTo: LeadsTo = (element) => {
    const channel = channelAt(element);
    return layer === null || channel === null ? null : [layer, channel];
  };
  if (shows) asksBeforeClick(strip, leadsTo, selection, source, signal);
  strip.addEventListener("pointerover", ({ target }) => {
    readout.textContent = describe(channelAt(target) ?? chosen());
  });
  strip.addEventListener("pointerleave", () => {
    readout.textContent = describe(chosen());
  });
  strip.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const page = Math.max(1, Math.floor(height() / TILE.height));
    const at = place.get(chosen()) ?? 0;
    const next = gridStep(event.key, at, total, columns(), page);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    choose(ordered[next] ?? 0);
  });
  // The photo is in another view of the same layout.
  el.addEventListener(
    "pointermove",
    (event) => {
      const stage = (event.target as Element).closest(".zf-stage");
      if (!stage || !seen) return;
      const there = seen.there(...pointed(event, stage, [1, 1]));
      const told = there.map(([channel, value]) => `${channel} (${number(value)})`).join(", ");
      readout.textContent = told
        ? t("here fire channels {channels}", { channels: told })
        : t("no channel fires here");
    },
    { signal },
  );
  selection.subscribe("unit", open, signal);
  selection.subscribe("photo", () => seen && look(), signal);
  const resort = () => {
    sort = sorts.value = choice<Sort>(options.get("sort"), SORTS);
    askOrders();
  };
  options.subscribe("sort", resort, signal);
  panel.catalogue((answer) => {
    catalogue = answer;
    forPhoto.hidden = !shows;
    open();
  });
};
