/** Random sessions of asking, leaving, late and lost messages, against what must come of each. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Exchange } from "../../src/lib/wire/exchange";
import { type Channel, KernelSource, SILENCE_MS } from "../../src/lib/wire/kernel_source";
import { identity } from "../../src/lib/wire/protocol";
import { Superseded } from "../../src/lib/wire/source";

type Request = { op: string; view: string; slot: string; kind: string; key: object; turn: number };
type Listener = (content: unknown, buffers: DataView[]) => void;

/** Equal seeds give equal sessions (mulberry32). */
function randomOf(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    chance: (share: number) => next() < share,
    below: (n: number) => Math.floor(next() * n),
    one: <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T,
  };
}

/**
 * A kernel as docs/protocol.md says: newest wins in a slot, asking again changes nothing, who is
 * stopped is told so. What it hears and says waits in two queues, until the session goes on.
 */
class Kernel {
  readonly heard: [message: Request, listener: Listener][] = [];
  readonly said: [message: object, listener: Listener][] = [];
  readonly jobs = new Map<string, [request: Request, listener: Listener]>();

  channel(): Channel {
    let own: Listener = () => {};
    return {
      send: (content) => {
        this.heard.push([JSON.parse(JSON.stringify(content)) as Request, own]);
      },
      on: (_, listener) => {
        own = listener;
      },
      off: () => {
        own = () => {};
      },
    };
  }

  hear(): void {
    const next = this.heard.shift();
    if (!next) return;
    const [message] = next;
    const place = `${message.view} ${message.slot}`;
    const old = this.jobs.get(place);
    const same = old && identity(old[0].kind, old[0].key) === identity(message.kind, message.key);
    if (message.op === "get" && same) return;
    if (old) this.say(old, "superseded", {});
    this.jobs.delete(place);
    if (message.op === "get") this.jobs.set(place, next);
  }

  work(place: string, op: "reply" | "partial" | "progress"): void {
    const job = this.jobs.get(place);
    if (!job) return;
    if (op === "reply") this.jobs.delete(place);
    this.say(job, op, op === "progress" ? { done: 1, total: 2 } : { of: job[0].key });
  }

  private say([request, listener]: [Request, Listener], op: string, data: object): void {
    this.said.push([{ ...request, zf: 1, op, data }, listener]);
  }

  /** The next of what was said arrives; or is lost. */
  arrive(lost = false): void {
    const next = this.said.shift();
    if (next && !lost) next[1](next[0], []);
  }
}

interface Ask {
  source: number;
  slot: string;
  channel: number;
  controller: AbortController | null;
  left: boolean;
  outcome: "waits" | number | Error;
}

/** How many listen to signals, of those that were made here. */
let listening = 0;

function watched(controller: AbortController): AbortSignal {
  const { signal } = controller;
  const [add, remove] = [
    signal.addEventListener.bind(signal),
    signal.removeEventListener.bind(signal),
  ];
  const there = new Set<unknown>();
  signal.addEventListener = (...of: Parameters<typeof add>) => {
    there.add(of[1]);
    listening += 1;
    add(...of);
  };
  signal.removeEventListener = (...of: Parameters<typeof remove>) => {
    if (there.delete(of[1])) listening -= 1;
    remove(...of);
  };
  signal.onabort = () => {
    listening -= there.size; // each is called once
    there.clear();
  };
  return signal;
}

async function session(seed: number, losses: number): Promise<void> {
  listening = 0;
  const random = randomOf(seed);
  const kernel = new Kernel();
  // Room for three answers: some are forgotten.
  const exchange = new Exchange(1600);
  const open = () => new KernelSource(kernel.channel(), "print", exchange);
  const sources = [open(), open()];
  const asks: Ask[] = [];
  // As the signal of a view that stays for hours.
  const forever = watched(new AbortController());

  const ask = () => {
    const [source, slot, channel] = [random.below(2), random.one(["a", "b", "c"]), random.below(4)];
    const controller = random.chance(0.7) ? new AbortController() : null;
    for (const other of asks) {
      const here = other.source === source && other.slot === slot;
      if (here && other.channel !== channel) other.left = true;
    }
    const one: Ask = { source, slot, channel, controller, left: false, outcome: "waits" };
    asks.push(one);
    const options = {
      slot,
      priority: random.below(3),
      signal: controller ? watched(controller) : forever,
      anew: random.chance(0.1),
    };
    const key = { layer: "conv", channel, k: 9 };
    (sources[source] as KernelSource).get("top", key, options).then(
      ({ data }) => {
        one.outcome = (data as unknown as { of: { channel: number } }).of.channel;
      },
      (error: Error) => {
        one.outcome = error;
      },
    );
  };

  const abort = () => {
    const one = random.one(asks);
    if (!one?.controller) return;
    one.left = true;
    one.controller.abort();
  };

  /** A widget is closed, and another one opened in its place. */
  const reopen = () => {
    const at = random.below(2);
    for (const one of asks) if (one.source === at) one.left = true;
    sources[at]?.close();
    sources[at] = open();
  };

  const moves = [
    ask,
    ask,
    abort,
    () => kernel.hear(),
    () => kernel.hear(),
    () => kernel.work(random.one([...kernel.jobs.keys()]), random.one(["reply", "partial"])),
    () => kernel.work(random.one([...kernel.jobs.keys()]), "progress"),
    () => kernel.arrive(random.chance(losses)),
    () => kernel.arrive(random.chance(losses)),
    () => vi.advanceTimersByTime(random.below(SILENCE_MS / 2)),
  ];
  for (let n = 0; n < 60; n++) {
    if (random.chance(0.02)) reopen();
    random.one(moves)();
    if (random.chance(0.5)) await vi.advanceTimersByTimeAsync(0);
  }

  // Nobody asks any more: the kernel answers everything, and what was lost is asked for again.
  for (let n = 0; n < 40; n++) {
    while (kernel.heard.length > 0) kernel.hear();
    for (const place of [...kernel.jobs.keys()]) kernel.work(place, "reply");
    while (kernel.said.length > 0) kernel.arrive();
    await vi.advanceTimersByTimeAsync(0);
    const busy = kernel.heard.length + kernel.said.length + kernel.jobs.size > 0;
    if (!busy && asks.every(({ outcome }) => outcome !== "waits")) break;
    await vi.advanceTimersByTimeAsync(SILENCE_MS / 2);
  }

  for (const one of asks) {
    const told = `seed ${seed}: ${JSON.stringify(one)}`;
    if (one.left && one.outcome instanceof Superseded) continue;
    expect(one.outcome, told).toBe(one.channel);
  }
  expect(kernel.jobs.size, `seed ${seed}: jobs that nobody waits for`).toBe(0);
  expect(listening, `seed ${seed}: listeners on signals`).toBe(0);
}

describe("in sessions of any order", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("whoever didn't leave gets the answer to what they asked", async () => {
    for (let seed = 0; seed < 150; seed++) await session(seed, 0);
  });

  it("also where messages are lost", async () => {
    for (let seed = 1000; seed < 1100; seed++) await session(seed, 0.2);
  });
});
