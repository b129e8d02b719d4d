/** A sanity check's pictures: the trained network's beside that of the step that is chosen. */

import { msg, t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { decode, paintBitmap } from "../../lib/pictures/canvas";
import { type Answer, PRIORITY } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { Panel } from "../shared/status";
import type { OwnView } from "../shared/view";

/** What is chosen beside the curve. */
export interface Chosen {
  /** Which run of which check; empty before it has a picture. */
  check: string;
  step: number;
  measure: Measure;
}

const MEASURES = {
  rank: msg("rank correlation"),
  rank_absolute: msg("rank correlation of absolute values"),
  ssim: msg("structural similarity"),
} as const;
type Measure = keyof typeof MEASURES;

export const sanity: OwnView<Chosen> = (el, chosen, source, signal) => {
  const place = h("div", { class: "zf-check-pictures" });
  el.append(place);
  const trained = new Picture(place, "trained", source, signal);
  const step = new Picture(place, "step", source, signal);
  const follow = () => {
    const now = chosen.get();
    if (!now.check) return;
    trained.show({ ...now, step: 0 });
    step.show(now);
  };
  chosen.subscribe(follow, signal);
  follow();
};

class Picture {
  private readonly panel: Panel;
  private readonly canvas = h("canvas", { class: "zf-check-picture", role: "img", hidden: true });

  constructor(
    place: HTMLElement,
    private readonly name: string,
    source: Source,
    signal: AbortSignal,
  ) {
    this.panel = new Panel(place, name, "…", source, signal);
    this.panel.body.append(this.canvas);
  }

  show({ check, step, measure }: Chosen): void {
    const options = { priority: PRIORITY.interaction };
    void this.panel.load("check", { check, step }, "picture", options, async (answer, fresh) => {
      const [buffer] = answer.buffers;
      if (!buffer) return;
      const bitmap = await decode(buffer, answer.data.mime);
      if (fresh()) {
        paintBitmap(this.canvas, bitmap);
        this.canvas.hidden = false;
        this.say(answer.data, measure);
      }
      bitmap.close();
    });
  }

  private say(data: Answer<"check">["data"], measure: Measure): void {
    const { step, module, note } = data;
    const alike = data[measure];
    const name = step === 0 ? t("trained") : module;
    this.panel.title(`${step}: `, name);
    this.canvas.setAttribute("aria-label", t("Projection, step {step}: {name}", { step, name }));
    const text =
      alike === null
        ? t("It can't be compared with the trained picture.")
        : t("{measure} with the trained picture: {value}.", {
            measure: t(MEASURES[measure]),
            value: number(alike),
          });
    const says = note ? [h("span", { class: "zf-answers" }, note)] : [];
    this.panel.explain(...(this.name === "trained" ? [] : [text]), ...says);
  }
}
