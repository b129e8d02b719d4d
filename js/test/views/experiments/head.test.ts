/** The first line of an experiment: name, facts, the card of the (i), and what is recorded. */

import { expect, it } from "vitest";
import experimentHead from "../../../src/widgets/experiment_head";
import { flush } from "../../support/fakes";
import { forgetMarked, learnMarked, MARKED, unmarked } from "../../support/language";
import { expectGone, one, onFakePage, ownStage } from "../../support/page";

onFakePage();

const STATE = { name: "Évolution", facts: "12 maps", about: ["First.", "Second."], recorded: "" };

it("says what it is, and more in a card", () => {
  const { root } = ownStage(experimentHead, STATE);
  expect(one(root, ".zf-title strong").textContent).toBe("Évolution");
  expect(one(root, ".zf-facts").textContent).toBe("12 maps");
  expect(one(root, ".zf-recorded").hidden).toBe(true);
  expect(one(root, ".zf-so-far").hidden).toBe(true);
  one(root, ".zf-info").click();
  const card = one(root, "[role=dialog]");
  expect(card.getAttribute("aria-label")).toBe("About this experiment");
  const paragraphs = [...card.querySelectorAll("p")].map((p) => p.textContent);
  expect(paragraphs).toEqual(["12 maps", "First.", "Second."]);
});

it("follows its kernel, and marks what is recorded", async () => {
  const stage = ownStage(experimentHead, STATE);
  stage.model.set("facts", "13 maps");
  stage.model.set("recorded", "Computed <before>.");
  await flush();
  expect(one(stage.root, ".zf-facts").textContent).toBe("13 maps");
  expect(one(stage.root, ".zf-recorded").textContent).toBe("Computed <before>.");
  expect(one(stage.root, ".zf-so-far").hidden).toBe(false);
  await expectGone(stage, ["change:name", "change:facts", "change:about", "change:recorded"]);
});

it("says its own words in its language", () => {
  learnMarked();
  const traits = { ...STATE, recorded: "x", language: MARKED };
  const { root } = ownStage(experimentHead, { ...traits, name: "7", facts: "8", about: ["9"] });
  one(root, ".zf-info").click();
  expect(unmarked(root, new Set(["x", "i"]))).toEqual([]);
  forgetMarked();
});
