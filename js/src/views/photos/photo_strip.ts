/** One row of thumbnails that scrolls sideways, however many photos there are. */

import { t } from "../../lib/language/translate";
import { gridStep } from "../../lib/page/a11y";
import { h, uniqueId } from "../../lib/page/dom";
import { InSight } from "../../lib/page/in_sight";
import { sized } from "../../lib/pictures/canvas";
import type { Thumbnails } from "./thumbnails";

/** CSS pixels of a tile, and of the thumbnail in it. */
const TILE = 62;
const THUMB = 56;
const INSET = (TILE - THUMB) / 2;
/** Tiles drawn beyond what is visible, on each side. */
const MARGIN = 4;

interface StripOf {
  /** What a photo is, in words. */
  describe(image: number): string;
  /** Whether a photo is marked as one of the user's own. */
  own(image: number): boolean;
  chosen(): number | null;
  choose(image: number): void;
  /** Take one of the user's own away. */
  remove(image: number): void;
  /** The pointer is over a photo, or over none. */
  point(image: number | null): void;
  thumbnails: Thumbnails;
}

export class PhotoStrip {
  readonly element: HTMLElement;
  private readonly pictures = h("canvas", { class: "zf-strip-pictures", "aria-hidden": "true" });
  private readonly space: HTMLElement;
  private readonly inSight: InSight;
  private readonly prefix = uniqueId("photo");
  private readonly tiles = new Map<number, HTMLElement>();
  private items: readonly number[] = [];
  private places = new Map<number, number>();
  /** The place of the first tile. */
  private first = 0;

  constructor(
    private readonly of: StripOf,
    signal: AbortSignal,
  ) {
    this.space = h("div", { class: "zf-thumb-space", role: "presentation" }, this.pictures);
    this.element = h(
      "div",
      {
        class: "zf-thumbs",
        role: "listbox",
        tabindex: 0,
        "aria-label": t("Photos"),
        "aria-orientation": "horizontal",
      },
      this.space,
    );
    this.listen();
    this.inSight = new InSight(this.element, () => this.reveal(), this.draw, signal);
  }

  /** Show these photos, in this order; `empty` is said where there are none. */
  show(items: readonly number[], empty: string): void {
    this.items = items;
    this.places = new Map(items.map((image, place) => [image, place]));
    this.element.dataset.empty = items.length === 0 ? empty : "";
    this.space.style.width = `${items.length * TILE}px`;
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.reveal();
  }

  /** Words have changed, or pictures have come. */
  refresh(): void {
    for (const [image, tile] of this.tiles) this.label(image, tile);
    this.draw();
  }

  /** Scroll so that the chosen photo is visible, and draw. */
  reveal(): void {
    const place = this.places.get(this.of.chosen() ?? -1);
    if (place !== undefined) {
      const [left, right] = [place * TILE, (place + 1) * TILE - this.width()];
      if (this.inSight.left > left) this.inSight.left = left;
      else if (this.inSight.left < right) this.inSight.left = right;
    }
    this.draw();
  }

  // Before it is laid out the strip has no extent, but is about to show something.
  private width(): number {
    return this.inSight.width || 640;
  }

  /** Tiles for what is visible, and only those. */
  private readonly draw = (): void => {
    const { left: scrollLeft } = this.inSight;
    const from = Math.max(0, Math.floor(scrollLeft / TILE) - MARGIN);
    const to = Math.ceil((scrollLeft + this.width()) / TILE) + MARGIN;
    const visible = this.items.slice(from, to);
    const keep = new Set(visible);
    this.first = from;
    for (const [image, tile] of this.tiles) {
      if (keep.has(image)) continue;
      tile.remove();
      this.tiles.delete(image);
    }
    visible.forEach((image, i) => {
      let tile = this.tiles.get(image);
      if (!tile) {
        tile = this.create(image);
        this.tiles.set(image, tile);
        this.space.append(tile);
      }
      tile.style.transform = `translateX(${(from + i) * TILE}px)`;
    });
    this.paint(visible);
    this.mark();
    const inside = (at: number) => at >= MARGIN && at < visible.length - MARGIN;
    // What can be seen first.
    const near = visible.filter((_, i) => !inside(i));
    this.of.thumbnails.want([...visible.filter((_, i) => inside(i)), ...near]);
  };

  /** All pictures on one canvas: each canvas is a layer, for which every frame pays. */
  private paint(visible: readonly number[]): void {
    this.pictures.hidden = visible.length === 0;
    if (this.pictures.hidden) return;
    this.pictures.style.left = `${this.first * TILE}px`;
    const context = sized(this.pictures, TILE, visible.length * TILE);
    const { thumbnails } = this.of;
    visible.forEach((image, i) => {
      const there = thumbnails.has(image);
      const tile = this.tiles.get(image);
      tile?.classList.toggle("zf-skeleton", !there && !thumbnails.lost.has(image));
      tile?.classList.toggle("zf-lost", thumbnails.lost.has(image));
      if (context) thumbnails.paint(context, image, [INSET, i * TILE + INSET], THUMB);
    });
  }

  mark(): void {
    const chosen = this.of.chosen();
    for (const [image, tile] of this.tiles) {
      tile.setAttribute("aria-selected", String(image === chosen));
    }
    const tile = chosen === null ? undefined : this.tiles.get(chosen);
    if (tile) this.element.setAttribute("aria-activedescendant", tile.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private create(image: number): HTMLElement {
    const tile = h(
      "div",
      {
        class: "zf-thumb",
        role: "option",
        id: `${this.prefix}-${image}`,
        "data-image": image,
        "aria-setsize": this.items.length,
        "aria-posinset": (this.places.get(image) ?? 0) + 1,
      },
      h("i", { "aria-hidden": "true" }),
    );
    this.label(image, tile);
    return tile;
  }

  private label(image: number, tile: HTMLElement): void {
    const text = this.of.describe(image);
    tile.title = text;
    tile.setAttribute("aria-label", text);
    tile.classList.toggle("zf-own", this.of.own(image));
  }

  private listen(): void {
    const { element } = this;
    const imageAt = (event: Event): number | null => {
      const tile = (event.target as Element).closest<HTMLElement>(".zf-thumb");
      return tile ? Number(tile.dataset.image) : null;
    };
    element.addEventListener("click", (event) => {
      const image = imageAt(event);
      if (image !== null) this.of.choose(image);
    });
    element.addEventListener("pointerover", (event) => this.of.point(imageAt(event)));
    element.addEventListener("pointerleave", () => this.of.point(null));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const chosen = this.of.chosen();
    if ((event.key === "Delete" || event.key === "Backspace") && chosen !== null) {
      if (!this.of.own(chosen)) return;
      event.preventDefault();
      event.stopPropagation();
      this.of.remove(chosen);
      return;
    }
    const page = Math.max(1, Math.floor(this.width() / TILE) - 1);
    const place = chosen === null ? undefined : this.places.get(chosen);
    const next = gridStep(event.key, place ?? -1, this.items.length, 1, page);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    const image = this.items[Math.max(0, next)];
    if (image !== undefined) this.of.choose(image);
  }
}
