/**
 * A source over the custom messages of a widget's model.
 *
 * Replies reach every tab and get lost; requests queue in a busy kernel. So: answers are accepted
 * by key, newest wins in each slot, few requests are in flight, silence is met by asking again.
 */

import { PART_BYTES } from "./constants";
import { type Exchange, pageExchange, type Waiting } from "./exchange";
import {
  type Add,
  type Answer,
  awaitsIndex,
  type Cancel,
  type InRoom,
  identity,
  isMessage,
  type Key,
  type Kind,
  type Message,
  type Pause,
  PRIORITY,
  type Progress,
  type Remove,
  type Request,
} from "./protocol";
import { type GetOptions, KernelError, NoAnswer, type Source, Superseded } from "./source";
import { whileWanted } from "./wanting";

export const IN_FLIGHT = 6;
export const SILENCE_MS = 5000;
export const RESENDS = 3;
/**
 * As long another widget's request for the same may be silent; a kernel gives signs of life every
 * second. It might be another notebook's, of an engine like ours, and be busy.
 */
export const PATIENCE_MS = 2500;
/** How long a sign is waited for from a kernel that is known to be gone. */
export const LOST_MS = 1000;

/** The part of an anywidget model that carries messages. */
export interface Channel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", callback: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", callback: (content: unknown, buffers: DataView[]) => void): void;
}

interface Asker {
  resolve(answer: Answer<Kind>): void;
  reject(error: Error): void;
  options: GetOptions<Kind>;
}

/** Who waits for a photo to be taken up, or forgotten. */
interface Sent {
  resolve(answer: Answer<"photos">): void;
  reject(error: Error): void;
}

/** One request of one slot, with all who asked for it. */
class Task implements Waiting {
  asked = false;
  /** For the index: others needn't wait for that. */
  waits = false;
  priority = Number.POSITIVE_INFINITY;
  readonly askers = new Set<Asker>();
  /** Another widget's request for the same was silent for too long: this one asks, too. */
  impatient = false;
  private relies = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private resends = 0;

  constructor(
    readonly id: string,
    readonly slot: string,
    readonly kind: Kind,
    readonly key: object,
    private readonly turn: number,
    private readonly source: KernelSource,
  ) {}

  ask(): void {
    this.asked = true;
    this.source.post({
      zf: 1,
      op: "get",
      view: this.source.view,
      slot: this.slot,
      kind: this.kind,
      key: this.key,
      turn: this.turn,
      priority: this.priority,
    });
    this.listen();
  }

  /** Another widget has asked for the same: wait for its answer, as long as it may come. */
  rely(): void {
    if (!this.relies) this.wait();
  }

  private wait(): void {
    this.relies = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.impatient = true;
      this.source.pump();
    }, PATIENCE_MS);
  }

  private listen(): void {
    clearTimeout(this.timer);
    const { lost } = this.source;
    this.timer = setTimeout(
      () => {
        if (lost || this.resends === RESENDS) this.source.giveUp(this.id);
        else {
          this.resends += 1;
          this.ask();
        }
      },
      lost ? LOST_MS : SILENCE_MS,
    );
  }

  receive(message: Message, buffers: DataView[]): void {
    const data = message.data as never;
    switch (message.op) {
      case "reply":
        this.finish((asker) => asker.resolve({ data, buffers }));
        break;
      case "error": {
        const { name, message: text } = message.data as { name: string; message: string };
        this.finish((asker) => asker.reject(new KernelError(name, text)));
        break;
      }
      case "superseded":
        // Another tab's fate is not ours, nor is that of an older request for the same key.
        if (message.view === this.source.view && message.turn === this.turn) {
          this.finish((asker) => asker.reject(new Superseded()));
        }
        break;
      default:
        this.resends = 0;
        if (this.asked) this.listen();
        else if (this.relies) this.wait();
        if (!this.waits && awaitsIndex(message.data)) {
          this.waits = true;
          this.source.pump();
        }
        for (const { options } of this.askers) {
          if (message.op === "partial") options.onPartial?.({ data, buffers });
          else options.onProgress?.(message.data as Progress);
        }
    }
  }

  giveUp(): void {
    this.source.gaveUp = true;
    if (!this.source.answered) this.source.silent();
    this.finish((asker) => asker.reject(new NoAnswer(this.source.answered, this.source.lost)));
  }

  wake(): void {
    this.source.pump();
  }

  finish(settle: (asker: Asker) => void): void {
    clearTimeout(this.timer);
    this.source.drop(this);
    for (const asker of [...this.askers]) settle(asker);
    this.askers.clear();
  }
}

