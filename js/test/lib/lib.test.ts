import { describe, expect, it, vi } from "vitest";
import { gridStep } from "../../src/lib/page/a11y";
import { number, percent, timeLeft } from "../../src/lib/page/format";
import { gradient, lutIndex, lutOf, MAP_NAMES } from "../../src/lib/pictures/colour";
import {
  blur,
  magnitude,
  magnitudePicture,
  positivePicture,
  reveal,
  signedPicture,
} from "../../src/lib/pictures/signed";
import { bytes, floats, ints } from "../../src/lib/wire/codec";
import { latest } from "../../src/lib/wire/latest";
import { canonical, identity } from "../../src/lib/wire/protocol";
import { flush, windowOn } from "../support/fakes";

describe("canonical keys", () => {
  it("don't depend on the order of fields, at any depth", () => {
    const a = { image: 3, occluder: { top: 1, left: 2, baseline: "grey" }, layers: ["b", "a"] };
    const b = { layers: ["b", "a"], occluder: { baseline: "grey", left: 2, top: 1 }, image: 3 };
    expect(canonical(a)).toBe(canonical(b));
    expect(canonical(a)).toBe(
      '{"image":3,"layers":["b","a"],"occluder":{"baseline":"grey","left":2,"top":1}}',
    );
  });

  it("tell values apart that differ in type, order of a list or presence", () => {
    const different = [
      { a: 1 },
      { a: "1" },
      { a: null },
      {},
      { a: [1, 2] },
      { a: [2, 1] },
      { b: 1 },
    ];
    expect(new Set(different.map(canonical)).size).toBe(different.length);
    expect(identity("top", { a: 1 })).not.toBe(identity("photo", { a: 1 }));
  });

  it("survive the trip through JSON, undefined fields left out", () => {
    const key = { unit: ["conv2@1", 7], rest: undefined, share: 0.1, text: 'quote " and ü' };
    expect(canonical(JSON.parse(JSON.stringify(key)))).toBe(canonical(key));
  });
});

describe("buffers", () => {
  const values = [1.5, -2.25, Number.NaN, 3e8];

  it.each([0, 1, 3, 4])("are read from a window at byte %i of a larger buffer", (offset) => {
    const raw = new Uint8Array(Float32Array.from(values).buffer);
    expect(Array.from(floats(windowOn(raw, offset)))).toEqual(values);
    const whole = new Uint8Array(Int32Array.from([-1, 500, 7]).buffer);
    expect(Array.from(ints(windowOn(whole, offset)))).toEqual([-1, 500, 7]);
    expect(Array.from(bytes(windowOn(raw, offset)))).toEqual(Array.from(raw));
  });

  it("are empty when there is none", () => {
    expect(floats(undefined)).toHaveLength(0);
  });
});

