import { describe, expect, it } from "vitest";
import { fieldBox, fieldOf } from "../../src/lib/network/fields";
import { MemorySelection } from "../../src/lib/page/selection_store";
import { NotStored, Superseded } from "../../src/lib/wire/source";
import { guard, harmless } from "../../src/report/guard";
import { follow, toHash } from "../../src/report/link";
import { StoredSelection, snapped } from "../../src/report/snap";
import { StoredAnswers, StoredSource } from "../../src/report/stored/answers";
import { BrokenReport, Bundle, inPage, FORMAT as VERSION } from "../../src/report/stored/bundle";
import { branchesText, fieldsText, fieldText, seesText } from "../../src/views/picker/layer_words";

const FORMAT = { height: 6, width: 8, stride: 4, baseline: "grey", mask: null, extra_boxes: [] };
const OCCLUDER = {
  top: 9,
  left: 12,
  height: 6,
  width: 8,
  baseline: "grey",
  mask: null,
  extra_boxes: [],
};

/** A part as Python packs it. */
async function pack(answers: [unknown, Uint8Array[]][]): Promise<Uint8Array> {
  let end = 0;
  const header = answers.map(([data, buffers]) => [
    data,
    buffers.map((buffer) => {
      end += buffer.length;
      return [end - buffer.length, buffer.length];
    }),
  ]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new Uint32Array([text.length]).buffer);
  const content = [length, text, ...answers.flatMap(([, buffers]) => buffers)];
  const plain = new Blob(content as Uint8Array<ArrayBuffer>[]).stream();
  const packed = new Response(plain.pipeThrough(new CompressionStream("gzip")));
  return new Uint8Array(await packed.arrayBuffer());
}

function sum(part: Uint8Array): [number, number] {
  return [part.length, new DataView(part.buffer).getUint32(part.length - 8, true)];
}

const classes = Array.from({ length: 5 }, (_, i) => `class ${i}`);
const layer = {
  name: "a & b",
  kind: "Conv2d",
  role: "conv",
  channels: 2,
  rows: 12,
  columns: 16,
  rectified: false,
  field: { size: [8, 8], stride: [2, 2], offset: [-3, -3], reach: "exact" },
};
const catalogue = {
  engine: { model: "m", device: "cpu", transform: "", notes: [], skipped: [], input: [3, 24, 32] },
  layers: [layer],
  images: [
    { name: "one", label: null },
    { name: "two", label: null },
  ],
  classes,
  rules: ["deconvnet"],
  baselines: ["grey"],
  no_classes: "",
  indexed: true,
};

/** A bundle with a photo's prediction and the positions of one map, 6 x 8 cells of 2 classes. */
async function parts(): Promise<Record<string, Uint8Array>> {
  const grid = new Uint16Array(6 * 8 * 2).map((_, i) => i * 100);
  const positions = { classes: [3, 1], rows: 6, columns: 8, stride: [4, 4], size: [6, 8] };
  const photo = await pack([
    [{ classes: 5 }, [new Uint8Array(new Float32Array(5).fill(0.2).buffer)]],
  ]);
  const map = await pack([[positions, [new Uint8Array(grid.buffer)]]]);
  const manifest = {
    format: VERSION,
    fingerprint: "f",
    catalogue,
    parts: { "photo/1": sum(photo), "map/1": sum(map) },
    answers: [
      ["predict", { image: 1, occluder: null }, "photo/1", 0],
      ["positions", { image: 1, ...FORMAT }, "map/1", 0],
    ],
    layers: {},
    formats: [FORMAT],
    sentences: { positions: "6 x 8 only", predict: "no scores", other: "a kernel does" },
  };
  return { manifest: await pack([[manifest, []]]), "photo/1": photo, "map/1": map };
}

