/** Where a class is looking, on the picture of the network: for who leads it. */

import { lookingAt, lookingText } from "../shared/room";
import type { Room } from "../shared/view";
import type { Item } from "./network_drawing";
import type { Part } from "./network_parts";

/** What is said of a layer without students. */
const WORDS = new WeakMap<HTMLElement, string>();

/** Tint what students look at, and say how many do. */
export function tint(
  items: readonly Item[],
  parts: readonly Part[],
  room: Room | null | undefined,
): void {
  for (const { element, layer, part } of items) {
    const whole = parts[part];
    const block = whole?.block && whole.layer === layer;
    const within = block ? whole.inside.map(({ name }) => name) : [layer.name];
    const { students, share } = lookingAt(room, within);
    const known = element.dataset.students ?? "";
    const now = students > 0 ? String(students) : "";
    element.style.setProperty("--zf-share", share.toFixed(2));
    if (known === now) continue;
    const words = WORDS.get(element) ?? element.title;
    WORDS.set(element, words);
    const text = students > 0 ? `${words} · ${lookingText(students)}` : words;
    element.title = text;
    element.setAttribute("aria-label", text);
    if (now) element.dataset.students = now;
    else delete element.dataset.students;
  }
}
