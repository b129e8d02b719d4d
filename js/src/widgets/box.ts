import { speak } from "../lib/language/translate";
import { h, injectStyles } from "../lib/page/dom";
import * as styles from "../styles";
import { link } from "./boxes/links";
import type { Page } from "./boxes/page";
import { fill } from "./boxes/tree";
import type { RenderContext, Widget } from "./shared/mount";

/**
 * A box of ipywidgets as an anywidget, for pages that know anywidgets alone (marimo): what is in it
 * is shown with the classes that ipywidgets gives it, so that our style sheets hold for both.
 */
const box: Widget = {
  async render({ model, el, signal, host }: RenderContext) {
    if (!host?.getWidget) {
      throw new Error("Experiments and worksheets need a newer marimo: update it.");
    }
    speak(model.get("language") as string | undefined);
    const page: Page = {
      model: (reference) => host.getModel(named(reference)),
      show: async (reference, context) =>
        (await host.getWidget?.(named(reference)))?.render(context),
    };
    const root = h("div");
    signal.addEventListener("abort", () => root.remove(), { once: true });
    el.append(root);
    injectStyles(root, [...styles.COMMON, styles.boxes, styles.experiment]);
    for (const reference of (model.get("_links") ?? []) as string[]) {
      await link(reference, page, signal);
    }
    await fill(root, "zf-boxes", model, page, signal);
  },
};

export default box;

/** ipywidgets' name of a model as anywidget's. */
function named(reference: unknown): string {
  return String(reference).replace(/^IPY_MODEL_/, "anywidget:");
}
