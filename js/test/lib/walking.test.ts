import { describe, expect, it } from "vitest";
import { MemoryStore, type Selection } from "../../src/lib/page/selection_store";
import { stepsFrom, walksBy } from "../../src/lib/page/walking";

const store = () =>
  new MemoryStore<Selection>({ unit: null, photo: null, occluder: null, target: null, rule: "" });

describe("the steps from a channel", () => {
  it("are the next and the one before, where no strip shows them", () => {
    const selection = store();
    expect(stepsFrom(selection, "a", 8, 3, null)).toEqual([4, 2]);
    expect(stepsFrom(selection, "a", 8, 7, 6)).toEqual([6]);
    expect(stepsFrom(selection, "a", 8, 0, null)).toEqual([1]);
    expect(stepsFrom(selection, "a", 8, 3, 4)).toEqual([2, 4]);
  });

  it("follow the strip's order and its rows", () => {
    const selection = store();
    const strip = new AbortController();
    const ordered = [5, 2, 7, 0, 1, 3, 6, 4];
    const walking = (layer: string) => (layer === "a" ? { ordered, columns: 3 } : null);
    walksBy(selection, walking, strip.signal);
    expect(stepsFrom(selection, "a", 8, 0, null)).toEqual([1, 7]);
    expect(stepsFrom(selection, "a", 8, 0, 1)).toEqual([7, 1]);
    expect(stepsFrom(selection, "a", 8, 0, 5)).toEqual([6, 1]); // a row down, and again
    expect(stepsFrom(selection, "a", 8, 0, 2)).toEqual([1, 7]); // no step
    expect(stepsFrom(selection, "b", 8, 0, null)).toEqual([1]);
    expect(stepsFrom(selection, "a", 9, 0, null)).toEqual([1]); // not of this layer any more
    strip.abort();
    expect(stepsFrom(selection, "a", 8, 3, null)).toEqual([4, 2]);
  });
});
