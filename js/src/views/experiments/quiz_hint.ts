/** The hint of a question: a channel's strongest patches in other photos, in one of the displays. */

import { brightnessPicture } from "../../lib/brightness";
import { type Picture, paintBitmap, paintPicture, readPicture } from "../../lib/canvas";
import { h } from "../../lib/dom";
import { number } from "../../lib/format";
import type { Answer, ProjectionInfo, Status } from "../../lib/protocol";
import { reveal, signedPicture } from "../../lib/signed";
import { BLANK, STATUS } from "../patches/projection_card";
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
      { class: "zf-quiz-hint", role: "group", "aria-label": "Hint" },
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
    this.grid.style.setProperty("--zf-aspect", `${data.patch[1]} / ${data.patch[0]}`);
    this.grid.replaceChildren(
      ...data.hint.map(({ name }, i) => {
        const canvas = h("canvas", { class: "zf-quiz-patch", "aria-hidden": "true" });
        const blank = data.projections[i]?.blank ?? false;
        paint(canvas, hint, patches[i], projections[i], data.projections[i], data.scale);
        const label = `${i + 1}: ${name}${blank ? `, ${BLANK.short}` : ""}`;
        return h(
          "div",
          { class: "zf-quiz-cell", role: "listitem", "aria-label": label },
          canvas,
          blank ? h("span", { class: "zf-quiz-none" }, BLANK.short) : "",
        );
      }),
    );
    this.note = [
      ...explained(hint, data),
      ...data.lost.map(([name, why]) => lostText(name, why)),
    ].filter(Boolean);
  }

  explain(panel: Panel, answered: boolean): void {
    const frame = "Framed in each photo: the patch that fires it most.";
    panel.explain([...this.note, ...(answered ? [frame] : [])].join(" "));
  }
}

function paint(
  canvas: HTMLCanvasElement,
  hint: Hint,
  patch: ImageBitmap | undefined,
  projection: ImageBitmap | undefined,
  info: ProjectionInfo | undefined,
  scale: number,
): void {
  if (hint === "patches" && patch) paintBitmap(canvas, patch);
  if (!projection || !info) return;
  const signed = readPicture(projection);
  let shown: Picture | null = null;
  if (hint === "projections") shown = signedPicture(signed, info.full / scale);
  if (hint === "brightness") shown = brightnessPicture(signed, CLIPPED_AT);
  if (hint === "revealed" && patch) shown = reveal(readPicture(patch), signed);
  if (shown) paintPicture(canvas, shown);
}

function heading(hint: Hint, count: number): string {
  const many = count > 1;
  const strongest = many
    ? `the ${count} patches that fire it most`
    : "the patch that fires it most";
  if (hint === "patches") return capital(strongest);
  if (hint !== "revealed") return `${many ? "Projections" : "Projection"} of ${strongest}`;
  return `${capital(strongest)}, where ${many ? "their projections are" : "its projection is"} large`;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** How the pictures are to be read. */
function explained(hint: Hint, { rule, scale, projections }: Question): string[] {
  const clip = `clipped at the ${CLIPPED_AT}th percentile of what isn't zero`;
  const made = `Projections by the rule ${rule}.`;
  const status = WORST.find((one) => projections.some((info) => info.status === one));
  const exact = status ? `Some are marked ${status}: ${STATUS[status].text}.` : "";
  switch (hint) {
    case "projections":
      return [`${made} Signed around mid-grey, one scale, ±${number(scale)}, ${clip}.`, exact];
    case "brightness":
      return [
        `${made} Brightness alone, 0.21 red + 0.72 green + 0.07 blue, around mid-grey; each on ` +
          `its own scale, ${clip}.`,
        exact,
      ];
    case "revealed":
      return [
        `${made} Each patch is visible where the blurred magnitude of its projection is large.`,
        exact,
      ];
    case "patches":
      return ["What the network saw of each photo, cut to the unit's receptive field."];
    case "none":
      return ["This round has no hint."];
  }
}
