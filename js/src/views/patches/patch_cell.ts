/** One of the nine: a patch, its projection, rank, value, image, and how exact it is. */

import { msg, t } from "../../lib/language/translate";
import { buttonOf, h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { focusBox, inside, place, within } from "../../lib/pictures/boxes";
import { cropPicture, type Picture, paintPicture } from "../../lib/pictures/canvas";
import { lutOf } from "../../lib/pictures/colour";
import {
  brightnessPicture,
  magnitudePicture,
  positivePicture,
  reveal,
  signedPicture,
} from "../../lib/pictures/signed";
import type {
  Box,
  Field,
  Pair,
  ProjectionInfo,
  Status,
  TopActivation,
} from "../../lib/wire/protocol";
import { lostText } from "../shared/lost";
import { popoverButton } from "../shared/popover";
import { CoverBars } from "./cover";
import { BLANK, NAMES, projectionCard, STATUS, type Subject } from "./projection_card";

export const LAYOUTS = [
  ["both", msg("side by side")],
  ["patches", msg("patches")],
  ["projections", msg("projections")],
  ["revealed", msg("revealed")],
] as const;
export type Layout = (typeof LAYOUTS)[number][0];

export const VALUES = [
  ["brightness", msg("brightness")],
  ["colour", msg("colour")],
  ["magnitude", msg("magnitude")],
  ["positive", msg("positive only")],
] as const;
export type Values = (typeof VALUES)[number][0];

const SHOWN: Record<Values, (signed: Picture, gain: number) => Picture> = {
  brightness: brightnessPicture,
  colour: signedPicture,
  magnitude: (signed, gain) => magnitudePicture(signed, gain, lutOf("magma")),
  positive: positivePicture,
};

/** Only a picture that isn't the paper's has a mark. */
const APART: readonly Status[] = ["linearised", "unknown"];

/** The cell after the nine is of the chosen photo. */
export const HERE = 9;
const heading = (rank: number) => (rank === HERE ? t("this photo") : String(rank + 1));

export interface Look {
  layout: Layout;
  values: Values;
  /** The value shown as full; null: each projection's own. */
  scale: number | null;
  /** Side of the square on which all are shown, in pixels; null: the whole receptive field. */
  side: number | null;
  /** Whether enlarged pictures keep their pixels visible. */
  pixels: boolean;
  /** The channel's receptive field. */
  field: Field;
  /** Rows and columns of a photo. */
  extent: Pair;
}

export class Cell {
  readonly button: HTMLButtonElement;
  readonly element: HTMLElement;
  readonly cover = new CoverBars();
  image: number | null = null;
  label = "";
  private patch: Picture | null = null;
  private projection: Picture | null = null;
  private info: ProjectionInfo | null = null;
  private absent = false;
  private box: Box | null = null;
  private unit: Pair = [0, 0];
  /** The receptive field's border, where it is within the pictures. */
  private readonly field = h("span", { class: "zf-patch-field", hidden: true });
  private readonly left = h("canvas", { class: "zf-picture", "aria-hidden": "true" });
  private readonly right = h("canvas", { class: "zf-picture", "aria-hidden": "true" });
  private readonly why = h("span", { class: "zf-why" });
  private readonly none = h("span", { class: "zf-none", hidden: true }, t(BLANK.short));
  private readonly value = h("span", { class: "zf-value" });
  private readonly name = h("span", { class: "zf-name" });
  private readonly status: HTMLButtonElement;
  /** What is on each canvas: pictures, and how and which part of them. */
  private readonly painted = new Map<HTMLCanvasElement, readonly unknown[]>();

  constructor(
    readonly rank: number,
    subject: () => Subject,
  ) {
    this.button = buttonOf(h("span", { class: "zf-pictures" }, ...this.pictures()), {
      class: "zf-patch",
      "aria-pressed": "false",
      disabled: true,
    });
    this.status = popoverButton("", t("How this projection was computed"), "zf-status", () =>
      this.info ? projectionCard(this.rank, this.info, subject()) : [],
    );
    const caption = h(
      "div",
      { class: "zf-caption" },
      h("b", {}, heading(rank)),
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

  private pictures(): Node[] {
    const over = h("span", { class: "zf-patch-over", "aria-hidden": "true" }, this.field);
    return [this.left, this.right, over, this.none, this.why];
  }

  /** Nothing is known yet. */
  reset(): void {
    this.image = this.box = null;
    this.label = "";
    this.patch = null;
    this.forgetProjection();
    this.cover.set(null);
    this.button.disabled = true;
    this.button.setAttribute("aria-label", t("Patch {n}", { n: this.rank + 1 }));
    this.element.dataset.state = "waiting";
    delete this.element.dataset.image;
    this.element.title = "";
    this.value.textContent = this.name.textContent = this.why.textContent = "";
  }

  forgetProjection(): void {
    this.projection = this.info = null;
    this.absent = false;
    this.none.hidden = true;
    this.status.hidden = true;
  }

  setEmpty(why: string): void {
    this.reset();
    this.element.dataset.state = "empty";
    this.why.textContent = why;
    this.button.setAttribute(
      "aria-label",
      `${t("No patch {n}", { n: this.rank + 1 })}${why ? `: ${why}` : ""}`,
    );
  }

  /** The photo can't be read any more: words in its place. */
  setLost({ name, value, lost }: TopActivation): void {
    this.reset();
    this.element.dataset.state = "lost";
    const why = lostText(name, lost ?? "");
    this.why.textContent = why;
    this.value.textContent = number(value);
    this.name.textContent = name;
    this.element.title = `${why}; ${t("activation {value}", { value: number(value) })}`;
    this.button.setAttribute("aria-label", `${t("No patch {n}", { n: this.rank + 1 })}: ${why}`);
  }

  /** Give away the projection, to be shown in whichever cell its unit stands now. */
  takeProjection(): { info: ProjectionInfo; picture: Picture } | null {
    const { info, projection } = this;
    this.forgetProjection();
    return info && projection ? { info, picture: projection } : null;
  }

  setPatch(activation: TopActivation, picture: Picture | null): void {
    const { image, name, value, row, col } = activation;
    this.box = activation.box;
    this.unit = [row, col];
    this.patch = picture;
    this.forgetProjection();
    this.cover.set(null);
    this.why.textContent = "";
    this.image = image;
    this.button.disabled = false;
    this.element.dataset.state = "ready";
    this.element.dataset.image = String(image);
    this.value.textContent = number(value);
    this.name.textContent = name;
    const which = this.rank === HERE ? t("the chosen photo") : t("rank {n}", { n: this.rank + 1 });
    this.label = `${name}, ${which}, ${t("activation {value}", { value: number(value) })}`;
    this.button.setAttribute("aria-label", t("Choose photo {name}", { name: this.label }));
    this.element.title = t("{name}: activation {value} at row {row}, column {col}", {
      name,
      value: number(value),
      row,
      col,
    });
  }

  setProjection(info: ProjectionInfo | null, picture: Picture | null): void {
    this.projection = picture;
    this.info = info;
    this.absent = info === null;
    this.status.hidden = !info || !APART.includes(info.status);
    if (!info) return;
    const zero = info.blank ? `, ${t("projection")} ${t(BLANK.short)}` : "";
    const label = `${this.label}${zero}`;
    this.button.setAttribute("aria-label", t("Choose photo {name}", { name: label }));
    const { mark, text } = STATUS[info.status];
    this.status.textContent = mark;
    this.status.dataset.status = info.status;
    this.status.title = `${t(NAMES[info.status])}: ${t(text)}`;
    this.status.setAttribute(
      "aria-label",
      `${t("Projection {n}", { n: this.rank + 1 })}: ${t(NAMES[info.status])}, ${t(text)}${info.blank ? `, ${t(BLANK.text)}` : ""}`,
    );
  }

  /** How its projection was made; null as long as there is none. */
  card(subject: Subject): (Node | string)[] | null {
    return this.info && projectionCard(this.rank, this.info, subject);
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
  ownScale(values: Values): number | null {
    if (!this.info) return null;
    return values === "brightness" ? this.info.brightness : this.info.scale;
  }

  /** The part of the pictures that is shown; they are of the receptive field, moved inside. */
  private part(box: Box, { side, field, extent }: Look): Box {
    const all = inside(box, extent);
    if (side === null) return within(all, all);
    // The cell's own square may be of fewer projections than the one on which all are shown.
    const own = this.info?.view;
    const known = own && Math.max(own.height, own.width) === side;
    const view = known ? own : focusBox(field, this.unit, side, extent);
    return inside(within(view, all), [all.height, all.width]);
  }

  /** A thin frame where the receptive field ends within the pictures. */
  private frame(box: Box, part: Box, { extent }: Look): void {
    const field = within(within(box, inside(box, extent)), part);
    const { top, left, height, width } = field;
    this.field.hidden =
      top <= 0 && left <= 0 && top + height >= part.height && left + width >= part.width;
    if (this.field.hidden) return;
    place(this.field, field, [part.height, part.width]);
  }

  draw(look: Look): void {
    const { layout } = look;
    const both = layout === "both";
    const needs = { patch: layout !== "projections", projection: layout !== "patches" };
    this.left.hidden = !both && layout !== "patches" && layout !== "revealed";
    this.right.hidden = !both && layout !== "projections";
    const waits = this.image !== null && needs.projection && !this.projection && !this.absent;
    this.element.classList.toggle("zf-waits", waits);
    this.none.hidden = !needs.projection || !this.info?.blank;
    this.why.hidden = this.why.textContent === "";
    this.field.hidden = true;
    const shown = this.image === null ? null : this.box;
    const masked = layout === "revealed" && !this.projection;
    // What is painted on them may be of another unit.
    this.left.classList.toggle("zf-blank", !shown || !this.patch || masked);
    this.right.classList.toggle("zf-blank", !shown || !this.projection);
    if (!shown) return;
    const part = this.part(shown, look);
    this.frame(shown, part, look);
    if (needs.patch) this.paintPatch(part, layout);
    if (needs.projection && layout !== "revealed") this.paintProjection(part, look);
    for (const canvas of [this.left, this.right]) {
      canvas.classList.toggle("zf-pixelated", look.pixels);
    }
  }

  private paintPatch(part: Box, layout: Layout): void {
    const { patch, projection } = this;
    if (!patch) return;
    if (layout !== "revealed") {
      this.paint(this.left, part, [patch], () => paintPicture(this.left, patch, part));
    } else if (projection) {
      const paint = () => paintPicture(this.left, reveal(patch, projection), part);
      this.paint(this.left, part, [patch, projection], paint);
    }
  }

  private paintProjection(part: Box, { values, scale }: Look): void {
    const { projection } = this;
    if (!projection || !this.info) return;
    const gain = this.info.full / (scale ?? this.ownScale(values) ?? this.info.full);
    this.right.dataset.values = values;
    this.paint(this.right, part, [projection, values, gain], () =>
      paintPicture(this.right, SHOWN[values](cropPicture(projection, part), gain)),
    );
  }

  /** Paint a part of a picture, made `of` these, unless it is on the canvas already. */
  private paint(
    canvas: HTMLCanvasElement,
    { top, left, height, width }: Box,
    of: readonly unknown[],
    paint: () => void,
  ): void {
    const now = [...of, top, left, height, width];
    const before = this.painted.get(canvas);
    if (before?.length === now.length && now.every((one, i) => one === before[i])) return;
    paint();
    this.painted.set(canvas, now);
  }
}