export class KernelSource implements Source {
  readonly view: string;
  answered = false;
  gaveUp = false;
  lost = false;
  private readonly slots = new Map<string, Task>();
  private turns = 0;
  private readonly revival = new Set<() => void>();
  private readonly silence = new Set<() => void>();
  /** Photos on their way, by slot; the page sends each once, and no other answers for it. */
  private readonly sent = new Map<string, Sent>();

  constructor(
    private readonly channel: Channel,
    private readonly fingerprint: string,
    readonly exchange: Exchange = pageExchange(),
  ) {
    this.view = uuid();
    channel.on("msg:custom", this.onMessage);
  }

  private readonly onMessage = (content: unknown, buffers: DataView[]): void => {
    if (!isMessage(content)) return;
    this.answered = true;
    this.lost = false;
    const { view, slot, op, data } = content;
    const sent = view === this.view ? this.sent.get(slot) : undefined;
    if (!sent) this.exchange.deliver(content, buffers ?? []);
    else if (op === "reply" || op === "error" || op === "superseded") {
      this.sent.delete(slot);
      if (op === "reply") sent.resolve({ data: data as never, buffers: [] });
      else if (op === "superseded") sent.reject(new Superseded());
      else {
        const { name, message } = data as { name: string; message: string };
        sent.reject(new KernelError(name, message));
      }
    }
    if (this.gaveUp) {
      this.gaveUp = false;
      for (const listener of [...this.revival]) listener();
    }
  };

  get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>> {
    const { slot, signal } = options;
    if (signal?.aborted) return Promise.reject(new Superseded());
    const wire = { fingerprint: this.fingerprint, ...key };
    const id = identity(kind, wire);
    const current = this.slots.get(slot);
    const replaced = current && current.id !== id ? current : undefined;
    replaced?.finish((asker) => asker.reject(new Superseded()));
    const known = options.anew ? undefined : this.exchange.recall(id);
    if (known) {
      if (replaced?.asked) this.postCancel(slot);
      return Promise.resolve(known as Answer<K>);
    }

    const task = this.slots.get(slot) ?? new Task(id, slot, kind, wire, this.turns++, this);
    this.slots.set(slot, task);
    this.exchange.join(task);
    task.priority = Math.min(task.priority, options.priority);
    return new Promise<Answer<K>>((resolve, reject) => {
      const leave = () => this.abandon(task, asker);
      const asker: Asker = {
        ...whileWanted<Answer<Kind>>(signal, leave, resolve as Asker["resolve"], reject),
        options: options as GetOptions<Kind>,
      };
      task.askers.add(asker);
      this.pump();
      // A request in its place would stop the old one by itself.
      if (replaced?.asked && !task.asked) this.postCancel(slot);
    });
  }

  prefetch<K extends Kind>(
    kind: K,
    key: Key<K>,
    slot: string,
    signal?: AbortSignal,
    came?: (answer: Answer<K>) => void,
  ): void {
    const asked = this.get(kind, key, { slot, priority: PRIORITY.prefetch, signal });
    asked.then(came).catch(() => {});
  }

  add(name: string, file: Uint8Array<ArrayBuffer>): Promise<Answer<"photos">> {
    return this.sending((slot) => {
      const parts = Math.max(1, Math.ceil(file.length / PART_BYTES));
      for (let part = 0; part < parts; part++) {
        const bytes = file.slice(part * PART_BYTES, (part + 1) * PART_BYTES);
        const message = { zf: 1, op: "add", view: this.view, slot, name, part, parts } as const;
        this.post(message, [bytes.buffer]);
      }
    });
  }

