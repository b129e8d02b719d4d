import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { floats } from "../../src/lib/wire/codec";
import { Exchange } from "../../src/lib/wire/exchange";
import {
  type Channel,
  IN_FLIGHT,
  KernelSource,
  PATIENCE_MS,
  RESENDS,
  SILENCE_MS,
} from "../../src/lib/wire/kernel_source";
import { canonical } from "../../src/lib/wire/protocol";
import { NoAnswer, Superseded, within } from "../../src/lib/wire/source";

type Sent = Record<string, unknown> & { key: Record<string, unknown> };
type Listener = (content: unknown, buffers: DataView[]) => void;

/** A kernel that answers when the test says so, to every tab that listens. */
class Kernel {
  readonly sent: Sent[] = [];
  private readonly listeners = new Set<Listener>();

  channel(): Channel {
    return {
      send: (content) => this.sent.push(content as Sent),
      on: (_, listener) => void this.listeners.add(listener),
      off: (_, listener) => void this.listeners.delete(listener),
    };
  }

  answer(request: Sent, op = "reply", data: unknown = {}, buffers: DataView[] = []): void {
    for (const listener of [...this.listeners]) listener({ ...request, op, data }, buffers);
  }

  gets(): Sent[] {
    return this.sent.filter((message) => message.op === "get");
  }

  last(): Sent {
    return this.gets().at(-1) as Sent;
  }
}

const top = (channel: number) => ({ layer: "features.3", channel, k: 9 });
const at = (slot: string, priority = 1) => ({ slot, priority });

