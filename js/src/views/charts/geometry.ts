/** What a drawing is made of, in its pixels. */

export interface Point {
  x: number;
  y: number;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A number of a series on the drawing. */
export interface Spot extends Point {
  series: number;
  place: number;
  /** Of the dot; 0: none is drawn. */
  radius: number;
  /** The bar, and where a pointer finds it. */
  bar?: Box;
  area?: Box;
}

export interface Label extends Point {
  text: string;
  /** All of it, where the text is shortened. */
  whole?: string;
  anchor: "start" | "middle" | "end";
  slanted?: boolean;
}

export interface Layout {
  plot: Box;
  /** Lines of the grid, by their ends. */
  grid: readonly (readonly [Point, Point])[];
  /** Where bars begin. */
  base: readonly [Point, Point] | null;
  labels: readonly Label[];
  /** Lines by their series: parts between gaps. */
  lines: readonly { series: number; parts: readonly (readonly Point[])[] }[];
  spots: readonly Spot[];
  /** Where a place of the axis is; null: outside, or the axis has no numbers. */
  at(place: number): number | null;
}

export type Measure = (text: string) => number;

/** Degrees by which slanted labels rise. */
export const SLANT = 40;
