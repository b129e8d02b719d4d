/**
 * Where parts stand relative to each other: columns by depth, and lanes where there are branches.
 *
 * An open block is a level of its own, one element of the level around it.
 */

import { IMAGE, type Part } from "./network_parts";

/** A part, by its number, or an open block. */
export type Element = { part: number; level?: undefined } | { level: Level; part?: undefined };

/** What a column holds at one height: an element, or the line of one that ended before. */
export interface Slot {
  element: Element;
  lane: number;
  /** Only its line passes. */
  passing: boolean;
}

export interface Level {
  block: string;
  /** How many open blocks are around it, itself counted. */
  depth: number;
  elements: Element[];
  /** From top to bottom. */
  columns: Slot[][];
  column: Map<Element, number>;
}

/** The levels of a picture, from the outermost; with the image before all others, if asked for. */
export function arrange(parts: readonly Part[], image: boolean, row: boolean): Level {
  const root = newLevel("", 0);
  if (image) root.elements.push({ part: IMAGE });
  const levels = new Map<string, Level>([["", root]]);
  const elements = new Map<Level, Map<number, Element>>();
  const put = (level: Level, number: number, element: Element) => {
    const own = elements.get(level) ?? new Map<number, Element>();
    elements.set(level, own.set(number, element));
  };
  if (image) put(root, IMAGE, root.elements[0] as Element);
  const paths = parts.map((part, number) => {
    const path: Level[] = [root];
    part.within.forEach((block, i) => {
      const key = part.within.slice(0, i + 1).join("\0");
      let level = levels.get(key);
      const around = path.at(-1) as Level;
      if (!level) {
        level = newLevel(block, i + 1);
        levels.set(key, level);
        around.elements.push({ level });
      }
      put(around, number, around.elements.find((one) => one.level === level) as Element);
      path.push(level);
    });
    const here = path.at(-1) as Level;
    const element: Element = { part: number };
    here.elements.push(element);
    put(here, number, element);
    return path;
  });

  const edges = new Map<Level, Map<Element, Set<Element>>>();
  parts.forEach((part, number) => {
    for (const read of row ? [number - 1] : part.reads) {
      const [here, there] = [paths[number] as Level[], paths[read] ?? [root]];
      let common = 0;
      while (here[common + 1] && here[common + 1] === there[common + 1]) common++;
      const level = here[common] as Level;
      const [from, to] = [elements.get(level)?.get(read), elements.get(level)?.get(number)];
      if (!from || !to || from === to) continue;
      const own = edges.get(level) ?? new Map<Element, Set<Element>>();
      edges.set(level, own.set(to, (own.get(to) ?? new Set()).add(from)));
    }
  });
  for (const level of levels.values()) fill(level, edges.get(level) ?? new Map());
  return root;
}

function newLevel(block: string, depth: number): Level {
  return { block, depth, elements: [], columns: [], column: new Map() };
}

function fill(level: Level, reads: ReadonlyMap<Element, ReadonlySet<Element>>): void {
  const { column, elements } = level;
  const readers = new Map<Element, Element[]>();
  for (const element of elements) {
    const from = [...(reads.get(element) ?? [])];
    column.set(element, Math.max(-1, ...from.map((one) => column.get(one) ?? -1)) + 1);
    for (const one of from) readers.set(one, [...(readers.get(one) ?? []), element]);
  }
  const at = (element: Element) => column.get(element) as number;
  const columns: Slot[][] = Array.from({ length: Math.max(-1, ...elements.map(at)) + 1 }, () => []);
  const lanes = new Map<Element, number>();
  const ordered = elements.map((element, i) => ({ element, i }));
  ordered.sort((a, b) => at(a.element) - at(b.element) || a.i - b.i);
  for (const { element } of ordered) {
    const here = columns[at(element)] as Slot[];
    const free = (lane: number) => here.every((slot) => slot.lane !== lane);
    const from = [...(reads.get(element) ?? [])].sort((a, b) => at(b) - at(a));
    let lane = from.map((one) => lanes.get(one) as number).find(free);
    for (let next = 0; lane === undefined; next++) if (free(next)) lane = next;
    lanes.set(element, lane);
    here.push({ element, lane, passing: false });
    // The line of a branch that ends early keeps its lane; what skips layers passes above them.
    const [only, ...others] = readers.get(element) ?? [];
    if (!only || others.length > 0) continue;
    for (let next = at(element) + 1; next < at(only); next++)
      (columns[next] as Slot[]).push({ element, lane, passing: true });
  }
  for (const slots of columns) slots.sort((a, b) => a.lane - b.lane);
  level.columns = columns;
}
