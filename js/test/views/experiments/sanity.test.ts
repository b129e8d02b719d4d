import { expect, it, vi } from "vitest";
import type { Key } from "../../../src/lib/wire/protocol";
import sanityCheck from "../../../src/widgets/sanity_check";
import { type FakeModel, flush, windowOn } from "../../support/fakes";
import { expectGone, onFakePage, ownStage } from "../../support/page";

onFakePage();

let runs = 0;

/** A check that has computed nothing yet, and its root. */
function stage(): { model: FakeModel; root: HTMLElement; view: AbortController; run: string } {
  runs += 1;
  const staged = ownStage(sanityCheck, { check: "", step: 0, measure: "rank" });
  return { ...staged, run: `check.${runs}` };
}

/** Answer what waits as the kernel does, but for one step. */
async function serve(model: FakeModel, except?: number): Promise<void> {
  await flush();
  for (const request of model.gets) {
    const { step } = request.key as unknown as Key<"check">;
    if (step === except) continue;
    const note = step === 2 ? "the unit isn't active" : "";
    const alike = step === 3 ? null : 1 - step / 10;
    const data = { step, module: step ? `conv${step}` : "", note, mime: "image/png" };
    const answer = { ...data, rank: alike, rank_absolute: alike, ssim: alike && alike / 2 };
    model.answer(request, "reply", answer, [windowOn(new Uint8Array([1, 2, 3]))]);
  }
  await flush();
  await vi.advanceTimersByTimeAsync(200);
}

const texts = (root: HTMLElement) =>
  ["trained", "step"].map((name) => root.querySelector(`.zf-${name}`)?.textContent ?? "");

it("asks for nothing before there is a picture, then for the trained one and the chosen", async () => {
  const { model, root, run } = stage();
  await serve(model);
  expect(model.sent).toEqual([]);
  expect(root.dataset.zfSettled).toBe("true");
  model.set("step", 2);
  model.set("check", run);
  expect(root.dataset.zfSettled).toBe("false");
  await flush();
  const keys = model.gets.map((request) => request.key);
  expect(keys).toEqual([0, 2].map((step) => ({ fingerprint: "engine", check: run, step })));
  await serve(model);
  expect(root.dataset.zfSettled).toBe("true");
  const [trained, step] = texts(root);
  expect(trained).toBe("0: trained");
  expect(step).toContain("2: conv2");
  expect(step).toContain("rank correlation with the trained picture: 0.8.the unit isn't active");
  model.set("measure", "ssim");
  await serve(model);
  expect(texts(root)[1]).toContain("structural similarity with the trained picture: 0.4.");
});

it("never shows one step's words beside another's picture", async () => {
  const { model, root, run } = stage();
  model.set("check", run);
  await serve(model);
  model.set("step", 1);
  await serve(model, 1);
  expect(texts(root)[1]).toContain("0: trained"); // still what is on the canvas
  model.set("step", 3);
  await serve(model, 1);
  expect(texts(root)[1]).toContain("3: conv3It can't be compared");
  const late = model.gets.find((request) => (request.key as { step?: number }).step === 1);
  if (!late) throw new Error("step 1 was never asked for");
  await serve(model);
  expect(texts(root)[1]).toContain("3: conv3");
});

it("leaves nothing behind when its view goes", async () => {
  const staged = stage();
  staged.model.set("check", staged.run);
  await serve(staged.model);
  await expectGone(staged, ["change:check", "change:step", "change:measure"]);
});
