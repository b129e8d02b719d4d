/** Text that has to fit. */

import type { Measure } from "./geometry";

/** Pixels of a letter where nobody can measure it. */
const LETTER = 6.5;

/** How wide texts are in an element's font. */
export function measurer(element: Element): Measure {
  const context = document.createElement("canvas").getContext("2d");
  if (!context?.measureText) return (text) => LETTER * text.length;
  const { fontSize, fontFamily } = getComputedStyle(element);
  context.font = `${fontSize} ${fontFamily}`;
  return (text) => context.measureText(text).width;
}

/** A text, cut where it is wider than its room. */
export function shortened(text: string, room: number, measure: Measure): string {
  if (measure(text) <= room) return text;
  let [fits, cut] = [0, text.length];
  while (cut - fits > 1) {
    const middle = (fits + cut) >> 1;
    if (measure(`${text.slice(0, middle).trimEnd()}…`) <= room) fits = middle;
    else cut = middle;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}
