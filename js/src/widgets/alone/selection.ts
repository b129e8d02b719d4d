/** The shared selection is a model; the widgets that refer to it show it. */
import { h } from "../../lib/page/dom";

interface RenderContext {
  el: HTMLElement;
}

export default {
  render({ el }: RenderContext): void {
    el.append(
      h("p", {}, "A selection has no picture of its own: it links the widgets that refer to it."),
    );
  },
};
