import { describe, expect, it } from "vitest";
import picker from "../../src/widgets/picker";
import { flush } from "../support/fakes";
import { LOST, press, serve, stage } from "../support/kernel";
import { all, frames, keyOf, one, onFakePage } from "../support/page";

onFakePage();

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
    await flush();
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
