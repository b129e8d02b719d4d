/** The map as a file: a picture as painted, the numbers as NumPy has them, all maps as a table. */

import { t } from "../../lib/language/translate";
import { type Grids, type MapKind, type Names, ORDER } from "../../lib/occlusion/map_kinds";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { csv, download, npy } from "../../lib/page/files";
import { clip } from "../../lib/pictures/boxes";
import { coloursOf, cssColour } from "../../lib/pictures/colour";
import type { Pair } from "../../lib/wire/protocol";
import { popoverButton } from "../shared/popover";
import type { Legend } from "./map_layer";

/** What is on screen right now. */
interface Screen {
  stage: HTMLElement;
  /** Size of the photo, in input pixels. */
  extent: Pair;
  photo: HTMLCanvasElement;
  grids: Grids | null;
  kind: MapKind | null;
  legends: readonly Legend[];
  note: string;
  name: string;
}

export function exportMenu(screen: () => Screen, names: Names): HTMLButtonElement {
  const button = popoverButton(t("Export"), t("Export the map"), "zf-button", () => {
    const { grids, kind } = screen();
    if (!grids || !kind) return [t("There is no map on screen to export.")];
    const item = (
      text: string,
      about: string,
      make: () => [Blob, string] | Promise<[Blob, string]>,
    ) =>
      h(
        "button",
        {
          type: "button",
          class: "zf-menu-item",
          onclick: async () => {
            const [blob, name] = await make();
            download(blob, name);
            announce(button, t("Saved as {name}", { name }));
          },
        },
        h("b", {}, text),
        h("span", { class: "zf-dim" }, about),
      );
    return [
      h("h4", {}, t("Export the map")),
      item("PNG", t("photo, map and legend as painted"), async () => {
        const now = screen();
        return [await picture(now), fileName(now, "png")];
      }),
      item("NumPy", t("the values of this map (not their change), .npy"), () => {
        const now = screen();
        return [array(now.grids as Grids, now.kind as MapKind), fileName(now, "npy")];
      }),
      item(t("Table"), t("all maps, one line a position, .csv"), () => {
        const now = screen();
        const text = table(now.grids as Grids, now.extent, names);
        return [new Blob([text], { type: "text/csv" }), fileName({ ...now, kind: null }, "csv")];
      }),
    ];
  });
  return button;
}

function fileName({ name, kind }: Screen, ending: string): string {
  const photo = name.replace(/\.[^.]*$/, "").replace(/[^\w-]+/g, "_");
  return `${photo || "photo"}-occlusion${kind ? `-${kind}` : ""}.${ending}`;
}

function array(grids: Grids, kind: MapKind): Blob {
  return npy(kind === "predicted" ? grids.predicted : grids.values(kind), grids.grid);
}

/** A line a position: where the occluder was, and what every map of the pass says. */
export function table(grids: Grids, [height, width]: Pair, names: Names): string {
  const kinds = ORDER.filter((kind) => grids.has(kind));
  const labels = kinds.includes("predicted");
  const [rows, columns] = grids.grid;
  const lines = Array.from({ length: rows * columns }, (_, at) => {
    const cell: Pair = [Math.floor(at / columns), at % columns];
    const box = clip(grids.box(cell), height, width);
    const values = kinds.map((kind) => grids.at(kind, at));
    const label = grids.predicted[at] ?? -1;
    const name = labels ? [label < 0 ? null : names.label(label)] : [];
    return [...cell, box.top, box.left, box.height, box.width, ...values, ...name];
  });
  const header = ["row", "col", "top", "left", "height", "width", ...kinds];
  return csv(labels ? [...header, "label"] : header, lines);
}

const MARGIN = 12;
const LINE = 16;

