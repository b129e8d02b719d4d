/** A language in which every text is marked: what isn't marked nobody translated. */

import { LANGUAGES, speak } from "../../src/lib/language/translate";

/** What widgets that speak it are told. */
export const MARKED = "en-x-marked";

/** A language that has every text there is: its English between brackets. */
export function learnMarked(): void {
  LANGUAGES[MARKED] = new Proxy({} as Record<string, string>, {
    get: (_, text) => (text === "." ? undefined : `⟦${String(text)}⟧`),
  });
}

export function forgetMarked(): void {
  delete LANGUAGES[MARKED];
  speak("en");
}

/** Texts of an element, tooltips included, with words that are neither marked nor in `known`. */
export function unmarked(root: HTMLElement, known: ReadonlySet<string>): string[] {
  const words = (text: string) => {
    let rest = text;
    for (let before = ""; before !== rest; ) {
      before = rest;
      rest = rest.replace(/⟦[^⟦⟧]*⟧/g, " ");
    }
    return (
      rest.replace(/explorer\.follow\([^)]*\)|photo-\d+\.jpg/g, " ").match(/\p{L}{2,}/gu) ?? []
    );
  };
  return texts(root).filter((text) => words(text).some((word) => !known.has(word)));
}

export function texts(root: HTMLElement): string[] {
  const found: string[] = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node instanceof HTMLElement) {
      for (const name of ["title", "aria-label", "placeholder", "label", "data-empty"]) {
        found.push(node.getAttribute(name) ?? "");
      }
    } else if (!node.parentElement?.closest("style, script")) found.push(node.textContent ?? "");
  }
  return found;
}
