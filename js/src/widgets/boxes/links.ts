/** Traits that are linked in the page, as `ipywidgets.jslink` links them. */

import { onTraits } from "../shared/mount";
import type { Model, Page } from "./page";

type End = [reference: string, trait: string];

/** Keep two traits equal, as a model of ipywidgets says; neither is set before the other changes. */
export async function link(reference: string, page: Page, signal: AbortSignal): Promise<void> {
  const model = await page.model(reference);
  const ends = [model.get("source"), model.get("target")] as [End, End];
  const [source, target] = await Promise.all(ends.map(([one]) => page.model(one)));
  if (!source || !target) return;
  const [from, to] = [ends[0][1], ends[1][1]];
  follow(source, from, target, to, signal);
  if (model.get("_model_name") === "LinkModel") follow(target, to, source, from, signal);
}

function follow(from: Model, trait: string, to: Model, other: string, signal: AbortSignal): void {
  const take = () => {
    if (to.get(other) === from.get(trait)) return;
    to.set(other, from.get(trait));
    to.save_changes();
  };
  onTraits(from, [trait], take, signal);
}
