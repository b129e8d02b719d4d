/** One photo with the boxes of its parts; that of the current part is moved by pointer and keys. */

import { t } from "../../lib/language/translate";
import { buttonOf, h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import { place, pointed } from "../../lib/pictures/boxes";
import type { Box, Pair } from "../../lib/wire/protocol";
import { keyed } from "../occlusion/occluder";
import { about, between, boxOf, inside, type Marking, withBox } from "./marks";

/** A pointer that moves less, in CSS pixels, has clicked. */
const CLICK_PX = 4;

type Drag = { kind: "draw" | "move" | "size"; from: Pair; at: Pair; start: Box | null };

export class MarkedPhoto {
  readonly element: HTMLElement;
  readonly canvas = h("canvas", { class: "zf-marking-picture", "aria-hidden": "true" });
  private readonly others = h("div", { class: "zf-marking-others", "aria-hidden": "true" });
  private readonly corner = h("span", { class: "zf-corner", "aria-hidden": "true" });
  private readonly box = h(
    "div",
    {
      class: "zf-mark",
      role: "group",
      tabindex: 0,
      "aria-roledescription": t("movable rectangle"),
      hidden: true,
      onkeydown: (event: KeyboardEvent) => this.key(event),
    },
    this.corner,
  );
  private readonly stage: HTMLElement;
  private readonly button = buttonOf("", { onclick: () => this.toggle() });
  private drag: Drag | null = null;
  /** The box under the pointer, which isn't kept before it is let go. */
  private held: Box | null = null;

  constructor(
    private readonly number: number,
    private readonly name: string,
    private readonly store: OwnStore<Marking>,
  ) {
    this.stage = h("div", { class: "zf-marking-stage" }, this.canvas, this.others, this.box);
    this.stage.addEventListener("pointerdown", (event) => this.press(event));
    this.stage.addEventListener("pointermove", (event) => this.pull(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.stage.addEventListener(end, (event) => this.drop(event.type === "pointerup"));
    }
    this.element = h(
      "div",
      { class: "zf-marking-photo", role: "listitem", "aria-label": name },
      this.stage,
      h(
        "div",
        { class: "zf-marking-line" },
        h("span", { class: "zf-marking-name", title: name }, name),
        this.button,
      ),
    );
  }

  show(): void {
    const { parts, part, boxes, extent } = this.store.get();
    this.stage.style.aspectRatio = `${extent[1]} / ${extent[0]}`;
    const box = this.held ?? boxOf(boxes, part, this.number);
    this.box.hidden = !box;
    this.box.dataset.part = String(parts.indexOf(part) % 7);
    if (box) {
      place(this.box, box, extent);
      this.box.setAttribute("aria-label", this.words(box));
    }
    this.others.replaceChildren(
      ...parts.flatMap((other, i) => {
        const its = other === part ? null : boxOf(boxes, other, this.number);
        if (!its) return [];
        const mark = h("div", { class: "zf-marking-other", "data-part": i % 7, title: other });
        place(mark, its, extent);
        return [mark];
      }),
    );
    this.button.textContent = box ? t("Remove") : t("Mark");
    const where = { part, photo: this.name };
    const label = box
      ? t("Remove the box of {part} in {photo}", where)
      : t("Mark {part} in {photo}", where);
    this.button.setAttribute("aria-label", label);
    this.button.disabled = parts.length === 0;
  }

  private words({ top, left, height, width }: Box): string {
    const { part } = this.store.get();
    return t(
      "{part} of {photo}: {height} by {width} pixels at row {top}, column {left}. Arrow keys move it, with Shift they resize it, Delete removes it.",
      { part, photo: this.name, height, width, top, left },
    );
  }

  private put(box: Box | null): void {
    const { part, boxes, extent } = this.store.get();
    if (!part) return;
    const next = box && inside(box, extent);
    this.store.set({ boxes: withBox(boxes, part, this.number, next) });
    this.show();
  }

  /** Without a pointer: a box in the middle, or none. */
  private toggle(): void {
    const { part, boxes, extent } = this.store.get();
    if (boxOf(boxes, part, this.number)) {
      this.put(null);
      return;
    }
    this.put(about([extent[0] / 2, extent[1] / 2], extent));
    this.box.focus();
  }

  private key(event: KeyboardEvent): void {
    const { part, boxes } = this.store.get();
    const now = boxOf(boxes, part, this.number);
    if (!now || event.altKey || event.ctrlKey || event.metaKey) return;
    const gone = event.key === "Delete" || event.key === "Backspace";
    const next = gone ? null : keyed(now, event.key, event.shiftKey, 1);
    if (!gone && !next) return;
    event.preventDefault();
    event.stopPropagation();
    this.put(next);
    if (gone) this.button.focus();
  }

  private pixel(event: PointerEvent): Pair {
    return pointed(event, this.stage, this.store.get().extent);
  }

  private press(event: PointerEvent): void {
    const { part, boxes } = this.store.get();
    if (event.button !== 0 || !part) return;
    const on = event.composedPath();
    const kind = on.includes(this.corner) ? "size" : on.includes(this.box) ? "move" : "draw";
    const start = boxOf(boxes, part, this.number);
    const from: Pair = [event.clientY, event.clientX];
    this.drag = { kind, from, at: this.pixel(event), start };
    this.stage.setPointerCapture(event.pointerId);
    if (start) this.box.focus({ preventScroll: true });
    event.preventDefault();
  }

  private pull(event: PointerEvent): void {
    const drag = this.drag;
    if (!drag) return;
    const moved = Math.hypot(event.clientY - drag.from[0], event.clientX - drag.from[1]);
    if (!this.held && moved < CLICK_PX) return;
    const { extent } = this.store.get();
    const now = this.pixel(event);
    const [down, right] = [now[0] - drag.at[0], now[1] - drag.at[1]];
    const start = drag.start;
    if (drag.kind === "draw" || !start) this.held = between(drag.at, now, extent);
    else if (drag.kind === "move") {
      this.held = inside({ ...start, top: start.top + down, left: start.left + right }, extent);
    } else {
      const to: Pair = [start.top + start.height + down, start.left + start.width + right];
      this.held = between([start.top, start.left], to, extent);
    }
    this.show();
  }

  /** The pointer was let go, or taken away: then nothing has happened. */
  private drop(kept: boolean): void {
    const { drag, held } = this;
    if (!drag) return;
    this.drag = this.held = null;
    if (!kept) this.show();
    else if (held) this.put(held);
    else if (drag.kind === "draw") {
      const { extent } = this.store.get();
      const { height, width } = drag.start ?? about(drag.at, extent);
      this.put({ top: drag.at[0] - height / 2, left: drag.at[1] - width / 2, height, width });
    }
    if (kept) this.box.focus({ preventScroll: true });
  }
}
