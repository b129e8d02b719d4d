/** The strip of all photos: what is drawn of it, asked for, found and chosen. */

import { describe, expect, it, vi } from "vitest";
import type { Add, Catalogue, Remove, Request } from "../../../src/lib/wire/protocol";
import { Thumbnails } from "../../../src/views/photos/thumbnails";
import type { Panel } from "../../../src/views/shared/status";
import explorer from "../../../src/widgets/explorer";
import { type FakeModel, flush, numbers, windowOn } from "../../support/fakes";
import { CATALOGUE, LISTED, LOST, press, type Stage, serve, stage } from "../../support/kernel";
import { frames, one, onFakePage } from "../../support/page";

onFakePage();

const PIXELS = windowOn(new Uint8Array([1, 2, 3]));
const shown = (root: HTMLElement) =>
  [...root.querySelectorAll<HTMLElement>(".zf-thumb")].map(({ dataset }) => Number(dataset.image));
const strip = (root: HTMLElement) => one(root, ".zf-thumbs");
const title = (root: HTMLElement) => one(root, ".zf-photos h3").textContent;
const readout = (root: HTMLElement) => one(root, ".zf-photos .zf-readout").textContent;
const asked = (model: FakeModel) =>
  model.gets
    .filter(({ kind }) => kind === "thumbnails")
    .map(({ key }) => (key as { images: number[] }).images);

/** Answer of a kind what it is told, and all else as usual. */
async function serveWith(
  model: FakeModel,
  kind: string,
  answer: (request: Request) => [data: unknown, buffers: DataView[]],
): Promise<void> {
  const done = new Set<Request>();
  for (let round = 0; round < 4; round++) {
    await serve(model, [kind as never]);
    for (const request of model.gets) {
      if (request.kind !== kind || done.has(request)) continue;
      done.add(request);
      model.answer(request, "reply", ...answer(request));
    }
    await flush();
  }
}

const find = (root: HTMLElement, text: string) => {
  const input = one<HTMLInputElement>(root, ".zf-photos input[type=search]");
  input.value = text;
  input.dispatchEvent(new Event("input"));
};

async function opened(state: Record<string, unknown> = {}): Promise<Stage> {
  const made = await stage(explorer, state, { auto: false });
  await serve(made.model);
  await frames();
  return made;
}

const many = (n: number): Catalogue => ({
  ...CATALOGUE,
  images: Array.from({ length: n }, (_, i) => ({
    name: `set/${i}.jpg`,
    label: i % 10 === 3 ? "tiger cat" : "heron, grey heron",
  })),
});

