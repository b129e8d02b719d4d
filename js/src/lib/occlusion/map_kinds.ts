/** The maps of one pass of the occluder: their values, and the words and units for them. */

import { msg, plural, t } from "../language/translate";
import { count, number, percent, points, short, signed } from "../page/format";
import type { MapName, Part } from "../pictures/colour";
import { FROM_ZERO, LEAST_PART, LEAST_SHARE } from "../pictures/colour_tables";
import { floats, ints } from "../wire/codec";
import {
  type Answer,
  type Box,
  type Key,
  MAPS,
  type OcclusionData,
  type Pair,
} from "../wire/protocol";
import { occluderBox, range } from "./grid";

export type MapKind = (typeof MAPS)[number];

interface KindText {
  name: string;
  /** In a table. */
  brief: string;
  /** What it needs: class scores, or a layer. */
  of: "classes" | "layer";
  /** Which fields of a key its values depend on, beside the pass without layer. */
  needs: readonly ("target" | "layer" | "channel")[];
}

export const KINDS: Record<MapKind, KindText> = {
  probability: {
    name: msg("probability"),
    brief: msg("probability"),
    of: "classes",
    needs: ["target"],
  },
  logit: { name: msg("logit"), brief: msg("logit"), of: "classes", needs: ["target"] },
  log_odds: { name: msg("log-odds"), brief: msg("log-odds"), of: "classes", needs: ["target"] },
  predicted: { name: msg("most probable label"), brief: msg("label"), of: "classes", needs: [] },
  total: {
    name: msg("feature map, total"),
    brief: msg("total"),
    of: "layer",
    needs: ["layer", "channel"],
  },
  unit: { name: msg("one unit"), brief: msg("unit"), of: "layer", needs: ["layer", "channel"] },
  hamming: { name: msg("Hamming distance"), brief: msg("Hamming"), of: "layer", needs: ["layer"] },
  cosine: { name: msg("cosine distance"), brief: msg("cosine"), of: "layer", needs: ["layer"] },
};

/** As people see them: `OcclusionMap.maps` in zfwidgets/records/occlusion.py has the same order. */
export const ORDER = Object.keys(KINDS) as readonly MapKind[];

/** What decides the values of a map: equal for two keys, the map is the same. */
export function identityOf(kind: MapKind, key: Key<"occlusion">): string {
  const { target, layer, channel, ...pass } = key;
  const more = { target, layer, channel };
  return JSON.stringify([pass, ...KINDS[kind].needs.map((field) => more[field])]);
}

/** What decides all that is computed: another target or channel needs no new pass. */
export function passOf({ target: _, channel: __, ...pass }: Key<"occlusion">): string {
  return JSON.stringify(pass);
}

/** An answer's maps, decoded. */
export class Grids {
  readonly data: OcclusionData;
  readonly grid: Pair;
  private readonly arrays: readonly (Float32Array | Int32Array)[];

  constructor(
    answer: Answer<"occlusion">,
    readonly key: Key<"occlusion">,
  ) {
    this.data = answer.data;
    this.grid = [answer.data.rows, answer.data.columns];
    this.arrays = MAPS.map((kind, i) =>
      kind === "predicted" ? ints(answer.buffers[i]) : floats(answer.buffers[i]),
    );
  }

  /** Values of a map, NaN where not done; empty if this pass doesn't have it. */
  values(kind: Exclude<MapKind, "predicted">): Float32Array {
    return this.arrays[MAPS.indexOf(kind)] as Float32Array;
  }

  /** The most probable class of each cell, -1 where not done. */
  get predicted(): Int32Array {
    return this.arrays[MAPS.indexOf("predicted")] as Int32Array;
  }

  has(kind: MapKind): boolean {
    return (this.arrays[MAPS.indexOf(kind)]?.length ?? 0) > 0;
  }

  at(kind: MapKind, cell: number): number {
    return this.arrays[MAPS.indexOf(kind)]?.[cell] ?? Number.NaN;
  }

  /** The value without occluder. */
  clean(kind: MapKind): number {
    if (isDistance(kind)) return 0;
    return this.data.clean[kind] ?? Number.NaN;
  }

