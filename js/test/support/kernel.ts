/** A kernel that answers the requests of a fake model: a small network on a few photos. */

import { fieldBox, fieldOf } from "../../src/lib/network/fields";
import { focusBox } from "../../src/lib/pictures/boxes";
import type {
  Answer,
  Catalogue,
  Field,
  Key,
  Kind,
  Layer,
  Request,
} from "../../src/lib/wire/protocol";
import { FakeModel, flush, numbers, windowOn } from "./fakes";

export const INPUT: [rows: number, columns: number] = [48, 64];
/** Side of the square on which patches and projections are shown; fields are 5 x 7 or 11 x 13. */
export const FOCUS = 6;

const layer = (
  name: string,
  role: string,
  channels: number,
  rows: number,
  columns: number,
  ...parents: string[]
) =>
  ({
    name,
    parents,
    ...(name.startsWith("features.3") && { blocks: ["features.3"] }),
    kind: role === "block" ? "Fire" : "Conv2d",
    role,
    channels,
    rows,
    columns,
    rectified: false,
    field: { size: [11, 13], stride: [4, 4], offset: [-2, -2], reach: "exact" },
  }) satisfies Layer;

export const CATALOGUE: Catalogue = {
  engine: {
    model: "Small",
    device: "cpu",
    transform: "none",
    notes: [],
    skipped: [["broken.png", "truncated"]],
    input: [3, ...INPUT],
  },
  layers: [
    layer("features.0", "conv", 8, 24, 32, ""),
    layer("features.3.squeeze", "conv", 4, 12, 16, "features.0"),
    layer("features.3.expand", "conv", 6, 12, 16, "features.3.squeeze"),
    {
      ...layer("features.3", "block", 12, 12, 16, "features.3.squeeze", "features.3.expand"),
      joined: "concatenation",
      field: { size: [11, 13], stride: [4, 4], offset: [-2, -2], reach: "upper bound" },
      fields: [
        { size: [5, 7], stride: [4, 4], offset: [1, 1], reach: "exact", first: [0] },
        { size: [11, 13], stride: [4, 4], offset: [-2, -2], reach: "upper bound", first: [5] },
      ],
    },
    layer("features.4", "conv", 1200, 6, 8, "features.3"),
  ],
  images: Array.from({ length: 20 }, (_, i) => ({ name: `photo-${i}.jpg`, label: null })),
  classes: ["tiger cat", "lynx", "espresso", "windmill", "anvil", "heron", "red fox"],
  rules: ["deconvnet", "guided", "gradient", "my own"],
  rule_info: {
    deconvnet: {
      name: "deconvnet",
      title: "deconvnet (paper)",
      answers: "Which pattern, through this image's max-pool switches, drives the unit.",
      reads_forward: false,
      status_note: "",
    },
    gradient: {
      name: "gradient",
      title: "plain gradient",
      answers: "How the unit changes with each pixel, to first order.",
      reads_forward: true,
      status_note: "A gradient; unless a row says otherwise, its mark says how a deconvnet would.",
    },
    "my own": {
      name: "my own",
      title: "my own",
      answers: "What my own rule answers.",
      reads_forward: null,
      status_note: "",
    },
  },
  baselines: ["grey", "mean", "blur", "noise", "border", "wallpaper"],
  no_classes: "",
  indexed: true,
};

const PIXELS = windowOn(new Uint8Array([1, 2, 3]));

export function probabilities(image: number, shift = 0): Float32Array {
  const raw = CATALOGUE.classes.map((_, i) => 1 / (1 + ((i + image + shift) % 7)));
  const sum = raw.reduce((a, b) => a + b, 0);
  return Float32Array.from(raw, (value) => value / sum);
}

/** Of channel 6's second strongest patch, which is also channel 5's in the sheets. */
export const LOST = "the file is gone";

function fieldNamed(name: string, channel: number): Field {
  return fieldOf(CATALOGUE.layers.find((one) => one.name === name) as Layer, channel);
}

/** Which photos there are. */
export const LISTED: Answer<"photos">["data"] = {
  own: [],
  no_own: "",
  most: 3,
  most_bytes: 5_000_000,
  most_pixels: 4_000_000,
  held: null,
};

