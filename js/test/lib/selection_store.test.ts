import { describe, expect, it, vi } from "vitest";
import type { SelectionStore } from "../../src/lib/page/selection_store";
import { MemorySelection, ModelSelection } from "../../src/lib/page/selection_store";
import { FakeModel, flush } from "../support/fakes";

const start = () => ({
  unit: ["conv1", 3] as [string, number],
  photo: 0,
  occluder: {
    top: 1,
    left: 2,
    height: 3,
    width: 4,
    baseline: "grey" as const,
    mask: null,
    extra_boxes: [],
  },
  target: null,
  rule: "deconvnet",
});

const stores: [string, () => SelectionStore][] = [
  ["of a model", () => new ModelSelection(new FakeModel(start()))],
  ["in memory", () => new MemorySelection(start())],
];

describe.each(stores)("a selection %s", (_, create) => {
  it("tells subscribers of the field, after it has changed, and no others", () => {
    const store = create();
    const { signal } = new AbortController();
    const seen: unknown[] = [];
    const photo = vi.fn();
    store.subscribe("unit", () => seen.push(store.get("unit")), signal);
    store.subscribe("photo", photo, signal);
    store.set("unit", ["conv2", 500]);
    expect(seen).toEqual([["conv2", 500]]); // one change: no channel 500 of conv1 in between
    expect(photo).not.toHaveBeenCalled();
  });

  it("keeps quiet when the value is the same", () => {
    const store = create();
    const listener = vi.fn();
    store.subscribe("unit", listener, new AbortController().signal);
    store.subscribe("occluder", listener, new AbortController().signal);
    store.set("unit", ["conv1", 3]);
    store.set("occluder", start().occluder);
    expect(listener).not.toHaveBeenCalled();
  });

  it("forgets subscribers whose signal aborts", () => {
    const store = create();
    const view = new AbortController();
    const listener = vi.fn();
    store.subscribe("photo", listener, view.signal);
    view.abort();
    store.subscribe("photo", listener, view.signal);
    store.set("photo", 5);
    expect(listener).not.toHaveBeenCalled();
  });
});

describe("a selection of a model", () => {
  it("sends the changes of one task together", async () => {
    const model = new FakeModel(start());
    const store = new ModelSelection(model);
    for (let top = 10; top < 40; top++) {
      store.set("occluder", { ...start().occluder, top });
    }
    store.set("photo", 9);
    expect(model.saves).toBe(0);
    await flush();
    expect(model.saves).toBe(1);
    expect(model.get("occluder")).toMatchObject({ top: 39 });
    store.set("photo", 10);
    await flush();
    expect(model.saves).toBe(2);
  });

  it("has sent a change before a message can come: no old echo lands on it", async () => {
    const model = new FakeModel(start());
    const message = new Promise((handled) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        handled(model.saves);
        port1.close();
      };
      port2.postMessage("echo");
    });
    new ModelSelection(model).set("photo", 5);
    expect(await message).toBe(1);
  });

  it("sets layer and channel as one trait", () => {
    const model = new FakeModel(start());
    const set = vi.spyOn(model, "set");
    new ModelSelection(model).set("unit", ["conv2", 500]);
    expect(set.mock.calls).toEqual([["unit", ["conv2", 500]]]);
  });

  it("follows what the kernel changes", () => {
    const model = new FakeModel(start());
    const store = new ModelSelection(model);
    const listener = vi.fn();
    store.subscribe("target", listener, new AbortController().signal);
    model.set("target", 282);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(store.get("target")).toBe(282);
  });
});
