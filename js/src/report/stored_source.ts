/**
 * A source over a report's stored answers.
 *
 * What was stored as it was given is given again; patches and thumbnails are cut from the photos,
 * projections lie in chunks of channels, and class scores under an occluder are read from the
 * positions of a stored map. What isn't there is a `NotStored` that says what is.
 */

import { fieldOf, rangesOf } from "../lib/network/fields";
import { cellAt, occluderBox, pair } from "../lib/occlusion/grid";
import { clip, inside } from "../lib/pictures/boxes";
import { decode, RAW } from "../lib/pictures/canvas";
import { floats, ints } from "../lib/wire/codec";
import {
  type Answer,
  type Box,
  type Catalogue,
  canonical,
  type Field,
  identity,
  type Key,
  type Kind,
  type Layer,
  MAPS,
  type Occluder,
  type Pair,
  type ProjectionInfo,
} from "../lib/wire/protocol";
import { type GetOptions, NotStored, type Source, Superseded } from "../lib/wire/source";
import { BrokenReport, type Bundle, type Chunk, type Stored } from "./bundle";
import { fieldBox, patch, sheet } from "./crops";

/** Bytes of decoded photos that are kept. */
const PHOTOS = 96e6;

/** As of an engine from a report: zfwidgets/widgets/wire/photos.py. */
const NO_OWN = "A photo of your own needs a kernel: this is a report.";

/** Maps that don't depend on a layer. */
const CLASS_MAPS = ["probability", "predicted", "logit", "log_odds"];

interface Column {
  image: Int32Array;
  row: Int32Array;
  col: Int32Array;
}

/** The parts of a layer's statistics and strongest activations, by name. */
interface LayerColumns {
  stats: DataView[];
  strongest: Float32Array;
  places: Column;
  /** Where each channel's activations begin in `top` and `value`. */
  starts: number[];
  top: Column;
  value: Float32Array;
  imagesSeen: number;
}

interface StoredProjections {
  scale: number;
  brightness: number;
  focus: number;
  clipped_at: number;
  rows: (ProjectionInfo | null)[];
}

interface Grid {
  rows: number;
  columns: number;
  stride: Pair;
  size: Pair;
}

interface Positions extends Grid {
  classes: number[];
}

type Find<K extends Kind> = (key: Key<K>) => Promise<Answer<K>>;

export class StoredAnswers {
  private readonly places = new Map<string, [part: string, at: number]>();
  private readonly photos = new Map<number, Promise<ImageBitmap>>();
  private readonly columns = new Map<string, Promise<LayerColumns>>();
  private readonly derived: { [K in Kind]?: Find<K> } = {
    catalogue: async () => ({ data: this.catalogue, buffers: [] }),
    channels: (key) => this.channels(key),
    sheet: (key) => this.sheet(key),
    top: (key) => this.top(key),
    projections: (key) => this.projections(key),
    predict: (key) => this.predict(key),
    occlusion: (key) => this.occlusion(key),
    respond: (key) => this.respond(key),
    quantiles: (key) => this.quantiles(key),
    photos: async () => ({ data: this.listed, buffers: [] }),
    thumbnails: (key) => this.thumbnails(key),
    predicted: () => this.predicted(),
  };

  constructor(readonly bundle: Bundle) {
    for (const [kind, key, part, at] of bundle.manifest.answers) {
      this.places.set(identity(kind, key), [part, at]);
    }
  }

  get catalogue(): Catalogue {
    return this.bundle.manifest.catalogue;
  }

  holds(kind: string, key: object): boolean {
    return this.places.has(identity(kind, key));
  }

  async find<K extends Kind>(kind: K, key: Key<K>): Promise<Answer<K>> {
    const place = this.places.get(identity(kind, key));
    if (place) return (await this.stored(...place)) as Answer<K>;
    const derive = this.derived[kind] as Find<K> | undefined;
    if (derive) return derive(key);
    throw this.notStored(kind);
  }

