/**
 * What all sources of one page share: answers that came, and who waits for which.
 *
 * Every widget brings its own copy of this code, so the one exchange lives on `globalThis`.
 * An answer is accepted by its identity, whoever asked; two widgets on one engine don't ask twice.
 */

import { size } from "./codec";
import type { Answer, Kind, Message } from "./protocol";
import { identity, lacksPhotos } from "./protocol";

/** Someone who waits for an answer. */
export interface Waiting {
  readonly id: string;
  /** Whether a request of this one is on its way. */
  asked: boolean;
  priority: number;
  receive(message: Message, buffers: DataView[]): void;
  /** The one who asked has left without an answer. */
  wake(): void;
}

export class Exchange {
  private readonly answers = new Map<string, { answer: Answer<Kind>; bytes: number }>();
  private readonly waiting = new Map<string, Set<Waiting>>();
  private bytes = 0;
  private last: unknown;

  constructor(private readonly capacity = 96e6) {}

  /** A stored answer, marked as used just now. */
  recall(id: string): Answer<Kind> | undefined {
    const entry = this.answers.get(id);
    if (!entry) return undefined;
    this.answers.delete(id);
    this.answers.set(id, entry);
    return entry.answer;
  }

  private store(id: string, answer: Answer<Kind>): void {
    this.bytes -= this.answers.get(id)?.bytes ?? 0;
    this.answers.delete(id);
    const bytes = size(answer.buffers) + 512;
    this.answers.set(id, { answer, bytes });
    this.bytes += bytes;
    for (const [old, entry] of this.answers) {
      if (this.bytes <= this.capacity) break;
      this.answers.delete(old);
      this.bytes -= entry.bytes;
    }
  }

  /** Whether somebody's request for this is on its way, at least as urgent as `priority`. */
  isAsked(id: string, priority: number): boolean {
    return [...(this.waiting.get(id) ?? [])].some((one) => one.asked && one.priority <= priority);
  }

  join(one: Waiting): void {
    const set = this.waiting.get(one.id) ?? new Set();
    this.waiting.set(one.id, set.add(one));
  }

  leave(one: Waiting): void {
    const set = this.waiting.get(one.id);
    if (!set?.delete(one)) return;
    if (set.size === 0) this.waiting.delete(one.id);
    else if (one.asked) for (const other of set) other.wake();
  }

  /** Hand a message to all who wait for it; sources on one model all see the same message. */
  deliver(message: Message, buffers: DataView[]): void {
    if (this.last === message) return;
    this.last = message;
    for (const { kind, key } of message.others ?? []) {
      for (const one of this.waiting.get(identity(kind, key)) ?? []) one.receive(message, []);
    }
    const id = identity(message.kind, message.key);
    if (message.op === "reply" && !lacksPhotos(message.data)) {
      this.store(id, { data: message.data as never, buffers });
    }
    const final = message.op === "reply" || message.op === "error";
    const all = final ? this.dismiss(id) : [...(this.waiting.get(id) ?? [])];
    for (const one of all) one.receive(message, buffers);
  }

  /** All who wait for it, who from now on don't: the first to leave mustn't wake the next. */
  private dismiss(id: string): Waiting[] {
    const all = [...(this.waiting.get(id) ?? [])];
    this.waiting.delete(id);
    return all;
  }
}

const PLACE = Symbol.for("zfwidgets.exchange.1");

export function pageExchange(): Exchange {
  const page = globalThis as { [PLACE]?: Exchange };
  page[PLACE] ??= new Exchange();
  return page[PLACE];
}
