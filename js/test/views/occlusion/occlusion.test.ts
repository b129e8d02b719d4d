import { describe, expect, it, vi } from "vitest";
import { baselineText } from "../../../src/lib/occlusion/baselines";
import { LOST_MS } from "../../../src/lib/wire/kernel_source";
import type { Key, Occluder, Request } from "../../../src/lib/wire/protocol";
import explorer from "../../../src/widgets/explorer";
import occlusionMap from "../../../src/widgets/occlusion_map";
import { type FakeModel, flush, numbers } from "../../support/fakes";
import { CATALOGUE, press, serve, slide, stage } from "../../support/kernel";
import { all, frames, keyOf, occluder, one, onFakePage } from "../../support/page";

onFakePage();

const rest = () => vi.advanceTimersByTimeAsync(301);
const choose = (root: HTMLElement, label: string, value: string) => {
  const element = one<HTMLSelectElement>(root, `select[aria-label='${label}']`);
  element.value = value;
  element.dispatchEvent(new Event("change"));
};
const open = async (options = {}, state = {}) => {
  const all_ = await stage(occlusionMap, state, options);
  await serve(all_.model);
  return all_;
};
/** With its whole map. */
const slid = async (options = {}, state = {}) => {
  const all_ = await open(options, state);
  await rest();
  await serve(all_.model);
  await frames();
  return all_;
};
const maps = (model: FakeModel) => model.gets.filter(({ slot }) => slot === "photo:map");
const button = (root: HTMLElement) => one<HTMLButtonElement>(root, ".zf-primary");
const note = (root: HTMLElement) => one(root, ".zf-photo .zf-note").textContent ?? "";
const legends = (root: HTMLElement) => all(root, ".zf-map-legend").map((e) => e.textContent ?? "");
const byText = (root: HTMLElement, text: string) => {
  const found = all<HTMLButtonElement>(root, "button").find((e) => e.textContent === text);
  if (!found) throw new Error(`no button ${text}`);
  return found;
};

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

