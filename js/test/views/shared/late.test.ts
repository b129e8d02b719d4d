/** Answers and words that come late, or for what nobody looks at any more. */

import { describe, expect, it, vi } from "vitest";
import { RESENDS, SILENCE_MS } from "../../../src/lib/wire/kernel_source";
import explorer from "../../../src/widgets/explorer";
import occlusionMap from "../../../src/widgets/occlusion_map";
import patchGrid from "../../../src/widgets/patch_grid";
import { FakeModel, flush } from "../../support/fakes";
import { answerTo, serve, stage } from "../../support/kernel";
import { all, frames, keyOf, one, onFakePage } from "../../support/page";

onFakePage();

const silence = () => vi.advanceTimersByTimeAsync(SILENCE_MS * (RESENDS + 1) + 100);
const byText = (root: HTMLElement, text: string) =>
  all<HTMLButtonElement>(root, "button").find((button) => button.textContent === text)!;

describe("once a kernel answers again", () => {
  it("patches come with their projections", async () => {
    const { model, root } = await stage(patchGrid);
    await serve(model, ["top", "projections"]);
    await silence();
    expect(root.querySelector(".zf-banner")).not.toBeNull();
    await serve(model);
    const states = all(root, ".zf-cell").map(({ dataset }) => dataset.state);
    expect(new Set(states)).toEqual(new Set(["ready"]));
    expect(all(root, ".zf-waits")).toEqual([]);
  });

  it("an older place of the occluder isn't asked about, nor shown", async () => {
    const { model, selection, root } = await stage(occlusionMap, {}, { auto: false });
    await serve(model);
    await frames();
    const occluder = selection.get("occluder") as object;
    const under = () =>
      model.gets.filter((one) => one.kind === "predict" && keyOf(one).occluder !== null);
    selection.set("occluder", { ...occluder, top: 1 });
    await flush();
    await silence(); // nobody answers for this place
    selection.set("occluder", { ...occluder, top: 2 });
    await flush();
    const newest = under().at(-1)!;
    expect(keyOf(newest).occluder).toMatchObject({ top: 2 });
    const before = under().length;
    model.answer(newest, "reply", ...answerTo(newest));
    await flush();
    expect(root.querySelector(".zf-banner")).toBeNull();
    const later = under().slice(before);
    expect(later.map((request) => keyOf(request).occluder)).toEqual([]);
  });

  it("the strip of photos shows the ones that come then", async () => {
    const { model, root } = await stage(explorer, {}, { auto: false });
    await serve(model, ["thumbnails"]);
    await silence();
    await serve(model);
    await flush();
    expect(all(root, ".zf-thumb").length).toBeGreaterThan(0);
    expect(all(root, ".zf-thumb.zf-skeleton")).toEqual([]);
  });
});

describe("what is left before its answer", () => {
  it("takes its progress along: this photo's channels", async () => {
    const { model, root } = await stage(explorer, {}, { auto: false });
    await serve(model);
    await frames();
    byText(root, "For this photo").click();
    await serve(model, ["responses"]);
    const said = () => one(root, ".zf-channels .zf-message");
    const asked = model.request("responses");
    model.answer(asked, "progress", { what: "Looking", done: 3, total: 7, seconds_left: null });
    expect(said().hidden).toBe(false);
    expect(said().textContent).toContain("3 / 7");
    byText(root, "For this photo").click();
    await flush();
    expect(said().hidden).toBe(true);
    expect(model.cancels.map(({ slot }) => slot)).toContain("channels:responses");
    await frames();
    expect(root.dataset.zfSettled).toBe("true");
  });
});

describe("a view that is opened anew", () => {
  it("is settled in the end, though the old one had just begun to estimate", async () => {
    const { model, root, host } = await stage(occlusionMap, {}, { auto: false });
    await serve(model);
    await frames();
    await serve(model);
    await frames();
    expect(root.dataset.zfSettled).toBe("true");
    one<HTMLSelectElement>(root, ".zf-controls select").dispatchEvent(new Event("change"));
    const linked = new FakeModel({ unit: ["features.0", 5], photo: 1, rule: "deconvnet" });
    host.getModel = async () => linked;
    model.set("stride", 12);
    await flush();
    expect(root.dataset.zfSettled).toBe("false"); // an estimate is about to be asked for
    model.set("selection", "anywidget:two");
    for (let n = 0; n < 3; n++) {
      await serve(model);
      await frames();
    }
    expect(root.dataset.zfSettled).toBe("true");
  });
});
