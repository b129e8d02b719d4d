import { expect, it, vi } from "vitest";
import type { Key } from "../../../src/lib/wire/protocol";
import { apart } from "../../../src/views/experiments/quiz_choice";
import quizWidget from "../../../src/widgets/quiz";
import { type FakeModel, flush, windowOn } from "../../support/fakes";
import { press } from "../../support/kernel";
import { forgetMarked, learnMarked, MARKED, texts, unmarked } from "../../support/language";
import { expectGone, onFakePage, ownStage } from "../../support/page";

onFakePage();

let rounds = 0;

function stage(state: Record<string, unknown> = {}) {
  rounds += 1;
  const quiz = `round.${rounds}`;
  const first = { quiz, hint: "patches", hard: false, ready: 3, total: 3, at: 0, given: [] };
  return { ...ownStage(quizWidget, { says: [], bars: [], ...first, ...state }), quiz };
}

/** Question `number`: the right photo fires more in those with an odd one. */
function answerTo(number: number, projections = 0) {
  const choice = (side: number) => ({
    image: 10 * number + side,
    name: `photo-${number}-${side}`,
    row: 1,
    col: 2,
    value: side === number % 2 ? 8.5 : 0.25,
    box: { top: 2, left: 3, height: 5, width: 4 },
    percentile: side === number % 2 ? 93.4 : 12.1,
  });
  const hint = Array.from({ length: 4 }, (_, i) => ({
    ...choice(0),
    image: 50 + i,
    name: `h${i}`,
  }));
  const info = (i: number) => ({
    image: 50 + i,
    scale: 1,
    full: 1,
    brightness: 0.5,
    view: { top: 2, left: 3, height: 3, width: 3 },
    status: i === 1 ? "linearised" : "paper",
    operations: [],
    pools: 1,
    blank: i === 2,
  });
  const data = {
    layer: "features.3",
    channel: 40 + number,
    choices: [choice(0), choice(1)],
    hint,
    lost: number === 2 ? [["gone.png", "the file is gone"]] : [],
    rule: projections ? "deconvnet (paper)" : "",
    projections: Array.from({ length: projections }, (_, i) => info(i)),
    scale: 1.5,
    patches: 4,
    extent: [20, 30],
    patch: [11, 13],
    mime: "image/png",
    signed_mime: "image/png",
  };
  return { data, pictures: 6 + projections };
}

async function serve(model: FakeModel, projections = 0): Promise<void> {
  await flush();
  for (const request of model.gets.splice(0)) {
    const { number } = request.key as unknown as Key<"question">;
    const { data, pictures } = answerTo(number, projections);
    const buffers = Array.from({ length: pictures }, () => windowOn(new Uint8Array([1, 2, 3])));
    model.answer(request, "reply", data, buffers);
  }
  model.sent.length = 0;
  await flush();
  await vi.advanceTimersByTimeAsync(200);
}

const choices = (root: HTMLElement) => [
  ...root.querySelectorAll<HTMLButtonElement>(".zf-quiz-choice"),
];
const text = (root: HTMLElement) => root.querySelector(".zf-quiz-text")?.textContent ?? "";
const next = (root: HTMLElement) => root.querySelector<HTMLButtonElement>(".zf-primary");
const pressIn = (root: HTMLElement, key: string, more: KeyboardEventInit = {}) => {
  const panel = root.querySelector(".zf-quiz");
  if (!panel) throw new Error("there is no panel");
  press(panel, key, more);
};