  private async stored(part: string, at: number): Promise<Stored> {
    const found = (await this.bundle.part(part))[at];
    if (!found) throw new BrokenReport(`Part “${part}” of this report lacks what it lists.`);
    return found;
  }

  private notStored(kind: string): NotStored {
    const { sentences } = this.bundle.manifest;
    return new NotStored(sentences[kind] ?? sentences.other ?? "");
  }

  // ---------------------------------------------------------------- layers

  private layer(name: string): Layer {
    const layer = this.catalogue.layers.find((one) => one.name === name);
    if (!layer || !this.bundle.manifest.layers[name]) throw this.notStored("channels");
    return layer;
  }

  private columnsOf(name: string): Promise<LayerColumns> {
    let found = this.columns.get(name);
    if (!found) {
      found = this.readColumns(name);
      found.catch(() => this.columns.delete(name));
      this.columns.set(name, found);
    }
    return found;
  }

  private async readColumns(name: string): Promise<LayerColumns> {
    this.layer(name);
    const { part } = this.bundle.manifest.layers[name] as { part: string };
    const { data, buffers } = await this.stored(part, 0);
    const counts = ints(buffers[6]);
    let start = 0;
    const starts = Array.from(counts, (count) => {
      start += count;
      return start - count;
    });
    starts.push(start);
    const column = (first: number): Column => ({
      image: ints(buffers[first]),
      row: ints(buffers[first + 1]),
      col: ints(buffers[first + 2]),
    });
    return {
      stats: buffers.slice(0, 4),
      strongest: floats(buffers[2]),
      places: column(3),
      starts,
      top: column(7),
      value: floats(buffers[10]),
      imagesSeen: (data as { images_seen: number }).images_seen,
    };
  }

  private async channels({ layer }: Key<"channels">): Promise<Answer<"channels">> {
    const { stats, strongest } = await this.columnsOf(layer);
    return { data: { channels: strongest.length }, buffers: stats };
  }

  private box(field: Field, row: number, col: number): Box {
    return fieldBox(field, row, col, this.extent);
  }

  private get extent(): Pair {
    const [, rows, columns] = this.catalogue.engine.input;
    return [rows, columns];
  }

  private patchSize(layer: Layer, channel: number): Pair {
    const { height, width } = inside(this.box(fieldOf(layer, channel), 0, 0), this.extent);
    return [height, width];
  }

  private get listed(): Answer<"photos">["data"] {
    const none = { own: [], most: 0, most_bytes: 0, most_pixels: 0 };
    return { ...none, no_own: NO_OWN, held: this.imagesOf("photo") };
  }

  /** The photos of which a report holds an answer as it was given, in order. */
  private imagesOf(kind: "photo" | "predict"): number[] {
    return this.bundle.manifest.answers
      .filter(([name, key]) => name === kind && !(key as { occluder?: object }).occluder)
      .map(([, key]) => (key as { image: number }).image)
      .sort((a, b) => a - b);
  }

  private async thumbnails({ images, size }: Key<"thumbnails">): Promise<Answer<"thumbnails">> {
    const [, height, width] = this.catalogue.engine.input;
    const box = { top: 0, left: 0, height, width };
    const photos = await Promise.all(images.map((image) => this.photo(image)));
    const { picture, columns } = sheet(
      photos.map((photo) => ({ photo, box })),
      size,
    );
    const lost = images.flatMap((image, i): [number, string][] =>
      photos[i] ? [] : [[image, this.lost(image) || this.notStored("photo").message]],
    );
    return { data: { images, lost, size, columns, mime: RAW }, buffers: [picture] };
  }

  private async predicted(): Promise<Answer<"predicted">> {
    const classes = new Int32Array(this.catalogue.images.length).fill(-1);
    for (const image of this.imagesOf("predict")) {
      const scores = floats((await this.find("predict", { image, occluder: null })).buffers[0]);
      const best = scores.indexOf(Math.max(...scores));
      if (scores.every(Number.isFinite)) classes[image] = best;
    }
    const { length } = classes;
    return { data: { done: length, total: length }, buffers: [new DataView(classes.buffer)] };
  }