async function bundle(changed: Record<string, Uint8Array> = {}): Promise<Bundle> {
  const all: Record<string, Uint8Array> = { ...(await parts()), ...changed };
  const open = async (part: string) => all[part] as Uint8Array<ArrayBuffer>;
  return Bundle.read(open, open);
}

describe("a bundle", () => {
  it("gives what was packed", async () => {
    const [stored] = await (await bundle()).part("photo/1");
    expect(stored?.data).toEqual({ classes: 5 });
    expect(stored?.buffers[0]?.byteLength).toBe(20);
  });

  it("names a part that isn't what was written", async () => {
    const photo = (await parts())["photo/1"] as Uint8Array;
    const flipped = photo.slice();
    flipped[photo.length >> 1] = (flipped[photo.length >> 1] as number) ^ 4;
    for (const wrong of [flipped, photo.slice(0, -3), await pack([[{ classes: 6 }, []]])]) {
      const broken = await bundle({ "photo/1": wrong });
      const error = await broken.part("photo/1").catch((reason) => reason);
      expect(error).toBeInstanceOf(BrokenReport);
      expect(error.message).toContain("photo/1");
    }
  });

  it("names a part that is whole but says what can't be", async () => {
    const raw = async (content: Uint8Array) => {
      const plain = new Blob([content as Uint8Array<ArrayBuffer>]).stream();
      const packed = new Response(plain.pipeThrough(new CompressionStream("gzip")));
      return new Uint8Array(await packed.arrayBuffer());
    };
    const text = (json: string) => {
      const letters = new TextEncoder().encode(json);
      return new Uint8Array([letters.length, 0, 0, 0, ...letters]);
    };
    const wrong = ["[[{}, [[0, 99]]]]", "[[{}, [[-9, 1]]]]", "[1]", "{", "3", "[[{}, 4]]"];
    const contents = [...wrong.map(text), new Uint8Array(3), new Uint8Array([255, 255, 255, 127])];
    for (const content of contents) {
      const error = await bundle({ manifest: await raw(content) }).catch((reason) => reason);
      expect(error).toBeInstanceOf(BrokenReport);
    }
  });

  it("doesn't take a manifest without what it must list", async () => {
    const all = { format: VERSION, catalogue, parts: {}, answers: [], layers: {}, formats: [] };
    for (const name of ["catalogue", "parts", "answers", "layers", "formats"]) {
      for (const value of [undefined, null, 3, "x"]) {
        const manifest = await pack([[{ ...all, sentences: {}, [name]: value }, []]]);
        await expect(bundle({ manifest })).rejects.toThrow(BrokenReport);
      }
    }
  });

  it("stops unpacking what grows beyond a part", async () => {
    let pieces = 0;
    const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (pieces++ < 300) controller.enqueue(new Uint8Array(2 ** 20));
        else controller.close();
      },
    });
    const packed = new Response(zeros.pipeThrough(new CompressionStream("gzip")));
    const manifest = new Uint8Array(await packed.arrayBuffer());
    expect(manifest.length).toBeLessThan(1e6);
    const error = await bundle({ manifest }).catch((reason) => reason);
    expect(error).toBeInstanceOf(BrokenReport);
    expect(String(error.cause)).toContain("more than");
  }, 60_000);

  it("names another format", async () => {
    for (const format of [1, 99]) {
      const manifest = await pack([[{ format }, []]]);
      await expect(bundle({ manifest })).rejects.toThrow(`format 2, not ${format}`);
    }
  });

  it("reads parts from the page, and says which one is missing", async () => {
    const script = document.createElement("script");
    script.type = "application/octet-stream";
    script.id = "zf-part-0-manifest";
    script.textContent = btoa("hello");
    document.body.append(script);
    const open = inPage(document, "0-");
    expect(new TextDecoder().decode(await open("manifest"))).toBe("hello");
    await expect(open("layer/1")).rejects.toThrow("Part “layer/1” isn't in this file");
    script.textContent = "!!";
    await expect(open("manifest")).rejects.toThrow(BrokenReport);
    script.remove();
  });
});

