/** A chart as anywidget renders it: what it says, keys, choices, and that it follows its kernel. */

import { beforeEach, expect, it, vi } from "vitest";
import { FIRST } from "../../../src/views/charts/spec";
import chart from "../../../src/widgets/chart";
import { flush } from "../../support/fakes";
import { all, expectGone, one, onFakePage, ownStage } from "../../support/page";

onFakePage();

let width = 400;
let resized: () => void = () => {};
beforeEach(() => {
  width = 400;
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockImplementation(() => width);
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe() {}
      disconnect() {}
    },
  );
});

const axis = (label: string, more = {}) => ({ ...FIRST.across, label, ...more });
const series = (name: string, style: number, y: (number | null)[], more = {}) => ({
  kind: "line",
  style,
  name,
  x: y.map((_, i) => 10 * i),
  y,
  names: [],
  ...more,
});
const LINES = {
  ...FIRST,
  label: "conv1",
  across: axis("shift (px)"),
  up: axis("distance"),
  choosable: true,
  series: [
    series("coffee", 0, [0.5, null, 0.25, 1]),
    series("kitten", 1, [0.75, 0.125, 0.5, 0]),
    series("chance", 2, [0.1], { kind: "level", x: [] }),
  ],
};
const BARS = {
  ...FIRST,
  up: axis("accuracy"),
  across: axis("", {
    names: [
      [0, "cat"],
      [1, "dog"],
    ],
  }),
  series: [
    series("before", 0, [0.5, 0.25], { kind: "bars", x: [0, 1] }),
    series("after", 1, [null, 0.125], { kind: "bars", x: [0, 1] }),
  ],
};

const spots = (root: HTMLElement) => all<HTMLElement>(root, ".zf-chart-spot");
const names = (root: HTMLElement) => spots(root).map((spot) => spot.getAttribute("aria-label"));
const focused = () => document.activeElement?.getAttribute("aria-label");
const press = (key: string) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  document.activeElement?.dispatchEvent(event);
  return event.defaultPrevented;
};
const rows = (root: HTMLElement) =>
  all(root, "table tr").map((row) => [...row.children].map((cell) => cell.textContent));

it("names each point, and has all numbers in a table", () => {
  const { root } = ownStage(chart, LINES);
  expect(one(root, "[role=figure]").getAttribute("aria-label")).toBe("conv1, distance, shift (px)");
  expect(names(root)).toEqual([
    "coffee, shift (px) 0, distance 0.5",
    "coffee, shift (px) 20, distance 0.25",
    "coffee, shift (px) 30, distance 1",
    "kitten, shift (px) 0, distance 0.75",
    "kitten, shift (px) 10, distance 0.125",
    "kitten, shift (px) 20, distance 0.5",
    "kitten, shift (px) 30, distance 0",
    "chance, distance 0.1",
  ]);
  expect(rows(root)).toEqual([
    ["shift (px)", "coffee", "kitten", "chance"],
    ["0", "0.5", "0.75", "0.1"],
    ["10", "–", "0.125", "0.1"],
    ["20", "0.25", "0.5", "0.1"],
    ["30", "1", "0", "0.1"],
  ]);
  expect(all(root, ".zf-chart-legend li").map((item) => item.textContent)).toEqual([
    "coffee",
    "kitten",
    "chance",
  ]);
});

it("names bars by their things, and points by their own names", () => {
  const bars = ownStage(chart, BARS).root;
  expect(names(bars)).toEqual([
    "cat, before, accuracy 0.5",
    "dog, before, accuracy 0.25",
    "dog, after, accuracy 0.125",
  ]);
  expect(spots(bars)[0]?.getAttribute("role")).toBe("img"); // nothing can be chosen
  expect(rows(bars)).toEqual([
    ["–", "before", "after"],
    ["cat", "0.5", "–"],
    ["dog", "0.25", "0.125"],
  ]);
  const more = { kind: "points", x: [0.123456, 0.5], names: ["oak", "elm"] };
  const own = { ...LINES, series: [series("tree", 0, [0.7, null], more)], legend: false };
  const points = ownStage(chart, own).root;
  expect(names(points)).toEqual(["oak, shift (px) 0.1235, distance 0.7"]);
  expect(rows(points)).toEqual([
    ["tree", "shift (px)", "distance"],
    ["oak", "0.1235", "0.7"],
    ["elm", "0.5", "–"],
  ]);
  expect(points.querySelector(".zf-chart-legend")).toBeNull();
});

