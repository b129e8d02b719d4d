/** Places of the photo that were clicked: marks on it, and all values there in a small table. */

import { t } from "../../lib/language/translate";
import { cellAt } from "../../lib/occlusion/grid";
import {
  type Grids,
  KINDS,
  type MapKind,
  type Names,
  ORDER,
  valueText,
} from "../../lib/occlusion/map_kinds";
import { buttonOf, h } from "../../lib/page/dom";
import { place } from "../../lib/pictures/boxes";
import type { Pair } from "../../lib/wire/protocol";
import { type Fold, fold } from "../shared/fold";

const MOST_PINS = 4;

export class Pins {
  readonly fold: Fold = fold("pins", t("Pinned places"));
  readonly marks = h("div", { class: "zf-pins", "aria-hidden": "true" });
  /** In input pixels: they stay where they are when the stride changes. */
  places: Pair[] = [];
  private grids: Grids | null = null;
  private extent: Pair = [1, 1];

  constructor(private readonly names: Names) {
    this.draw();
  }

  /** Pin a place, or take the pin in its cell away; whether it is pinned now. */
  toggle([row, col]: Pair): boolean {
    const cell = this.cellOf([row, col]);
    const rest = this.places.filter((one) => String(this.cellOf(one)) !== String(cell));
    const added = rest.length === this.places.length;
    this.places = added ? [...rest, [row, col] as Pair].slice(-MOST_PINS) : rest;
    this.draw();
    return added;
  }

  clear(): void {
    this.places = [];
    this.draw();
  }

  show(grids: Grids | null, extent: Pair): void {
    this.grids = grids;
    this.extent = extent;
    this.draw();
  }

  private cellOf([row, col]: Pair): Pair {
    const { grids } = this;
    return grids ? cellAt(row, col, grids.data.stride, grids.grid) : [row, col];
  }

  private draw(): void {
    const { grids, places } = this;
    this.marks.replaceChildren(
      ...places.map(([row, col], i) => {
        const mark = h("span", { class: "zf-pin" }, h("span", {}, String(i + 1)));
        place(mark, { top: row, left: col, height: 0, width: 0 }, this.extent);
        return mark;
      }),
    );
    this.fold.says(places.length ? String(places.length) : t("click the map to pin one"));
    if (places.length === 0 || !grids) {
      const text = places.length
        ? t("Their values come with the map.")
        : t("Click a place of the map, or press P at its cursor: its values stay here.");
      this.fold.body.replaceChildren(h("p", { class: "zf-hint" }, text));
      return;
    }
    this.fold.body.replaceChildren(this.table(grids));
  }

  private table(grids: Grids): HTMLElement {
    const columns = this.places.map((one) => {
      const [row, col] = this.cellOf(one);
      return { row, col, at: row * grids.grid[1] + col };
    });
    const value = (kind: MapKind, at: number) => {
      const found = grids.at(kind, at);
      if (kind === "predicted") return found < 0 ? "…" : this.names.className(found);
      return Number.isNaN(found) ? "…" : valueText(kind, found);
    };
    const clean = (kind: MapKind) =>
      kind === "predicted"
        ? this.names.className(grids.data.clean.predicted)
        : valueText(kind, grids.clean(kind));
    const cell = (text: string) => h("td", { title: text }, text);
    const remove = (i: number) =>
      buttonOf("×", {
        class: "zf-remove",
        "aria-label": t("Remove pin {n}", { n: i + 1 }),
        onclick: () => {
          this.places = this.places.filter((_, n) => n !== i);
          this.draw();
        },
      });
    const kinds = ORDER.filter((kind) => grids.has(kind));
    return h(
      "table",
      { class: "zf-pin-table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("cell")),
          h("th", { scope: "col", title: t("without occluder") }, t("uncovered")),
          ...columns.map(({ row, col }, i) =>
            h(
              "th",
              { scope: "col", title: t("row {row}, column {col} of the map", { row, col }) },
              h("span", { class: "zf-pin-number" }, String(i + 1)),
              ` ${row}, ${col}`,
              remove(i),
            ),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        ...kinds.map((kind) =>
          h(
            "tr",
            { "data-map": kind },
            h("th", { scope: "row" }, t(KINDS[kind].brief)),
            cell(clean(kind)),
            ...columns.map(({ at }) => cell(value(kind, at))),
          ),
        ),
      ),
    );
  }
}
