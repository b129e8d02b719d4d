import { describe, expect, it, vi } from "vitest";
import { focusBox } from "../../src/lib/pictures/boxes";
import { LOST_MS, RESENDS, SILENCE_MS } from "../../src/lib/wire/kernel_source";
import type { Answer, Layer } from "../../src/lib/wire/protocol";
import explorer from "../../src/widgets/explorer";
import occlusionMap from "../../src/widgets/occlusion_map";
import patchGrid from "../../src/widgets/patch_grid";
import picker from "../../src/widgets/picker";
import { FakeModel, flush } from "../support/fakes";
import {
  answerTo,
  CATALOGUE,
  INPUT,
  LOST,
  press,
  quantiles,
  serve,
  stage,
} from "../support/kernel";
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
    const { model, selection } = staged;
    await serve(model, ["projections"]);
    await expectGone(staged, ["change:selection", "change:fingerprint", "comm_live_update"]);
    for (const field of ["unit", "photo", "occluder", "target", "rule"]) {
      expect(selection.listeners(`change:${field}`)).toBe(0);
    }
    expect(model.cancels.map(({ slot }) => slot)).toContain("patches:projections");
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

describe("layers", () => {
  const open = async () => {
    const all_ = await stage(picker);
    await serve(all_.model);
    return { ...all_, list: one(all_.root, "[role=listbox][aria-label=Layers]") };
  };
  const options = (list: HTMLElement) => all(list, "[role=option]");

  it("stand in the order of the forward pass, blocks together, the chosen one marked", async () => {
    const { list } = await open();
    expect(options(list).map(({ dataset }) => dataset.layer)).toEqual(
      CATALOGUE.layers.map(({ name }) => name),
    );
    expect(all(list, ".zf-block").map(({ textContent }) => textContent)).toEqual(["▾ features.3"]);
    const chosen = options(list).filter(
      (option) => option.getAttribute("aria-selected") === "true",
    );
    expect(chosen.map(({ dataset }) => dataset.layer)).toEqual(["features.3"]);
  });

  it("are walked with arrow keys, one tab stop, unit set as one", async () => {
    const { list, selection } = await open();
    const set = vi.spyOn(selection, "set");
    const chosen = options(list)[3]!;
    expect(options(list).map(({ tabIndex }) => tabIndex)).toEqual([-1, -1, -1, 0, -1]);
    chosen.focus();
    press(chosen, "ArrowUp");
    expect(document.activeElement).toBe(options(list)[2]);
    expect(set.mock.calls).toEqual([["unit", ["features.3.expand", 0]]]);
    press(options(list)[2]!, "End");
    expect(selection.get("unit")).toEqual(["features.4", 0]);
    press(options(list)[4]!, "ArrowDown");
    expect(selection.get("unit")).toEqual(["features.4", 0]);
    press(options(list)[4]!, "Home");
    expect(options(list).map(({ tabIndex }) => tabIndex)).toEqual([0, -1, -1, -1, -1]);
  });

  it("go back to the channel that was looked at last", async () => {
    const { list, selection } = await open();
    options(list)[4]!.click();
    expect(selection.get("unit")).toEqual(["features.4", 0]);
    options(list)[3]!.click();
    expect(selection.get("unit")).toEqual(["features.3", 2]);
  });

  it("are filtered by words of name or kind, and found in closed blocks", async () => {
    const { list, root, selection } = await open();
    const filter = one<HTMLInputElement>(root, "input[aria-label^='Filter layers']");
    filter.value = "FIRE";
    filter.dispatchEvent(new Event("input"));
    expect(options(list).map(({ dataset }) => dataset.layer)).toEqual(["features.3"]);
    filter.value = "conv2d features.3";
    filter.dispatchEvent(new Event("input"));
    const first = options(list)[0]!;
    first.focus();
    press(first, "ArrowDown");
    expect(selection.get("unit")?.toString()).toBe("features.3.expand,0");
    filter.value = "nothing";
    filter.dispatchEvent(new Event("input"));
    expect(list.classList.contains("zf-empty")).toBe(true);
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
    expect(options(list)).toHaveLength(5);
  });

  it("of a block are shown and hidden with Enter; the focus stays with it", async () => {
    const { list, root, selection } = await open();
    const names = () => options(list).map(({ dataset }) => dataset.layer);
    const inner = options(list)[1]!;
    inner.focus();
    press(inner, "Enter");
    expect(names()).toEqual(["features.0", "features.3", "features.4"]);
    const block = options(list)[1]!;
    expect(document.activeElement).toBe(block);
    expect(block.getAttribute("aria-label")).toContain(
      "block features.3 of 3 layers · Enter opens",
    );
    expect(block.getAttribute("aria-selected")).toBe("true"); // its output is chosen
    await frames();
    expect(one(root, ".zf-live").textContent).toBe("features.3 closed");
    press(block, "Enter");
    expect(names()).toEqual(CATALOGUE.layers.map(({ name }) => name));
    expect(document.activeElement).toBe(options(list)[3]); // the block's output still

    one(list, ".zf-block-name").click();
    expect(names()).toHaveLength(3);
    one(list, ".zf-opens").click();
    expect(names()).toHaveLength(5);
    expect(selection.get("unit")).toEqual(["features.3", 2]); // looking around chooses nothing
  });

  it("are shown when something else chooses them in a closed block", async () => {
    const { list, selection } = await open();
    one(list, ".zf-block-name").click();
    selection.set("unit", ["features.3.expand", 1]);
    const [chosen] = all(list, "[aria-selected='true']");
    expect(chosen?.dataset.layer).toBe("features.3.expand");
    // The lines to and from it are marked: one from squeeze, one to the block's output.
    expect(all(list, ".zf-line.zf-on")).toHaveLength(2);
    one(list, ".zf-block-name").click();
    expect(one(list, ".zf-holds").dataset.layer).toBe("features.3");
  });

  it("have in words what the picture shows", async () => {
    const { list } = await open();
    expect(options(list)[3]!.title).toBe(
      "features.3 · Fire · 12 channels of 12×16 · receptive fields 5×7 (channels 0 to 4), " +
        "≤ 11×13 (channels 5 to 11) · stride 4×4 · " +
        "concatenation of features.3.squeeze, features.3.expand · output of its block",
    );
  });

  it.each([
    ["an older report says nothing", () => ({})],
    ["a stored file is wrong", ({ name }: Layer) => ({ parents: [`${name}.later`] })],
  ])("stand in a row that says so, where %s of what they read", async (_, change) => {
    const { model, root } = await stage(picker);
    await serve(model, ["catalogue"]);
    const layers = CATALOGUE.layers.map(({ parents, blocks, ...layer }) => ({
      ...layer,
      ...change(layer),
    }));
    model.answer(model.request("catalogue"), "reply", { ...CATALOGUE, layers });
    await flush();
    const list = one(root, "[role=listbox][aria-label=Layers]");
    expect(options(list).map(({ dataset }) => dataset.layer)).toEqual(
      layers.map(({ name }) => name),
    );
    expect(all(list, ".zf-line, .zf-block, .zf-image")).toEqual([]);
    expect(one(root, ".zf-layers .zf-note").textContent).toContain("isn't recorded");
  });
});

