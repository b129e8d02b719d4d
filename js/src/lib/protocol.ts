/** What crosses the wire: see docs/architecture.md, "Front end: messages". */

export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** A number in the network's input units, or a name of `Catalogue.fills`. */
export type Fill = string | number;

/** What covers, wherever it lies. */
export interface Cover {
  height: number;
  width: number;
  fill: Fill;
  /** 64 hex digits = 16 x 16 bits, row by row, the most significant bit first: which cells of the
   * occluder's box are covered (nearest neighbour, scaled to its size). null: all. */
  mask: string | null;
  /** Further rectangles that stay covered, with the same fill; at most 8. */
  also: Box[];
}

export interface Occluder extends Cover {
  top: number;
  left: number;
}

/** [layer, channel]: one value, so that no view ever sees a channel of the wrong layer. */
export type Unit = [layer: string, channel: number];

export type Pair = [rows: number, columns: number];

export interface Field {
  size: Pair;
  stride: Pair;
  offset: Pair;
  reach: "exact" | "upper bound" | "gated" | "global";
}

export interface Layer {
  name: string;
  kind: string;
  role: string;
  channels: number;
  rows: number;
  columns: number;
  rectified: boolean;
  /** Of all channels; where theirs differ, the smallest that holds them all. */
  field: Field;
  /** Where channels' fields differ: each field, and the first channels of the ranges with it. */
  fields?: (Field & { first: number[] })[];
}

/** A rule of projections, in words. */
export interface RuleInfo {
  name: string;
  /** What menus call it. */
  title: string;
  /** The question that its pictures answer. */
  answers: string;
  /** Whether it depends on which rectifiers were active; null: not known. */
  reads_forward: boolean | null;
  /** How a projection's status is to be read, where it isn't what it says; else empty. */
  status_note: string;
}

export interface Catalogue {
  engine: {
    model: string;
    device: string;
    transform: string;
    notes: string[];
    skipped: [name: string, reason: string][];
    input: [channels: number, rows: number, columns: number];
  };
  layers: Layer[];
  images: { name: string; label: string | null }[];
  classes: string[];
  /** What a selection's `rule` may be. */
  rules: string[];
  /** Each of them in words, by name; older reports don't say. */
  rule_info?: Record<string, RuleInfo>;
  /** Names of what an occluder may be filled with: grey, mean, blur, noise, border, the user's. */
  fills: string[];
  /** Why there are no class scores; empty if there are. */
  no_classes: string;
  indexed: boolean;
}

export interface TopActivation {
  /** Why its photo can't be read any more; nothing where it can. */
  lost?: string;
  image: number;
  name: string;
  row: number;
  col: number;
  value: number;
  box: Box;
}

export type Status = "paper" | "adjoint" | "linearised" | "unknown";

export interface Operation {
  name: string;
  status: Status;
  count: number;
  note: string;
}

export interface ProjectionInfo {
  image: number;
  /** Its own scale: the value shown as black or white when it is shown by itself. */
  scale: number;
  /** What 127 levels of its picture stand for: at least both scales. */
  full: number;
  status: Status;
  operations: Operation[];
  pools: number;
  /** Whether its picture is zero everywhere; older reports don't say. */
  blank?: boolean;
  /** How strong a signal, 0..1 of the strongest, rounding sends here or there; null: not known. */
  near_ties?: number | null;
}

/** Without occluder. null: what the network or the key doesn't have. */
export interface Clean {
  probability: number | null;
  logit: number | null;
  log_odds: number | null;
  /** Total activation of the feature map. */
  total: number | null;
  /** Its strongest activation, at `unit_place`. */
  unit: number | null;
  predicted: number | null;
}

