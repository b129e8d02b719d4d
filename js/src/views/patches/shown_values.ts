/** Which values of projections are shown: the user's choice, or by themselves the clearest. */

import { percent } from "../../lib/format";
import type { Answer } from "../../lib/protocol";
import { choice } from "../shared/view";
import { VALUES, type Values } from "./patch_cell";

/** How it is chosen; by itself it is brightness, or colour where that is half of the signal. */
export const CHOOSABLE = [["auto", "automatic"], ...VALUES] as const;
export type Chosen = (typeof CHOOSABLE)[number][0];

export type OfColour = Pick<Answer<"projections">["data"], "clearest" | "colour_share">;

export const chosenValues = (option: string | null | undefined) =>
  choice<Chosen>(option, CHOOSABLE);

export function shownValues(chosen: Chosen, of: OfColour | null): Values {
  return chosen === "auto" ? (of?.clearest ?? "brightness") : chosen;
}

/** What a pupil should know of a channel that responds to colour; nothing of the others. */
export function aboutColour(chosen: Chosen, of: OfColour | null): string {
  if (of?.clearest !== "colour" || of.colour_share === undefined) return "";
  const most = `${percent(of.colour_share)} of the signal is one colour and its opposite`;
  if (chosen === "auto") return `Shown in colour: ${most}. `;
  return chosen === "brightness" ? `${most}: choose “colour” above to see them. ` : "";
}
