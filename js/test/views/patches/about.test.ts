import { describe, expect, it } from "vitest";
import { NotStored } from "../../../src/lib/wire/source";
import { whatTheyShare } from "../../../src/views/patches/about";
import patchGrid from "../../../src/widgets/patch_grid";
import { flush } from "../../support/fakes";
import { serve, shared, stage } from "../../support/kernel";
import { all, onFakePage } from "../../support/page";

const text = (root: HTMLElement, selector: string) =>
  all(root, selector).map((element) => element.textContent);

async function open(channel: number, except: ("about" | "top")[] = []) {
  const staged = await stage(patchGrid, { unit: ["features.3", channel] });
  await serve(staged.model, except);
  return staged;
}

onFakePage();

describe("what the nine share", () => {
  it("is told with its share of all, and of random patches", async () => {
    const { root } = await open(2);
    expect(text(root, ".zf-shared li")).toEqual([
      "7 of 9: birds by predicted class, 4 of them robin (of all photos: 12 %)",
      "8 of 9: red (of random patches: 8.0 %)",
    ]);
    expect(text(root, ".zf-fold-about .zf-fold-state")).toEqual(["birds, red"]);
    expect(all(root, ".zf-shared li")[0]?.title).toContain("at most 0.0012");
    expect(text(root, ".zf-prefers")).toEqual([
      "On average over whole photos it responds most to those of birds (+2.25, 3 photos).",
    ]);
    expect(text(root, ".zf-fold-about .zf-fold-note")[0]).toContain("right or wrong");
    expect((root.querySelector(".zf-fold-about") as HTMLDetailsElement).open).toBe(true);
  });

  it("says why no preferred photos are told of a channel that sees little", async () => {
    const { model, root } = await open(2, ["about"]);
    const little = { prefers: [], prefers_why: "It sees 15×15 of 224×224 pixels." };
    model.answer(model.request("about"), "reply", { ...shared(2), ...little }, []);
    await flush();
    expect(all(root, ".zf-prefers")).toEqual([]);
    expect(text(root, ".zf-counted .zf-fold-note")[0]).toMatch(
      /It sees 15×15 of 224×224 pixels\.$/,
    );
  });

  it("is said to be nothing where chance would give as much", async () => {
    const { root } = await open(3);
    expect(text(root, ".zf-shared li")).toEqual([
      "Nothing in common that can be counted. Most frequent: birds, 7 of 9 (of all photos: 12 %); by chance alone some channel of this " +
        "layer would have as many.",
    ]);
    expect(text(root, ".zf-fold-about .zf-fold-state")).toEqual([
      "nothing found automatically: what do you see?",
    ]);
  });

  it("can't be counted without labels and classes, and it says why", async () => {
    const { model, root } = await open(2, ["about"]);
    const none = { by: "", why: "images have no labels", grouped: 0, groups: [], prefers: [] };
    const data = { ...shared(2), ...none, looks: [], looked: 0, alike: [] };
    model.answer(model.request("about"), "reply", data, []);
    await flush();
    expect(text(root, ".zf-shared li")).toEqual(["Nothing can be counted: images have no labels."]);
    expect(text(root, ".zf-alike")).toEqual(["No other channel responds alike."]);
    expect(all(root, ".zf-prefers")).toEqual([]);
  });

  it("has channels that respond alike as buttons that choose them", async () => {
    const { model, selection, root } = await open(2);
    const buttons = () => all(root, ".zf-alike button");
    expect(text(root, ".zf-alike button")).toEqual(["90.91", "40.50"]);
    buttons()[1]?.focus();
    buttons()[1]?.click();
    await serve(model);
    expect(selection.get("unit")).toEqual(["features.3", 4]);
    expect(document.activeElement).toBe(buttons()[0]); // of the new channel
  });

  it("is hidden until it is known, dimmed while another channel's isn't", async () => {
    const { model, selection, root } = await open(2, ["about"]);
    const fold = root.querySelector<HTMLElement>(".zf-fold-about");
    expect(fold?.hidden).toBe(true);
    await serve(model);
    expect(fold?.hidden).toBe(false);
    selection.set("unit", ["features.3", 3]);
    await serve(model, ["about"]);
    expect(fold?.querySelector(".zf-fold-body")?.classList.contains("zf-stale")).toBe(true);
    await serve(model);
    expect(fold?.querySelector(".zf-fold-body")?.classList.contains("zf-stale")).toBe(false);
  });

  it("shows a kernel's error in its place", async () => {
    const { model, root } = await open(2, ["about"]);
    const error = { name: "InputError", message: "there is no such thing" };
    model.answer(model.request("about"), "error", error, []);
    await flush();
    expect(text(root, ".zf-fold-about .zf-fold-note")).toEqual([
      "InputError: there is no such thing",
    ]);
  });

  it("is hidden in a report, which holds no such answer", async () => {
    const panel = {
      element: document.body,
      source: { get: () => Promise.reject(new NotStored("not here")) },
    };
    const root = document.body;
    root.className = "zf-root";
    const selection = { get: () => ["features.3", 2], subscribe: () => {} };
    whatTheyShare(panel as never, selection as never, new AbortController().signal);
    await flush();
    expect(root.querySelector<HTMLElement>(".zf-fold-about")?.hidden).toBe(true);
    root.className = "";
  });
});