  /** A photo for patches to be cut from; null if it isn't stored. */
  private async photo(image: number): Promise<ImageBitmap | null> {
    return this.holds("photo", { image }) ? this.bitmap(image) : null;
  }

  /** Why a photo couldn't be read when the report was written; empty if it could. */
  private lost(image: number): string {
    const found = this.bundle.manifest.lost?.find(([number]) => number === image);
    return found ? found[1] : "";
  }

  private bitmap(image: number): Promise<ImageBitmap> {
    let found = this.photos.get(image);
    this.photos.delete(image);
    found ??= this.find("photo", { image }).then(({ data, buffers }) =>
      decode(buffers[0] as DataView, data.mime),
    );
    this.photos.set(image, found);
    found.catch(() => this.photos.delete(image));
    const [, rows, columns] = this.catalogue.engine.input;
    const most = Math.max(9, Math.floor(PHOTOS / (rows * columns * 4)));
    for (const [old, bitmap] of this.photos) {
      if (this.photos.size <= most) break;
      this.photos.delete(old);
      // Somebody may be about to draw it: let go when that is done.
      setTimeout(() => void bitmap.then((one) => one.close()).catch(() => {}), 5000);
    }
    return found;
  }

  private async sheet({ layer, first, count, size }: Key<"sheet">): Promise<Answer<"sheet">> {
    const info = this.layer(layer);
    const { strongest, places } = await this.columnsOf(layer);
    const channels = Array.from(strongest.keys()).slice(first, first + count);
    const ranges = rangesOf(info);
    const cuts = await Promise.all(
      channels.map(async (channel) => {
        if (!((strongest[channel] as number) > 0)) return null;
        const field = ranges.find(({ last }) => channel <= last)?.field ?? info.field;
        const box = this.box(field, places.row[channel] as number, places.col[channel] as number);
        const photo = await this.photo(places.image[channel] as number);
        return { photo, box: inside(box, this.extent) };
      }),
    );
    const { picture, columns } = sheet(cuts, size);
    const lost = channels.flatMap((channel): [number, string, string][] => {
      const image = places.image[channel] as number;
      const why = (strongest[channel] as number) > 0 && this.lost(image);
      return why ? [[channel, this.catalogue.images[image]?.name ?? "", why]] : [];
    });
    return {
      data: { first, count: channels.length, size, columns, lost, mime: RAW },
      buffers: [picture],
    };
  }

  private async top({ layer, channel, k }: Key<"top">): Promise<Answer<"top">> {
    const info = this.layer(layer);
    const field = fieldOf(info, channel);
    const { starts, top, value, imagesSeen } = await this.columnsOf(layer);
    const [from, to] = [starts[channel] as number, starts[channel + 1] as number];
    const activations = Array.from({ length: Math.min(k, to - from) }, (_, i) => {
      const at = from + i;
      const image = top.image[at] as number;
      const [row, col] = [top.row[at] as number, top.col[at] as number];
      const name = this.catalogue.images[image]?.name ?? "";
      const box = this.box(field, row, col);
      const lost = this.lost(image);
      return { ...(lost && { lost }), image, name, row, col, value: value[at] as number, box };
    });
    const buffers = await Promise.all(
      activations.map(async ({ image, box }) =>
        patch(await this.photo(image), inside(box, this.extent)),
      ),
    );
    const patchSize = this.patchSize(info, channel);
    return { data: { activations, patch: patchSize, images_seen: imagesSeen, mime: RAW }, buffers };
  }

