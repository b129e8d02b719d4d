/**
 * A source without a kernel: synthetic, deterministic answers of realistic shapes.
 *
 * `delay` is how long a step takes; `silent` never answers; `failing` names kinds that fail.
 */

import { occluderBox } from "../../src/lib/occlusion/grid";
import { inside, middleOf } from "../../src/lib/pictures/boxes";
import type {
  Answer,
  Catalogue,
  Key,
  Kind,
  Layer,
  Occluder,
  Pair,
} from "../../src/lib/wire/protocol";
import {
  type GetOptions,
  KernelError,
  NoAnswer,
  type Source,
  Superseded,
} from "../../src/lib/wire/source";
import { LEARNED, shared } from "../support/kernel";
import {
  COLUMNS,
  encode,
  patchCanvas,
  photoCanvas,
  projectionCanvas,
  ROWS,
  random,
  subject,
} from "./pictures";
import { CATALOGUE, CLASSES, LISTED, NAMES } from "./synthetic_catalogue";

export interface Behaviour {
  delay: number;
  silent: boolean;
  failing: readonly string[];
  indexing: boolean;
  freezeMap: boolean;
  /** How many photos there are, and how many of the user's own. */
  photos: number;
  own: number;
}

/** The images that excite a channel most; some channels fire in four only. */
export function strongestImages(name: string, channel: number): number[] {
  const next = random(channel * 31 + name.length * 7 + 3);
  const order = Array.from({ length: 60 }, (_, i) => [next(), i] as const);
  const n = channel % 11 === 3 ? 4 : 9;
  return order
    .sort(([a], [b]) => a - b)
    .slice(0, n)
    .map(([, i]) => i);
}

const view = (array: Float32Array | Int32Array) => new DataView(array.buffer as ArrayBuffer);
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

type Answers = {
  [K in Kind]?: (
    key: Key<K>,
    options: GetOptions<K>,
    check: () => void,
  ) => Answer<K> | Promise<Answer<K>>;
};

export class SyntheticSource implements Source {
  readonly asked: string[] = [];
  private readonly slots = new Map<string, { superseded: boolean }>();

  private readonly images: Catalogue["images"];
  private own: Answer<"photos">["data"]["own"];

  constructor(private readonly behaviour: Behaviour) {
    const { photos, own } = behaviour;
    this.images = Array.from({ length: photos }, (_, i) => ({
      name: `${NAMES[i % NAMES.length]}-${i}.jpg`,
      label: null,
    }));
    this.own = Array.from({ length: own }, (_, i) => this.ownPhoto(photos + i, `mine ${i}.jpg`));
  }

  private ownPhoto(image: number, name: string) {
    return { image, name, notes: ["Turned upright, as its EXIF data say."] };
  }

  async add(name: string): Promise<Answer<"photos">> {
    const added = this.images.length + this.own.length;
    this.own = [this.ownPhoto(added, name), ...this.own];
    return { data: { ...LISTED, own: this.own, added }, buffers: [] };
  }

  async remove(image: number): Promise<Answer<"photos">> {
    this.own = this.own.filter((one) => one.image !== image);
    return { data: { ...LISTED, own: this.own }, buffers: [] };
  }

  async get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>> {
    this.asked.push(`${kind} ${JSON.stringify(key)}`);
    const mine = { superseded: false };
    const old = this.slots.get(options.slot);
    if (old) old.superseded = true;
    this.slots.set(options.slot, mine);
    const check = () => {
      if (mine.superseded || options.signal?.aborted) throw new Superseded();
    };
    if (this.behaviour.silent) {
      await wait(50);
      throw new NoAnswer(false);
    }
    if (this.behaviour.failing.includes(kind)) {
      await wait(this.behaviour.delay);
      throw new KernelError(
        "InputError",
        "photos/x.jpg can't be read: replace or remove the file.",
      );
    }
    if (this.behaviour.indexing && kind !== "catalogue" && kind !== "photo") {
      options.onProgress?.({ what: "Indexing photos", done: 34, total: 242, seconds_left: 12 });
      await new Promise(() => {});
    }
    await wait(this.behaviour.delay);
    check();
    const found = this.answers[kind];
    if (!found) throw new KernelError("InputError", `no ${kind} here`);
    const answer = await found(key, options, check);
    check();
    return answer;
  }

  prefetch<K extends Kind>(kind: K, key: Key<K>, slot: string, signal?: AbortSignal): void {
    this.get(kind, key, { slot, priority: 5, signal }).catch(() => {});
  }

