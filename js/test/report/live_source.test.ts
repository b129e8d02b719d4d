/** A report's network as a source: newest wins, whoever leaves isn't computed for, urgent first. */

import { describe, expect, it, vi } from "vitest";
import {
  type Answer,
  type Catalogue,
  type Key,
  type Kind,
  PRIORITY,
} from "../../src/lib/wire/protocol";
import { Superseded } from "../../src/lib/wire/source";
import { type Asker, LiveAnswers } from "../../src/report/live/answers";
import { KeptAnswers, LiveSource } from "../../src/report/live/live_source";
import type { Living } from "../../src/report/live/living";
import type { FromWorker, ToWorker } from "../../src/report/live/looking/tasks";
import { serve } from "../../src/report/live/looking/worker";
import type { Program } from "../../src/report/live/network/program";
import type { Photos } from "../../src/report/live/own";
import type { StoredAnswers } from "../../src/report/stored/answers";

interface Asked {
  kind: Kind;
  key: object;
  asker: Asker<Kind>;
  answer(value: number): void;
  fail(error: Error): void;
}

function source() {
  const asked: Asked[] = [];
  const answers = {
    find: <K extends Kind>(kind: K, key: Key<K>, asker: Asker<K>) =>
      new Promise<Answer<K>>((resolve, reject) => {
        const answer = (value: number) =>
          resolve({ data: { value }, buffers: [] } as unknown as Answer<K>);
        asked.push({ kind, key, asker: asker as never, answer, fail: reject });
      }),
  } as unknown as LiveAnswers;
  return { asked, live: new LiveSource(answers, {} as Photos, new KeptAnswers()) };
}

const options = { slot: "one", priority: PRIORITY.interaction };
const predict = (image: number) => ["predict", { image, occluder: null }] as const;
const told = ({ data }: Answer<Kind>) => (data as unknown as { value: number }).value;

describe("a live source", () => {
  it("lets the newest of a slot win, and stops the others", async () => {
    const { asked, live } = source();
    const first = live.get(...predict(1), options);
    const second = live.get(...predict(2), options);
    await expect(first).rejects.toBeInstanceOf(Superseded);
    expect(asked[0]?.asker.signal.aborted).toBe(true);
    expect(asked[1]?.asker.signal.aborted).toBe(false);
    asked[0]?.answer(1);
    asked[1]?.answer(2);
    expect(told(await second)).toBe(2);
  });

  it("asks once for what two want, and keeps what came", async () => {
    const { asked, live } = source();
    const partial = vi.fn();
    const both = [
      live.get(...predict(1), options),
      live.get(...predict(1), { ...options, onPartial: partial }),
    ];
    expect(asked).toHaveLength(1);
    asked[0]?.asker.onPartial({ data: { classes: 1 }, buffers: [] } as never);
    expect(partial).toHaveBeenCalledTimes(1);
    asked[0]?.answer(7);
    expect((await Promise.all(both)).map((one) => told(one))).toEqual([7, 7]);
    expect(told(await live.get(...predict(1), { ...options, slot: "other" }))).toBe(7);
    expect(asked).toHaveLength(1);
  });

  it("stops only when the last one leaves", async () => {
    const { asked, live } = source();
    const [one, other] = [new AbortController(), new AbortController()];
    const stays = live.get(...predict(1), { ...options, signal: one.signal });
    const leaves = live.get(...predict(1), { ...options, signal: other.signal });
    other.abort();
    await expect(leaves).rejects.toBeInstanceOf(Superseded);
    expect(asked[0]?.asker.signal.aborted).toBe(false);
    one.abort();
    await expect(stays).rejects.toBeInstanceOf(Superseded);
    expect(asked[0]?.asker.signal.aborted).toBe(true);
  });

  it("hands on what goes wrong, and asks again the next time", async () => {
    const { asked, live } = source();
    const failing = live.get(...predict(1), options);
    asked[0]?.fail(new Error("no such luck"));
    await expect(failing).rejects.toThrow("no such luck");
    void live.get(...predict(1), options).catch(() => {});
    expect(asked).toHaveLength(2);
  });
});

describe("a live report's answers", () => {
  it("ask what a photo is before what it is under an occluder, whoever came first", async () => {
    const asked: [occluded: boolean, priority: number][] = [];
    const living = {
      ask: async (task: { occluder: unknown }, { priority }: { priority: number }) => {
        asked.push([task.occluder !== null, priority]);
        return { data: { classes: 0 }, buffers: [] };
      },
    } as unknown as Living;
    const photos = { photo: async () => photo } as unknown as Photos;
    const stored = { holds: () => false } as unknown as StoredAnswers;
    const answers = new LiveAnswers(living, stored, photos, {} as Catalogue);
    const asker = {
      priority: PRIORITY.interaction,
      signal: new AbortController().signal,
      onPartial: () => {},
      onProgress: () => {},
    };
    const occluder = { top: 1, left: 2, height: 5, width: 6, baseline: 0, mask: null };
    await answers.find("predict", { image: 0, occluder: { ...occluder, extra_boxes: [] } }, asker);
    await answers.find("predict", { image: 0, occluder: null }, asker);
    const of = (occluded: boolean) => asked.find(([is]) => is === occluded)?.[1] as number;
    expect(of(true)).toBe(PRIORITY.interaction);
    expect(of(false)).toBeLessThan(of(true));
  });
});

// ---------------------------------------------------------------- the worker

