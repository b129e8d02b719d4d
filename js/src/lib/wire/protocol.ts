/** What crosses the wire (docs/protocol.md), and how its messages are told apart. */

import type { IndexProgress, Kind, Kinds, Message, Progress } from "./messages";

export * from "./messages";

export type Key<K extends Kind> = Kinds[K]["key"];

export interface Answer<K extends Kind> {
  data: Kinds[K]["data"];
  buffers: DataView[];
}

export function ofIndex(progress: Progress): progress is IndexProgress {
  return "paused" in progress;
}

/** Whether a message's data tells that its answer waits for the index. */
export function awaitsIndex(data: unknown): boolean {
  return typeof data === "object" && data !== null && ("paused" in data || "so_far" in data);
}

/** Whether an answer lacks photos that can't be read right now: they may come back. */
export function lacksPhotos(data: unknown): boolean {
  const { lost } = (data ?? {}) as { lost?: unknown };
  return Array.isArray(lost) && lost.length > 0;
}

/** Lower goes first. */
export const PRIORITY = {
  interaction: 0,
  patches: 1,
  projections: 2,
  sheets: 3,
  maps: 4,
  prefetch: 5,
} as const;

export function isMessage(content: unknown): content is Message {
  return typeof content === "object" && content !== null && (content as { zf?: unknown }).zf === 1;
}

/** JSON with sorted keys and no spaces: equal for equal values, whoever wrote them. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((v) => canonical(v ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`);
    return `{${fields.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** What identifies an answer. */
export function identity(kind: string, key: object): string {
  return `${kind} ${canonical(key)}`;
}