describe("stored answers", () => {
  const options = { slot: "s", priority: 0 };

  it("are given as they were", async () => {
    const source = new StoredSource(new StoredAnswers(await bundle()));
    const { buffers } = await source.get("predict", { occluder: null, image: 1 }, options);
    expect(buffers[0]?.getFloat32(16, true)).toBeCloseTo(0.2);
    await expect(source.get("predict", { image: 0, occluder: null }, options)).rejects.toThrow(
      "no scores",
    );
    await expect(source.get("sample", { layer: "a & b", channel: 0 }, options)).rejects.toThrow(
      "a kernel does",
    );
  });

  it("under an occluder are those of its cell, and of no other place", async () => {
    const source = new StoredSource(new StoredAnswers(await bundle()));
    const at = snapped(OCCLUDER, [FORMAT], [24, 32]);
    const [row, col] = [(at.top + 3 - 2) / 4, (at.left + 4 - 2) / 4];
    const { buffers } = await source.get("predict", { image: 1, occluder: at }, options);
    const value = (index: number) => buffers[0]?.getFloat32(index * 4, true);
    expect(value(3)).toBeCloseTo(((row * 8 + col) * 2 * 100) / 65535);
    expect(value(1)).toBeCloseTo((((row * 8 + col) * 2 + 1) * 100) / 65535);
    expect(value(0)).toBe(Number.NEGATIVE_INFINITY);
    for (const other of [
      { ...at, top: at.top + 1 },
      { ...at, height: 7 },
      { ...at, baseline: "mean" },
      { ...at, mask: "f".repeat(64) },
    ]) {
      const asked = source.get("predict", { image: 1, occluder: other }, options);
      await expect(asked).rejects.toBeInstanceOf(NotStored);
    }
    const asked = source.get("predict", { image: 0, occluder: at }, options);
    await expect(asked).rejects.toThrow("6 x 8 only");
  });

  it("go to the newest of a slot, in each view by itself", async () => {
    const answers = new StoredAnswers(await bundle());
    const [one, two] = [new StoredSource(answers), new StoredSource(answers)];
    const key = { image: 1, occluder: null };
    const older = one.get("predict", key, options);
    const newer = one.get("catalogue", {}, options);
    const other = two.get("predict", key, options);
    await expect(older).rejects.toBeInstanceOf(Superseded);
    expect((await newer).data.classes).toEqual(classes);
    expect((await other).data.classes).toBe(5);
    // Nor does the newest hear that an older one isn't stored.
    const lacking = one.get("predict", { image: 0, occluder: null }, options);
    const stored = one.get("predict", key, options);
    await expect(lacking).rejects.toBeInstanceOf(Superseded);
    expect((await stored).data.classes).toBe(5);
    const gone = new AbortController();
    const aborted = one.get("predict", key, { ...options, signal: gone.signal });
    gone.abort();
    await expect(aborted).rejects.toBeInstanceOf(Superseded);
  });
});

describe("a stored selection", () => {
  it("puts the occluder where its effect is stored", () => {
    const state = { unit: null, photo: 1, occluder: OCCLUDER, target: null, rule: "deconvnet" };
    const selection = new StoredSelection(state, [FORMAT], [24, 32]);
    const places = new Set<string>();
    for (let top = -3; top < 24; top++) {
      for (let left = -4; left < 32; left++) {
        selection.set("occluder", { ...OCCLUDER, top, left, height: 5, baseline: "mean" });
        const box = selection.get("occluder");
        expect(box).toMatchObject({ height: 6, width: 8, baseline: "grey" });
        places.add(`${box?.top} ${box?.left}`);
      }
    }
    expect(places.size).toBe(6 * 8);
    selection.set("photo", 0);
    expect(selection.get("photo")).toBe(0);
  });

  it("leaves the occluder alone where nothing is stored", () => {
    expect(snapped(OCCLUDER, [], [24, 32])).toBe(OCCLUDER);
  });
});

