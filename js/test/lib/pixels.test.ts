import { afterEach, describe, expect, it, vi } from "vitest";
import { RAW } from "../../src/lib/pictures/canvas";
import { decodePixels, readAhead, readPng } from "../../src/lib/pictures/pixels";
import { windowOn } from "../support/fakes";

const [ROWS, COLUMNS] = [5, 7];
/** Whatever each value is: here and in Python, where the file below was written. */
const LEVEL = (row: number, column: number) => [
  40 * row + column,
  (255 - 30 * column + row) % 256,
  (row * column * 17) % 256,
];
const RGB = Array.from({ length: ROWS * COLUMNS }, (_, i) =>
  LEVEL(Math.floor(i / COLUMNS), i % COLUMNS),
);
const RGBA = RGB.flatMap((rgb) => [...rgb, 255]);

/** By `png` in zfwidgets/widgets/wire/png.py. */
const PYTHONS =
  "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAVklEQVR4AQXBsRHCMBQFwXcf7FwtKLpcLSgjVguacSWuhEqohEpgt/IL39Qnj3eed44r5yslkSZdhkxZsksiTboMmbJkl0SadBkyZckuiTTpMmTKkv0HdswOs1+c+PwAAAAASUVORK5CYII=";

const word = (value: number) => {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
};
const joined = (...parts: Iterable<number>[]) => Uint8Array.from(parts.flatMap((one) => [...one]));
const text = (name: string) => new TextEncoder().encode(name);

/** Its checksum isn't looked at: what is packed has one of its own. */
const chunk = (name: string, data: Uint8Array) =>
  joined(word(data.length), text(name), data, word(0));

async function packedBy(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packing = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packing).arrayBuffer());
}

/** A PNG file of the picture, whose rows have a filter: 0 is none, 2 the row above. */
async function file({ filter = 2, interlaced = 0, rows = ROWS, parts = 1, packed = true } = {}) {
  const lines: number[] = [];
  for (let row = 0; row < ROWS; row++) {
    lines.push(filter);
    for (let column = 0; column < COLUMNS; column++) {
      const above = filter === 2 && row > 0 ? LEVEL(row - 1, column) : [0, 0, 0];
      lines.push(...LEVEL(row, column).map((value, i) => (value - (above[i] as number)) & 255));
    }
  }
  const header = joined(word(COLUMNS), word(rows), [8, 2, 0, 0, interlaced]);
  const data = packed ? await packedBy(Uint8Array.from(lines)) : Uint8Array.from(lines);
  const some = parts === 2 ? [data.subarray(0, 9), data.subarray(9)] : [data];
  const signature = [137, 80, 78, 71, 13, 10, 26, 10];
  const all = [chunk("IHDR", header), ...some.map((one) => chunk("IDAT", one))];
  return joined(signature, ...all, chunk("IEND", new Uint8Array()));
}

const read = (bytes: Uint8Array) => readPng(windowOn(bytes));

afterEach(() => void vi.unstubAllGlobals());

/** Called for each file that is unpacked from now on. */
function countsUnpacking() {
  const called = vi.fn();
  class Counted extends DecompressionStream {
    constructor(format: CompressionFormat) {
      super(format);
      called();
    }
  }
  vi.stubGlobal("DecompressionStream", Counted);
  return called;
}

describe("a PNG file", () => {
  it("of the kernel's is read as it was written", async () => {
    const found = await read(Uint8Array.from(atob(PYTHONS), (one) => one.charCodeAt(0)));
    expect([found?.rows, found?.columns]).toEqual([ROWS, COLUMNS]);
    expect([...(found?.rgba ?? [])]).toEqual(RGBA);
  });

  it("packed by another zlib is the same", async () => {
    expect([...((await read(await file()))?.rgba ?? [])]).toEqual(RGBA);
  });

  it("in another form is left to the browser", async () => {
    const whole = await file();
    const others = {
      "other filters": await file({ filter: 0 }),
      interlaced: await file({ interlaced: 1 }),
      "two chunks": await file({ parts: 2 }),
      "not packed": await file({ packed: false }),
      "too few rows": await file({ rows: ROWS + 1 }),
      "too many rows": await file({ rows: ROWS - 1 }),
      "a claim of gigabytes": await file({ rows: 4e9 }),
      "cut off": whole.subarray(0, -13),
      "a JPEG": joined([0xff, 0xd8, 0xff, 0xe0], new Uint8Array(90)),
      nothing: new Uint8Array(),
    };
    for (const [what, bytes] of Object.entries(others)) {
      expect(await read(bytes), what).toBeNull();
    }
    vi.stubGlobal("DecompressionStream", undefined);
    expect(await read(whole)).toBeNull();
  });
});

describe("pixels", () => {
  it("of a PNG of ours and of what never left the page come without the browser", async () => {
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("asked")));
    const png = await decodePixels(windowOn(await file()), "image/png");
    expect([...png.rgba]).toEqual(RGBA);
    const raw = new Uint8Array(8 + RGBA.length);
    new DataView(raw.buffer).setUint32(0, ROWS, true);
    new DataView(raw.buffer).setUint32(4, COLUMNS, true);
    raw.set(RGBA, 8);
    const found = await decodePixels(windowOn(raw), RAW);
    expect([found.rows, found.columns, ...found.rgba]).toEqual([ROWS, COLUMNS, ...RGBA]);
  });

  it("of anything else are the browser's to decode", async () => {
    vi.stubGlobal("createImageBitmap", (blob: Blob) => Promise.reject(new Error(blob.type)));
    for (const [bytes, mime] of [
      [await file({ filter: 0 }), "image/png"],
      [await file(), "image/jpeg"],
    ] as const) {
      await expect(decodePixels(windowOn(bytes), mime)).rejects.toThrow(mime);
    }
  });

  it("read ahead are there at once, given away once, and few are kept", async () => {
    vi.stubGlobal("requestIdleCallback", (callback: () => void) => callback());
    const { signal } = new AbortController();
    const read = countsUnpacking();
    const one = windowOn(await file());
    await readAhead([one, one], "image/png", signal);
    expect(read).toHaveBeenCalledTimes(1);
    expect([...(await decodePixels(one, "image/png")).rgba]).toEqual(RGBA);
    expect(read).toHaveBeenCalledTimes(1);
    expect([...(await decodePixels(one, "image/png")).rgba]).toEqual(RGBA);
    expect(read).toHaveBeenCalledTimes(2);
    // Of two that are larger together than what is kept, the newer.
    const side = 1100;
    const large = () => {
      const raw = new DataView(new ArrayBuffer(8 + 4 * side ** 2));
      raw.setUint32(0, side, true);
      raw.setUint32(4, side, true);
      return raw;
    };
    const [older, newer] = [large(), large()];
    await readAhead([older, newer], RAW, signal);
    const [before, after] = [new Uint8Array(older.buffer), new Uint8Array(newer.buffer)];
    before.fill(7, 8);
    after.fill(7, 8);
    expect((await decodePixels(older, RAW)).rgba[0]).toBe(7); // read now
    expect((await decodePixels(newer, RAW)).rgba[0]).toBe(0); // as it was
  });

  it("aren't read ahead for whoever has left", async () => {
    vi.stubGlobal("requestIdleCallback", (callback: () => void) => callback());
    const read = countsUnpacking();
    await readAhead([windowOn(await file())], "image/png", AbortSignal.abort());
    expect(read).not.toHaveBeenCalled();
  });
});
