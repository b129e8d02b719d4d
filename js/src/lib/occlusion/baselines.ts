/** What an occluder may be filled with, in words. */

import type { Baseline } from "../wire/protocol";

const TEXTS: Record<string, readonly [name: string, explanation: string]> = {
  grey: ["grey (paper)", "The paper's mid grey."],
  mean: ["mean colour", "The data set's mean colour, as the normalisation has it: zero input."],
  blur: ["blurred photo", "The photo itself, blurred (σ = 1/16 of the shorter side): no new edge."],
  noise: ["noise", "Gaussian noise, always the same, with the photo's own mean and spread."],
  border: ["border colour", "The mean colour of the photo's outermost pixels."],
};

export function baselineText(baseline: Baseline): { name: string; explanation: string } {
  if (typeof baseline === "number") {
    const explanation = `${baseline} in every channel of the network's input.`;
    return { name: baseline === 0 ? "zero input" : `input ${baseline}`, explanation };
  }
  const [name, explanation] = TEXTS[baseline] ?? [baseline, `“${baseline}”, of your own.`];
  return { name, explanation };
}

/** Of the edge that a baseline leaves. */
export function artefact(baseline: Baseline): string {
  if (baseline === "blur") return "Blur hides detail without a hard edge.";
  const what = baseline === "grey" ? "A hard grey edge" : "The occluder's hard edge";
  return `${what} is itself an artefact: compare with blur.`;
}

/** A baseline as a <select>'s value, and back. */
export function baselineValue(baseline: Baseline): string {
  return typeof baseline === "number" ? `#${baseline}` : baseline;
}

export function asBaseline(value: string): Baseline {
  return value.startsWith("#") ? Number(value.slice(1)) : value;
}
