/** The photos of a report, decoded when they are asked for, and what it says of each. */

import { decode, RAW } from "../../lib/pictures/canvas";
import { floats } from "../../lib/wire/codec";
import type { Answer, Key } from "../../lib/wire/protocol";
import { sheet } from "./crops";
import type { StoredParts } from "./parts";

/** Bytes of decoded photos that are kept. */
const PHOTOS = 96e6;

/** As of an engine from a report: zfwidgets/widgets/wire/photos.py. */
const NO_OWN = "A photo of your own needs a kernel: this is a report.";

export class StoredPhotos {
  private readonly photos = new Map<number, Promise<ImageBitmap>>();
  private other: (image: number) => ImageBitmap | null = () => null;

  constructor(private readonly parts: StoredParts) {}

  get listed(): Answer<"photos">["data"] {
    const none = { own: [], most: 0, most_bytes: 0, most_pixels: 0 };
    return { ...none, no_own: NO_OWN, held: this.imagesOf("photo") };
  }

  /** The photos of which a report holds an answer as it was given, in order. */
  private imagesOf(kind: "photo" | "predict"): number[] {
    return this.parts.manifest.answers
      .filter(([name, key]) => name === kind && !(key as { occluder?: object }).occluder)
      .map(([, key]) => (key as { image: number }).image)
      .sort((a, b) => a - b);
  }

  async thumbnails({ images, size }: Key<"thumbnails">): Promise<Answer<"thumbnails">> {
    const [height, width] = this.parts.extent;
    const box = { top: 0, left: 0, height, width };
    const photos = await Promise.all(images.map((image) => this.photo(image)));
    const { picture, columns } = sheet(
      photos.map((photo) => ({ photo, box })),
      size,
    );
    const lost = images.flatMap((image, i): [number, string][] =>
      photos[i] ? [] : [[image, this.lost(image) || this.parts.notStored("photo").message]],
    );
    return { data: { images, lost, size, columns, mime: RAW }, buffers: [picture] };
  }

  async predicted(): Promise<Answer<"predicted">> {
    const classes = new Int32Array(this.parts.catalogue.images.length).fill(-1);
    for (const image of this.imagesOf("predict")) {
      const scores = floats((await this.given("predict", { image, occluder: null })).buffers[0]);
      const best = scores.indexOf(Math.max(...scores));
      if (scores.every(Number.isFinite)) classes[image] = best;
    }
    const { length } = classes;
    return { data: { done: length, total: length }, buffers: [new DataView(classes.buffer)] };
  }

  /** Photos that aren't the report's come from there. */
  alsoFrom(other: (image: number) => ImageBitmap | null): void {
    this.other = other;
  }

  /** A photo for patches to be cut from; null if it isn't stored. */
  async photo(image: number): Promise<ImageBitmap | null> {
    return this.parts.place("photo", { image }) ? this.bitmap(image) : this.other(image);
  }

  /** Why a photo couldn't be read when the report was written; empty if it could. */
  lost(image: number): string {
    const found = this.parts.manifest.lost?.find(([number]) => number === image);
    return found ? found[1] : "";
  }

  private bitmap(image: number): Promise<ImageBitmap> {
    let found = this.photos.get(image);
    this.photos.delete(image);
    found ??= this.given("photo", { image }).then(({ data, buffers }) =>
      decode(buffers[0] as DataView, data.mime),
    );
    this.photos.set(image, found);
    found.catch(() => this.photos.delete(image));
    const [rows, columns] = this.parts.extent;
    const most = Math.max(9, Math.floor(PHOTOS / (rows * columns * 4)));
    for (const [old, bitmap] of this.photos) {
      if (this.photos.size <= most) break;
      this.photos.delete(old);
      // Somebody may be about to draw it: let go when that is done.
      setTimeout(() => void bitmap.then((one) => one.close()).catch(() => {}), 5000);
    }
    return found;
  }

  /** An answer as it was given, of those that the report lists. */
  private async given<K extends "photo" | "predict">(kind: K, key: Key<K>): Promise<Answer<K>> {
    const place = this.parts.place(kind, key);
    if (!place) throw this.parts.notStored(kind);
    return (await this.parts.read(...place)) as Answer<K>;
  }
}
