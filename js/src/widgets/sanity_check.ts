import * as styles from "../styles";
import { type Measure, sanity } from "../views/experiments/sanity";
import { connect, createRoot, onTraits, type Widget } from "./shared/mount";

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
      subscribe: (listener: () => void, until: AbortSignal) =>
        onTraits(model, TRAITS, listener, until),
    };
    sanity(root, chosen, connect(root, model, signal), signal);
  },
} satisfies Widget;