  /** How much each value differs from the one without occluder; NaN where not done. */
  change(kind: Exclude<MapKind, "predicted">): Float32Array {
    // As the values are float32, what is unchanged is exactly zero only if this is too.
    const clean = Math.fround(this.clean(kind));
    return this.values(kind).map((value) => (value === clean ? 0 : value - clean));
  }

  /** How many positions are done, and how many of them keep the class without occluder. */
  kept(): { kept: number; done: number } {
    const done = this.predicted.filter((label) => label >= 0);
    return {
      kept: done.filter((label) => label === this.data.clean.predicted).length,
      done: done.length,
    };
  }

  box([row, col]: Pair): Box {
    return occluderBox(row, col, this.data.size, this.data.stride);
  }
}

/** What lower, unchanged and higher values look like, in colours that show changes. */
export const SIDES = {
  tint: [msg("Magenta"), msg("Not tinted"), msg("Green")],
  diverging: [msg("Blue"), msg("Grey"), msg("Red")],
} as const;

/** Whether these colours show how values differ from those without occluder. */
export function isChange(colours: MapName): colours is keyof typeof SIDES {
  return colours in SIDES;
}

/** Whether its values are differences themselves, from the features without occluder. */
export function isDistance(kind: MapKind): kind is "hamming" | "cosine" {
  return kind === "hamming" || kind === "cosine";
}

/** Kinds that are at least zero, which means something: none of it. */
const SHARES: readonly MapKind[] = FROM_ZERO;

export interface Scale {
  /** What the first and the last colour stand for. */
  ends: [first: number, last: number];
  /** What the legend spans: never more than is possible. */
  low: number;
  high: number;
}

/** The scale of values: of shares from zero, the others what there is; and the clean values. */
export function valueScale(kind: MapKind, values: Float32Array, clean: readonly number[]): Scale {
  const all = Float32Array.from([...values, ...clean]);
  let [low, high] = range(all);
  if (SHARES.includes(kind)) [low, high] = [Math.min(0, low), high || 1];
  else if (low === high) [low, high] = [low - 1, high + 1];
  else {
    const short = LEAST_PART * Math.max(Math.abs(low), Math.abs(high)) - (high - low);
    if (short > 0) [low, high] = [low - short / 2, high + short / 2];
  }
  return { ends: [low, high], low, high };
}

/**
 * The scale of changes: equal ones in both directions have equally strong colours, and no change
 * the middle one. It spans what occurs, so nothing that couldn't: 60 % can't rise by 50 points.
 * Changes that are rounding beside the largest value don't get the strongest colours.
 */
export function changeScale(kind: MapKind, changes: Float32Array, largest: number): Scale {
  const known = changes.some(Number.isFinite) ? range(changes) : [0, 0];
  const [low, high] = [Math.min(0, known[0] as number), Math.max(0, known[1] as number)];
  const least = SHARES.includes(kind) ? LEAST_SHARE : LEAST_PART * largest;
  const reach = Math.max(-low, high, least) || 1;
  return { ends: [-reach, reach], low, high };
}

/** Which part of its colours a scale uses. */
export function partOf({ ends: [first, last], low, high }: Scale): Part {
  const share = (value: number) => (value - first) / (last - first);
  return [share(low), share(high)];
}

/** A value in its unit. */
export function valueText(kind: MapKind, value: number): string {
  return kind === "probability" || kind === "hamming" ? percent(value) : number(value);
}

/** A change in its unit: of probabilities in points; a distance is a change by itself. */
export function changeText(kind: MapKind, change: number): string {
  if (change === 0) return t("no change");
  if (isDistance(kind)) return valueText(kind, change);
  return kind === "probability" ? points(change) : signed(change);
}

/** Names for what a map is about. */
export interface Names {
  className(index: number | null): string;
  /** With all its synonyms. */
  label(index: number): string;
}

export function namesOf(classes: () => readonly string[]): Names {
  return {
    className: (index) =>
      index === null || index < 0 ? "?" : short(classes()[index] ?? t("class {n}", { n: index })),
    label: (index) => classes()[index] ?? t("class {n}", { n: index }),
  };
}