/** What a kernel would say to a request; `channel` 3 fires in four images only. */
export function answerTo(request: Request): [data: unknown, buffers: DataView[]] {
  const key = request.key as never;
  switch (request.kind as Kind) {
    case "catalogue":
      return [CATALOGUE, []];
    case "index":
      return [{}, []];
    case "channels": {
      const { layer: name } = key as Key<"channels">;
      const n = CATALOGUE.layers.find((one) => one.name === name)?.channels ?? 0;
      const mean = Float32Array.from({ length: n }, (_, i) => ((i * 7) % n) / n);
      const silent = Float32Array.from({ length: n }, (_, i) => (i === 1 ? 1 : 0.25));
      const strongest = Float32Array.from({ length: n }, (_, i) => n - i);
      return [{ channels: n }, [mean, silent, strongest, new Int32Array(n)].map(numbers)];
    }
    case "sheet": {
      const { first, count, size } = key as Key<"sheet">;
      const lost = first <= 5 && 5 < first + count ? [[5, "photo-7.jpg", LOST]] : [];
      return [{ first, count, size, columns: 16, lost, mime: "image/png" }, [PIXELS]];
    }
    case "top": {
      const { layer: name, channel, k } = key as Key<"top">;
      const n = channel === 3 ? 4 : k;
      const field = fieldNamed(name, channel);
      const activations = Array.from({ length: n }, (_, rank) => ({
        ...(channel === 6 && rank === 1 && { lost: LOST }),
        image: (channel + rank) % 20,
        name: `photo-${(channel + rank) % 20}.jpg`,
        row: rank,
        col: 2,
        value: 10 - rank,
        box: fieldBox(field, rank, 2, INPUT),
      }));
      const data = { activations, patch: field.size, images_seen: 20, mime: "image/png" };
      return [data, activations.map(() => PIXELS)];
    }
    case "projections": {
      const { layer: name, channel, k } = key as Key<"projections">;
      const n = channel === 3 ? 4 : k;
      const field = fieldNamed(name, channel);
      const there = Array.from({ length: n }, (_, rank) => ({
        image: (channel + rank) % 20,
        scale: 0.25 + rank / 8,
        brightness: 0.125 + rank / 16,
        view: focusBox(field, [rank, 2], FOCUS, INPUT),
        full: Math.max(0.5, 0.25 + rank / 8),
        status: rank === 1 ? "linearised" : "paper",
        operations: [{ name: "lrn", status: "linearised", count: 1, note: "frozen" }],
        pools: 2,
      }));
      const projections = there.map((one, rank) => (channel === 6 && rank === 1 ? null : one));
      const colour = channel === 5 ? 0.864 : 0.41;
      const scales = {
        scale: 0.5,
        brightness: 0.375,
        focus: FOCUS,
        colour_share: colour,
        clearest: channel === 5 ? "colour" : "brightness",
        clipped_at: 99.5,
      } as const;
      const data = { projections, ...scales, patch: field.size, mime: "image/png" };
      return [data, projections.flatMap((one) => (one ? [PIXELS] : []))];
    }
    case "photo": {
      const { image } = key as Key<"photo">;
      const name = `photo-${image}.jpg`;
      const [rows, columns] = INPUT;
      return [{ image, name, label: null, rows, columns, mime: "image/png" }, [PIXELS]];
    }
    case "predict": {
      const { image, occluder } = key as Key<"predict">;
      return [{ classes: 7 }, [numbers(probabilities(image, occluder ? 1 : 0))]];
    }
    case "occlusion":
      return slide(key as Key<"occlusion">);
    case "respond": {
      const { occluder } = key as Key<"respond">;
      const totals = Float32Array.from({ length: 12 }, (_, i) => 10 * i + occluder.top);
      const units = Float32Array.from({ length: 12 }, (_, i) => i / 4);
      const data = { layer: "features.3", channels: 12, strongest: 5, hamming: 0.25, cosine: 0.5 };
      return [data, [totals, units, totals.map((x) => x + 100), units].map(numbers)];
    }
    case "estimate": {
      const { stride } = key as Key<"estimate">;
      const positions = Math.ceil(INPUT[0] / stride) * Math.ceil(INPUT[1] / stride);
      return [{ positions, seconds: positions / 12, basis: "measured" }, []];
    }
    case "quantiles": {
      const { channel } = key as Key<"quantiles">;
      return [quantiles(channel), [PIXELS]];
    }
    case "cover": {
      const { channel, k, baseline } = key as Key<"cover">;
      return [{ covers: covers(channel, k), baseline, k, partial: false }, []];
    }
    case "photos":
      return [{ ...LISTED, own: [...LISTED.own] }, []];
    case "thumbnails": {
      const { images, size } = key as Key<"thumbnails">;
      const lost = images.includes(7) ? [[7, LOST]] : [];
      return [{ images, lost, size, columns: 4, mime: "image/png" }, [PIXELS]];
    }
    case "predicted": {
      const classes = Int32Array.from(CATALOGUE.images, (_, image) =>
        image === 7 ? -1 : image % 7,
      );
      return [{ done: 20, total: 20 }, [numbers(classes)]];
    }
    case "orders": {
      const { layer: name } = key as Key<"orders">;
      const n = CATALOGUE.layers.find((one) => one.name === name)?.channels ?? 0;
      const readable = Float32Array.from({ length: n }, (_, i) => (i === 0 ? Number.NaN : i));
      const suspicious = Float32Array.from({ length: n }, (_, i) => (i * 5) % 7);
      return [{ channels: n, features: "features.3" }, [numbers(readable), numbers(suspicious)]];
    }
    case "look": {
      const { image, layer, channel } = key as Key<"look">;
      const box = fieldBox(fieldNamed(layer, channel), 1, 2, INPUT);
      const activation = { image, name: `photo-${image}.jpg`, row: 1, col: 2, value: 1.5, box };
      const scales = { scale: 1, brightness: 1, focus: 9, clipped_at: 99.5 };
      const shown = { activations: [activation], projections: [null], patch: [11, 13] };
      return [{ ...shown, ...scales, images_seen: 1, why: "", mime: "image/png" }, [PIXELS]];
    }
    case "sanity":
      return [LEARNED, []];
    case "about":
      return [shared((key as Key<"about">).channel), []];
    default:
      throw new Error(`no answer for ${request.kind}`);
  }
}