it("is one tab stop, and arrows walk along a line and between lines", () => {
  const { root } = ownStage(chart, LINES);
  const stops = () => spots(root).filter((spot) => spot.getAttribute("tabindex") === "0");
  expect(stops()).toHaveLength(1);
  stops()[0]?.focus();
  expect(focused()).toBe("coffee, shift (px) 0, distance 0.5");
  expect(press("ArrowRight")).toBe(true);
  expect(focused()).toBe("coffee, shift (px) 20, distance 0.25"); // over the gap
  press("ArrowDown");
  expect(focused()).toBe("kitten, shift (px) 20, distance 0.5");
  press("ArrowLeft");
  press("ArrowUp"); // where coffee has a gap: the nearest
  expect(focused()).toMatch(/^coffee, shift \(px\) (0|20),/);
  press("End");
  expect(focused()).toBe("coffee, shift (px) 30, distance 1");
  press("ArrowRight");
  press("ArrowUp");
  expect(focused()).toBe("coffee, shift (px) 30, distance 1");
  press("ArrowDown");
  press("ArrowDown");
  expect(focused()).toBe("chance, distance 0.1");
  press("ArrowUp");
  press("Home");
  expect(focused()).toBe("kitten, shift (px) 0, distance 0.75");
  expect(stops()).toEqual([document.activeElement]);
  expect(press("a")).toBe(false);
});

it("walks lying bars down their names", () => {
  const { root } = ownStage(chart, { ...BARS, lying: true });
  spots(root)[0]?.focus();
  press("ArrowDown");
  expect(focused()).toBe("dog, before, accuracy 0.25");
  press("ArrowRight");
  expect(focused()).toBe("dog, after, accuracy 0.125");
});

it("tells the kernel what was clicked, or chosen by Enter, if anything can be chosen", () => {
  const { model, root } = ownStage(chart, LINES);
  spots(root)[4]?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(model.get("chosen")).toEqual([1, 1]);
  expect(model.saves).toBe(1);
  model.set("chosen", []);
  spots(root)[1]?.focus();
  press("Enter");
  expect(model.get("chosen")).toEqual([0, 2]); // places count gaps
  model.set("chosen", []);
  press(" ");
  expect(model.get("chosen")).toEqual([0, 2]);
  const shown = ownStage(chart, { ...LINES, choosable: false });
  spots(shown.root)[4]?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(shown.model.get("chosen")).toEqual([]);
});

it("takes a click beside a point for the nearest, and one far off for none", () => {
  const { model, root } = ownStage(chart, LINES);
  const dot = one(spots(root)[2] as HTMLElement, "circle");
  const [cx, cy] = ["cx", "cy"].map((name) => Number(dot.getAttribute(name)));
  const click = (dx: number, dy: number) =>
    one(root, "svg").dispatchEvent(
      new MouseEvent("click", { bubbles: true, clientX: cx! + dx, clientY: cy! + dy }),
    );
  click(-9, 12);
  expect(model.get("chosen")).toEqual([0, 3]);
  model.set("chosen", []);
  click(-40, 60);
  expect(model.get("chosen")).toEqual([]);
});

