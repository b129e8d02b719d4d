import { describe, expect, it, vi } from "vitest";
import { LOST_MS, RESENDS, SILENCE_MS } from "../../src/lib/wire/kernel_source";
import explorer from "../../src/widgets/explorer";
import occlusionMap from "../../src/widgets/occlusion_map";
import patchGrid from "../../src/widgets/patch_grid";
import picker from "../../src/widgets/picker";
import { FakeModel, flush } from "../support/fakes";
import { serve, stage } from "../support/kernel";
import { all, expectGone, frames, keyOf, one, onFakePage } from "../support/page";

onFakePage();

describe("every widget", () => {
  it.each([
    ["zf-picker", picker],
    ["zf-grid", patchGrid],
    ["zf-occlusion", occlusionMap],
    ["zf-explorer", explorer],
  ] as const)("%s is settled exactly when all it asked for is painted", async (name, widget) => {
    const { model, root } = await stage(widget, {}, { auto: false });
    expect(root.classList.contains(name)).toBe(true);
    expect(root.dataset.zfSettled).toBe("false");
    await frames();
    expect(root.dataset.zfSettled).toBe("false"); // nothing has been answered yet
    await serve(model);
    await frames();
    await serve(model); // how long a map would take is asked a moment later
    await frames();
    expect(root.dataset.zfSettled).toBe("true");
  });

  it("asks again for what a newly linked selection has chosen, and leaves the old one", async () => {
    const { model, selection, root, host } = await stage(patchGrid);
    await serve(model);
    const listening = selection.listeners("change:unit");
    expect(listening).toBeGreaterThan(0);
    const linked = new FakeModel({ unit: ["features.0", 5], photo: 1, rule: "deconvnet" });
    host.getModel = async () => linked;
    model.set("selection", "anywidget:two");
    await serve(model);
    const asked = model.gets.filter(({ slot }) => slot === "patches:top").map(keyOf);
    expect(asked.at(-1)).toMatchObject({ layer: "features.0", channel: 5 });
    expect(one(root, "h3").textContent).toContain("features.0 : 5");
    expect(selection.listeners("change:unit")).toBe(0);
    expect(linked.listeners("change:unit")).toBe(listening);
    expect(all(root, ".zf-panel")).toHaveLength(1);
  });

  it("leaves nothing behind when its view goes", async () => {
    const staged = await stage(explorer);
    const { model, selection, root } = staged;
    await serve(model, ["projections"]);
    const focused = one(root, ".zf-stage"); // JupyterLab keeps what had the focus at a key's press
    expect(focused.contains(one(root, ".zf-occluder"))).toBe(true);
    await expectGone(staged, ["change:selection", "change:fingerprint", "comm_live_update"]);
    for (const field of ["unit", "photo", "occluder", "target", "rule"]) {
      expect(selection.listeners(`change:${field}`)).toBe(0);
    }
    expect(model.cancels.map(({ slot }) => slot)).toContain("patches:projections");
    expect(focused.parentElement).toBe(null);
    expect(focused.children).toHaveLength(0);
  });

  it("says what to do when no kernel answers, and comes to life when one does", async () => {
    const { model, root } = await stage(patchGrid);
    await vi.advanceTimersByTimeAsync(SILENCE_MS * (RESENDS + 1) + 100);
    const banner = one(root, ".zf-banner");
    expect(banner.textContent).toContain("Run this cell to bring it to life");
    expect(root.dataset.zfSettled).toBe("true");
    expect(root.querySelector(".zf-loading")).toBeNull(); // no endless spinner
    await serve(model); // answers to what was asked long ago
    await serve(model);
    expect(root.querySelector(".zf-banner")).toBeNull();
    expect(one(root, ".zf-cell").dataset.state).toBe("ready");
  });

  it.each([
    ["jp-Notebook-ExecutionIndicator", "busy", "Kernel busy: what you asked for is shown when"],
    ["jp-Notebook-ExecutionIndicator", "idle", "No answer from the kernel: run this cell again."],
    ["another host's", "busy", "If a cell is running"],
  ])("says what to wait for by what the page shows: %s %s", async (kind, status, said) => {
    const { model, selection, root } = await stage(patchGrid);
    await serve(model);
    const indicator = document.createElement("div");
    indicator.className = kind;
    indicator.dataset.status = status;
    document.body.append(indicator);
    selection.set("unit", ["features.3", 5]);
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 100);
    const waits = one(root, ".zf-patches .zf-message").textContent;
    expect(waits?.startsWith("Kernel busy")).toBe(said.startsWith("Kernel busy"));
    await vi.advanceTimersByTimeAsync(SILENCE_MS * RESENDS + 200);
    expect(one(root, ".zf-banner").textContent).toContain(said);
    indicator.remove();
    await serve(model); // the cell has ended: what was asked for is answered
    await serve(model);
    expect(root.querySelector(".zf-banner")).toBeNull();
    expect(one(root, ".zf-cell").dataset.image).toBe("5");
  });

  it("says at once that the kernel is gone, waits for nothing, and revives when it isn't", async () => {
    const { model, selection, root } = await stage(patchGrid);
    await serve(model, ["projections"]);
    model.emit("comm_live_update");
    await frames();
    const banner = () => root.querySelector(".zf-banner")?.textContent;
    expect(banner()).toContain("run this cell again");
    expect(root.dataset.zfSettled).toBe("true");
    expect(root.querySelector(".zf-loading")).toBeNull();
    expect(all(root, ".zf-waits")).toEqual([]);

    expect(all(root, ".zf-picture:not(.zf-blank)")).not.toEqual([]);
    selection.set("unit", ["features.3", 5]);
    await vi.advanceTimersByTimeAsync(LOST_MS + 200);
    expect(all(root, ".zf-banner")).toHaveLength(1);
    expect(one(root, ".zf-patches h3").textContent).toContain("features.3 : 5");
    expect(all(root, ".zf-picture:not(.zf-blank)")).toEqual([]); // none of the old unit's
    expect(root.dataset.zfSettled).toBe("true");
    expect(root.querySelector(".zf-loading")).toBeNull();

    await serve(model);
    await serve(model);
    expect(banner()).toBeUndefined();
    expect(one(root, ".zf-cell").dataset.image).toBe("5");
  });

  it("shows an error in its place and stays usable", async () => {
    const { model, selection, root } = await stage(patchGrid);
    await serve(model, ["top"]);
    const data = { name: "InputError", message: "photo-2.jpg can't be read: replace it." };
    model.answer(model.request("top"), "error", data);
    await flush();
    expect(one(root, ".zf-error").textContent).toContain(data.message);
    selection.set("unit", ["features.3", 5]);
    await serve(model);
    await serve(model);
    expect(root.querySelector(".zf-error:not([hidden])")).toBeNull();
    expect(one(root, ".zf-cell").dataset.image).toBe("5");
  });

  it("tells what the kernel refused to select", async () => {
    const { selection, root } = await stage(patchGrid);
    const data = { name: "InputError", message: "There is no channel 900." };
    selection.emit("msg:custom", { zf: 1, op: "error", data });
    expect(one(root, "[role=alert]").textContent).toContain(data.message);
  });

  it("shows how far a long computation is", async () => {
    const { model, root } = await stage(patchGrid);
    await serve(model, ["top", "projections"]);
    const progress = { what: "indexing", done: 34, total: 242, seconds_left: 12 };
    model.answer(model.request("top"), "progress", progress);
    expect(one(root, ".zf-message").textContent).toContain("indexing 34 / 242 · 12 s left");
    expect(one<HTMLProgressElement>(root, "progress").value).toBeCloseTo(34 / 242);
  });
});
