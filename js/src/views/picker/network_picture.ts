/** A picture of a network, in pixels. */

/** Between columns. */
export const GAP = 18;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed {
  /** Number of the part; `IMAGE` for the image. */
  part: number;
  /** All that belongs to it. */
  cell: Box;
  /** The rectangle: width tells channels, height rows. */
  glyph: Box;
  /** The rectifier's rectangle, right of it. */
  rectifier?: Box;
  /** Where what it joins comes together: before a layer, behind a closed block, which does it inside. */
  join?: { x: number; y: number };
  /** Where lines end. */
  entry: number;
  /** Where they begin. */
  exit: number;
  /** Where texts start in the cell, right of the rectangle; without it they stand below. */
  text?: number;
  label: string;
  reach: string;
}

export interface Frame {
  block: string;
  box: Box;
}

export interface Line {
  from: number;
  to: number;
  path: string;
}

export interface Picture {
  width: number;
  height: number;
  placed: Placed[];
  /** Frames of open blocks, outer ones first. */
  frames: Frame[];
  lines: Line[];
}
