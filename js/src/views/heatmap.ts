/** An occlusion map over the photo: its cells, legend, and the value under the pointer or cursor. */

import { gridStep } from "../lib/a11y";
import { paintPicture } from "../lib/canvas";
import { floats, ints } from "../lib/codec";
import { gradient, lutOf, type MapName, type Rgb } from "../lib/colour";
import { h } from "../lib/dom";
import { number, percent, short } from "../lib/format";
import {
  cellAt,
  labelColours,
  occluderBox,
  paintLabels,
  paintValues,
  pair,
  range,
} from "../lib/occlusion_grid";
import type { Answer, Box, OcclusionData, Pair } from "../lib/protocol";
import { place } from "./occluder";
import { legend } from "./patches";

export const OVERLAYS = [
  ["probability", "class probability"],
  ["strongest", "strongest feature map"],
  ["label", "predicted label"],
  ["none", "no overlay"],
] as const;
export type Overlay = (typeof OVERLAYS)[number][0];

export const COLOURS = [
  ["viridis", "viridis"],
  ["magma", "magma"],
  ["diverging", "change from clean"],
] as const satisfies readonly (readonly [MapName, string])[];

export interface Look {
  overlay: Overlay;
  colours: MapName;
  opacity: number;
}

interface Grids {
  data: OcclusionData;
  probability: Float32Array;
  label: Int32Array;
  total: Float32Array;
}

/** What the colour scale spans: from zero, or evenly around the clean value. */
export function scaleOf(values: Float32Array, clean: number, around: boolean): [number, number] {
  const [low, high] = range(values);
  if (!around) return [Math.min(0, low), Math.max(high, clean) || 1];
  const reach = Math.max(clean - low, high - clean) || 1;
  return [clean - reach, clean + reach];
}

export class HeatMap {
  readonly canvas = h("canvas", { class: "zf-heat", hidden: true });
  readonly cursor = h("div", { class: "zf-cursor", hidden: true });
  readonly key = h("div", { class: "zf-heat-key" });
  readonly readout = h("div", { class: "zf-readout" });
  private grids: Grids | null = null;
  private extent: Pair = [1, 1];
  private cell: Pair = [0, 0];

  constructor(
    private readonly classes: () => string[],
    private readonly layer: () => string,
    private readonly look: () => Look,
  ) {
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-roledescription", "heat map");
    this.canvas.addEventListener("focus", () => this.read(this.cell));
    this.canvas.addEventListener("blur", () => this.leave());
  }

  get data(): OcclusionData | null {
    return this.grids?.data ?? null;
  }

  clear(): void {
    this.grids = null;
    this.draw();
    this.leave();
  }

  set(answer: Answer<"occlusion">, extent: Pair): void {
    const [probability, label, total] = answer.buffers;
    this.extent = extent;
    this.grids = {
      data: answer.data,
      probability: floats(probability),
      label: ints(label),
      total: floats(total),
    };
    this.draw();
  }

  draw(): void {
    const { overlay, colours, opacity } = this.look();
    const grids = this.grids;
    this.canvas.hidden = !grids || overlay === "none";
    this.key.replaceChildren();
    if (!grids || overlay === "none") return;
    const { data } = grids;
    const grid: Pair = [data.rows, data.columns];
    const stride = pair(data.stride);
    this.canvas.style.opacity = String(opacity);
    // Cells are whole blocks: the last ones may reach beyond the image, which cuts them.
    const area = { top: 0, left: 0, height: grid[0] * stride[0], width: grid[1] * stride[1] };
    place(this.canvas, area, this.extent);
    if (overlay === "label") {
      paintPicture(this.canvas, paintLabels(grids.label, grid));
      this.key.append(this.labels(grids.label));
    } else {
      const [values, clean] = this.values(grids, overlay);
      if (values.length === 0) {
        this.key.append("This map holds no feature maps yet.");
        return;
      }
      const scale = scaleOf(values, clean, colours === "diverging");
      paintPicture(this.canvas, paintValues(values, grid, lutOf(colours), scale));
      const text = overlay === "probability" ? percent : number;
      this.key.append(
        legend(gradient(colours), text(scale[0]), text(scale[1])),
        h("span", { class: "zf-dim" }, `without occluder ${text(clean)}`),
      );
    }
    this.canvas.classList.add("zf-pixelated");
    this.canvas.setAttribute("aria-label", `${this.explanation()} Arrow keys walk its cells.`);
  }