describe("channels", () => {
  const open = async (unit: [string, number]) => {
    const all_ = await stage(picker, { unit });
    await serve(all_.model);
    await frames();
    return { ...all_, strip: one(all_.root, ".zf-strip") };
  };
  const shown = (strip: HTMLElement) =>
    all(strip, ".zf-tile").map(({ dataset }) => Number(dataset.channel));

  it("keep few elements for many channels, and ask for the sheets in view only", async () => {
    const { model, strip } = await open(["features.4", 0]);
    expect(shown(strip).length).toBeGreaterThan(10);
    expect(shown(strip).length).toBeLessThan(200);
    expect(Number.parseFloat(one(strip, ".zf-strip-space").style.height)).toBeGreaterThan(5000);
    const sheets = () =>
      model.gets.filter(({ kind }) => kind === "sheet").map((request) => keyOf(request));
    expect(sheets().map(({ first, count }) => [first, count])).toEqual([[0, 256]]);
    strip.scrollTop = 66 * 190;
    strip.dispatchEvent(new Event("scroll"));
    expect(sheets().at(-1)).toMatchObject({
      layer: "features.4",
      first: 1024,
      count: 176,
      size: 96,
    });
    expect(shown(strip).every((channel) => channel > 1000)).toBe(true);
  });

  it("are walked with arrow keys in the order shown", async () => {
    const { strip, selection } = await open(["features.3", 2]);
    press(strip, "ArrowRight");
    expect(selection.get("unit")).toEqual(["features.3", 3]);
    expect(strip.getAttribute("aria-activedescendant")).toBe(one(strip, "[data-channel='3']").id);
    press(strip, "ArrowDown"); // rows of six
    expect(selection.get("unit")).toEqual(["features.3", 9]);
    press(strip, "End");
    expect(selection.get("unit")).toEqual(["features.3", 11]);
    press(strip, "ArrowRight");
    expect(selection.get("unit")).toEqual(["features.3", 11]);
  });

  it("are sorted by what is asked for then, those without a value last", async () => {
    const { model, strip, root } = await open(["features.3", 2]);
    const sort = one<HTMLSelectElement>(root, "select[aria-label='Sort channels']");
    const by = async (value: string) => {
      sort.value = value;
      sort.dispatchEvent(new Event("change"));
      await serve(model);
      return shown(strip);
    };
    const asked = () => model.gets.filter(({ kind }) => kind === "orders").length;
    const note = () => one(root, ".zf-channels > .zf-note").textContent;
    expect(asked()).toBe(0);
    expect((await by("readable")).slice(0, 3)).toEqual([11, 10, 9]);
    expect(shown(strip).at(-1)).toBe(0); // NaN
    expect(note()).toContain("cosine of their features in features.3");
    expect(sort.title).toBe(note());
    expect(one(root, ".zf-readout").textContent).toContain(
      "channel 2 · sees 5×7 pixels · photos alike 2 · ",
    );
    expect(one(strip, "[data-channel='0']").title).toContain("readable: too little is known");
    expect((await by("suspicious")).slice(0, 4)).toEqual([4, 11, 1, 8]); // (i * 5) % 7: 6 6 5 5
    expect(note()).toContain("a frame, a watermark");
    expect(one(strip, "[data-channel='8']").title).toContain("such places by chance <0.1 %");
    expect(asked()).toBe(1);
    await by("index");
    expect(note()).toBe("Each channel's strongest patch. Arrow keys walk the channels.");
  });

  it("are sorted by what the index knows, dead ones marked", async () => {
    const { strip, root } = await open(["features.3", 2]);
    const sort = one<HTMLSelectElement>(root, "select[aria-label='Sort channels']");
    const by = (value: string) => {
      sort.value = value;
      sort.dispatchEvent(new Event("change"));
      return shown(strip).slice(0, 3);
    };
    expect(by("mean")).toEqual([5, 10, 3]); // (i * 7) % 12 is 11, 10, 9
    expect(by("strongest")).toEqual([0, 1, 2]);
    expect(by("silent")).toEqual([1, 0, 2]);
    expect(by("index")).toEqual([0, 1, 2]);
    expect(one(strip, "[data-channel='1']").classList.contains("zf-dead")).toBe(true);
    expect(one(strip, "[data-channel='1']").title).toContain("dead");
    expect(one(strip, "[data-channel='2']").title).toContain("fires in 75 % of photos");
  });

  it("are found by number", async () => {
    const { strip, root, selection } = await open(["features.4", 0]);
    const search = one<HTMLInputElement>(root, "input[aria-label^='Go to']");
    search.value = "777";
    search.dispatchEvent(new Event("input"));
    press(search, "Enter");
    expect(selection.get("unit")).toEqual(["features.4", 777]);
    expect(one(strip, "[aria-selected='true']").dataset.channel).toBe("777");
    search.value = "1200";
    search.dispatchEvent(new Event("input"));
    expect(search.getAttribute("aria-invalid")).toBe("true");
  });

  it("say of a tile that its photo can't be read any more", async () => {
    const { model, root } = await stage(picker, { unit: ["features.3", 2] });
    await serve(model);
    const tiles = all(root, ".zf-tile");
    const lost = tiles.filter(({ classList }) => classList.contains("zf-lost"));
    expect(lost.map(({ dataset }) => dataset.channel)).toEqual(["5"]);
    expect(lost[0]?.getAttribute("aria-label")).toContain(`can't be read any more: ${LOST}`);
  });
});

