/** Pictures of the photos that are looked at: a few at a time, and as many kept as are quick. */

import { decode, paintTile } from "../../lib/pictures/canvas";
import { latest } from "../../lib/wire/latest";
import { PRIORITY } from "../../lib/wire/protocol";
import type { Panel } from "../shared/status";

/** Pixels of a thumbnail: what a screen with two pixels per CSS pixel shows. */
const SIZE = 112;
/** Photos in one request: each is decoded for it, and meanwhile others may be looked at. */
const AT_ONCE = 16;
/** Sheets that are kept, of 0.8 MB each. */
const SHEETS = 64;

interface Sheet {
  bitmap: ImageBitmap;
  columns: number;
  size: number;
  images: readonly number[];
}

export class Thumbnails {
  /** Photos that can't be shown: why. */
  readonly lost = new Map<number, string>();
  private readonly places = new Map<number, [sheet: Sheet, at: number]>();
  private readonly sheets: Sheet[] = [];
  private readonly ask: (images: readonly number[]) => void;

  constructor(
    private readonly panel: Panel,
    /** Some have come. */
    private readonly changed: () => void,
    signal: AbortSignal,
  ) {
    this.ask = latest((images) => this.load(images));
    signal.addEventListener("abort", () => this.clear(), { once: true });
  }

  has(image: number): boolean {
    return this.places.has(image);
  }

  /** These are looked at, and no others: what is missing comes, in this order. */
  want(images: readonly number[]): void {
    if (images.some((image) => this.misses(image))) this.ask(images);
  }

  /** Draw one into a square of `side` CSS pixels, if it is there. */
  paint(
    context: CanvasRenderingContext2D,
    image: number,
    [top, left]: readonly [number, number],
    side: number,
  ): void {
    const place = this.places.get(image);
    if (!place) return;
    const [{ bitmap, columns, size }, at] = place;
    const cell = [Math.floor(at / columns), at % columns] as const;
    paintTile(context, bitmap, cell, size, [top, left], side);
  }

  private misses(image: number): boolean {
    return !this.places.has(image) && !this.lost.has(image);
  }

  private async load(images: readonly number[]): Promise<void> {
    const missing = images.filter((image) => this.misses(image)).slice(0, AT_ONCE);
    if (missing.length === 0) return;
    const load = { priority: PRIORITY.sheets, onProgress: () => {} };
    const key = { images: missing, size: SIZE };
    await this.panel.load("thumbnails", key, "thumbnails", load, async (answer) => {
      const { data, buffers } = answer;
      if (!buffers[0]) return;
      const bitmap = await decode(buffers[0], data.mime);
      if (this.panel.signal.aborted) return bitmap.close();
      this.keep({ bitmap, columns: data.columns, size: data.size, images: data.images });
      for (const [image, reason] of data.lost) {
        this.places.delete(image);
        this.lost.set(image, reason);
      }
      this.changed();
    });
  }

  private keep(sheet: Sheet): void {
    this.sheets.push(sheet);
    sheet.images.forEach((image, at) => {
      this.places.set(image, [sheet, at]);
    });
    while (this.sheets.length > SHEETS) this.drop(this.sheets.shift());
  }

  private drop(sheet: Sheet | undefined): void {
    if (!sheet) return;
    for (const image of sheet.images) {
      if (this.places.get(image)?.[0] === sheet) this.places.delete(image);
    }
    sheet.bitmap.close();
  }

  private clear(): void {
    while (this.sheets.length > 0) this.drop(this.sheets.pop());
  }
}