describe("links", () => {
  const selection = () =>
    new MemorySelection({ unit: null, photo: 0, occluder: null, target: null, rule: "" });

  it("come back as what was chosen, whatever a layer is called", () => {
    const one = selection();
    one.set("unit", ["a & b", 1]);
    one.set("photo", 1);
    one.set("target", 4);
    const other = selection();
    expect(follow(toHash(one), other, catalogue as never)).toBe("");
    for (const field of ["unit", "photo", "target"] as const) {
      expect(other.get(field)).toEqual(one.get(field));
    }
  });

  it("name images by index or name", () => {
    const one = selection();
    expect(follow("#image=two", one, catalogue as never)).toBe("");
    expect(one.get("photo")).toBe(1);
  });

  it("that lead nowhere say so and choose nothing", () => {
    for (const hash of [
      "#layer=c&channel=1",
      "#layer=a+%26+b&channel=2",
      "#layer=a+%26+b&channel=-1",
      "#image=2",
      "#image=x",
      "#target=5",
    ]) {
      const one = selection();
      expect(follow(hash, one, catalogue as never)).toContain("doesn't have what the link names");
      expect(one.get("unit")).toBe(null);
      expect(one.get("photo")).toBe(0);
    }
    expect(follow("#section-2", selection(), catalogue as never)).toBe("");
  });
});

describe("photos to choose from", () => {
  async function holding(): Promise<StoredAnswers> {
    const scores = (best: number): Uint8Array =>
      new Uint8Array(Float32Array.from([0, 1, 2, 3, 4], (i) => (i === best ? 0.6 : 0.1)).buffer);
    const picture = {
      image: 1,
      name: "two",
      label: null,
      rows: 24,
      columns: 32,
      mime: "image/png",
    };
    const photo = await pack([
      [{ classes: 5 }, [scores(3)]],
      [picture, [new Uint8Array([1])]],
    ]);
    const manifest = {
      format: 2,
      fingerprint: "f",
      catalogue,
      parts: { "photo/1": sum(photo) },
      answers: [
        ["predict", { image: 1, occluder: null }, "photo/1", 0],
        ["photo", { image: 1 }, "photo/1", 1],
      ],
      layers: {},
      formats: [],
      sentences: { photo: "not in the report", other: "a kernel does" },
    };
    const all: Record<string, Uint8Array> = {
      manifest: await pack([[manifest, []]]),
      "photo/1": photo,
    };
    const open = async (part: string) => all[part] as Uint8Array<ArrayBuffer>;
    return new StoredAnswers(await Bundle.read(open, open));
  }

  it("come without occlusion maps where the report holds none, and say so", async () => {
    expect(new StoredSource(await holding()).noMaps).toBe(true);
  });

  it("are those that the report holds, and none of one's own", async () => {
    const { data } = await (await holding()).find("photos", {});
    expect(data.held).toEqual([1]);
    expect(data.own).toEqual([]);
    expect(data.no_own).toBe("A photo of your own needs a kernel: this is a report.");
  });

  it("have the classes that the report knows", async () => {
    const { data, buffers } = await (await holding()).find("predicted", {});
    expect(data).toEqual({ done: 2, total: 2 });
    expect([...new Int32Array(buffers[0]?.buffer as ArrayBuffer)]).toEqual([-1, 3]);
  });

  it("can't be looked at where a kernel is needed", async () => {
    const key = { image: 1, layer: "a & b" };
    await expect((await holding()).find("responses", key)).rejects.toThrow("a kernel does");
  });
});

