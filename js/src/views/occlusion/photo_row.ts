/** The photos that excite the chosen channel most, each with its coarse map: below the main one. */

import { t } from "../../lib/language/translate";
import { Grids, KINDS, keptText, type MapKind, type Names } from "../../lib/occlusion/map_kinds";
import { announce, roving } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import { place } from "../../lib/pictures/boxes";
import { decode, paintBitmap } from "../../lib/pictures/canvas";
import { PATCHES } from "../../lib/wire/constants";
import { type Key, type Pair, PRIORITY } from "../../lib/wire/protocol";
import { type Fold, fold } from "../shared/fold";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";
import type { Look } from "./heatmap";
import { commonScale, legendOf, paintMap } from "./map_layer";

/** Positions along the shorter side of a photo, at most. */
const ACROSS = 7;

class Thumb {
  readonly picture = h("canvas", { class: "zf-row-photo" });
  readonly heat = h("canvas", { class: "zf-row-heat zf-pixelated", hidden: true });
  readonly text = h("span", { class: "zf-row-text" });
  /** What its map is of, and the ends of its scale. */
  readonly about = h("span", { class: "zf-row-text zf-row-about" });
  readonly element: HTMLButtonElement;
  grids: Grids | null = null;
  extent: Pair = [1, 1];

  constructor(
    readonly image: number,
    readonly name: string,
  ) {
    this.element = h(
      "button",
      { type: "button", class: "zf-row-item", "data-image": image, title: name },
      h("span", { class: "zf-row-stage" }, this.picture, this.heat),
      this.text,
      this.about,
    );
    this.text.textContent = name;
  }

  draw({ overlay, colours, opacity }: Look, names: Names): void {
    const { grids } = this;
    this.heat.hidden = !grids || overlay === "none" || !grids.has(overlay);
    this.about.textContent = "";
    this.element.title = this.name;
    if (!grids || this.heat.hidden || overlay === "none") return;
    const [rows, columns] = grids.grid;
    const [down, right] = grids.data.stride;
    place(this.heat, { top: 0, left: 0, height: rows * down, width: columns * right }, this.extent);
    const scale = commonScale(overlay, [grids], colours);
    paintMap(this.heat, grids, overlay, colours, scale);
    this.heat.style.opacity = String(opacity);
    const { title, scale: ends } = legendOf(grids, overlay, "", colours, scale, names);
    const span = ends ? `${ends.low} to ${ends.high}` : "";
    const of = subjectOf(overlay, grids, names);
    this.about.textContent = [of, span].filter(Boolean).join(": ");
    const text = span ? `${title}, ${span}` : title;
    this.element.title = `${this.name}: ${text}`;
  }
}

/** Which class or channel one photo's map is of; of labels, how many stay as they are. */
function subjectOf(kind: MapKind, grids: Grids, names: Names): string {
  if (kind === "predicted") return keptText(grids, names);
  const { needs } = KINDS[kind];
  if (needs.includes("target")) return `“${names.className(grids.data.target)}”`;
  return needs.includes("channel") ? `channel ${grids.data.channel}` : "";
}

export class PhotoRow {
  readonly fold: Fold = fold("row", t("Strongest photos, each with its map"), () => this.update());
  private readonly hint = h("p", { class: "zf-hint" });
  private readonly strip = h("div", { class: "zf-row", role: "group", "aria-label": t("Photos") });
  private readonly renew: () => AbortSignal;
  private thumbs: Thumb[] = [];
  private about = "";
  private visible = true;

  constructor(
    private readonly panel: Panel,
    private readonly selection: SelectionStore,
    private readonly look: () => Look,
    /** The pass on screen, of whatever photo. */
    private readonly pass: () => Omit<Key<"occlusion">, "image" | "stride"> | null,
    private readonly extent: () => Pair,
    private readonly names: Names,
    signal: AbortSignal,
  ) {
    this.renew = renewable(signal);
    this.fold.body.append(this.strip, this.hint);
    const keys = roving(
      this.strip,
      () => this.thumbs.map(({ element }) => element),
      () => this.thumbs.length,
    );
    keys.focusable(0);
    this.strip.addEventListener("click", (event) => {
      const item = (event.target as Element).closest<HTMLElement>(".zf-row-item");
      if (!item) return;
      selection.set("photo", Number(item.dataset.image));
      announce(this.strip, t("Photo {name}", { name: item.title }));
    });
    // Out of sight nobody waits for them.
    if (typeof IntersectionObserver !== "undefined") {
      const watch = new IntersectionObserver((entries) => {
        this.visible = entries.some((entry) => entry.isIntersecting);
        this.update();
      });
      watch.observe(this.fold.element);
      signal.addEventListener("abort", () => watch.disconnect(), { once: true });
    }
  }

