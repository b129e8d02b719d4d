/** Photos that were there when the index was made, and can't be read any more. */

import { t } from "../../lib/language/translate";
import { homeOf } from "../../lib/page/settled";
import type { Lost } from "../../lib/wire/protocol";

const EVENT = "zf-lost";

export function lostText(name: string, reason: string): string {
  return t("{name} can't be read any more: {reason}", { name, reason });
}

/** Tell whoever says how things are with the engine. */
export function tellLost(el: HTMLElement, lost: readonly Lost[]): void {
  for (const [name] of lost) {
    homeOf(el)?.dispatchEvent(new CustomEvent(EVENT, { detail: name }));
  }
}

/** Call back for each photo of which that is told first. */
export function onLost(el: HTMLElement, told: () => void, signal: AbortSignal): void {
  const known = new Set<string>();
  const tell = (event: Event) => {
    const { detail } = event as CustomEvent<string>;
    if (known.has(detail)) return;
    known.add(detail);
    told();
  };
  homeOf(el)?.addEventListener(EVENT, tell, { signal });
}
