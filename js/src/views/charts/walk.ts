/** Where a key leads from a point: along its series, or to another one. */

import type { Spot } from "./geometry";

/** The number of the spot; null where the key leads nowhere. */
export function walk(
  spots: readonly Spot[],
  from: number,
  key: string,
  lying: boolean,
): number | null {
  const here = spots[from];
  if (!here) return null;
  const [back, on, before, after] = lying
    ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]
    : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  const along = (spot: Spot) => (lying ? spot.y : spot.x);
  const numbered = spots.map((spot, number) => ({ spot, number }));
  const own = numbered
    .filter(({ spot }) => spot.series === here.series)
    .sort((a, b) => along(a.spot) - along(b.spot));
  const at = own.findIndex(({ number }) => number === from);
  const to = { [back]: at - 1, [on]: at + 1, Home: 0, End: own.length - 1 }[key];
  if (to !== undefined) return own[Math.max(0, Math.min(own.length - 1, to))]?.number ?? null;
  const step = { [before]: -1, [after]: 1 }[key];
  if (step === undefined) return null;
  const all = [...new Set(spots.map(({ series }) => series))].sort((a, b) => a - b);
  const next = all[all.indexOf(here.series) + step];
  if (next === undefined) return from;
  const far = ({ spot }: { spot: Spot }) =>
    Math.abs(along(spot) - along(here)) + (spot.place === here.place ? 0 : 1e-3);
  const others = numbered.filter(({ spot }) => spot.series === next);
  return others.reduce((best, one) => (far(one) < far(best) ? one : best)).number;
}

/** The spot that a pointer means; null: none is near. */
export function nearest(spots: readonly Spot[], x: number, y: number, reach = 24): number | null {
  let [best, least] = [-1, reach];
  spots.forEach(({ area, ...spot }, number) => {
    const inside =
      area &&
      x >= area.left &&
      x <= area.left + area.width &&
      y >= area.top &&
      y <= area.top + area.height;
    const far = area ? (inside ? 0 : reach) : Math.hypot(spot.x - x, spot.y - y);
    if (far < least) [best, least] = [number, far];
  });
  return best < 0 ? null : best;
}
