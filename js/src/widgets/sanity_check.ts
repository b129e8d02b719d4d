import * as styles from "../styles";
import { type Measure, sanity } from "../views/sanity";
import { connect, createRoot, type Widget } from "./shared/mount";

const TRAITS = ["check", "step", "measure"] as const;

export default {
  render({ model, el, signal }) {
    const root = createRoot(el, "check", [styles.sanity], signal);
    const chosen = {
      get: () => ({
        check: String(model.get("check") ?? ""),
        step: Number(model.get("step") ?? 0),
        measure: (model.get("measure") ?? "rank") as Measure,
      }),
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
    sanity(root, chosen, connect(root, model, signal), signal);
  },
} satisfies Widget;
