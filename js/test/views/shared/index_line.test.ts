/** While the index is being built: what is shown is marked, told politely, and can be paused. */

import { describe, expect, it } from "vitest";
import type { Kind, Request, SoFar } from "../../../src/lib/wire/protocol";
import explorer from "../../../src/widgets/explorer";
import occlusionMap from "../../../src/widgets/occlusion_map";
import patchGrid from "../../../src/widgets/patch_grid";
import picker from "../../../src/widgets/picker";
import { type FakeModel, flush } from "../../support/fakes";
import { answerTo, type Stage, serve, stage } from "../../support/kernel";
import { all, frames, one, onFakePage } from "../../support/page";

onFakePage();

const OF_INDEX = ["index", "channels", "sheet", "top", "projections"] as const;
const TOTAL = 2000;

const progress = (done: number, more: object = {}) => ({
  what: "Looking at all images once",
  done,
  total: TOTAL,
  seconds_left: 42,
  per_second: 40.5,
  filled: [3120, 4000],
  paused: false,
  ...more,
});

/** Tell all who wait for the index how far it is. */
async function tell(model: FakeModel, done: number, more: object = {}): Promise<void> {
  for (const kind of OF_INDEX) {
    for (const request of model.gets.filter((one) => one.kind === kind)) {
      model.answer(request, "progress", progress(done, more));
    }
  }
  await flush(); // the line asks for itself
  for (const request of model.gets.filter(({ kind }) => kind === "index")) {
    model.answer(request, "progress", progress(done, more));
  }
  await frames();
}

const soFar = (images: number, same = false): SoFar => ({ images, of: TOTAL, same });

/** A partial answer over so many images; `change` makes it differ from the final one. */
async function partial(
  model: FakeModel,
  kind: Kind,
  images: number,
  change: (data: never) => void = () => {},
): Promise<void> {
  const [data, buffers] = answerTo(model.request(kind));
  change(data as never);
  model.answer(
    model.request(kind),
    "partial",
    { ...(data as object), so_far: soFar(images) },
    buffers,
  );
  await flush();
}

async function building(widget: typeof explorer = patchGrid, options = {}): Promise<Stage> {
  const staged = await stage(widget, {}, options);
  await serve(staged.model, OF_INDEX);
  await tell(staged.model, 320);
  return staged;
}

const marks = (root: HTMLElement) =>
  all(root, ".zf-so-far:not([hidden])").map(({ textContent }) => textContent);