  onRevival(): () => void {
    return () => {};
  }

  private readonly answers: Answers = {
    catalogue: () => ({ data: { ...CATALOGUE, images: this.images }, buffers: [] }),
    channels: (key) => this.channels(key),
    sheet: (key) => this.sheet(key),
    top: (key) => this.top(key),
    projections: (key, options) => this.projections(key, options),
    photo: (key) => this.photo(key),
    predict: (key) => this.predict(key),
    occlusion: (key, options, check) => this.occlusion(key, options, check),
    respond: (key) => this.respond(key),
    estimate: (key) => this.estimate(key),
    cover: (key) => this.cover(key),
    orders: ({ layer }) => {
      const n = this.layer(layer).channels;
      const scores = Float32Array.from({ length: n }, (_, i) => (i * 37) % n);
      return {
        data: { channels: n, features: "features.12" },
        buffers: [scores, scores].map(view),
      };
    },
    sanity: () => ({ data: LEARNED, buffers: [] }),
    about: ({ channel }) => ({ data: shared(channel), buffers: [] }),
    photos: () => ({ data: { ...LISTED, own: this.own }, buffers: [] }),
    thumbnails: (key) => this.thumbnails(key),
    predicted: () => {
      const classes = Int32Array.from(this.images, (_, image) => image % CLASSES.length);
      const { length } = classes;
      return { data: { done: length, total: length }, buffers: [view(classes)] };
    },
  };

  private layer(name: string): Layer {
    const found = CATALOGUE.layers.find((one) => one.name === name);
    if (!found) throw new KernelError("UnknownLayer", `There is no layer ${name}.`);
    return found;
  }

  private channels({ layer: name }: Key<"channels">): Answer<"channels"> {
    const { channels: n } = this.layer(name);
    const next = random(n + name.length);
    const dead = new Set([5, 17, 42]);
    const mean = Float32Array.from({ length: n }, (_, i) => (dead.has(i) ? 0 : next() * 0.4));
    const silent = Float32Array.from({ length: n }, (_, i) => (dead.has(i) ? 1 : next() ** 2));
    const strongest = Float32Array.from({ length: n }, (_, i) => (dead.has(i) ? 0 : next() * 30));
    const image = Int32Array.from({ length: n }, () => Math.floor(next() * 60));
    return { data: { channels: n }, buffers: [mean, silent, strongest, image].map(view) };
  }

  private async thumbnails({ images, size }: Key<"thumbnails">): Promise<Answer<"thumbnails">> {
    const columns = 4;
    const sheet = new OffscreenCanvas(columns * size, Math.ceil(images.length / columns) * size);
    const context = sheet.getContext("2d");
    images.forEach((image, i) => {
      const height = Math.round((size * ROWS) / COLUMNS);
      const top = Math.floor(i / columns) * size + Math.floor((size - height) / 2);
      context?.drawImage(photoCanvas(image), (i % columns) * size, top, size, height);
    });
    const data = { images, lost: [], size, columns, mime: "image/png" };
    return { data, buffers: [await encode(sheet, "image/png")] };
  }

  private box(info: Layer, image: number) {
    const { x, y, r } = subject(image);
    const size = Math.min(info.field.size[0], ROWS);
    const [height, width] = [size, Math.min(Math.round(size * 1.25), COLUMNS)];
    const [top, left] = [Math.round(y - r * 0.3 - height / 2), Math.round(x - r * 0.5 - width / 2)];
    return { top, left, height, width };
  }

  private async sheet({ layer: name, first, count, size }: Key<"sheet">): Promise<Answer<"sheet">> {
    const info = this.layer(name);
    const columns = 16;
    const sheet = new OffscreenCanvas(columns * size, Math.ceil(count / columns) * size);
    const context = sheet.getContext("2d");
    for (let i = 0; i < count; i++) {
      const image = strongestImages(name, first + i)[0] ?? 0;
      const patch = patchCanvas(image, this.box(info, image));
      const at = [(i % columns) * size, Math.floor(i / columns) * size] as const;
      context?.drawImage(patch, ...at, size, size);
    }
    return {
      data: { first, count, size, columns, mime: "image/jpeg" },
      buffers: [await encode(sheet, "image/jpeg")],
    };
  }

