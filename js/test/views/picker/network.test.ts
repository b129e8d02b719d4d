import { describe, expect, it } from "vitest";
import type { Layer } from "../../../src/lib/wire/protocol";
import { layout } from "../../../src/views/picker/network_layout";
import {
  IMAGE,
  isConnected,
  openAround,
  openAtFirst,
  type Part,
  partsOf,
  rowOf,
} from "../../../src/views/picker/network_parts";
import type { Box, Line, Picture } from "../../../src/views/picker/network_picture";

type Entry = [name: string, reads: string[], ...blocks: string[]];

/** Layers as an engine would list them; roles by name. */
function network(...entries: Entry[]): Layer[] {
  return entries.map(([name, parents, ...blocks], i) => {
    const own = name.split(".").at(-1) as string;
    const role = /^relu/.test(own) ? "rectifier" : /^pool/.test(own) ? "pool" : "conv";
    return {
      name,
      kind: "Kind",
      role: blocks.includes(name) ? "block" : role,
      channels: 16,
      rows: 24 - Math.floor(i / 4),
      columns: 32,
      rectified: role === "rectifier",
      field: { size: [i + 3, i + 5], stride: [1, 1], offset: [0, 0], reach: "exact" },
      parents,
      ...(parents.length > 1 && { joined: "sum" as const }),
      ...(blocks.length > 0 && { blocks }),
    } satisfies Layer;
  });
}

const FIRE = network(
  ["stem", [""]],
  ["f.squeeze", ["stem"], "f"],
  ["f.left", ["f.squeeze"], "f"],
  ["f.right", ["f.squeeze"], "f"],
  ["f", ["f.left", "f.right"], "f"],
  ["head", ["f"]],
);

const RESIDUAL = network(
  ["stem", [""]],
  ["a.conv1", ["stem"], "a"],
  ["a.bn1", ["a.conv1"], "a"],
  ["a.conv2", ["a.bn1"], "a"],
  ["a.relu@1", ["stem", "a.conv2"], "a"],
  ["b.conv1", ["a.relu@1"], "b"],
  ["b.conv2", ["b.conv1"], "b"],
  ["b.conv3", ["b.conv2"], "b"],
  ["b.down", ["a.relu@1"], "b"],
  ["b.relu@1", ["b.conv3", "b.down"], "b"],
  ["head", ["b.relu@1"]],
);

const INCEPTION = network(
  ["stem", [""]],
  ["i.one", ["stem"], "i"],
  ["i.two.conv", ["stem"], "i", "i.two"],
  ["i.two.relu", ["i.two.conv"], "i", "i.two"],
  ["i.two", ["i.two.relu"], "i", "i.two"],
  ["i.three", ["i.two"], "i"],
  ["i.four", ["stem"], "i"],
  ["i.five", ["i.four"], "i"],
  ["i.six", ["i.five"], "i"],
  ["i.pool", ["stem"], "i"],
  ["i", ["i.one", "i.three", "i.six", "i.pool"], "i"],
  ["head", ["i", ""]],
);

const DENSE = network(
  ["stem", [""]],
  ...Array.from({ length: 12 }, (_, i): Entry[] => {
    const before = ["stem", ...Array.from({ length: i }, (_, j) => `d.l${j}.conv`)];
    return [
      [`d.l${i}.norm`, before, "d", `d.l${i}`],
      [`d.l${i}.conv`, [`d.l${i}.norm`], "d", `d.l${i}`],
    ];
  }).flat(),
  ["d", ["stem", ...Array.from({ length: 12 }, (_, j) => `d.l${j}.conv`)], "d"],
  ["head", ["d"]],
);

const U_NET = network(
  ["down1", [""]],
  ["down2", ["down1"]],
  ["down3", ["down2"]],
  ["deep", ["down3"]],
  ["up3", ["down3", "deep"]],
  ["up2", ["down2", "up3"]],
  ["up1", ["down1", "up2"]],
);

/** Ends of branches at different depths, dead ends, and two layers that read the image. */
const TANGLE = network(
  ["a", [""]],
  ["b", [""]],
  ["c", ["a"]],
  ["d", ["a", "b"]],
  ["e", ["c"]],
  ["aside", ["b"]],
  ["f", ["e", "d"]],
  ["g", ["f", "a", "b"]],
);

const NETWORKS = { FIRE, RESIDUAL, INCEPTION, DENSE, U_NET, TANGLE };
const all = (layers: Layer[]) => new Set(layers.flatMap(({ blocks }) => blocks ?? []));
const names = (parts: Part[]) => parts.map(({ block, layer }) => block || layer.name);
const reads = (parts: Part[]) =>
  Object.fromEntries(
    parts.map(({ reads }, i) => [
      names(parts)[i],
      reads.map((one) => (one === IMAGE ? "image" : names(parts)[one])),
    ]),
  );

