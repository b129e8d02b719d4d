/** An Explorer in a language in which every text is marked: what isn't marked nobody translated. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Room } from "../../../src/views/shared/view";
import compare from "../../../src/widgets/compare";
import explorer from "../../../src/widgets/explorer";
import { BlankCanvas, FakeModel } from "../../support/fakes";
import { CATALOGUE, LEARNED, LOST, serve, shared, stage } from "../../support/kernel";
import { forgetMarked, learnMarked, MARKED, texts, unmarked } from "../../support/language";

beforeEach(() => {
  learnMarked();
  localStorage.clear();
  vi.stubGlobal("createImageBitmap", async () => ({ width: 13, height: 11, close() {} }));
  vi.stubGlobal("OffscreenCanvas", BlankCanvas);
});
afterEach(() => {
  forgetMarked();
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
  const more = { room, language: MARKED, gallery: [], overlay: "probability" };
  const shown = await stage(explorer, {}, more);
  await serve(shown.model);
  for (const fold of shown.root.querySelectorAll("details")) fold.open = true;
  await serve(shown.model);
  const missing = (root: HTMLElement) => unmarked(root, KNOWN);
  expect(missing(shown.root)).toEqual([]);
  for (const button of shown.root.querySelectorAll<HTMLElement>("[aria-haspopup=dialog]")) {
    button.click();
    const card = shown.root.querySelector<HTMLElement>(".zf-popover");
    expect(card && missing(card), button.title).toEqual([]);
    button.click();
  }
  expect(texts(shown.root).filter((text) => text.includes("⟦")).length).toBeGreaterThan(150);
});

it("compares two networks in its language, and in another as soon as it is told to", async () => {
  const one = await stage(explorer); // as one that an engine was asked for already
  one.view.abort();
  const models: Record<string, FakeModel> = {};
  for (const side of ["left", "right"]) {
    const { unit, photo, occluder } = { unit: ["features.3", 2], photo: 2, occluder: null };
    models[`of ${side}`] = new FakeModel({
      unit,
      photo,
      occluder,
      target: null,
      rule: "deconvnet",
    });
    models[side] = new FakeModel({ selection: `of ${side}`, fingerprint: `compared-${side}` });
  }
  const model = new FakeModel({
    left: "left",
    right: "right",
    names: ["7", "8"],
    notes: [],
    numbering: "maybe",
    same_channel: false,
    language: MARKED,
  });
  const el = document.createElement("div");
  document.body.append(el);
  const host = { getModel: async (name: string) => models[name] };
  const signal = new AbortController().signal;
  await compare.render({ model, el, signal, host } as never);
  const serveBoth = async () => {
    for (const side of ["left", "right", "left", "right"]) await serve(models[side] as FakeModel);
  };
  await serveBoth();
  expect(unmarked(el, KNOWN)).toEqual([]);
  expect(texts(el).filter((text) => text.includes("⟦")).length).toBeGreaterThan(100);
  const panels = () => el.querySelectorAll("section.zf-panel").length;
  const many = panels();
  model.set("language", "de");
  await serveBoth();
  expect(el.textContent).toContain("Auf beiden Seiten dieselbe Schicht und Kanalnummer");
  expect(el.querySelectorAll(".zf-compare-words")).toHaveLength(1);
  expect([panels(), el.querySelector<HTMLElement>(".zf-root")?.lang]).toEqual([many, "de"]);
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
