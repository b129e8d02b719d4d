/** In what order channels stand in the strip. */

import { msg, t } from "../../lib/language/translate";
import { number, percent } from "../../lib/page/format";

export interface ChannelStats {
  mean: Float32Array;
  silent: Float32Array;
  strongest: Float32Array;
  image: Int32Array;
  /** How alike the photos of the nine are, and how suspicious their places: asked for to sort. */
  readable?: Float32Array;
  suspicious?: Float32Array;
}

export const SORTS = [
  ["index", msg("sort: index")],
  ["mean", msg("sort: mean")],
  ["strongest", msg("sort: strongest")],
  ["silent", msg("sort: silent")],
  ["readable", msg("sort: readable")],
  ["suspicious", msg("sort: suspicious")],
] as const;

export type Sort = (typeof SORTS)[number][0];

/** Channels, largest first (by index: in order); ties keep the order of the index. */
export function order(count: number, sort: Sort, stats: ChannelStats | null): number[] {
  const channels = Array.from({ length: count }, (_, i) => i);
  if (sort === "index" || !stats) return channels;
  const values = stats[sort];
  const value = (channel: number) => {
    const known = values?.[channel] ?? Number.NaN;
    return Number.isNaN(known) ? -Number.MAX_VALUE : known;
  };
  return channels.sort((a, b) => value(b) - value(a) || a - b);
}

/** A channel that no image excites. */
export function isDead(stats: ChannelStats | null, channel: number): boolean {
  return (stats?.silent[channel] ?? 0) >= 1;
}

/** Sorts whose values aren't among the statistics, but asked for. */
export function asked(sort: Sort): sort is "readable" | "suspicious" {
  return sort === "readable" || sort === "suspicious";
}

/** What the order means, where it must be said. */
export function sortText(sort: Sort, features: string): string | null {
  if (sort === "readable") {
    return t(
      "First the channels whose nine strongest photos are most alike to the network (cosine of their features in {layer}; 0: as any two photos). Its likeness needn't be yours.",
      { layer: features },
    );
  }
  if (sort === "suspicious") {
    return t(
      "First the channels whose nine units lie most improbably at one place, or at the border, if all places were as likely: look whether it is the place that counts, a frame, a watermark.",
    );
  }
  return null;
}

/** What a channel is sorted by, where only this sort knows. */
export function valueText(
  sort: Sort,
  orders: Pick<ChannelStats, "readable" | "suspicious">,
  channel: number,
): string[] {
  const value = asked(sort) ? orders[sort]?.[channel] : undefined;
  if (value === undefined) return [];
  if (Number.isNaN(value)) {
    return [
      sort === "readable"
        ? t("readable: too little is known")
        : t("suspicious: too little is known"),
    ];
  }
  if (sort === "readable") return [t("photos alike {value}", { value: number(value) })];
  return [t("such places by chance {share}", { share: percent(10 ** -value) })];
}
