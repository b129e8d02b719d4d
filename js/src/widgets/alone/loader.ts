/**
 * What each widget's model carries in the place of its code: a few lines that have the code of all
 * widgets evaluated, once in a page for each version of it, and show their part. The model that
 * holds the code carries them too, and has it evaluated while the kernel still makes the widget.
 *
 * A browser never lets go of a module, and anywidget imports one for each model. So the module
 * holds no more than this; the code is a function (esbuild.mjs) whose calls share what is compiled,
 * and each view has a call of its own: a language, caches. What a call made goes with its view.
 */

import type { StateModel } from "../../lib/page/selection_store";
import type { RenderContext, Widget } from "../shared/mount";

/** Python writes it in front of this module (widgets/bundle.py). */
declare const ZF: {
  /** The widget's name among the parts of the code; that of the code's own model is empty. */
  readonly part: string;
  /** Hash of the code. */
  readonly code: string;
  /** What is said where the code can't be loaded; `{error}` is why. */
  readonly says: string;
};

export type Parts = Readonly<Record<string, Widget>>;
export type Make = () => Parts;

/** Where a page keeps the code that it has, by hash: kernels may have different versions. */
const PLACE = Symbol.for("zfwidgets.code");

/** The code with a hash: what the page has, or else what `get` brings. */
export async function once(hash: string, get: () => Promise<Make>): Promise<Make> {
  const page = globalThis as { [PLACE]?: Map<string, Promise<Make>> };
  page[PLACE] ??= new Map();
  const kept = page[PLACE];
  for (;;) {
    const others = kept.get(hash);
    if (!others) break;
    try {
      return await others;
    } catch {
      // It was another widget's to get, perhaps of another kernel, and isn't kept.
    }
  }
  const mine = get();
  kept.set(hash, mine);
  mine.catch(() => kept.delete(hash));
  return mine;
}

/** The code from the model to which a widget's model refers. */
async function get({ model, host }: RenderContext): Promise<Make> {
  if (!host?.getModel) throw new Error("zfwidgets needs anywidget >= 0.11: update it.");
  return evaluated(await host.getModel(String(model.get("_code"))));
}

/** The code that a model holds. */
async function evaluated(model: StateModel): Promise<Make> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const written = writer.write(model.get("packed") as DataView<ArrayBuffer>);
  const ended = written.then(() => writer.close());
  const [text] = await Promise.all([new Response(readable).arrayBuffer(), ended]);
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return ((await import(url)) as { default: Make }).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Show a part of the code, or say why it can't be had. */
export async function show(
  context: RenderContext,
  { part, code, says }: typeof ZF,
  load = get,
): Promise<void> {
  let widget: Widget | undefined;
  try {
    const make = await once(code, () => load(context));
    widget = make()[part];
    if (!widget) throw new Error(`it has no ${part}`);
  } catch (error) {
    console.error(error);
    const line = document.createElement("p");
    line.setAttribute("role", "alert");
    line.textContent = says.replace("{error}", error instanceof Error ? error.message : `${error}`);
    if (!context.signal.aborted) context.el.append(line);
    return;
  }
  if (!context.signal.aborted) await widget.render(context);
}

/** Begin with the code's own model as soon as it is there; who needs the code says what fails. */
export function begin(model: StateModel, { part, code }: typeof ZF, load = evaluated): void {
  if (part === "") once(code, () => load(model)).catch(console.warn);
}

export default {
  initialize: ({ model }: Pick<RenderContext, "model">) => begin(model, ZF),
  render: (context: RenderContext) => show(context, ZF),
};
