/** A page without a browser: a clock that tests move, pictures that can't be decoded, queries. */

import { afterEach, beforeEach, vi } from "vitest";
import type { Request } from "../../src/lib/wire/protocol";
import { BlankCanvas } from "./fakes";

/** For all tests of a file: a page of their own. What pictures hold is tested in a browser. */
export function onFakePage(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("createImageBitmap", async () => ({ width: 13, height: 11, close() {} }));
    vi.stubGlobal("OffscreenCanvas", BlankCanvas);
  });
  afterEach(() => {
    document.body.replaceChildren();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

export const all = <E extends HTMLElement>(root: HTMLElement, selector: string): E[] => [
  ...root.querySelectorAll<E>(selector),
];

export const one = <E extends HTMLElement>(root: HTMLElement, selector: string): E => {
  const element = root.querySelector<E>(selector);
  if (!element) throw new Error(`nothing matches ${selector}`);
  return element;
};

/** Until what waits for the next frames has been painted. */
export const frames = () => vi.advanceTimersByTimeAsync(200);

export const keyOf = (request: Request) => request.key as Record<string, unknown>;
