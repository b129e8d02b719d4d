/** One of the nine: a patch, its projection, rank, value, image, and how exact it is. */

import { type Picture, paintBitmap, paintPicture, readPicture } from "../../lib/canvas";
import { lutOf } from "../../lib/colour";
import { h } from "../../lib/dom";
import { number } from "../../lib/format";
import type { ProjectionInfo, TopActivation } from "../../lib/protocol";
import { magnitudePicture, positivePicture, reveal, signedPicture } from "../../lib/signed";
import { lostText } from "../shared/lost";
import { popoverButton } from "../shared/popover";
import { CoverBars } from "./cover";
import { BLANK, projectionCard, STATUS, type Subject } from "./projection_card";

export const LAYOUTS = [
  ["both", "side by side"],
  ["patches", "patches"],
  ["projections", "projections"],
  ["revealed", "revealed"],
] as const;
export type Layout = (typeof LAYOUTS)[number][0];

export const VALUES = [
  ["signed", "signed"],
  ["absolute", "absolute"],
  ["positive", "positive only"],
] as const;
export type Values = (typeof VALUES)[number][0];

const SHOWN: Record<Values, (signed: Picture, gain: number) => Picture> = {
  signed: signedPicture,
  absolute: (signed, gain) => magnitudePicture(signed, gain, lutOf("magma")),
  positive: positivePicture,
};

export interface Look {
  layout: Layout;
  values: Values;
  /** The value shown as full; null: each projection's own. */
  scale: number | null;
}

export class Cell {
  readonly button: HTMLButtonElement;
  readonly element: HTMLElement;
  readonly cover = new CoverBars();
  image: number | null = null;
  label = "";
  private patch: ImageBitmap | null = null;
  private projection: ImageBitmap | null = null;
  private pixels: Picture | null = null;
  private info: ProjectionInfo | null = null;
  private absent = false;
  private readonly left = h("canvas", { class: "zf-picture", "aria-hidden": "true" });
  private readonly right = h("canvas", { class: "zf-picture", "aria-hidden": "true" });
  private readonly why = h("span", { class: "zf-why" });
  private readonly none = h("span", { class: "zf-none", hidden: true }, BLANK.short);
  private readonly value = h("span", { class: "zf-value" });
  private readonly name = h("span", { class: "zf-name" });
  private readonly status: HTMLButtonElement;

  constructor(
    readonly rank: number,
    subject: () => Subject,
  ) {
    this.button = h(
      "button",
      { type: "button", class: "zf-patch", "aria-pressed": "false", disabled: true },
      h("span", { class: "zf-pictures" }, this.left, this.right, this.none, this.why),
    );
    this.status = popoverButton("", "How this projection was computed", "zf-status", () =>
      this.info ? projectionCard(this.rank, this.info, subject()) : [],
    );
    const caption = h(
      "div",
      { class: "zf-caption" },
      h("b", {}, String(rank + 1)),
      this.value,
      this.name,
      this.status,
    );
    this.element = h(
      "div",
      { class: "zf-cell", "data-rank": rank + 1 },
      this.button,
      caption,
      this.cover.element,
    );
    this.reset();
  }

  /** Nothing is known yet. */
  reset(): void {
    this.image = null;
    this.label = "";
    this.patch?.close();
    this.patch = null;
    this.forgetProjection();
    this.cover.set(null);
    this.button.disabled = true;
    this.button.setAttribute("aria-label", `Patch ${this.rank + 1}`);
    this.element.dataset.state = "waiting";
    delete this.element.dataset.image;
    this.element.title = "";
    this.value.textContent = this.name.textContent = this.why.textContent = "";
  }

  forgetProjection(): void {
    this.projection?.close();
    this.projection = this.pixels = this.info = null;
    this.absent = false;
    this.none.hidden = true;
    this.status.hidden = true;
  }

  setEmpty(why: string): void {
    this.reset();
    this.element.dataset.state = "empty";
    this.why.textContent = why;
    this.button.setAttribute("aria-label", `No patch ${this.rank + 1}${why ? `: ${why}` : ""}`);
  }