describe("parts of a network", () => {
  it("are blocks that stand for their layers, and read what those read outside", () => {
    expect(reads(partsOf(RESIDUAL, new Set()))).toEqual({
      stem: ["image"],
      a: ["stem"],
      b: ["a"],
      head: ["b"],
    });
    const [, block] = partsOf(RESIDUAL, new Set());
    expect(block?.layer.name).toBe("a.relu@1"); // the last one of the block
    expect(block?.inside).toHaveLength(4);
  });

  it("are single layers where blocks are open, however deep", () => {
    expect(names(partsOf(INCEPTION, new Set(["i"])))).toEqual([
      ..."stem i.one i.two i.three i.four i.five i.six i.pool i head".split(" "),
    ]);
    const open = partsOf(INCEPTION, new Set(["i", "i.two"]));
    expect(open.find(({ layer }) => layer.name === "i.two.conv")?.within).toEqual(["i", "i.two"]);
    expect(reads(open)["i.three"]).toEqual(["i.two"]);
    expect(reads(open).head).toEqual(["image", "i"]);
  });

  it("hold a rectifier of nothing else, if nothing else reads what it rectifies", () => {
    const layers = network(
      ["conv", [""]],
      ["relu", ["conv"]],
      ["conv2", ["relu"]],
      ["relu2", ["conv2"]],
      ["sum", ["conv2", "relu2"]],
      ["relu3", ["sum"]],
      ["relu4", ["relu3"]],
      ["relu5", ["relu4", "conv"]],
    ).map((layer) => ({ ...layer, rows: 7 }));
    // `conv` is read by relu5 as well; so is conv2 by sum.
    expect(names(partsOf(layers, new Set()))).toEqual([
      ..."conv relu conv2 relu2 sum relu4 relu5".split(" "),
    ]);
    const [conv, relu] = network(["conv", [""]], ["relu", ["conv"]]);
    expect(partsOf([conv!, relu!], new Set()).map(({ rectifier }) => rectifier?.name)).toEqual([
      "relu",
    ]);
    // What is between a layer and its rectifier has changed its size.
    expect(partsOf([conv!, { ...relu!, rows: 5 }], new Set())).toHaveLength(2);
  });

  it("are opened until there are some, and until the chosen layer is among them", () => {
    expect([...openAtFirst(U_NET)]).toEqual([]);
    expect([...openAtFirst(FIRE)]).toEqual(["f"]);
    const open = openAround(INCEPTION, "i.two.relu", new Set());
    expect([...open]).toEqual(["i", "i.two"]);
    // A closed block shows its output.
    expect([...openAround(INCEPTION, "i.two", new Set(["i"]))]).toEqual(["i"]);
    expect([...openAround(INCEPTION, "nobody", new Set())]).toEqual([]);
  });

  it("are known to be connected only where each layer reads earlier ones", () => {
    for (const layers of Object.values(NETWORKS)) expect(isConnected(layers)).toBe(true);
    const [a, b] = network(["a", [""]], ["b", ["a"]]);
    expect(isConnected([b!, a!])).toBe(false);
    const { parents: _, ...unknown } = b!;
    expect(isConnected([a!, unknown])).toBe(false);
    expect(isConnected([{ ...a!, parents: [] }])).toBe(false);
  });
});

const right = ({ x, width }: Box) => x + width;
const bottom = ({ y, height }: Box) => y + height;
const apart = (a: Box, b: Box) =>
  right(a) <= b.x + 0.01 ||
  right(b) <= a.x + 0.01 ||
  bottom(a) <= b.y + 0.01 ||
  bottom(b) <= a.y + 0.01;
const holds = (outer: Box, inner: Box) =>
  outer.x <= inner.x &&
  right(inner) <= right(outer) &&
  outer.y <= inner.y &&
  bottom(inner) <= bottom(outer);

/** Points along a line. */
function points({ path }: Line): [x: number, y: number][] {
  const found: [number, number][] = [];
  for (const [, command, rest] of path.matchAll(/([MHC])([^MHC]*)/g)) {
    const values = (rest as string)
      .trim()
      .split(/[\s,]+/)
      .map(Number);
    const [x, y] = found.at(-1) ?? [0, 0];
    if (command === "M") found.push(values as [number, number]);
    for (let t = 1 / 24; t <= 1.0001; t += 1 / 24) {
      const s = 1 - t;
      if (command === "H") found.push([x + ((values[0] as number) - x) * t, y]);
      if (command !== "C") continue;
      const [x1, y1, x2, y2, x3, y3] = values as [number, number, number, number, number, number];
      const at = (p0: number, p1: number, p2: number, p3: number) =>
        s ** 3 * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t ** 3 * p3;
      found.push([at(x, x1, x2, x3), at(y, y1, y2, y3)]);
    }
  }
  return found;
}

const CASES = Object.entries(NETWORKS).flatMap(([name, layers]) => {
  const blocks = [...all(layers)];
  const some = blocks.filter((_, i) => i % 2 === 0);
  return [[], some, blocks].map(
    (open, i) => [`${name} ${["closed", "half open", "open"][i]}`, layers, open] as const,
  );
});