  private async top({ layer: name, channel }: Key<"top">): Promise<Answer<"top">> {
    const info = this.layer(name);
    const images = strongestImages(name, channel);
    const activations = images.map((image, rank) => ({
      image,
      name: CATALOGUE.images[image]?.name ?? "",
      row: 3 + rank,
      col: 5,
      value: 21.37 * 0.9 ** rank,
      box: this.box(info, image),
    }));
    const { height, width } = this.box(info, 0);
    const buffers = activations.map(({ image, box }) =>
      encode(patchCanvas(image, inside(box, [ROWS, COLUMNS]))),
    );
    return {
      data: { activations, patch: [height, width], images_seen: 60, mime: "image/png" },
      buffers: await Promise.all(buffers),
    };
  }

  private async projections(
    { layer: name, channel }: Key<"projections">,
    options: GetOptions<"projections">,
  ): Promise<Answer<"projections">> {
    const info = this.layer(name);
    const { height, width } = this.box(info, 0);
    const images = strongestImages(name, channel);
    const buffers = await Promise.all(
      images.map((image) => encode(projectionCanvas(channel * 100 + image, height, width))),
    );
    const side = Math.round(0.6 * Math.max(height, width));
    const statuses = ["paper", "adjoint", "adjoint", "linearised", "paper", "unknown"] as const;
    const infos = images.map((image, i) => ({
      image,
      scale: 0.0173 * (0.6 + i / 10),
      brightness: 0.0121 * (0.6 + i / 10),
      view: inside(middleOf(this.box(info, image), side), [ROWS, COLUMNS]),
      full: 0.0173 * Math.max(1, 0.6 + i / 10),
      status: statuses[i % statuses.length] ?? "paper",
      operations: [
        { name: "convolution", status: "paper" as const, count: 7, note: "" },
        { name: "relu", status: "paper" as const, count: 7, note: "signal rectified" },
        { name: "cat", status: "adjoint" as const, count: 3, note: "split into its parts" },
        { name: "max_pool2d_with_indices", status: "paper" as const, count: 2, note: "" },
      ],
      pools: 2,
    }));
    const patch: Pair = [height, width];
    const scales = { scale: 0.0173, brightness: 0.0121, focus: side, clipped_at: 99.5 };
    const rest = { ...scales, patch, mime: "image/png" };
    for (let n = 3; n < images.length; n += 3) {
      const projections = infos.map((one, i) => (i < n ? one : null));
      options.onPartial?.({ data: { projections, ...rest }, buffers: buffers.slice(0, n) });
      await wait(this.behaviour.delay);
    }
    return { data: { projections: infos, ...rest }, buffers };
  }

  private async photo({ image }: Key<"photo">): Promise<Answer<"photo">> {
    const { name, label } = CATALOGUE.images[image] ?? { name: "", label: null };
    return {
      data: { image, name, label, rows: ROWS, columns: COLUMNS, mime: "image/jpeg" },
      buffers: [await encode(photoCanvas(image), "image/jpeg")],
    };
  }

  /** The more of the subject's head is covered, the less it is a tiger cat. */
  private probabilities(
    image: number,
    occluder: Pick<Occluder, "top" | "left" | "height" | "width"> | null,
  ) {
    const { x, y, r } = subject(image);
    let cover = 0;
    if (occluder) {
      const { top, left, height, width } = occluder;
      const [dy, dx] = [top + height / 2 - (y - r * 0.2), left + width / 2 - (x - r * 0.5)];
      cover = Math.exp(-(dx * dx + dy * dy) / (2 * (height / 2 + r) ** 2));
    }
    const next = random(image + 99);
    const logits = Float32Array.from(CLASSES, (_, i) => next() * 2 + (i < 10 ? 3 - i * 0.25 : 0));
    logits[image % 5] = (logits[image % 5] ?? 0) + 4 - 5.5 * cover;
    logits[5 + (image % 3)] = (logits[5 + (image % 3)] ?? 0) + 2.4 * cover;
    const exps = logits.map(Math.exp);
    const sum = exps.reduce((a, b) => a + b, 0);
    return exps.map((e) => e / sum);
  }

  private predict({ image, occluder }: Key<"predict">): Answer<"predict"> {
    const buffers = [view(this.probabilities(image, occluder))];
    return { data: { classes: CLASSES.length }, buffers };
  }

