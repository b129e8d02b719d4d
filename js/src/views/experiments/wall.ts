/** A wall of pictures: rows and columns with captions, walked by arrow keys where one can choose. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import { decode, paintBitmap } from "../../lib/pictures/canvas";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";

export interface Shown {
  /** Name of what is shown; empty before there is anything. */
  wall: string;
  label: string;
  note: string;
  /** CSS pixels of a picture's longer side, at most. */
  size: number;
  choosable: boolean;
  /** -1: none. */
  chosen: number;
}

/** Pictures of one answer. */
const CHUNK = 64;

export const wall: OwnView<Shown> = (...given) => {
  new WallView(...given);
};

class WallView {
  private readonly panel: Panel;
  private readonly grid = h("div", { class: "zf-wall-grid" });
  private cells: HTMLElement[] = [];
  private asked = "";
  private columns = 0;

  constructor(
    el: HTMLElement,
    private readonly store: OwnStore<Shown>,
    source: Source,
    signal: AbortSignal,
  ) {
    this.panel = new Panel(el, "pictures", store.get().label || t("Pictures"), source, signal);
    this.panel.body.append(this.grid);
    this.grid.addEventListener("keydown", (event) => this.walk(event), { signal });
    store.subscribe(() => this.follow(), signal);
    this.follow();
  }

  private follow(): void {
    const { wall, label, note, size, choosable, chosen } = this.store.get();
    if (label) {
      this.panel.title(label);
      this.panel.element.setAttribute("aria-label", label);
    }
    this.panel.explain(note);
    this.grid.style.setProperty("--zf-wall-size", `${size}px`);
    this.grid.setAttribute("role", choosable ? "listbox" : "list");
    this.grid.setAttribute("aria-label", label);
    this.mark(chosen);
    if (wall && wall !== this.asked) {
      this.asked = wall;
      this.load(wall, 0);
    }
  }

  private load(wall: string, first: number): void {
    const options = { priority: PRIORITY.interaction };
    void this.panel.load("wall", { wall, first }, `from ${first}`, options, async (answer) => {
      if (wall !== this.asked) return;
      const bitmaps = await Promise.all(
        answer.buffers.map((buffer) => decode(buffer, answer.data.mime)),
      );
      if (wall === this.asked) this.paint(answer.data, bitmaps);
      for (const bitmap of bitmaps) bitmap.close();
      const next = first + CHUNK;
      if (wall === this.asked && next < answer.data.total) this.load(wall, next);
    });
  }

  private paint(data: Answer<"wall">["data"], bitmaps: ImageBitmap[]): void {
    if (data.first === 0) this.lay(data);
    let painted = 0;
    data.there.forEach((there, i) => {
      const number = data.first + i;
      const cell = this.cells[number];
      if (!cell) return;
      const canvas = h("canvas", { class: "zf-wall-picture", "aria-hidden": "true" });
      const bitmap = there ? bitmaps[painted++] : undefined;
      if (bitmap) paintBitmap(canvas, bitmap);
      const caption = data.captions[i] ?? "";
      const detail = data.details[i] ?? "";
      const name = [this.place(data, number), caption, detail, there ? "" : t("empty")];
      cell.setAttribute(
        "aria-label",
        name.filter(Boolean).join(", ") || t("picture {n}", { n: number + 1 }),
      );
      cell.classList.toggle("zf-empty", !there);
      if (detail || caption) cell.title = [caption, detail].filter(Boolean).join("\n");
      cell.replaceChildren(
        bitmap ? canvas : h("span", { class: "zf-wall-none" }),
        ...(caption ? [h("span", { class: "zf-wall-caption" }, caption)] : []),
        // A space, or the two were one word for who reads what stands there.
        ...(detail ? [" ", h("span", { class: "zf-wall-caption zf-dim" }, detail)] : []),
      );
    });
    this.mark(this.store.get().chosen);
  }

  private place({ columns, sides, heads }: Answer<"wall">["data"], number: number): string {
    if (!columns) return "";
    const side = sides[Math.floor(number / columns)];
    return [side, heads[number % columns]].filter(Boolean).join(", ");
  }

  /** Places for all pictures of a wall, before the later ones are there. */
  private lay({ total, columns, heads, sides }: Answer<"wall">["data"]): void {
    this.columns = columns;
    this.grid.classList.toggle("zf-wall-flow", columns === 0);
    const named = columns > 0 && sides.length > 0;
    this.grid.style.setProperty("--zf-wall-columns", String(Math.max(columns, 1)));
    this.grid.classList.toggle("zf-wall-named", named);
    const { choosable } = this.store.get();
    const focused = this.cells.indexOf(document.activeElement as HTMLElement);
    this.cells = Array.from({ length: total }, (_, i) => {
      const role = choosable ? "option" : "listitem";
      const cell = h("div", { class: "zf-wall-cell", role });
      if (choosable) cell.addEventListener("click", () => this.store.set({ chosen: i }));
      return cell;
    });
    const children: HTMLElement[] = [];
    const head = (text: string, kind: string) =>
      h("span", { class: `zf-wall-${kind}`, "aria-hidden": "true", title: text }, text);
    if (columns > 0 && heads.length > 0) {
      if (named) children.push(head("", "head"));
      for (let i = 0; i < columns; i++) children.push(head(heads[i] ?? "", "head"));
    }
    this.cells.forEach((cell, i) => {
      if (named && i % columns === 0) children.push(head(sides[i / columns] ?? "", "side"));
      children.push(cell);
    });
    this.grid.replaceChildren(...children);
    if (focused >= 0) {
      this.mark(this.store.get().chosen);
      this.cells[Math.min(focused, total - 1)]?.focus();
    }
  }

  private mark(chosen: number): void {
    const { choosable } = this.store.get();
    this.cells.forEach((cell, i) => {
      cell.classList.toggle("zf-chosen", choosable && i === chosen);
      if (!choosable) return;
      cell.setAttribute("aria-selected", String(i === chosen));
      cell.tabIndex = i === Math.max(chosen, 0) ? 0 : -1;
    });
  }

  private walk(event: KeyboardEvent): void {
    const at = this.cells.indexOf(event.target as HTMLElement);
    if (at < 0 || !this.store.get().choosable) return;
    const row = this.columns || this.across();
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -row,
      ArrowDown: row,
      Home: -at,
      End: this.cells.length - 1 - at,
    };
    const step = steps[event.key];
    if (step === undefined) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.store.set({ chosen: at });
      return;
    }
    event.preventDefault();
    const next = this.cells[at + step];
    if (!next) return;
    this.store.set({ chosen: at + step });
    next.focus();
  }

  /** How many stand beside each other where they flow. */
  private across(): number {
    const top = this.cells[0]?.offsetTop;
    const second = this.cells.findIndex((cell) => cell.offsetTop !== top);
    return second < 0 ? this.cells.length : second;
  }
}
