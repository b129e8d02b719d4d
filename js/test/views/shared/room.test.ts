/** A class on screen: who leads, who follows, where the class looks. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { framePainted } from "../../../src/lib/page/selection_store";
import type { Room } from "../../../src/views/shared/view";
import explorer from "../../../src/widgets/explorer";
import picker from "../../../src/widgets/picker";
import { BlankCanvas, flush } from "../../support/fakes";
import { type Stage, serve, stage } from "../../support/kernel";

beforeEach(() => {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 13, height: 11, close() {} }));
  vi.stubGlobal("OffscreenCanvas", BlankCanvas);
});
afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

const NAME = "lesson-k7m2-qd9x";
const base = { room: NAME, state: "on", text: "" } as const;
const LEADS: Room = { ...base, role: "leads", followers: 0, wander: 0, looking: [] };
const FOLLOWS: Room = { ...base, role: "follows", wanders: false, own_photo: false };

const bar = ({ root }: Stage) => root.querySelector<HTMLElement>(".zf-room") as HTMLElement;
const text = (shown: Stage, part: string) => bar(shown).querySelector(part)?.textContent ?? "";
const buttons = (shown: Stage) =>
  [...bar(shown).querySelectorAll("button")].map(({ textContent }) => textContent);
const acts = (shown: Stage) =>
  shown.model.sent.map(({ op }) => op as string).filter((op) => !["get", "cancel"].includes(op));
const press = (shown: Stage, act: string) =>
  bar(shown).querySelector<HTMLElement>(`[data-act="${act}"]`)?.click();

async function inRoom(room: Room | Record<string, never> = {}, widget = explorer, more = {}) {
  const shown = await stage(widget, {}, { room, ...more });
  await serve(shown.model);
  return shown;
}

describe("the line of a class", () => {
  it("isn't there without a class", async () => {
    const shown = await inRoom();
    expect(bar(shown).hidden).toBe(true);
  });

  it("tells a teacher what students type, and how many follow", async () => {
    const shown = await inRoom(LEADS);
    expect(bar(shown).hidden).toBe(false);
    expect(text(shown, ".zf-room-code")).toBe(`explorer.follow("${NAME}")`);
    expect(text(shown, ".zf-room-aside")).toBe("nobody follows yet");
    for (const [followers, wander, words] of [
      [1, 0, "1 follows"],
      [1, 1, "1 follows, 1 of them looks around"],
      [27, 3, "27 follow, 3 of them look around"],
    ] as const) {
      shown.model.set("room", { ...LEADS, followers, wander });
      expect(text(shown, ".zf-room-aside")).toBe(words);
    }
    press(shown, "leave");
    await flush();
    expect(acts(shown)).toEqual(["leave"]);
  });

  it("lets a student look around and come back, by one button each", async () => {
    const shown = await inRoom(FOLLOWS);
    expect(text(shown, ".zf-room-text")).toBe("Following the teacher.");
    expect(buttons(shown)).toEqual(["Look around yourself", "Stop following"]);
    press(shown, "wander");
    shown.model.set("room", { ...FOLLOWS, wanders: true });
    expect(text(shown, ".zf-room-text")).toBe("You look around yourself.");
    expect(buttons(shown)).toEqual(["Back to the teacher", "Stop following"]);
    press(shown, "return");
    await flush();
    expect(acts(shown)).toEqual(["wander", "return"]);
  });

  it.each([
    [{ own_photo: true }, "Following the teacher. The teacher looks at a photo of their own"],
    [{ state: "silent" }, "Following the teacher. Nothing is heard from the teacher"],
    [{ state: "unreachable" }, "Following the teacher. The classroom's server can't be reached"],
    [{ state: "ended" }, `The teacher has left ${NAME}: you look around yourself.`],
    [{ state: "replaced" }, "Another Explorer of this notebook follows"],
    [{ state: "another network" }, "The teacher looks at another network than you"],
    [{ state: "refused", text: "Because." }, "can't be shown here: Because."],
  ] as [Partial<Room>, string][])("says to a student: %o", async (change, words) => {
    const shown = await inRoom({ ...FOLLOWS, ...change });
    expect(text(shown, ".zf-room-text")).toContain(words);
  });

  it.each([
    [{ state: "taken" }, "you lead no longer", ["Lead again", "Close"]],
    [{ state: "ended", text: "Why." }, "no longer. Why.", ["Lead again", "Close"]],
    [{ state: "unreachable" }, "can't be reached", ["Stop leading"]],
    [{ text: "Too large." }, "class. Too large.", ["Copy for students", "Stop leading"]],
  ] as [Partial<Room>, string, string[]][])(
    "says to a teacher: %o",
    async (change, words, offers) => {
      const shown = await inRoom({ ...LEADS, ...change });
      expect(text(shown, ".zf-room-text")).toContain(words);
      expect(buttons(shown)).toEqual(offers);
    },
  );

  it("says it to a screen reader, but not how many have come", async () => {
    const shown = await inRoom(LEADS);
    const live = () => shown.root.querySelector(".zf-live")?.textContent;
    await vi.waitFor(() => expect(live()).toBe("You lead the class."));
    (shown.root.querySelector(".zf-live") as Element).textContent = "";
    shown.model.set("room", { ...LEADS, followers: 3 });
    shown.model.set("room", { ...LEADS, state: "taken" });
    await vi.waitFor(() => expect(live()).toContain("led from elsewhere"));
  });

  it("keeps the focus when a button turns into its opposite", async () => {
    const shown = await inRoom(FOLLOWS);
    bar(shown).querySelector<HTMLElement>('[data-act="wander"]')?.focus();
    shown.model.set("room", { ...FOLLOWS, wanders: true });
    expect((document.activeElement as HTMLElement).dataset.act).toBe("return");
  });
});

describe("where the class looks", () => {
  const of = ({ root }: Stage, layer: string) =>
    root.querySelector<HTMLElement>(`.zf-layer[data-layer="${layer}"]`) as HTMLElement;

  it("is told to who leads, as a tint, a number and words", async () => {
    const looking: Room["looking"] = [
      ["features.0", 6],
      ["features.3.expand", 2],
    ];
    const shown = await inRoom({ ...LEADS, followers: 8, looking });
    expect(of(shown, "features.0").dataset.students).toBe("6");
    expect(of(shown, "features.0").style.getPropertyValue("--zf-share")).toBe("0.75");
    expect(of(shown, "features.0").getAttribute("aria-label")).toMatch(/6 students look here$/);
    shown.model.set("room", { ...LEADS, followers: 8, looking: [["features.0", 1]] });
    expect(of(shown, "features.0").title).toMatch(/ · 1 student looks here$/);
    expect(of(shown, "features.0").title.match(/here/g)).toHaveLength(1);
    expect(shown.root.querySelectorAll("[data-students]")).toHaveLength(1);
    shown.model.set("room", {});
    expect(shown.root.querySelectorAll("[data-students]")).toHaveLength(0);
    expect(of(shown, "features.0").title).not.toContain("here");
  });

  it("counts those in a closed block together, and stays when a block opens", async () => {
    const looking: Room["looking"] = [
      ["features.3.squeeze", 2],
      ["features.3.expand", 3],
    ];
    const shown = await inRoom({ ...LEADS, followers: 8, looking });
    const sum = () =>
      [...shown.root.querySelectorAll<HTMLElement>("[data-students]")]
        .map(({ dataset }) => Number(dataset.students))
        .reduce((a, b) => a + b, 0);
    expect(sum()).toBe(5);
    const filter = shown.root.querySelector<HTMLInputElement>(".zf-layers input") as HTMLElement;
    (filter as HTMLInputElement).value = "squeeze";
    filter.dispatchEvent(new Event("input"));
    expect(sum()).toBe(2);
  });

  it("is nothing for who follows, nor in a picker alone", async () => {
    const looking: Room["looking"] = [["features.0", 6]];
    const follower = await inRoom({ ...FOLLOWS, looking });
    expect(follower.root.querySelectorAll("[data-students]")).toHaveLength(0);
    const alone = await inRoom({}, picker);
    expect(alone.root.querySelector(".zf-room")).toBeNull();
  });
});

describe("the photo of a new channel", () => {
  const moved = async (room: Room) => {
    const shown = await inRoom(room, explorer, { photo_follows: true });
    shown.selection.set("photo", 19);
    shown.selection.set("unit", ["features.0", 4]);
    await serve(shown.model);
    await framePainted(); // of the patches
    return shown.selection.get("photo");
  };

  it("is the teacher's to choose while a student follows", async () => {
    expect(await moved(FOLLOWS)).toBe(19);
    expect(await moved({ ...FOLLOWS, wanders: true })).not.toBe(19);
    expect(await moved(LEADS)).not.toBe(19);
  });
});
