/** Keys and announcements. */

import { h } from "./dom";
import { nextFrame } from "./selection_store";

/**
 * Where a key leads in a grid of `count` items in rows of `columns`; null when nowhere.
 * A list is a grid of one column.
 */
export function gridStep(
  key: string,
  index: number,
  count: number,
  columns: number,
  page = 1,
): number | null {
  const steps: Record<string, number> = {
    ArrowRight: index + 1,
    ArrowLeft: index - 1,
    ArrowDown: index + columns,
    ArrowUp: index - columns,
    PageDown: index + columns * page,
    PageUp: index - columns * page,
    Home: 0,
    End: count - 1,
  };
  const target = steps[key];
  if (target === undefined || count === 0) return null;
  if (key.startsWith("Page")) return Math.min(Math.max(target, 0), count - 1);
  return target >= 0 && target < count ? target : index;
}

/**
 * One tab stop for a group: arrow keys move the focus among `items()`.
 *
 * `moved` is told the index that took the focus.
 */
export function roving(
  container: HTMLElement,
  items: () => HTMLElement[],
  columns: () => number,
  moved: (index: number) => void = () => {},
): { focusable(index: number): void } {
  const focusable = (index: number) => {
    items().forEach((item, i) => {
      const to = i === index ? "0" : "-1";
      if (item.getAttribute("tabindex") !== to) item.setAttribute("tabindex", to);
    });
  };
  container.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const all = items();
    const index = all.indexOf(event.target as HTMLElement);
    if (index === -1) return;
    const next = gridStep(event.key, index, all.length, columns(), 5);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    focusable(next);
    all[next]?.focus();
    if (next !== index) moved(next);
  });
  return { focusable };
}

/** Say something to screen readers, politely. */
export function announce(element: Element, text: string): void {
  const root = element.closest(".zf-root");
  if (!root) return;
  let region = root.querySelector(":scope > .zf-live");
  if (!region) {
    region = h("div", { class: "zf-live zf-hidden", role: "status", "aria-live": "polite" });
    root.append(region);
  }
  const place = region;
  nextFrame(() => {
    place.textContent = text;
  });
}
