import { describe, expect, it, vi } from "vitest";
import { focusBox } from "../../src/lib/pictures/boxes";
import type { Answer } from "../../src/lib/wire/protocol";
import explorer from "../../src/widgets/explorer";
import patchGrid from "../../src/widgets/patch_grid";
import picker from "../../src/widgets/picker";
import { flush } from "../support/fakes";
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
import { all, frames, keyOf, one, onFakePage } from "../support/page";

onFakePage();

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

  describe("of a channel whose tile is pressed", () => {
    const pressed = async (widget: typeof explorer, how: PointerEventInit) => {
      const { model, root } = await stage(widget);
      await serve(model);
      await frames();
      await serve(model);
      const before = model.gets.length;
      const tile = one(root, ".zf-strip [data-channel='7']");
      tile.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, ...how }));
      await flush();
      const asked = () =>
        model.gets.slice(before).filter(({ kind }) => kind === "top" || kind === "projections");
      return { model, root, tile, asked };
    };

    it("are asked for before the click, once, and shown by it alone", async () => {
      const { model, root, tile, asked } = await pressed(explorer, { pointerType: "mouse" });
      const of = asked().map((one) => [one.kind, one.slot, one.priority, keyOf(one).channel]);
      expect(of).toEqual([
        ["top", "press:top", 1, 7],
        ["projections", "press:projections", 2, 7],
      ]);
      const messages = model.messages;
      await serve(model);
      const ready = () => all(root, ".zf-cell").map(({ dataset }) => dataset.image);
      expect(ready()[0]).toBe("2");
      tile.click();
      await flush();
      expect(model.messages).toBe(messages); // the click has nothing to ask
      await frames();
      expect(ready()[0]).toBe("7");
      expect(asked().filter((one) => !one.slot.startsWith("prefetch"))).toHaveLength(2);
    });

    it("of a layer, too: of the channel that it is opened at", async () => {
      const { model, root } = await stage(explorer);
      await serve(model);
      await frames();
      await serve(model);
      const press = async (selector: string) => {
        const before = model.gets.length;
        const layer = one(root, `.zf-list ${selector}`);
        layer.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
        await flush();
        return model.gets
          .slice(before)
          .map((get) => [get.slot, keyOf(get).layer, keyOf(get).channel]);
      };
      expect(await press("[data-layer][aria-selected=true]")).toEqual([]);
      const other = one(root, ".zf-list [data-layer][aria-selected=false]").dataset.layer;
      expect(await press("[data-layer][aria-selected=false]")).toEqual([
        ["press:top", other, 0],
        ["press:projections", other, 0],
        ["press:about", other, 0],
      ]);
    });

    it("or on which the pointer rests: after all else, the newest alone", async () => {
      const { model, root } = await stage(explorer);
      await serve(model);
      await frames();
      await serve(model);
      const before = model.gets.length;
      const rested = () => model.gets.slice(before).filter(({ slot }) => slot.startsWith("rest:"));
      const over = (channel: number) => {
        const tile = one(root, `.zf-strip [data-channel='${channel}']`);
        tile.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
      };
      over(9);
      over(7); // passed over before it had rested
      await vi.waitFor(() => expect(rested()).toHaveLength(2));
      expect(rested().map((get) => [get.kind, get.priority, keyOf(get).channel])).toEqual([
        ["top", 5, 7],
        ["projections", 5, 7],
      ]);
    });

    it("go on when the click comes before they do", async () => {
      const { model, root, tile, asked } = await pressed(explorer, { pointerType: "mouse" });
      tile.click();
      await flush();
      expect(asked()).toHaveLength(2);
      await serve(model);
      await frames();
      expect(all(root, ".zf-cell")[0]?.dataset.image).toBe("7");
    });

    it("aren't where a finger may only want to scroll, another button is pressed, or there are none", async () => {
      expect((await pressed(explorer, { pointerType: "touch" })).asked()).toEqual([]);
      expect((await pressed(explorer, { pointerType: "mouse", button: 2 })).asked()).toEqual([]);
      expect((await pressed(picker, { pointerType: "mouse" })).asked()).toEqual([]);
    });
  });

  it("are asked for before all that stands below them, in one message", async () => {
    const { model, selection } = await open(2);
    const [before, messages] = [model.gets.length, model.messages];
    selection.set("unit", ["features.3", 7]);
    await flush();
    expect(model.messages).toBe(messages + 1);
    const kinds = model.gets.slice(before).map(({ kind }) => kind);
    expect(kinds.slice(0, 2)).toEqual(["top", "projections"]);
    expect(kinds).toContain("about");
  });

  const choose = (root: HTMLElement, label: string, value: string) => {
    const element = one<HTMLSelectElement>(root, `select[aria-label='${label}']`);
    element.value = value;
    element.dispatchEvent(new Event("change"));
  };

  /** The card behind the button beside the settings. */
  const about = (root: HTMLElement) => {
    const button = one<HTMLButtonElement>(
      root,
      "[aria-label='Exact? How these pictures were made']",
    );
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
