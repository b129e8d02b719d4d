/** What a page has for boxes of ipywidgets. */

import type { StateModel } from "../../lib/page/selection_store";
import type { Channel } from "../../lib/wire/kernel_source";

export type Model = StateModel & Channel;

export interface Page {
  /** The model of any widget, by its reference. */
  model(reference: unknown): Promise<Model>;
  /** Show an anywidget. */
  show(reference: unknown, context: { el: HTMLElement; signal: AbortSignal }): Promise<void>;
}