describe("the strip of photos", () => {
  it("marks the chosen photo, says what it is and follows", async () => {
    const { selection, root } = await opened({ photo: 2 });
    const marked = () => [...root.querySelectorAll('.zf-thumb[aria-selected="true"]')];
    expect(marked().map((tile) => (tile as HTMLElement).dataset.image)).toEqual(["2"]);
    expect(readout(root)).toBe("photo-2.jpg");
    selection.set("photo", 5);
    expect(marked().map((tile) => (tile as HTMLElement).dataset.image)).toEqual(["5"]);
    expect(strip(root).getAttribute("aria-activedescendant")).toBe(marked()[0]?.id);
    expect(readout(root)).toBe("photo-5.jpg");
    expect(title(root)).toBe("Photos20");
  });

  it("chooses by click and by keys, and says so to screen readers", async () => {
    const { selection, root } = await opened({ photo: 2 });
    one(root, '.zf-thumb[data-image="4"] i').click();
    expect(selection.get("photo")).toBe(4);
    await frames();
    expect(one(root, ".zf-live").textContent).toBe("Photo photo-4.jpg");
    for (const [key, photo] of [
      ["ArrowRight", 5],
      ["ArrowLeft", 4],
      ["End", 19],
      ["ArrowRight", 19],
      ["PageUp", 10],
      ["Home", 0],
    ] as const) {
      press(strip(root), key);
      expect(selection.get("photo"), key).toBe(photo);
    }
    const tile = one(root, '.zf-thumb[data-image="3"]');
    expect(tile.getAttribute("aria-posinset")).toBe("4");
    expect(tile.getAttribute("aria-setsize")).toBe("20");
  });

  it("says of a photo that can't be read why, in its place", async () => {
    const { root } = await opened();
    const tile = one(root, '.zf-thumb[data-image="7"]');
    expect(tile.classList.contains("zf-lost")).toBe(true);
    expect(tile.title).toBe(`photo-7.jpg · ${LOST}`);
  });

  it("draws and asks for what can be seen of 10,000, and nothing else", async () => {
    const { model, selection, root } = await stage(explorer, { photo: 0 }, { auto: false });
    await serveWith(model, "catalogue", () => [many(10_000), []]);
    await serve(model);
    expect(title(root)).toBe("Photos10,000");
    expect(one(root, ".zf-thumb-space").style.width).toBe("620000px");
    expect(shown(root).length).toBeLessThan(24); // 640 px, and four beyond them
    expect(asked(model).every((images) => images.length <= 16)).toBe(true);
    expect(new Set(asked(model).flat())).toEqual(new Set(shown(root)));

    const before = asked(model).length;
    selection.set("photo", 9000);
    await serve(model);
    expect(shown(root)).toContain(9000);
    expect(shown(root)).not.toContain(0);
    const now = asked(model).slice(before).flat();
    expect(new Set(now)).toEqual(new Set(shown(root)));
  });

  it("asks for no photo that was only scrolled past while the kernel was at work", async () => {
    const { model, selection, root } = await stage(explorer, { photo: 0 }, { auto: false });
    await serveWith(model, "catalogue", () => [many(10_000), []]);
    await serve(model);
    const before = asked(model).length;
    for (const photo of [2000, 4000, 6000, 8000]) {
      selection.set("photo", photo);
      await serve(model, ["thumbnails"]);
    }
    await serve(model);
    const now = new Set(asked(model).slice(before).flat());
    const near = (photo: number) => [...now].some((image) => Math.abs(image - photo) < 20);
    expect([2000, 4000, 6000, 8000].map(near)).toEqual([true, false, false, true]);
    expect(shown(root)).toContain(8000);
  });

  it("finds photos by name and label, and says how many", async () => {
    const { model, selection, root } = await stage(explorer, { photo: 0 }, { auto: false });
    await serveWith(model, "catalogue", () => [many(10_000), []]);
    const input = one<HTMLInputElement>(root, ".zf-photos input[type=search]");
    expect(input.placeholder).toBe("Name or label");
    find(root, "TIGER set/12");
    await serve(model);
    const found = Array.from({ length: 10_000 }, (_, i) => i).filter(
      (i) => i % 10 === 3 && String(i).startsWith("12"),
    );
    expect(title(root)).toBe(`Photos${found.length} of 10,000`);
    expect(shown(root)).toEqual(found.slice(0, shown(root).length));
    press(input, "Enter");
    expect(selection.get("photo")).toBe(found[0]);
    expect(readout(root)).toBe(`set/${found[0]}.jpg · label “tiger cat”`);
    find(root, "no such");
    expect(strip(root).dataset.empty).toBe("No photo matches “no such”.");
    find(root, "");
    expect(title(root)).toBe("Photos10,000");
    expect(model.gets.map(({ kind }) => kind)).not.toContain("predicted");
  });

  it("asks the network for the classes where there are no labels, and says that it does", async () => {
    const { model, root } = await opened({ photo: 3 });
    const input = one<HTMLInputElement>(root, ".zf-photos input[type=search]");
    expect(input.placeholder).toBe("Name or predicted class");
    expect(model.gets.map(({ kind }) => kind)).not.toContain("predicted");
    find(root, "windmill");
    await flush();
    const request = model.request("predicted");
    const state = one(root, ".zf-photos-state");
    expect(state.textContent).toContain("0 of 20 so far");
    expect(title(root)).toBe("Photos0 of 20");
    const part = Int32Array.from({ length: 20 }, (_, i) => (i < 8 ? i % 7 : -1));
    model.answer(request, "partial", { done: 8, total: 20 }, [numbers(part)]);
    await flush();
    expect(state.textContent).toContain("8 of 20 so far");
    expect(shown(root)).toEqual([3]);
    expect(readout(root)).toBe("photo-3.jpg · predicted “windmill”");
    await serve(model);
    expect(state.textContent).toBe("");
    expect(shown(root)).toEqual([3, 10, 17]);
  });

  it("leaves the network alone once nobody looks for a class any more", async () => {
    const { model, root } = await opened();
    find(root, "heron");
    await flush();
    const { slot } = model.request("predicted");
    find(root, "");
    await flush();
    expect(model.cancels.map((cancel) => cancel.slot)).toContain(slot);
    expect(one(root, ".zf-photos-state").textContent).toBe("");
    expect(shown(root).length).toBe(15); // those that fit, again
  });

  it("shows of a report's photos those that it holds, and says what needs a kernel", async () => {
    const { model, root } = await stage(explorer, { photo: 5 }, { auto: false });
    const no_own = "A photo of your own needs a kernel: this is a report.";
    await serveWith(model, "photos", () => [{ ...LISTED, held: [1, 5, 8], no_own }, []]);
    expect(shown(root)).toEqual([1, 5, 8]);
    expect(one(root, ".zf-photos .zf-note").textContent).toContain(no_own);
  });

  it("keeps as many pictures as it may, and lets go of all when its view goes", async () => {
    let open = 0;
    vi.stubGlobal("createImageBitmap", async () => {
      open += 1;
      return { close: () => (open -= 1) };
    });
    const view = new AbortController();
    const load = async (
      _kind: string,
      key: object,
      _slot: string,
      _: object,
      paint: (answer: object) => Promise<void>,
    ) => {
      await paint({ data: { ...key, columns: 4, lost: [], mime: "image/png" }, buffers: [PIXELS] });
      return true;
    };
    const panel = { signal: view.signal, load } as unknown as Panel;
    const kept = new Thumbnails(panel, () => {}, view.signal);
    for (let first = 0; first < 16 * 70; first += 16) {
      kept.want(Array.from({ length: 16 }, (_, i) => first + i));
      await flush();
    }
    expect(open).toBe(64);
    expect([kept.has(6 * 16 - 1), kept.has(6 * 16)]).toEqual([false, true]);
    view.abort();
    expect(open).toBe(0);
    expect(kept.has(1100)).toBe(false);
  });
});

