/**
 * Cover the patch: what remains of a unit once exactly its receptive field is covered, beside the
 * same for random patches of that size, and where the channel's maximum went.
 *
 * The photo's panel marks that place; it hears of it by an event on the widget's root.
 */

import { t } from "../../lib/language/translate";
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
    text: t(
      "Dashed in colour: where the channel's maximum is once the patch is covered, row {row}, column {col} ({now} instead of {before}).",
      { row: moved.row, col: moved.col, now: number(moved.value), before: number(before) },
    ),
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
        `${number(before)}; ${t("own patch covered")} `,
        h("b", {}, number(after)),
        h(
          "span",
          { class: "zf-dim" },
          `; ${t("a random patch {value}", { value: control ? number(control.mean) : "…" })}`,
        ),
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
  return t(
    "Activation {before}, with its patch covered {after}; the channel's maximum is then {now} at row {row}, column {col}.",
    {
      before: number(before),
      after: number(after),
      now: number(moved.value),
      row: moved.row,
      col: moved.col,
    },
  );
}

function controlText(control: Control | null): string {
  if (!control) return "";
  const { mean, low, high, n, overlap } = control;
  return t(
    "With one of {n} random patches covered {mean} on average, {low} to {high}; these cover {share} of the receptive field on average.",
    { n, mean: number(mean), low: number(low), high: number(high), share: percent(overlap) },
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
  const overlap =
    shares.length > 0
      ? `, ${t("which cover {share} of it themselves", { share: percent(mean) })}`
      : "";
  return [
    h("i", { class: "zf-key zf-key-clean" }),
    `${t("activation")} `,
    h("i", { class: "zf-key zf-key-under" }),
    `${t("with exactly its receptive field covered ({baseline})", { baseline })} `,
    h("i", { class: "zf-key zf-key-control" }),
    `${t("with random patches of that size covered: mean and range")}${overlap}. ${t("If the patch is what the unit responds to, only its own cover takes the activation away. The photo shows where the channel's maximum went.")}${partial ? ` ${t("Still computing.")}` : ""}`,
  ];
}
