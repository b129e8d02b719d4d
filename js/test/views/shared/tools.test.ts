/** What an Explorer's first line offers. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryStore } from "../../../src/lib/page/selection_store";
import { codeOf, python } from "../../../src/views/shared/code";
import { guide } from "../../../src/views/shared/guide";
import { tools } from "../../../src/views/shared/tools";
import type { ViewOptions } from "../../../src/views/shared/view";
import { chosen } from "../../support/page";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  localStorage.clear();
  vi.useRealTimers();
});

function stage(options: ViewOptions = {}) {
  const selection = chosen({ unit: ["features.3", 1] });
  const store = new MemoryStore<ViewOptions>(options);
  const root = document.createElement("div");
  document.body.append(root);
  root.append(tools(root, selection, store, new AbortController().signal));
  const button = (text: string) =>
    [...root.querySelectorAll("button")].find((one) => one.textContent === text)!;
  return { selection, store, root, button };
}

describe("back and forward", () => {
  it("lead through the channels and photos that were looked at", async () => {
    const { selection, button } = stage();
    expect(button("←").disabled).toBe(true);
    for (const channel of [5, 9]) {
      await vi.advanceTimersByTimeAsync(5000);
      selection.set("unit", ["features.7", channel]);
      selection.set("photo", channel * 2); // as a photo that follows
    }
    button("←").click();
    expect(selection.get("unit")).toEqual(["features.7", 5]);
    expect(selection.get("photo")).toBe(10);
    button("←").click();
    expect(selection.get("unit")).toEqual(["features.3", 1]);
    expect(selection.get("photo")).toBe(0);
    expect(button("←").disabled).toBe(true);
    button("→").click();
    button("→").click();
    expect(selection.get("unit")).toEqual(["features.7", 9]);
    expect(button("→").disabled).toBe(true);
  });

  it("take a walk by the arrow keys as one step", async () => {
    const { selection, button } = stage();
    await vi.advanceTimersByTimeAsync(5000);
    for (let channel = 2; channel < 8; channel++) {
      selection.set("unit", ["features.3", channel]);
      await vi.advanceTimersByTimeAsync(100);
    }
    button("←").click();
    expect(selection.get("unit")).toEqual(["features.3", 1]);
  });
});

it("a gallery chooses its channels, and says which is chosen", () => {
  const { selection, store, root } = stage({ gallery: [["features.7", 42, "a ring"]] });
  const choice = root.querySelector("select")!;
  expect(choice.value).toBe("-1");
  choice.value = "0";
  choice.dispatchEvent(new Event("change"));
  expect(selection.get("unit")).toEqual(["features.7", 42]);
  selection.set("unit", ["features.7", 41]);
  expect(choice.value).toBe("-1");
  store.set("gallery", []);
  expect(choice.hidden).toBe(true);
});

describe("a view as code", () => {
  it("names what is chosen, and options that aren't the first ones", () => {
    const { selection, store } = stage({ values: "colour", patches: "both", stride: 8 });
    selection.set("target", 7);
    expect(codeOf(selection, store)).toContain(
      'layer="features.3",\n    channel=1,\n    photo=0,\n    target=7,\n    stride=8,\n' +
        '    values="colour",\n',
    );
  });

  it("writes values as Python does", () => {
    expect(python({ top: 3, mask: null, on: true, boxes: [{ a: "x" }] })).toBe(
      '{"top": 3, "mask": None, "on": True, "boxes": [{"a": "x"}]}',
    );
  });
});

it("first steps are shown until they are dismissed, and then never again", () => {
  const root = document.createElement("div");
  root.innerHTML =
    '<div class="zf-title"></div><div class="zf-layout"><div class="zf-layers"></div></div>';
  document.body.append(root);
  const steps = () => root.querySelector(".zf-guide");
  guide(root, new AbortController().signal);
  expect(steps()?.textContent).toContain("1 of 4");
  expect(root.querySelector(".zf-layers")?.classList.contains("zf-guided")).toBe(true);
  for (let step = 0; step < 4; step++) steps()?.querySelector("button")?.click();
  expect(steps()).toBeNull();
  expect(root.querySelector(".zf-guided")).toBeNull();
  guide(root, new AbortController().signal);
  expect(steps()).toBeNull();
});
