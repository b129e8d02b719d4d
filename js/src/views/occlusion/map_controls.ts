/** Which map of the pass is shown, and how: its choice, colours, opacity, feature map and stride. */

import { msg, t } from "../../lib/language/translate";
import { KINDS, type MapKind, ORDER } from "../../lib/occlusion/map_kinds";
import { h, select } from "../../lib/page/dom";
import type { Pair } from "../../lib/wire/protocol";
import { choice, type OptionStore } from "../shared/view";
import { COLOURS, type Look, OVERLAYS, type Overlay } from "./heatmap";

const STRIDES = [32, 16, 8, 4] as const;
/** Which feature map of the layer: its strongest on this photo, or the one that is chosen. */
const FEATURE_MAPS = [
  ["strongest", msg("strongest here")],
  ["chosen", msg("the chosen channel")],
] as const;

export interface Changes {
  /** Another map, or other colours of it. */
  restyled(): void;
  /** The same pixels, more or less of them. */
  faded(): void;
  /** Another pass, or another feature map of it. */
  asked(): void;
}

export class MapControls {
  readonly rows: HTMLElement[];
  readonly strides: HTMLSelectElement;
  stride: number;
  /** Whether it is the chosen channel's rather than the layer's strongest. */
  chosen = false;
  private classless = false;
  private readonly maps: HTMLSelectElement;
  private readonly colours: HTMLSelectElement;
  private readonly opacity: HTMLInputElement;
  private readonly feature: HTMLSelectElement;

  constructor(
    private readonly look: Look,
    options: OptionStore,
    private readonly changes: Changes,
    signal: AbortSignal,
  ) {
    this.stride = options.get("stride") ?? 8;
    this.maps = mapChoice((overlay) => options.set("overlay", overlay));
    this.colours = select(t("Colours of the map"), COLOURS, look.colours, (value) =>
      options.set("colours", value),
    );
    const opacity = h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.05,
      value: look.opacity,
      "aria-label": t("Opacity of the map"),
      title: t("Opacity of the map"),
      oninput: () => options.set("opacity", Number(opacity.value)),
    });
    this.opacity = opacity;
    this.feature = select(t("Which feature map"), FEATURE_MAPS, "strongest", (value) => {
      this.chosen = value === "chosen";
      changes.asked();
    });
    this.strides = select(
      t("Stride: input pixels between positions"),
      STRIDES.map(strideOption),
      String(this.stride),
      (value) => options.set("stride", Number(value)),
    );
    this.offer(this.stride);
    this.strides.dataset.zfNeedsKernel = "";
    const row = (...children: HTMLElement[]) => h("div", { class: "zf-controls" }, ...children);
    const faded = h("label", { class: "zf-label" }, t("Opacity"), opacity);
    this.rows = [row(this.maps, this.colours), row(faded, this.feature)];
    this.enable();
    this.follow(options, signal);
  }

  /** What is set here, in another view or from Python is shown. */
  private follow(options: OptionStore, signal: AbortSignal): void {
    const { look, changes } = this;
    const overlay = () => {
      const wanted = choice<Overlay>(options.get("overlay"), OVERLAYS);
      const there = wanted === "none" || KINDS[wanted].of !== "classes" || !this.classless;
      if (there && wanted !== look.overlay) this.show(wanted);
    };
    const colours = () => {
      look.colours = choice(options.get("colours"), COLOURS);
      this.colours.value = look.colours;
      changes.restyled();
    };
    const opacity = () => {
      look.opacity = options.get("opacity") ?? look.opacity;
      this.opacity.value = String(look.opacity);
      changes.faded();
    };
    const stride = () => {
      this.stride = options.get("stride") ?? this.stride;
      this.offer(this.stride);
      changes.asked();
    };
    options.subscribe("overlay", overlay, signal);
    options.subscribe("colours", colours, signal);
    options.subscribe("opacity", opacity, signal);
    options.subscribe("stride", stride, signal);
  }

  /** Choose a stride, which need not be one of the usual ones. */
  private offer(stride: number): void {
    const there = [...this.strides.options];
    if (!there.some(({ value }) => Number(value) === stride)) {
      const [value, text] = strideOption(stride);
      const smaller = there.find((option) => Number(option.value) < stride);
      this.strides.insertBefore(h("option", { value }, text), smaller ?? null);
    }
    this.strides.value = String(stride);
  }

  private show(overlay: Overlay): void {
    this.look.overlay = overlay;
    this.enable();
    this.changes.restyled();
  }

  private enable(): void {
    const { overlay } = this.look;
    this.maps.value = overlay;
    this.colours.disabled = overlay === "predicted" || overlay === "none";
    this.opacity.disabled = overlay === "none";
    this.feature.hidden = overlay === "none" || !KINDS[overlay].needs.includes("channel");
  }

  /** A step larger than the image is none. */
  fit(extent: Pair): void {
    for (const option of this.strides.options) {
      option.disabled = option.hidden = Number(option.value) > Math.min(...extent);
    }
  }

  /** Activations can be mapped without class scores; the legend says why nothing else can. */
  noClasses(why: string): void {
    this.classless = true;
    for (const option of this.maps.options) {
      const kind = option.value as Overlay;
      option.disabled = kind !== "none" && KINDS[kind].of === "classes";
      if (option.disabled) option.title = why;
    }
    const { overlay } = this.look;
    if (overlay !== "none" && KINDS[overlay].of === "classes") this.show("total");
  }
}

const strideOption = (stride: number) =>
  [String(stride), t("stride {size}", { size: stride })] as const;

/** The choice of a map: of class scores, of a layer, or none. */
function mapChoice(chosen: (value: Overlay) => void): HTMLSelectElement {
  const group = (of: "classes" | "layer", label: string) => {
    const kinds = ORDER.filter((kind: MapKind) => KINDS[kind].of === of);
    const options = kinds.map((kind) => h("option", { value: kind }, t(KINDS[kind].name)));
    return h("optgroup", { label }, ...options);
  };
  const element = select(t("Map"), [], "", chosen as (value: string) => void);
  element.append(
    group("classes", t("of class scores")),
    group("layer", t("of the chosen layer")),
    h("option", { value: "none" }, t("no map")),
  );
  return element;
}
