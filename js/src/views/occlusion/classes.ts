/** The most probable classes, without and under the occluder. */

import { msg, t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { percent, short } from "../../lib/page/format";
import { floats } from "../../lib/wire/codec";
import { latest } from "../../lib/wire/latest";
import { type Catalogue, PRIORITY } from "../../lib/wire/protocol";
import { Panel } from "../shared/status";
import { renewable, type View } from "../shared/view";

const TOP = 5;
/** Rows on screen: always as many, so that nothing moves under a dragged occluder. */
const ROWS = TOP + 1;
const NO_NUMBERS = msg(
  "For this photo the network's class scores are NaN or infinite: there are no probabilities.",
);

/** Indices of the k largest, largest first, ties in order. */
export function topClasses(probabilities: Float32Array, k = TOP): number[] {
  return Array.from(probabilities.keys())
    .sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number) || a - b)
    .slice(0, k);
}

/**
 * As many classes whatever the occluder does: the clean top five, of which the target and what the
 * occluder brings to the top take the last places, then the next most probable under the occluder.
 */
export function shownClasses(
  clean: Float32Array,
  occluded: Float32Array | null,
  target: number | null,
): number[] {
  const first = topClasses(clean);
  const winner = occluded ? topClasses(occluded, 1)[0] : undefined;
  const extra = [winner, target].filter(
    (index): index is number => index !== undefined && index !== null && !first.includes(index),
  );
  const last = [...new Set(extra)];
  const known = [...first.slice(0, ROWS - Math.max(1, last.length)), ...last];
  // A report doesn't hold every class under an occluder: the others come as -∞.
  const under = occluded ? topClasses(occluded, ROWS).filter((i) => (occluded[i] ?? 0) >= 0) : [];
  return [...new Set([...known, ...under, ...topClasses(clean, ROWS)])].slice(0, ROWS);
}

class Row {
  readonly element: HTMLButtonElement;
  private readonly clean = h("i", { class: "zf-bar zf-bar-clean" });
  private readonly under = h("i", { class: "zf-bar zf-bar-under" });
  private readonly numbers = h("span", { class: "zf-class-numbers" });

  constructor(
    readonly index: number,
    readonly label: string,
  ) {
    this.element = h(
      "button",
      { type: "button", class: "zf-class", "data-class": index, title: label },
      h("span", { class: "zf-class-name" }, short(label)),
      h("span", { class: "zf-bars", "aria-hidden": "true" }, this.clean, this.under),
      this.numbers,
    );
  }

  show(clean: number, under: number | null, target: boolean): void {
    this.clean.style.transform = `scaleX(${clean})`;
    this.under.style.transform = `scaleX(${Number.isFinite(under) ? under : 0})`;
    const after = Number.isNaN(under) ? t("no number") : percent(under ?? 0);
    const change = under === null ? "" : ` → ${after}`;
    this.numbers.textContent = `${percent(clean)}${change}`;
    this.element.setAttribute("aria-pressed", String(target));
  }
}

export const classes: View = (el, selection, source, signal) => {
  const panel = new Panel(el, "classes", t("Classes"), source, signal);
  const list = h("div", { class: "zf-class-list", role: "group", "aria-label": t("Classes") });
  panel.body.append(list);
  panel.explain(
    h("i", { class: "zf-key zf-key-clean" }),
    `${t("as it is")} `,
    h("i", { class: "zf-key zf-key-under" }),
    t("with the occluder. Click a class to ask about it."),
  );

  const renew = renewable(signal);
  const rows = new Map<number, Row>();
  let catalogue: Catalogue | null = null;
  let clean: Float32Array | null = null;
  let under: Float32Array | null = null;
  let photo: number | null = null;
  let current = signal;

  const draw = () => {
    if (!clean || !catalogue) return list.replaceChildren();
    if (!clean.every(Number.isFinite)) return list.replaceChildren(h("p", {}, t(NO_NUMBERS)));
    const target = selection.get("target") ?? topClasses(clean, 1)[0] ?? null;
    const shown = shownClasses(clean, under, target).map((index) => {
      const row =
        rows.get(index) ??
        new Row(index, catalogue?.classes[index] ?? t("class {n}", { n: index }));
      rows.set(index, row);
      row.show(clean?.[index] ?? 0, under?.[index] ?? null, index === target);
      return row.element;
    });
    const there = [...list.children];
    // Moving a focused button would take its focus away.
    if (shown.length !== there.length || shown.some((element, i) => element !== there[i])) {
      for (const element of there) if (!shown.includes(element as never)) element.remove();
      shown.forEach((element, i) => {
        if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
      });
    }
    list.dataset.photo = String(photo);
  };

  /** One request at a time: the bars show as many true answers as the kernel can give. */
  const predictUnder = latest(async (key: { image: number; priority: number }) => {
    const occluder = selection.get("occluder");
    if (catalogue?.no_classes) return;
    if (key.image !== photo || !occluder || current.aborted) return;
    const options = { priority: key.priority, signal: current };
    const asked = { image: key.image, occluder };
    const known = await panel.load("predict", asked, "under", options, ({ buffers }) => {
      if (key.image !== photo) return;
      under = floats(buffers[0]);
      draw();
    });
    // The bars of another place don't stay once nobody tells those of this one.
    if (known || key.image !== photo || selection.get("occluder") !== occluder) return;
    under = null;
    draw();
  });

  const open = () => {
    photo = selection.get("photo");
    if (catalogue?.no_classes) return;
    current = renew();
    clean = under = null;
    draw();
    if (photo === null) return;
    const image = photo;
    // A photo that follows a channel comes while the channel's projections are under way.
    const priority = PRIORITY.projections;
    const options = { priority, signal: current };
    void panel.load("predict", { image, occluder: null }, "clean", options, ({ buffers }) => {
      clean = floats(buffers[0]);
      draw();
    });
    predictUnder({ image, priority });
  };

  list.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>(".zf-class");
    if (!button || !catalogue) return;
    const index = Number(button.dataset.class);
    const again = selection.get("target") === index;
    selection.set("target", again ? null : index);
    const name = catalogue.classes[index] ?? "";
    announce(el, again ? t("Target: the predicted class") : t("Target: {name}", { name }));
  });
  selection.subscribe("photo", open, signal);
  selection.subscribe("target", draw, signal);
  const moved = () => {
    if (photo !== null) predictUnder({ image: photo, priority: PRIORITY.interaction });
  };
  selection.subscribe("occluder", moved, signal);
  panel.catalogue((answer) => {
    catalogue = answer;
    list.hidden = answer.no_classes !== "";
    if (answer.no_classes) panel.explain(t("No class scores: {why}", { why: answer.no_classes }));
    else open();
  });
};
