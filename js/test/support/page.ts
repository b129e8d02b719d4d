/** A page without a browser: a clock that tests move, pictures that can't be decoded, queries. */

import { afterEach, beforeEach, expect, vi } from "vitest";
import { MemorySelection, type Selection } from "../../src/lib/page/selection_store";
import type { Occluder, Request } from "../../src/lib/wire/protocol";
import { BlankCanvas, FakeModel, flush } from "./fakes";

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

/** A widget that answers for itself, as anywidget renders it, with these traits. */
export function ownStage(
  widget: { render(context: never): unknown },
  traits: Record<string, unknown>,
): { model: FakeModel; root: HTMLElement; view: AbortController } {
  const model = new FakeModel({ fingerprint: "engine", ...traits });
  const el = document.createElement("div");
  document.body.append(el);
  const view = new AbortController();
  widget.render({ model, el, signal: view.signal } as never);
  return { model, root: one(el, ".zf-root"), view };
}

/** What a view must not leave behind when it goes: itself, and who listens to the model. */
export async function expectGone(
  { model, root, view }: { model: FakeModel; root: HTMLElement; view: AbortController },
  events: readonly string[],
): Promise<void> {
  view.abort();
  await flush();
  expect(root.isConnected).toBe(false);
  for (const event of ["msg:custom", ...events]) expect(model.listeners(event)).toBe(0);
}

/** An occluder of the widgets' own size in the photo's corner, but for what is said. */
export const occluder = (some: Partial<Occluder> = {}): Occluder => ({
  top: 0,
  left: 0,
  height: 16,
  width: 12,
  baseline: "grey",
  mask: null,
  extra_boxes: [],
  ...some,
});

/** A selection without a kernel. */
export function chosen(some: Partial<Selection> = {}): MemorySelection {
  return new MemorySelection({
    unit: ["features.3", 2],
    photo: 0,
    occluder: null,
    target: null,
    rule: "deconvnet",
    ...some,
  });
}
