/** What a layer's channels say to the chosen photo: an order, a small picture of each, and words. */

import { t } from "../../lib/language/translate";
import { number } from "../../lib/page/format";
import { decode } from "../../lib/pictures/canvas";
import { bytes, floats, ints } from "../../lib/wire/codec";
import { type Answer, type Pair, PRIORITY } from "../../lib/wire/protocol";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

/** How much of the photo is seen where the channel says nothing: behind mid-grey, which neither
 * dark photos nor light ones are taken for. */
const DIM = 0.25;
const GREY = 128;

export class ThisPhoto {
  /** Channels, strongest first; empty as long as it isn't known. */
  order: number[] = [];
  private data: Answer<"responses">["data"] | null = null;
  private rank = new Map<number, number>();
  private strongest = new Float32Array(0);
  private maps = new Uint8Array(0);
  private photo: ImageBitmap | null = null;
  private readonly renew: () => AbortSignal;

  constructor(
    private readonly panel: Panel,
    private readonly changed: () => void,
  ) {
    this.renew = renewable(panel.signal);
    panel.signal.addEventListener("abort", () => this.forget(), { once: true });
  }

  forget(): void {
    this.renew();
    this.photo?.close();
    this.photo = this.data = null;
    this.order = [];
    this.rank.clear();
  }

  async load(image: number, layer: string): Promise<void> {
    this.forget();
    const signal = this.renew();
    const load = { priority: PRIORITY.patches, signal };
    await this.panel.load("photo", { image }, "this-photo", load, async (answer, fresh) => {
      if (!answer.buffers[0]) return;
      const bitmap = await decode(answer.buffers[0], answer.data.mime);
      if (!fresh()) return bitmap.close();
      this.photo?.close();
      this.photo = bitmap;
    });
    await this.panel.load("responses", { image, layer }, "responses", load, (answer) => {
      const [channels, strongest, , , , maps] = answer.buffers;
      this.data = answer.data;
      this.order = Array.from(ints(channels));
      this.rank = new Map(this.order.map((channel, i) => [channel, i]));
      this.strongest = Float32Array.from(floats(strongest));
      this.maps = maps ? bytes(maps).slice() : new Uint8Array(0);
      this.changed();
    });
  }

  /** A channel's strongest activation on the photo; null if it isn't known. */
  value(channel: number): number | null {
    const at = this.rank.get(channel);
    return at === undefined ? null : (this.strongest[at] ?? null);
  }

  /** The photo, seen where the channel fires. */
  paint(context: CanvasRenderingContext2D, channel: number, [top, left]: Pair, side: number): void {
    const { data, photo } = this;
    const at = this.rank.get(channel);
    if (!data || !photo || at === undefined) return;
    const { rows, columns } = data;
    const scale = side / Math.max(photo.width, photo.height);
    const [width, height] = [photo.width * scale, photo.height * scale];
    const [x, y] = [left + (side - width) / 2, top + (side - height) / 2];
    const silent = !((this.strongest[at] ?? 0) > 0);
    const shade = new ImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      const level = silent ? 0 : Math.sqrt((this.maps[at * rows * columns + i] ?? 0) / 255);
      shade.data.fill(GREY, i * 4, i * 4 + 3);
      shade.data[i * 4 + 3] = 255 * (1 - DIM) * (1 - level);
    }
    const over = new OffscreenCanvas(columns, rows);
    over.getContext("2d")?.putImageData(shade, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(photo, x, y, width, height);
    context.drawImage(over, x, y, width, height);
  }

  describe(channel: number): string {
    const value = this.value(channel);
    if (value === null) return t("channel {channel}", { channel });
    if (!(value > 0)) return t("channel {channel} · silent on this photo", { channel });
    const place = (this.rank.get(channel) ?? 0) + 1;
    const values = { channel, value: number(value), place, of: this.order.length };
    return t("channel {channel} · {value} on this photo, rank {place} of {of}", values);
  }

  /** The channels that fire most at a place of the photo, given as shares of its extent. */
  there(down: number, across: number, most = 4): [channel: number, value: number][] {
    if (!this.data) return [];
    const { rows, columns } = this.data;
    const row = Math.min(Math.floor(down * rows), rows - 1);
    const column = Math.min(Math.floor(across * columns), columns - 1);
    if (row < 0 || column < 0) return [];
    return this.order
      .map((channel, at): [number, number] => {
        const level = this.maps[(at * rows + row) * columns + column] ?? 0;
        return [channel, (level / 255) * (this.strongest[at] ?? 0)];
      })
      .filter(([, value]) => value > 0)
      .sort(([, a], [, b]) => b - a)
      .slice(0, most);
  }
}