const SIDE = 20;
const program: Program = {
  input: [3, SIDE, SIDE],
  operations: [
    {
      op: "conv",
      in: [0],
      shape: [4, SIDE, SIDE],
      weight: 0,
      groups: 1,
      kernel: [3, 3],
      stride: [1, 1],
      padding: [1, 1],
      dilation: [1, 1],
    },
    { op: "adaptive_mean", in: [1], shape: [4, 1, 1] },
  ],
  layers: { conv: 1 },
  output: 2,
};
const photo = { image: 0, pixels: new Uint8Array(SIDE * SIDE * 3).fill(100) };
const slide = {
  height: 5,
  width: 5,
  stride: 1,
  baseline: 0,
  mask: null,
  extra_boxes: [],
  layer: "conv",
  target: null,
  channel: null,
};

class Scope {
  readonly said: FromWorker[] = [];
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null = null;
  private waiting: (() => void)[] = [];

  postMessage(message: FromWorker): void {
    this.said.push(message);
    for (const wake of this.waiting.splice(0)) wake();
  }

  send(message: ToWorker): void {
    this.onmessage?.({ data: message } as MessageEvent<ToWorker>);
  }

  async until(found: (said: FromWorker[]) => boolean): Promise<void> {
    while (!found(this.said)) await new Promise<void>((wake) => this.waiting.push(wake));
  }
}

async function opened(): Promise<Scope> {
  const scope = new Scope();
  serve(scope);
  const weights = Float32Array.from({ length: 4 * 3 * 9 }, (_, i) => Math.sin(i));
  const levels = [0, 1, 2].map(() => Array.from({ length: 256 }, (_, level) => level / 255));
  scope.send({
    op: "open",
    program,
    arrays: [new DataView(weights.buffer)],
    kinds: ["float32"],
    preparation: { steps: null, levels },
    baselines: {},
    noClasses: "",
  });
  await scope.until((said) => said.length > 0);
  expect(scope.said).toEqual([{ op: "ready", plain: "" }]);
  return scope;
}

const replied = (said: FromWorker[]) => said.flatMap((one) => (one.op === "reply" ? [one.id] : []));

describe("the worker", () => {
  it("lets what is urgent go before what takes long", async () => {
    const scope = await opened();
    const mapping = { task: "occlusion", photo, slide } as const;
    scope.send({ op: "ask", id: 1, priority: PRIORITY.maps, task: mapping });
    scope.send({
      op: "ask",
      id: 2,
      priority: PRIORITY.interaction,
      task: { task: "predict", photo, occluder: null },
    });
    await scope.until((said) => replied(said).includes(1));
    expect(replied(scope.said)).toEqual([2, 1]);
    const last = scope.said.at(-1) as FromWorker & { op: "reply" };
    expect(last.data).toMatchObject({ done: SIDE * SIDE, total: SIDE * SIDE });
    expect(scope.said.some((one) => one.op === "partial" && one.id === 1)).toBe(true);
  });

  it("says nothing more to whom has left, and goes on with the others", async () => {
    const scope = await opened();
    const mapping = { task: "occlusion", photo, slide } as const;
    scope.send({ op: "ask", id: 1, priority: PRIORITY.maps, task: mapping });
    scope.send({ op: "ask", id: 2, priority: PRIORITY.maps, task: { ...mapping } });
    scope.send({ op: "cancel", id: 1 });
    scope.send({
      op: "ask",
      id: 3,
      priority: PRIORITY.maps,
      task: { task: "predict", photo, occluder: null },
    });
    scope.send({ op: "cancel", id: 2 });
    await scope.until((said) => replied(said).includes(3));
    expect(replied(scope.said)).toEqual([3]);
  });

  it("goes on with a map that was left, instead of beginning anew", async () => {
    const scope = await opened();
    const mapping = { task: "occlusion", photo, slide } as const;
    scope.send({ op: "ask", id: 1, priority: PRIORITY.maps, task: mapping });
    await scope.until((said) => said.some((one) => one.op === "partial"));
    scope.send({ op: "cancel", id: 1 });
    scope.send({ op: "ask", id: 2, priority: PRIORITY.maps, task: mapping });
    await scope.until((said) => replied(said).includes(2));
    const first = scope.said.find((one) => one.op === "progress" && one.id === 2);
    expect((first as { done: number } | undefined)?.done ?? SIDE * SIDE).toBeGreaterThan(1);
  });

  it("says what went wrong, and answers the next", async () => {
    const scope = await opened();
    scope.send({
      op: "ask",
      id: 1,
      priority: 0,
      task: { task: "responses", photo, layer: "nowhere" },
    });
    scope.send({
      op: "ask",
      id: 2,
      priority: 0,
      task: { task: "predict", photo: { image: 1, pixels: new Uint8Array(3) }, occluder: null },
    });
    scope.send({ op: "ask", id: 3, priority: 0, task: { task: "predict", photo, occluder: null } });
    await scope.until((said) => replied(said).includes(3));
    const errors = scope.said.flatMap((one) => (one.op === "error" ? [one.message] : []));
    expect(errors[0]).toContain("nowhere");
    expect(errors[1]).toContain("pixels");
  });

  it("says that it can't open what isn't whole", async () => {
    const scope = new Scope();
    serve(scope);
    scope.send({
      op: "open",
      program,
      arrays: [],
      kinds: [],
      noClasses: "",
      baselines: {},
      preparation: { steps: null, levels: [] },
    });
    await scope.until((said) => said.length > 0);
    expect(scope.said[0]).toMatchObject({ op: "failed", message: "Weights are missing." });
  });
});