describe.each(CASES)("the picture of %s", (_, layers, open) => {
  const parts = partsOf(layers, new Set(open));
  const picture: Picture = layout(parts, { image: [3, 24, 32], height: 100 });
  const at = new Map(picture.placed.map((one) => [one.part, one]));

  it("has every part once, inside, and none over another", () => {
    expect([...at.keys()]).toEqual([IMAGE, ...parts.keys()]);
    const page = { x: 0, y: 0, width: picture.width, height: picture.height };
    picture.placed.forEach((one, i) => {
      expect(holds(page, one.cell)).toBe(true);
      expect(holds(one.cell, one.glyph)).toBe(true);
      for (const other of picture.placed.slice(i + 1))
        expect(apart(one.cell, other.cell)).toBe(true);
    });
  });

  it("goes from left to right", () => {
    expect(picture.lines).toHaveLength(parts.reduce((sum, { reads }) => sum + reads.length, 0));
    for (const line of picture.lines) {
      const [from, to] = [at.get(line.from)!, at.get(line.to)!];
      expect(from.exit).toBeLessThan(to.entry);
      const xs = points(line).map(([x]) => x);
      expect(xs.every((x, i) => i === 0 || x >= xs[i - 1]! - 0.01)).toBe(true);
      expect(xs[0]).toBeCloseTo(from.exit, 0);
      expect(xs.at(-1)).toBeCloseTo(to.entry, 0);
    }
  });

  it("has no line through what it doesn't lead to", () => {
    for (const line of picture.lines) {
      const way = points(line);
      for (const { part, glyph } of picture.placed) {
        if (part === line.from || part === line.to) continue;
        const inside = way.filter(
          ([x, y]) => glyph.x < x && x < right(glyph) && glyph.y < y && y < bottom(glyph),
        );
        expect(inside, `${line.from} → ${line.to} through ${part}`).toEqual([]);
      }
    }
  });

  it("frames open blocks, with their layers and no others", () => {
    expect(picture.frames.map(({ block }) => block).sort()).toEqual([...open].sort());
    for (const { block, box } of picture.frames)
      for (const { part, cell } of picture.placed) {
        const within = parts[part]?.within.includes(block) ?? false;
        expect(within ? holds(box, cell) : apart(box, cell), `${part} and ${block}`).toBe(true);
      }
  });
});

describe("the picture", () => {
  it("draws halved resolution a step lower, and twice the channels a step wider", () => {
    const layers = [1, 2, 4].map((n) => ({
      ...FIRE[0]!,
      name: `l${n}`,
      channels: 8 * n,
      rows: 64 / n,
      parents: [n === 1 ? "" : `l${n / 2}`],
    }));
    const { placed } = layout(partsOf(layers, new Set()), { image: [3, 64, 32], height: 140 });
    const [, a, b, c] = placed.map(({ glyph }) => glyph);
    expect(a!.height).toBeGreaterThan(b!.height);
    expect(b!.height).toBeGreaterThan(c!.height);
    expect(a!.width).toBeLessThan(b!.width);
    expect(b!.width).toBeLessThan(c!.width);
    expect(a!.height).toBeCloseTo(placed[0]!.glyph.height); // as many rows as the image
  });

  it("fits into the height that there is, and takes more only for many branches", () => {
    for (const layers of [FIRE, RESIDUAL, U_NET])
      expect(layout(partsOf(layers, all(layers)), { height: 104 }).height).toBe(104);
    const wide = network(
      ["stem", [""]],
      ...Array.from({ length: 16 }, (_, i): Entry => [`b${i}`, ["stem"]]),
      ["head", Array.from({ length: 16 }, (_, i) => `b${i}`)],
    );
    expect(layout(partsOf(wide, new Set()), { height: 104 }).height).toBeGreaterThan(200);
  });

  it("nests the arcs of a U-Net", () => {
    const { lines, placed } = layout(partsOf(U_NET, new Set()), { height: 140 });
    const top = (from: number, to: number) => {
      const line = lines.find((one) => one.from === from && one.to === to)!;
      return Math.min(...points(line).map(([, y]) => y));
    };
    expect(top(0, 6)).toBeLessThan(top(1, 5));
    expect(top(1, 5)).toBeLessThan(top(2, 4));
    expect(top(2, 4)).toBeLessThan(placed[3]!.glyph.y);
  });

  it("is a plain row where nothing is claimed", () => {
    const { placed, lines, frames } = layout(rowOf(FIRE), { row: true, height: 100 });
    expect([lines, frames]).toEqual([[], []]);
    expect(placed.map(({ label }) => label)).toEqual(FIRE.map(({ name }) => name));
    placed.slice(1).forEach(({ cell }, i) => {
      expect(cell.x).toBeGreaterThanOrEqual(right(placed[i]!.cell));
    });
  });

  it("signs what comes together before a layer, and behind a closed block", () => {
    const closed = layout(partsOf(RESIDUAL, new Set()), {}).placed[1]!;
    expect(closed.join!.x).toBeGreaterThan(right(closed.glyph));
    expect(closed.exit).toBeGreaterThan(closed.join!.x);
    const open = layout(partsOf(RESIDUAL, new Set(["a"])), {}).placed[4]!;
    expect(open.join!.x).toBeLessThan(open.glyph.x);
    expect(open.entry).toBeLessThan(open.join!.x);
  });
});