describe("the index line", () => {
  it("says how far the pass is, its pace and what is filled, once in a widget", async () => {
    const { root, model } = await building(explorer, { auto: false });
    expect(all(root, ".zf-index")).toHaveLength(1);
    const line = one(root, ".zf-title .zf-index");
    expect(line.textContent).toContain("So far: 320 of 2,000 images");
    expect(line.textContent).toContain(
      "40.5 images/s · 42 s left · 3,120 of 4,000 channels filled",
    );
    expect(one<HTMLProgressElement>(line, "progress").value).toBeCloseTo(0.16);
    expect(all(root, ".zf-message:not([hidden])")).toEqual([]); // said once, not in each panel
    expect(model.gets.filter(({ kind }) => kind === "index")).toHaveLength(1);
    expect(root.dataset.zfSettled).toBe("false");
  });

  it("goes when the index is there, and says that politely", async () => {
    const { root, model } = await building();
    await serve(model);
    await frames();
    expect(all(root, ".zf-index")).toEqual([]);
    expect(one(root, ".zf-live").textContent).toContain("All images have been looked at");
    expect(root.dataset.zfSettled).toBe("true");
  });

  it("isn't there where nothing needs the index, nor where it is there already", async () => {
    const map = await stage(occlusionMap, {}, { auto: false });
    await serve(map.model);
    const grid = await stage(patchGrid);
    await serve(grid.model);
    await frames();
    for (const { root, model } of [map, grid]) {
      expect(all(root, ".zf-index, .zf-so-far:not([hidden])")).toEqual([]);
      expect(model.gets.filter(({ kind }) => kind === "index")).toEqual([]);
    }
  });

  it("tells a screen reader the quarters, not the batches", async () => {
    const { root, model } = await building();
    const said = new Set<string | null>();
    const region = one(root, ".zf-live");
    const first = region.textContent;
    expect(first).toContain("provisional");
    for (let done = 336; done <= TOTAL; done += 16) {
      await tell(model, done);
      said.add(region.textContent);
    }
    said.delete(first);
    expect([...said]).toEqual([
      "Looking at all images, so far: 512 of 2,000 images",
      "Looking at all images, so far: 1,008 of 2,000 images",
      "Looking at all images, so far: 1,504 of 2,000 images",
      "Looking at all images, 2,000 of 2,000 images, finishing",
    ]);
    expect(all(root, "[aria-live], [role=status]:not(.zf-message)")).toEqual([region]);
  });

  it("pauses and resumes, showing what holds and not what was asked", async () => {
    const { root, model } = await building();
    const button = one<HTMLButtonElement>(root, ".zf-index button");
    const sent = () => model.sent.filter(({ op }) => !["get", "cancel"].includes(op));
    expect(button.textContent).toBe("Pause");
    button.click();
    await flush();
    expect(sent()).toMatchObject([{ zf: 1, op: "pause" }]);
    expect(button.textContent).toBe("Pausing …");
    await tell(model, 336); // the batch that was being computed
    expect(button.textContent).toBe("Pausing …");
    await tell(model, 336, { paused: true });
    expect(button.textContent).toBe("Resume");
    expect(one(root, ".zf-index").textContent).toContain("Paused · so far: 336 of 2,000 images");
    expect(one(root, ".zf-index").textContent).not.toContain("left");
    expect(one(root, ".zf-live").textContent).toContain("Paused");
    button.click();
    await flush();
    expect(sent().at(-1)).toMatchObject({ zf: 1, op: "resume" });
    await tell(model, 352);
    expect(button.textContent).toBe("Pause");
    expect(one(root, ".zf-live").textContent).toContain("Going on");
  });

  it("follows a pause from elsewhere, and doesn't wait for ever for its own", async () => {
    const { root, model } = await building();
    const button = one<HTMLButtonElement>(root, ".zf-index button");
    await tell(model, 320, { paused: true });
    expect(button.textContent).toBe("Resume");
    await tell(model, 336);
    button.click(); // a message that is lost
    for (let done = 352; done < 480; done += 16) await tell(model, done);
    expect(button.textContent).toBe("Pause");
  });
});