describe("patches", () => {
  const open = async (channel: number) => {
    const all_ = await stage(patchGrid, { unit: ["features.3", channel] });
    await serve(all_.model);
    return { ...all_, cells: all(all_.root, ".zf-cell") };
  };

  it("come before their projections", async () => {
    const { model, root } = await stage(patchGrid);
    await serve(model, ["projections"]);
    const cells = all(root, ".zf-cell");
    expect(cells.every(({ dataset }) => dataset.state === "ready")).toBe(true);
    expect(cells.every(({ classList }) => classList.contains("zf-waits"))).toBe(true);
    await serve(model);
    expect(cells.some(({ classList }) => classList.contains("zf-waits"))).toBe(false);
    const [first, second] = all(root, ".zf-status");
    expect([first?.dataset.status, second?.dataset.status]).toEqual(["paper", "linearised"]);
    // Only what isn't the paper's has a mark.
    expect([first?.hidden, second?.hidden]).toEqual([true, false]);
    expect(one(root, ".zf-note").textContent).toContain("grey is nothing), each on its own scale");
  });

  it("never stand under another unit's name", async () => {
    const { model, selection, cells } = await open(2);
    expect(cells[0]?.dataset.image).toBe("2");
    selection.set("unit", ["features.3", 7]);
    await serve(model, ["top"]); // its projections come first
    await frames();
    expect(cells.every(({ dataset }) => dataset.state === "waiting")).toBe(true);
    const pictures = cells.flatMap((cell) => all(cell, ".zf-picture"));
    const painted = () => pictures.filter(({ classList }) => !classList.contains("zf-blank"));
    expect(painted()).toEqual([]); // canvases keep what was painted: nobody may see it
    expect(cells.every(({ title, dataset }) => title === "" && !dataset.image)).toBe(true);
    await serve(model);
    expect(painted()).toHaveLength(pictures.length);
    expect(cells[0]?.dataset.image).toBe("7");
    expect(cells[0]?.classList.contains("zf-waits")).toBe(false);
  });

  it("say why places are empty", async () => {
    const { cells } = await open(3);
    expect(cells.map(({ dataset }) => dataset.state).join(" ")).toBe(
      "ready ready ready ready empty empty empty empty empty",
    );
    expect(cells[4]?.textContent).toContain("fires in only 4 images");
  });

  it("say in its place which photo can't be read any more, and show all others", async () => {
    const { model, root, selection, cells } = await open(6);
    await serve(model); // the first line asks anew
    await frames();
    const words = `photo-7.jpg can't be read any more: ${LOST}`;
    expect(cells.map(({ dataset }) => dataset.state)).toEqual(
      cells.map((_, rank) => (rank === 1 ? "lost" : "ready")),
    );
    expect(cells[1]?.textContent).toContain(words);
    const button = one<HTMLButtonElement>(cells[1]!, ".zf-patch");
    expect(button.getAttribute("aria-label")).toContain(words);
    expect(button.disabled).toBe(true);
    expect(root.dataset.zfSettled).toBe("true");
    expect(all(root, ".zf-waits")).toEqual([]);
    expect(all(root, ".zf-status").every(({ hidden }) => hidden)).toBe(true); // its mark too
    selection.set("unit", ["features.3", 7]); // the same place, another photo
    await serve(model);
    await frames();
    expect(cells[1]?.dataset.state).toBe("ready");
    expect(cells[1]?.textContent).not.toContain("read any more");
  });

  it("have the widget's first line asked anew when a photo is lost, once", async () => {
    const { model, selection } = await open(2);
    const asked = () =>
      model.sent.filter((message) => "kind" in message && message.kind === "catalogue").length;
    const before = asked();
    for (const channel of [6, 2, 6]) {
      selection.set("unit", ["features.3", channel]);
      await serve(model);
      await frames();
      await serve(model);
    }
    expect(asked()).toBe(before + 1);
  });

  it("are chosen with keys or a click, and the chosen photo is marked", async () => {
    const { root, cells, selection } = await open(2);
    const buttons = all<HTMLButtonElement>(root, ".zf-patch");
    expect(cells[0]?.classList.contains("zf-chosen")).toBe(true); // photo 2
    buttons[0]!.focus();
    press(buttons[0]!, "ArrowRight");
    expect(document.activeElement).toBe(buttons[1]);
    buttons[1]!.click(); // what Enter does on a button
    expect(selection.get("photo")).toBe(3);
    expect(cells.filter(({ classList }) => classList.contains("zf-chosen"))).toEqual([cells[1]]);
    expect(buttons[1]!.getAttribute("aria-pressed")).toBe("true");
  });

  it("are fetched ahead for the neighbours once all is there", async () => {
    const { model, root } = await stage(patchGrid);
    await serve(model, ["projections"]);
    expect(model.gets.filter(({ slot }) => slot.startsWith("prefetch"))).toEqual([]);
    await serve(model);
    await frames();
    const ahead = model.gets.filter(({ slot }) => slot.startsWith("prefetch"));
    const channels = ahead.map((request) => [request.kind, keyOf(request).channel]);
    expect(channels).toEqual([
      ["top", 3],
      ["projections", 3],
      ["top", 1],
      ["projections", 1],
    ]);
    expect(ahead.every(({ priority }) => priority === 5)).toBe(true);
    expect(root.dataset.zfSettled).toBe("true");
  });

  it("that are fetched ahead go on when a step leads there, until they are asked for", async () => {
    const { model, selection } = await stage(patchGrid);
    await serve(model, ["projections"]);
    const chosen = model.gets.find(({ slot }) => slot === "patches:projections")!;
    model.answer(chosen, "reply", ...answerTo(chosen));
    await flush();
    await frames();
    const before = model.sent.length;
    selection.set("unit", ["features.3", 3]);
    await flush();
    const sent = model.sent.slice(before);
    const at = (op: string, slot: string) =>
      sent.findIndex((one) => one.op === op && one.slot === slot);
    // The channel before isn't what a step leads to any more.
    expect(at("cancel", "prefetch:1:projections")).toBeGreaterThanOrEqual(0);
    const asked = at("get", "patches:projections");
    expect(asked).toBeGreaterThan(at("cancel", "prefetch:1:projections"));
    expect(at("cancel", "prefetch:0:projections")).toBeGreaterThan(asked);
  });

  const choose = (root: HTMLElement, label: string, value: string) => {
    const element = one<HTMLSelectElement>(root, `select[aria-label='${label}']`);
    element.value = value;
    element.dispatchEvent(new Event("change"));
  };

  /** The card behind the button beside the settings. */
  const about = (root: HTMLElement) => {
    const button = one<HTMLButtonElement>(root, "[aria-label='How these pictures were made']");
    button.click();
    const text = one(root, "[role=dialog]").textContent ?? "";
    button.click();
    expect(root.querySelector("[role=dialog]")).toBeNull();
    return text;
  };
  const toggle = (root: HTMLElement, text: string) =>
    all<HTMLButtonElement>(root, ".zf-toggle").find((e) => e.textContent === text)!;

  it("are in colour by themselves where most of the signal is, unless the user chooses", async () => {
    const { model, root, selection } = await open(5);
    const legend = () => one(root, ".zf-note").textContent;
    const shown = () =>
      all<HTMLElement>(root, ".zf-picture[data-values]").map(({ dataset }) => dataset.values);
    const values = one<HTMLSelectElement>(root, "select[aria-label='Values of the projections']");
    expect(values.value).toBe("auto");
    expect(new Set(shown())).toEqual(new Set(["colour"]));
    expect(legend()).toContain("(colours lighter or darker than grey; grey is nothing)");
    expect(legend()).toContain("Shown in colour: 86 % of the signal is one colour and");

    choose(root, "Values of the projections", "brightness");
    expect(model.get("values")).toBe("brightness");
    expect(new Set(shown())).toEqual(new Set(["brightness"]));
    expect(legend()).toContain("one colour and its opposite: choose");
    choose(root, "Values of the projections", "magnitude");
    expect(legend()).not.toContain("of the signal is one colour");

    choose(root, "Values of the projections", "auto");
    selection.set("unit", ["features.3", 2]);
    await serve(model);
    await frames();
    expect(new Set(shown())).toEqual(new Set(["brightness"]));
    expect(legend()).not.toContain("of the signal is one colour");
  });

  it("have a legend that says in a sentence what is shown, and on which scale", async () => {
    const { model, root } = await open(2);
    const legend = () => one(root, ".zf-note").textContent;
    const asked = model.gets.length;
    const left = "Left: the part of the photo that counts. Right: ";
    // Their own scales of brightness are 0.125, 0.1875, ... 0.625.
    expect(legend()).toBe(
      `${left}what in it drives the channel (light and dark strokes; grey is nothing), ` +
        "each on its own scale. darkerlighter Numbers: how strongly it fires.",
    );
    choose(root, "Scale of the projections", "one");
    expect(legend()).toContain("all on one scale. −0.375+0.375");
    choose(root, "Values of the projections", "colour");
    expect(legend()).toContain("(colours lighter or darker than grey; grey is nothing)");
    expect(legend()).toContain("all on one scale. −0.5+0.5");
    choose(root, "Scale of the projections", "own");
    expect(legend()).toContain(
      "each on its own scale. darkerlighter Numbers: how strongly it fires.",
    );
    choose(root, "Values of the projections", "magnitude");
    expect(legend()).toContain("(how strongly, whatever the sign; black is nothing)");
    expect(legend()).toContain("each on its own scale. 0+");
    choose(root, "Values of the projections", "positive");
    choose(root, "Scale of the projections", "one");
    expect(legend()).toContain("(what is above zero, in colour; black is nothing)");
    expect(legend()).toContain("all on one scale. 0+0.5");
    choose(root, "What to show", "projections");
    expect(legend()).toMatch(/^Each picture: what in it drives the channel/);
    choose(root, "What to show", "revealed");
    expect(legend()).toBe("The photo, visible where it drives the channel.");
    choose(root, "What to show", "patches");
    expect(legend()).toBe("Each picture: the part of the photo that counts.");
    toggle(root, "Whole field").click();
    expect(legend()).toBe("Each picture: all of the photo that the channel can see there.");
    expect(one<HTMLSelectElement>(root, "select[aria-label^=Values]").disabled).toBe(true);
    expect(model.gets).toHaveLength(asked); // all of it without the kernel
  });

  it("have all else behind a button: the square, the weights, where scales end", async () => {
    const { root } = await open(2);
    expect(about(root)).toContain(
      "holds 95 % of the energy of the nine projections (6 pixels wide), moved into the photo",
    );
    expect(about(root)).toContain("0.299 red + 0.587 green + 0.114 blue");
    expect(about(root)).toContain("Scales end at the 99.5th percentile of what isn't zero");
    expect(about(root)).toContain("Projection 1: "); // photo 2, which is chosen
    all<HTMLButtonElement>(root, ".zf-patch")[3]!.click();
    expect(about(root)).toContain("Projection 4: ");
    choose(root, "Values of the projections", "colour");
    toggle(root, "Whole field").click();
    expect(about(root)).not.toContain("red + ");
    expect(about(root)).toContain("the whole receptive field, moved into the photo");
  });

  it("are revealed and shown whole by keys in the grid", async () => {
    const { model, root } = await open(2);
    const first = one<HTMLButtonElement>(root, ".zf-patch");
    const layout = () => one(root, ".zf-patch-grid").dataset.layout;
    press(first, "r");
    expect([model.get("patches"), layout()]).toEqual(["revealed", "revealed"]);
    expect(one<HTMLSelectElement>(root, "select[aria-label='What to show']").value).toBe(
      "revealed",
    );
    press(first, "R");
    expect([model.get("patches"), layout()]).toEqual(["both", "both"]);
    press(first, "w");
    expect(model.get("whole")).toBe(true);
    expect(toggle(root, "Whole field").getAttribute("aria-pressed")).toBe("true");
    press(first, "w", { ctrlKey: true }); // closes a tab: not ours
    expect(model.get("whole")).toBe(true);
    press(first, "w");
    expect(model.get("whole")).toBe(false);
    press(first, "x");
    expect([model.get("patches"), model.get("whole")]).toEqual(["both", false]);
  });

  it("are pinned by a key, and stand beside those of the next channel", async () => {
    const { model, selection, root } = await open(2);
    const panels = () => all(root, ".zf-patches");
    const heads = () => panels().map((panel) => one(panel, "h3").textContent);
    press(one<HTMLButtonElement>(root, ".zf-patch"), "p");
    await serve(model);
    expect(model.get("pinned")).toEqual(["features.3", 2, "deconvnet"]);
    expect(toggle(root, "Pin").getAttribute("aria-pressed")).toBe("true");
    expect(heads()).toEqual(["Strongest patchesfeatures.3 : 2", "Pinnedfeatures.3 : 2"]);
    expect(one(root, ".zf-hint").textContent).toContain("choose another channel");
    selection.set("unit", ["features.3", 7]);
    await serve(model);
    expect(heads()).toEqual(["Strongest patchesfeatures.3 : 7", "Pinnedfeatures.3 : 2"]);
    const firsts = () => panels().map((panel) => one(panel, ".zf-cell").dataset.image);
    expect(firsts()).toEqual(["7", "2"]);
    expect(one(root, ".zf-hint").hidden).toBe(true);
    // Each has a rule of its own.
    const rules = panels().map((panel) =>
      one<HTMLSelectElement>(panel, "select[aria-label='Rule of the projections']"),
    );
    rules[1]!.value = "guided";
    rules[1]!.dispatchEvent(new Event("change"));
    await serve(model);
    expect(model.get("pinned")).toEqual(["features.3", 2, "guided"]);
    expect(selection.get("rule")).toBe("deconvnet");
    press(one<HTMLButtonElement>(panels()[1]!, ".zf-patch"), "p");
    expect(model.get("pinned")).toBeNull();
    expect(panels()).toHaveLength(1);
    await serve(model);
    await frames();
    expect(root.dataset.zfSettled).toBe("true");
  });

  it("are shown on one square, or on the whole field", async () => {
    const { selection, model, root, cells } = await open(2);
    const aspect = () => one(root, ".zf-patch-grid").style.getPropertyValue("--zf-aspect");
    const size = (cell?: HTMLElement) =>
      all<HTMLCanvasElement>(cell as HTMLElement, ".zf-picture").map((e) => [e.height, e.width]);
    // The field of 5 rows is cut by a square of 6 pixels only from left and right.
    expect(aspect()).toBe("6 / 5");
    expect(size(cells[0])).toEqual([
      [5, 6],
      [5, 6],
    ]);
    toggle(root, "Whole field").click();
    expect(aspect()).toBe("7 / 5");
    expect(size(cells[0])).toEqual([
      [5, 7],
      [5, 7],
    ]);
    toggle(root, "Whole field").click();
    selection.set("unit", ["features.3", 5]); // of a branch with a field of 11 x 13
    await serve(model);
    expect(aspect()).toBe("6 / 6");
    expect(size(cells[8])).toEqual([
      [6, 6],
      [6, 6],
    ]);
  });

  it("frame the receptive field's end where the photo's border moved the square", async () => {
    const { cells } = await open(5);
    const frames = cells.map((cell) => one(cell, ".zf-patch-field"));
    // Rows -2 .. 8 of the first, moved to 0 .. 10; its middle 6 rows are all of the field.
    expect(frames.every(({ hidden }) => hidden)).toBe(true);
    toggle(cells[0]!.closest<HTMLElement>(".zf-root")!, "Whole field").click();
    expect(frames.map(({ hidden }) => hidden)).toEqual([false, ...Array(8).fill(true)]);
    expect(frames[0]!.style.top).toBe(`${(-2 / 11) * 100}%`);
    expect(frames[0]!.style.height).toBe("100%");
  });

  it("keep their square while projections come in threes", async () => {
    const { model, selection, root, cells } = await open(5);
    const width = () => one<HTMLCanvasElement>(cells[0]!, ".zf-picture").width;
    const aspect = () => one(root, ".zf-patch-grid").style.getPropertyValue("--zf-aspect");
    expect([width(), aspect()]).toEqual([6, "6 / 6"]);
    const asked = () => model.gets.filter(({ slot }) => slot === "patches:projections").at(-1)!;
    selection.set("unit", ["features.3", 8]); // no neighbour, so not asked ahead
    await serve(model, ["projections"]);
    expect([width(), aspect()]).toEqual([6, "6 / 6"]); // patches first, on the last one's
    const request = asked();
    const [data, buffers] = answerTo(request) as [Answer<"projections">["data"], DataView[]];
    const of = (side: number, n: number) => ({
      ...data,
      focus: side,
      projections: data.projections.map((info, i) =>
        info && i < n
          ? { ...info, view: focusBox(CATALOGUE.layers[0]!.field, [i, 2], side, INPUT) }
          : null,
      ),
    });
    for (const [side, n] of [
      [3, 3],
      [9, 6],
    ] as const) {
      model.answer(request, "partial", of(side, n), buffers.slice(0, n));
      await flush();
      expect([width(), aspect()]).toEqual([6, "6 / 6"]);
    }
    model.answer(request, "reply", of(8, 9), buffers);
    await flush();
    expect([width(), aspect()]).toEqual([8, "8 / 8"]);
    // Of another layer nothing is known: the first projections' square, not this one's.
    selection.set("unit", ["features.4", 6]);
    await serve(model, ["projections"]);
    expect([width(), aspect()]).toEqual([13, "13 / 11"]);
    const other = asked();
    model.answer(other, "partial", of(3, 3), buffers.slice(0, 3));
    await flush();
    expect([width(), aspect()]).toEqual([3, "3 / 3"]);
  });

  it("are projected by the rule that is chosen, of those that the engine has", async () => {
    const { model, selection, root } = await open(2);
    const label = "Rule of the projections";
    const names = all<HTMLOptionElement>(root, `select[aria-label='${label}'] option`);
    expect(names.map(({ value }) => value)).toEqual(["deconvnet", "guided", "gradient", "my own"]);
    const asked = () =>
      model.gets.filter(({ slot }) => slot === "patches:projections").map((r) => keyOf(r).rule);
    const answers = () => about(root);
    expect(answers()).toContain("max-pool switches");
    choose(root, label, "gradient");
    expect(selection.get("rule")).toBe("gradient");
    await flush();
    expect(asked()).toEqual(["deconvnet", "gradient"]);
    expect(all(root, ".zf-waits")).toHaveLength(9); // none of the other rule's is left
    await serve(model);
    expect(all(root, ".zf-waits")).toEqual([]);
    expect(answers()).toContain("to first order");
    selection.set("rule", "my own"); // by the kernel
    await serve(model);
    expect(one<HTMLSelectElement>(root, `select[aria-label='${label}']`).value).toBe("my own");
    expect(answers()).toContain("What my own rule answers.");
  });

  it("stay when no projection can be computed, and why is said", async () => {
    const { model, selection, root } = await stage(patchGrid);
    await serve(model, ["projections"]);
    const message = "Layer 'conv2' gives nan: check the weights.";
    model.answer(model.request("projections"), "error", { name: "UnsupportedModel", message });
    await frames();
    expect(one(root, ".zf-error").textContent).toContain(`UnsupportedModel: ${message}`);
    const cells = all(root, ".zf-cell");
    expect(cells.map(({ dataset }) => dataset.state)).toEqual(Array(9).fill("ready"));
    expect(all(root, ".zf-waits, .zf-loading")).toEqual([]);
    expect(root.dataset.zfSettled).toBe("true");
    selection.set("unit", ["features.3", 5]);
    await serve(model);
    await serve(model);
    expect(root.querySelector(".zf-error:not([hidden])")).toBeNull();
    expect(all(root, ".zf-status").map(({ hidden }) => hidden)).toEqual(
      Array.from({ length: 9 }, (_, rank) => rank !== 1), // the one that was linearised
    );
  });

  it("are shown from the whole of a channel's range once that is asked for", async () => {
    const { model, selection, root } = await stage(patchGrid);
    await serve(model);
    const asked = () => model.gets.filter(({ kind }) => kind === "quantiles").map(keyOf);
    expect(asked()).toEqual([]);
    const fold = one<HTMLDetailsElement>(root, ".zf-fold-range");
    fold.open = true;
    fold.dispatchEvent(new Event("toggle"));
    await serve(model);
    expect(asked()).toMatchObject([{ layer: "features.3", channel: 2 }]);
    const parts = all(root, ".zf-range-part");
    expect(parts.map((part) => one(part, ".zf-range-value").textContent)).toEqual(
      Array.from({ length: 10 }, (_, i) => String(2 * i + 1)),
    );
    expect(parts[0]?.textContent).toContain("not active");
    expect(parts[1]?.getAttribute("aria-label")).toBe("10 to 20 % of the images: 2 to 3");
    const tiles = (part: number) => all(parts[part] as HTMLElement, ".zf-range-tile");
    expect([0, 1, 9].map((part) => tiles(part).length)).toEqual([0, 2, 2]);
    expect(one(fold, ".zf-fold-note").textContent).toContain(
      "Of all 20 images; the channel is active in all but 2 of them.",
    );

    tiles(1)[0]?.focus();
    press(tiles(1)[0] as HTMLElement, "ArrowRight");
    expect(document.activeElement).toBe(tiles(2)[0]);
    press(tiles(2)[0] as HTMLElement, "ArrowDown");
    expect(document.activeElement).toBe(tiles(2)[1]);
    tiles(2)[1]?.click();
    expect(selection.get("photo")).toBe(6);
    expect(all(root, ".zf-range-tile[aria-pressed=true]")).toEqual([tiles(2)[1]]);

    selection.set("unit", ["features.3", 5]);
    await serve(model);
    expect(asked()).toHaveLength(2);
    fold.open = false;
    fold.dispatchEvent(new Event("toggle"));
    selection.set("unit", ["features.3", 4]);
    await serve(model);
    expect(asked()).toHaveLength(2); // closed: nothing is asked
  });

  it("of a sample say that the range is approximate", async () => {
    const { model, root } = await stage(patchGrid);
    await serve(model);
    const fold = one<HTMLDetailsElement>(root, ".zf-fold-range");
    fold.open = true;
    fold.dispatchEvent(new Event("toggle"));
    await flush();
    const rows = quantiles(2).rows.slice(0, 1);
    const data = { ...quantiles(2), rows, exact: false, images_seen: 5000, partial: true };
    model.answer(model.request("quantiles"), "partial", data, [new DataView(new ArrayBuffer(3))]);
    await flush();
    const text = one(fold, ".zf-fold-note").textContent;
    expect(text).toContain("a sample of 20 images out of 5,000, so the limits are approximate");
  });

  it("open a card that lists a projection's operations, and close it with Escape", async () => {
    const { root } = await open(2);
    const status = all<HTMLButtonElement>(root, ".zf-status")[1]!;
    status.click();
    const card = one(root, "[role=dialog]");
    expect(card.textContent).toContain("lrn");
    expect(card.textContent).toContain("linearised: frozen");
    expect(card.textContent).toContain(
      "depends on this image through the switches of 2 max-pools.",
    );
    expect(card.textContent).toContain("exactly 5×7 pixels"); // as channels of the first branch
    expect(status.getAttribute("aria-expanded")).toBe("true");
    press(card, "Escape");
    expect(root.querySelector("[role=dialog]")).toBeNull();
    expect(document.activeElement).toBe(status);
  });
});
