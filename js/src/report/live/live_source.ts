/**
 * A source over a report with its network inside: newest wins in a slot, whose asker left isn't
 * computed for, and what came is kept.
 */

import { size } from "../../lib/wire/codec";
import { type Answer, identity, type Key, type Kind } from "../../lib/wire/protocol";
import { type GetOptions, type Source, Superseded } from "../../lib/wire/source";
import { whileWanted } from "../../lib/wire/wanting";
import type { LiveAnswers } from "./answers";
import type { Photos } from "./own";

/** Kinds whose answers change. */
const CHANGING: readonly Kind[] = ["photos", "thumbnails", "photo", "estimate"];
const KEPT = 48e6;

/** Answers that came, shared by the page's views. */
export class KeptAnswers {
  private readonly answers = new Map<string, Answer<Kind>>();
  private bytes = 0;

  find(id: string): Answer<Kind> | undefined {
    const known = this.answers.get(id);
    if (!known) return undefined;
    this.answers.delete(id);
    this.answers.set(id, known);
    return known;
  }

  keep(id: string, answer: Answer<Kind>): void {
    this.bytes += size(answer.buffers) - size(this.answers.get(id)?.buffers ?? []);
    this.answers.delete(id);
    this.answers.set(id, answer);
    for (const [old, { buffers }] of this.answers) {
      if (this.bytes <= KEPT) break;
      this.answers.delete(old);
      this.bytes -= size(buffers);
    }
  }
}

interface Asker {
  options: GetOptions<Kind>;
  resolve(answer: Answer<Kind>): void;
  reject(error: unknown): void;
}

interface Request {
  id: string;
  askers: Set<Asker>;
  controller: AbortController;
}

export class LiveSource implements Source {
  private readonly slots = new Map<string, Request>();

  constructor(
    private readonly answers: LiveAnswers,
    private readonly photos: Photos,
    private readonly kept: KeptAnswers,
  ) {}

  get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>> {
    const { slot, signal } = options;
    if (signal?.aborted) return Promise.reject(new Superseded());
    const id = identity(kind, key);
    const current = this.slots.get(slot);
    if (current && current.id !== id) this.drop(slot, current);
    const known = this.kept.find(id);
    if (known) return Promise.resolve(known as Answer<K>);
    return new Promise((resolve, reject) => {
      const request = this.slots.get(slot);
      const leave = () => this.leave(slot, asker);
      const asker: Asker = {
        ...whileWanted<Answer<Kind>>(signal, leave, resolve as Asker["resolve"], reject),
        options: options as GetOptions<Kind>,
      };
      if (request) request.askers.add(asker);
      else this.start(kind, key, slot, id, asker, options.priority);
    });
  }

  private start<K extends Kind>(
    kind: K,
    key: Key<K>,
    slot: string,
    id: string,
    asker: Asker,
    priority: number,
  ): void {
    const request: Request = { id, askers: new Set([asker]), controller: new AbortController() };
    this.slots.set(slot, request);
    const mine = () => this.slots.get(slot) === request;
    const tell = {
      priority,
      signal: request.controller.signal,
      onPartial: (answer: Answer<K>) => {
        for (const one of mine() ? request.askers : []) one.options.onPartial?.(answer as never);
      },
      onProgress: (progress: Parameters<NonNullable<GetOptions<K>["onProgress"]>>[0]) => {
        for (const one of mine() ? request.askers : []) one.options.onProgress?.(progress);
      },
    };
    this.answers.find(kind, key, tell).then(
      (answer) => {
        if (!CHANGING.includes(kind)) this.kept.keep(id, answer as Answer<Kind>);
        if (!mine()) return;
        this.slots.delete(slot);
        for (const one of request.askers) one.resolve(answer as Answer<Kind>);
      },
      (error) => {
        if (!mine()) return;
        this.slots.delete(slot);
        for (const one of request.askers) one.reject(error);
      },
    );
  }

  private drop(slot: string, request: Request): void {
    this.slots.delete(slot);
    request.controller.abort();
    for (const { reject } of request.askers) reject(new Superseded());
  }

  private leave(slot: string, asker: Asker): void {
    const request = this.slots.get(slot);
    if (!request?.askers.delete(asker)) return;
    asker.reject(new Superseded());
    if (request.askers.size === 0) this.drop(slot, request);
  }

  /** Nothing is computed ahead: it would wait in the way of what is wanted. */
  prefetch(): void {}

  add(name: string, file: Uint8Array<ArrayBuffer>): Promise<Answer<"photos">> {
    return this.photos.add(name, file);
  }

  remove(image: number): Promise<Answer<"photos">> {
    return this.photos.remove(image);
  }

  onRevival(): () => void {
    return () => {}; // nothing dies here
  }
}
