import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { about, between, inside, type Marks, withBox } from "../../../src/views/experiments/marks";
import marking from "../../../src/widgets/marking";
import { type FakeModel, flush, windowOn } from "../../support/fakes";
import { ownStage } from "../../support/page";

const EXTENT = [60, 40] as const; // rows, columns

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("createImageBitmap", async () => ({ width: 40, height: 60, close() {} }));
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("marks", () => {
  it("keep boxes whole, inside the photo, and at least two pixels high and wide", () => {
    const extent: [number, number] = [60, 40];
    expect(inside({ top: -5, left: 35.4, height: 10, width: 8 }, extent)).toEqual({
      top: 0,
      left: 32,
      height: 10,
      width: 8,
    });
    expect(inside({ top: 59, left: 3, height: 0, width: 90 }, extent)).toEqual({
      top: 58,
      left: 0,
      height: 2,
      width: 40,
    });
    expect(between([50, 30], [10.4, -7], extent)).toEqual({
      top: 10,
      left: 0,
      height: 40,
      width: 30,
    });
    expect(about([59, 20], extent)).toEqual({ top: 54, left: 17, height: 6, width: 6 });
  });

  it("change one box and leave the others", () => {
    const before: Marks = { nose: { 0: [1, 2, 3, 4], 1: [5, 6, 7, 8] }, ear: { 0: [9, 9, 9, 9] } };
    const box = { top: 1, left: 1, height: 2, width: 3 };
    expect(withBox(before, "nose", 1, box)).toEqual({
      nose: { 0: [1, 2, 3, 4], 1: [1, 1, 2, 3] },
      ear: { 0: [9, 9, 9, 9] },
    });
    expect(withBox(before, "nose", 0, null).nose).toEqual({ 1: [5, 6, 7, 8] });
    expect(withBox({}, "nose", 2, box)).toEqual({ nose: { 2: [1, 1, 2, 3] } });
    expect(before.nose?.[1]).toEqual([5, 6, 7, 8]);
  });
});

let walls = 0;

/** Two photos, 60 x 40 pixels of the input, shown at 120 x 80. */
async function stage(boxes: Marks = {}): Promise<{ model: FakeModel; root: HTMLElement }> {
  walls += 1;
  const { model, root } = ownStage(marking, {
    wall: `photos.${walls}`,
    label: "Mark the parts",
    note: "Draw a box.",
    size: 120,
    extent: [...EXTENT],
    parts: ["nose", "ear"],
    part: "nose",
    boxes,
  });
  await flush();
  for (const request of model.gets.splice(0)) {
    model.answer(
      request,
      "reply",
      {
        first: 0,
        total: 2,
        columns: 0,
        heads: [],
        sides: [],
        there: [true, true],
        captions: ["cat", "dog"],
        details: [],
        mime: "image/png",
      },
      [1, 2].map(() => windowOn(new Uint8Array([1, 2, 3]))),
    );
  }
  await flush();
  await vi.advanceTimersByTimeAsync(200);
  for (const one of root.querySelectorAll<HTMLElement>(".zf-marking-stage")) {
    one.getBoundingClientRect = () => ({ top: 0, left: 0, height: 120, width: 80 }) as DOMRect;
    one.setPointerCapture = () => {};
  }
  return { model, root };
}

function find(root: HTMLElement, selector: string, number = 0): HTMLElement {
  const found = [...root.querySelectorAll<HTMLElement>(selector)][number];
  if (!found) throw new Error(`there is no ${selector}`);
  return found;
}

function pointer(target: HTMLElement, type: string, [x, y]: [number, number]): void {
  target.dispatchEvent(
    new PointerEvent(type, { clientX: x, clientY: y, button: 0, bubbles: true, composed: true }),
  );
}

function drag(target: HTMLElement, from: [number, number], to: [number, number]): void {
  pointer(target, "pointerdown", from);
  pointer(target, "pointermove", to);
  pointer(target, "pointerup", to);
}

const press = (target: HTMLElement, key: string, shiftKey = false) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));

const label = (element: HTMLElement) => element.getAttribute("aria-label");

