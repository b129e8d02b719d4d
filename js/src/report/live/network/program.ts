/**
 * A network as it lies in a report: `zfwidgets/engine/portable/lowering.py` says what each
 * operation is. Value 0 is the image, operation i makes value i + 1.
 */

import type { Pair } from "../../../lib/wire/protocol";

export type Shape = [channels: number, rows: number, columns: number];

interface Made {
  in: number[];
  shape: Shape;
}

export interface Slide {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  dilation: Pair;
}

interface Filtering extends Made, Slide {
  weight: number;
  bias?: number;
  groups: number;
}

export interface Convolution extends Filtering {
  op: "conv";
  /** Scales of weights in int8: one number a filter that they are times. */
  weight_scale?: number;
  /** Where a rectifier is all that reads it, it is part of it: the most that it lets through. */
  rectify?: number;
}

/** The transpose of a filter, on the way up. */
export interface Transposed extends Filtering {
  op: "conv_transposed";
}

/** Over all places of some channels side by side, or `apart`: over all channels of each place. */
export interface GroupNorm extends Made {
  op: "group_norm";
  groups: number;
  apart: boolean;
  epsilon: number;
  scale?: number;
  shift?: number;
}

export interface Scale extends Made {
  op: "scale";
  scale?: number;
  shift?: number;
}

export interface Rectify extends Made {
  op: "rectify";
  most?: number;
}

export interface Curve extends Made {
  op: "curve";
  curve: string;
  slope?: number;
}

/** x / (k + alpha V) ** beta, V the spread of neighbouring channels. */
export interface Norm extends Made {
  op: "norm";
  /** Channels that are normed together, and how many of them lie before the one. */
  size: number;
  before: number;
  alpha: number;
  k: number;
  beta: number;
  /** Whether their mean's square is taken off. */
  contrast: boolean;
}

export interface MaxPool extends Made, Slide {
  op: "max_pool";
}

export interface MeanPool extends Made, Omit<Slide, "dilation"> {
  op: "mean_pool";
  padding_counts: boolean;
  divisor: number;
}

export interface Add extends Made {
  op: "add";
  factors: Pair;
}

export interface Gate extends Made {
  op: "gate";
  through: number;
}

export interface Part extends Made {
  op: "part";
  first: number;
}

export interface Pad extends Made {
  op: "pad";
  before: Pair;
  after: Pair;
  value: number;
}

export interface Plain extends Made {
  op: "adaptive_mean" | "product" | "concat" | "view" | "softmax";
}

export interface AdaptiveMax extends Made {
  op: "adaptive_max";
}

export type Operation =
  | Convolution
  | Transposed
  | GroupNorm
  | AdaptiveMax
  | Scale
  | Rectify
  | Curve
  | Norm
  | MaxPool
  | MeanPool
  | Add
  | Gate
  | Part
  | Pad
  | Plain;

export interface Program {
  input: Shape;
  operations: Operation[];
  layers: Record<string, number>;
  output: number | null;
}

export type Floats = Float32Array<ArrayBuffer>;

/** Values of one image, whole maps each; what wasn't needed is missing. */
export type Values = (Floats | undefined)[];

/** Rows and columns `top .. bottom - 1`, `left .. right - 1` of a map. */
export interface Area {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export const whole = ([, rows, columns]: Shape): Area => ({
  top: 0,
  left: 0,
  bottom: rows,
  right: columns,
});

export const isEmpty = ({ top, left, bottom, right }: Area) => bottom <= top || right <= left;

export const isWhole = ({ top, left, bottom, right }: Area, [, rows, columns]: Shape) =>
  top === 0 && left === 0 && bottom === rows && right === columns;

export function union(one: Area | null, other: Area): Area {
  if (!one || isEmpty(one)) return other;
  if (isEmpty(other)) return one;
  return {
    top: Math.min(one.top, other.top),
    left: Math.min(one.left, other.left),
    bottom: Math.max(one.bottom, other.bottom),
    right: Math.max(one.right, other.right),
  };
}

export function shapeOf(program: Program, value: number): Shape {
  return value === 0 ? program.input : (program.operations[value - 1] as Operation).shape;
}

export const count = ([channels, rows, columns]: Shape) => channels * rows * columns;

const clip = (area: Area, [, rows, columns]: Shape): Area => ({
  top: Math.max(area.top, 0),
  left: Math.max(area.left, 0),
  bottom: Math.min(area.bottom, rows),
  right: Math.min(area.right, columns),
});

/** The slide of an operation, if it has one. */
function slideOf(one: Operation): Slide | null {
  if (one.op === "conv" || one.op === "max_pool") return one;
  return one.op === "mean_pool" ? { ...one, dilation: [1, 1] } : null;
}

/** What windows over an area read. */
function read({ kernel, stride, padding, dilation }: Slide, area: Area): Area {
  const last = (end: number, axis: 0 | 1) =>
    (end - 1) * stride[axis] - padding[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
  return {
    top: area.top * stride[0] - padding[0],
    left: area.left * stride[1] - padding[1],
    bottom: last(area.bottom, 0),
    right: last(area.right, 1),
  };
}

/** The windows that read some of an area. */
function reading({ kernel, stride, padding, dilation }: Slide, area: Area): Area {
  const first = (start: number, axis: 0 | 1) =>
    Math.ceil((start + padding[axis] - (kernel[axis] - 1) * dilation[axis]) / stride[axis]);
  const after = (end: number, axis: 0 | 1) =>
    Math.floor((end - 1 + padding[axis]) / stride[axis]) + 1;
  return {
    top: first(area.top, 0),
    left: first(area.left, 1),
    bottom: after(area.bottom, 0),
    right: after(area.right, 1),
  };
}

function moved({ top, left, bottom, right }: Area, [down, across]: Pair): Area {
  return { top: top + down, left: left + across, bottom: bottom + down, right: right + across };
}

/** What an area of an operation's value is computed from, of its input of this number. */
export function reads(one: Operation, area: Area, number: number, input: Shape): Area {
  if (one.op === "conv_transposed") return clip(reading(one, area), input);
  const slide = slideOf(one);
  if (slide) return clip(read(slide, area), input);
  if (one.op === "pad") return clip(moved(area, [-one.before[0], -one.before[1]]), input);
  return mixes(one, number) ? whole(input) : area;
}

/** What of an operation's value changes where an area of its input of this number does. */
export function reaches(one: Operation, area: Area, number: number, input: Shape): Area {
  if (one.op === "conv_transposed") return clip(read(one, area), one.shape);
  const slide = slideOf(one);
  if (slide) return clip(reading(slide, area), one.shape);
  if (one.op === "pad") return moved(area, one.before);
  return mixes(one, number) || isVector(input) ? whole(one.shape) : area;
}

const isVector = ([, rows, columns]: Shape) => rows === 1 && columns === 1;

/** Whether each place of an operation's value depends on all places of an input. */
function mixes(one: Operation, number: number): boolean {
  if (one.op === "gate") return number !== one.through;
  if (one.op === "group_norm") return !one.apart;
  return ["adaptive_mean", "adaptive_max", "view", "softmax"].includes(one.op);
}
