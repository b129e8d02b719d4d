/** What says how the nine are shown: selects, switches and their keys, all of them options. */

import { msg, t } from "../../lib/language/translate";
import { ruleOf } from "../../lib/network/rules";
import { buttonOf, h, select } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import type { Catalogue } from "../../lib/wire/protocol";
import { choice, type OptionStore } from "../shared/view";
import { LAYOUTS, type Layout, type Values } from "./patch_cell";
import { CHOOSABLE, type Chosen, chosenValues, type OfColour, shownValues } from "./shown_values";

const SCALES = [
  ["own", msg("a scale each")],
  ["one", msg("one scale")],
] as const;
type Scales = (typeof SCALES)[number][0];

export class PatchControls {
  /** Layouts to choose from, in the panel's head. */
  readonly layouts: HTMLSelectElement;
  /** A line above the pictures; `more` stands at its end. */
  readonly how: HTMLElement;
  /** Whether most of the channel's signal is colour; not known before its projections come. */
  ofColour: OfColour | null = null;
  private readonly rules: HTMLSelectElement;
  private readonly valuesSelect: HTMLSelectElement;
  private readonly scales: HTMLSelectElement;
  private readonly flags: { name: "whole" | "pixels"; button: HTMLButtonElement }[];

  constructor(
    selection: SelectionStore,
    private readonly options: OptionStore,
    more: HTMLElement,
  ) {
    this.layouts = select(t("What to show"), LAYOUTS, this.layout, (value) =>
      options.set("patches", value),
    );
    this.layouts.title = t(
      "What to show. Key: R reveals each patch through its projection, and back",
    );
    this.rules = select(t("Rule of the projections"), [], "", (value: string) =>
      selection.set("rule", value),
    );
    this.valuesSelect = select(t("Values of the projections"), CHOOSABLE, this.chosen, (value) =>
      options.set("values", value),
    );
    this.scales = select(t("Scale of the projections"), SCALES, this.scale, (value) =>
      options.set("scale", value),
    );
    this.flags = [
      this.flag(
        "whole",
        t("Whole field"),
        t("Show all that the channel can see there, not only the part where its signal is. Key: W"),
      ),
      this.flag("pixels", t("Pixels"), t("Keep the pixels of enlarged pictures visible")),
    ];
    this.how = h(
      "div",
      { class: "zf-how" },
      this.rules,
      this.valuesSelect,
      this.scales,
      ...this.flags.map(({ button }) => button),
      more,
    );
  }

  get layout(): Layout {
    return choice<Layout>(this.options.get("patches"), LAYOUTS);
  }

  get chosen(): Chosen {
    return chosenValues(this.options.get("values"));
  }

  get values(): Values {
    return shownValues(this.chosen, this.ofColour);
  }

  private get scale(): Scales {
    return choice<Scales>(this.options.get("scale"), SCALES);
  }

  /** Whether all nine have one scale. */
  get one(): boolean {
    return this.scale === "one";
  }

  get whole(): boolean {
    return this.options.get("whole") === true;
  }

  get pixels(): boolean {
    return this.options.get("pixels") === true;
  }

  offer(catalogue: Catalogue): void {
    this.rules.replaceChildren(
      ...catalogue.rules.map((name) =>
        h("option", { value: name }, t(ruleOf(catalogue, name).title)),
      ),
    );
  }

  showRule(name: string): void {
    this.rules.value = name;
  }

  /** What has no bearing on what is shown can't be chosen. */
  draw(): void {
    const now = this.layout;
    this.valuesSelect.disabled = this.scales.disabled = now === "patches" || now === "revealed";
    this.rules.disabled = now === "patches";
  }

  /** Follow the options, whoever set them; `changed` is told. */
  follow(changed: () => void, signal: AbortSignal): void {
    const restyle = () => {
      this.layouts.value = this.layout;
      this.valuesSelect.value = this.chosen;
      this.scales.value = this.scale;
      for (const { name, button } of this.flags) {
        button.setAttribute("aria-pressed", String(this[name]));
      }
      changed();
    };
    for (const name of ["patches", "values", "scale", "whole", "pixels"] as const) {
      this.options.subscribe(name, restyle, signal);
    }
  }

  /** Whether a key was one of theirs. */
  key(name: string): boolean {
    if (name === "r") this.options.set("patches", this.layout === "revealed" ? "both" : "revealed");
    else if (name === "w") this.options.set("whole", !this.whole);
    else return false;
    return true;
  }

  private flag(name: "whole" | "pixels", text: string, title: string) {
    const button = buttonOf(text, {
      class: "zf-button zf-toggle",
      "aria-pressed": String(this[name]),
      title,
      onclick: () => this.options.set(name, !this.options.get(name)),
    });
    return { name, button };
  }
}
