import { describe, expect, it } from "vitest";
import { lutOf } from "../../src/lib/pictures/colour";
import {
  blur,
  magnitude,
  magnitudePicture,
  positivePicture,
  reveal,
  signedPicture,
} from "../../src/lib/pictures/signed";

describe("a signed picture", () => {
  // 2 rows of 3 pixels: zero, +scale in red, -scale in blue / half in green, zero, zero
  const signed = {
    rows: 2,
    columns: 3,
    // biome-ignore format: one pixel a line
    rgba: new Uint8ClampedArray([
      128, 128, 128, 255,
      255, 128, 128, 255,
      128, 128, 1, 255,
      128, 192, 128, 255,
      128, 128, 128, 255,
      128, 128, 128, 255,
    ]),
  };

  it("is spread and clipped around grey by a gain", () => {
    const { rows, columns, rgba } = signedPicture(signed, 1.5);
    expect([rows, columns]).toEqual([2, 3]);
    expect(Array.from(rgba.slice(0, 16))).toEqual([
      128, 128, 128, 255, 255, 128, 128, 255, 128, 128, 1, 255, 128, 224, 128, 255,
    ]);
    expect(signedPicture(signed, 1).rgba).toEqual(signed.rgba);
    expect(Array.from(signedPicture(signed, 0.5).rgba.slice(4, 12))).toEqual([
      192, 128, 128, 255, 128, 128, 65, 255,
    ]);
  });

  it("can show what is above zero alone, black at zero", () => {
    const { rgba } = positivePicture(signed, 1);
    expect(Array.from(rgba.slice(0, 16))).toEqual([
      0, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 255, 0, 129, 0, 255,
    ]);
    expect(positivePicture(signed, 2).rgba[13]).toBe(255);
  });

  it("has as magnitude the largest of the colour channels, whatever its sign", () => {
    const values = (gain?: number) =>
      Array.from(magnitude(signed, gain), (value) => Number(value.toFixed(3)));
    expect(values()).toEqual([0, 1, 1, 0.504, 0, 0]);
    expect(values(0.5)).toEqual([0, 0.5, 0.5, 0.252, 0, 0]);
    expect(values(3)).toEqual([0, 1, 1, 1, 0, 0]);
  });

  it("has a magnitude that becomes a picture through a colour map", () => {
    const { rows, columns, rgba } = magnitudePicture(signed, 1, lutOf("magma"));
    expect([rows, columns]).toEqual([2, 3]);
    expect(Array.from(rgba.slice(0, 4))).toEqual(Array.from(lutOf("magma").slice(0, 4)));
    expect(Array.from(rgba.slice(4, 8))).toEqual(Array.from(lutOf("magma").slice(-4)));
  });

  it("blurs without moving or losing what is inside", () => {
    const [rows, columns] = [15, 21];
    const values = new Float32Array(rows * columns);
    values[7 * columns + 10] = 1;
    const out = blur(values, rows, columns, 1);
    expect(out.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(out.indexOf(Math.max(...out))).toBe(7 * columns + 10);
    expect(out[6 * columns + 10]).toBeCloseTo(out[8 * columns + 10]!, 6);
    expect(out[7 * columns + 9]).toBeCloseTo(out[6 * columns + 10]!, 6);
  });

  it("shows the patch where the projection is strong, and nothing where it is zero", () => {
    const [rows, columns] = [10, 40];
    const patch = { rows, columns, rgba: new Uint8ClampedArray(rows * columns * 4).fill(200) };
    const projection = { rows, columns, rgba: new Uint8ClampedArray(rows * columns * 4).fill(128) };
    for (let row = 0; row < rows; row++) projection.rgba[(row * columns + 5) * 4] = 255;
    const { rgba } = reveal(patch, projection);
    const alpha = (row: number, col: number) => rgba[(row * columns + col) * 4 + 3]!;
    expect(alpha(5, 5)).toBe(255);
    expect(alpha(5, 30)).toBe(0);
    expect(rgba[(5 * columns + 5) * 4]).toBe(200);
    expect(patch.rgba[3]).toBe(200); // the original is left alone
  });

  it("refuses a projection of another extent", () => {
    const patch = { rows: 3, columns: 2, rgba: new Uint8ClampedArray(24) };
    expect(() => reveal(patch, signed)).toThrow("3x2");
  });
});
