import { describe, expect, it } from "vitest";
import { Grids, namesOf } from "../../src/lib/occlusion/map_kinds";
import { csv, npy } from "../../src/lib/page/files";
import type { Key } from "../../src/lib/wire/protocol";
import { table } from "../../src/views/occlusion/export";
import { CATALOGUE, INPUT, slide } from "../support/kernel";

describe("a .npy file", () => {
  it("has NumPy's header 1.0, padded to 64 bytes, and little-endian numbers", async () => {
    const bytes = new Uint8Array(
      await npy(Float32Array.from([1.5, Number.NaN, -2]), [1, 3]).arrayBuffer(),
    );
    expect([...bytes.slice(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    const length = (bytes[8] as number) + 256 * (bytes[9] as number);
    expect((10 + length) % 64).toBe(0);
    const header = new TextDecoder().decode(bytes.slice(10, 10 + length));
    expect(header.trimEnd()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }");
    expect(header.endsWith("\n")).toBe(true);
    const view = new DataView(bytes.buffer, 10 + length);
    expect(view.byteLength).toBe(12);
    expect([view.getFloat32(0, true), view.getFloat32(8, true)]).toEqual([1.5, -2]);
  });
});

describe("a table", () => {
  it("quotes what needs it and leaves empty what isn't there", () => {
    expect(
      csv(
        ["a", "b,c"],
        [
          [1, 'x "y"'],
          [Number.NaN, null],
        ],
      ),
    ).toBe('a,b,c\n1,"x ""y"""\n,\n');
  });

  it("has a line a position, with the occluder's place and all maps", () => {
    const key = {
      image: 2,
      height: 16,
      width: 12,
      stride: 8,
      baseline: "grey",
      mask: null,
      extra_boxes: [],
      target: 1,
      layer: "features.3",
      channel: 4,
    } satisfies Key<"occlusion">;
    const [data, buffers] = slide(key, 9);
    const grids = new Grids({ data: data as never, buffers }, key);
    const lines = table(
      grids,
      INPUT,
      namesOf(() => CATALOGUE.classes),
    )
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(1 + 48);
    expect(lines[0]).toBe(
      "row,col,top,left,height,width,probability,logit,log_odds,predicted,total,unit,hamming,cosine,label",
    );
    const cell = lines[1 + 8]?.split(",") ?? []; // row 1, column 0
    expect(cell.slice(0, 6)).toEqual(["1", "0", "4", "0", "16", "10"]);
    expect([cell[7], ...cell.slice(9, 12)]).toEqual(["-7", "1", "12", "2"]);
    expect(cell.at(-1)).toBe("lynx");
    expect(lines[1 + 20]).toBe("2,4,12,30,16,12,,,,-1,,,,,");
  });
});
