import { expect, it } from "vitest";
import { MemorySelection, type Selection } from "../../src/lib/page/selection_store";
import { link } from "../../src/report/comparison";

const state = (channel: number): Selection => ({
  unit: ["conv2", channel],
  photo: 4,
  occluder: null,
  target: null,
  rule: "deconvnet",
});

it("links what two selections share, both ways, and nothing else", () => {
  const [left, right] = [new MemorySelection(state(3)), new MemorySelection(state(7))];
  const { signal } = new AbortController();
  link(left, right, ["photo", "occluder"], signal);
  left.set("photo", 9);
  expect(right.get("photo")).toBe(9);
  const occluder = { top: 1, left: 2, height: 6, width: 8, baseline: "grey" };
  right.set("occluder", occluder as Selection["occluder"]);
  expect(left.get("occluder")).toEqual(occluder);
  left.set("unit", ["conv1", 0]);
  left.set("target", 5);
  expect([right.get("unit"), right.get("target")]).toEqual([["conv2", 7], null]);
});

it("links only while it is wanted, and until it ends", () => {
  const [left, right] = [new MemorySelection(state(3)), new MemorySelection(state(7))];
  const controller = new AbortController();
  let wanted = false;
  link(left, right, ["unit"], controller.signal, () => wanted);
  left.set("unit", ["conv1", 0]);
  expect(right.get("unit")).toEqual(["conv2", 7]);
  wanted = true;
  right.set("unit", ["conv2", 1]);
  expect(left.get("unit")).toEqual(["conv2", 1]);
  controller.abort();
  left.set("unit", ["conv1", 2]);
  expect(right.get("unit")).toEqual(["conv2", 1]);
});