/** What a pass says once `done` of its cells are there; every map has values of its own. */
export function slide(
  key: Key<"occlusion">,
  done = Infinity,
): [data: unknown, buffers: DataView[]] {
  const { height, width, stride, target, layer, channel } = key;
  const [rows, columns] = [Math.ceil(INPUT[0] / stride), Math.ceil(INPUT[1] / stride)];
  const total = rows * columns;
  const map = (value: (i: number) => number) =>
    numbers(Float32Array.from({ length: total }, (_, i) => (i < done ? value(i) : Number.NaN)));
  const none = numbers(new Float32Array(0));
  const label = Int32Array.from({ length: total }, (_, i) => (i < done ? 1 + (i % 2) : -1));
  const of = target ?? 0;
  const which = channel ?? 5;
  const data = {
    rows,
    columns,
    stride: [stride, stride],
    size: [height, width],
    target: of,
    layer,
    channel: layer === null ? null : which,
    clean: {
      probability: 0.75,
      logit: 6,
      log_odds: 1.25,
      total: layer === null ? null : 90 + which,
      unit: layer === null ? null : 8,
      predicted: 0,
    },
    unit_place: layer === null ? null : [3, 4],
    no_classes: "",
    done: Math.min(done, total),
    total,
    seconds_left: 0,
    note: "",
  };
  const of_layer = (value: (i: number) => number) => (layer === null ? none : map(value));
  return [
    data,
    [
      map((i) => i / total / (of + 1)),
      numbers(label),
      of_layer((i) => which + i),
      map((i) => of - i),
      map((i) => i / 8 - 3),
      of_layer((i) => i / 4),
      of_layer((i) => i / total),
      of_layer((i) => (2 * i) / total),
    ],
  ];
}

/** Twenty images in ten parts; in the weakest the channel isn't active. */
export function quantiles(channel: number) {
  const rows = Array.from({ length: 10 }, (_, part) => ({
    low: 2 * part,
    high: 2 * part + 1,
    images: 2,
    silent: part === 0 ? 2 : 0,
    activations: (part === 0 ? [] : [1, 0]).map((one) => ({
      image: (channel + 2 * part + one) % 20,
      name: `photo-${(channel + 2 * part + one) % 20}.jpg`,
      row: part,
      col: 2,
      value: 2 * part + one,
      box: { top: part, left: 3, height: 11, width: 13 },
    })),
  }));
  const of = { images_seen: 20, sampled: 20, exact: true, partial: false };
  return { rows, ...of, size: 96, columns: 5, mime: "image/png" };
}

