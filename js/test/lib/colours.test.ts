import { describe, expect, it } from "vitest";
import { gradient, lutIndex, lutOf, MAP_NAMES } from "../../src/lib/pictures/colour";

describe("colour maps", () => {
  // matplotlib 3.11, entries 0, 64, 128, 200, 255
  const reference = {
    viridis: "440154 3b528b 21918c 70cf57 fde725",
    magma: "000004 51127c b73779 fd9869 fcfdbf",
    diverging: "3b4cc0 8db0fe dddcdc f08b6e b40426",
  };

  it.each(["viridis", "magma", "diverging"] as const)("%s is matplotlib's", (name) => {
    const lut = lutOf(name);
    expect(lut).toHaveLength(1024);
    const colours = reference[name].split(" ");
    [0, 64, 128, 200, 255].forEach((at, i) => {
      for (let c = 0; c < 3; c++) {
        const expected = Number.parseInt(colours[i]!.slice(2 * c, 2 * c + 2), 16);
        const difference = Math.abs(lut[at * 4 + c]! - expected);
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
