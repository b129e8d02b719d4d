/** In what order channels stand in the strip. */

export interface ChannelStats {
  mean: Float32Array;
  silent: Float32Array;
  strongest: Float32Array;
  image: Int32Array;
}

export const SORTS = [
  ["index", "sort: index"],
  ["mean", "sort: mean"],
  ["strongest", "sort: strongest"],
  ["silent", "sort: silent"],
] as const;

export type Sort = (typeof SORTS)[number][0];

/** Channels, largest first (by index: in order); ties keep the order of the index. */
export function order(count: number, sort: Sort, stats: ChannelStats | null): number[] {
  const channels = Array.from({ length: count }, (_, i) => i);
  if (sort === "index" || !stats) return channels;
  const values = stats[sort];
  const value = (channel: number) => values[channel] ?? Number.NEGATIVE_INFINITY;
  return channels.sort((a, b) => value(b) - value(a) || a - b);
}

/** A channel that no image excites. */
export function isDead(stats: ChannelStats | null, channel: number): boolean {
  return (stats?.silent[channel] ?? 0) >= 1;
}
