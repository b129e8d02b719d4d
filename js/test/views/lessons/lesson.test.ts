import { expect, it, vi } from "vitest";
import { filled } from "../../../src/lib/language/translate";
import type { Key } from "../../../src/lib/wire/protocol";
import { lesson, right } from "../../../src/report/lesson";
import { NOT_YET } from "../../../src/views/lessons/question";
import questionWidget from "../../../src/widgets/question";
import worksheetWidget from "../../../src/widgets/worksheet";
import { FakeModel, flush, windowOn } from "../../support/fakes";
import { chosen, onFakePage, ownStage } from "../../support/page";

onFakePage();

const WORDS = {
  check: "Check my answer",
  look: "Check",
  show: "Show me one",
  stays: "It stays.",
  yours: "yours",
  right: "right",
  both: "yours and right",
  estimate: "Your estimate",
  truth: "In truth",
  save: "Save",
  reset: "Start again",
  keep: "Keep",
  sure: "Really?",
  glossary: "Words",
  projector: "Large",
};
const figure = (picture: number, text = "") => ({
  picture,
  caption: `caption ${picture}`,
  alt: `alt ${picture}`,
  extent: [20, 30],
  marks: text ? [{ box: { top: 5, left: 6, height: 10, width: 15 }, text }] : [],
});

function told(kind: string, revealed: boolean) {
  const option = (i: number) => ({
    text: `option ${i}`,
    told: revealed ? `told ${i}` : "",
    figure: figure(i + 1),
  });
  const data = {
    ask: "Which one?",
    figures: [figure(0, "A")],
    options: kind === "choice" ? [0, 1, 2].map(option) : [],
    scale: kind === "estimate" ? { low: 0, high: 100, unit: "points" } : null,
    answer: revealed ? (kind === "choice" ? 1 : 32.4) : null,
    mime: "image/png",
  };
  const pictures = kind === "choice" ? 4 : 1;
  return { data, buffers: Array.from({ length: pictures }, () => windowOn(new Uint8Array([1]))) };
}

function stage(kind: string) {
  return ownStage(questionWidget, {
    ...NOT_YET,
    question: `${kind}.0`,
    kind,
    phase: "asked",
    before: "Look closely.",
    place: "Question 2 of 5",
    words: WORDS,
    language: "de",
  });
}

async function serve(model: FakeModel, kind: string): Promise<void> {
  await flush();
  for (const request of model.gets.splice(0)) {
    const { revealed } = request.key as unknown as Key<"exercise">;
    const { data, buffers } = told(kind, revealed);
    model.answer(request, "reply", data, buffers);
  }
  model.sent.length = 0;
  await flush();
  await vi.advanceTimersByTimeAsync(200);
}

const button = (root: HTMLElement, text: string) =>
  [...root.querySelectorAll("button")].find((one) => one.textContent === text);

it("asks first, is answered by the button alone, and tells then", async () => {
  const { model, root } = stage("choice");
  await flush();
  expect(model.request("exercise").key).toMatchObject({ question: "choice.0", revealed: false });
  await serve(model, "choice");
  expect(root.dataset.zfSettled).toBe("true");
  expect(root.lang).toBe("de");
  expect(root.querySelector("h3")?.textContent).toBe("Question 2 of 5");
  expect(root.textContent).not.toContain("told");
  const mark = root.querySelector<HTMLElement>(".zf-quiz-field");
  expect([mark?.style.top, mark?.style.width]).toEqual(["25%", "50%"]);
  const check = button(root, "Check my answer");
  expect(check?.disabled).toBe(true);
  const radios = [...root.querySelectorAll<HTMLInputElement>("input")];
  radios[0]?.click();
  radios[2]?.click();
  expect(model.get("given")).toBeNull();
  await vi.advanceTimersByTimeAsync(2500);
  check?.click();
  const [value, seconds] = model.get("given") as [number, number];
  expect(value).toBe(2);
  expect(seconds).toBeGreaterThan(2);
  check?.click();
  expect(model.get("given")).toEqual([value, seconds]);

  model.set("says", ["No: it is 1."]);
  model.set("correct", false);
  model.set("phase", "answered");
  await flush();
  expect(model.request("exercise").key).toMatchObject({ question: "choice.0", revealed: true });
  await serve(model, "choice");
  const states = [...root.querySelectorAll<HTMLElement>(".zf-lesson-option")].map(
    (one) => one.dataset.state,
  );
  expect(states).toEqual(["other", "right", "wrong"]);
  expect([...root.querySelectorAll("em")].map((one) => one.textContent)).toEqual([
    "right",
    "yours",
  ]);
  expect(root.querySelector(".zf-lesson-verdict")?.textContent).toBe("No: it is 1.");
  expect([...root.querySelectorAll("input")].every((one) => one.disabled)).toBe(true);
});

it("takes an estimate only when the slider was moved", async () => {
  const { model, root } = stage("estimate");
  await serve(model, "estimate");
  const slider = root.querySelector<HTMLInputElement>("input");
  if (!slider) throw new Error("there is no slider");
  slider.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  expect(model.get("given")).toBeNull();
  slider.value = "40";
  slider.dispatchEvent(new Event("input"));
  expect(root.querySelector("output")?.textContent).toBe("40 points");
  slider.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  expect((model.get("given") as [number])[0]).toBe(40);
  model.set("phase", "answered");
  await serve(model, "estimate");
  expect(root.querySelector(".zf-lesson-truth")?.textContent).toContain("32 points");
  expect(root.querySelector("progress")?.value).toBe(32.4);
});