  private get stride(): number {
    return Math.max(1, Math.ceil(Math.min(...this.extent()) / ACROSS));
  }

  /** What is asked for has changed, or whether anybody looks. */
  update(): void {
    const unit = this.selection.get("unit");
    const pass = this.pass();
    const wanted = this.fold.open && this.visible && unit !== null && pass !== null;
    const about = wanted
      ? JSON.stringify([unit, pass, this.stride, this.look().overlay === "none"])
      : "";
    this.mark();
    this.explain();
    if (about === this.about) return;
    this.about = about;
    const signal = this.renew();
    if (wanted) void this.fill(unit, pass, signal);
  }

  /** Another colour map or opacity. */
  redraw(): void {
    for (const thumb of this.thumbs) thumb.draw(this.look(), this.names);
    this.update();
  }

  private explain(): void {
    const { overlay } = this.look();
    const parts = [t("Click one to choose it.")];
    if (overlay !== "none") {
      const of = this.subject(overlay);
      parts.unshift(
        `${t("Each has a coarse map by the occluder above")}${of && `, ${of}`}. ${t("Its scale is its own: its ends are below it. They come after the large map.")}`,
      );
    }
    this.hint.textContent = parts.join(" ");
  }

  /** Which class or channel the maps are of: one for all, or each photo's own. */
  private subject(overlay: MapKind): string {
    const { needs } = KINDS[overlay];
    const { target = null, channel = null } = this.pass() ?? {};
    if (needs.includes("target")) {
      return target === null
        ? t("of the class that the network gives that photo")
        : t("of “{name}”", { name: this.names.className(target) });
    }
    if (!needs.includes("channel")) return "";
    return channel === null
      ? t("of the layer's feature map that is strongest on that photo")
      : t("of channel {channel}", { channel });
  }

  mark(): void {
    const photo = this.selection.get("photo");
    for (const { element, image } of this.thumbs) {
      element.setAttribute("aria-pressed", String(image === photo));
    }
  }

  private async fill(
    [layer, channel]: [string, number],
    pass: Omit<Key<"occlusion">, "image" | "stride">,
    signal: AbortSignal,
  ): Promise<void> {
    const { stride } = this;
    const ask = { priority: PRIORITY.prefetch, signal, quiet: true };
    const key = { layer, channel, k: PATCHES };
    const strongest = { ...ask, quiet: false, whole: true };
    const known = await this.panel.load("top", key, "row-top", strongest, ({ data }) => {
      const images = data.activations.map(({ image }) => image);
      if (images.join() !== this.thumbs.map(({ image }) => image).join()) {
        this.thumbs = data.activations.map(({ image, name }) => new Thumb(image, name));
        this.strip.replaceChildren(...this.thumbs.map(({ element }) => element));
        this.thumbs.forEach(({ element }, i) => {
          element.tabIndex = i === 0 ? 0 : -1;
        });
        this.mark();
      }
      for (const thumb of this.thumbs) {
        thumb.grids = null;
        thumb.draw(this.look(), this.names);
      }
    });
    if (signal.aborted) return;
    if (!known) {
      // Those that are there are another channel's.
      this.thumbs = [];
      this.strip.replaceChildren();
      this.about = "";
      return;
    }
    const thumbs = this.thumbs;
    // One after the other: the first stands early, and nothing keeps the kernel from what is urgent.
    for (const thumb of thumbs) await this.photo(thumb, ask);
    for (const thumb of thumbs) {
      if (signal.aborted || this.look().overlay === "none") return;
      const map = { ...pass, image: thumb.image, stride };
      await this.panel.load("occlusion", map, "row-map", ask, (answer) => {
        thumb.grids = new Grids(answer, map);
        thumb.draw(this.look(), this.names);
      });
    }
  }

  private async photo(
    thumb: Thumb,
    ask: { priority: number; signal: AbortSignal; quiet: boolean },
  ): Promise<void> {
    const key = { image: thumb.image };
    await this.panel.load("photo", key, "row-photo", ask, async ({ data, buffers }, fresh) => {
      if (!buffers[0]) return;
      const bitmap = await decode(buffers[0], data.mime);
      if (!fresh()) return bitmap.close();
      paintBitmap(thumb.picture, bitmap);
      bitmap.close();
      thumb.extent = [data.rows, data.columns];
      thumb.element.style.setProperty("--zf-aspect", `${data.columns} / ${data.rows}`);
    });
  }
}