export interface OcclusionData {
  rows: number;
  columns: number;
  stride: Pair;
  size: Pair;
  target: number | null;
  layer: string | null;
  channel: number | null;
  clean: Clean;
  unit_place: Pair | null;
  /** Why there are no class scores; empty if there are. */
  no_classes: string;
  done: number;
  total: number;
  seconds_left: number | null;
  /** Why every position was a full pass; empty if only what changed was computed. */
  note: string;
}

/** Buffers of an occlusion map, (rows, columns) each; NaN or -1 where not done; empty where the
 * key has no layer, or the network no classes. */
export const MAPS = [
  "probability",
  "predicted",
  "total",
  "logit",
  "log_odds",
  "unit",
  "hamming",
  "cosine",
] as const;

/** One of a channel's strongest patches, covered. */
export interface Covered {
  image: number;
  name: string;
  /** The unit, and its receptive field, cut by the image's border: what is covered. */
  unit: Pair;
  box: Box;
  /** The unit's activation without and with the cover. */
  before: number;
  after: number;
  /** Where the channel's maximum of the image went; the box may reach over the border. */
  moved: { row: number; col: number; value: number; box: Box };
  /** The unit's activation with random patches of the same size covered instead; `overlap`: the
   * mean share of the receptive field that they cover. null: not computed yet. */
  control: { mean: number; low: number; high: number; n: number; overlap: number } | null;
}

/** A part of the images, between two quantiles of a channel's largest activations. */
export interface QuantileRow {
  low: number;
  high: number;
  images: number;
  /** In how many of them the channel isn't active. */
  silent: number;
  /** A few of the images in which it is, strongest first. */
  activations: TopActivation[];
  /** Those whose photos can't be read any more. */
  lost?: Lost[];
}

/** Of a partial answer while the index is being built: finished answers have none. */
export interface SoFar {
  /** Over how many of the images it is. */
  images: number;
  of: number;
  /** Nothing else has changed since the last one: there are no buffers. */
  same: boolean;
}

/** A photo that can't be read any more, and why. */
export type Lost = [name: string, reason: string];

type Empty = Record<never, never>;
type LayerKey = { layer: string };
type UnitKey = { layer: string; channel: number };
/** One pass of the occluder over an image. */
type SlideKey = Cover & { image: number; stride: number; layer: string | null };

/** Every kind of request: what its key says and what its answer holds. */
export interface Kinds {
  catalogue: { key: Empty; data: Catalogue };
  /** Answered once the index is there. */
  index: { key: Empty; data: Empty };
  channels: { key: LayerKey; data: { channels: number; so_far?: SoFar } };
  sheet: {
    key: LayerKey & { first: number; count: number; size: number };
    data: {
      first: number;
      count: number;
      size: number;
      columns: number;
      /** Channels whose photo can't be read any more. */
      lost?: [channel: number, name: string, reason: string][];
      mime: string;
      so_far?: SoFar;
    };
  };
  top: {
    key: UnitKey & { k: number };
    data: {
      activations: TopActivation[];
      patch: Pair;
      images_seen: number;
      mime: string;
      so_far?: SoFar;
    };
  };
  projections: {
    key: UnitKey & { k: number; rule: string };
    data: {
      projections: (ProjectionInfo | null)[];
      /** Of all of them together. */
      scale: number;
      /** The percentile of non-zero magnitudes at which scales clip. */
      clipped_at: number;
      patch: Pair;
      mime: string;
      so_far?: SoFar;
    };
  };
  photo: {
    key: { image: number };
    data: {
      image: number;
      name: string;
      label: string | null;
      rows: number;
      columns: number;
      mime: string;
    };
  };
  predict: { key: { image: number; occluder: Occluder | null }; data: { classes: number } };
  /** What one occluder does to a layer: buffers are totals and strongest units under it, then the
   * same without it, (channels,) each. */
  respond: {
    key: { image: number; occluder: Occluder; layer: string };
    data: {
      layer: string;
      channels: number;
      /** The channel with the largest total without occluder. */
      strongest: number;
      hamming: number;
      cosine: number;
    };
  };
  sample: { key: UnitKey; data: { complete: boolean } };
  /** The weakest part first; one sheet holds the thumbnails, in the order of the activations. */
  quantiles: {
    key: UnitKey;
    data: {
      rows: QuantileRow[];
      images_seen: number;
      /** How many images were sorted into parts: all, or a sample. */
      sampled: number;
      exact: boolean;
      partial: boolean;
      size: number;
      columns: number;
      mime: string;
    };
  };
  /** A step of a sanity check, asked of the check itself. */
  check: {
    key: { check: string; step: number };
    data: {
      step: number;
      /** The module that was randomised last; empty for the trained network. */
      module: string;
      note: string;
      /** How alike it and the trained picture are; null: it can't be compared. */
      rank: number | null;
      rank_absolute: number | null;
      ssim: number | null;
      mime: string;
    };
  };
  /** Pictures from `first` on, asked of the `PictureWall` that shows them; a buffer for each that
   * is there. */
  wall: {
    key: { wall: string; first: number };
    data: {
      first: number;
      total: number;
      /** Pictures in a row; 0: as many as there is room for. */
      columns: number;
      heads: string[];
      sides: string[];
      there: boolean[];
      captions: string[];
      details: string[];
      mime: string;
    };
  };
  occlusion: {
    key: SlideKey & { target: number | null; channel: number | null };
    data: OcclusionData;
  };
  estimate: {
    key: SlideKey;
    data: { positions: number; seconds: number | null; basis: "measured" | "probe" };
  };
  cover: {
    key: UnitKey & { k: number; fill: Fill };
    data: { covers: Covered[]; lost?: Lost[]; fill: Fill; k: number; partial: boolean };
  };
}

