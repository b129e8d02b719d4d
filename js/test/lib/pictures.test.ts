import { describe, expect, it } from "vitest";
import { PROVISIONAL, paintValues } from "../../src/lib/occlusion/grid";
import { clip, focusBox, inside, middleOf, within } from "../../src/lib/pictures/boxes";
import { cropPicture } from "../../src/lib/pictures/canvas";
import { lutOf } from "../../src/lib/pictures/colour";
import { brightnessPicture } from "../../src/lib/pictures/signed";
import type { Box, Field, Pair } from "../../src/lib/wire/protocol";
import { shownClasses, topClasses } from "../../src/views/occlusion/classes";

/** The pixels of a box, as "row column". */
function pixels({ top, left, height, width }: Box): string[] {
  return Array.from(
    { length: height * width },
    (_, i) => `${top + Math.floor(i / width)} ${left + (i % width)}`,
  );
}

describe("a box", () => {
  const extent: Pair = [20, 30];

  it("moved into the photo keeps its size and all that was in the photo", () => {
    for (const [height, width] of [
      [7, 5],
      [20, 4],
      [3, 30],
    ] as const) {
      for (const top of [-9, -1, 0, 4, 15, 19, 25]) {
        for (const left of [-12, 0, 11, 27, 29, 40]) {
          const box = { top, left, height, width };
          const moved = inside(box, extent);
          expect([moved.height, moved.width]).toEqual([height, width]);
          expect(clip(moved, ...extent)).toEqual(moved);
          const there = new Set(pixels(moved));
          for (const pixel of pixels(clip(box, ...extent))) expect(there).toContain(pixel);
        }
      }
    }
  });

  it("that is inside stays, and one that is larger is cut", () => {
    const box = { top: 3, left: 7, height: 9, width: 11 };
    expect(inside(box, extent)).toEqual(box);
    expect(inside({ top: -5, left: 4, height: 40, width: 6 }, extent)).toEqual({
      top: 0,
      left: 4,
      height: 20,
      width: 6,
    });
  });

  it("has a middle, cut to it where the square is larger", () => {
    const box = { top: -2, left: 10, height: 11, width: 6 };
    expect(middleOf(box, 3)).toEqual({ top: 2, left: 11, height: 3, width: 3 });
    expect(middleOf(box, 4)).toEqual({ top: 1, left: 11, height: 4, width: 4 });
    expect(middleOf(box, 8)).toEqual({ top: -1, left: 10, height: 8, width: 6 });
    expect(middleOf(box, 99)).toEqual(box);
    for (let side = 1; side < 12; side++) {
      // The next one holds it: a square that grows never loses a pixel.
      const there = new Set(pixels(middleOf(box, side + 1)));
      for (const pixel of pixels(middleOf(box, side))) expect(there).toContain(pixel);
    }
  });

  it("is seen from another", () => {
    const box = { top: 5, left: 7, height: 2, width: 3 };
    expect(within(box, { top: 4, left: 9, height: 1, width: 1 })).toEqual({
      ...box,
      top: 1,
      left: -2,
    });
  });

  it("of a unit lies around its middle, also where the field is larger than the photo", () => {
    const field: Field = { size: [6, 50], stride: [4, 3], offset: [-1, -20], reach: "exact" };
    // Columns 3 * 2 - 20 = -14 .. 35: their middle 8 are 7 .. 14. Rows 4 * 1 - 1 = 3 .. 8.
    expect(focusBox(field, [1, 2], 8, extent)).toEqual({ top: 3, left: 7, height: 6, width: 8 });
    expect(focusBox(field, [0, 0], 2, extent)).toEqual({ top: 1, left: 4, height: 2, width: 2 });
    // Moved: columns 30 - 20 = 10 .. 59, their middle 10 are 30 .. 39.
    expect(focusBox(field, [4, 10], 10, extent)).toEqual({
      top: 14,
      left: 20,
      height: 6,
      width: 10,
    });
    expect(focusBox({ ...field, reach: "global" }, [1, 2], 8, extent)).toEqual({
      top: 0,
      left: 0,
      height: 20,
      width: 30,
    });
  });
});

