/** What an occluder may be filled with, in words. */

import type { Fill } from "./protocol";

const TEXTS: Record<string, readonly [name: string, explanation: string]> = {
  grey: ["grey (paper)", "The paper's mid grey."],
  mean: ["mean colour", "The data set's mean colour, as the normalisation has it: zero input."],
  blur: ["blurred photo", "The photo itself, blurred (σ = 1/16 of the shorter side): no new edge."],
  noise: ["noise", "Gaussian noise, always the same, with the photo's own mean and spread."],
  border: ["border colour", "The mean colour of the photo's outermost pixels."],
};

export function fillText(fill: Fill): { name: string; explanation: string } {
  if (typeof fill === "number") {
    const explanation = `${fill} in every channel of the network's input.`;
    return { name: fill === 0 ? "zero input" : `input ${fill}`, explanation };
  }
  const [name, explanation] = TEXTS[fill] ?? [fill, `Fill “${fill}”, of your own.`];
  return { name, explanation };
}

/** Of the edge that a fill leaves. */
export function artefact(fill: Fill): string {
  if (fill === "blur") return "Blur hides detail without a hard edge.";
  const what = fill === "grey" ? "A hard grey edge" : "The occluder's hard edge";
  return `${what} is itself an artefact: compare with blur.`;
}

/** A fill as a <select>'s value, and back. */
export function fillValue(fill: Fill): string {
  return typeof fill === "number" ? `#${fill}` : fill;
}

export function asFill(value: string): Fill {
  return value.startsWith("#") ? Number(value.slice(1)) : value;
}