  /** Its photo can't be read any more: words in its place. */
  setLost({ name, value, lost }: TopActivation): void {
    this.reset();
    this.element.dataset.state = "lost";
    const why = lostText(name, lost ?? "");
    this.why.textContent = why;
    this.value.textContent = number(value);
    this.name.textContent = name;
    this.element.title = `${why}; activation ${number(value)}`;
    this.button.setAttribute("aria-label", `No patch ${this.rank + 1}: ${why}`);
  }

  /** Give away the projection, to be shown in whichever cell its unit stands now. */
  takeProjection(): { info: ProjectionInfo; bitmap: ImageBitmap } | null {
    const { info, projection } = this;
    this.projection = null;
    this.forgetProjection();
    return info && projection ? { info, bitmap: projection } : null;
  }

  setPatch(activation: TopActivation, bitmap: ImageBitmap | null): void {
    const { image, name, value, row, col } = activation;
    this.patch?.close();
    this.patch = bitmap;
    this.forgetProjection();
    this.cover.set(null);
    this.why.textContent = "";
    this.image = image;
    this.button.disabled = false;
    this.element.dataset.state = "ready";
    this.element.dataset.image = String(image);
    this.value.textContent = number(value);
    this.name.textContent = name;
    this.label = `${name}, rank ${this.rank + 1}, activation ${number(value)}`;
    this.button.setAttribute("aria-label", `Choose photo ${this.label}`);
    this.element.title = `${name}: activation ${number(value)} at row ${row}, column ${col}`;
  }

  setProjection(info: ProjectionInfo | null, bitmap: ImageBitmap | null): void {
    this.projection?.close();
    this.projection = bitmap;
    this.pixels = null;
    this.info = info;
    this.absent = info === null;
    this.status.hidden = info === null;
    if (!info) return;
    const zero = info.blank ? `, projection ${BLANK.short}` : "";
    this.button.setAttribute("aria-label", `Choose photo ${this.label}${zero}`);
    const { mark, text } = STATUS[info.status];
    this.status.textContent = mark;
    this.status.dataset.status = info.status;
    this.status.title = `${info.status}: ${text}`;
    this.status.setAttribute(
      "aria-label",
      `Projection ${this.rank + 1}: ${info.status}, ${text}${info.blank ? `, ${BLANK.text}` : ""}`,
    );
  }

  /** No projection will come: stop waiting for it. */
  giveUp(): void {
    if (this.projection) return;
    this.absent = true;
    this.element.classList.remove("zf-waits");
  }

  mark(photo: number | null): void {
    const is = this.image !== null && this.image === photo;
    this.button.setAttribute("aria-pressed", String(is));
    this.element.classList.toggle("zf-chosen", is);
  }

  /** What its projection is scaled to when shown by itself. */
  get ownScale(): number | null {
    return this.info?.scale ?? null;
  }

  draw({ layout, values, scale }: Look): void {
    const needs = { patch: layout !== "projections", projection: layout !== "patches" };
    const both = layout === "both";
    this.left.hidden = !both && layout !== "patches" && layout !== "revealed";
    this.right.hidden = !both && layout !== "projections";
    const waits = this.image !== null && needs.projection && !this.projection && !this.absent;
    this.element.classList.toggle("zf-waits", waits);
    this.none.hidden = !needs.projection || !this.info?.blank;
    this.why.hidden = this.why.textContent === "";
    if (this.image === null) {
      // What is painted on them is of another unit.
      for (const canvas of [this.left, this.right]) canvas.classList.add("zf-blank");
      return;
    }
    if (layout === "revealed") {
      this.left.classList.toggle("zf-blank", !this.projection);
      if (!this.patch || !this.projection) return;
      this.pixels ??= readPicture(this.projection);
      paintPicture(this.left, reveal(readPicture(this.patch), this.pixels));
      return;
    }
    this.left.classList.toggle("zf-blank", !this.patch);
    this.right.classList.toggle("zf-blank", !this.projection);
    if (needs.patch && this.patch) paintBitmap(this.left, this.patch);
    if (!needs.projection || !this.projection || !this.info) return;
    const gain = this.info.full / (scale ?? this.info.scale);
    this.right.dataset.values = values;
    if (values === "signed" && gain === 1) {
      paintBitmap(this.right, this.projection);
      return;
    }
    this.pixels ??= readPicture(this.projection);
    paintPicture(this.right, SHOWN[values](this.pixels, gain));
  }
}
