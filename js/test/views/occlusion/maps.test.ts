import { describe, expect, it, vi } from "vitest";
import type { Key, Request } from "../../../src/lib/wire/protocol";
import occlusionMap from "../../../src/widgets/occlusion_map";
import { type FakeModel, flush, numbers } from "../../support/fakes";
import { press, serve, slide, stage } from "../../support/kernel";
import { all, frames, keyOf, one, onFakePage } from "../../support/page";
import { byText, choose, legends, maps, note, open, rest, slid } from "./opened";

onFakePage();

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
