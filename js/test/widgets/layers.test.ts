import { describe, expect, it, vi } from "vitest";
import type { Layer } from "../../src/lib/wire/protocol";
import picker from "../../src/widgets/picker";
import { flush } from "../support/fakes";
import { CATALOGUE, press, serve, stage } from "../support/kernel";
import { all, frames, one, onFakePage } from "../support/page";

onFakePage();

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