describe("what is provisional", () => {
  it("is marked in each panel until all of it is final", async () => {
    const { root, model } = await building(picker);
    expect(marks(root)).toEqual([]);
    await partial(model, "channels", 320);
    await partial(model, "sheet", 304);
    expect(marks(root)).toEqual(["so far: 304 of 2,000 images"]);
    const answer = (kind: Kind) =>
      model.answer(model.request(kind), "reply", ...answerTo(model.request(kind)));
    answer("channels");
    await frames();
    expect(marks(root)).toEqual(["so far: 304 of 2,000 images"]);
    answer("sheet");
    await frames();
    expect(marks(root)).toEqual([]);
  });

  it("stays marked while another channel's answer is on its way, and is then that one's", async () => {
    const { root, model, selection } = await building();
    await partial(model, "top", 320);
    selection.set("unit", ["features.3", 5]);
    await frames();
    expect(marks(root)).toEqual(["so far: 320 of 2,000 images"]);
    await partial(model, "top", 336);
    expect(marks(root)).toEqual(["so far: 336 of 2,000 images"]);
    selection.set("unit", null);
    await frames();
    expect(marks(root)).toEqual([]);
  });

  it("never calls a channel dead", async () => {
    const { root, model } = await building(picker);
    await partial(model, "channels", 320, (data) => data);
    const strip = one(root, ".zf-strip");
    const tile = one(strip, "[data-channel='1']"); // silent in all images
    expect(tile.title).toContain("fires in none, of 320 so far");
    expect(tile.classList.contains("zf-dead")).toBe(false);
    expect(one(root, ".zf-channels h3").textContent).not.toContain("dead");
    await serve(model);
    await frames();
    expect(one(strip, "[data-channel='1']")).toBe(tile); // elements stay: focus and reader do
    expect(tile.title).toContain("dead: fires in none of these photos");
    expect(tile.classList.contains("zf-dead")).toBe(true);
  });

  it("leaves the strip where it was scrolled to", async () => {
    const staged = await stage(picker, { unit: ["features.4", 0] });
    await serve(staged.model, OF_INDEX);
    const strip = one(staged.root, ".zf-strip");
    await partial(staged.model, "channels", 320);
    strip.scrollTop = 66 * 50;
    strip.dispatchEvent(new Event("scroll"));
    await partial(staged.model, "channels", 336);
    await serve(staged.model);
    expect(strip.scrollTop).toBe(66 * 50);
  });

  it("shows projections beside the patches they are of, wherever these have moved", async () => {
    const { root, model } = await building();
    await partial(model, "top", 320);
    const cells = all(root, ".zf-cell");
    const images = () => cells.map(({ dataset }) => Number(dataset.image));
    const waits = () => cells.filter(({ classList }) => classList.contains("zf-waits"));
    const before = images();
    expect(waits()).toHaveLength(9);
    await partial(model, "projections", 320);
    expect(waits()).toHaveLength(0);
    // Another photo comes first: the others keep their projections, a place further down.
    await partial(model, "top", 336, (data: { activations: object[] }) => {
      const [first] = data.activations;
      data.activations = [{ ...first, image: 19 }, ...data.activations].slice(0, 9);
    });
    expect(images()).toEqual([19, ...before.slice(0, 8)]);
    expect(waits()).toEqual([cells[0]]);
    await partial(model, "projections", 320); // of the patches of a while ago
    expect(waits()).toEqual([cells[0]]);
    await partial(model, "projections", 336, (data: { projections: { image: number }[] }) => {
      const first = data.projections[0]!;
      data.projections = [{ ...first, image: 19 }, ...data.projections].slice(0, 9);
    });
    expect(waits()).toHaveLength(0);
    await serve(model);
    await frames();
    expect(images()).toEqual(before);
  });

  it("says of places that aren't filled only what is so far", async () => {
    const { root, model, selection } = await building();
    selection.set("unit", ["features.3", 3]); // fires in four images
    await frames();
    await partial(model, "top", 320);
    const why = () =>
      all(root, ".zf-why")
        .map(({ textContent }) => textContent)
        .filter(Boolean);
    expect(why()).toEqual(["not filled so far"]);
    await serve(model);
    await frames();
    expect(why()).toEqual(["fires in only 4 images"]);
  });

  it("isn't painted again where nothing has changed", async () => {
    const { root, model } = await building();
    await partial(model, "top", 320);
    const before = root.querySelector(".zf-patch-grid")!.innerHTML;
    const data = { activations: [], so_far: soFar(336, true) };
    model.answer(model.request("top"), "partial", data, []);
    await frames();
    expect(root.querySelector(".zf-patch-grid")!.innerHTML).toBe(before);
    expect(marks(root)).toEqual(["so far: 336 of 2,000 images"]);
  });

  it("doesn't keep photos and maps from being asked for", async () => {
    const { model, selection } = await building(explorer, { auto: true });
    const asked = (kind: Kind) => model.gets.filter((request: Request) => request.kind === kind);
    const waiting = OF_INDEX.flatMap((kind) => asked(kind)).length;
    expect(waiting).toBeGreaterThanOrEqual(5);
    for (const photo of [3, 4]) {
      selection.set("photo", photo);
      await frames();
      expect(asked("photo").at(-1)?.key).toMatchObject({ image: photo });
      expect(asked("predict").at(-1)?.key).toMatchObject({ image: photo });
    }
  });
});
