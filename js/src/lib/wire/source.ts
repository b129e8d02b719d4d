/** Where views get their pixels from; they never know what is behind it. */

import { msg } from "../language/translate";
import type { Answer, InRoom, Key, Kind, Progress } from "./protocol";

export interface GetOptions<K extends Kind> {
  /** A newer request in a slot supersedes an older one with another key. */
  slot: string;
  /** Lower goes first, see `PRIORITY`. */
  priority: number;
  signal?: AbortSignal | undefined;
  /** Ask the kernel, whatever it said before. */
  anew?: boolean;
  /** A coarser answer than the one to come. */
  onPartial?: ((answer: Answer<K>) => void) | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Source {
  get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>>;
  /** Ask ahead of need; failures are nobody's business. `came` is told of what came, if that is known. */
  prefetch<K extends Kind>(
    kind: K,
    key: Key<K>,
    slot: string,
    signal?: AbortSignal,
    came?: (answer: Answer<K>) => void,
  ): void;
  /** Have the pass that builds the index rest, or go on; for all who see it. */
  pause?(is: boolean): void;
  /** Look around by oneself, go back to the teacher, or leave the room. */
  room?(act: InRoom["op"]): void;
  /** Bring a photo of the user's own; which photos there are then. Where there is no kernel, none. */
  add?(name: string, file: Uint8Array<ArrayBuffer>): Promise<Answer<"photos">>;
  /** Forget one of these; which photos there are then. */
  remove?(image: number): Promise<Answer<"photos">>;
  /** It holds no occlusion map, nor what is under an occluder, and computes none. */
  readonly noMaps?: boolean;
  /** Called when answers come again after `NoAnswer`; returns how to stop listening. */
  onRevival(listener: () => void): () => void;
}

/** The same source, but for what is said here; what it can't do this one can't, either. */
export function relay(source: Source, own: Partial<Source>): Source {
  const { pause, room, add, remove } = source;
  return {
    get: (kind, key, options) => source.get(kind, key, options),
    prefetch: (kind, key, slot, signal, came) => source.prefetch(kind, key, slot, signal, came),
    onRevival: (listener) => source.onRevival(listener),
    ...(source.noMaps && { noMaps: true }),
    ...(pause && { pause: (is) => pause.call(source, is) }),
    ...(room && { room: (act) => room.call(source, act) }),
    ...(add && { add: (name, file) => add.call(source, name, file) }),
    ...(remove && { remove: (image) => remove.call(source, image) }),
    ...own,
  };
}

/** The same source for a part of a view that is there twice: its slots are its own. */
export function within(source: Source, part: string): Source {
  return relay(source, {
    get: (kind, key, options) =>
      source.get(kind, key, { ...options, slot: `${part}:${options.slot}` }),
    prefetch: (kind, key, slot, signal, came) =>
      source.prefetch(kind, key, `${part}:${slot}`, signal, came),
  });
}

/** A newer request took the slot, or the asker left: nothing to show. */
export class Superseded extends Error {
  override name = "Superseded";
}

/** The kernel said nothing, however often it was asked. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
  constructor(
    readonly everAnswered: boolean,
    /** The connection is known to be gone: no wait can help. */
    readonly lost = false,
  ) {
    super(
      everAnswered
        ? msg("No answer from the kernel: run this cell again.")
        : msg("Run this cell to bring it to life."),
    );
  }
}

/** An error that the kernel reports: its name and message are for the reader. */
export class KernelError extends Error {
  constructor(
    override name: string,
    message: string,
  ) {
    super(message);
  }
}

/** A report doesn't hold this, a kernel would compute it: said in a line, as it is no failure. */
export class NotStored extends Error {
  override name = "NotStored";
}