it("asks, tells at once which it is and both values, goes on, and ends with the score", async () => {
  const { model, root } = stage();
  await serve(model);
  expect(root.dataset.zfSettled).toBe("true");
  expect(root.querySelector("h3")?.textContent).toContain("features.3 : 40");
  expect(root.querySelector(".zf-tools")?.textContent).toBe("question 1 of 3");
  expect(choices(root).map((one) => one.getAttribute("aria-label"))).toEqual([
    "1, Left: photo-0-0",
    "2, Right: photo-0-1",
  ]);
  expect(root.textContent).not.toContain("8.5"); // nothing tells before it is answered
  expect(root.querySelector<HTMLElement>(".zf-quiz-field")?.hidden).toBe(true);
  expect(next(root)?.hidden).toBe(true);
  vi.setSystemTime(Date.now());
  choices(root)[0]?.click();
  const given = model.get("given") as [string, number][];
  expect(given.map(([side]) => side)).toEqual(["left"]);
  expect(given[0]?.[1]).toBeGreaterThanOrEqual(0);
  expect(text(root)).toBe("Right: the channel reaches 8.5 in photo-0-0, 0.25 in photo-0-1.");
  expect(choices(root)[0]?.textContent).toContain("8.5 · fires more · your choice");
  expect(choices(root)[0]?.textContent).toContain("more than in 93 % of the photos");
  expect(choices(root)[1]?.textContent).toContain("0.25 · fires less");
  expect(root.querySelector<HTMLElement>(".zf-quiz-field")?.hidden).toBe(false);
  expect(root.querySelector(".zf-note")?.textContent).toContain("Framed in each photo");
  choices(root)[1]?.click(); // it is answered
  expect(model.get("given")).toHaveLength(1);
  next(root)?.click();
  expect(model.get("at")).toBe(1);
  await serve(model);
  pressIn(root, "1");
  expect(text(root)).toBe("No: the channel reaches 8.5 in photo-1-1, 0.25 in photo-1-0.");
  next(root)?.click();
  await serve(model);
  expect(root.textContent).toContain("gone.png can't be read any more: the file is gone");
  pressIn(root, "ArrowRight");
  expect(next(root)?.textContent).toBe("See the score");
  model.set("says", ["1 of 3 right: 33 % (95 % interval 6 to 79 %)", "Guessing gets 50 %."]);
  model.set("bars", [["patches", 1 / 3, 0.06, 0.79]]);
  next(root)?.click();
  await flush();
  expect(root.querySelector("h3")?.textContent).toBe("Your score");
  const score = root.querySelector<HTMLElement>(".zf-quiz-score");
  expect(score?.hidden).toBe(false);
  expect(score?.textContent).toContain("1 of 3 right: 33 %");
  expect(score?.querySelector("[role=img]")?.getAttribute("aria-label")).toBe(
    "patches: 33 %, 95 % interval 6.0 % to 79 %",
  );
  expect(root.querySelector<HTMLElement>(".zf-quiz-game")?.hidden).toBe(true);
});

it.each(["patches", "projections", "brightness", "revealed", "none"])(
  "says all of it in its language, with the hint %s",
  async (hint) => {
    learnMarked();
    const { model, root } = stage({ hint, hard: true, language: MARKED });
    const known = new Set([
      "deconvnet",
      "paper",
      "features",
      "photo",
      "gone",
      "png",
      "the",
      "file",
      "is",
    ]);
    for (let question = 0; question < 3; question++) {
      await serve(model, hint === "patches" || hint === "none" ? 0 : 4);
      expect(unmarked(root, known)).toEqual([]);
      pressIn(root, "1");
      await flush();
      expect(unmarked(root, known)).toEqual([]);
      next(root)?.click();
      await flush();
    }
    expect(unmarked(root, known)).toEqual([]);
    model.set("says", ["33"]);
    model.set("bars", [["7", 1 / 3, 0.06, 0.79]]);
    await flush();
    expect(unmarked(root, known)).toEqual([]);
    expect(texts(root).filter((text) => text.includes("⟦")).length).toBeGreaterThan(3);
    model.set("language", "de");
    await flush();
    expect([root.querySelector("h3")?.textContent, root.lang]).toEqual(["Dein Ergebnis", "de"]);
    expect(root.querySelectorAll("section")).toHaveLength(1);
    forgetMarked();
  },
);

it("takes 1, 2 and arrow keys, and leaves keys with modifiers and all others alone", async () => {
  const { model, root } = stage();
  await serve(model);
  for (const key of ["3", "a", "ArrowUp"]) pressIn(root, key);
  pressIn(root, "1", { ctrlKey: true });
  expect(model.get("given")).toEqual([]);
  let outside = 0;
  document.body.addEventListener("keydown", () => {
    outside += 1;
  });
  for (const [number, key, side] of [
    [0, "ArrowLeft", "left"],
    [1, "2", "right"],
    [2, "1", "left"],
  ] as const) {
    pressIn(root, key);
    expect((model.get("given") as string[][])[number]?.[0]).toBe(side);
    next(root)?.click();
    await serve(model);
  }
  expect(outside).toBe(0); // JupyterLab would make a heading of the cell
});