  private values(grids: Grids, overlay: Overlay): [Float32Array, number] {
    return overlay === "strongest"
      ? [grids.total, grids.data.clean_total ?? 0]
      : [grids.probability, grids.data.clean_probability];
  }

  private labels(labels: Int32Array): HTMLElement {
    const names = this.classes();
    const own = labelColours(labels);
    const shown = own.slice(0, 7);
    const swatch = ([r, g, b]: Rgb) => h("i", { style: `background:rgb(${r},${g},${b})` });
    return h(
      "ul",
      { class: "zf-label-key" },
      ...shown.map(({ label, share, colour }) =>
        h("li", {}, swatch(colour), `${short(names[label] ?? `class ${label}`)} ${percent(share)}`),
      ),
      own.length > shown.length && h("li", {}, `and ${own.length - shown.length} more in grey`),
    );
  }

  /** One line on what the cells mean. */
  explanation(): string {
    const { overlay } = this.look();
    const target = this.data ? (this.classes()[this.data.target] ?? "") : "";
    const of = target ? `“${short(target)}”` : "the target";
    switch (overlay) {
      case "probability":
        return `Cell = probability of ${of} when the occluder is centred there.`;
      case "strongest": {
        const channel = this.data?.channel;
        const which = channel === null || channel === undefined ? "" : ` (channel ${channel})`;
        return `Cell = summed activation of the strongest feature map of ${this.layer()}${which} when the occluder is centred there.`;
      }
      case "label":
        return "Cell = the most probable class when the occluder is centred there.";
      default:
        return "Drag the occluder: the bars show what the network thinks then.";
    }
  }

  /** The box that the occluder had for a cell, unclipped. */
  box([row, col]: Pair): Box | null {
    const { data } = this;
    return data && occluderBox(row, col, pair(data.size), pair(data.stride));
  }

  /** Point at the cell under an input pixel. */
  point(row: number, col: number): void {
    const { data } = this;
    if (!data || this.canvas.hidden) this.leave();
    else this.read(cellAt(row, col, pair(data.stride), [data.rows, data.columns]));
  }

  /** Move the cursor by a key; the cell's text, or null when the key isn't for us. */
  step(key: string): string | null {
    const { data } = this;
    if (!data) return null;
    const at = this.cell[0] * data.columns + this.cell[1];
    const next = gridStep(key, at, data.rows * data.columns, data.columns, 4);
    if (next === null) return null;
    return this.read([Math.floor(next / data.columns), next % data.columns]);
  }

  get cursorCell(): Pair {
    return this.cell;
  }

  leave(): void {
    this.cursor.hidden = true;
    this.readout.textContent = "";
  }

  private read(cell: Pair): string {
    const grids = this.grids;
    if (!grids || this.canvas.hidden) return "";
    this.cell = cell;
    const [row, col] = cell;
    const { data } = grids;
    const at = row * data.columns + col;
    const stride = pair(data.stride);
    const block = {
      top: row * stride[0],
      left: col * stride[1],
      height: stride[0],
      width: stride[1],
    };
    place(this.cursor, block, this.extent);
    this.cursor.hidden = false;
    const text = `cell ${row}, ${col}: ${this.valueText(grids, at)}`;
    this.readout.textContent = text;
    return text;
  }

  private valueText(grids: Grids, at: number): string {
    const label = grids.label[at] ?? -1;
    if (label < 0) return "not computed yet";
    const name = short(this.classes()[label] ?? `class ${label}`);
    const target = short(this.classes()[grids.data.target] ?? `class ${grids.data.target}`);
    const { overlay } = this.look();
    if (overlay === "label") return `${name}`;
    if (overlay === "strongest") return `total activation ${number(grids.total[at] ?? Number.NaN)}`;
    return `${target} ${percent(grids.probability[at] ?? Number.NaN)}, predicted ${name}`;
  }
}
