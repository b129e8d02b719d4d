import { expect, it, vi } from "vitest";
import pictureWall from "../../../src/widgets/picture_wall";
import { type FakeModel, flush, windowOn } from "../../support/fakes";
import { onFakePage, ownStage } from "../../support/page";

onFakePage();

let walls = 0;

function stage(state: Record<string, unknown>): { model: FakeModel; root: HTMLElement } {
  walls += 1;
  return ownStage(pictureWall, {
    wall: `wall.${walls}`,
    label: "Filters",
    note: "Signed around grey.",
    size: 80,
    choosable: true,
    chosen: -1,
    ...state,
  });
}

/** Answer what waits: `total` pictures, the second of them missing. */
async function serve(model: FakeModel, total: number, columns = 0): Promise<void> {
  await flush();
  for (const request of model.gets.splice(0)) {
    const { first } = request.key as { first: number };
    const numbers = Array.from({ length: Math.min(64, total - first) }, (_, i) => first + i);
    const there = numbers.map((number) => number !== 1);
    model.answer(
      request,
      "reply",
      {
        first,
        total,
        columns,
        heads: columns ? ["one", "two", "three"] : [],
        sides: columns ? ["top", "bottom"] : [],
        there,
        captions: numbers.map((number) => `channel ${number}`),
        details: numbers.map((number) => (number === 2 ? "of a cat" : "")),
        mime: "image/png",
      },
      there.filter(Boolean).map(() => windowOn(new Uint8Array([1, 2, 3]))),
    );
  }
  await flush();
  await vi.advanceTimersByTimeAsync(200);
}

const cells = (root: HTMLElement) => [...root.querySelectorAll<HTMLElement>(".zf-wall-cell")];

it("hangs every picture with its caption, and leaves the place of a missing one empty", async () => {
  const { model, root } = stage({});
  await serve(model, 70);
  await serve(model, 70);
  const all = cells(root);
  expect(all.length).toBe(70);
  expect(all.filter((cell) => cell.querySelector("canvas")).length).toBe(69);
  expect(all[1]?.getAttribute("aria-label")).toBe("channel 1, empty");
  expect(all[69]?.textContent).toBe("channel 69");
  // What can be read is what can be said to choose it.
  expect(all[2]?.textContent).toBe("channel 2 of a cat");
  expect(all[2]?.getAttribute("aria-label")).toBe("channel 2, of a cat");
  expect(root.textContent).toContain("Signed around grey.");
  expect(root.dataset.zfSettled).toBe("true");
});

it("walks rows and columns by keyboard and tells the kernel what is chosen", async () => {
  const { model, root } = stage({});
  await serve(model, 6, 3);
  const all = cells(root);
  expect(all[4]?.getAttribute("aria-label")).toBe("bottom, two, channel 4");
  expect(all.map((cell) => cell.tabIndex)).toEqual([0, -1, -1, -1, -1, -1]);
  all[0]?.focus();
  const press = (key: string) =>
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("ArrowDown");
  expect(model.get("chosen")).toBe(3);
  press("ArrowRight");
  press("ArrowDown"); // there is no row below
  expect(model.get("chosen")).toBe(4);
  expect(document.activeElement).toBe(all[4]);
  expect(all[4]?.getAttribute("aria-selected")).toBe("true");
  all[2]?.click();
  expect(model.get("chosen")).toBe(2);
  expect(model.saves).toBe(3);
});

it("only shows where nothing can be chosen", async () => {
  const { model, root } = stage({ choosable: false });
  await serve(model, 3);
  cells(root)[2]?.click();
  expect(model.get("chosen")).toBe(-1);
  expect(root.querySelector("[role=list]")).not.toBeNull();
  expect(cells(root).every((cell) => cell.tabIndex === -1)).toBe(true);
});

it("shows the newest wall, whatever comes late", async () => {
  const { model, root } = stage({});
  await flush();
  const late = model.gets.splice(0);
  model.set("wall", `wall.${walls}.new`);
  await serve(model, 4);
  expect(cells(root).length).toBe(4);
  model.gets.push(...late);
  await serve(model, 2);
  expect(cells(root).length).toBe(4);
});