export type Kind = keyof Kinds;
export type Key<K extends Kind> = Kinds[K]["key"];

export interface Answer<K extends Kind> {
  data: Kinds[K]["data"];
  buffers: DataView[];
}

export interface Progress {
  what: string;
  done: number;
  total: number;
  seconds_left: number | null;
}

/** How far the pass is that builds the index. */
export interface IndexProgress extends Progress {
  per_second: number | null;
  /** Channels that have nine patches, and how many there are. */
  filled: [channels: number, of: number] | null;
  /** Nobody moves it on. */
  paused: boolean;
}

export function ofIndex(progress: Progress): progress is IndexProgress {
  return "paused" in progress;
}

/** Whether a message's data tells that its answer waits for the index. */
export function awaitsIndex(data: unknown): boolean {
  return typeof data === "object" && data !== null && ("paused" in data || "so_far" in data);
}

/** Lower goes first. */
export const PRIORITY = {
  interaction: 0,
  patches: 1,
  projections: 2,
  sheets: 3,
  maps: 4,
  prefetch: 5,
} as const;

export interface Request {
  zf: 1;
  op: "get";
  view: string;
  slot: string;
  kind: Kind;
  key: object;
  priority: number;
}

export interface Cancel {
  zf: 1;
  op: "cancel";
  view: string;
  slot: string;
}

/** Have the pass that builds the index rest, or go on. */
export interface Pause {
  zf: 1;
  op: "pause" | "resume";
  view: string;
}

export interface Message {
  zf: 1;
  op: "reply" | "partial" | "progress" | "error" | "superseded";
  view: string;
  slot: string;
  kind: Kind;
  key: object;
  data: unknown;
  /** Of `progress`: other requests of which the same is said. */
  also?: readonly { kind: Kind; key: object }[];
}

export function isMessage(content: unknown): content is Message {
  return typeof content === "object" && content !== null && (content as { zf?: unknown }).zf === 1;
}

/** JSON with sorted keys and no spaces: equal for equal values, whoever wrote them. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((v) => canonical(v ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`);
    return `{${fields.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** What identifies an answer. */
export function identity(kind: string, key: object): string {
  return `${kind} ${canonical(key)}`;
}