  /** Stored without pictures: patches are cut from the photos. */
  private async quantiles(key: Key<"quantiles">): Promise<Answer<"quantiles">> {
    const place = this.places.get(identity("quantile_rows", key));
    if (!place) throw this.notStored("quantiles");
    const data = (await this.stored(...place)).data as Answer<"quantiles">["data"];
    const cuts = await Promise.all(
      data.rows
        .flatMap(({ activations }) => activations)
        .map(async ({ image, box }) => ({
          photo: await this.photo(image),
          box: inside(box, this.extent),
        })),
    );
    const { picture, columns } = sheet(cuts, data.size);
    return { data: { ...data, columns, mime: RAW }, buffers: [picture] };
  }

  /** The chunk that holds most of a channel's projections. */
  private chunk(layer: string, channel: number, rule: string): Chunk | undefined {
    return this.bundle.manifest.layers[layer]?.projections
      .filter((chunk) => chunk.rule === rule && chunk.channels.includes(channel))
      .sort((a, b) => b.k - a.k)[0];
  }

  private async projections(key: Key<"projections">): Promise<Answer<"projections">> {
    const { layer, channel, k, rule } = key;
    const info = this.layer(layer);
    const chunk = this.chunk(layer, channel, rule);
    if (!chunk) throw this.notStored("projections");
    const { starts } = await this.columnsOf(layer);
    const count = Math.min(k, (starts[channel + 1] as number) - (starts[channel] as number));
    const { data, buffers } = await this.stored(chunk.part, chunk.channels.indexOf(channel));
    const { rows, ...scales } = data as StoredProjections;
    return {
      data: {
        projections: Array.from({ length: count }, (_, i) => rows[i] ?? null),
        ...scales,
        patch: this.patchSize(info, channel),
        mime: "image/webp",
      },
      buffers,
    };
  }

  /** How many of a channel's projections there are, and how many there could be. */
  async projected(layer: string, channel: number, rule: string): Promise<Pair> {
    const { starts } = await this.columnsOf(layer);
    const all = (starts[channel + 1] as number) - (starts[channel] as number);
    return [Math.min(all, this.chunk(layer, channel, rule)?.k ?? 0), all];
  }

  // ---------------------------------------------------------------- under an occluder

  /** A map that was stored with another layer's responses: without these. */
  private async occlusion(key: Key<"occlusion">): Promise<Answer<"occlusion">> {
    const wanted = canonical({ ...key, layer: null, channel: null });
    for (const [kind, other, part, at] of this.bundle.manifest.answers) {
      if (kind !== "occlusion") continue;
      if (canonical({ ...other, layer: null, channel: null }) !== wanted) continue;
      const { data, buffers } = (await this.stored(part, at)) as Answer<"occlusion">;
      const kept = buffers.map((buffer, i) =>
        CLASS_MAPS.includes(MAPS[i] as string) ? buffer : new DataView(new ArrayBuffer(0)),
      );
      const clean = { ...data.clean, total: null, unit: null };
      const none = { layer: null, channel: null, unit_place: null };
      return { data: { ...data, ...none, clean }, buffers: kept };
    }
    throw this.notStored("occlusion");
  }

  /** The stored map whose positions an occluder is one of. */
  format(image: number, occluder: Occluder): [key: object, part: string, at: number] | null {
    const wanted = { ...occluder, image } as Record<string, unknown>;
    for (const [kind, key, part, at] of this.bundle.manifest.answers) {
      if (kind !== "positions") continue;
      const { stride: _, ...same } = key as Record<string, unknown>;
      const equal = Object.entries(same).every(
        ([name, value]) => JSON.stringify(value) === JSON.stringify(wanted[name] ?? value),
      );
      if (equal) return [key, part, at];
    }
    return null;
  }

  /** The cell of a grid where an occluder lies, -1 if it lies on none. */
  private cell(occluder: Occluder, { rows, columns, ...rest }: Grid): number {
    const [stride, size] = [pair(rest.stride), pair(rest.size)];
    const middle = (axis: "top" | "left") =>
      occluder[axis] + Math.floor((axis === "top" ? size[0] : size[1]) / 2);
    const [row, col] = cellAt(middle("top"), middle("left"), stride, [rows, columns]);
    const [, height, width] = this.catalogue.engine.input;
    const cell = JSON.stringify(clip(occluderBox(row, col, size, stride), height, width));
    const there = JSON.stringify(clip(boxOf(occluder), height, width));
    return there === cell ? row * columns + col : -1;
  }