describe("maps of one pass", () => {
  it("are switched without the kernel, with their own legend, unit and reading", async () => {
    const { model, root } = await slid({ stride: 8, colours: "viridis" });
    const asked = model.gets.length;
    const words: [string, string, string][] = [
      ["probability", "0 %98 %without occluder 75 %probability of “tiger cat”", "takes the class"],
      [
        "logit",
        "-476without occluder 6logit of “tiger cat” (the score before softmax)",
        "this class's own score",
      ],
      ["log_odds", "-32.88without occluder 1.25log-odds of “tiger cat” (ln p/(1−p))", "near 0 %"],
      [
        "predicted",
        "most probable class: 0 of 48 positions keep “tiger cat”" +
          "lynx: 24 positionsespresso: 24 positions",
        "Without occluder it is “tiger cat”",
      ],
      [
        "total",
        "595without occluder 95total activation of feature map features.3 : 5",
        "silences what",
      ],
      [
        "unit",
        "011.8without occluder 8activation of features.3 : 5 at row 3, column 4",
        "strongest",
      ],
      ["hamming", "0 %98 %without occluder 0 %share of features.3's units", "which units"],
      [
        "cosine",
        "01.96without occluder 0cosine distance of features.3's features (1 − cos",
        "turns the features",
      ],
    ];
    for (const [kind, legend, reading] of words) {
      choose(root, "Map", kind);
      expect(legends(root).join("")).toContain(legend);
      expect(note(root)).toContain(reading);
      expect(one(root, ".zf-heat").hidden).toBe(false);
    }
    choose(root, "Map", "none");
    expect(one(root, ".zf-heat").hidden).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(model.gets).toHaveLength(asked);
  });

  it("show what the occluder changes around grey, in points or in the map's own unit", async () => {
    const { model, root } = await slid({ stride: 8, colours: "diverging" });
    const asked = model.gets.length;
    // As in kernel.ts: the smallest and the largest value, and that without occluder.
    const words: [string, string, string, string][] = [
      [
        "probability", // 0 to 47/48, 75 %
        "−75 points+23 pointsmark: no changeover the whole map, of “tiger cat” (75 % without occluder)",
        "Blue: covering there lowers it. Red: raises it. Grey: no change.",
        "cell 0, 0: tiger cat 0 % (−75 points), predicted lynx",
      ],
      [
        "logit", // -47 to 0, 6
        "−53no changewithout occluder 6change of the logit of “tiger cat” (the score",
        "Blue: covering there lowers it; hardly anywhere does it rise. Grey: no change.",
        "cell 0, 0: logit 0 (−6), predicted lynx",
      ],
      [
        "log_odds", // -3 to 2.875, 1.25
        "−4.25+1.63grey: no change (1.25)change of the log-odds of",
        "Blue: covering there lowers it.",
        "cell 0, 0: log-odds -3 (−4.25), predicted lynx",
      ],
      [
        "total", // 5 to 52, 95
        "−90no changewithout occluder 95change of the total activation of feature map",
        "Blue: covering there lowers it; hardly anywhere does it rise. Grey: no change.",
        "cell 0, 0: feature map, total 5 (−90), predicted lynx",
      ],
      [
        "unit", // 0 to 11.75, 8
        "−8+3.75grey: no change (8)change of the activation of features.3 : 5",
        "Blue: covering there lowers it.",
        "cell 0, 0: one unit 0 (−8), predicted lynx",
      ],
      [
        "hamming",
        "no change98 %without occluder 0 %share of features.3's units that switch",
        "Grey: no change. High where covering changes which units are active.",
        "cell 0, 0: Hamming distance 0 %, predicted lynx",
      ],
      [
        "cosine",
        "no change1.96without occluder 0cosine distance of features.3's features",
        "Grey: no change. High where",
        "cell 0, 0: cosine distance 0, predicted lynx",
      ],
    ];
    for (const [kind, legend, reading, readout] of words) {
      choose(root, "Map", kind);
      expect(legends(root).join("")).toContain(legend);
      expect(note(root)).toContain(reading);
      const heat = one(root, ".zf-heat");
      heat.blur();
      heat.focus();
      expect(one(root, ".zf-photo .zf-readout").textContent).toBe(readout);
      expect(heat.getAttribute("aria-label")).toContain(reading);
    }
    expect(model.gets).toHaveLength(asked);
  });

  it("say that nothing can be compared where the value without occluder is infinite", async () => {
    const { model, root } = await open({ stride: 8, colours: "diverging", overlay: "log_odds" });
    await rest();
    const request = maps(model)[0]!;
    const [data, buffers] = slide(request.key as Key<"occlusion">) as [
      { clean: object },
      DataView[],
    ];
    const clean = { ...data.clean, log_odds: null };
    model.answer(request, "reply", { ...data, clean }, buffers);
    await frames();
    expect(legends(root)[0]).toContain("There is no change to show: without occluder it isn't");
    expect(legends(root)[0]).not.toContain("grey");
  });

  it("of labels count the positions that keep the answer, also while they come", async () => {
    const { model, root } = await open({ stride: 8, overlay: "predicted" });
    await rest();
    const request = maps(model)[0]!;
    const [data, buffers] = slide(request.key as Key<"occlusion">, 20) as [object, DataView[]];
    const labels = Int32Array.from({ length: 48 }, (_, i) => (i < 20 ? (i % 5 === 0 ? 2 : 0) : -1));
    const told = buffers.map((buffer, i) => (i === 1 ? numbers(labels) : buffer));
    model.answer(request, "partial", data, told);
    await flush();
    expect(legends(root)[0]).toBe(
      "most probable class: 16 of 20 positions so far keep “tiger cat”" +
        "tiger cat: 16 positionsespresso: 4 positions",
    );
    const heat = one(root, ".zf-heat");
    heat.focus();
    const readout = one(root, ".zf-photo .zf-readout");
    expect(readout.textContent).toBe("cell 0, 0: predicted espresso, tiger cat without occluder");
    press(heat, "ArrowRight");
    expect(readout.textContent).toBe("cell 0, 1: predicted tiger cat, as without occluder");
  });

  it("is asked for at once for another target or feature map, the old one dimmed till then", async () => {
    const { model, selection, root } = await slid({ stride: 8 });
    selection.set("target", 2);
    await flush();
    expect(maps(model)).toHaveLength(2); // no rest: the kernel has it
    expect(keyOf(maps(model)[1]!)).toMatchObject({ target: 2, channel: null });
    expect(one(root, ".zf-stage").classList.contains("zf-stale-map")).toBe(true);
    expect(legends(root)[0]).toContain("tiger cat"); // what is on screen still is this
    await serve(model);
    expect(legends(root)[0]).toContain("espresso");
    expect(one(root, ".zf-stage").classList.contains("zf-stale-map")).toBe(false);

    choose(root, "Map", "total");
    choose(root, "Which feature map", "chosen");
    await flush();
    expect(keyOf(maps(model)[2]!)).toMatchObject({ target: 2, channel: 2, layer: "features.3" });
    await serve(model);
    expect(legends(root)[0]).toContain("feature map features.3 : 2");
  });

  it("of classes stay when another layer is chosen; those of features don't", async () => {
    const { model, selection, root } = await slid({ stride: 8 });
    selection.set("unit", ["features.0", 1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(maps(model)).toHaveLength(1);
    expect(one(root, ".zf-heat").hidden).toBe(false);
    choose(root, "Map", "cosine");
    expect(one(root, ".zf-heat").hidden).toBe(true);
    await rest();
    expect(keyOf(maps(model)[1]!)).toMatchObject({ layer: "features.0" });
  });

  it("say why there is none of classes, and show activations", async () => {
    const { model, root } = await open({ stride: 8 });
    await rest();
    const [data, buffers] = slide(maps(model)[0]!.key as Key<"occlusion">) as [object, DataView[]];
    const why = "the model's output has 4 axes, not (images, classes)";
    const none = numbers(new Float32Array(0));
    const clean = { probability: null, logit: null, log_odds: null, predicted: null };
    model.answer(
      maps(model)[0]!,
      "reply",
      { ...data, target: null, no_classes: why, clean: { ...clean, total: 95, unit: 8 } },
      buffers.map((buffer, i) => ([0, 1, 3, 4].includes(i) ? none : buffer)),
    );
    await flush();
    expect(one<HTMLSelectElement>(root, "select[aria-label='Map']").value).toBe("total");
    expect(note(root)).toContain(`No map of classes: ${why}.`);
    const closed = all<HTMLOptionElement>(root, "select[aria-label='Map'] option").filter(
      ({ disabled }) => disabled,
    );
    expect(closed.map(({ value }) => value)).toEqual([
      "probability",
      "logit",
      "log_odds",
      "predicted",
    ]);
  });
});

describe("class scores that are no numbers", () => {
  const nans = (length: number) => numbers(new Float32Array(length).fill(Number.NaN));

  it("are told in words", async () => {
    const { model, root } = await stage(occlusionMap, {}, { stride: 8 });
    const answered = new Set<Request>();
    const answer = async () => {
      for (const request of model.gets) {
        if (answered.has(request)) continue;
        answered.add(request);
        if (request.kind === "predict") model.answer(request, "reply", { classes: 7 }, [nans(7)]);
        else if (request.kind === "occlusion") {
          const [data, buffers] = slide(keyOf(request) as never) as [object, DataView[]];
          const none = { probability: null, logit: null, log_odds: null, predicted: null };
          const length = (buffers[1] as DataView).byteLength / 4;
          model.answer(
            request,
            "reply",
            { ...data, clean: { ...none, total: 95, unit: 8 }, note: "Scores are NaN." },
            buffers.map((buffer, i) => {
              if (i === 1) return numbers(new Int32Array(length).fill(-1));
              return [0, 3, 4].includes(i) ? nans(length) : buffer;
            }),
          );
        }
      }
      await serve(model, ["predict", "occlusion"]);
    };
    await answer();
    await answer();
    await answer();
    await rest();
    await answer();
    await answer();
    await frames();
    const words = "NaN or infinite";
    expect(one(root, ".zf-class-list").textContent).toContain(words);
    expect(all(root, ".zf-class")).toEqual([]);
    expect(one(root, ".zf-now").textContent).toContain(words);
    expect(root.textContent).toContain("Scores are NaN.");
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

describe("what covers", () => {
  const occluder = (selection: FakeModel) => selection.get("occluder") as Record<string, unknown>;

  it("is one of the engine's baselines, each explained", async () => {
    const { selection, root } = await open({ auto: false });
    const artefact = () => {
      const about = one<HTMLButtonElement>(root, ".zf-photo .zf-info");
      about.click();
      const text = one(root, "[role=dialog]").textContent ?? "";
      about.click();
      return text;
    };
    const label = "What the occluder shows in place of the photo";
    const values = all<HTMLOptionElement>(root, `select[aria-label='${label}'] option`);
    expect(values.map(({ value }) => value)).toEqual([...CATALOGUE.baselines, "#0"]);
    choose(root, label, "blur");
    expect(occluder(selection).baseline).toBe("blur");
    expect(one(root, ".zf-fold-occluder .zf-hint").textContent).toContain("no new edge");
    expect(artefact()).not.toContain("artefact");
    choose(root, label, "wallpaper");
    expect(one(root, ".zf-fold-occluder .zf-hint").textContent).toContain("of your own");
    expect(artefact()).toContain("hard edge is itself an artefact");
    expect(artefact()).toContain("At the border the image cuts the occluder.");
    choose(root, label, "#0");
    expect(occluder(selection).baseline).toBe(0);
    selection.set("occluder", { ...occluder(selection), baseline: -1.5 }); // by Python
    expect(one<HTMLSelectElement>(root, `select[aria-label='${label}']`).value).toBe("#-1.5");
    expect(baselineText(-1.5).name).toBe("input -1.5");
  });

  it("has a height and a width, together as long as it is square", async () => {
    const { selection, root } = await open({ auto: false });
    const slider = (side: string) =>
      one<HTMLInputElement>(root, `input[aria-label='Occluder ${side} in pixels']`);
    const move = (side: string, value: number) => {
      slider(side).value = String(value);
      slider(side).dispatchEvent(new Event("input"));
    };
    expect([slider("height").value, slider("width").value]).toEqual(["16", "12"]);
    move("width", 20); // 16 x 12 is no square
    expect(occluder(selection)).toMatchObject({ top: 10, left: 16, height: 16, width: 20 });
    one<HTMLInputElement>(root, ".zf-check input").click();
    move("height", 24);
    expect(occluder(selection)).toMatchObject({ height: 24, width: 24 });
  });

  it("is held where it is, and let go", async () => {
    const { selection, root } = await open({ auto: false });
    byText(root, "Hold it here").click();
    press(one(root, ".zf-occluder"), "ArrowRight");
    byText(root, "Hold it here").click();
    const box = { top: 10, left: 20, height: 16, width: 12 };
    expect(occluder(selection)).toMatchObject({ extra_boxes: [box, { ...box, left: 28 }] });
    expect(all(root, ".zf-held")).toHaveLength(2);
    one(root, "[aria-label='Uncover 16×12 at 10, 20']").click();
    expect(occluder(selection)).toMatchObject({ extra_boxes: [{ ...box, left: 28 }] });
    for (let i = 0; i < 9; i++) byText(root, "Hold it here").click();
    expect(occluder(selection).extra_boxes).toHaveLength(8);
    expect(byText(root, "Hold it here").disabled).toBe(true);
  });

  it("is drawn and erased on the photo by keys, and never nothing", async () => {
    const { selection, root } = await open({ auto: false });
    const draw = byText(root, "Draw a shape");
    draw.click();
    expect(draw.getAttribute("aria-pressed")).toBe("true");
    const brush = one(root, ".zf-brush");
    expect(document.activeElement).toBe(brush);
    const before = occluder(selection);
    press(brush, " "); // a disc of 2 pixels in the middle of a box of 16 x 12 at 10, 20
    expect(occluder(selection)).toMatchObject({ top: 16, left: 24, height: 4, width: 4 });
    press(brush, "ArrowRight", { shiftKey: true });
    press(brush, "ArrowRight", { shiftKey: true });
    expect(occluder(selection)).toMatchObject({ top: 16, left: 24, height: 4, width: 8 });
    expect(one(root, ".zf-draw-said").textContent).toContain("of a box of 4 × 8 pixels");
    press(brush, "e");
    expect(byText(root, "Erase").getAttribute("aria-pressed")).toBe("true");
    press(brush, " ");
    expect(occluder(selection).width).toBe(5); // what the disc leaves of column 28
    for (let i = 0; i < 4; i++) press(brush, "ArrowLeft", { shiftKey: true });
    expect(one(root, ".zf-draw-said").textContent).toContain("Nothing is left");
    expect(occluder(selection).height).toBeGreaterThanOrEqual(4);
    press(brush, "Escape");
    expect(document.activeElement).toBe(draw);
    expect(one(root, ".zf-brush").hidden).toBe(true);
    expect(before.mask).toBeNull();
    byText(root, "Draw a shape").click();
    byText(root, "Ellipse").click();
    expect(one(root, ".zf-occluder .zf-cover-shape").style.clipPath).toContain("polygon");
    byText(root, "Whole box").click();
    expect(occluder(selection).mask).toBeNull();
  });
});

describe("a place that no kernel tells of", () => {
  it("has no numbers of another place", async () => {
    const { model, selection, root } = await slid({ auto: false, overlay: "probability" });
    const told = () => one(root, ".zf-now").textContent;
    const under = () => all(root, ".zf-class-list .zf-class").map((row) => row.textContent ?? "");
    expect(told()).toContain("Occluder here");
    expect(under().some((text) => text.includes("→"))).toBe(true);
    model.emit("comm_live_update"); // the kernel is gone
    const occluder = selection.get("occluder") as object;
    selection.set("occluder", { ...occluder, top: 1 });
    await vi.advanceTimersByTimeAsync(LOST_MS + 200);
    expect(told()).toBe("");
    expect(under().some((text) => text.includes("→"))).toBe(false);
    expect(under()).not.toEqual([]); // the photo's own stay
  });
});

describe("the value under the hand", () => {
  const now = (root: HTMLElement) => one(root, ".zf-now").textContent;
  const responses = (model: FakeModel) => model.gets.filter(({ kind }) => kind === "respond");

  it("is of the map on screen, and of where the occluder is", async () => {
    const { model, selection, root } = await slid({ stride: 8 });
    expect(now(root)).toBe("Occluder here: predicted anvil 39 %");
    selection.set("target", 0);
    await serve(model);
    expect(now(root)).toBe("Occluder here: predicted anvil 39 %, tiger cat 9.6 %");
    expect(responses(model)).toEqual([]); // features are asked for where they are looked at
    choose(root, "Map", "total");
    await serve(model);
    expect(now(root)).toBe("Occluder here: 60 in channel 5, 160 without it");
    press(one(root, ".zf-occluder"), "ArrowDown");
    await serve(model);
    expect(keyOf(responses(model).at(-1)!)).toMatchObject({
      layer: "features.3",
      occluder: { top: 18, mask: null, extra_boxes: [] },
    });
    expect(now(root)).toBe("Occluder here: 68 in channel 5, 168 without it");
    choose(root, "Map", "unit");
    choose(root, "Which feature map", "chosen");
    await serve(model);
    expect(now(root)).toBe("Occluder here: 0.5 in channel 2, 0.5 without it");
    choose(root, "Map", "hamming");
    await serve(model);
    expect(now(root)).toBe("Occluder here: 25 % of units switch on or off");
    choose(root, "Map", "none");
    expect(now(root)).toBe("");
  });

  it("costs the bars nothing: both ask once for each place", async () => {
    const { model, root } = await slid({ stride: 8 });
    const asked = () => model.gets.filter(({ kind }) => kind === "predict").length;
    const before = asked();
    press(one(root, ".zf-occluder"), "ArrowDown");
    await serve(model);
    expect(asked()).toBe(before + 1);
  });
});

describe("pinned places", () => {
  const pinned = (root: HTMLElement) =>
    all(root, ".zf-pin-table tbody tr").map((row) =>
      [...row.children].map(({ textContent }) => textContent),
    );

  it("keep all values of their cell in a table, four at most", async () => {
    const { selection, root } = await slid({ stride: 8 });
    const heat = one(root, ".zf-heat");
    heat.focus();
    press(heat, "ArrowRight");
    press(heat, "ArrowDown");
    press(heat, "p"); // cell 1, 1: number 9 of 48
    expect(pinned(root)).toEqual([
      ["probability", "75 %", "19 %"],
      ["logit", "6", "-9"],
      ["log-odds", "1.25", "-1.88"],
      ["label", "tiger cat", "espresso"],
      ["total", "95", "14"],
      ["unit", "8", "2.25"],
      ["Hamming", "0 %", "19 %"],
      ["cosine", "0", "0.375"],
    ]);
    expect(selection.get("occluder")).toMatchObject({ top: 4, left: 6 });
    for (let i = 0; i < 4; i++) {
      press(heat, "ArrowRight");
      press(heat, "p");
    }
    expect(pinned(root)[0]).toHaveLength(2 + 4);
    expect(all(root, ".zf-pin").map(({ textContent }) => textContent)).toEqual([
      "1",
      "2",
      "3",
      "4",
    ]);
    press(heat, "p"); // the same cell again
    expect(pinned(root)[0]).toHaveLength(2 + 3);
    one(root, "[aria-label='Remove pin 1']").click();
    expect(pinned(root)[0]).toHaveLength(2 + 2);
    selection.set("photo", 7);
    expect(all(root, ".zf-pin")).toEqual([]);
  });
});

describe("two maps", () => {
  const divider = (root: HTMLElement) => one(root, "[role=slider][aria-label^=Divider]");

  it("stand beside a divider that keys move", async () => {
    const { root } = await slid({ stride: 8 });
    expect(divider(root).hidden).toBe(true); // one map
    choose(root, "Map right of the divider", "hamming");
    expect(divider(root).hidden).toBe(false);
    const [left, right] = legends(root);
    expect(left).toContain("left: over the whole map, of “tiger cat” (75 % without occluder)");
    expect(right).toContain("right: share of");
    press(divider(root), "ArrowLeft");
    expect(divider(root).getAttribute("aria-valuenow")).toBe("48");
    press(divider(root), "End");
    expect(one(root, ".zf-stage").style.getPropertyValue("--zf-split")).toBe("100%");
    choose(root, "Map", "hamming"); // twice the same would say nothing
    expect(divider(root).hidden).toBe(true);
    expect(legends(root)).toHaveLength(1);
  });

  it("compare another baseline with a map that was kept, on one scale", async () => {
    const { model, selection, root } = await slid({ stride: 8, colours: "viridis" });
    byText(root, "Keep this map").click();
    selection.set("occluder", { ...(selection.get("occluder") as object), baseline: "blur" });
    await rest();
    const request = maps(model).at(-1)!;
    const [data, buffers] = slide(request.key as Key<"occlusion">) as [object, DataView[]];
    const low = Float32Array.from({ length: 48 }, (_, i) => i / 480);
    model.answer(request, "reply", data, [numbers(low), ...buffers.slice(1)]);
    await frames();
    const [left, right] = legends(root);
    expect(left).toContain("0 %98 %");
    expect(right).toContain("0 %98 %");
    expect(right).toContain("right: grey (paper), 16×12 px, stride 8: probability");
    choose(root, "Colours of the map", "diverging");
    // Each changes from its own photo without occluder; the two share one scale.
    for (const legend of legends(root)) {
      expect(legend).toContain("−75 points+23 points");
      expect(legend).toContain("over the whole map, of “tiger cat” (75 % without occluder)");
    }
    selection.set("photo", 7);
    await serve(model);
    await rest();
    await serve(model);
    expect(divider(root).hidden).toBe(true); // it was of another photo
  });
});

describe("photos in a row", () => {
  const fold = (root: HTMLElement) => one<HTMLDetailsElement>(root, ".zf-fold-row");
  const toggle = (root: HTMLElement, is: boolean) => {
    fold(root).open = is;
    fold(root).dispatchEvent(new Event("toggle"));
  };
  const rowMaps = (model: FakeModel) => model.gets.filter(({ slot }) => slot === "photo:row-map");

  it("come one after the other below the large map, and stop when they are hidden", async () => {
    const { model, selection, root } = await slid({ stride: 8, colours: "viridis" });
    expect(rowMaps(model)).toEqual([]);
    toggle(root, true);
    await serve(model, ["occlusion"]);
    expect(all(root, ".zf-row-item").map(({ dataset }) => dataset.image)).toEqual([
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
      "8",
      "9",
      "10",
    ]);
    expect(rowMaps(model)).toHaveLength(1);
    expect(rowMaps(model)[0]).toMatchObject({ priority: 5, key: { image: 2, stride: 7 } });
    toggle(root, false);
    await flush();
    expect(model.cancels.map(({ slot }) => slot)).toContain("photo:row-map");
    toggle(root, true);
    await serve(model);
    await serve(model);
    expect(new Set(rowMaps(model).map((request) => keyOf(request).image)).size).toBe(9);
    expect(all(root, ".zf-row-heat").every(({ hidden }) => !hidden)).toBe(true);
    const hint = one(root, ".zf-fold-row .zf-hint");
    const about = () => new Set(all(root, ".zf-row-about").map(({ textContent }) => textContent));
    expect(hint.textContent).toContain("of the class that the network gives that photo");
    expect(about()).toEqual(new Set(["“tiger cat”: 0 % to 99 %"]));
    expect(all(root, ".zf-row-item")[0]?.title).toBe(
      "photo-2.jpg: probability of “tiger cat”, 0 % to 99 %",
    );
    choose(root, "Colours of the map", "diverging");
    expect(about()).toEqual(new Set(["“tiger cat”: −75 points to +24 points"]));
    choose(root, "Map", "predicted");
    expect(about()).toEqual(new Set(["0 of 70 positions keep “tiger cat”"]));
    choose(root, "Map", "unit");
    expect(about()).toEqual(new Set(["channel 5: −8 to +9.25"]));
    expect(hint.textContent).toContain("of the layer's feature map that is strongest on that");
    choose(root, "Map", "probability");
    selection.set("target", 2);
    expect(hint.textContent).toContain("of “espresso”");
    await serve(model);
    await serve(model);
    expect(about()).toEqual(new Set(["“espresso”: −75 points to no change"]));
    all(root, ".zf-row-item")[4]!.click();
    expect(selection.get("photo")).toBe(6);
    expect(all(root, ".zf-row-item[aria-pressed=true]")).toHaveLength(1);
  });

  it("name the class of each, where it is each photo's own", async () => {
    const { model, root } = await slid({ stride: 8, colours: "viridis" });
    toggle(root, true);
    await serve(model, ["occlusion"]);
    const names = ["tiger cat", "lynx", "espresso"];
    for (let i = 0; i < 9; i++) {
      const request = rowMaps(model)[i]!;
      const [data, buffers] = slide(request.key as Key<"occlusion">) as [object, DataView[]];
      model.answer(request, "reply", { ...data, target: i % 3 }, buffers);
      await flush();
    }
    expect(all(root, ".zf-row-about").map(({ textContent }) => textContent)).toEqual(
      Array.from({ length: 9 }, (_, i) => `“${names[i % 3]}”: 0 % to 99 %`),
    );
    expect(all(root, ".zf-row-item")[1]?.title).toContain("probability of “lynx”");
  });
});

describe("covered patches", () => {
  const openExplorer = async () => {
    const all_ = await stage(explorer, {}, { auto: false });
    await serve(all_.model);
    await frames();
    await serve(all_.model);
    return all_;
  };

  it("show what remains beside random patches, and where the maximum went", async () => {
    const { model, selection, root } = await openExplorer();
    expect(model.gets.filter(({ kind }) => kind === "cover")).toEqual([]);
    byText(root, "Cover the patch").click();
    await flush();
    expect(keyOf(model.request("cover"))).toMatchObject({ channel: 2, k: 9, baseline: "grey" });
    await serve(model);
    const bars = all(root, ".zf-cover");
    expect(bars[1]?.textContent).toBe("9; own patch covered 2; a random patch 8");
    expect(one(bars[1]!, "[role=img]").getAttribute("aria-label")).toContain(
      "With one of 8 random patches covered 8 on average, 5 to 9; these cover 13 % of",
    );
    // All on one scale: the first patch's 10 is full.
    expect(one(bars[1]!, ".zf-bar-clean").style.width).toBe("90%");
    expect(one(root, ".zf-patches .zf-note").textContent).toContain("exactly its receptive field");
    expect(one(root, ".zf-moved").hidden).toBe(false); // photo 2 is the first of them
    expect(note(root)).toContain(
      "maximum is once the patch is covered, row 5, column 6 (3 instead",
    );

    selection.set("occluder", { ...(selection.get("occluder") as object), baseline: "blur" });
    await flush();
    expect(keyOf(model.request("cover"))).toMatchObject({ baseline: "blur" });
    expect(bars.every(({ textContent }) => textContent === "")).toBe(true);
    await serve(model);
    selection.set("unit", ["features.3", 5]);
    await frames(); // until then the old patches stay, dimmed
    expect(bars.every(({ textContent }) => textContent === "")).toBe(true);
    expect(one(root, ".zf-moved").hidden).toBe(true);
    await serve(model);
    expect(bars[0]?.textContent).toContain("10; own patch covered 2");
    byText(root, "Cover the patch").click();
    expect(bars.every(({ hidden }) => hidden)).toBe(true);
  });

  it("come before their control is computed", async () => {
    const { model, root } = await openExplorer();
    byText(root, "Cover the patch").click();
    await flush();
    const request = model.request("cover");
    const moved = { row: 1, col: 1, value: 3, box: { top: 0, left: 0, height: 5, width: 5 } };
    const first = { image: 2, name: "", unit: [0, 2], box: moved.box, before: 10, after: 1, moved };
    const covers = [{ ...first, control: null }];
    model.answer(request, "partial", { covers, baseline: "grey", k: 9, partial: true });
    await flush();
    expect(all(root, ".zf-cover")[0]?.textContent).toBe(
      "10; own patch covered 1; a random patch …",
    );
    expect(one(root, ".zf-patches .zf-note").textContent).toContain("Still computing.");
  });
});
