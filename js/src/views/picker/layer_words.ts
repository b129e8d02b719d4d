/** What is said of a layer, in few words and in full. */

import { fieldOf, type Range, rangesOf } from "../../lib/fields";
import { count, extent } from "../../lib/format";
import type { Field, Layer } from "../../lib/protocol";

/** More ranges of channels than these aren't listed one by one, and so with names of layers. */
const MOST_LISTED = 8;

function sizeText({ reach, size }: Field): string {
  if (reach === "global") return "whole image";
  const bound = { exact: "", "upper bound": "≤ ", gated: "~ " }[reach];
  return `${bound}${extent(size)}`;
}

/** The field of a layer's channels: one, or the smallest and the largest of several. */
export function fieldText(layer: Layer): string {
  const area = ({ size }: Field) => size[0] * size[1];
  const sizes = rangesOf(layer)
    .map(({ field }) => field)
    .sort((a, b) => area(a) - area(b))
    .map(sizeText);
  const [least, most] = [sizes[0] as string, sizes.at(-1) as string];
  return least === most ? least : `${least} – ${most}`;
}

/** The same in full: of which channels, where there are few ranges. */
export function fieldsText(layer: Layer): string {
  const ranges = rangesOf(layer);
  if (ranges.length === 1) return `receptive field ${fieldText(layer)}`;
  if (ranges.length > MOST_LISTED) return `receptive fields ${fieldText(layer)}, by channel`;
  const of = ranges.map((range) => `${sizeText(range.field)} (${channelsText(range)})`);
  return `receptive fields ${of.join(", ")}`;
}

function channelsText({ first, last }: Range): string {
  return first === last ? `channel ${first}` : `channels ${first} to ${last}`;
}

/** How much of the photo a channel sees; nothing where all channels of the layer see as much. */
export function seesText(layer: Layer, channel: number): string {
  if (rangesOf(layer).length === 1) return "";
  const field = fieldOf(layer, channel);
  if (field.reach === "global") return "sees the whole photo";
  const most = field.reach === "upper bound" ? "at most " : "";
  return `sees ${most}${extent(field.size)} pixels`;
}

/** Why channels of one layer see more or less of the photo; nothing where they don't. */
export function branchesText(layer: Layer): string {
  const ranges = rangesOf(layer);
  if (ranges.length === 1) return "";
  const start = `Channels of ${layer.name} come from branches, and each sees as much of the photo as its own branch`;
  if (ranges.length > MOST_LISTED) return `${start}: ${fieldText(layer)} pixels.`;
  const each = ranges.map((range) => `${channelsText(range)}: ${sizeText(range.field)} pixels`);
  return `${start}. ${each.join("; ")}.`;
}

/** How large the largest field is, short enough to stand below a layer: "≤ 31", "31×15", "all". */
export function reachText({ field }: Layer): string {
  const { size, reach } = field;
  if (reach === "global") return "whole";
  const bound = { exact: "", "upper bound": "≤ ", gated: "~ " }[reach];
  return `${bound}${size[0] === size[1] ? size[0] : extent(size)}`;
}

/** What a layer reads, where it is more than the one before it. */
function readsText({ parents, joined }: Layer): string {
  if (!parents || !joined) return "";
  const names = parents.map((name) => name || "the image");
  const listed = names.length > MOST_LISTED ? [`${names.length} layers`] : names;
  const start = { sum: "sum", concatenation: "concatenation", product: "product", other: "" };
  return start[joined] ? `${start[joined]} of ${listed.join(", ")}` : `reads ${listed.join(", ")}`;
}

/** All of it, as tooltips and screen readers have it. */
export function layerText(layer: Layer): string {
  const { name, kind, channels, rows, columns, field } = layer;
  return [
    name,
    kind,
    `${count(channels, "channel")} of ${extent([rows, columns])}`,
    fieldsText(layer),
    `stride ${extent(field.stride)}`,
    readsText(layer),
  ]
    .filter(Boolean)
    .join(" · ");
}