describe("colour maps", () => {
  // matplotlib 3.11, entries 0, 64, 128, 200, 255
  const reference = {
    viridis: [
      [68, 1, 84],
      [59, 82, 139],
      [33, 145, 140],
      [112, 207, 87],
      [253, 231, 37],
    ],
    magma: [
      [0, 0, 4],
      [81, 18, 124],
      [183, 55, 121],
      [253, 152, 105],
      [252, 253, 191],
    ],
    diverging: [
      [59, 76, 192],
      [141, 176, 254],
      [221, 220, 220],
      [240, 139, 110],
      [180, 4, 38],
    ],
  } as const;

  it.each(["viridis", "magma", "diverging"] as const)("%s is matplotlib's", (name) => {
    const lut = lutOf(name);
    expect(lut).toHaveLength(1024);
    [0, 64, 128, 200, 255].forEach((at, i) => {
      for (let c = 0; c < 3; c++) {
        const difference = Math.abs(lut[at * 4 + c]! - reference[name][i]![c]!);
        expect(difference).toBeLessThanOrEqual(2);
      }
      expect(lut[at * 4 + 3]).toBe(255);
    });
  });

  it("are all known here", () => {
    expect([...MAP_NAMES].sort()).toEqual(["diverging", "magma", "tint", "viridis"]);
  });

  it("tint leaves the photo as it is in the middle, and is opaque at both ends", () => {
    const lut = lutOf("tint");
    const at = (index: number) => [...lut.subarray(index * 4, index * 4 + 4)];
    expect(at(0)).toEqual([208, 16, 126, 255]); // magenta
    expect(at(255)).toEqual([46, 139, 18, 255]); // green
    const alphas = Array.from({ length: 256 }, (_, i) => lut[i * 4 + 3]!);
    expect(alphas[127]).toBeLessThanOrEqual(1);
    expect(alphas[128]).toBeLessThanOrEqual(1);
    for (let i = 1; i < 256; i++) {
      if (i < 128) expect(alphas[i]!).toBeLessThanOrEqual(alphas[i - 1]!);
      else expect(alphas[i]!).toBeGreaterThanOrEqual(alphas[i - 1]!);
    }
    for (let i = 0; i < 128; i++) expect(alphas[i]).toBe(alphas[255 - i]); // no side is favoured
    expect(gradient("tint")).toMatch(
      /^linear-gradient\(to right,rgba\(208,16,126,1\).*rgba\(46,139,18,1\)\)$/,
    );
    expect(gradient("tint", [0.5, 1])).toMatch(/^linear-gradient\(to right,rgba\(\d+,\d+,\d+,0/);
  });

  it.each(["viridis", "magma"] as const)("%s only grows lighter", (name) => {
    const lut = lutOf(name);
    const light = Array.from({ length: 256 }, (_, i) => {
      const [r, g, b] = [lut[i * 4]!, lut[i * 4 + 1]!, lut[i * 4 + 2]!];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    for (let i = 8; i < 256; i += 8) expect(light[i]!).toBeGreaterThan(light[i - 8]!);
  });

  it("clamp to the scale's ends", () => {
    expect([-1, 0, 0.5, 1, 9].map((v) => lutIndex(v, 0, 1))).toEqual([0, 0, 128, 255, 255]);
    expect(lutIndex(3, 3, 3)).toBe(0);
    expect(gradient("magma")).toMatch(
      /^linear-gradient\(to right,rgba\(0,0,4,1\).*rgba\(252,253,191,1\)\)$/,
    );
  });
});

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

describe("keys in a grid", () => {
  it("move by one, by a row, by a page, and to the ends", () => {
    const to = (key: string, from: number) => gridStep(key, from, 11, 4, 2);
    expect(to("ArrowRight", 3)).toBe(4);
    expect(to("ArrowLeft", 3)).toBe(2);
    expect(to("ArrowDown", 3)).toBe(7);
    expect(to("ArrowUp", 7)).toBe(3);
    expect(to("Home", 7)).toBe(0);
    expect(to("End", 3)).toBe(10);
    expect(to("PageDown", 1)).toBe(9);
    expect(to("PageDown", 6)).toBe(10);
    expect(to("PageUp", 3)).toBe(0);
  });

  it("stay inside, and leave other keys to others", () => {
    expect(gridStep("ArrowDown", 8, 11, 4)).toBe(8);
    expect(gridStep("ArrowLeft", 0, 11, 4)).toBe(0);
    expect(gridStep("ArrowRight", 10, 11, 4)).toBe(10);
    expect(gridStep("Enter", 3, 11, 4)).toBeNull();
    expect(gridStep("ArrowDown", 0, 0, 4)).toBeNull();
  });
});

describe("latest", () => {
  it("runs one at a time and skips what was overtaken", async () => {
    const started: number[] = [];
    let finish = () => {};
    const push = latest(async (value: number) => {
      started.push(value);
      await new Promise<void>((done) => {
        finish = done;
      });
    });
    for (const value of [1, 2, 3, 4]) push(value);
    expect(started).toEqual([1]);
    finish();
    await flush();
    expect(started).toEqual([1, 4]);
    finish();
    await flush();
    push(5);
    expect(started).toEqual([1, 4, 5]);
  });

  it("goes on with the newest when one fails", async () => {
    const complain = vi.spyOn(console, "error").mockImplementation(() => {});
    const started: number[] = [];
    const push = latest(async (value: number) => {
      started.push(value);
      await Promise.resolve();
      if (value === 1) throw new Error("of the first alone");
    });
    for (const value of [1, 2, 3]) push(value);
    await flush();
    expect(started).toEqual([1, 3]);
    expect(complain).toHaveBeenCalledOnce();
  });
});

describe("numbers for the eye", () => {
  it("have three digits and no false precision", () => {
    expect([0, 0.0173, 8.1234, 21.37, 812.4, -3.5].map(number)).toEqual([
      "0",
      "0.0173",
      "8.12",
      "21.4",
      "812",
      "-3.5",
    ]);
    expect(number(123456)).toBe("1.23e5");
    expect(number(Number.NaN)).toBe("–");
  });

  it("say when a share is nearly nothing or all", () => {
    expect([0, 0.0004, 0.052, 0.43, 0.9999, 1].map(percent)).toEqual([
      "0 %",
      "<0.1 %",
      "5.2 %",
      "43 %",
      ">99.9 %",
      "100 %",
    ]);
  });

  it("give time left in the unit that matters, or nothing", () => {
    expect([0.4, 12.2, 150, 9000, null].map(timeLeft)).toEqual([
      "less than 1 s left",
      "12 s left",
      "3 min left",
      "3 h left",
      "",
    ]);
  });
});
