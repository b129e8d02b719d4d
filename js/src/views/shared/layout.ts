import { h } from "../../lib/page/dom";
import type { View } from "./view";

/** Lay views out in one element; CSS decides where each goes. */
export function layout(name: string, views: readonly View[]): View {
  return (el, selection, source, signal, options) => {
    const place = h("div", { class: `zf-layout zf-layout-${name}` });
    el.append(place);
    signal.addEventListener("abort", () => place.remove(), { once: true });
    for (const view of views) view(place, selection, source, signal, options);
  };
}
