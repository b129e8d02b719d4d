/**
 * Cover the patch: what remains of a unit once exactly its receptive field is covered, beside the
 * same for random patches of that size, and where the channel's maximum went.
 *
 * The photo's panel marks that place; it hears of it by an event on the widget's root.
 */

import { h } from "../../lib/page/dom";
import { number, percent } from "../../lib/page/format";
import { homeOf } from "../../lib/page/settled";
import type { Box, Covered } from "../../lib/wire/protocol";

const EVENT = "zf-covers";

/** Where a maximum went, for whoever shows the photo. */
export interface Moved {
  image: number;
  moved: { box: Box };
  text: string;
}

export function tellCovers(element: Element, covers: readonly Covered[]): void {
  const detail: Moved[] = covers.map(({ image, moved, before }) => ({
    image,
    moved,
    text:
      `Dashed in colour: where the channel's maximum is once the patch is covered, row ` +
      `${moved.row}, column ${moved.col} (${number(moved.value)} instead of ${number(before)}).`,
  }));
  homeOf(element)?.dispatchEvent(new CustomEvent(EVENT, { detail }));
}

/** What was told last, and a call whenever it changes. */
export function onCovers(
  element: Element,
  signal: AbortSignal,
  changed: () => void,
): () => Moved[] {
  let now: Moved[] = [];
  homeOf(element)?.addEventListener(
    EVENT,
    (event) => {
      now = (event as CustomEvent<Moved[]>).detail;
      changed();
    },
    { signal },
  );
  return () => now;
}

/** Before, after and the control as bars on a scale of 0 .. `most`. */
export class CoverBars {
  readonly element = h("div", { class: "zf-cover", hidden: true });
  private covered: Covered | null = null;

  set(covered: Covered | null): void {
    this.covered = covered;
  }

  get most(): number {
    const { covered } = this;
    return covered ? Math.max(covered.before, covered.after, covered.control?.high ?? 0) : 0;
  }

  draw(on: boolean, most: number): void {
    const { covered, element } = this;
    element.hidden = !on;
    element.classList.toggle("zf-waits-cover", on && !covered);
    element.replaceChildren();
    if (!on || !covered) return;
    const { before, after, control } = covered;
    const at = (value: number) => `${(Math.max(value, 0) / (most || 1)) * 100}%`;
    const bar = (kind: string, value: number) =>
      h("i", { class: `zf-bar zf-bar-${kind}`, style: `width:${at(value)}` });
    const text = `${coverText(covered)} ${controlText(control)}`.trim();
    element.title = text;
    element.replaceChildren(
      h(
        "span",
        { class: "zf-cover-bars", role: "img", "aria-label": text },
        bar("clean", before),
        bar("under", after),
        h("span", { class: "zf-control" }, ...(control ? controlBars(control, at) : [])),
      ),
      h(
        "span",
        { class: "zf-cover-text", "aria-hidden": "true" },
        `${number(before)}; own patch covered `,
        h("b", {}, number(after)),
        h("span", { class: "zf-dim" }, `; a random patch ${control ? number(control.mean) : "…"}`),
      ),
    );
  }
}

type Control = NonNullable<Covered["control"]>;

function controlBars(control: Control, at: (value: number) => string): HTMLElement[] {
  const { low, high, mean } = control;
  const style = `left:${at(low)};width:calc(${at(high)} - ${at(low)})`;
  return [
    h("i", { class: "zf-spread", style }),
    h("i", { class: "zf-mean", style: `left:${at(mean)}` }),
  ];
}

function coverText({ before, after, moved }: Covered): string {
  return (
    `Activation ${number(before)}, with its patch covered ${number(after)}; the channel's maximum ` +
    `is then ${number(moved.value)} at row ${moved.row}, column ${moved.col}.`
  );
}

function controlText(control: Control | null): string {
  if (!control) return "";
  const { mean, low, high, n, overlap } = control;
  return (
    `With one of ${n} random patches covered ${number(mean)} on average, ${number(low)} to ` +
    `${number(high)}; these cover ${percent(overlap)} of the receptive field on average.`
  );
}

/** What the bars are; `covers` are those that are there. */
export function coverLegend(
  baseline: string,
  covers: readonly Covered[],
  partial: boolean,
): (Node | string)[] {
  const shares = covers.flatMap(({ control }) => (control ? [control.overlap] : []));
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const overlap = shares.length > 0 ? `, which cover ${percent(mean)} of it themselves` : "";
  return [
    h("i", { class: "zf-key zf-key-clean" }),
    "activation ",
    h("i", { class: "zf-key zf-key-under" }),
    `with exactly its receptive field covered (${baseline}) `,
    h("i", { class: "zf-key zf-key-control" }),
    `with random patches of that size covered: mean and range${overlap}. If the patch is what the unit ` +
      "responds to, only its own cover takes the activation away. The photo shows where the " +
      `channel's maximum went.${partial ? " Still computing." : ""}`,
  ];
}
