/** Maps that nobody needs any more, to be used again: fresh ones cost the collector's time. */

import type { Floats } from "./program";

/** Bytes that are kept. */
const MOST = 96e6;

export class Stock {
  private readonly free = new Map<number, Floats[]>();
  private bytes = 0;

  /** So many numbers, all zero unless all are to be written over. */
  take(length: number, overwritten = false): Floats {
    const known = this.free.get(length)?.pop();
    if (!known) return new Float32Array(length);
    this.bytes -= known.byteLength;
    return overwritten ? known : known.fill(0);
  }

  /** Nobody else may hold it. */
  give(floats: Floats): void {
    if (this.bytes + floats.byteLength > MOST) return;
    this.bytes += floats.byteLength;
    const same = this.free.get(floats.length);
    if (same) same.push(floats);
    else this.free.set(floats.length, [floats]);
  }
}