// ---------------------------------------------------------------------- the user's own

const OWN = { image: 777, name: "cat.png", notes: ["Turned upright, as its EXIF data say."] };

interface Sent {
  name: string;
  size: number;
  /** Its first bytes. */
  first: number[];
  slots: Set<string>;
}

/** The photos that the page has sent, put together. */
function sent(model: FakeModel): Sent[] {
  const found: Sent[] = [];
  const adds = (model.sent as unknown as Add[]).filter(({ op }) => op === "add");
  adds.forEach(({ part, name, slot }, i) => {
    const bytes = new Uint8Array(model.buffers[i] as ArrayBuffer);
    if (part === 0) found.push({ name, size: 0, first: [...bytes.slice(0, 4)], slots: new Set() });
    const now = found.at(-1) as Sent;
    now.size += bytes.length;
    now.slots.add(slot);
  });
  return found;
}

/** Answer the newest photo that was sent, or removed. */
async function told(model: FakeModel, op: "reply" | "error", data: object): Promise<void> {
  for (let i = 0; i < 20; i++) await flush();
  const message = (model.sent as unknown as Add[]).findLast(
    (one) => one.op === "add" || (one.op as string) === "remove",
  );
  if (!message) throw new Error("no photo was sent");
  const { view, slot } = message;
  model.emit("msg:custom", { zf: 1, op, view, slot, kind: "photos", key: {}, data });
  for (let i = 0; i < 20; i++) await flush();
}

function drop(target: Element, files: File[], type = "drop"): Event {
  const event = new Event(type, { bubbles: true, cancelable: true });
  Object.assign(event, { dataTransfer: { files }, clipboardData: { files } });
  target.dispatchEvent(event);
  return event;
}

const file = (name: string, size = 4) => new File([new Uint8Array(size).fill(7)], name);
const says = (root: HTMLElement) => one(root, ".zf-photos-told").textContent;

