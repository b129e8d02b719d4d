/** The hint of a question: a channel's strongest patches in other photos, in one of the displays. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { inside, within } from "../../lib/pictures/boxes";
import {
  cropPicture,
  type Picture,
  paintBitmap,
  paintPicture,
  readPicture,
} from "../../lib/pictures/canvas";
import { brightnessPicture, reveal, signedPicture } from "../../lib/pictures/signed";
import type { Answer, Box, ProjectionInfo, Status } from "../../lib/wire/protocol";
import { BLANK, NAMES, STATUS } from "../patches/projection_card";
import { lostText } from "../shared/lost";
import type { Panel } from "../shared/status";

export type Hint = "patches" | "projections" | "brightness" | "revealed" | "none";
type Question = Answer<"question">["data"];

/** Percentile of what isn't zero at which scales clip: that of the signed projections. */
const CLIPPED_AT = 99.5;
const WORST: readonly Status[] = ["unknown", "linearised"];

export class QuizHint {
  readonly element: HTMLElement;
  private readonly heading = h("p", { class: "zf-quiz-heading" });
  private readonly grid = h("div", { class: "zf-quiz-hints", role: "list" });
  private note: string[] = [];

  constructor() {
    this.element = h(
      "div",
      { class: "zf-quiz-hint", role: "group", "aria-label": t("Hint") },
      this.heading,
      this.grid,
    );
  }

  /** `bitmaps`: the patches, then the projections. */
  show(hint: Hint, data: Question, bitmaps: readonly ImageBitmap[]): void {
    const count = data.hint.length;
    this.element.hidden = count === 0;
    const patches = bitmaps.slice(0, data.patches);
    const projections = bitmaps.slice(data.patches);
    this.heading.textContent = heading(hint, count);
    // On the square where their signal is, as in the grid of patches.
    const { height, width } = data.projections[0]?.view ?? {
      height: data.patch[0],
      width: data.patch[1],
    };
    this.grid.style.setProperty("--zf-aspect", `${width} / ${height}`);
    this.grid.replaceChildren(
      ...data.hint.map(({ name, box }, i) => {
        const canvas = h("canvas", { class: "zf-quiz-patch", "aria-hidden": "true" });
        const blank = data.projections[i]?.blank ?? false;
        const info = data.projections[i];
        const part = info && within(info.view, inside(box, data.extent));
        paint(canvas, hint, patches[i], projections[i], info, part, data.scale);
        const label = `${i + 1}: ${name}${blank ? `, ${t(BLANK.short)}` : ""}`;
        return h(
          "div",
          { class: "zf-quiz-cell", role: "listitem", "aria-label": label },
          canvas,
          blank ? h("span", { class: "zf-none" }, t(BLANK.short)) : "",
        );
      }),
    );
    this.note = [
      ...explained(hint, data),
      ...data.lost.map(([name, why]) => lostText(name, why)),
    ].filter(Boolean);
  }

  explain(panel: Panel, answered: boolean): void {
    const frame = t("Framed in each photo: the patch that fires it most.");
    panel.explain([...this.note, ...(answered ? [frame] : [])].join(" "));
  }
}

function paint(
  canvas: HTMLCanvasElement,
  hint: Hint,
  patch: ImageBitmap | undefined,
  projection: ImageBitmap | undefined,
  info: ProjectionInfo | undefined,
  part: Box | undefined,
  scale: number,
): void {
  if (hint === "patches" && patch) paintBitmap(canvas, patch);
  if (!projection || !info || !part) return;
  const signed = readPicture(projection);
  let shown: Picture | null = null;
  if (hint === "projections") shown = signedPicture(signed, info.full / scale);
  if (hint === "brightness") shown = brightnessPicture(signed, info.full / info.brightness);
  if (hint === "revealed" && patch) shown = reveal(readPicture(patch), signed);
  if (!shown) return;
  paintPicture(canvas, cropPicture(shown, part));
  canvas.classList.remove("zf-pixelated");
}

function heading(hint: Hint, count: number): string {
  const many = count > 1;
  const n = count;
  if (hint === "patches") {
    return many ? t("The {n} patches that fire it most", { n }) : t("The patch that fires it most");
  }
  if (hint !== "revealed") {
    return many
      ? t("Projections of the {n} patches that fire it most", { n })
      : t("Projection of the patch that fires it most");
  }
  return many
    ? t("The {n} patches that fire it most, where their projections are large", { n })
    : t("The patch that fires it most, where its projection is large");
}

/** How the pictures are to be read. */
function explained(hint: Hint, { rule, scale, projections }: Question): string[] {
  const percentile = number(CLIPPED_AT);
  const made = t("Projections by the rule {rule}.", { rule });
  const status = WORST.find((one) => projections.some((info) => info.status === one));
  const exact = status
    ? t("Some are marked {status}: {text}.", {
        status: t(NAMES[status]),
        text: t(STATUS[status].text),
      })
    : "";
  switch (hint) {
    case "projections":
      return [
        made,
        t(
          "Signed around mid-grey, one scale, ±{scale}, clipped at the {percentile}th percentile of what isn't zero.",
          { scale: number(scale), percentile },
        ),
        exact,
      ];
    case "brightness":
      return [
        made,
        t(
          "Brightness alone, .299 red + .587 green + .114 blue, around mid-grey; each on its own scale, clipped at the {percentile}th percentile of what isn't zero.",
          { percentile },
        ),
        exact,
      ];
    case "revealed":
      return [
        made,
        t("Each patch is visible where the blurred magnitude of its projection is large."),
        exact,
      ];
    case "patches":
      return [t("What the network saw of each photo, cut to the unit's receptive field.")];
    case "none":
      return [t("This round has no hint.")];
  }
}
