import { describe, expect, it, vi } from "vitest";
import { baselineText } from "../../../src/lib/occlusion/baselines";
import { LOST_MS } from "../../../src/lib/wire/kernel_source";
import type { FakeModel } from "../../support/fakes";
import { CATALOGUE, press } from "../../support/kernel";
import { all, one, onFakePage } from "../../support/page";
import { byText, choose, open, slid } from "./opened";

onFakePage();

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
