/** Whether a channel's picture depends on what it has learned. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KernelError, NotStored } from "../../../src/lib/wire/source";
import { whatWasLearned } from "../../../src/views/patches/learned";
import { flush } from "../../support/fakes";
import { LEARNED } from "../../support/kernel";
import { chosen } from "../../support/page";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

function stage() {
  const root = document.createElement("div");
  root.className = "zf-root";
  document.body.append(root);
  const selection = chosen({ rule: "guided" });
  const get = vi.fn();
  const panel = { element: root, source: { get } };
  whatWasLearned(panel as never, selection, new AbortController().signal);
  const button = root.querySelector("button")!;
  const said = () => root.querySelector(".zf-learned-result")?.textContent ?? "";
  return { root, selection, get, button, said };
}

describe("what was learned", () => {
  it("is asked for by a button only, and answered in a word, a sentence and numbers", async () => {
    const { get, button, said } = stage();
    await flush();
    expect(get).not.toHaveBeenCalled();
    let progress: (now: object) => void = () => {};
    let answer: (data: object) => void = () => {};
    get.mockImplementation((_kind, _key, options) => {
      progress = options.onProgress;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    button.click();
    expect(get.mock.calls[0]?.slice(0, 2)).toEqual([
      "sanity",
      { layer: "features.3", channel: 2, rule: "guided" },
    ]);
    expect(button.disabled).toBe(true);
    progress({ what: "drawing filters anew", done: 3, total: 12, seconds_left: null });
    expect(said()).toContain("drawing filters anew 3 / 12");
    answer({ data: LEARNED, buffers: [] });
    await flush();
    expect(said()).toMatch(/^Hardly\. Once the channel's own filters are random numbers/);
    expect(said()).toContain("alike by 0.96");
    expect(said()).toContain("features.3.expand1x1 drawn anew");
    expect(said()).toContain("With all 3 modules from there to the pixels drawn anew: 0.21.");
    expect(said()).toContain("Pictures of 3 other channels at this place are alike by 0.95");
  });

  it("is forgotten with its channel and its rule", async () => {
    const { get, button, said, selection } = stage();
    get.mockResolvedValue({ data: { ...LEARNED, depends: "", rank: null }, buffers: [] });
    button.click();
    await flush();
    expect(said()).toContain("It can't be said: a picture is empty.");
    selection.set("rule", "deconvnet");
    expect([said(), button.disabled]).toEqual(["", false]);
  });

  it.each([
    new KernelError("InputError", "that needs the network itself"),
    new NotStored("A report doesn't hold this."),
  ])("says why it can't be had: %s", async (error) => {
    const { get, button, said } = stage();
    get.mockRejectedValue(error);
    button.click();
    await flush();
    expect(said()).toBe(error.message);
    expect(button.disabled).toBe(false);
  });
});
