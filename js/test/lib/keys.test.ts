import { describe, expect, it, vi } from "vitest";
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
