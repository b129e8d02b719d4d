import { describe, expect, it } from "vitest";
import type { Key } from "../../../src/lib/wire/protocol";
import { type FakeModel, flush } from "../../support/fakes";
import { serve, slide } from "../../support/kernel";
import { all, keyOf, one, onFakePage } from "../../support/page";
import { choose, slid } from "./opened";

onFakePage();

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