it("says beside a point what it is, and puts it away", () => {
  const { root } = ownStage(chart, LINES);
  const tip = one(root, ".zf-chart-tip");
  expect(tip.hidden).toBe(true);
  spots(root)[3]?.focus();
  expect([...tip.children].map((part) => part.textContent)).toEqual([
    "kitten",
    "shift (px) 0",
    "distance 0.75",
  ]);
  press("Escape");
  expect(tip.hidden).toBe(true);
  spots(root)[0]?.dispatchEvent(new MouseEvent("pointermove", { bubbles: true }));
  expect(tip.textContent).toContain("coffee");
  one(root, ".zf-chart-stage").dispatchEvent(new MouseEvent("pointerleave"));
  expect(tip.textContent).toContain("kitten"); // where the focus still is
  (document.activeElement as HTMLElement).blur();
  expect(tip.hidden).toBe(true);
});

it("follows its kernel: numbers, names, marks, and what stands out", async () => {
  const stage = ownStage(chart, LINES);
  const { model, root } = stage;
  spots(root)[4]?.focus();
  const before = one(root, "svg");
  model.set("marks", [{ kind: "line", at: 20 }]);
  model.set("strong", 1);
  await flush();
  expect(one(root, "svg")).toBe(before); // marks alone draw nothing anew
  expect(all(root, ".zf-chart-mark")).toHaveLength(1);
  const rings = all(root, ".zf-chart-ring").map((ring) => ring.getAttribute("cx"));
  const at = one(spots(root)[1] as HTMLElement, "circle").getAttribute("cx");
  expect(rings).toEqual([at, at]); // on both lines that have a point there
  const current = all(root, "[aria-current]").map((spot) => spot.getAttribute("aria-label"));
  expect(current).toEqual([names(root)[1], names(root)[5]]);
  expect(all(root, "g.zf-faded").map((line) => line.dataset.series)).toEqual(["0", "2"]);
  model.set("marks", [{ kind: "line", at: 99 }]);
  await flush();
  expect(all(root, ".zf-chart-mark, .zf-chart-ring")).toHaveLength(0);
  model.set("series", [...LINES.series.slice(0, 2), series("dog", 2, [1, 2, 3, 4])]);
  await flush();
  expect(focused()).toBe("kitten, shift (px) 10, distance 0.125"); // kept
  expect(names(root)).toContain("dog, shift (px) 30, distance 4");
  expect(all(root, "g.zf-strong").map((line) => line.dataset.series)).toEqual(["1"]);
  model.set("up", axis("correlation"));
  await flush();
  expect(one(root, ".zf-chart-axis").textContent).toBe("correlation");
  expect(focused()).toBe("kitten, shift (px) 10, correlation 0.125");
  await expectGone(stage, ["change:series", "change:marks", "change:up"]);
});

it("is as wide as its place, and draws nothing while it has none", () => {
  width = 0;
  const { root } = ownStage(chart, LINES);
  expect(root.querySelector("svg.zf-chart-drawing")).toBeNull();
  expect(rows(root)).toHaveLength(5);
  for (const wide of [700, 300]) {
    width = wide;
    resized();
    expect(one(root, "svg.zf-chart-drawing").getAttribute("width")).toBe(`${wide}`);
    const ends = spots(root).map((spot) => Number(one(spot, "circle").getAttribute("cx")));
    expect(Math.max(...ends)).toBeGreaterThan(wide - 40);
    expect(Math.max(...ends)).toBeLessThanOrEqual(wide);
  }
});

it("writes numbers as its language does", () => {
  const { root } = ownStage(chart, { ...LINES, language: "de" });
  expect(names(root)[1]).toBe("coffee, shift (px) 20, distance 0,25");
  expect(all(root, ".zf-chart-labels text").map((text) => text.textContent)).toContain("0,4");
});

it("never takes a name for markup", () => {
  const bad = "<img src=x onerror=alert(1)>";
  const own = { ...LINES, label: bad, series: [series(bad, 0, [1, 2])] };
  const { root } = ownStage(chart, own);
  expect(root.querySelector("img")).toBeNull();
  expect(names(root)[0]).toContain(bad);
});
