/** What crosses the wire: made by js/made.py from zfwidgets/widgets/wire/schema/. */

export type Pair = [rows: number, columns: number];

/** A number in the network's input units, or one of `baselines`. */
export type Baseline = string | number;

/** One value, so that no view ever sees a channel of the wrong layer. */
export type Unit = [layer: string, channel: number];

export type Status = "paper" | "adjoint" | "linearised" | "unknown";

/** A photo that can't be read any more, and why. */
export type Lost = [name: string, reason: string];

/** A rectangle in pixels of the network's input. */
export interface Box { top: number; left: number; height: number; width: number }

/** What covers, wherever it lies. */
export interface Cover {
  height: number;
  width: number;
  baseline: Baseline;
  /** Which cells of the box are covered: 64 hex digits = 16 x 16 bits, row by row, the most significant first (nearest neighbour, scaled to its size). null: all. */
  mask: string | null;
  /** Rectangles that stay covered, with the same baseline. */
  extra_boxes: Box[];
}

/** What covers, and where it lies. */
export interface Occluder {
  height: number;
  width: number;
  baseline: Baseline;
  /** Which cells of the box are covered: 64 hex digits = 16 x 16 bits, row by row, the most significant first (nearest neighbour, scaled to its size). null: all. */
  mask: string | null;
  /** Rectangles that stay covered, with the same baseline. */
  extra_boxes: Box[];
  top: number;
  left: number;
}

/** A receptive field. */
export interface Field {
  size: Pair;
  stride: Pair;
  offset: Pair;
  reach: "exact" | "upper bound" | "gated" | "global";
}

/** A receptive field that some channels of a layer have. */
export interface FieldOfChannels {
  size: Pair;
  stride: Pair;
  offset: Pair;
  reach: "exact" | "upper bound" | "gated" | "global";
  /** The first channels of the ranges that have it. */
  first: number[];
}

/** A layer, as a call of a module. */
export interface Layer {
  name: string;
  kind: string;
  role: string;
  channels: number;
  rows: number;
  columns: number;
  rectified: boolean;
  /** All channels'; where theirs differ, the smallest that holds them. */
  field: Field;
  /** Where channels' fields differ: each of them. */
  fields?: FieldOfChannels[];
  /** The layers whose outputs it reads (in a report of some layers: the nearest of them), an empty name for the image; missing where that isn't known. */
  parents?: string[];
  /** How these outputs come together, where they are several. */
  joined?: "sum" | "concatenation" | "product" | "other";
  /** The blocks that it belongs to, outermost first; one that is a layer itself belongs to its own. */
  blocks?: string[];
}

