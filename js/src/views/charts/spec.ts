/** What a chart shows: the traits of `Chart` in zfwidgets/experiments/shared/charts/chart.py. */

export interface Axis {
  /** What it shows, with units. */
  label: string;
  /** What it reaches at least; null: it follows the data. */
  low: number | null;
  high: number | null;
  /** Places that have names instead of numbers. */
  names: readonly (readonly [at: number, name: string])[];
}

export interface Series {
  kind: "line" | "level" | "bars" | "points";
  /** Which colour and dashes it has. */
  style: number;
  name: string;
  x: readonly (number | null)[];
  /** null: nothing is drawn there. */
  y: readonly (number | null)[];
  /** What its points are called, if anything. */
  names: readonly string[];
}

/** What is pointed out: a place on the axis, or the n-th point or bar of all series. */
export interface Mark {
  kind: "line" | "place";
  at: number;
}

export interface Charted {
  label: string;
  /** The axis of places, horizontal unless bars lie. */
  across: Axis;
  /** The axis of values. */
  up: Axis;
  series: readonly Series[];
  marks: readonly Mark[];
  /** The series that stands out; -1: none. */
  strong: number;
  /** Whether bars lie, the axis of places at the left. */
  lying: boolean;
  /** Whether the series are named. */
  legend: boolean;
  choosable: boolean;
  /** CSS pixels of the drawing. */
  height: number;
  /** Series and place that were chosen just now. */
  chosen: readonly number[];
}

const NO_AXIS: Axis = { label: "", low: null, high: null, names: [] };

export const FIRST: Charted = {
  label: "",
  across: NO_AXIS,
  up: NO_AXIS,
  series: [],
  marks: [],
  strong: -1,
  lying: false,
  legend: true,
  choosable: false,
  height: 240,
  chosen: [],
};

/** Whether there is such a number. */
export function known(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
