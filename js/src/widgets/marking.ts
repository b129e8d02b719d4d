import type { Marks } from "../lib/marks";
import * as styles from "../styles";
import { marking } from "../views/experiments/marking";
import { connect, createRoot, onTraits, type Widget } from "./shared/mount";

const TRAITS = ["wall", "label", "note", "size", "extent", "parts", "part", "boxes"] as const;

export default {
  render({ model, el, signal }) {
    const root = createRoot(el, "marks", [styles.photo, styles.marking], signal);
    const store = {
      get: () => ({
        wall: String(model.get("wall") ?? ""),
        label: String(model.get("label") ?? ""),
        note: String(model.get("note") ?? ""),
        size: Number(model.get("size") ?? 224),
        extent: (model.get("extent") ?? [1, 1]) as [number, number],
        parts: (model.get("parts") ?? []) as string[],
        part: String(model.get("part") ?? ""),
        boxes: (model.get("boxes") ?? {}) as Marks,
      }),
      set(values: { part?: string; boxes?: Marks }) {
        for (const [name, value] of Object.entries(values)) model.set(name, value);
        model.save_changes();
      },
      subscribe: (listener: () => void, until: AbortSignal) =>
        onTraits(model, TRAITS, listener, until),
    };
    marking(root, store, connect(root, model, signal), signal);
  },
} satisfies Widget;
