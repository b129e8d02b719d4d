import { describe, expect, it, vi } from "vitest";
import type { Key, Occluder } from "../../../src/lib/wire/protocol";
import occlusionMap from "../../../src/widgets/occlusion_map";
import { flush } from "../../support/fakes";
import { CATALOGUE, press, serve, slide, stage } from "../../support/kernel";
import { all, frames, keyOf, occluder, one, onFakePage } from "../../support/page";
import { button, choose, legends, maps, note, open, rest, slid } from "./opened";

onFakePage();

describe("occlusion", () => {
  it("starts the map by itself when all has rested, with the settings on screen", async () => {
    const { model, selection, root } = await open({ stride: 8 });
    expect(maps(model)).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    selection.set("occluder", occluder({ height: 20, baseline: "mean" }));
    await vi.advanceTimersByTimeAsync(299);
    expect(maps(model)).toHaveLength(0);
    expect(root.dataset.zfSettled).toBe("false");
    await vi.advanceTimersByTimeAsync(2);
    expect(maps(model).map(keyOf)).toEqual([
      {
        fingerprint: model.get("fingerprint"),
        image: 2,
        height: 20,
        width: 12,
        stride: 8,
        baseline: "mean",
        mask: null,
        extra_boxes: [],
        target: null,
        layer: "features.3",
        channel: null,
      },
    ]);
    await serve(model);
    await frames();
    expect(one(root, ".zf-heat").hidden).toBe(false);
    expect(note(root)).toContain("Magenta: covering there lowers it. Green: raises it.");
    expect(legends(root)).toEqual([
      "−75 points+23 pointsmark: no changeover the whole map, of “tiger cat” (75 % without occluder)",
    ]);
    expect(root.dataset.zfSettled).toBe("true");
  });

  it("says where the quantity changes most, and puts the occluder there", async () => {
    const { model, selection, root } = await slid({ stride: 8 });
    const where = () => all<HTMLButtonElement>(root, ".zf-most");
    expect(where().map((e) => e.textContent)).toEqual(["Cover where it matters most: 75 % → 0 %"]);
    selection.set("occluder", { ...selection.get("occluder")!, top: 40, left: 30 });
    await rest();
    await serve(model);
    await frames();
    where()[0]!.click();
    const { height, width, top, left } = selection.get("occluder") as Occluder;
    // Centred on the first cell, of 8 x 8 pixels.
    expect([top, left]).toEqual([4 - Math.floor(height / 2), 4 - Math.floor(width / 2)]);
    choose(root, "Map", "predicted");
    expect(where()).toHaveLength(0);
  });

  it("waits for the button with auto off, and stops at the button", async () => {
    const { model, root } = await open({ auto: false });
    await vi.advanceTimersByTimeAsync(1000);
    expect(maps(model)).toHaveLength(0);
    button(root).click();
    await flush();
    expect(maps(model)).toHaveLength(1);
    expect(button(root).textContent).toBe("Stop");
    button(root).click();
    await flush();
    expect(model.cancels.map(({ slot }) => slot)).toEqual(["photo:map"]);
    expect(button(root).textContent).toBe("Compute map");
  });

  it("never shows the map of one photo over another", async () => {
    const { model, selection, root } = await open({});
    await vi.advanceTimersByTimeAsync(301);
    await serve(model);
    expect(one(root, ".zf-heat").hidden).toBe(false);
    selection.set("photo", 5);
    expect(one(root, ".zf-heat").hidden).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(maps(model)).toHaveLength(1); // the photo itself isn't there yet
    await serve(model);
    await vi.advanceTimersByTimeAsync(301);
    expect(keyOf(maps(model).at(-1)!)).toMatchObject({ image: 5 });
  });

  it("doesn't start again when the occluder only moves", async () => {
    const { model, selection } = await open({});
    await vi.advanceTimersByTimeAsync(301);
    await serve(model);
    selection.set("occluder", occluder({ top: 3, left: 30 }));
    await vi.advanceTimersByTimeAsync(1000);
    expect(maps(model)).toHaveLength(1);
  });

  it("shows progress while partial maps come", async () => {
    const { model, root } = await open({});
    await vi.advanceTimersByTimeAsync(301);
    const request = maps(model)[0]!;
    model.answer(request, "progress", { what: "sliding", done: 12, total: 48, seconds_left: 7 });
    expect(one(root, ".zf-map-progress").textContent).toBe("12 / 48 · 7 s left");
    expect(button(root).textContent).toBe("Stop");
  });

  it("moves the occluder with keys: arrows by a stride, Shift for its size", async () => {
    const { selection, root } = await open({ stride: 8 });
    const occluder = one(root, ".zf-occluder");
    expect(occluder.getAttribute("aria-label")).toContain("16 by 12 pixels at row 10, column 20");
    press(occluder, "ArrowDown");
    press(occluder, "ArrowLeft");
    expect(selection.get("occluder")).toMatchObject({ top: 18, left: 12, height: 16, width: 12 });
    press(occluder, "ArrowRight", { shiftKey: true });
    expect(selection.get("occluder")).toMatchObject({
      height: 16,
      width: 20,
      baseline: "grey",
      mask: null,
      extra_boxes: [],
    });
    for (let i = 0; i < 20; i++) press(occluder, "ArrowDown");
    expect(selection.get("occluder")).toMatchObject({ top: 39 }); // its centre in the last row
  });

  it("reads the map cell by cell, and puts the occluder where the cursor is", async () => {
    const { model, selection, root } = await open({ stride: 8 });
    await vi.advanceTimersByTimeAsync(301);
    await serve(model);
    const heat = one(root, ".zf-heat");
    heat.focus();
    press(heat, "ArrowDown");
    press(heat, "ArrowRight");
    press(heat, "ArrowRight");
    const readout = one(root, ".zf-photo .zf-readout");
    // (8 + 2) / 48 instead of 75 %
    expect(readout.textContent).toBe("cell 1, 2: tiger cat 21 % (−54 points), predicted lynx");
    choose(root, "Colours of the map", "viridis");
    press(heat, "ArrowLeft");
    expect(readout.textContent).toBe("cell 1, 1: tiger cat 19 %, predicted espresso");
    press(heat, "ArrowRight");
    press(heat, "Enter");
    expect(selection.get("occluder")).toMatchObject({ top: 4, left: 14, height: 16, width: 12 });
  });

  it("asks for one prediction at a time under a dragged occluder, the newest next", async () => {
    const { model, selection } = await open({ auto: false });
    const under = () =>
      model.gets.filter((request) => request.kind === "predict" && keyOf(request).occluder);
    const before = under().length;
    for (let top = 0; top < 30; top++) {
      selection.set("occluder", occluder({ top }));
      await flush();
    }
    expect(under()).toHaveLength(before + 1);
    await serve(model);
    await frames();
    expect(under()).toHaveLength(before + 2);
    expect(keyOf(under().at(-1)!)).toMatchObject({ occluder: { top: 29 } });
    expect(model.cancels).toEqual([]);
  });

  it("shows clean and occluded bars, and lets a class be the target", async () => {
    const { model, selection, root } = await open({});
    const rows = () => all<HTMLButtonElement>(root, ".zf-class");
    expect(rows().length).toBeGreaterThanOrEqual(5);
    expect(rows()[0]?.textContent).toContain("→");
    const other = rows()[2]!;
    other.click();
    const index = Number(other.dataset.class);
    expect(selection.get("target")).toBe(index);
    expect(rows().filter((row) => row.getAttribute("aria-pressed") === "true")).toEqual([other]);
    await vi.advanceTimersByTimeAsync(301);
    expect(keyOf(maps(model).at(-1)!)).toMatchObject({ target: index });
    other.click();
    expect(selection.get("target")).toBeNull();
  });
});

