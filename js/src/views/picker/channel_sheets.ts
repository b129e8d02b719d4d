/** Thumbnails of a layer's channels, which come in sheets of many, and channels whose photo is lost. */

import { decode, paintTile } from "../../lib/pictures/canvas";
import { SHEET, THUMBNAIL } from "../../lib/wire/constants";
import { type Pair, PRIORITY } from "../../lib/wire/protocol";
import { lostText, tellLost } from "../shared/lost";
import type { Panel } from "../shared/status";

interface Sheet {
  bitmap: ImageBitmap;
  columns: number;
  size: number;
}

export class ChannelSheets {
  /** By its first channel; null while it is on its way. */
  private readonly sheets = new Map<number, Sheet | null>();
  private readonly lost = new Map<number, string>();
  private layer = "";
  private total = 0;
  private signal: AbortSignal;

  /** `changed` is told when a sheet has come. */
  constructor(
    private readonly host: HTMLElement,
    private readonly panel: Panel,
    private readonly changed: () => void,
  ) {
    this.signal = panel.signal;
    panel.signal.addEventListener("abort", () => this.forget(), { once: true });
  }

  /** From now on those of another layer, until `signal` aborts. */
  open(layer: string, total: number, signal: AbortSignal): void {
    this.forget();
    this.layer = layer;
    this.total = total;
    this.signal = signal;
  }

  private forget(): void {
    for (const sheet of this.sheets.values()) sheet?.bitmap.close();
    this.sheets.clear();
    this.lost.clear();
  }

  has(channel: number): boolean {
    return Boolean(this.sheets.get(firstOf(channel)));
  }

  /** What to say of a channel whose photo can't be read any more. */
  whyLost(channel: number): string | undefined {
    return this.lost.get(channel);
  }

  /** See to it that a channel's sheet comes, once. */
  want(channel: number): void {
    const first = firstOf(channel);
    if (this.sheets.has(first)) return;
    this.sheets.set(first, null);
    const count = Math.min(SHEET, this.total - first);
    const key = { layer: this.layer, first, count, size: THUMBNAIL };
    const load = { priority: PRIORITY.sheets, signal: this.signal };
    void this.panel.load("sheet", key, `sheet:${first}`, load, async (answer, fresh) => {
      const { data, buffers } = answer;
      if (!buffers[0]) return;
      const bitmap = await decode(buffers[0], data.mime);
      if (!fresh()) return bitmap.close();
      this.sheets.get(first)?.bitmap.close();
      this.sheets.set(first, { bitmap, columns: data.columns, size: data.size });
      for (let i = 0; i < data.count; i++) this.lost.delete(first + i);
      const lost = data.lost ?? [];
      for (const [channel, name, why] of lost) this.lost.set(channel, lostText(name, why));
      tellLost(
        this.host,
        lost.map(([, name, why]) => [name, why]),
      );
      this.changed();
    });
  }

  /** A channel's thumbnail at a corner, `side` CSS pixels wide. */
  paint(context: CanvasRenderingContext2D, channel: number, corner: Pair, side: number): void {
    const first = firstOf(channel);
    const sheet = this.sheets.get(first);
    if (!sheet) return;
    const { bitmap, columns, size } = sheet;
    const at = channel - first;
    paintTile(context, bitmap, [Math.floor(at / columns), at % columns], size, corner, side);
  }
}

/** The first channel of the sheet that a channel is in. */
function firstOf(channel: number): number {
  return Math.floor(channel / SHEET) * SHEET;
}
