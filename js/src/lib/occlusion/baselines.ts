/** What an occluder may be filled with, in words. */

import { decimal, msg, t } from "../language/translate";
import type { Baseline } from "../wire/protocol";

const TEXTS: Record<string, readonly [name: string, explanation: string]> = {
  grey: [msg("grey (paper)"), msg("The paper's mid grey.")],
  mean: [
    msg("mean colour"),
    msg("The data set's mean colour, as the normalisation has it: zero input."),
  ],
  blur: [
    msg("blurred photo"),
    msg("The photo itself, blurred (σ = 1/16 of the shorter side): no new edge."),
  ],
  noise: [
    msg("noise"),
    msg("Gaussian noise, always the same, with the photo's own mean and spread."),
  ],
  border: [msg("border colour"), msg("The mean colour of the photo's outermost pixels.")],
};

export function baselineText(baseline: Baseline): { name: string; explanation: string } {
  if (typeof baseline === "number") {
    const value = decimal(String(baseline));
    const explanation = t("{value} in every channel of the network's input.", { value });
    return { name: baseline === 0 ? t("zero input") : t("input {value}", { value }), explanation };
  }
  const [name, explanation] = TEXTS[baseline] ?? [];
  if (!name || !explanation) {
    return { name: baseline, explanation: t("“{name}”, of your own.", { name: baseline }) };
  }
  return { name: t(name), explanation: t(explanation) };
}

/** What is said of the edge that a baseline leaves. */
export function artefact(baseline: Baseline): string {
  if (baseline === "blur") return t("Blur hides detail without a hard edge.");
  return baseline === "grey"
    ? t("A hard grey edge is itself an artefact: compare with blur.")
    : t("The occluder's hard edge is itself an artefact: compare with blur.");
}

/** A baseline as a <select>'s value, and back. */
export function baselineValue(baseline: Baseline): string {
  return typeof baseline === "number" ? `#${baseline}` : baseline;
}

export function asBaseline(value: string): Baseline {
  return value.startsWith("#") ? Number(value.slice(1)) : value;
}