describe("a model without class scores", () => {
  it("is asked for none, and says why; maps of activations start by themselves", async () => {
    const { model, root } = await stage(occlusionMap, {}, { stride: 8 });
    const why = "Net gives a tensor of shape (1, 4, 6, 8) for one image";
    for (const request of model.gets.filter(({ kind }) => kind === "catalogue")) {
      model.answer(request, "reply", { ...CATALOGUE, classes: [], no_classes: why });
    }
    await serve(model);
    await rest();
    expect(maps(model)).toHaveLength(1);
    await serve(model);
    await frames();
    expect(model.gets.filter(({ kind }) => kind === "predict")).toEqual([]);
    expect(one(root, ".zf-classes .zf-note").textContent).toContain(why);
    expect(one<HTMLSelectElement>(root, "select[aria-label='Map']").value).toBe("total");
    expect(one(root, ".zf-heat").hidden).toBe(false);
    expect(one(root, ".zf-now").textContent).toContain("in channel 5");
    expect(root.dataset.zfSettled).toBe("true");
  });
});

describe("a pass", () => {
  it("says before it starts how many positions it has and how long they take", async () => {
    const { model, root } = await open({ auto: false, stride: 8 });
    await frames();
    expect(keyOf(model.request("estimate"))).not.toHaveProperty("target");
    await serve(model);
    expect(one(root, ".zf-map-progress").textContent).toBe(
      "48 positions · about 4 s, from passes on this device",
    );
  });

  it("keeps what there is when it is stopped, answers other targets from it, and goes on", async () => {
    const { model, selection, root } = await open({ auto: false, stride: 8 });
    button(root).click();
    await flush();
    const first = maps(model)[0]!;
    model.answer(first, "partial", ...slide(first.key as Key<"occlusion">, 12));
    await flush();
    button(root).click();
    expect(one(root, ".zf-map-progress").textContent).toBe("12 / 48 · stopped");
    expect(button(root).textContent).toBe("Go on");
    expect(one(root, ".zf-heat").hidden).toBe(false);

    selection.set("target", 2);
    await flush();
    const peek = maps(model)[1]!;
    const before = model.cancels.length;
    model.answer(peek, "partial", ...slide(peek.key as Key<"occlusion">, 13));
    await flush();
    expect(model.cancels).toHaveLength(before + 1); // it was the user who stopped it
    expect(one(root, ".zf-map-progress").textContent).toBe("13 / 48 · stopped");
    expect(legends(root)[0]).toContain("espresso");

    button(root).click();
    await serve(model);
    expect(one(root, ".zf-map-progress").textContent).toBe("48 positions");
    expect(button(root).textContent).toBe("Compute map");
  });

  it("stays stopped when targets are chosen quicker than they are answered", async () => {
    const { model, selection, root } = await open({ auto: false, stride: 8 });
    button(root).click();
    await flush();
    model.answer(maps(model)[0]!, "partial", ...slide(maps(model)[0]!.key as never, 12));
    await flush();
    button(root).click();
    for (const target of [2, 3]) {
      selection.set("target", target);
      await flush();
    }
    const peek = maps(model).at(-1)!;
    expect(keyOf(peek).target).toBe(3);
    model.answer(peek, "partial", ...slide(peek.key as Key<"occlusion">, 13));
    await flush();
    expect(one(root, ".zf-map-progress").textContent).toBe("13 / 48 · stopped");
    expect(button(root).textContent).toBe("Go on");
  });

  it("that fails says why in its place, and another one can be started", async () => {
    const { model, selection, root } = await open({ stride: 8 });
    await rest();
    const message = "cpu ran out of memory with one position a batch: use a smaller image.";
    model.answer(maps(model)[0]!, "error", { name: "OutOfMemory", message });
    await serve(model, ["occlusion"]);
    await frames();
    expect(one(root, ".zf-photo .zf-error").textContent).toContain(message);
    expect(root.dataset.zfSettled).toBe("true");
    expect(button(root).textContent).toBe("Compute map");
    selection.set("occluder", { ...(selection.get("occluder") as object), height: 24 });
    await rest();
    await serve(model);
    expect(root.querySelector(".zf-photo .zf-error:not([hidden])")).toBeNull();
    expect(one(root, ".zf-heat").hidden).toBe(false);
  });
});