/** How many of the positions keep the class that is most probable without occluder. */
export function keptText(grids: Grids, names: Names): string {
  const { kept, done } = grids.kept();
  const { total, clean } = grids.data;
  const values = { all: count(done, "position"), name: names.className(clean.predicted) };
  return done < total
    ? plural(
        kept,
        "{n} of {all} so far keeps “{name}”",
        "{n} of {all} so far keep “{name}”",
        values,
      )
    : plural(kept, "{n} of {all} keeps “{name}”", "{n} of {all} keep “{name}”", values);
}

/** What a change is. */
export function changeOf(kind: MapKind, grids: Grids, names: Names): string {
  const what = quantity(kind, grids, names);
  return isDistance(kind) ? what : t("change of the {what}", { what });
}

/** What a value is. */
export function quantity(kind: MapKind, { data }: Grids, names: Names): string {
  const name = names.className(data.target);
  const map = `${data.layer} : ${data.channel}`;
  const { layer } = data;
  const [row, col] = data.unit_place ?? ["?", "?"];
  switch (kind) {
    case "probability":
      return t("probability of “{name}”", { name });
    case "logit":
      return t("logit of “{name}”", { name });
    case "log_odds":
      return t("log-odds of “{name}”", { name });
    case "predicted":
      return t("most probable class");
    case "total":
      return t("total activation of feature map {map}", { map });
    case "unit":
      return t("activation of {map} at row {row}, column {col}", { map, row, col });
    case "hamming":
      return t("share of {layer}'s units that switch on or off", { layer: layer ?? "" });
    case "cosine":
      return t("cosine distance of {layer}'s features", { layer: layer ?? "" });
  }
}

/** In what its values are; "" where they say so themselves. */
export const UNITS: Record<MapKind, string> = {
  probability: "",
  logit: msg("the score before softmax"),
  log_odds: "ln p/(1−p)",
  predicted: "",
  total: msg("in the layer's own units"),
  unit: msg("in the layer's own units"),
  hamming: "",
  cosine: msg("1 − cos: 0 same, 2 opposite"),
};

/** A side of the scale that is shorter than this share of the other can't be seen as a colour. */
const SEEN = 0.2;

/** How to read changes. */
export function changeReading(kind: MapKind, colours: keyof typeof SIDES, scale: Scale): string {
  const [lower, none, higher] = SIDES[colours].map((side) => t(side)) as [string, string, string];
  if (isDistance(kind)) return `${t("{none}: no change.", { none })} ${reading(kind, "")}`;
  const [down, up] = [-scale.low, scale.high];
  if (up < SEEN * down)
    return t(
      "{lower}: covering there lowers it; hardly anywhere does it rise. {none}: no change.",
      {
        lower,
        none,
      },
    );
  if (down < SEEN * up)
    return t(
      "{higher}: covering there raises it; hardly anywhere does it fall. {none}: no change.",
      {
        higher,
        none,
      },
    );
  return t("{lower}: covering there lowers it. {higher}: raises it. {none}: no change.", {
    lower,
    higher,
    none,
  });
}

/** The cell where a whole map differs most from the clean value; null where there is none. */
export function strongest(grids: Grids, kind: MapKind): number | null {
  const { done, total } = grids.data;
  if (kind === "predicted" || done < total || !grids.has(kind)) return null;
  let found: number | null = null;
  let most = 0;
  grids.change(kind).forEach((change, at) => {
    if (Math.abs(change) > most) [most, found] = [Math.abs(change), at];
  });
  return found;
}

/** How to read values. */
const READINGS: Record<MapKind, string> = {
  probability: msg("Low where covering takes the class away."),
  logit: msg("Low where covering lowers this class's own score, whatever the others do."),
  log_odds: msg("As the probability, but it shows differences near 0 % and 100 % too."),
  predicted: msg(
    "Without occluder it is “{answer}”: covering changes the answer where another colour is.",
  ),
  total: msg("Low where covering silences what this feature map responds to."),
  unit: msg("The unit that is strongest without occluder: low where covering silences it."),
  hamming: msg("High where covering changes which units are active."),
  cosine: msg("High where covering turns the features elsewhere; their size doesn't count."),
};

/** How to read values; `answer` is the most probable class without occluder. */
export function reading(kind: MapKind, answer: string): string {
  return t(READINGS[kind], { answer });
}