  private async predict({ image, occluder }: Key<"predict">): Promise<Answer<"predict">> {
    const found = occluder && this.format(image, occluder);
    if (!found) throw this.notStored(occluder ? "positions" : "predict");
    const [, part, at] = found;
    const { data, buffers } = await this.stored(part, at);
    const { classes, ...grid } = data as Positions;
    const cell = this.cell(occluder, grid);
    if (cell < 0) throw this.notStored("positions");
    // A class that isn't stored is below all that are, and shows no number.
    const all = new Float32Array(this.catalogue.classes.length).fill(Number.NEGATIVE_INFINITY);
    const view = buffers[0] as DataView;
    classes.forEach((index, i) => {
      all[index] = view.getUint16((cell * classes.length + i) * 2, true) / 65535;
    });
    return { data: { classes: all.length }, buffers: [new DataView(all.buffer)] };
  }

  /** A layer's response at a stored position, of the channels whose maps are stored. */
  private async respond({ image, occluder, layer }: Key<"respond">): Promise<Answer<"respond">> {
    const found = this.format(image, occluder);
    const channels = this.catalogue.layers.find(({ name }) => name === layer)?.channels ?? 0;
    const unknown = () => new Float32Array(channels).fill(Number.NaN);
    const [totals, units, cleanTotals, cleanUnits] = [unknown(), unknown(), unknown(), unknown()];
    const data = { layer, channels, strongest: -1, hamming: Number.NaN, cosine: Number.NaN };
    for (const [kind, key, part, at] of found ? this.bundle.manifest.answers : []) {
      const slide = { ...key, ...found?.[0] } as Key<"occlusion">;
      if (kind !== "occlusion" || slide.layer !== layer) continue;
      if (canonical(slide) !== canonical(key)) continue;
      const map = (await this.stored(part, at)) as Answer<"occlusion">;
      const cell = this.cell(occluder, map.data);
      const value = (name: (typeof MAPS)[number]) =>
        floats(map.buffers[MAPS.indexOf(name)])[cell] ?? Number.NaN;
      const { channel, clean } = map.data;
      if (cell < 0 || channel === null) continue;
      if (slide.channel === null) data.strongest = channel;
      totals[channel] = value("total");
      units[channel] = value("unit");
      cleanTotals[channel] = clean.total ?? Number.NaN;
      cleanUnits[channel] = clean.unit ?? Number.NaN;
      data.hamming = value("hamming");
      data.cosine = value("cosine");
    }
    if (data.strongest < 0) throw this.notStored("positions");
    const buffers = [totals, units, cleanTotals, cleanUnits].map(({ buffer }) => buffer);
    return { data, buffers: buffers.map((buffer) => new DataView(buffer)) };
  }
}

function boxOf({ top, left, height, width }: Box): Box {
  return { top, left, height, width };
}

/** What one view asks: the views of a page share the answers, and each has slots of its own. */
export class StoredSource implements Source {
  private readonly slots = new Map<string, symbol>();

  constructor(private readonly answers: StoredAnswers) {}

  async get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>> {
    const mine = Symbol();
    this.slots.set(options.slot, mine);
    const answer = await this.answers.find(kind, key);
    // As from a kernel: only the newest of a slot is answered, and only who still listens.
    if (this.slots.get(options.slot) !== mine || options.signal?.aborted) throw new Superseded();
    return answer;
  }

  /** What takes longest to come from a page is unpacking: do that ahead. */
  prefetch<K extends Kind>(kind: K, key: Key<K>): void {
    if (kind === "projections") this.answers.find(kind, key).catch(() => {});
  }

  onRevival(): () => void {
    return () => {}; // nothing dies here
  }
}
