/** A small card beside its button; Escape, a click elsewhere or leaving it closes it. */

import { buttonOf, h } from "../../lib/page/dom";

export function popover(button: HTMLElement, label: string, ...content: (Node | string)[]): void {
  const root = button.closest<HTMLElement>(".zf-root");
  if (!root) return;
  const wasOpen = button.getAttribute("aria-expanded") === "true";
  root.querySelector<HTMLElement>(":scope > .zf-popover")?.dispatchEvent(new Event("zf-close"));
  if (wasOpen) return;

  const listening = new AbortController();
  const { signal } = listening;
  const card = h(
    "div",
    { class: "zf-popover", role: "dialog", "aria-label": label, tabindex: 0 },
    ...content,
  );
  const close = (refocus: boolean) => {
    listening.abort();
    card.remove();
    button.setAttribute("aria-expanded", "false");
    if (refocus) button.focus();
  };
  card.addEventListener("zf-close", () => close(false), { signal });
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close(true);
    },
    { signal, capture: true },
  );
  document.addEventListener(
    "pointerdown",
    (event) => {
      const path = event.composedPath();
      if (!path.includes(card) && !path.includes(button)) close(false);
    },
    { signal, capture: true },
  );

  root.append(card);
  button.setAttribute("aria-expanded", "true");
  const [at, within] = [button.getBoundingClientRect(), root.getBoundingClientRect()];
  const left = Math.min(at.left - within.left, within.width - card.offsetWidth - 8);
  const below = at.bottom - within.top + 4;
  const outside = getComputedStyle(root).overflow === "visible"; // the first line of a box
  const fits = outside || below + card.offsetHeight < within.height;
  card.style.left = `${Math.max(8, left)}px`;
  card.style.top = `${fits ? below : Math.max(8, at.top - within.top - card.offsetHeight - 4)}px`;
  card.focus();
}

/** A round button that opens a card. */
export function popoverButton(
  text: string,
  label: string,
  className: string,
  content: () => (Node | string)[],
): HTMLButtonElement {
  const button = buttonOf(text, {
    class: className,
    title: label,
    "aria-label": label,
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
    onclick: (event: Event) => {
      event.stopPropagation();
      popover(button, label, ...content());
    },
  });
  return button;
}
