/** What the pictures of a panel of patches are, and how they were made. */

import { decimal, msg, t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";
import { number } from "../../lib/page/format";
import { gradient } from "../../lib/pictures/colour";
import { LUMINANCE } from "../../lib/pictures/colour_tables";
import type { Layer, RuleInfo, TopActivation } from "../../lib/wire/protocol";
import type { Layout, Values } from "./patch_cell";

/** How they are shown right now. */
export interface Told {
  layout: Layout;
  values: Values;
  /** Whether all are on one scale. */
  one: boolean;
  /** Whether they are of the whole receptive field. */
  whole: boolean;
  /** Side of the square on which they are shown, in pixels. */
  side: number | null;
  /** The end of the scale that all share. */
  common: number | null;
  /** The ends of their own scales. */
  own: readonly number[];
  /** The percentile at which scales end. */
  clippedAt: number | null;
  /** What is to be said of their colour. */
  colour: string;
}

const weights = () =>
  [t("red"), t("green"), t("blue")]
    .map((colour, i) => `${decimal(String(LUMINANCE[i]))} ${colour}`)
    .join(" + ");
const AROUND = "linear-gradient(to right,#000,#808080,#fff)";
const BARS: Record<Values, () => string> = {
  brightness: () => AROUND,
  colour: () => AROUND,
  positive: () => "linear-gradient(to right,#000,#fff)",
  magnitude: () => gradient("magma"),
};
const WHAT: Record<Values, string> = {
  brightness: msg("light and dark strokes; grey is nothing"),
  colour: msg("colours lighter or darker than grey; grey is nothing"),
  positive: msg("what is above zero, in colour; black is nothing"),
  magnitude: msg("how strongly, whatever the sign; black is nothing"),
};

/** What they are, in a sentence; the rest is said by `reading`. */
export function pictures({ layout, values, whole, one, common, colour }: Told): (Node | string)[] {
  const seen = whole
    ? t("all of the photo that the channel can see there")
    : t("the part of the photo that counts");
  if (layout === "patches") return [t("Each picture: {seen}.", { seen })];
  if (layout === "revealed") return [t("The photo, visible where it drives the channel.")];
  const end = one && common !== null ? number(common) : null;
  const signed = values === "brightness" || values === "colour";
  const left =
    layout === "both" ? `${t("Left: {seen}. Right:", { seen })} ` : `${t("Each picture:")} `;
  const scaled = one ? t("all on one scale") : t("each on its own scale");
  return [
    `${left}${t("what in it drives the channel ({what})", { what: t(WHAT[values]) })}, ${scaled}. ${colour}`,
    signed && end === null
      ? legend(BARS[values](), t("darker"), t("lighter"))
      : legend(BARS[values](), signed ? `−${end}` : "0", `+${end ?? ""}`),
    ` ${t("Numbers: how strongly it fires.")}`,
  ];
}

/** What nine units at one edge of their photos may mean; nothing where they aren't. */
export function edgeText(units: readonly TopActivation[], layer: Layer | null): string {
  if (!layer || units.length < 9 || Math.min(layer.rows, layer.columns) < 4) return "";
  const edges = [
    units.every(({ row }) => row === 0),
    units.every(({ col }) => col === 0),
    units.every(({ row }) => row === layer.rows - 1),
    units.every(({ col }) => col === layer.columns - 1),
  ];
  return edges.includes(true)
    ? ` ${t("All nine lie at the same edge of their photos: the edge may be what the channel responds to.")}`
    : "";
}

/** What was done to get there. */
export function reading({ values, whole, side, own, one, clippedAt }: Told, of: RuleInfo): Node[] {
  const clipped =
    clippedAt !== null
      ? t("the {n}th percentile", { n: number(clippedAt) })
      : t("a high percentile");
  const [low, high] = [number(Math.min(...own)), number(Math.max(...own))];
  const range =
    one || own.length === 0 ? "" : low === high ? low : t("{low} to {high}", { low, high });
  const texts = [
    of.answers,
    whole
      ? t("Pictures show the whole receptive field, moved into the photo.")
      : side === null
        ? t(
            "Pictures show the square around each unit's middle that holds 95 % of the energy of the nine projections, moved into the photo.",
          )
        : t(
            "Pictures show the square around each unit's middle that holds 95 % of the energy of the nine projections ({n} pixels wide), moved into the photo.",
            { n: side },
          ),
    values === "brightness"
      ? t("Brightness is {weights} of the signed values, as in grey photos.", {
          weights: weights(),
        })
      : "",
    `${t("Scales end at {percentile} of what isn't zero", { percentile: clipped })}${range && `, ${t("here at {range}", { range })}`}. ${t("Strides may leave a checkerboard: that is the method.")}`,
  ];
  return [h("h4", {}, t(of.title)), ...texts.map((text) => h("p", {}, text))];
}

/** A scale's colours between its ends, with a mark where it is zero, as a share of its length. */
export function legend(
  background: string,
  low: string,
  high: string,
  zero: number | null = null,
): HTMLElement {
  const mark = zero !== null && h("b", { style: `left:${100 * zero}%` });
  return h(
    "span",
    { class: "zf-legend" },
    low,
    h("i", { style: `background-image:${background}`, "aria-hidden": "true" }, mark),
    high,
  );
}
