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

/** Texts that fit; of those that would be cut to the same, the middle is left out. */
export function allShortened(
  texts: readonly string[],
  room: (i: number) => number,
  measure: Measure,
): string[] {
  const short = texts.map((text, i) => shortened(text, room(i), measure));
  return short.map((own, i) => {
    const text = texts[i] as string;
    const twice = short.some((other, j) => other === own && texts[j] !== text);
    return twice ? withoutMiddle(text, room(i), measure) : own;
  });
}

/** As much of a text's beginning and end as fits. */
function withoutMiddle(text: string, room: number, measure: Measure): string {
  for (let left = text.length - 2; left > 1; left--) {
    const end = text.slice(text.length - Math.floor(left / 2)).trimStart();
    const cut = `${text.slice(0, Math.ceil(left / 2)).trimEnd()}…${end}`;
    if (measure(cut) <= room) return cut;
  }
  return shortened(text, room, measure);
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
