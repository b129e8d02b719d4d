/** What the page asks of its network, and what it is told: messages to and from the worker. */

import type {
  Baseline,
  Box,
  Cover,
  Field,
  Occluder,
  Operation,
  Pair,
} from "../../../lib/wire/protocol";
import type { Rule } from "../network/descent";
import type { Program } from "../network/program";
import type { Kind } from "../network/weights";
import type { Preparation } from "../photos/prepare";
import type { Values } from "../told";

/** A photo as the network sees it: red, green, blue of each pixel. */
export interface Photo {
  image: number;
  pixels: Uint8Array<ArrayBuffer>;
}

export interface Unit {
  photo: Photo;
  row: number;
  col: number;
}

export interface Slide extends Cover {
  stride: number;
  layer: string | null;
  target: number | null;
  channel: number | null;
}

export type Task =
  /** A file as pixels of the network's size. */
  | { task: "fit"; file: Uint8Array<ArrayBuffer>; name: string; most: number }
  | { task: "predict"; photo: Photo; occluder: Occluder | null }
  | { task: "responses"; photo: Photo; layer: string }
  | { task: "respond"; photo: Photo; occluder: Occluder; layer: string }
  | { task: "occlusion"; photo: Photo; slide: Slide }
  | { task: "estimate"; photo: Photo; slide: Slide }
  | {
      task: "project";
      units: (Unit | null)[];
      layer: string;
      channel: number;
      rule: Rule;
      field: Field;
      boxes: (Box | null)[];
      operations: readonly Operation[];
    };

export interface Opening {
  op: "open";
  program: Program;
  arrays: DataView[];
  kinds: Kind[];
  preparation: Preparation;
  baselines: Readonly<Record<string, readonly number[]>>;
  noClasses: string;
}

export type ToWorker =
  | Opening
  | { op: "ask"; id: number; priority: number; task: Task }
  | { op: "cancel"; id: number };

export type FromWorker =
  | { op: "ready"; plain: string }
  | { op: "failed"; message: string }
  | ({ op: "partial"; id: number } & Found)
  | ({ op: "reply"; id: number } & Found)
  | { op: "progress"; id: number; done: number; total: number; secondsLeft: number | null }
  | { op: "error"; id: number; message: string; values: Values };

export interface Found {
  data: unknown;
  buffers: ArrayBuffer[];
}

export const EXTENT = ([, rows, columns]: readonly [number, number, number]): Pair => [
  rows,
  columns,
];
export type { Baseline };
