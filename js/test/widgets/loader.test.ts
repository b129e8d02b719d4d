import { afterEach, describe, expect, it, vi } from "vitest";

vi.stubGlobal("ZF", {});
const { begin, once, show } = await import("../../src/widgets/alone/loader");

const ZF = { part: "explorer", code: "a hash", says: "Not loaded: {error}. Run it again." };

/** A part that shows how many were made, by a code that was loaded once more. */
function code() {
  let made = 0;
  return vi.fn(async () => () => {
    made += 1;
    const number = made;
    return {
      explorer: { render: ({ el }: { el: HTMLElement }) => el.append(`explorer ${number}`) },
    };
  });
}

function place() {
  const view = new AbortController();
  return { el: document.createElement("div"), signal: view.signal, view };
}

afterEach(() => {
  delete (globalThis as Record<symbol, unknown>)[Symbol.for("zfwidgets.code")];
});

describe("the loader", () => {
  it("gets the code once for all views, and gives each a call of its own", async () => {
    const load = code();
    const places = [place(), place(), place()];
    await Promise.all(places.slice(0, 2).map((one) => show(one as never, ZF, load as never)));
    await show(places[2] as never, ZF, load as never);
    expect(places.map(({ el }) => el.textContent).sort()).toEqual([
      "explorer 1",
      "explorer 2",
      "explorer 3",
    ]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("begins with the code's own model, before there is a view", async () => {
    const [own, load] = [code(), code()];
    begin({} as never, ZF, own as never);
    expect(own).not.toHaveBeenCalled(); // a widget's model holds no code
    begin({} as never, { ...ZF, part: "" }, own as never);
    expect(own).toHaveBeenCalledTimes(1);
    const { el, signal } = place();
    await show({ el, signal } as never, ZF, load as never);
    expect(el.textContent).toBe("explorer 1");
    expect(load).not.toHaveBeenCalled();
  });

  it("gets each version's code", async () => {
    const [one, other] = [code(), code()];
    await show(place() as never, ZF, one as never);
    await show(place() as never, { ...ZF, code: "another hash" }, other as never);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([1, 1]);
  });

  it("says in words why it can't be had, and tries again next time", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { el, signal } = place();
    const gone = vi.fn().mockRejectedValue(new Error("widget model not found"));
    await show({ el, signal } as never, ZF, gone);
    expect(el.querySelector("[role=alert]")?.textContent).toBe(
      "Not loaded: widget model not found. Run it again.",
    );
    const again = place();
    await show(again as never, ZF, code() as never);
    expect(again.el.textContent).toBe("explorer 1");
  });

  it("needs no other widget's model: who waited for one that is gone gets it itself, once", async () => {
    let fail: (error: Error) => void = () => {};
    const gone = () => new Promise<never>((_, reject) => (fail = reject));
    const load = code();
    const first = once("a hash", gone);
    const others = [once("a hash", load), once("a hash", load)];
    fail(new Error("widget model not found"));
    await expect(first).rejects.toThrow("not found");
    const [one, other] = await Promise.all(others);
    expect(one).toBe(other);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("shows nothing in a view that has gone meanwhile", async () => {
    const { el, signal, view } = place();
    const load = code();
    const shown = show({ el, signal } as never, ZF, load as never);
    view.abort();
    await shown;
    expect(el.childNodes).toHaveLength(0);
  });

  it("asks for a newer anywidget where a model can't be found by its reference", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { el, signal } = place();
    await show({ el, signal, model: { get: () => "anywidget:one" } } as never, ZF);
    expect(el.textContent).toContain("anywidget >= 0.11");
  });
});
