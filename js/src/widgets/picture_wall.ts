import * as styles from "../styles";
import { wall } from "../views/experiments/wall";
import { connect, createRoot, onTraits, type Widget } from "./shared/mount";

const TRAITS = ["wall", "label", "note", "size", "choosable", "chosen"] as const;

export default {
  render({ model, el, signal }) {
    const root = createRoot(el, "wall", [styles.wall], signal);
    const shown = {
      get: () => ({
        wall: String(model.get("wall") ?? ""),
        label: String(model.get("label") ?? ""),
        note: String(model.get("note") ?? ""),
        size: Number(model.get("size") ?? 96),
        choosable: Boolean(model.get("choosable")),
        chosen: Number(model.get("chosen") ?? -1),
      }),
      choose(picture: number) {
        model.set("chosen", picture);
        model.save_changes();
      },
      subscribe: (listener: () => void, until: AbortSignal) =>
        onTraits(model, TRAITS, listener, until),
    };
    wall(root, shown, connect(root, model, signal), signal);
  },
} satisfies Widget;
