/** Which values of projections are shown: the user's choice, or by themselves the clearest. */

import { msg, t } from "../../lib/language/translate";
import { percent } from "../../lib/page/format";
import type { Answer } from "../../lib/wire/protocol";
import { choice } from "../shared/view";
import { VALUES, type Values } from "./patch_cell";

/** How it is chosen; by itself it is brightness, or colour where that is half of the signal. */
export const CHOOSABLE = [["auto", msg("automatic")], ...VALUES] as const;
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
  const share = percent(of.colour_share);
  if (chosen === "auto") {
    return `${t("Shown in colour: {share} of the signal is one colour and its opposite.", { share })} `;
  }
  if (chosen !== "brightness") return "";
  return `${t("{share} of the signal is one colour and its opposite: choose “colour” above to see them.", { share })} `;
}