describe("a picture", () => {
  const random = (at: number) => (at * 7919 + 31) % 256;
  const [rows, columns] = [4, 5];
  const rgba = Uint8ClampedArray.from({ length: rows * columns * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : Math.max(1, random(i)),
  );
  const picture = { rows, columns, rgba };
  const at = ({ rgba, columns }: typeof picture, row: number, column: number) => [
    ...rgba.subarray((row * columns + column) * 4, (row * columns + column + 1) * 4),
  ];

  it("is cut to a part", () => {
    const part = { top: 1, left: 2, height: 3, width: 2 };
    const cut = cropPicture(picture, part);
    expect([cut.rows, cut.columns, cut.rgba.length]).toEqual([3, 2, 24]);
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 2; column++) {
        expect(at(cut, row, column)).toEqual(at(picture, row + 1, column + 2));
      }
    }
    expect(cropPicture(picture, { top: 0, left: 0, height: rows, width: columns })).toEqual(
      picture,
    );
  });

  it.each([0.5, 1, 1.7])("shows brightness around grey, with a gain of %s", (gain) => {
    const grey = brightnessPicture(picture, gain);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [red, green, blue] = at(picture, row, column).map((level) => level - 128);
        const value = gain * (0.299 * red! + 0.587 * green! + 0.114 * blue!);
        const level = 128 + Math.min(127, Math.max(-127, value));
        const [r, g, b, alpha] = at(grey, row, column);
        expect([g, b, alpha]).toEqual([r, r, 255]);
        expect(Math.abs(r! - level)).toBeLessThanOrEqual(0.5);
      }
    }
  });

  it("without a signal is mid-grey, with all of it white or black", () => {
    const of = (...levels: number[]) =>
      brightnessPicture({ rows: 1, columns: 1, rgba: new Uint8ClampedArray([...levels, 255]) }, 1)
        .rgba[0];
    expect([of(128, 128, 128), of(255, 255, 255), of(1, 1, 1)]).toEqual([128, 255, 1]);
    // Of one strength, green is brighter than red, and red than blue.
    expect([of(128, 255, 128), of(255, 128, 128), of(128, 128, 255)]).toEqual([203, 166, 142]);
  });
});

describe("a tinted map", () => {
  it("leaves the photo alone where nothing changes, and covers it at the strongest loss", () => {
    const values = Float32Array.from([-0.6, 0, 0.3, Number.NaN, -0.3, 0.6]);
    const { rgba } = paintValues(values, [2, 3], lutOf("tint"), [-0.6, 0.6]);
    const cell = (at: number) => [...rgba.subarray(at * 4, at * 4 + 4)];
    expect(cell(0)).toEqual([208, 16, 126, 255]); // magenta
    expect(cell(1)[3]).toBeLessThanOrEqual(1);
    expect(cell(5)).toEqual([46, 139, 18, 255]); // green
    for (const [at, colour] of [
      [2, [46, 139, 18]],
      [4, [208, 16, 126]],
    ] as const) {
      colour.forEach((level, c) => {
        expect(Math.abs(cell(at)[c]! - level)).toBeLessThanOrEqual(2);
      });
      expect(Math.abs(cell(at)[3]! - 128)).toBeLessThanOrEqual(2);
    }
    // Not computed yet: as its neighbour, fainter.
    expect(cell(3)).toEqual([...cell(0).slice(0, 3), Math.round(255 * PROVISIONAL)]);
  });
});

describe("the classes on screen", () => {
  const clean = Float32Array.from([0.02, 0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03]);
  const order = topClasses(clean, 9);

  it("are six, whatever the occluder brings to the top and whatever is asked about", () => {
    for (const target of [null, ...order]) {
      expect(shownClasses(clean, null, target)).toHaveLength(6);
      for (const winner of order) {
        const occluded = clean.map((value, i) => (i === winner ? 0.9 : value / 9));
        const shown = shownClasses(clean, occluded, target);
        expect(new Set(shown).size).toBe(6);
        expect(shown).toHaveLength(6);
        expect(shown).toContain(winner);
        if (target !== null) expect(shown).toContain(target);
        expect(shown.slice(0, 4)).toEqual(order.slice(0, 4)); // these never move
      }
    }
  });

  it("are all there are where a network has fewer", () => {
    const few = Float32Array.from([0.2, 0.5, 0.3]);
    expect(shownClasses(few, few.slice().reverse(), 0)).toEqual([1, 2, 0]);
  });

  it("have the clean sixth last where nothing else is known under the occluder", () => {
    const occluded = clean.map((value, i) => (order.indexOf(i) < 5 ? value : -Infinity));
    expect(shownClasses(clean, occluded, order[0]!)).toEqual(order.slice(0, 6));
  });
});
