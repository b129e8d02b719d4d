/** Photos on which the same parts are marked by boxes: drawn, moved, resized, removed. */

import { t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import type { OwnStore } from "../../lib/page/selection_store";
import { decode, paintBitmap } from "../../lib/pictures/canvas";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";
import { MarkedPhoto } from "./marked_photo";
import { count, type Marking } from "./marks";

export const marking: OwnView<Marking> = (...given) => {
  new MarkingView(...given);
};

class MarkingView {
  private readonly panel: Panel;
  private readonly parts: HTMLSelectElement;
  private readonly grid = h("div", { class: "zf-marking-grid", role: "list" });
  private photos: MarkedPhoto[] = [];
  private asked = "";
  private listed = "";

  constructor(
    el: HTMLElement,
    private readonly store: OwnStore<Marking>,
    source: Source,
    signal: AbortSignal,
  ) {
    this.panel = new Panel(el, "marking", store.get().label, source, signal);
    this.parts = h("select", {
      class: "zf-select zf-marking-parts",
      "aria-label": t("Part to mark"),
      title: t("Part to mark"),
      onchange: () => store.set({ part: this.parts.value }),
    });
    this.panel.tools.append(this.parts);
    this.panel.body.append(this.grid);
    store.subscribe(() => this.follow(), signal);
    this.follow();
  }

  private follow(): void {
    const { wall, note, size } = this.store.get();
    this.grid.style.setProperty("--zf-marking-size", `${size}px`);
    this.panel.explain(note);
    this.show();
    if (wall && wall !== this.asked) {
      this.asked = wall;
      this.load(wall);
    }
  }

  private load(wall: string): void {
    const options = { priority: PRIORITY.interaction };
    void this.panel.load("wall", { wall, first: 0 }, "photos", options, async (answer, fresh) => {
      const bitmaps = await Promise.all(
        answer.buffers.map((buffer) => decode(buffer, answer.data.mime)),
      );
      if (fresh()) this.paint(answer.data, bitmaps);
      for (const bitmap of bitmaps) bitmap.close();
    });
  }

  private paint({ captions }: Answer<"wall">["data"], bitmaps: ImageBitmap[]): void {
    this.photos = bitmaps.map((bitmap, number) => {
      const photo = new MarkedPhoto(number, captions[number] ?? "", this.store);
      paintBitmap(photo.canvas, bitmap);
      return photo;
    });
    this.grid.replaceChildren(...this.photos.map((photo) => photo.element));
    this.show();
  }

  private show(): void {
    const { parts, part, boxes } = this.store.get();
    const texts = parts.map((part) =>
      t("{part} ({n} of {all})", { part, n: count(boxes, part), all: this.photos.length }),
    );
    const listed = JSON.stringify([parts, texts]);
    if (listed !== this.listed) {
      const options = parts.map((name, i) => h("option", { value: name }, texts[i]));
      this.parts.replaceChildren(...options);
      if (this.listed && this.photos.length > 0) {
        announce(this.grid, texts[parts.indexOf(part)] ?? "");
      }
      this.listed = listed;
    }
    this.parts.value = part;
    for (const photo of this.photos) photo.show();
  }
}