describe("a source over a kernel's messages", () => {
  let kernel: Kernel;
  let source: KernelSource;
  beforeEach(() => {
    vi.useFakeTimers();
    kernel = new Kernel();
    source = new KernelSource(kernel.channel(), "print", new Exchange());
  });
  afterEach(() => vi.useRealTimers());

  it("says completely what it asks and resolves with the answer", async () => {
    const got = source.get("top", top(4), at("top"));
    expect(kernel.last()).toMatchObject({
      zf: 1,
      op: "get",
      slot: "top",
      kind: "top",
      key: { fingerprint: "print", layer: "features.3", channel: 4, k: 9 },
    });
    kernel.answer(kernel.last(), "reply", { images_seen: 12 });
    expect((await got).data).toEqual({ images_seen: 12 });
  });

  it("lets the newest win in a slot and leaves other slots alone", async () => {
    const first = source.get("top", top(1), at("top"));
    const other = source.get("channels", { layer: "a" }, at("channels"));
    const second = source.get("top", top(2), at("top"));
    await expect(first).rejects.toBeInstanceOf(Superseded);
    for (const request of kernel.gets()) kernel.answer(request, "reply", request.key);
    expect((await second).data).toMatchObject({ channel: 2 });
    expect((await other).data).toMatchObject({ layer: "a" });
  });

  it("asks again after silence, so that a lost reply is mended, and gives up in the end", async () => {
    const got = source.get("top", top(1), at("top"));
    const failed = expect(got).rejects.toBeInstanceOf(NoAnswer);
    for (let n = 1; n <= RESENDS; n++) {
      vi.advanceTimersByTime(SILENCE_MS);
      expect(kernel.gets()).toHaveLength(n + 1);
    }
    vi.advanceTimersByTime(SILENCE_MS);
    await failed;
  });

  it("takes progress for a sign of life", () => {
    source.get("top", top(1), at("top")).catch(() => {});
    for (let n = 0; n < 10; n++) {
      vi.advanceTimersByTime(SILENCE_MS - 1);
      kernel.answer(kernel.last(), "progress", { done: n, total: 10 });
    }
    expect(kernel.gets()).toHaveLength(1);
  });

  it("takes one message for a sign of life of several requests, and of no others", () => {
    const told = [1, 2, 3].map((channel) => {
      const onProgress = vi.fn();
      source.get("top", top(channel), { ...at(`slot ${channel}`), onProgress }).catch(() => {});
      return onProgress;
    });
    const [first, second] = kernel.gets() as [Sent, Sent, Sent];
    vi.advanceTimersByTime(SILENCE_MS - 1);
    const others = [{ kind: second.kind, key: second.key }];
    kernel.answer({ ...first, others }, "progress", { done: 1, total: 10 });
    expect(told.map((one) => one.mock.calls.length)).toEqual([1, 1, 0]);
    vi.advanceTimersByTime(2);
    expect(kernel.gets().map(({ slot }) => slot)).toEqual(["slot 1", "slot 2", "slot 3", "slot 3"]);
  });

  it("accepts by key what another tab asked for", async () => {
    const tab = new KernelSource(kernel.channel(), "print", new Exchange());
    const ours = source.get("top", top(1), at("top"));
    const request = kernel.last();
    const theirs = tab.get("top", top(1), at("top"));
    kernel.answer({ ...request, view: "yet another tab" }, "reply", { images_seen: 3 });
    expect((await ours).data).toEqual((await theirs).data);
  });

  it("asks once for two widgets, as long as the kernel gives signs of life", async () => {
    const exchange = new Exchange();
    const [one, other] = [0, 1].map(
      () => new KernelSource(kernel.channel(), "print", exchange),
    ) as [KernelSource, KernelSource];
    const answers = [one.get("top", top(1), at("top")), other.get("top", top(1), at("top"))];
    for (let n = 0; n < 10; n++) {
      vi.advanceTimersByTime(PATIENCE_MS - 1);
      kernel.answer(kernel.last(), "progress", { done: n, total: 10 });
    }
    expect(kernel.gets()).toHaveLength(1);
    kernel.answer(kernel.last(), "reply", { images_seen: 4 });
    for (const answer of answers) expect((await answer).data).toEqual({ images_seen: 4 });
  });

  it("asks its own kernel where another notebook's is busy, and doesn't give up with it", async () => {
    const exchange = new Exchange();
    const busy = new KernelSource(new Kernel().channel(), "print", exchange);
    const alive = new KernelSource(kernel.channel(), "print", exchange);
    const failed = expect(busy.get("top", top(1), at("top"))).rejects.toBeInstanceOf(NoAnswer);
    const got = alive.get("top", top(1), at("top"));
    expect(kernel.gets()).toHaveLength(0);
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(kernel.gets()).toHaveLength(1);
    vi.advanceTimersByTime((RESENDS + 1) * SILENCE_MS - PATIENCE_MS);
    await failed;
    kernel.answer(kernel.last(), "reply", { images_seen: 4 });
    expect((await got).data).toEqual({ images_seen: 4 });
  });

  it("doesn't take another tab's fate for its own", () => {
    const settled = vi.fn();
    source.get("top", top(1), at("top")).then(settled, settled);
    kernel.answer({ ...kernel.last(), view: "another tab" }, "superseded");
    expect(settled).not.toHaveBeenCalled();
  });

  it("doesn't take an older request's fate for that of a newer one for the same", async () => {
    const controller = new AbortController();
    const older = source.get("top", top(1), { ...at("top"), signal: controller.signal });
    const stopped = kernel.last();
    controller.abort();
    await expect(older).rejects.toBeInstanceOf(Superseded);
    const newer = source.get("top", top(1), at("top"));
    kernel.answer(stopped, "superseded"); // said late, as by a busy kernel
    kernel.answer(kernel.last(), "reply", { images_seen: 7 });
    expect((await newer).data).toEqual({ images_seen: 7 });
  });

  it("heeds a kernel that stops its newest request", async () => {
    const got = source.get("top", top(1), at("top"));
    kernel.answer(kernel.last(), "superseded");
    await expect(got).rejects.toBeInstanceOf(Superseded);
  });

  it("keeps few requests in flight and sends the most urgent first", async () => {
    for (let n = 0; n < IN_FLIGHT + 2; n++) {
      source.get("top", top(n), at(`slot ${n}`, 5)).catch(() => {});
    }
    source.get("top", top(99), at("urgent", 0)).catch(() => {});
    expect(kernel.gets()).toHaveLength(IN_FLIGHT);
    kernel.answer(kernel.gets()[0] as Sent);
    await vi.advanceTimersByTimeAsync(0);
    expect(kernel.last().key.channel).toBe(99);
  });

  it("cancels what nobody waits for any more", async () => {
    const controller = new AbortController();
    const got = source.get("top", top(1), { ...at("top"), signal: controller.signal });
    controller.abort();
    await expect(got).rejects.toBeInstanceOf(Superseded);
    expect(kernel.sent.at(-1)).toMatchObject({ op: "cancel", slot: "top", view: source.view });
  });

  it("remembers answers, so that the same question isn't asked twice", async () => {
    const got = source.get("top", top(1), at("top"));
    kernel.answer(kernel.last(), "reply", { images_seen: 5 });
    await got;
    expect((await source.get("top", top(1), at("again"))).data).toEqual({ images_seen: 5 });
    expect(kernel.gets()).toHaveLength(1);
  });

  it("asks again where photos were missing: they may be back", async () => {
    const got = source.get("top", top(1), at("top"));
    kernel.answer(kernel.last(), "reply", { lost: [["a.jpg", "the file is gone"]] });
    await got;
    const again = source.get("top", top(1), at("top"));
    expect(kernel.gets()).toHaveLength(2);
    kernel.answer(kernel.last(), "reply", { lost: [] });
    expect((await again).data).toEqual({ lost: [] });
    expect((await source.get("top", top(1), at("more"))).data).toEqual({ lost: [] });
    expect(kernel.gets()).toHaveLength(2);
  });

  it("passes a kernel's error on with its name", async () => {
    const got = source.get("top", top(1), at("top"));
    kernel.answer(kernel.last(), "error", { name: "InputError", message: "no channel 1" });
    await expect(got).rejects.toThrow("no channel 1");
  });
});

