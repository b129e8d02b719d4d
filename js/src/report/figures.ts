/**
 * Other packages' widgets (ipywidgets, bqplot, ...) in a report: their own JavaScript, which the
 * report holds, over ipywidgets' HTML manager. Nothing is asked of a CDN.
 */

import { h } from "../lib/page/dom";
import { guard } from "./guard";
import type { Bundle } from "./stored/bundle";

interface Model {
  model_id: string;
}

interface Manager {
  set_state(state: unknown): Promise<Model[]>;
  get_model(id: string): Promise<Model>;
  create_view(model: Model): Promise<unknown>;
  display_view(view: unknown, place: HTMLElement): Promise<unknown>;
}

type Loader = (name: string, version: string) => Promise<unknown>;
type Require = (
  names: string[],
  found: (module: never) => void,
  failed: (error: Error) => void,
) => void;

interface Stored {
  state: { state: Record<string, unknown> };
  /** The model of each place. */
  models: string[];
}

/** A script that the report holds; it runs before the next one does. */
function run(source: DataView): Promise<void> {
  const bytes = new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => () => {
      URL.revokeObjectURL(url);
      script.remove();
      settle();
    };
    const script = h("script", {
      src: url,
      onload: done(resolve),
      onerror: done(() => reject(new Error("A figure's script didn't run."))),
    });
    document.head.append(script);
  });
}

function load<T>(name: string): Promise<T> {
  const { require } = globalThis as unknown as { require: Require };
  return new Promise((resolve, reject) => require([name], resolve, reject));
}

/** Show each figure in its place. */
export async function showFigures(
  places: readonly HTMLElement[],
  bundle: Bundle,
  part = "figures",
): Promise<void> {
  if (places.length === 0) return;
  const [found] = await bundle.part(part);
  if (!found) return;
  guard();
  const { state, models } = found.data as Stored;
  for (const script of found.buffers) await run(script);
  const html = await load<{ HTMLManager: new (options: { loader: Loader }) => Manager }>(
    "@jupyter-widgets/html-manager",
  );
  const manager = new html.HTMLManager({ loader: (name) => load(name) });
  await manager.set_state(state);
  for (const place of places) {
    const model = await manager.get_model(models[Number(place.dataset.zfFigure)] as string);
    place.replaceChildren();
    await manager.display_view(await manager.create_view(model), place);
    place.dataset.zfSettled = "true";
  }
}