it("draws a box where there was none, in pixels of the network's input", async () => {
  const { model, root } = await stage();
  const photo = find(root, ".zf-marking-stage", 1);
  pointer(photo, "pointerdown", [20, 30]);
  pointer(photo, "pointermove", [60, 90]);
  expect(model.saves).toBe(0); // nothing is kept before the pointer is let go
  expect(find(root, ".zf-mark", 1).hidden).toBe(false);
  pointer(photo, "pointerup", [60, 90]);
  expect(model.get("boxes")).toEqual({ nose: { 1: [15, 10, 30, 20] } });
  expect(model.saves).toBe(1);
  expect(find(root, ".zf-mark", 0).hidden).toBe(true);
  expect(label(find(root, ".zf-mark", 1))).toContain("nose of dog: 30 by 20 pixels at row 15");
  expect(root.querySelector("option")?.textContent).toBe("nose (1 of 2)");
});

it("moves and resizes the box that is there, and keeps it in the photo", async () => {
  const { model, root } = await stage({ nose: { 0: [10, 10, 20, 10] } });
  const mark = find(root, ".zf-mark");
  drag(mark, [30, 40], [40, 60]);
  expect(model.get("boxes")).toEqual({ nose: { 0: [20, 15, 20, 10] } });
  drag(mark, [40, 60], [400, 600]);
  expect(model.get("boxes")).toEqual({ nose: { 0: [40, 30, 20, 10] } });
  drag(find(root, ".zf-corner"), [80, 120], [70, 90]);
  expect(model.get("boxes")).toEqual({ nose: { 0: [40, 30, 5, 5] } });
});

it("puts a box where the photo is clicked", async () => {
  const { model, root } = await stage({ nose: { 0: [10, 10, 20, 10] } });
  const photos = [0, 1].map((i) => find(root, ".zf-marking-stage", i));
  for (const photo of photos) drag(photo, [40, 100], [41, 100]);
  expect(model.get("boxes")).toEqual({ nose: { 0: [40, 15, 20, 10], 1: [47, 17, 6, 6] } });
});

it("forgets a drag that is taken away", async () => {
  const { model, root } = await stage({ nose: { 0: [10, 10, 20, 10] } });
  const mark = find(root, ".zf-mark");
  pointer(mark, "pointerdown", [30, 40]);
  pointer(mark, "pointermove", [60, 90]);
  pointer(mark, "pointercancel", [60, 90]);
  expect(model.saves).toBe(0);
  expect(mark.style.top).toBe(`${(10 / 60) * 100}%`);
});

it("does all by keyboard", async () => {
  const { model, root } = await stage();
  const button = find(root, ".zf-marking-photo .zf-button", 1);
  expect(label(button)).toBe("Mark nose in dog");
  button.click();
  expect(model.get("boxes")).toEqual({ nose: { 1: [27, 17, 6, 6] } });
  const mark = find(root, ".zf-mark", 1);
  expect(document.activeElement).toBe(mark);
  press(mark, "ArrowDown");
  press(mark, "ArrowLeft");
  press(mark, "ArrowRight", true);
  press(mark, "ArrowDown", true);
  expect(model.get("boxes")).toEqual({ nose: { 1: [28, 16, 7, 7] } });
  press(mark, "Tab");
  press(mark, "Delete");
  expect(model.get("boxes")).toEqual({ nose: {} });
  expect(document.activeElement).toBe(button);
  expect(label(button)).toBe("Mark nose in dog");
});

it("marks the part that is chosen, and shows where the others are", async () => {
  const { model, root } = await stage({ nose: { 0: [10, 10, 20, 10] } });
  const parts = find(root, ".zf-marking-parts") as HTMLSelectElement;
  parts.value = "ear";
  parts.dispatchEvent(new Event("change"));
  expect(model.get("part")).toBe("ear");
  expect(find(root, ".zf-mark").hidden).toBe(true);
  const other = find(root, ".zf-marking-other");
  expect(other.title).toBe("nose");
  drag(find(root, ".zf-marking-stage"), [4, 4], [24, 44]);
  expect(model.get("boxes")).toEqual({ nose: { 0: [10, 10, 20, 10] }, ear: { 0: [2, 2, 20, 10] } });
});

it("follows boxes that Python sets", async () => {
  const { model, root } = await stage();
  model.set("boxes", { nose: { 0: [10, 4, 20, 10] } });
  expect(find(root, ".zf-mark").style.left).toBe("10%");
  expect(root.dataset.zfSettled).toBe("true");
});
