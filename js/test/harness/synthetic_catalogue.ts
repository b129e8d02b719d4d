/** What a synthetic source has: a network of SqueezeNet's shape, photos and classes. */

import type { Answer, Catalogue, Layer } from "../../src/lib/wire/protocol";
import { COLUMNS, ROWS } from "./pictures";

export const CLASSES = [
  "tiger cat",
  "Egyptian cat",
  "tabby, tabby cat",
  "lynx, catamount",
  "window screen",
  "red fox, Vulpes vulpes",
  "German shepherd, German shepherd dog, German police dog, alsatian",
  "espresso",
  "windmill",
  "great white shark, white shark, man-eater",
  ...Array.from({ length: 90 }, (_, i) => `synthetic class ${i}`),
];
export const NAMES = [
  "cat-siesta",
  "egyptian-cat",
  "windmill-kinderdijk",
  "heron",
  "red-fox",
  "old-anvil",
];

function layer(
  name: string,
  kind: string,
  role: string,
  channels: number,
  step: number,
  size: number,
  reads: string[],
  reach: Layer["field"]["reach"] = "exact",
): Layer {
  return {
    name,
    kind,
    role,
    channels: Math.round(channels),
    rows: Math.floor(ROWS / step),
    columns: Math.floor(COLUMNS / step),
    rectified: role === "rectifier",
    field: {
      size: [size, size],
      stride: [step, step],
      offset: [-(size >> 1), -(size >> 1)],
      reach,
    },
    parents: reads,
    ...(reads.length > 1 && { joined: "concatenation" as const }),
  };
}

function network(): Layer[] {
  const out = [
    layer("features.0", "Conv2d", "conv", 64, 2, 3, [""]),
    layer("features.1", "ReLU", "rectifier", 64, 2, 3, ["features.0"]),
    layer("features.2", "MaxPool2d", "pool", 64, 4, 7, ["features.1"]),
  ];
  let [step, size, last] = [4, 7, "features.2"];
  for (const [at, wide] of [
    [3, 128],
    [4, 128],
    [6, 256],
    [7, 500],
    [9, 384],
    [10, 384],
    [11, 512],
    [12, 512],
  ] as const) {
    const name = `features.${at}`;
    if (at === 6 || at === 9) {
      const pool = `features.${at - 1}`;
      out.push(layer(pool, "MaxPool2d", "pool", wide / 2, step * 2, size + 2 * step, [last]));
      last = pool;
      size += 2 * step;
      step *= 2;
    }
    const [squeeze, one, three] = ["squeeze", "expand1x1", "expand3x3"].map(
      (of) => `${name}.${of}`,
    );
    const active = `${squeeze}_activation`;
    const inside = [
      layer(squeeze as string, "Conv2d", "conv", wide / 8, step, size, [last]),
      layer(active, "ReLU", "rectifier", wide / 8, step, size, [squeeze as string]),
      layer(one as string, "Conv2d", "conv", wide / 2, step, size, [active]),
    ];
    size += 2 * step;
    inside.push(
      layer(three as string, "Conv2d", "conv", wide / 2, step, size, [active]),
      layer(name, "Fire", "block", wide, step, size, [one as string, three as string]),
    );
    out.push(...inside.map((own) => ({ ...own, blocks: [name] })));
    last = name;
  }
  const classifier = "classifier.1";
  out.push(layer(classifier, "Conv2d", "conv", CLASSES.length, step, size, [last]));
  out.push({
    ...layer(
      "classifier.3",
      "AdaptiveAvgPool2d",
      "pool",
      CLASSES.length,
      step,
      ROWS,
      [classifier],
      "global",
    ),
    rows: 1,
    columns: 1,
  });
  return out;
}

/** Another network's layers, put into the page before this script, or those above. */
const given = (globalThis as { harnessLayers?: Layer[] }).harnessLayers;

export const CATALOGUE: Catalogue = {
  engine: {
    model: "SqueezeNet 1.1 (synthetic)",
    device: "cpu",
    transform: "resize 256, centre crop 192x224, normalise",
    notes: ["These answers are made up in the page: no network has been run."],
    skipped: [["broken.jpg", "truncated file"]],
    input: [3, ROWS, COLUMNS],
  },
  layers: given ?? network(),
  images: Array.from({ length: 60 }, (_, i) => ({
    name: `${NAMES[i % NAMES.length]}-${i}.jpg`,
    label: null,
  })),
  classes: CLASSES,
  rules: ["deconvnet", "guided", "gradient"],
  rule_info: {
    deconvnet: {
      name: "deconvnet",
      title: "deconvnet (paper)",
      answers:
        "Which pattern, through this image's max-pool switches, drives the unit: at rectifiers " +
        "only positive signal goes down, whether they were active or not.",
      reads_forward: false,
      status_note: "",
    },
    guided: {
      name: "guided",
      title: "guided backprop",
      answers:
        "Which pixels raise the unit, without what lowers it: at rectifiers only " +
        "positive signal goes down, and only where they were active.",
      reads_forward: true,
      status_note: "",
    },
  },
  baselines: ["grey", "mean", "blur", "noise", "border", "my wallpaper"],
  no_classes: "",
  indexed: true,
};

export const LISTED: Answer<"photos">["data"] = {
  own: [],
  no_own: "",
  most: 20,
  most_bytes: 30_000_000,
  most_pixels: 64_000_000,
  held: null,
};
