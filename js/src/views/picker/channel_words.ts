/** What is said of a channel: how it fires, and what it sees. */

import { t, whole } from "../../lib/language/translate";
import { number, percent } from "../../lib/page/format";
import type { Layer, SoFar } from "../../lib/wire/protocol";
import type { ChannelStats } from "./channel_order";
import { seesText } from "./layer_words";

/** In how many photos a channel fires, of the share in which it is silent. */
function firesIn(silent: number): string {
  if (silent === 0) return t("fires in every photo");
  if (silent === 1) return t("fires in none");
  return t("fires in {share} of photos", { share: percent(1 - silent) });
}

/**
 * What the statistics say: what it sees, `values` of the order that is chosen, how it fires, and `lost`,
 * why its picture can't be shown. `soFar` is over how many images they are, while they grow.
 */
export function channelText(
  channel: number,
  stats: ChannelStats,
  layer: Layer | null,
  values: readonly string[],
  soFar: SoFar | null,
  lost = "",
): string {
  const silent = stats.silent[channel] ?? Number.NaN;
  const strongest = stats.strongest[channel] ?? Number.NaN;
  const fires = firesIn(silent);
  const fired = soFar ? t("{fires}, of {n} so far", { fires, n: whole(soFar.images) }) : fires;
  const parts = [
    t("channel {channel}", { channel }),
    layer ? seesText(layer, channel) : "",
    ...values,
    t("mean {value}", { value: number(stats.mean[channel] ?? Number.NaN) }),
    strongest > 0 ? t("strongest {value}", { value: number(strongest) }) : "", // only that is indexed
    lost,
    !soFar && silent >= 1 ? t("dead: fires in none of these photos") : fired,
  ];
  return parts.filter(Boolean).join(" · ");
}
