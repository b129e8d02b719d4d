/** What is said of a layer, in few words and in full. */

import { t } from "../../lib/language/translate";
import { fieldOf, type Range, rangesOf } from "../../lib/network/fields";
import { count, extent } from "../../lib/page/format";
import type { Field, Layer } from "../../lib/wire/protocol";

/** More ranges of channels than these aren't listed one by one, and so with names of layers. */
const MOST_LISTED = 8;

function sizeText({ reach, size }: Field): string {
  if (reach === "global") return t("whole image");
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
  if (ranges.length === 1) return t("receptive field {size}", { size: fieldText(layer) });
  if (ranges.length > MOST_LISTED)
    return t("receptive fields {sizes}, by channel", { sizes: fieldText(layer) });
  const of = ranges.map((range) => `${sizeText(range.field)} (${channelsText(range)})`);
  return t("receptive fields {sizes}", { sizes: of.join(", ") });
}

function channelsText({ first, last }: Range): string {
  return first === last
    ? t("channel {channel}", { channel: first })
    : t("channels {first} to {last}", { first, last });
}

/** How much of the photo a channel sees; nothing where all channels of the layer see as much. */
export function seesText(layer: Layer, channel: number): string {
  if (rangesOf(layer).length === 1) return "";
  const field = fieldOf(layer, channel);
  if (field.reach === "global") return t("sees the whole photo");
  const size = extent(field.size);
  return field.reach === "upper bound"
    ? t("sees at most {size} pixels", { size })
    : t("sees {size} pixels", { size });
}

/** Why channels of one layer see more or less of the photo; nothing where they don't. */
export function branchesText(layer: Layer): string {
  const ranges = rangesOf(layer);
  if (ranges.length === 1) return "";
  const each = ranges.map((range) => `${channelsText(range)}: ${sizeText(range.field)}`).join("; ");
  return t(
    "Channels of {layer} come from branches, and each sees as much of the photo as its own branch, in pixels: {sizes}.",
    { layer: layer.name, sizes: ranges.length > MOST_LISTED ? fieldText(layer) : each },
  );
}

/**
 * How much units see, short enough to stand below a layer: "31", "31×15", "whole"; where channels
 * differ, the least and the most: "15 – 31".
 */
export function reachText(layer: Layer): string {
  const area = ({ size }: Field) => size[0] * size[1];
  const fields = rangesOf(layer).map(({ field }) => field);
  fields.sort((a, b) => area(a) - area(b));
  const [least, most] = [shortText(fields[0] as Field), shortText(fields.at(-1) as Field)];
  return least === most ? least : `${least} – ${most}`;
}

function shortText({ size, reach }: Field): string {
  if (reach === "global") return t("whole");
  const bound = { exact: "", "upper bound": "≤ ", gated: "~ " }[reach];
  return `${bound}${size[0] === size[1] ? size[0] : extent(size)}`;
}

/** What a layer reads, where it is more than the one before it. */
function readsText({ parents, joined }: Layer): string {
  if (!parents || !joined) return "";
  const names = parents.map((name) => name || t("the image"));
  const listed = names.length > MOST_LISTED ? [count(names.length, "layer")] : names;
  const values = { layers: listed.join(", ") };
  switch (joined) {
    case "sum":
      return t("sum of {layers}", values);
    case "concatenation":
      return t("concatenation of {layers}", values);
    case "product":
      return t("product of {layers}", values);
    default:
      return t("reads {layers}", values);
  }
}

/** All of it, as tooltips and screen readers have it. */
export function layerText(layer: Layer): string {
  const { name, kind, channels, rows, columns, field } = layer;
  return [
    name,
    kind,
    t("{channels} of {size}", {
      channels: count(channels, "channel"),
      size: extent([rows, columns]),
    }),
    fieldsText(layer),
    t("stride {size}", { size: extent(field.stride) }),
    readsText(layer),
  ]
    .filter(Boolean)
    .join(" · ");
}
