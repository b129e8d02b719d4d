/** Two maps over one photo, left and right of a divider: another map of the pass, or a kept one. */

import { t } from "../../lib/language/translate";
import { baselineText } from "../../lib/occlusion/baselines";
import { type Grids, KINDS, type MapKind, ORDER } from "../../lib/occlusion/map_kinds";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { extent } from "../../lib/page/format";
import type { Key } from "../../lib/wire/protocol";
import { type Fold, fold } from "../shared/fold";
import type { HeatMap, Overlay } from "./heatmap";
import type { Shown } from "./map_layer";

const MOST_KEPT = 4;

export class Compare {
  readonly fold: Fold = fold("compare", t("Compare two maps"));
  readonly divider = h("div", {
    class: "zf-divider",
    role: "slider",
    tabindex: 0,
    "aria-label": t("Divider between the two maps"),
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    hidden: true,
  });
  /** "": none; the name of a map; or "kept:" and the number of a kept one. */
  private choice = "";
  private kept: { name: string; grids: Grids }[] = [];
  private split = 50;
  private readonly select = h("select", {
    class: "zf-select",
    "aria-label": t("Map right of the divider"),
  });
  private readonly keep = buttonOf(t("Keep this map"), {
    title: t("Remember this map, to compare it with that of another occluder"),
  });

  constructor(
    private readonly stage: HTMLElement,
    private readonly heat: HeatMap,
    private readonly overlay: () => Overlay,
    private readonly changed: () => void,
    signal: AbortSignal,
  ) {
    this.fold.body.append(
      h("div", { class: "zf-controls" }, this.select, this.keep),
      h(
        "p",
        { class: "zf-hint" },
        t(
          "Left of the divider the map that is chosen above, right of it this one: another map of the same pass, or one that you kept. Two of one kind share a scale.",
        ),
      ),
    );
    stage.append(this.divider);
    heat.other = (now) => this.right(now);
    this.select.addEventListener("change", () => {
      this.choice = this.select.value;
      this.changed();
      this.update();
    });
    this.keep.addEventListener("click", () => this.keepNow());
    this.listen(signal);
    this.update();
  }

  /** Another photo: maps that were kept are of the one before. */
  forget(): void {
    this.kept = [];
    if (this.choice.startsWith("kept:")) this.choice = "";
    this.update();
  }

  /** The choices follow what there is. */
  update(): void {
    const overlay = this.overlay();
    const { grids } = this.heat;
    const maps = ORDER.filter((kind) => kind !== overlay && grids?.has(kind));
    const options: [string, string][] = [
      ["", t("nothing")],
      ...maps.map((kind): [string, string] => [kind, t(KINDS[kind].name)]),
      ...this.kept.map(({ name }, i): [string, string] => [
        `kept:${i}`,
        t("kept: {name}", { name }),
      ]),
    ];
    // A choice that isn't possible right now, as the map is on its way, stays chosen.
    if (!options.some(([value]) => value === this.choice)) {
      if (this.choice === overlay) this.choice = "";
      else options.push([this.choice, t(KINDS[this.choice as MapKind]?.name ?? this.choice)]);
    }
    const text = JSON.stringify(options);
    if (this.select.dataset.options !== text) {
      this.select.dataset.options = text;
      this.select.replaceChildren(...options.map(([value, name]) => h("option", { value }, name)));
    }
    this.select.value = this.choice;
    this.keep.disabled = !this.heat.visible;
    const on = this.choice !== "" && this.heat.visible && !this.heat.right.canvas.hidden;
    this.divider.hidden = !on;
    this.stage.classList.toggle("zf-comparing", on);
    const chosen = options.find(([value]) => value === this.choice);
    this.fold.says(this.choice ? `with ${chosen?.[1]}` : "");
    this.move(this.split);
  }

  private right(now: Grids): Shown | null {
    const { choice } = this;
    if (choice === "") return null;
    const overlay = this.overlay();
    if (!choice.startsWith("kept:")) {
      return choice === overlay ? null : { grids: now, kind: choice as MapKind, about: "" };
    }
    const kept = this.kept[Number(choice.slice(5))];
    if (!kept || overlay === "none") return null;
    return { grids: kept.grids, kind: overlay, about: kept.name };
  }

  private keepNow(): void {
    const { grids } = this.heat;
    if (!grids) return;
    const name = nameOf(grids.key, grids);
    this.kept = [...this.kept.filter((one) => one.name !== name), { name, grids }].slice(
      -MOST_KEPT,
    );
    this.choice = `kept:${this.kept.length - 1}`;
    this.changed();
    this.update();
    announce(this.stage, t("Kept: {name}", { name }));
  }

  private move(percent: number): void {
    this.split = Math.min(Math.max(percent, 0), 100);
    this.stage.style.setProperty("--zf-split", `${this.split}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.split)));
    this.divider.setAttribute(
      "aria-valuetext",
      t("{n} % from the left", { n: Math.round(this.split) }),
    );
  }

  private listen(signal: AbortSignal): void {
    const { divider, stage } = this;
    let dragging = false;
    divider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragging = true;
      divider.setPointerCapture(event.pointerId);
      divider.focus({ preventScroll: true });
      // The photo below would put the occluder here.
      event.stopPropagation();
      event.preventDefault();
    });
    divider.addEventListener(
      "pointermove",
      (event) => {
        if (!dragging) return;
        const area = stage.getBoundingClientRect();
        this.move(((event.clientX - area.left) / (area.width || 1)) * 100);
        event.stopPropagation();
      },
      { signal },
    );
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      divider.addEventListener(end, () => {
        dragging = false;
      });
    }
    divider.addEventListener("keydown", (event) => {
      const steps: Record<string, number> = {
        ArrowLeft: this.split - 2,
        ArrowDown: this.split - 2,
        ArrowRight: this.split + 2,
        ArrowUp: this.split + 2,
        PageDown: this.split - 10,
        PageUp: this.split + 10,
        Home: 0,
        End: 100,
      };
      const next = steps[event.key];
      if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      this.move(next);
      event.preventDefault();
      event.stopPropagation();
    });
  }
}

/** What tells a pass from others over the same photo. */
function nameOf({ baseline, mask, extra_boxes }: Key<"occlusion">, { data }: Grids): string {
  const held = extra_boxes.length;
  const more = [mask !== null && t("shaped"), held > 0 && t("{n} held", { n: held })];
  return [
    baselineText(baseline).name,
    `${extent(data.size)} px`,
    t("stride {size}", { size: data.stride[0] }),
    ...more.filter(Boolean),
  ].join(", ");
}
