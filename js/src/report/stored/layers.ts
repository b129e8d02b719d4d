/** What a report says of a layer's channels: statistics, strongest patches, projections. */

import { fieldBox, fieldOf, rangesOf } from "../../lib/network/fields";
import { inside } from "../../lib/pictures/boxes";
import { RAW } from "../../lib/pictures/canvas";
import { floats, ints } from "../../lib/wire/codec";
import type { Answer, Box, Field, Key, Layer, Pair, ProjectionInfo } from "../../lib/wire/protocol";
import type { Chunk } from "./bundle";
import { patch, sheet } from "./crops";
import type { StoredParts } from "./parts";
import type { StoredPhotos } from "./photos";

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

export class StoredLayers {
  private readonly columns = new Map<string, Promise<LayerColumns>>();

  constructor(
    private readonly parts: StoredParts,
    private readonly photos: StoredPhotos,
  ) {}

  private layer(name: string): Layer {
    const layer = this.parts.catalogue.layers.find((one) => one.name === name);
    if (!layer || !this.parts.manifest.layers[name]) throw this.parts.notStored("channels");
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
    const { part } = this.parts.manifest.layers[name] as { part: string };
    const { data, buffers } = await this.parts.read(part, 0);
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

  async channels({ layer }: Key<"channels">): Promise<Answer<"channels">> {
    const { stats, strongest } = await this.columnsOf(layer);
    return { data: { channels: strongest.length }, buffers: stats };
  }

  private box(field: Field, row: number, col: number): Box {
    return fieldBox(field, row, col, this.parts.extent);
  }

  private patchSize(layer: Layer, channel: number): Pair {
    const { height, width } = inside(this.box(fieldOf(layer, channel), 0, 0), this.parts.extent);
    return [height, width];
  }

  async sheet({ layer, first, count, size }: Key<"sheet">): Promise<Answer<"sheet">> {
    const info = this.layer(layer);
    const { strongest, places } = await this.columnsOf(layer);
    const channels = Array.from(strongest.keys()).slice(first, first + count);
    const ranges = rangesOf(info);
    const cuts = await Promise.all(
      channels.map(async (channel) => {
        if (!((strongest[channel] as number) > 0)) return null;
        const field = ranges.find(({ last }) => channel <= last)?.field ?? info.field;
        const box = this.box(field, places.row[channel] as number, places.col[channel] as number);
        const photo = await this.photos.photo(places.image[channel] as number);
        return { photo, box: inside(box, this.parts.extent) };
      }),
    );
    const { picture, columns } = sheet(cuts, size);
    const lost = channels.flatMap((channel): [number, string, string][] => {
      const image = places.image[channel] as number;
      const why = (strongest[channel] as number) > 0 && this.photos.lost(image);
      return why ? [[channel, this.parts.catalogue.images[image]?.name ?? "", why]] : [];
    });
    return {
      data: { first, count: channels.length, size, columns, lost, mime: RAW },
      buffers: [picture],
    };
  }

  async top({ layer, channel, k }: Key<"top">): Promise<Answer<"top">> {
    const info = this.layer(layer);
    const field = fieldOf(info, channel);
    const { starts, top, value, imagesSeen } = await this.columnsOf(layer);
    const [from, to] = [starts[channel] as number, starts[channel + 1] as number];
    const activations = Array.from({ length: Math.min(k, to - from) }, (_, i) => {
      const at = from + i;
      const image = top.image[at] as number;
      const [row, col] = [top.row[at] as number, top.col[at] as number];
      const name = this.parts.catalogue.images[image]?.name ?? "";
      const box = this.box(field, row, col);
      const lost = this.photos.lost(image);
      return { ...(lost && { lost }), image, name, row, col, value: value[at] as number, box };
    });
    const buffers = await Promise.all(
      activations.map(async ({ image, box }) =>
        patch(await this.photos.photo(image), inside(box, this.parts.extent)),
      ),
    );
    const patchSize = this.patchSize(info, channel);
    return { data: { activations, patch: patchSize, images_seen: imagesSeen, mime: RAW }, buffers };
  }

  /** Stored without pictures: patches are cut from the photos. */
  async quantiles(key: Key<"quantiles">): Promise<Answer<"quantiles">> {
    const place = this.parts.place("quantile_rows", key);
    if (!place) throw this.parts.notStored("quantiles");
    const data = (await this.parts.read(...place)).data as Answer<"quantiles">["data"];
    const cuts = await Promise.all(
      data.rows
        .flatMap(({ activations }) => activations)
        .map(async ({ image, box }) => ({
          photo: await this.photos.photo(image),
          box: inside(box, this.parts.extent),
        })),
    );
    const { picture, columns } = sheet(cuts, data.size);
    return { data: { ...data, columns, mime: RAW }, buffers: [picture] };
  }

  /** The chunk that holds most of a channel's projections. */
  private chunk(layer: string, channel: number, rule: string): Chunk | undefined {
    return this.parts.manifest.layers[layer]?.projections
      .filter((chunk) => chunk.rule === rule && chunk.channels.includes(channel))
      .sort((a, b) => b.k - a.k)[0];
  }

  async projections(key: Key<"projections">): Promise<Answer<"projections">> {
    const { layer, channel, k, rule } = key;
    const info = this.layer(layer);
    const chunk = this.chunk(layer, channel, rule);
    if (!chunk) throw this.parts.notStored("projections");
    const { starts } = await this.columnsOf(layer);
    const count = Math.min(k, (starts[channel + 1] as number) - (starts[channel] as number));
    const { data, buffers } = await this.parts.read(chunk.part, chunk.channels.indexOf(channel));
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
}
