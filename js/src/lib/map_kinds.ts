/** The maps of one pass of the occluder: their values, and the words and units for them. */

import { floats, ints } from "./codec";
import type { MapName } from "./colour";
import { number, percent, short } from "./format";
import { occluderBox, range } from "./occlusion_grid";
import { type Answer, type Box, type Key, MAPS, type OcclusionData, type Pair } from "./protocol";

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
  probability: { name: "probability", brief: "probability", of: "classes", needs: ["target"] },
  logit: { name: "logit", brief: "logit", of: "classes", needs: ["target"] },
  log_odds: { name: "log-odds", brief: "log-odds", of: "classes", needs: ["target"] },
  predicted: { name: "most probable label", brief: "label", of: "classes", needs: [] },
  total: {
    name: "feature map, total",
    brief: "total",
    of: "layer",
    needs: ["layer", "channel"],
  },
  unit: { name: "one unit", brief: "unit", of: "layer", needs: ["layer", "channel"] },
  hamming: { name: "Hamming distance", brief: "Hamming", of: "layer", needs: ["layer"] },
  cosine: { name: "cosine distance", brief: "cosine", of: "layer", needs: ["layer"] },
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
    if (kind === "hamming" || kind === "cosine") return 0;
    return this.data.clean[kind] ?? Number.NaN;
  }

  box([row, col]: Pair): Box {
    return occluderBox(row, col, this.data.size, this.data.stride);
  }
}

/** What the colour scale spans: shares from zero, the others what there is, or around the clean value. */
export function scaleOf(
  kind: MapKind,
  values: Float32Array,
  clean: number,
  colours: MapName,
): [low: number, high: number] {
  const [low, high] = range(values);
  const rest = Number.isFinite(clean) ? clean : high;
  if (colours === "diverging" && kind !== "hamming" && kind !== "cosine") {
    const reach = Math.max(rest - low, high - rest) || 1;
    return [rest - reach, rest + reach];
  }
  if (kind !== "probability" && kind !== "hamming" && kind !== "cosine") {
    const span: [number, number] = [Math.min(low, rest), Math.max(high, rest)];
    return span[0] < span[1] ? span : [span[0] - 1, span[0] + 1];
  }
  return [Math.min(0, low), Math.max(high, rest) || 1];
}

/** A value in its unit. */
export function valueText(kind: MapKind, value: number): string {
  return kind === "probability" || kind === "hamming" ? percent(value) : number(value);
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
      index === null || index < 0 ? "?" : short(classes()[index] ?? `class ${index}`),
    label: (index) => classes()[index] ?? `class ${index}`,
  };
}

/** What a value is. */
export function quantity(kind: MapKind, { data }: Grids, names: Names): string {
  const target = `“${names.className(data.target)}”`;
  const map = `${data.layer} : ${data.channel}`;
  const [row, col] = data.unit_place ?? ["?", "?"];
  switch (kind) {
    case "probability":
      return `probability of ${target}`;
    case "logit":
      return `logit of ${target}`;
    case "log_odds":
      return `log-odds of ${target}`;
    case "predicted":
      return "most probable class";
    case "total":
      return `total activation of feature map ${map}`;
    case "unit":
      return `activation of ${map} at row ${row}, column ${col}`;
    case "hamming":
      return `share of ${data.layer}'s units that switch on or off`;
    case "cosine":
      return `cosine distance of ${data.layer}'s features`;
  }
}

/** In what its values are; "" where they say so themselves. */
export const UNITS: Record<MapKind, string> = {
  probability: "",
  logit: "the score before softmax",
  log_odds: "ln p/(1−p)",
  predicted: "",
  total: "in the layer's own units",
  unit: "in the layer's own units",
  hamming: "",
  cosine: "1 − cos: 0 same, 2 opposite",
};

/** How to read it, in one sentence. */
export function reading(kind: MapKind): string {
  switch (kind) {
    case "probability":
      return "Low where covering takes the class away.";
    case "logit":
      return "Low where covering lowers this class's own score, whatever the others do.";
    case "log_odds":
      return "As the probability, but it shows differences near 0 % and 100 % too.";
    case "predicted":
      return "Another colour than that of most cells: covering changes the answer.";
    case "total":
      return "Low where covering silences what this feature map responds to.";
    case "unit":
      return "The unit that is strongest without occluder: low where covering silences it.";
    case "hamming":
      return "High where covering changes which units are active.";
    case "cosine":
      return "High where covering turns the features elsewhere; their size doesn't count.";
  }
}