it("has the chosen channel looked at, again and again", async () => {
  const { model, root } = stage("find");
  await serve(model, "find");
  model.set("chosen", "features.7 : 42");
  expect(root.querySelector(".zf-lesson-line b")?.textContent).toBe("features.7 : 42");
  button(root, "Check")?.click();
  button(root, "Check")?.click();
  expect(model.get("checks")).toBe(2);
  button(root, "Show me one")?.click();
  expect((model.get("given") as [string])[0]).toBe("show");
});

it("says why there is no question", async () => {
  const { model, root } = stage("choice");
  model.set("phase", "failed");
  model.set("message", "InputError: choose another layer.");
  await flush();
  expect(root.textContent).toContain("InputError: choose another layer.");
  expect(root.querySelector<HTMLElement>(".zf-lesson-answering")?.hidden).toBe(true);
});

it("asks before a worksheet is started again", async () => {
  const state = { worksheet: "w", title: "T", intro: "", says: "1 of 1 right.", answered: 1 };
  const model = new FakeModel({ ...state, part: "foot", asked: 1, resets: 0, words: WORDS });
  const el = document.createElement("div");
  document.body.append(el);
  worksheetWidget.render({ model, el, signal: new AbortController().signal } as never);
  button(el, "Start again")?.click();
  expect(model.get("resets")).toBe(0);
  button(el, "Keep")?.click();
  button(el, "Start again")?.click();
  [...el.querySelectorAll("button")].filter((one) => one.textContent === "Start again")[1]?.click();
  expect(model.get("resets")).toBe(1);
});

// ---------------------------------------------------------------- in a report

it("judges as Python does", () => {
  const choice = { kind: "choice" as const, answer: 1, tolerance: 0, scale: null };
  expect([0, 1, 2].map((given) => right(choice, given))).toEqual([false, true, false]);
  const scale = { low: 0, high: 100, unit: "" };
  const estimate = { kind: "estimate" as const, answer: -20, tolerance: 10, scale };
  expect([0, 10, 11].map((given) => right(estimate, given))).toEqual([true, true, false]);
  expect(filled("{a} of {b}, {c}", { a: 1, b: "two" })).toBe("1 of two, {c}");
  const told = [0, 1, 2].map((n) => filled("{n:# photo is|# photos are} {b}", { n, b: "in" }));
  expect(told).toEqual(["0 photos are in", "1 photo is in", "2 photos are in"]);
});

it("asks, checks and counts from a file", async () => {
  const question = { place: "1", before: "", exercise: "E", truth: "So it is.", tolerance: 10 };
  const about = {
    name: "sheet",
    title: "Sheet",
    intro: "",
    language: "en",
    projector: false,
    words: WORDS,
    channel: "channel {channel} of {layer}",
    glossary: [],
    columns: ["worksheet", "question", "exercise", "attempt", "answer", "expected"],
    says: {
      "verdict.": { right: "Right.", wrong: "No.", close: "Close: {given}.", far: "Far: {given}." },
      "score.": {
        none: "None of {asked}.",
        so_far: "{right} of {answered}.",
        left: "{left} left.",
      },
      "find_channel.": {
        none: "-",
        right: "Yes: {channel}.",
        layer: "L {layer}",
        wrong: "Not {channel}.",
      },
      "answer.": { shown: "shown" },
    },
    questions: [
      {
        ...question,
        kind: "choice",
        expected: "option 1",
        answer: 1,
        scale: null,
        units: [],
        options: ["option 0", "option 1", "option 2"],
      },
      {
        ...question,
        kind: "find",
        expected: "4",
        answer: 0,
        scale: null,
        units: [["conv", 4]],
        options: [],
      },
    ],
  };
  const kinds = ["choice", "choice", "find", "find"];
  const stored = [{ data: about, buffers: [] }, ...kinds.map((kind, i) => told(kind, i % 2 === 1))];
  const selection = chosen({ unit: ["conv", 3] });
  const place = document.createElement("div");
  document.body.append(place);
  lesson(place, stored, selection, [], new AbortController().signal);
  const settle = async () => {
    await flush();
    await vi.advanceTimersByTimeAsync(200);
  };
  await settle();
  const score = () => place.querySelector(".zf-lesson-score")?.textContent;
  const verdicts = () =>
    [...place.querySelectorAll(".zf-lesson-verdict")].map((one) => one.textContent);
  expect(score()).toBe("None of 2.");
  place.querySelectorAll<HTMLInputElement>("input")[1]?.click();
  button(place, "Check my answer")?.click();
  await settle();
  expect(verdicts()[0]).toBe("Right. So it is.");
  expect(score()).toBe("1 of 1. 1 left.");
  button(place, "Check")?.click();
  expect(verdicts()[1]).toBe("Not channel 3 of conv.");
  selection.set("unit", ["conv", 4]);
  button(place, "Check")?.click();
  await settle();
  expect(verdicts()[1]).toBe("Yes: channel 4 of conv. So it is.");
  expect(score()).toContain("2 of 2.");
});
