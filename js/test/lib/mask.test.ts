import { describe, expect, it } from "vitest";
import {
  cells,
  clipPath,
  coveredPixels,
  ellipse,
  encode,
  SIDE,
  shapeOf,
} from "../../src/lib/occlusion/mask";

describe("a mask", () => {
  it("is 64 hex digits, row by row, the most significant bit first", () => {
    const covered = new Array(256).fill(false);
    covered[0] = covered[5] = covered[SIDE + 15] = covered[255] = true;
    const text = encode(covered) as string;
    expect(text).toBe(`84000001${"0".repeat(55)}1`);
    expect(cells(text)).toEqual(covered);
  });

  it("of all cells is none", () => {
    expect(encode(cells(null))).toBeNull();
    expect(clipPath(null)).toBe("none");
  });

  it("shows as one rectangle a run of cells", () => {
    const covered = new Array(256).fill(false);
    covered[SIDE + 2] = covered[SIDE + 3] = true;
    expect(clipPath(encode(covered))).toBe(
      "polygon(0 0,12.5% 6.25%,25% 6.25%,25% 12.5%,12.5% 12.5%,12.5% 6.25%,0 0)",
    );
  });

  it("of what is drawn covers it, to half a cell", () => {
    const [rows, columns] = [40, 60];
    const drawn = new Uint8Array(rows * columns);
    const set = (row: number, col: number) => {
      drawn[row * columns + col] = 1;
    };
    for (let row = 3; row < 35; row++) for (let col = 10; col < 14; col++) set(row, col);
    for (let row = 31; row < 35; row++) for (let col = 10; col < 58; col++) set(row, col);
    const shape = shapeOf(drawn, [rows, columns], 4)!;
    // An L in a box of 32 x 48, whose cells are 2 x 3 pixels.
    expect(shape).toMatchObject({ top: 3, left: 10, height: 32, width: 48 });
    const covered = cells(shape.mask);
    expect(covered.filter(Boolean)).toHaveLength(14 + 2 * 16);
    const pixels = coveredPixels(shape, shape.mask, [rows, columns]);
    const differs = pixels.filter((is, i) => is !== drawn[i]).length;
    expect(differs).toBe(28); // the stem is 4 wide, its cell 3
    expect(shapeOf(pixels, [rows, columns], 4)).toMatchObject({ mask: shape.mask });
  });

  it("of a dot has the smallest box, moved into the photo; of nothing there is none", () => {
    const drawn = new Uint8Array(12 * 9);
    expect(shapeOf(drawn, [12, 9], 4)).toBeNull();
    drawn[12 * 9 - 1] = 1;
    const shape = shapeOf(drawn, [12, 9], 4)!;
    expect(shape).toMatchObject({ top: 8, left: 5, height: 4, width: 4 });
    expect([...coveredPixels(shape, shape.mask, [12, 9])]).toEqual([...drawn]);
  });

  it("covers the pixels whose centres lie in its cells, outside of the photo none", () => {
    const box = { top: -2, left: 3, height: 4, width: 8 };
    const pixels = coveredPixels(box, null, [5, 9]);
    expect([...pixels].map((is, i) => (is ? i : -1)).filter((i) => i >= 0)).toEqual(
      [0, 1].flatMap((row) => [3, 4, 5, 6, 7, 8].map((col) => row * 9 + col)),
    );
  });

  it("can be an ellipse, which is symmetric and touches all four sides", () => {
    const shape = ellipse();
    const at = (row: number, col: number) => shape[row * SIDE + col];
    for (let row = 0; row < SIDE; row++) {
      for (let col = 0; col < SIDE; col++) {
        expect(at(row, col)).toBe(at(col, row));
        expect(at(row, col)).toBe(at(SIDE - 1 - row, col));
      }
    }
    expect([at(0, 8), at(8, 0), at(0, 0)]).toEqual([true, true, false]);
  });
});
