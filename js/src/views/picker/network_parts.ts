/** What of a network stands in its picture: layers, and closed blocks in the place of theirs. */

import type { Layer } from "../../lib/wire/protocol";

/** A picture with fewer parts says little: blocks are opened until it has these. */
const FEWEST = 6;

export const IMAGE = -1;

export interface Part {
  /** Layer whose output it shows; a closed block's last. */
  layer: Layer;
  /** A rectifier of that output, and of nothing else. */
  rectifier?: Layer;
  /** The closed block that it stands for, or "". */
  block: string;
  /** All layers that it stands for. */
  inside: Layer[];
  /** The open blocks that it stands in, outermost first. */
  within: readonly string[];
  /** Numbers of the parts that it reads, all before it; `IMAGE` for the image. */
  reads: number[];
}

/** Whether it is known what each layer reads; and that comes before it, whoever says so. */
export function isConnected(layers: readonly Layer[]): boolean {
  const before = new Set([""]);
  return layers.every(({ name, parents }) => {
    const known = parents?.every((parent) => before.has(parent)) ?? false;
    before.add(name);
    return known && parents?.length !== 0;
  });
}

/** Layers one by one, nothing claimed about how they are connected. */
export function rowOf(layers: readonly Layer[]): Part[] {
  return layers.map((layer) => ({ layer, block: "", inside: [layer], within: [], reads: [] }));
}

/** The parts of a network of which some blocks are open, in the order of the forward pass. */
export function partsOf(layers: readonly Layer[], open: ReadonlySet<string>): Part[] {
  const parts: Part[] = [];
  const closed = new Map<string, Part>();
  const holder = new Map<string, Part>();
  const readers = readersOf(layers);
  for (const layer of layers) {
    const blocks = layer.blocks ?? [];
    const depth = blocks.findIndex((block) => !open.has(block));
    const within = depth < 0 ? blocks : blocks.slice(0, depth);
    const block = blocks[depth] ?? "";
    const known = closed.get(block);
    const read = holder.get(layer.parents?.[0] ?? "");
    if (known) {
      known.inside.push(layer);
      known.layer = layer;
      holder.set(layer.name, known);
    } else if (!block && read && rectifies(layer, read, within, readers)) {
      read.rectifier = layer;
      holder.set(layer.name, read);
    } else {
      const part: Part = { layer, block, inside: [layer], within, reads: [] };
      parts.push(part);
      holder.set(layer.name, part);
      if (block) closed.set(block, part);
    }
  }
  connect(parts, holder);
  return parts;
}

function readersOf(layers: readonly Layer[]): Map<string, number> {
  const readers = new Map<string, number>();
  for (const { parents } of layers)
    for (const parent of parents ?? []) readers.set(parent, (readers.get(parent) ?? 0) + 1);
  return readers;
}

/** Whether a layer is the rectifier of what a part shows, which nothing else reads. */
function rectifies(
  layer: Layer,
  part: Part,
  within: readonly string[],
  readers: ReadonlyMap<string, number>,
): boolean {
  const { layer: of, rectifier } = part;
  return (
    layer.role === "rectifier" &&
    of.role !== "rectifier" &&
    !rectifier &&
    layer.parents?.length === 1 &&
    layer.parents[0] === of.name &&
    readers.get(of.name) === 1 &&
    layer.channels === of.channels &&
    layer.rows === of.rows &&
    layer.columns === of.columns &&
    within.join("\0") === part.within.join("\0")
  );
}

function connect(parts: readonly Part[], holder: ReadonlyMap<string, Part>): void {
  const number = new Map(parts.map((part, i) => [part, i]));
  parts.forEach((part, i) => {
    const reads = new Set<number>();
    for (const { parents } of part.inside)
      for (const parent of parents ?? []) {
        const at = parent === "" ? IMAGE : number.get(holder.get(parent) as Part);
        if (at !== undefined && at < i) reads.add(at);
      }
    part.reads = [...reads].sort((a, b) => a - b);
  });
}

/** The blocks that are open at first: as few as a picture can do with. */
export function openAtFirst(layers: readonly Layer[]): Set<string> {
  const open = new Set<string>();
  for (;;) {
    const parts = partsOf(layers, open);
    const shut = parts.filter(({ block }) => block);
    if (parts.length >= FEWEST || shut.length === 0) return open;
    for (const { block } of shut) open.add(block);
  }
}

/** Open what is closed around a layer, until a part shows it. */
export function openAround(
  layers: readonly Layer[],
  name: string,
  open: ReadonlySet<string>,
): Set<string> {
  const now = new Set(open);
  for (;;) {
    const around = partsOf(layers, now).find(
      ({ block, layer, inside }) =>
        block && layer.name !== name && inside.some((one) => one.name === name),
    );
    if (!around) return now;
    now.add(around.block);
  }
}