it("channels of different branches have fields of their own", () => {
  const [narrow, wide] = [
    { ...layer.field, size: [3, 5] },
    { ...layer.field, size: [7, 9] },
  ];
  const shuffled = {
    ...layer,
    channels: 6,
    fields: [
      { ...wide, first: [1, 5] },
      { ...narrow, first: [0, 3] },
    ],
  } as never;
  const sizes = [0, 1, 2, 3, 4, 5].map((channel) => fieldOf(shuffled, channel).size[1]);
  expect(sizes).toEqual([5, 9, 9, 5, 5, 9]);
  expect(fieldOf({ ...layer, channels: 6 } as never, 4)).toEqual(layer.field);
  expect(fieldText(shuffled)).toBe("3×5 – 7×9");
  expect(fieldsText(shuffled)).toBe(
    "receptive fields 3×5 (channel 0), 7×9 (channels 1 to 2), 3×5 (channels 3 to 4), 7×9 (channel 5)",
  );
  expect(fieldsText(layer as never)).toBe("receptive field 8×8");
  expect([0, 5].map((channel) => seesText(shuffled, channel))).toEqual([
    "sees 3×5 pixels",
    "sees 7×9 pixels",
  ]);
  expect(branchesText(shuffled)).toContain("channel 0: 3×5; channels 1 to 2: 7×9; ");
  expect(seesText(layer as never, 0) + branchesText(layer as never)).toBe("");
});

it("receptive fields are those of the records", () => {
  const field = { ...layer.field, size: [8, 40] } as never;
  expect(fieldBox(field, 2, 3, [24, 32])).toEqual({ top: 1, left: 0, height: 8, width: 32 });
  expect(fieldBox(layer.field as never, 0, 15, [24, 32])).toEqual({
    top: -3,
    left: 27,
    height: 8,
    width: 8,
  });
});

describe("HTML of figures", () => {
  const AWAY = [
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">',
    '<base href="http://127.0.0.1:9/">',
    '<iframe srcdoc="x"></iframe>',
    '<link rel="dns-prefetch" href="//evil.example">',
    "<object data=x></object>",
    "<embed src=x>",
    "<form action=x></form>",
  ];

  it("keeps what shows and leaves out what leads away", () => {
    const div = document.createElement("div");
    for (const away of AWAY) {
      const safe = harmless(`<b>bold</b>${away}<i class="x">after</i>`, div);
      expect(safe).toBe('<b>bold</b><i class="x">after</i>');
      const nested = harmless(
        `<svg><foreignObject>${away}</foreignObject></svg><p>${away}</p>`,
        div,
      );
      expect(nested).not.toMatch(/<(meta|base|iframe|link|object|embed|form)/i);
    }
    expect(harmless("<form>in <b>it</b></form>", div)).toBe("in <b>it</b>");
    for (const plain of ["a < b", "<b>x</b>", "meta", "&lt;meta&gt;", "<metadata>"]) {
      expect(harmless(plain, div)).toBe(plain);
    }
    const row = harmless(`<td>1</td>${AWAY[0]}<td>2</td>`, document.createElement("tr"));
    expect(row).toBe("<td>1</td><td>2</td>");
  });

  it("passes that wherever HTML becomes elements", () => {
    guard();
    guard();
    const div = document.createElement("div");
    document.body.append(div);
    const meta = `<b>kept</b>${AWAY[0]}`;
    div.innerHTML = meta;
    expect(div.innerHTML).toBe("<b>kept</b>");
    for (const where of ["beforebegin", "afterbegin", "beforeend", "afterend"] as const) {
      div.insertAdjacentHTML(where, meta);
    }
    div.append(document.createRange().createContextualFragment(meta));
    const inside = new DOMParser().parseFromString(meta, "text/html");
    div.append(...inside.body.childNodes);
    div.innerHTML += meta;
    const other = div.appendChild(document.createElement("p"));
    other.outerHTML = meta;
    expect(document.querySelectorAll("body meta, body base")).toHaveLength(0);
    expect(document.querySelectorAll("body b").length).toBeGreaterThan(6);
    div.innerHTML = null as unknown as string;
    expect(div.childNodes).toHaveLength(0);
  });
});