describe("a part of a view that is there twice", () => {
  it("has slots of its own, and can do all that the whole can", async () => {
    const kernel = new Kernel();
    const part = within(new KernelSource(kernel.channel(), "print", new Exchange()), "pinned");
    part.get("top", top(1), at("top")).catch(() => {});
    part.prefetch("top", top(2), "next");
    part.pause?.(true);
    part.room?.("wander");
    part.add?.("a.jpg", new Uint8Array(3)).catch(() => {});
    part.remove?.(7).catch(() => {});
    expect(kernel.sent.map(({ op }) => op)).toEqual([
      "get",
      "get",
      "pause",
      "wander",
      "add",
      "remove",
    ]);
    expect(kernel.gets().map(({ slot }) => slot)).toEqual(["pinned:top", "pinned:next"]);
  });

  it("can't do what the whole can't", () => {
    const bare = {
      get: () => new Promise<never>(() => {}),
      prefetch() {},
      onRevival: () => () => {},
    };
    expect(Object.keys(within(bare, "pinned")).sort()).toEqual(["get", "onRevival", "prefetch"]);
  });
});

describe("keys and buffers", () => {
  it("have one canonical form whatever the order of their fields", () => {
    expect(canonical({ b: 1, a: [2, { d: 3, c: 4 }] })).toBe(
      canonical({ a: [2, { c: 4, d: 3 }], b: 1 }),
    );
    expect(canonical({ a: 1 })).not.toBe(canonical({ a: 2 }));
  });

  it("honour byteOffset and byteLength", () => {
    const whole = new Uint8Array(23);
    const inside = new DataView(whole.buffer, 7, 8);
    inside.setFloat32(0, 1.5, true);
    inside.setFloat32(4, -2, true);
    expect([...floats(inside)]).toEqual([1.5, -2]);
  });
});