it("keeps the focus of who plays by keys, and takes nobody else's", async () => {
  const { model, root } = stage();
  await serve(model);
  expect(document.activeElement).toBe(document.body);
  pressIn(root, "1");
  expect(document.activeElement).toBe(document.body);
  next(root)?.focus();
  next(root)?.click();
  await serve(model);
  expect(document.activeElement?.className).toBe("zf-quiz-pair");
  pressIn(root, "2");
  expect(document.activeElement).toBe(next(root));
  const elsewhere = document.createElement("input");
  document.body.append(elsewhere);
  elsewhere.focus();
  next(root)?.click();
  await serve(model);
  expect(document.activeElement).toBe(elsewhere);
});

it("says nothing before the question is painted, and counts from then", async () => {
  const { model, root } = stage();
  await flush();
  pressIn(root, "1");
  expect(model.get("given")).toEqual([]);
  await serve(model);
  await vi.advanceTimersByTimeAsync(2500);
  pressIn(root, "1");
  const [[, seconds]] = model.get("given") as [[string, number]];
  expect(seconds).toBeGreaterThanOrEqual(2.5);
  expect(seconds).toBeLessThan(3.5);
});

it("waits for questions that are being made, and asks ahead for the next", async () => {
  const { model, root, quiz } = stage({ quiz: "", ready: 0 });
  await serve(model);
  expect(root.dataset.zfSettled).toBe("true");
  model.set("quiz", quiz);
  expect(root.textContent).toContain("being made");
  model.set("ready", 1);
  await flush();
  expect(model.gets.map((request) => request.key)).toEqual([
    { fingerprint: "engine", quiz, number: 0 },
  ]);
  await serve(model);
  model.set("ready", 2);
  await flush();
  expect(model.gets.map((request) => (request.key as { number?: number }).number)).toEqual([1]);
  await serve(model);
  pressIn(root, "1");
  next(root)?.click();
  await serve(model);
  pressIn(root, "1");
  next(root)?.click();
  expect(root.textContent).toContain("being made");
  expect(root.querySelector<HTMLElement>(".zf-quiz-game")?.hidden).toBe(true);
});

it("another round begins with its own first question", async () => {
  const { model, root } = stage();
  await serve(model);
  pressIn(root, "1");
  expect(text(root)).toContain("Right");
  for (const [name, value] of Object.entries({ given: [], at: 0, quiz: "another", ready: 1 })) {
    model.set(name, value);
  }
  await serve(model);
  expect(text(root)).toContain("Click the photo");
  expect(next(root)?.hidden).toBe(true);
});

it.each([
  ["patches", "cut to the unit's receptive field"],
  ["projections", "one scale, ±1.5"],
  ["brightness", "each on its own scale"],
  ["revealed", "blurred magnitude"],
])("says how %s are to be read", async (hint, words) => {
  const { model, root } = stage({ hint });
  const projections = hint === "patches" ? 0 : 4;
  await serve(model, projections);
  const note = root.querySelector(".zf-note")?.textContent;
  expect(note).toContain(words);
  expect(note?.includes("linearised")).toBe(projections > 0);
  expect(root.querySelectorAll(".zf-quiz-patch")).toHaveLength(4);
  expect(root.querySelectorAll(".zf-none")).toHaveLength(projections ? 1 : 0);
});

it("leaves nothing behind when its view goes", async () => {
  const staged = stage();
  await serve(staged.model);
  await expectGone(staged, ["change:quiz", "change:given", "change:at"]);
});

it.each([
  [486.31, 104.8, "486", "105"],
  [945.9, 946.2, "945.9", "946.2"],
  [0, -0.5, "0", "-0.5"],
  [2, 2, "2", "2"],
])("tells %f and %f apart", (one, other, ...words) => {
  expect(apart([one, other])).toEqual(words);
});
