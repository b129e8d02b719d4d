/** The lines of a network's picture: to the next column, along a lane, or in an arc above others. */

import type { Part } from "./network_parts";
import { GAP, type Line, type Placed } from "./network_picture";

/** Between one arc and the next above it, where there is room. */
const PITCH = 3;

/** Left and right of a column. */
export interface Span {
  left: number;
  right: number;
}

/** Where a part stands, before it has its rectangle. */
export interface Spot extends Span {
  top: number;
  bottom: number;
  beside: boolean;
}

/** Which parts' outputs pass above others: by part, in which track, the lowest being 0. */
export function arcsOf(
  parts: readonly Part[],
  spots: ReadonlyMap<number, Spot>,
  passes: ReadonlyMap<number, Span[]>,
): Map<number, number> {
  const reach = new Map<number, number>();
  for (const [number, { reads }] of parts.entries())
    for (const read of reads)
      if (isArc(read, number, spots, passes)) {
        const { left } = spots.get(number) as Spot;
        reach.set(read, Math.max(reach.get(read) ?? 0, left));
      }
  const spans = [...reach].map(([from, end]) => ({
    from,
    start: (spots.get(from) as Spot).right,
    end,
  }));
  spans.sort((a, b) => a.end - a.start - (b.end - b.start) || a.start - b.start);
  const tracks = new Map<number, number>();
  const taken: { start: number; end: number }[][] = [];
  for (const { from, start, end } of spans) {
    const track = taken.findIndex((others) =>
      others.every((other) => other.end <= start || end <= other.start),
    );
    const own = track < 0 ? taken.length : track;
    taken[own] = [...(taken[own] ?? []), { start, end }];
    tracks.set(from, own);
  }
  return tracks;
}

/** Whether something stands between two parts, and no lane leads past it. */
function isArc(
  from: number,
  to: number,
  spots: ReadonlyMap<number, Spot>,
  passes: ReadonlyMap<number, Span[]>,
): boolean {
  const [start, end] = [spots.get(from), spots.get(to)];
  if (!start || !end) return false;
  if (passes.get(from)?.some(({ left }) => start.right <= left && left < end.left)) return false;
  for (let between = from + 1; between < to; between++) {
    const { left, right } = spots.get(between) as Spot;
    if (start.right <= left && right <= end.left) return true;
  }
  return false;
}

/** All lines. */
export function through(
  parts: readonly Part[],
  placed: readonly Placed[],
  spots: ReadonlyMap<number, Spot>,
  passes: ReadonlyMap<number, (Span & { y: number })[]>,
  arcs: ReadonlyMap<number, number>,
  ceiling: number,
): Line[] {
  const at = new Map(placed.map((one) => [one.part, one]));
  const heights = arcHeights(parts, at, spots, passes, arcs, ceiling);
  const lines: Line[] = [];
  for (const [to, { reads }] of parts.entries())
    for (const from of reads) {
      const [start, end] = [at.get(from), at.get(to)];
      if (!start || !end) continue;
      const columns = { start: spots.get(from) as Spot, end: spots.get(to) as Spot };
      const between = (passes.get(from) ?? [])
        .filter(({ left }) => columns.start.right <= left && left < columns.end.left)
        .sort((a, b) => a.left - b.left);
      const pen = new Pen(start.exit, middle(start));
      if (between.length === 0 && isArc(from, to, spots, passes))
        pen.arc(columns.start.right, heights.get(from) ?? ceiling, columns.end.left, middle(end));
      else {
        let right = columns.start.right;
        for (const segment of between) {
          pen.bend(right, segment.left, segment.y);
          right = segment.right;
        }
        pen.bend(right, columns.end.left, middle(end));
      }
      lines.push({ from, to, path: pen.to(end.entry) });
    }
  return lines;
}

/** How high each part's arcs go: just above all that they pass. */
function arcHeights(
  parts: readonly Part[],
  at: ReadonlyMap<number, Placed>,
  spots: ReadonlyMap<number, Spot>,
  passes: ReadonlyMap<number, Span[]>,
  arcs: ReadonlyMap<number, number>,
  ceiling: number,
): Map<number, number> {
  const furthest = new Map<number, number>();
  for (const [to, { reads }] of parts.entries())
    for (const from of reads)
      if (arcs.has(from) && isArc(from, to, spots, passes)) furthest.set(from, to);
  const found = new Map<number, number>();
  const last = Math.max(1, ...arcs.values());
  for (const [from, to] of furthest) {
    let top = Number.POSITIVE_INFINITY;
    for (let between = from + 1; between < to; between++)
      top = Math.min(top, at.get(between)?.glyph.y ?? top);
    const lowest = Math.max(top - 6, ceiling);
    const pitch = Math.min(PITCH, (lowest - ceiling) / last);
    found.set(from, lowest - pitch * (arcs.get(from) ?? 0));
  }
  return found;
}

function middle({ glyph }: Placed): number {
  return glyph.y + glyph.height / 2;
}

class Pen {
  private path: string;

  constructor(
    x: number,
    private y: number,
  ) {
    this.path = `M${round(x)} ${round(y)}`;
  }

  /** Level up to `from`, and at another height from `to` on. */
  bend(from: number, to: number, y: number): void {
    if (Math.abs(y - this.y) > 0.5) {
      const start = Math.max(from, to - GAP);
      const half = round((start + to) / 2);
      this.path += `H${round(start)}C${half} ${round(this.y)} ${half} ${round(y)} ${round(to)} ${round(y)}`;
      this.y = y;
    }
  }

  arc(from: number, height: number, to: number, y: number): void {
    const turn = Math.min(GAP / 2, (to - from) / 2);
    this.bend(from, from + turn, height);
    this.path += `H${round(to - turn)}`;
    this.bend(to - turn, to, y);
  }

  to(x: number): string {
    return `${this.path}H${round(x)}`;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
