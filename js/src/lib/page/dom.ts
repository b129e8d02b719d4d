/** Build elements, once styles are there. */

import { t } from "../language/translate";

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, unknown>;

/** `h("button", {class: "x", onclick: f, "aria-pressed": "true"}, "text")`. */
export function h<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same of SVG. */
export function svg<T extends keyof SVGElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[T] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Element, children: Child[]): void {
  parent.append(...children.filter((child): child is Node | string => Boolean(child)));
}

/** A button with a text or picture, that looks like all of them unless it has another class. */
export function buttonOf(content: Child, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "zf-button", ...attributes }, content);
}

/** A choice of few: a labelled <select>; its texts are said in the page's language. */
export function select<V extends string>(
  label: string,
  options: readonly (readonly [value: V, text: string])[],
  value: V,
  onchange: (value: V) => void,
): HTMLSelectElement {
  const element = h(
    "select",
    {
      class: "zf-select",
      "aria-label": label,
      title: label,
      onchange: () => onchange(element.value as V),
    },
    ...options.map(([v, text]) => h("option", { value: v, selected: v === value }, t(text))),
  );
  return element;
}

/** Put style sheets into the document or shadow root of `element`, each once. */
export function injectStyles(element: Element, sheets: readonly string[]): void {
  const root = element.getRootNode();
  const place = root instanceof ShadowRoot ? root : document.head;
  for (const sheet of sheets) {
    const id = digest(sheet);
    if (place.querySelector(`style[data-zf-style="${id}"]`)) continue;
    place.append(h("style", { "data-zf-style": id }, sheet));
  }
}

function digest(text: string): string {
  let hash = 5381;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 33) ^ text.charCodeAt(i)) >>> 0;
  return hash.toString(36);
}

let counter = 0;

/** An id for aria references, unique in the page across the widgets' bundles. */
export function uniqueId(prefix: string): string {
  counter += 1;
  return `zf-${prefix}-${Math.random().toString(36).slice(2, 8)}-${counter}`;
}

/** What a part of a view is called where there are two of it: with the name of its side. */
export function nameIn(element: Element, title: string): string {
  const side = element.closest<HTMLElement>("[data-zf-name]")?.dataset.zfName;
  return side ? `${title}, ${side}` : title;
}