/** What is looked into. */
export interface EngineInfo {
  model: string;
  device: string;
  transform: string;
  notes: string[];
  skipped: [name: string, reason: string][];
  input: [channels: number, rows: number, columns: number];
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

/** An image of the engine. */
export interface ImageInfo { name: string; label: string | null }

/** What there is to ask for. */
export interface Catalogue {
  engine: EngineInfo;
  layers: Layer[];
  images: ImageInfo[];
  classes: string[];
  /** What a selection's `rule` may be. */
  rules: string[];
  /** Each of them by name; older reports don't say. */
  rule_info?: Record<string, RuleInfo>;
  /** Names of what may stand in place of pixels: grey, mean, blur, noise, border, the user's. */
  baselines: string[];
  /** Why there are no class scores; empty if there are. */
  no_classes: string;
  indexed: boolean;
}

/** One of a channel's strongest activations. */
export interface TopActivation extends UnitInPhoto {
  /** Why its photo can't be read any more; nothing where it can. */
  lost?: string;
}

/** What a projection passed on its way down. */
export interface Operation { name: string; status: Status; count: number; note: string }

/** What is to be known of a projection's picture. */
export interface ProjectionInfo {
  image: number;
  /** Own scale: the value shown as black or white when it is shown by itself. */
  scale: number;
  /** Own scale as brightness: the brightness shown as black or white. */
  brightness: number;
  /** The part of the photo on which patch and projection are shown. */
  view: Box;
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

/** The photo without occluder. null: what the network or the key doesn't have. */
export interface Clean {
  probability: number | null;
  logit: number | null;
  log_odds: number | null;
  /** Total activation of the feature map. */
  total: number | null;
  /** Strongest activation, at `unit_place`. */
  unit: number | null;
  predicted: number | null;
}

/** A map, as far as it is. */
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

/** Where a channel's maximum of an image went; the box may reach over the border. */
export interface Moved { row: number; col: number; value: number; box: Box }

/** The unit's activation with random patches of the same size covered instead. */
export interface Control {
  mean: number;
  low: number;
  high: number;
  n: number;
  /** The mean share of the receptive field that they cover. */
  overlap: number;
}

/** One of a channel's strongest patches, covered. */
export interface Covered {
  image: number;
  name: string;
  unit: Pair;
  /** Receptive field, cut by the image's border: what is covered. */
  box: Box;
  /** The unit's activation without the cover. */
  before: number;
  after: number;
  moved: Moved;
  /** null: not computed yet. */
  control: Control | null;
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

/** Something that many of a channel's nine strongest have in common. */
export interface SharedName {
  /** What it is, as `birds` or `red`. */
  text: string;
  /** How many of the nine have it. */
  count: number;
  /** How many of the nine are known. */
  of: number;
  /** Share among all images that are known, or random patches, 0..1. */
  share: number;
  /** Over how many of these that is. */
  compared: number;
  /** The chance that any channel of the layer has any name so by chance, at most. */
  p: number;
  /** Whether that is small enough for a name. */
  named: boolean;
  /** The most frequent class in it. */
  most: [name: string, count: number] | null;
}

/** A group of images to which a channel responds more strongly than to all. */
export interface Preferred {
  text: string;
  /** Mean of the channel's largest activation in its images. */
  mean: number;
  /** How far that is above the mean of all images. */
  more: number;
  images: number;
}

/** One of the two photos of a question, with the channel's strongest unit in it. */
export interface QuizChoice extends UnitInPhoto {
  /** Share of the photos, 0..100, in which the channel is weaker. */
  percentile: number;
}

/** A rectangle on a picture of a lesson, in its pixels. */
export interface LessonMark { box: Box; text: string }

/** A picture of a lesson. */
export interface LessonFigure {
  /** Which buffer it is. */
  picture: number;
  caption: string;
  alt: string;
  extent: Pair;
  marks: LessonMark[];
}

/** An answer to choose from. */
export interface LessonOption {
  text: string;
  /** What is said of it once the question is answered. */
  told: string;
  figure: LessonFigure | null;
}

/** How far a partial answer is while the index is being built: finished answers have none. */
export interface SoFar {
  /** Over how many of the images it is. */
  images: number;
  of: number;
  /** Nothing else has changed since the last one: there are no buffers. */
  same: boolean;
}

/** How far a computation is. */
export interface Progress { what: string; done: number; total: number; seconds_left: number | null }

/** How far the pass is that builds the index. */
export interface IndexProgress {
  what: string;
  done: number;
  total: number;
  seconds_left: number | null;
  per_second: number | null;
  /** Channels that have nine patches, and how many there are. */
  filled: [channels: number, of: number] | null;
  /** Nobody moves it on. */
  paused: boolean;
}

/** A photo of the user's own, in the kernel's memory alone. */
export interface OwnPhoto {
  /** Number of the photo: like an image's, beyond the last one. */
  image: number;
  name: string;
  /** What was made of its pixels before the transform. */
  notes: string[];
}

/** What went wrong. */
export interface Problem { name: string; message: string }

/** A unit of a channel, in a photo. */
export interface UnitInPhoto {
  image: number;
  name: string;
  row: number;
  col: number;
  value: number;
  box: Box;
}

/** An occluder that slides over a photo. */
export interface Slide {
  image: number;
  height: number;
  width: number;
  stride: number;
  baseline: Baseline;
  /** Which cells of the box are covered: 64 hex digits = 16 x 16 bits, row by row, the most significant first (nearest neighbour, scaled to its size). null: all. */
  mask: string | null;
  /** Rectangles that stay covered, with the same baseline. */
  extra_boxes: Box[];
  layer: string | null;
}

/** What projections of one channel are shown by, together. */
export interface ProjectionScales {
  /** Scale of all of them together. */
  scale: number;
  /** Scale of all of them together, as brightness. */
  brightness: number;
  /** Side of the square around each unit's middle that holds 95 % of their energy, in pixels. */
  focus: number;
  /** Share of their energy, 0..1, that is one colour and its opposite; older reports don't say. */
  colour_share?: number;
  /** Which values "auto" shows. */
  clearest?: "brightness" | "colour";
  /** Percentile of non-zero magnitudes at which scales clip. */
  clipped_at: number;
}

/** The page asks for an answer. */
export interface Request {
  zf: 1;
  op: "get";
  view: string;
  slot: string;
  kind: Kind;
  key: object;
  /** Number of the request in its view, kept when it is sent again. */
  turn: number;
  priority: number;
}

/** The page needs no answer any more. */
export interface Cancel { zf: 1; op: "cancel"; view: string; slot: string }

/** Have the pass that builds the index rest, or go on. */
export interface Pause { zf: 1; op: "pause" | "resume"; view: string }

/** Look around by oneself, go back to the teacher, or leave the room. */
export interface InRoom { zf: 1; op: "wander" | "return" | "leave"; view: string }

/** A part of a photo of the user's own, in a buffer; the last one is answered as `photos`, with `added`. They come in order, all with one view and slot. */
export interface Add {
  zf: 1;
  op: "add";
  view: string;
  slot: string;
  name: string;
  part: number;
  parts: number;
}

/** Forget a photo of the user's own; answered as `photos`. */
export interface Remove { zf: 1; op: "remove"; view: string; slot: string; image: number }

/** What is asked for, whoever asks. */
export interface Asked { kind: Kind; key: object }

/** The kernel answers; buffers come with it. */
export interface Message {
  zf: 1;
  op: "reply" | "partial" | "progress" | "error" | "superseded";
  view: string;
  slot: string;
  kind: Kind;
  key: object;
  /** That of the request; null if it had none. */
  turn: number | null;
  data: unknown;
  /** Other requests of which the same `progress` is said. */
  others?: Asked[];
}

/** Every kind of request: what its key says and what its answer holds. */
export interface Kinds {
  /** What there is to ask for. */
  catalogue: {
    key: Record<never, never>;
    data: Catalogue;
  };
  /** Answered once the index is there. */
  index: {
    key: Record<never, never>;
    data: Record<never, never>;
  };
  /** Statistics of a layer's channels. */
  channels: {
    key: { layer: string };
    data: { channels: number; so_far?: SoFar };
  };
  /** Thumbnails of channels: each one's strongest patch. */
  sheet: {
    key: {
      layer: string;
      first: number;
      count: number;
      /** Pixels of a thumbnail's side. */
      size: number;
    };
    data: {
      first: number;
      count: number;
      /** Channels whose photo can't be read any more. */
      lost?: [channel: number, name: string, reason: string][];
      /** Pixels of a thumbnail's side. */
      size: number;
      columns: number;
      mime: string;
      so_far?: SoFar;
    };
  };
  /** A channel's strongest activations. */
  top: {
    key: { layer: string; channel: number; k: number };
    data: {
      activations: TopActivation[];
      lost?: Lost[];
      /** Rows and columns of a patch. */
      patch: Pair;
      images_seen: number;
      mime: string;
      so_far?: SoFar;
    };
  };
  /** Projections of a channel's strongest activations. */
  projections: {
    key: { layer: string; channel: number; k: number; rule: string };
    data: ProjectionScales & {
      projections: (ProjectionInfo | null)[];
      lost?: Lost[];
      patch: Pair;
      mime: string;
      so_far?: SoFar;
    };
  };
  /** A photo as the network saw it. */
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
  /** Class probabilities of a photo. */
  predict: {
    key: { image: number; occluder: Occluder | null };
    data: { classes: number };
  };
  /** What one occluder does to a layer. */
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
  /** A sample of a channel's largest activations. */
  sample: {
    key: { layer: string; channel: number };
    data: { complete: boolean };
  };
  /** Images from every tenth of a channel's range, weakest tenth first; `partial`s as they come. */
  quantiles: {
    key: { layer: string; channel: number };
    data: {
      rows: QuantileRow[];
      images_seen: number;
      /** How many images were sorted into parts: all, or a sample. */
      sampled: number;
      exact: boolean;
      partial: boolean;
      /** Pixels of a thumbnail's side. */
      size: number;
      columns: number;
      mime: string;
    };
  };
  /** The map of an occluder's places; `partial`s carry it so far. */
  occlusion: {
    key: Slide & { target: number | null; channel: number | null };
    data: OcclusionData;
  };
  /** How long a map will take. */
  estimate: {
    key: Slide;
    data: { positions: number; seconds: number | null; basis: "measured" | "probe" };
  };
  /** What remains of a channel's strongest units once their patches are covered; `partial`s as they come. */
  cover: {
    key: { layer: string; channel: number; k: number; baseline: Baseline };
    data: {
      covers: Covered[];
      lost?: Lost[];
      baseline: Baseline;
      k: number;
      partial: boolean;
    };
  };
  /** What a channel's nine strongest share, and which channels respond like it. */
  about: {
    key: { layer: string; channel: number };
    data: {
      /** What groups are made of; empty: of nothing. */
      by: "label" | "predicted class" | "";
      /** Why there are no groups; empty if there are. */
      why: string;
      /** How many images' groups are known. */
      grouped: number;
      /** The least probable by chance first. */
      groups: SharedName[];
      /** What the nine patches look like; only of small fields. */
      looks: SharedName[];
      /** Random patches they were compared with; 0: fields are too large. */
      looked: number;
      /** Most alike first. */
      alike: [channel: number, correlation: number][];
      prefers: Preferred[];
      /** Why none are told, whatever the numbers are; empty: they are. */
      prefers_why: string;
      /** Over how many images `alike` and `prefers` are. */
      images: number;
      /** Whether these are all that were looked at. */
      complete: boolean;
    };
  };
  /** How alike the picture of a channel's strongest unit stays once its own filters are drawn anew; null: an empty picture. */
  sanity: {
    key: { layer: string; channel: number; rule: string };
    data: {
      /** The photo. */
      name: string;
      /** The modules of its own filters, which were drawn anew. */
      own: string[];
      /** Rank correlation with the trained network's picture. */
      rank: number | null;
      /** On these filters; empty: not known. */
      depends: "hardly" | "partly" | "clearly" | "";
      /** All between the unit and the pixels. */
      modules: string[];
      /** Once all of these are drawn anew. */
      rank_all: number | null;
      /** Likeness to other channels' trained pictures there. */
      others: (number | null)[];
      /** That of `others`. */
      median: number | null;
    };
  };
  /** How alike the photos of each channel's nine are, and how suspicious their units' places. */
  orders: {
    key: { layer: string };
    data: {
      channels: number;
      /** The layer by whose features photos are compared. */
      features: string;
    };
  };
  /** A step of one of a sanity check's runs; null: it can't be compared. */
  check: {
    key: {
      /** Names the run. */
      check: string;
      step: number;
    };
    data: {
      step: number;
      /** What was randomised last; empty for the trained network. */
      module: string;
      note: string;
      /** How alike its picture and the trained one are. */
      rank: number | null;
      rank_absolute: number | null;
      ssim: number | null;
      mime: string;
    };
  };
  /** A question of a quiz: which of two photos fires a channel more? */
  question: {
    key: {
      /** Names the round. */
      quiz: string;
      number: number;
    };
    data: {
      layer: string;
      channel: number;
      /** The left photo and the right one. */
      choices: QuizChoice[];
      /** The strongest activations in other photos. */
      hint: TopActivation[];
      /** Photos of the hint that can't be shown. */
      lost: Lost[];
      /** What the rule of the projections is called; empty: there are none. */
      rule: string;
      projections: ProjectionInfo[];
      /** The projections' common scale. */
      scale: number;
      /** How many pictures of patches there are. */
      patches: number;
      patch: Pair;
      /** Rows and columns of a photo. */
      extent: Pair;
      mime: string;
      signed_mime: string;
    };
  };
  /** A question of a lesson; with the answer, once it is answered. */
  exercise: {
    key: {
      /** Names the try. */
      question: string;
      revealed: boolean;
    };
    data: {
      ask: string;
      figures: LessonFigure[];
      /** What there is to choose from, if anything. */
      options: LessonOption[];
      /** What may be estimated. */
      scale: { low: number; high: number; unit: string } | null;
      /** The right option's number, or what was to be estimated; null before it is answered. */
      answer: number | null;
      mime: string;
    };
  };
  /** What the words mean, and what was answered. */
  worksheet: {
    key: {
      /** Names it. */
      worksheet: string;
    };
    data: {
      glossary: [word: string, meaning: string][];
      /** All answers, one line an attempt. */
      csv: string;
      /** Name of a file for them. */
      name: string;
    };
  };
  /** Pictures from `first` on, at most 64. */
  wall: {
    key: {
      /** Names what is shown. */
      wall: string;
      first: number;
    };
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
  /** Which photos there are to choose from, beside the catalogue's. */
  photos: {
    key: Record<never, never>;
    data: {
      /** The newest first. */
      own: OwnPhoto[];
      /** Why there can be none; empty if there can. */
      no_own: string;
      /** More of them and the oldest is forgotten. */
      most: number;
      /** Largest file of one, in bytes. */
      most_bytes: number;
      /** Most pixels of one, before the transform. */
      most_pixels: number;
      /** Those of the catalogue that a report holds; null: all. */
      held: number[] | null;
      /** Answers the message that brought it. */
      added?: number;
      /** Where own photos are, if not in the kernel. */
      kept?: "page";
    };
  };
  /** Thumbnails of photos as the network saw them. */
  thumbnails: {
    key: {
      /** At most 64. */
      images: number[];
      /** Pixels of a thumbnail's side. */
      size: number;
    };
    data: {
      images: number[];
      /** Photos that can't be shown, and why. */
      lost: [image: number, reason: string][];
      /** Pixels of a thumbnail's side. */
      size: number;
      columns: number;
      mime: string;
    };
  };
  /** Each photo's predicted class; `partial`s as they come. */
  predicted: {
    key: Record<never, never>;
    data: { done: number; total: number };
  };
  /** What all channels of a layer say to one photo. */
  responses: {
    key: { image: number; layer: string };
    data: {
      image: number;
      layer: string;
      channels: number;
      /** Rows of a map as it is sent. */
      rows: number;
      columns: number;
      /** So many rows and columns of the layer are one of it, their largest. */
      step: number;
    };
  };
  /** A channel's strongest unit on one photo: the fields of `top` and of `projections`. */
  look: {
    key: { image: number; layer: string; channel: number; rule: string };
    data: ProjectionScales & {
      /** One. */
      activations: TopActivation[];
      /** Rows and columns of a patch. */
      patch: Pair;
      images_seen: number;
      /** One. */
      projections: (ProjectionInfo | null)[];
      /** Why there is no projection; empty if there is. */
      why: string;
      mime: string;
    };
  };
}

export type Kind = keyof Kinds;

/** Buffers of a map; NaN or -1 where not done, empty without layer or classes. */
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