describe("a photo of one's own", () => {
  it.each([
    ["the strip", ".zf-photos .zf-thumbs"],
    ["the photo", ".zf-stage"],
  ])("that is dropped on %s goes to the kernel and is looked at", async (_, place) => {
    const { model, selection, root } = await opened();
    const target = one(root, place);
    expect(drop(target, [], "dragover").defaultPrevented).toBe(true);
    expect(root.querySelector(".zf-drop")).not.toBeNull();
    expect(drop(target, [file("cat.png")]).defaultPrevented).toBe(true);
    expect(root.querySelector(".zf-drop")).toBeNull();
    await flush();
    expect(says(root)).toBe("Reading cat.png …");
    expect(root.dataset.zfSettled).toBe("false");
    await told(model, "reply", { ...LISTED, own: [OWN], added: 777 });
    expect(sent(model)).toMatchObject([{ name: "cat.png", size: 4, first: [7, 7, 7, 7] }]);
    expect(selection.get("photo")).toBe(777);
    expect(shown(root)[0]).toBe(777);
    const tile = one(root, '.zf-thumb[data-image="777"]');
    expect(tile.classList.contains("zf-own")).toBe(true);
    expect(tile.title).toBe("cat.png · your own photo · Turned upright, as its EXIF data say.");
    expect(says(root)).toBe("cat.png: Turned upright, as its EXIF data say.");
    expect(title(root)).toBe("Photos21");
  });

  it("comes from a file or the clipboard as well, and a large one in parts", async () => {
    const { model, root } = await opened();
    const input = one<HTMLInputElement>(root, '.zf-photos input[type="file"]');
    Object.defineProperty(input, "files", { value: [file("one.png"), file("two.png", 9)] });
    input.dispatchEvent(new Event("change"));
    await told(model, "reply", { ...LISTED, own: [OWN], added: 777 });
    await told(model, "reply", { ...LISTED, own: [{ ...OWN, image: 778 }, OWN], added: 778 });
    drop(strip(root), [file("three.png", 4_500_000)], "paste");
    await told(model, "reply", { ...LISTED, own: [OWN], added: 777 });
    const all = sent(model);
    expect(all.map(({ name }) => name)).toEqual(["one.png", "two.png", "three.png"]);
    expect(all.map(({ size }) => size)).toEqual([4, 9, 4_500_000]);
    expect(all.map(({ slots }) => slots.size)).toEqual([1, 1, 1]);
    const parts = (model.sent as unknown as Add[]).filter(({ op }) => op === "add");
    expect(parts.map(({ part, parts: of }) => [part, of])).toEqual([
      [0, 1],
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });

  it("that is too large is refused before it is sent, as the note has said", async () => {
    const { model, root } = await opened();
    expect(one(root, ".zf-photos .zf-note").textContent).toContain(
      "up to 5 MB and 4 million pixels",
    );
    drop(strip(root), [file("fat.png", 5_000_001)]);
    for (let i = 0; i < 20; i++) await flush();
    expect(says(root)).toContain("fat.png: 5.0 MB, and a file may have 5");
    expect(one(root, ".zf-photos-told").classList.contains("zf-problem")).toBe(true);
    expect(sent(model)).toEqual([]);
  });

  it("that can't be read is said under the strip, and the next one is taken", async () => {
    const { model, selection, root } = await opened({ photo: 2 });
    drop(strip(root), [file("notes.txt"), file("cat.png")]);
    const message = "notes.txt: not an image that Pillow can read";
    await told(model, "error", { name: "UnreadableImage", message });
    await told(model, "reply", { ...LISTED, own: [OWN], added: 777 });
    expect(sent(model).map(({ name }) => name)).toEqual(["notes.txt", "cat.png"]);
    expect(selection.get("photo")).toBe(777);
    drop(strip(root), [file("more.txt")]);
    await told(model, "error", { name: "UnreadableImage", message });
    expect(says(root)).toBe(message);
    expect(selection.get("photo")).toBe(777);
    expect(root.querySelector(".zf-banner")).toBeNull();
  });

  it("isn't what a paste of text is; where one types, text is text", async () => {
    const { model, root } = await opened();
    expect(drop(strip(root), [], "paste").defaultPrevented).toBe(true);
    expect(says(root)).toContain("The clipboard holds no picture");
    const input = one(root, ".zf-photos input[type=search]");
    expect(drop(input, [], "paste").defaultPrevented).toBe(false);
    drop(strip(root), []);
    expect(says(root)).toContain("What was dropped is no file");
    expect(sent(model)).toEqual([]);
  });

  it("that makes the oldest go says which, and asks for what is there when another brings one", async () => {
    const { model, selection, root } = await opened();
    const own = [3, 2, 1].map((i) => ({ image: 770 + i, name: `${i}.png`, notes: [] }));
    const listed = { ...LISTED, own };
    selection.set("photo", 773);
    await serveWith(model, "photos", () => [listed, []]);
    expect(shown(root).slice(0, 4)).toEqual([773, 772, 771, 0]);
    expect(readout(root)).toBe("3.png · your own photo");
    drop(strip(root), [file("cat.png")]);
    const now = [{ ...OWN, notes: [] }, ...own.slice(0, 2)];
    await told(model, "reply", { ...LISTED, own: now, added: 777 });
    expect(says(root)).toBe("1.png is forgotten: 3 are kept.");
    expect(shown(root).slice(0, 4)).toEqual([777, 773, 772, 0]);
  });

  it("is forgotten by button or key, and another one is looked at", async () => {
    const { model, selection, root } = await opened();
    const forget = [...root.querySelectorAll<HTMLElement>(".zf-photos button")].find(
      ({ textContent }) => textContent === "Forget",
    );
    expect(forget?.hidden).toBe(true);
    const own = [OWN, { ...OWN, image: 776 }];
    selection.set("photo", 777);
    await serveWith(model, "photos", () => [{ ...LISTED, own }, []]);
    expect(forget?.hidden).toBe(false);
    press(strip(root), "Delete");
    await told(model, "reply", { ...LISTED, own: own.slice(1) });
    expect((model.sent.at(-1) as unknown as Remove).op).not.toBe("add");
    const removed = (model.sent as unknown as Remove[]).filter(({ op }) => op === "remove");
    expect(removed.map(({ image }) => image)).toEqual([777]);
    expect(selection.get("photo")).toBe(776);
    forget?.click();
    await told(model, "reply", LISTED);
    expect(selection.get("photo")).toBe(0);
    expect(forget?.hidden).toBe(true);
    press(strip(root), "Delete"); // one of the set can't be
    await flush();
    expect((model.sent as unknown as Remove[]).filter(({ op }) => op === "remove")).toHaveLength(2);
  });

  it("needs a kernel that takes it: else nothing offers to, and drops go their way", async () => {
    const { model, root } = await stage(explorer, {}, { auto: false });
    const no_own = "This engine takes no photos of your own.";
    await serveWith(model, "photos", () => [{ ...LISTED, no_own }, []]);
    expect(one(root, ".zf-choose-file").hidden).toBe(true);
    expect(drop(strip(root), [file("cat.png")]).defaultPrevented).toBe(false);
    expect(drop(one(root, ".zf-stage"), [file("cat.png")]).defaultPrevented).toBe(false);
    expect(one(root, ".zf-photos .zf-note").textContent).toContain(no_own);
  });

  it("that was sent to a kernel that is gone is said, and nothing waits", async () => {
    const { model, root } = await opened();
    drop(strip(root), [file("cat.png")]);
    await flush();
    await flush();
    model.emit("comm_live_update");
    await frames();
    expect(says(root)).toContain("run this cell again");
    drop(strip(root), [file("dog.png")]);
    await frames();
    expect(says(root)).toContain("run this cell again");
  });

  it("is offered from a camera where there is one, whose picture is sent as it was taken", async () => {
    const stop = vi.fn();
    const stream = { getTracks: () => [{ stop }] };
    const getUserMedia = vi.fn(async () => stream);
    const devices = [{ kind: "audioinput" }];
    const enumerateDevices = async () => devices;
    vi.stubGlobal("navigator", { ...navigator, mediaDevices: { getUserMedia, enumerateDevices } });
    const without = await opened();
    const button = (root: HTMLElement) =>
      [...root.querySelectorAll<HTMLElement>(".zf-photos button")].find(
        ({ textContent }) => textContent === "Camera",
      ) as HTMLElement;
    expect(button(without.root).hidden).toBe(true);

    devices.push({ kind: "videoinput" });
    const { model, root } = await opened();
    expect(button(root).hidden).toBe(false);
    const video = one<HTMLVideoElement>(root, ".zf-camera video");
    video.play = async () => {};
    Object.defineProperty(video, "srcObject", { value: null, writable: true });
    Object.defineProperty(video, "videoWidth", { value: 8 });
    Object.defineProperty(video, "videoHeight", { value: 6 });
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done) => {
      done(new Blob([new Uint8Array([1, 2, 3])]));
    });
    button(root).click();
    await frames();
    expect(one(root, ".zf-camera").hidden).toBe(false);
    one(root, ".zf-camera .zf-primary").click();
    await told(model, "reply", { ...LISTED, own: [OWN], added: 777 });
    expect(stop).toHaveBeenCalledOnce();
    expect(one(root, ".zf-camera").hidden).toBe(true);
    expect(sent(model)[0]?.first).toEqual([1, 2, 3]);
    expect(sent(model)[0]?.name).toMatch(/^camera \d\d:\d\d:\d\d$/);

    getUserMedia.mockRejectedValueOnce(new Error("Permission denied"));
    button(root).click();
    await frames();
    expect(says(root)).toContain("The camera can't be used: Permission denied.");
  });
});
