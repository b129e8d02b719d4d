import * as styles from "../styles";
import { wall } from "../views/wall";
import { connect, createRoot, type Widget } from "./shared/mount";

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
      subscribe(listener: () => void, until: AbortSignal) {
        for (const trait of TRAITS) {
          const event = `change:${trait}`;
          model.on(event as never, listener);
          until.addEventListener("abort", () => model.off(event as never, listener), {
            once: true,
          });
        }
      },
    };
    wall(root, shown, connect(root, model, signal), signal);
  },
} satisfies Widget;
