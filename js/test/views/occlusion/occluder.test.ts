import { describe, expect, it } from "vitest";
import { occluderBox } from "../../../src/lib/occlusion/grid";
import type { Pair } from "../../../src/lib/wire/protocol";
import { keepInside, keyed, resized } from "../../../src/views/occlusion/occluder";

describe("moving the occluder", () => {
  const extent: Pair = [192, 224];

  it("keeps its centre in the image and its size within it", () => {
    expect(keepInside({ top: -500, left: 500, height: 40, width: 30 }, extent)).toEqual({
      top: -20,
      left: 208,
      height: 40,
      width: 30,
    });
    expect(keepInside({ top: 3.4, left: 7.6, height: 900, width: 1 }, extent)).toEqual({
      top: 3,
      left: 8,
      height: 192,
      width: 4,
    });
  });

  it("accepts every cell's box as it is", () => {
    for (const [row, col] of [
      [0, 0],
      [23, 27],
      [0, 27],
      [11, 3],
    ] as const) {
      const box = occluderBox(row, col, [40, 32], [8, 8]);
      expect(keepInside(box, extent)).toEqual(box);
    }
  });

  it("goes by a stride with arrows and changes size with Shift", () => {
    const box = { top: 50, left: 60, height: 40, width: 30 };
    expect(keyed(box, "ArrowDown", false, 8)).toEqual({ ...box, top: 58 });
    expect(keyed(box, "ArrowLeft", false, 8)).toEqual({ ...box, left: 52 });
    expect(keyed(box, "ArrowRight", true, 8)).toEqual({ ...box, width: 38 });
    expect(keyed(box, "ArrowUp", true, 100)).toEqual({ ...box, height: 4 });
    expect(keyed(box, "Enter", false, 8)).toBeNull();
  });

  it("resizes around its centre", () => {
    const box = { top: 50, left: 60, height: 40, width: 30 };
    expect(resized(box, 20, 50)).toEqual({ top: 60, left: 50, height: 20, width: 50 });
  });
});
