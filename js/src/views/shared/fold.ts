/** What isn't needed all the time: a line that says how it stands, and opens. */

import { h } from "../../lib/page/dom";

export interface Fold {
  element: HTMLDetailsElement;
  body: HTMLElement;
  /** What its line says while closed. */
  says(text: string): void;
  readonly open: boolean;
}

export function fold(
  name: string,
  title: string,
  toggled: (open: boolean) => void = () => {},
): Fold {
  const state = h("span", { class: "zf-fold-state" });
  const body = h("div", { class: "zf-fold-body" });
  const element = h(
    "details",
    { class: `zf-fold zf-fold-${name}` },
    h("summary", {}, h("span", { class: "zf-fold-title" }, title), state),
    body,
  );
  element.addEventListener("toggle", () => toggled(element.open));
  return {
    element,
    body,
    says: (text) => {
      state.textContent = text;
    },
    get open() {
      return element.open;
    },
  };
}