/** Photo, maps with their divider, held rectangles and pins, and the legend below. */
async function picture(screen: Screen): Promise<Blob> {
  const { stage, photo, legends, note } = screen;
  const scale = globalThis.devicePixelRatio || 1;
  const area = stage.getBoundingClientRect();
  const style = getComputedStyle(stage);
  const whole = getComputedStyle(root(stage));
  const bg = whole.backgroundColor;
  const ink = { fg: style.color, under: whole.getPropertyValue("--zf-under-tint") };
  const width = Math.max(area.width, 280);
  const measure = new OffscreenCanvas(1, 1).getContext("2d") as OffscreenCanvasRenderingContext2D;
  measure.font = font(11);
  const text = wrap(measure, note, width);
  const legendHeight = legends.reduce((sum, one) => sum + heightOf(measure, one, width), 0);
  const height = area.height + 8 + legendHeight + text.length * LINE + 2 * MARGIN;
  const canvas = new OffscreenCanvas((width + 2 * MARGIN) * scale, height * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser offers no 2D canvas.");
  context.scale(scale, scale);
  context.fillStyle = bg;
  context.fillRect(0, 0, width + 2 * MARGIN, height);
  context.translate(MARGIN, MARGIN);

  context.save();
  context.beginPath();
  context.rect(0, 0, area.width, area.height);
  context.clip();
  context.drawImage(photo, 0, 0, area.width, area.height);
  for (const heat of stage.querySelectorAll<HTMLCanvasElement>("canvas.zf-heat")) {
    if (heat.hidden) continue;
    context.save();
    clipSide(context, stage, heat, area);
    const place = heat.getBoundingClientRect();
    context.globalAlpha = Number(heat.style.opacity || 1);
    context.imageSmoothingEnabled = false;
    const at = [place.left - area.left, place.top - area.top] as const;
    context.drawImage(heat, ...at, place.width, place.height);
    context.restore();
  }
  for (const mark of stage.querySelectorAll<HTMLElement>(".zf-pin")) {
    const place = mark.getBoundingClientRect();
    const [x, y] = [
      place.left - area.left + place.width / 2,
      place.top - area.top + place.height / 2,
    ];
    dot(context, x, y, mark.textContent ?? "");
  }
  context.restore();

  context.translate(0, area.height + 8);
  context.textBaseline = "top";
  for (const one of legends) drawLegend(context, one, width, ink);
  context.fillStyle = ink.fg;
  context.font = font(11);
  for (const line of text) {
    context.fillText(line, 0, 0);
    context.translate(0, LINE);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

function root(stage: HTMLElement): Element {
  return stage.closest(".zf-root") ?? stage;
}

function font(size: number): string {
  return `${size}px system-ui, sans-serif`;
}

function clipSide(
  context: OffscreenCanvasRenderingContext2D,
  stage: HTMLElement,
  heat: HTMLElement,
  area: DOMRect,
): void {
  if (!stage.classList.contains("zf-comparing")) return;
  const split = (Number.parseFloat(stage.style.getPropertyValue("--zf-split")) / 100) * area.width;
  const left = heat.closest(".zf-heat-left") !== null;
  context.beginPath();
  context.rect(left ? 0 : split, 0, left ? split : area.width - split, area.height);
  context.clip();
}

function dot(context: OffscreenCanvasRenderingContext2D, x: number, y: number, text: string): void {
  context.fillStyle = "#fff";
  context.strokeStyle = "#000";
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = "#000";
  context.font = font(10);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + 0.5);
  context.textAlign = "start";
}

function wrap(context: OffscreenCanvasRenderingContext2D, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && context.measureText(longer).width > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line ? [...lines, line] : lines;
}

function rowsOf(context: OffscreenCanvasRenderingContext2D, one: Legend, width: number): string[] {
  return wrap(context, one.side ? `${one.side}: ${one.title}` : one.title, width);
}

function heightOf(context: OffscreenCanvasRenderingContext2D, one: Legend, width: number): number {
  const labels = one.labels.length + (one.more > 0 ? 1 : 0);
  return (rowsOf(context, one, width).length + (one.scale ? 1 : 0) + labels) * LINE + 4;
}

function drawLegend(
  context: OffscreenCanvasRenderingContext2D,
  one: Legend,
  width: number,
  /** Colours of words, and of what lies under a tint. */
  { fg, under }: { fg: string; under: string },
): void {
  context.font = font(11);
  const line = (text: string, x = 0) => {
    context.fillStyle = fg;
    context.fillText(text, x, 0);
  };
  for (const row of rowsOf(context, one, width)) {
    line(row);
    context.translate(0, LINE);
  }
  if (one.scale) {
    const { colours, part, low, high, clean } = one.scale;
    line(low);
    const from = context.measureText(low).width + 6;
    context.fillStyle = under;
    context.fillRect(from, 2, 96, 8);
    coloursOf(colours, part, 128).forEach((colour, i) => {
      context.fillStyle = cssColour(colour);
      context.fillRect(from + i * 0.75, 2, 0.75, 8);
    });
    line(high, from + 102);
    line(clean, from + 102 + context.measureText(high).width + 16);
    context.translate(0, LINE);
  }
  for (const { text, colour: swatch } of one.labels) {
    context.fillStyle = `rgb(${swatch.join(",")})`;
    context.fillRect(0, 1, 9, 9);
    line(text, 14);
    context.translate(0, LINE);
  }
  if (one.more > 0) {
    line(t("and {n} more in grey", { n: one.more }), 14);
    context.translate(0, LINE);
  }
  context.translate(0, 4);
}