  remove(image: number): Promise<Answer<"photos">> {
    return this.sending((slot) => {
      this.post({ zf: 1, op: "remove", view: this.view, slot, image });
    });
  }

  private sending(post: (slot: string) => void): Promise<Answer<"photos">> {
    const slot = `own:${uuid()}`;
    return new Promise((resolve, reject) => {
      this.sent.set(slot, { resolve, reject });
      if (this.lost) this.refuse();
      else post(slot);
    });
  }

  /** No answer will come to what was sent. */
  private refuse(): void {
    for (const { reject } of this.sent.values()) reject(new NoAnswer(this.answered, this.lost));
    this.sent.clear();
  }

  /** Be told when the kernel was waited for in vain, and never had answered. */
  onSilence(listener: () => void): void {
    this.silence.add(listener);
  }

  silent(): void {
    for (const listener of [...this.silence]) listener();
  }

  onRevival(listener: () => void): () => void {
    this.revival.add(listener);
    return () => this.revival.delete(listener);
  }

  /** The connection is said to be gone: nobody need wait in vain, unless it speaks again. */
  lose(): void {
    this.lost = this.gaveUp = true;
    for (const task of [...this.slots.values()]) task.giveUp();
    this.refuse();
  }

  /** This kernel was waited for in vain: all that wait here for the same needn't, either. */
  giveUp(id: string): void {
    for (const task of [...this.slots.values()]) if (task.id === id) task.giveUp();
  }

  /** Cancel everything and stop listening. */
  close(): void {
    for (const task of [...this.slots.values()]) this.cancel(task);
    for (const { reject } of this.sent.values()) reject(new Superseded());
    this.sent.clear();
    this.channel.off("msg:custom", this.onMessage);
  }

  private abandon(task: Task, asker: Asker): void {
    if (!task.askers.delete(asker)) return;
    asker.reject(new Superseded());
    if (task.askers.size === 0) this.cancel(task);
  }

  private cancel(task: Task): void {
    const { asked, slot } = task;
    task.finish((asker) => asker.reject(new Superseded()));
    if (asked) this.postCancel(slot);
  }

  pause(is: boolean): void {
    this.post({ zf: 1, op: is ? "pause" : "resume", view: this.view });
  }

  room(act: InRoom["op"]): void {
    this.post({ zf: 1, op: act, view: this.view });
  }

  private postCancel(slot: string): void {
    this.post({ zf: 1, op: "cancel", view: this.view, slot });
  }

  post(
    message: Request | Cancel | Pause | InRoom | Add | Remove,
    buffers: ArrayBuffer[] = [],
  ): void {
    try {
      if (buffers.length > 0) this.channel.send(message, undefined, buffers);
      else this.channel.send(message);
    } catch {
      // A dead connection shows as silence, and silence is handled.
    }
  }

  drop(task: Task): void {
    if (this.slots.get(task.slot) === task) this.slots.delete(task.slot);
    this.exchange.leave(task);
    // The newcomer in this slot, if any, is about to be put in its place.
    queueMicrotask(() => this.pump());
  }

  /** Send what waits, most urgent first, as far as places are free. */
  pump(): void {
    const tasks = [...this.slots.values()];
    let free = IN_FLIGHT - tasks.filter((task) => task.asked && !task.waits).length;
    const waiting = tasks.filter((task) => !task.asked);
    for (const task of waiting.sort((a, b) => a.priority - b.priority)) {
      if (free <= 0) break;
      if (!task.impatient && this.exchange.isAsked(task.id, task.priority)) {
        if (!tasks.some((one) => one.asked && one.id === task.id)) task.rely();
        continue;
      }
      task.ask();
      free -= 1;
    }
  }
}

function uuid(): string {
  // crypto.randomUUID exists in secure contexts only, and labs are served over plain HTTP.
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
