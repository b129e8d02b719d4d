/** The maps over the photo: one, or two beside a divider; legends, and the cell that is read. */

import { msg, t } from "../../lib/language/translate";
import { cellAt } from "../../lib/occlusion/grid";
import {
  changeText,
  Grids,
  isChange,
  isDistance,
  KINDS,
  type MapKind,
  type Names,
  ORDER,
  valueText,
} from "../../lib/occlusion/map_kinds";
import { gridStep } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { place } from "../../lib/pictures/boxes";
import { MAP_NAMES, type MapName } from "../../lib/pictures/colour";
import type { Answer, Box, Key, Pair } from "../../lib/wire/protocol";
import { commonScale, type Legend, legendElement, MapLayer, type Shown } from "./map_layer";
import { most } from "./most";

export type Overlay = MapKind | "none";

export const OVERLAYS: readonly (readonly [Overlay, string])[] = [
  ...ORDER.map((kind) => [kind, KINDS[kind].name] as const),
  ["none", msg("no map")],
];

const COLOUR_NAMES: Partial<Record<MapName, string>> = {
  tint: msg("tint the changes"),
  diverging: msg("change, blue to red"),
};
export const COLOURS: readonly (readonly [MapName, string])[] = MAP_NAMES.map((name) => [
  name,
  COLOUR_NAMES[name] ?? name,
]);

export interface Look {
  overlay: Overlay;
  colours: MapName;
  opacity: number;
}

export class HeatMap {
  readonly left = new MapLayer("left");
  readonly right = new MapLayer("right");
  readonly cursor = h("div", { class: "zf-cursor", hidden: true });
  readonly key = h("div", { class: "zf-heat-key" });
  readonly readout = h("div", { class: "zf-readout" });
  grids: Grids | null = null;
  extent: Pair = [1, 1];
  legends: Legend[] = [];
  private cell: Pair = [0, 0];
  /** What stands right of the divider. */
  other: ((now: Grids) => Shown | null) | null = null;

  constructor(
    private readonly names: Names,
    private readonly look: () => Look,
    private readonly put: (box: Box) => void,
  ) {
    const { canvas } = this.left;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-roledescription", "heat map");
    canvas.addEventListener("focus", () => this.read(this.cell));
    canvas.addEventListener("blur", () => this.leave());
  }

  get canvas(): HTMLCanvasElement {
    return this.left.canvas;
  }

  clear(): void {
    this.grids = null;
    this.draw();
    this.leave();
  }

  set(answer: Answer<"occlusion">, key: Key<"occlusion">, extent: Pair): void {
    this.extent = extent;
    this.grids = new Grids(answer, key);
    this.draw();
  }

  draw(): void {
    const { overlay, colours, opacity } = this.look();
    const { grids } = this;
    this.legends = [];
    this.key.replaceChildren();
    this.left.canvas.hidden = this.right.canvas.hidden = true;
    if (!grids || overlay === "none") return;
    const shown: Shown = { grids, kind: overlay, about: "" };
    const other = this.other?.(grids) ?? null;
    const same = other?.kind === overlay;
    const scale = commonScale(overlay, same ? [grids, other.grids] : [grids], colours);
    const left = this.left.draw(shown, colours, this.extent, scale, this.names);
    if (left) this.legends.push(left);
    if (other && left) {
      const own = same ? scale : commonScale(other.kind, [other.grids], colours);
      const right = this.right.draw(other, colours, this.extent, own, this.names);
      if (right) {
        [left.side, right.side] = ["left", "right"];
        this.legends.push(right);
      }
    }
    for (const side of [this.left, this.right]) side.canvas.style.opacity = String(opacity);
    const where = left && !other ? most(grids, overlay, this.put) : null;
    this.key.append(...this.legends.map((one) => legendElement(one)), ...(where ? [where] : []));
    this.canvas.setAttribute(
      "aria-label",
      `${t("Map: {title}.", { title: left?.title ?? "" })} ${left?.reading ?? ""} ${t("Arrow keys walk its cells, Enter puts the occluder there, P pins the place.")}`,
    );
  }

  /** Whether a map of the pass is on screen. */
  get visible(): boolean {
    return this.grids !== null && !this.canvas.hidden;
  }

  /** The box that the occluder had for a cell, unclipped. */
  box(cell: Pair): Box | null {
    return this.grids?.box(cell) ?? null;
  }

  /** The cell under an input pixel. */
  cellOf(row: number, col: number): Pair | null {
    const { grids } = this;
    return grids && cellAt(row, col, grids.data.stride, grids.grid);
  }

  /** Point at the cell under an input pixel. */
  point(row: number, col: number): void {
    const cell = this.cellOf(row, col);
    if (!cell || !this.visible) this.leave();
    else this.read(cell);
  }

  /** Move the cursor by a key; the cell's text, or null when the key isn't for us. */
  step(key: string): string | null {
    if (!this.grids) return null;
    const [rows, columns] = this.grids.grid;
    const at = this.cell[0] * columns + this.cell[1];
    const next = gridStep(key, at, rows * columns, columns, 4);
    if (next === null) return null;
    return this.read([Math.floor(next / columns), next % columns]);
  }

  get cursorCell(): Pair {
    return this.cell;
  }

  leave(): void {
    this.cursor.hidden = true;
    this.readout.textContent = "";
  }

  private read(cell: Pair): string {
    const { grids } = this;
    if (!grids || !this.visible) return "";
    this.cell = cell;
    const [row, col] = cell;
    const [down, right] = grids.data.stride;
    place(
      this.cursor,
      { top: row * down, left: col * right, height: down, width: right },
      this.extent,
    );
    this.cursor.hidden = false;
    const text = `cell ${row}, ${col}: ${this.valueText(grids, row * grids.grid[1] + col)}`;
    this.readout.textContent = text;
    return text;
  }

  private valueText(grids: Grids, at: number): string {
    const { overlay, colours } = this.look();
    if (overlay === "none") return "";
    const name = this.names.className(grids.predicted[at] ?? -1);
    const value = grids.at(overlay, at);
    const none = grids.data.done === grids.data.total ? t("no number (NaN)") : t("no value so far");
    if (overlay === "predicted") {
      if (value < 0) return none;
      const { predicted } = grids.data.clean;
      return value === predicted
        ? t("predicted {name}, as without occluder", { name })
        : t("predicted {name}, {other} without occluder", {
            name,
            other: this.names.className(predicted),
          });
    }
    if (Number.isNaN(value)) return none;
    const change = changeText(overlay, grids.change(overlay)[at] ?? Number.NaN);
    // Distances are changes; others are told as what is painted, and as what it comes from.
    const more = isChange(colours) && !isDistance(overlay) ? ` (${change})` : "";
    const head =
      overlay === "probability" ? this.names.className(grids.data.target) : t(KINDS[overlay].name);
    const text = `${head} ${valueText(overlay, value)}${more}`;
    const known = grids.has("predicted") && (grids.predicted[at] ?? -1) >= 0;
    return known ? t("{text}, predicted {name}", { text, name }) : text;
  }
}