/** What channels share: 2 and others are birds and red, 3 is nothing. */
export const LEARNED: Answer<"sanity">["data"] = {
  name: "photo-2.jpg",
  own: ["features.3.expand1x1"],
  rank: 0.962,
  depends: "hardly",
  modules: ["features.3.expand1x1", "features.3.squeeze", "features.0"],
  rank_all: 0.21,
  others: [0.9, 0.95, 0.97],
  median: 0.95,
};

export function shared(channel: number): Answer<"about">["data"] {
  const is = { of: 9, p: 0.0012, named: channel !== 3 };
  const birds = { text: "birds", count: 7, share: 0.12, compared: 20, ...is };
  const red = { text: "red", count: 8, share: 0.08, compared: 200, most: null, ...is };
  return {
    by: "predicted class",
    why: "",
    grouped: 20,
    groups: [{ ...birds, most: ["robin", 4] }],
    looks: [red],
    looked: 200,
    alike: [
      [9, 0.912],
      [4, 0.5],
    ],
    prefers: [{ text: "birds", mean: 6.5, more: 2.25, images: 3 }],
    prefers_why: "",
    images: 20,
    complete: true,
  };
}

function covers(channel: number, k: number) {
  return Array.from({ length: channel === 3 ? 4 : k }, (_, rank) => ({
    image: (channel + rank) % 20,
    name: `photo-${(channel + rank) % 20}.jpg`,
    unit: [rank, 2],
    box: { top: rank, left: 3, height: 11, width: 13 },
    before: 10 - rank,
    after: 2,
    moved: { row: 5, col: 6, value: 3, box: { top: 24, left: 32, height: 11, width: 13 } },
    control: { mean: 9 - rank, low: 6 - rank, high: 10 - rank, n: 8, overlap: 0.125 },
  }));
}

/** Answer what waits, again and again until nobody asks; kinds in `except` stay unanswered. */
export async function serve(model: FakeModel, except: readonly Kind[] = []): Promise<void> {
  const answered = answeredBy(model);
  for (let round = 0; round < 12; round++) {
    await flush();
    for (const request of model.gets) {
      if (answered.has(request) || except.includes(request.kind)) continue;
      answered.add(request);
      model.answer(request, "reply", ...answerTo(request));
    }
  }
}

const ANSWERED = new WeakMap<FakeModel, Set<Request>>();

function answeredBy(model: FakeModel): Set<Request> {
  const set = ANSWERED.get(model) ?? new Set();
  ANSWERED.set(model, set);
  return set;
}

export interface Stage {
  model: FakeModel;
  selection: FakeModel;
  root: HTMLElement;
  view: AbortController;
  host: { getModel(reference: string): Promise<FakeModel> };
}

let engines = 0;

/** Render a widget as anywidget would, on an engine of its own. */
export async function stage(
  widget: { render(context: never): unknown },
  state: Record<string, unknown> = {},
  options: Record<string, unknown> = {},
): Promise<Stage> {
  engines += 1;
  const selection = new FakeModel({
    unit: ["features.3", 2],
    photo: 2,
    occluder: {
      top: 10,
      left: 20,
      height: 16,
      width: 12,
      baseline: "grey",
      mask: null,
      extra_boxes: [],
    },
    target: null,
    rule: "deconvnet",
    ...state,
  });
  const model = new FakeModel({
    selection: "anywidget:one",
    fingerprint: `engine-${engines}`,
    ...options,
  });
  const el = document.createElement("div");
  document.body.append(el);
  const view = new AbortController();
  const host = { getModel: async (_: string) => selection };
  await widget.render({ model, el, signal: view.signal, host } as never);
  const root = el.querySelector<HTMLElement>(".zf-root");
  if (!root) throw new Error("the widget has no root");
  return { model, selection, root, view, host };
}

export function press(element: Element, key: string, more: KeyboardEventInit = {}): void {
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
}
