/** An Explorer in a language in which every text is marked: what isn't marked nobody translated. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LANGUAGES, speak } from "../../../src/lib/language/translate";
import type { Room } from "../../../src/views/shared/view";
import explorer from "../../../src/widgets/explorer";
import { BlankCanvas } from "../../support/fakes";
import { CATALOGUE, LEARNED, LOST, serve, shared, stage } from "../../support/kernel";

/** A language that has every text there is: its English between brackets. */
const MARKED = new Proxy({} as Record<string, string>, {
  get: (_, text) => (text === "." ? undefined : `⟦${String(text)}⟧`),
});

beforeEach(() => {
  LANGUAGES["en-x-marked"] = MARKED;
  localStorage.clear();
  vi.stubGlobal("createImageBitmap", async () => ({ width: 13, height: 11, close() {} }));
  vi.stubGlobal("OffscreenCanvas", BlankCanvas);
});
afterEach(() => {
  delete LANGUAGES["en-x-marked"];
  speak("en");
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});
vi.setConfig({ testTimeout: 60_000 }); // every word of a whole Explorer, on whatever machine

/** What the engine says of itself and of the photos: names, and its own sentences. */
const DATA = [
  ...CATALOGUE.layers.flatMap(({ name, kind }) => [name, kind]),
  ...CATALOGUE.classes,
  ...CATALOGUE.rules,
  ...Object.values(CATALOGUE.rule_info ?? {}).flatMap(({ title, answers, status_note }) => [
    title,
    answers,
    status_note,
  ]),
  ...CATALOGUE.baselines,
  ...CATALOGUE.engine.skipped.flat(),
  CATALOGUE.engine.model,
  CATALOGUE.engine.device,
  CATALOGUE.engine.transform,
  JSON.stringify(LEARNED),
  JSON.stringify(shared(2)),
  LOST,
  "lesson-k7m2-qd9x",
  ...["px", "PNG", "NumPy", "npy", "csv", "lrn", "frozen"],
];

const KNOWN = new Set(DATA.join(" ").match(/\p{L}+/gu));

/** The words of a text that are neither marked nor the engine's. */
function unmarked(text: string): string[] {
  let rest = text;
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(/⟦[^⟦⟧]*⟧/g, " ");
  }
  const words = rest.replace(/explorer\.follow\([^)]*\)|photo-\d+\.jpg/g, " ").match(/\p{L}{2,}/gu);
  return (words ?? []).filter((word) => !KNOWN.has(word));
}

function texts(root: HTMLElement): string[] {
  const found: string[] = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node instanceof HTMLElement) {
      for (const name of ["title", "aria-label", "placeholder", "label", "data-empty"]) {
        found.push(node.getAttribute(name) ?? "");
      }
    } else if (!node.parentElement?.closest("style, script")) found.push(node.textContent ?? "");
  }
  return found;
}

it("says everything in its language that isn't the engine's own", async () => {
  const room: Room = {
    room: "lesson-k7m2-qd9x",
    role: "leads",
    state: "on",
    text: "",
    followers: 3,
    wander: 1,
    looking: [["features.0", 2]],
  };
  const more = { room, language: "en-x-marked", gallery: [], overlay: "probability" };
  const shown = await stage(explorer, {}, more);
  await serve(shown.model);
  for (const fold of shown.root.querySelectorAll("details")) fold.open = true;
  await serve(shown.model);
  const missing = (root: HTMLElement) =>
    texts(root).filter((text) => text !== "" && unmarked(text).length > 0);
  expect(missing(shown.root)).toEqual([]);
  for (const button of shown.root.querySelectorAll<HTMLElement>("[aria-haspopup=dialog]")) {
    button.click();
    const card = shown.root.querySelector<HTMLElement>(".zf-popover");
    expect(card && missing(card), button.title).toEqual([]);
    button.click();
  }
  expect(texts(shown.root).filter((text) => text.includes("⟦")).length).toBeGreaterThan(150);
});

it("speaks another language as soon as it is told to, from Python or a lesson", async () => {
  const shown = await stage(explorer);
  await serve(shown.model);
  const names = () =>
    [...shown.root.querySelectorAll("section.zf-panel")].map((panel) =>
      panel.getAttribute("aria-label"),
    );
  expect(names()).toContain("Strongest patches");
  const english = names().length;
  for (let round = 0; round < 3; round++) {
    shown.model.set("language", round % 2 ? "en" : "de");
    await serve(shown.model);
  }
  expect(names()).toContain("Die stärksten Ausschnitte");
  expect(names()).not.toContain("Strongest patches");
  expect(names()).toHaveLength(english);
  expect(shown.root.closest<HTMLElement>(".zf-root")?.lang).toBe("de");
});
