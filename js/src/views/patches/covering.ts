/** The patches covered, each by exactly its receptive field, and what remains: a switch of the panel. */

import { t } from "../../lib/language/translate";
import { baselineText } from "../../lib/occlusion/baselines";
import { buttonOf } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import { type Baseline, type Covered, PRIORITY } from "../../lib/wire/protocol";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";
import { coverLegend, tellCovers } from "./cover";
import type { Cell } from "./patch_cell";

export class Covering {
  readonly button = buttonOf(t("Cover the patch"), {
    class: "zf-button zf-toggle",
    "aria-pressed": "false",
    title: t("Cover exactly the receptive field of each patch: what remains of its activation?"),
    onclick: () => {
      this.on = !this.on;
      this.button.setAttribute("aria-pressed", String(this.on));
      this.ask();
    },
  });
  private on = false;
  private covered: { baseline: Baseline; covers: Covered[]; partial: boolean } | null = null;
  private readonly renew: () => AbortSignal;

  /** `redraw` shows what has changed. */
  constructor(
    private readonly host: HTMLElement,
    private readonly panel: Panel,
    private readonly selection: SelectionStore,
    private readonly cells: readonly Cell[],
    private readonly redraw: () => void,
  ) {
    this.renew = renewable(panel.signal);
    let baseline = selection.get("occluder")?.baseline;
    const changed = () => {
      const now = selection.get("occluder")?.baseline;
      if (now === baseline) return;
      baseline = now;
      this.askAgain();
    };
    selection.subscribe("occluder", changed, panel.signal);
  }

  /** Forget another channel's. */
  forget(): void {
    this.covered = null;
    this.renew();
    if (this.on) tellCovers(this.host, []);
  }

  /** The patches are there, or others than before. */
  askAgain(): void {
    if (this.on) this.ask();
  }

  draw(): void {
    const most = Math.max(0, ...this.cells.map((cell) => cell.cover.most));
    for (const cell of this.cells) cell.cover.draw(this.on && cell.image !== null, most);
  }

  /** What the bars are. */
  legend(): (Node | string)[] {
    if (!this.on || !this.covered) return [];
    const { baseline, covers, partial } = this.covered;
    return coverLegend(baselineText(baseline).name, covers, partial);
  }

  /** The unit's activations with its patches covered, by the occluder's baseline. */
  private ask(): void {
    const { cells, host, panel, selection } = this;
    const signal = this.renew();
    const unit = selection.get("unit");
    this.covered = null;
    for (const cell of cells) cell.cover.set(null);
    tellCovers(host, []);
    this.redraw();
    if (!this.on || !unit) return;
    const [layer, channel] = unit;
    const baseline = selection.get("occluder")?.baseline ?? "grey";
    const key = { layer, channel, k: cells.length, baseline };
    const load = { priority: PRIORITY.projections, signal };
    void panel.load("cover", key, "cover", load, ({ data }, _, complete) => {
      this.covered = { baseline: data.baseline, covers: data.covers, partial: !complete };
      for (const cell of cells) {
        cell.cover.set(data.covers.find(({ image }) => image === cell.image) ?? null);
      }
      tellCovers(host, data.covers);
      this.redraw();
    });
  }
}