  private respond({ image, occluder, layer: name }: Key<"respond">): Answer<"respond"> {
    const { channels } = this.layer(name);
    const share = Math.max(...this.probabilities(image, occluder));
    const clean = Float32Array.from({ length: channels }, (_, i) => 812 - i);
    const now = clean.map((value) => value * share);
    const data = { layer: name, channels, strongest: 0, hamming: 0.4 * (1 - share), cosine: 0.02 };
    return { data, buffers: [now, now, clean, clean].map(view) };
  }

  private estimate({ stride }: Key<"estimate">): Answer<"estimate"> {
    const positions = Math.ceil(ROWS / stride) * Math.ceil(COLUMNS / stride);
    return { data: { positions, seconds: positions / 180, basis: "measured" }, buffers: [] };
  }

  private cover({ layer: name, channel, baseline, k }: Key<"cover">): Answer<"cover"> {
    const info = this.layer(name);
    const next = random(channel + 5);
    const covers = strongestImages(name, channel).map((image, rank) => {
      const before = 21.37 * 0.9 ** rank;
      const box = this.box(info, image);
      const moved = { ...box, top: box.top + 40, left: Math.max(box.left - 50, 0) };
      const mean = before * (0.8 + 0.15 * next());
      return {
        image,
        name: CATALOGUE.images[image]?.name ?? "",
        unit: [3 + rank, 5] as Pair,
        box,
        before,
        after: before * 0.3 * next(),
        moved: { row: 6, col: 2, value: before * 0.7, box: moved },
        control: { mean, low: mean * 0.7, high: Math.min(before, mean * 1.1), n: 8, overlap: 0.07 },
      };
    });
    return { data: { covers, baseline, k, partial: false }, buffers: [] };
  }

  private async occlusion(
    key: Key<"occlusion">,
    options: GetOptions<"occlusion">,
    check: () => void,
  ): Promise<Answer<"occlusion">> {
    const { image, height, width, stride, layer: name } = key;
    const [rows, columns] = [Math.ceil(ROWS / stride), Math.ceil(COLUMNS / stride)];
    const clean = this.probabilities(image, null);
    const target = key.target ?? clean.indexOf(Math.max(...clean));
    const total = rows * columns;
    const probability = new Float32Array(total).fill(Number.NaN);
    const label = new Int32Array(total).fill(-1);
    const floats = (of = true) => new Float32Array(of ? total : 0).fill(Number.NaN);
    const layered = name !== null;
    const maps = {
      logit: floats(),
      odds: floats(),
      totals: floats(layered),
      units: floats(layered),
    };
    const [hamming, cosine] = [floats(layered), floats(layered)];
    let done = 0;
    const answer = (): Answer<"occlusion"> => ({
      data: {
        rows,
        columns,
        stride: [stride, stride],
        size: [height, width],
        target,
        layer: name,
        channel: name ? (key.channel ?? 12) : null,
        clean: {
          probability: clean[target] ?? 0,
          logit: 9.5,
          log_odds: 2.2,
          total: name ? 812 : null,
          unit: name ? 21.4 : null,
          predicted: clean.indexOf(Math.max(...clean)),
        },
        unit_place: name ? [5, 7] : null,
        no_classes: "",
        done,
        total,
        seconds_left: ((total - done) / total) * 4,
        note: "",
      },
      buffers: [
        probability.slice(),
        label.slice(),
        maps.totals.slice(),
        maps.logit.slice(),
        maps.odds.slice(),
        maps.units.slice(),
        hamming.slice(),
        cosine.slice(),
      ].map(view),
    });
    for (const level of [8, 4, 2, 1]) {
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < columns; col++) {
          const at = row * columns + col;
          if (row % level || col % level || (label[at] ?? 0) >= 0) continue;
          const box = occluderBox(row, col, [height, width], [stride, stride]);
          const p = this.probabilities(image, box);
          probability[at] = p[target] ?? 0;
          label[at] = p.indexOf(Math.max(...p));
          const share = p[target] ?? 0;
          maps.logit[at] = 9.5 * share;
          maps.odds[at] = Math.log(share / (1 - share));
          if (layered) {
            maps.totals[at] = 812 * share;
            maps.units[at] = 21.4 * share ** 2;
            hamming[at] = 0.4 * (1 - share);
            cosine[at] = 0.3 * (1 - share) ** 2;
          }
          done += 1;
        }
        if (this.behaviour.freezeMap && level === 2 && row > rows / 2) {
          options.onPartial?.(answer());
          await new Promise(() => {});
        }
      }
      if (level > 1) options.onPartial?.(answer());
      await wait(this.behaviour.delay);
      check();
    }
    return answer();
  }
}
