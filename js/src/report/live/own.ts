/** Photos of the reader's own, in the page's memory alone, and those of the report as pixels. */

import { msg, t } from "../../lib/language/translate";
import { type Picture, RAW, rawPicture, readPicture } from "../../lib/pictures/canvas";
import { type Answer, type Catalogue, type OwnPhoto, PRIORITY } from "../../lib/wire/protocol";
import { NotStored } from "../../lib/wire/source";
import type { StoredAnswers } from "../stored/answers";
import type { Living } from "./living";
import type { Photo } from "./looking/tasks";

/** As of an engine: zfwidgets/records/photos.py. */
const MOST = 20;
const MOST_BYTES = 30_000_000;
const MOST_PIXELS = 64_000_000;
/** Photos of the report that are kept as pixels. */
const KEPT = 24;

interface Kept extends OwnPhoto {
  pixels: Uint8Array<ArrayBuffer>;
  bitmap: ImageBitmap;
}

const NO_OWN = msg("Photos of your own can't be taken here: {why}.");

export class Photos {
  private readonly own = new Map<number, Kept>();
  private readonly known = new Map<number, Promise<Photo>>();
  private next: number;

  constructor(
    private readonly living: Living,
    private readonly answers: StoredAnswers,
    private readonly catalogue: Catalogue,
  ) {
    this.next = catalogue.images.length;
    answers.photos.alsoFrom((image) => this.own.get(image)?.bitmap ?? null);
  }

  async listed(added?: number): Promise<Answer<"photos">> {
    const { data } = await this.answers.find("photos", {});
    const { no_preparation } = this.living.network;
    const failed = await this.living.ready.then(
      () => "",
      (error: Error) => error.message,
    );
    const why = no_preparation || failed;
    const own = [...this.own.values()].reverse();
    return {
      data: {
        ...data,
        own: own.map(({ image, name, notes }) => ({ image, name, notes })),
        no_own: why ? t(NO_OWN, { why }) : "",
        most: MOST,
        most_bytes: MOST_BYTES,
        most_pixels: MOST_PIXELS,
        kept: "page",
        ...(added === undefined ? {} : { added }),
      },
      buffers: [],
    };
  }

  async add(name: string, file: Uint8Array<ArrayBuffer>): Promise<Answer<"photos">> {
    const { signal } = new AbortController();
    const task = { task: "fit", file, name, most: MOST_PIXELS } as const;
    const { data, buffers } = await this.living.ask(task, {
      priority: PRIORITY.interaction,
      signal,
    });
    const pixels = new Uint8Array(buffers[0] as ArrayBuffer);
    const notes = (data as { notes: string[] }).notes.map((note) => t(note));
    const bitmap = await createImageBitmap(this.imageData(pixels));
    const image = this.next++;
    this.own.set(image, { image, name: name.slice(0, 120), notes, pixels, bitmap });
    while (this.own.size > MOST) this.forget(this.own.keys().next().value as number);
    return this.listed(image);
  }

  remove(image: number): Promise<Answer<"photos">> {
    this.forget(image);
    return this.listed();
  }

  private forget(image: number): void {
    // Somebody may be about to draw it: it goes when nobody has it any more.
    this.own.delete(image);
  }

  private imageData(pixels: Uint8Array): ImageData {
    const [, rows, columns] = this.catalogue.engine.input;
    const out = new ImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      out.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
      out.data[4 * i + 3] = 255;
    }
    return out;
  }

  nameOf(image: number): string {
    return this.own.get(image)?.name ?? this.catalogue.images[image]?.name ?? "";
  }

  /** A photo of the reader's own, as it is looked at. */
  shown(image: number): Answer<"photo"> | null {
    const own = this.own.get(image);
    if (!own) return null;
    const [, rows, columns] = this.catalogue.engine.input;
    const data = { image, name: own.name, label: null, rows, columns, mime: RAW };
    return { data, buffers: [rawPicture(this.imageData(own.pixels))] };
  }

  isOwn(image: number): boolean {
    return image >= this.catalogue.images.length;
  }

  /** Whether a photo's pixels are at hand. */
  has(image: number): boolean {
    return this.own.has(image) || this.answers.holds("photo", { image });
  }

  bitmap(image: number): Promise<ImageBitmap | null> {
    return this.answers.photos.photo(image);
  }

  /** A photo as the network sees it. */
  photo(image: number): Promise<Photo> {
    const own = this.own.get(image);
    if (own) return Promise.resolve({ image, pixels: own.pixels });
    let found = this.known.get(image);
    this.known.delete(image);
    found ??= this.read(image);
    this.known.set(image, found);
    found.catch(() => this.known.delete(image));
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value as number);
    return found;
  }

  private async read(image: number): Promise<Photo> {
    const bitmap = await this.answers.photos.photo(image);
    if (!bitmap) {
      const gone = t("This photo isn't there any more: add it again.");
      throw new NotStored(this.isOwn(image) ? gone : this.answers.sentence("photo"));
    }
    const { rows, columns, rgba }: Picture = readPicture(bitmap);
    const pixels = new Uint8Array(rows * columns * 3);
    for (let i = 0; i < rows * columns; i++) {
      for (let c = 0; c < 3; c++) pixels[3 * i + c] = rgba[4 * i + c] as number;
    }
    return { image, pixels };
  }
}
