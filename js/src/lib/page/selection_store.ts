/** Small state that views share with each other and with Python: above all what is chosen. */

import type { Occluder, Unit } from "../wire/protocol";

export interface Selection {
  unit: Unit | null;
  photo: number | null;
  occluder: Occluder | null;
  target: number | null;
  rule: string;
}

export type SelectionField = keyof Selection;

export interface Store<S extends object> {
  get<F extends keyof S>(field: F): S[F];
  set<F extends keyof S>(field: F, value: S[F]): void;
  /** Called after the field has changed, whoever changed it, until `signal` aborts. */
  subscribe(field: keyof S, listener: () => void, signal: AbortSignal): void;
}

export type SelectionStore = Store<Selection>;

/** All state of a widget that answers for itself. */
export interface OwnStore<S extends object> {
  get(): S;
  set(values: Partial<S>): void;
  /** Called after any of it has changed, until `signal` aborts. */
  subscribe(listener: () => void, signal: AbortSignal): void;
}

/** The part of an anywidget model that holds state. */
export interface StateModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * State in a model of the kernel's. Writes of one task go out together, and before any
 * message is handled: ipywidgets drops the kernel's echo of an older value only for what was
 * saved, so a click that waited for its frame could be undone on screen by the click before.
 */
export class ModelStore<S extends object> implements Store<S> {
  private saving = false;

  constructor(private readonly model: StateModel) {}

  get<F extends keyof S>(field: F): S[F] {
    return (this.model.get(String(field)) ?? null) as S[F];
  }

  set<F extends keyof S>(field: F, value: S[F]): void {
    if (same(this.get(field), value)) return;
    this.model.set(String(field), value);
    if (this.saving) return;
    this.saving = true;
    // After what views ask because of it, which goes out in a microtask, too.
    queueMicrotask(() =>
      queueMicrotask(() => {
        this.saving = false;
        this.model.save_changes();
      }),
    );
  }

  subscribe(field: keyof S, listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const event = `change:${String(field)}`;
    this.model.on(event, listener);
    signal.addEventListener("abort", () => this.model.off(event, listener), { once: true });
  }
}

/** State without a kernel. */
export class MemoryStore<S extends object> implements Store<S> {
  private readonly listeners = new Map<keyof S, Set<() => void>>();

  constructor(private readonly state: S) {}

  get<F extends keyof S>(field: F): S[F] {
    return this.state[field];
  }

  set<F extends keyof S>(field: F, value: S[F]): void {
    if (same(this.state[field], value)) return;
    this.state[field] = value;
    for (const listener of [...(this.listeners.get(field) ?? [])]) listener();
  }

  subscribe(field: keyof S, listener: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const set = this.listeners.get(field) ?? new Set();
    this.listeners.set(field, set.add(listener));
    signal.addEventListener("abort", () => set.delete(listener), { once: true });
  }
}

export class ModelSelection extends ModelStore<Selection> {}

/** A selection without a kernel. */
export class MemorySelection extends MemoryStore<Selection> {}

/** The next frame, or soon where no frames are drawn (a tab in the background). */
export function nextFrame(callback: () => void): void {
  let called = false;
  const once = () => {
    if (called) return;
    called = true;
    clearTimeout(timer);
    callback();
  };
  const timer = setTimeout(once, 80);
  requestAnimationFrame(once);
}

/** Resolves once what stands now is painted, or soon where no frames are drawn. */
export function framePainted(): Promise<void> {
  return new Promise((resolve) => nextFrame(() => setTimeout(resolve)));
}
