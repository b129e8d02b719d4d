/** What the map's quantity is with the occluder right where it is: it follows the hand. */

import { t } from "../../lib/language/translate";
import { KINDS, type Names, valueText } from "../../lib/occlusion/map_kinds";
import { h } from "../../lib/page/dom";
import { percent } from "../../lib/page/format";
import type { SelectionStore } from "../../lib/page/selection_store";
import { floats } from "../../lib/wire/codec";
import { latest } from "../../lib/wire/latest";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Panel } from "../shared/status";
import { topClasses } from "./classes";
import type { Look } from "./heatmap";

export class Live {
  readonly element = h("div", { class: "zf-now" });
  private readonly ask: (turn: number) => void;
  private turn = 0;
  private image: number | null = null;

  constructor(
    private readonly panel: Panel,
    private readonly selection: SelectionStore,
    private readonly look: () => Look,
    /** Channel of the layer; null: its strongest without occluder. */
    private readonly channel: () => number | null,
    private readonly names: Names,
  ) {
    this.ask = latest((turn) => this.load(turn));
  }

  /** The occluder, or what is looked at, has changed. */
  update(): void {
    this.turn += 1;
    const { overlay } = this.look();
    if (this.selection.get("occluder") && overlay !== "none") this.ask(this.turn);
    else this.element.textContent = "";
  }

  private async load(turn: number): Promise<void> {
    const { overlay } = this.look();
    const [image, occluder] = [this.selection.get("photo"), this.selection.get("occluder")];
    const layer = this.selection.get("unit")?.[0];
    if (image === null || !occluder || overlay === "none") return;
    // Under the hand nothing is more urgent; of another photo the channel's projections go first.
    const moved = image === this.image;
    this.image = image;
    const priority = moved ? PRIORITY.interaction : PRIORITY.projections;
    const load = { priority, quiet: true };
    const say = (text: string) => {
      // An older place is shown while the hand moves, never another map or photo.
      const same = this.look().overlay === overlay && this.selection.get("photo") === image;
      if (same || turn === this.turn)
        this.element.textContent = t("Occluder here: {text}", { text });
    };
    let known = true;
    if (KINDS[overlay].of === "classes") {
      // The bars ask for the same: it is computed once.
      const key = { image, occluder };
      known = await this.panel.load("predict", key, "live", load, ({ buffers }) =>
        say(this.classes(floats(buffers[0]))),
      );
    } else if (layer !== undefined) {
      const key = { image, occluder, layer };
      known = await this.panel.load("respond", key, "live", load, (answer) =>
        say(this.features(answer)),
      );
    }
    if (!known && turn === this.turn) this.element.textContent = "";
  }

  private classes(probabilities: Float32Array): string {
    // A report doesn't hold every class: those below all others come as -∞.
    if (probabilities.some((value) => Number.isNaN(value)))
      return t("class scores that are NaN or infinite");
    const winner = topClasses(probabilities, 1)[0] ?? 0;
    const target = this.selection.get("target");
    const text = (index: number) =>
      `${this.names.className(index)} ${percent(probabilities[index] ?? Number.NaN)}`;
    const more = target === null || target === winner ? "" : `, ${text(target)}`;
    return `${t("predicted {classes}", { classes: text(winner) })}${more}`;
  }

  private features({ data, buffers }: Answer<"respond">): string {
    const { overlay } = this.look();
    if (overlay === "hamming")
      return t("{share} of units switch on or off", { share: percent(data.hamming) });
    if (overlay === "cosine")
      return t("cosine distance {value}", { value: valueText(overlay, data.cosine) });
    const channel = this.channel() ?? data.strongest;
    const [now, clean] = overlay === "unit" ? [buffers[1], buffers[3]] : [buffers[0], buffers[2]];
    const value = (buffer: DataView | undefined) =>
      valueText("total", floats(buffer)[channel] ?? Number.NaN);
    const values = { now: value(now), channel, clean: value(clean) };
    return t("{now} in channel {channel}, {clean} without it", values);
  }
}
