import { describe, expect, it } from "vitest";
import explorer from "../../../src/widgets/explorer";
import { flush } from "../../support/fakes";
import { serve, stage } from "../../support/kernel";
import { all, frames, keyOf, one, onFakePage } from "../../support/page";
import { byText, note } from "./opened";

onFakePage();

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
