/**
 * The pixels of pictures, PNG files of the kernel's (zfwidgets/widgets/wire/png.py) above all, read
 * in the page itself.
 *
 * A browser's own decoders go by way of its other processes, for each picture, and on busy cores
 * each step there and back waits: longer than reading nine takes here.
 */

import { bytes } from "../wire/codec";
import { decode, type Picture, RAW, readPicture } from "./canvas";

/** The signature, and the chunk of a picture's size, which comes first. */
const BEGIN = [0x89504e47, 0x0d0a1a0a, 13, 0x49484452] as const;
const DATA = 0x49444154;
const END = 0x49454e44;
/** Eight bits of red, green and blue, packed and filtered as everywhere, not interlaced. */
const RGB = [8, 2, 0, 0, 0] as const;
/** Each row is the difference from the one above. */
const UP = 2;
/** No more bytes than this come out of one: a file that claims more is none of ours. */
const MOST = 1032;

/** Bytes of pixels that are kept of pictures read ahead: two channels' patches and projections. */
const MOST_AHEAD = 8e6;
const ahead = new Map<DataView, Picture>();

/** Read pictures that are likely to be shown next, one at a time, while the page has nothing to do. */
export async function readAhead(
  buffers: readonly DataView[],
  mime: string,
  signal: AbortSignal,
): Promise<void> {
  for (const buffer of buffers) {
    await idle();
    if (signal.aborted) return;
    if (ahead.has(buffer)) continue;
    ahead.set(buffer, await read(buffer, mime));
    let bytes = 0;
    for (const [one, { rgba }] of [...ahead].reverse()) {
      bytes += rgba.length;
      if (bytes > MOST_AHEAD) ahead.delete(one);
    }
  }
}

/** The pixels of a picture; what was read ahead is given away. */
export async function decodePixels(buffer: DataView, mime: string): Promise<Picture> {
  const known = ahead.get(buffer);
  ahead.delete(buffer);
  return known ?? read(buffer, mime);
}

/** The browser is asked only where a picture is in no form of our own. */
async function read(buffer: DataView, mime: string): Promise<Picture> {
  if (mime === RAW) {
    const [rows, columns] = [buffer.getUint32(0, true), buffer.getUint32(4, true)];
    return { rows, columns, rgba: new Uint8ClampedArray(bytes(buffer).slice(8).buffer) };
  }
  const own = mime === "image/png" ? await readPng(buffer) : null;
  if (own) return own;
  const bitmap = await decode(buffer, mime);
  const picture = readPicture(bitmap);
  bitmap.close();
  return picture;
}

/** The picture in a PNG file of ours; null for any other, which the browser has to read. */
export async function readPng(file: DataView): Promise<Picture | null> {
  if (file.byteLength < 57 || typeof DecompressionStream === "undefined") return null;
  if (BEGIN.some((word, i) => file.getUint32(4 * i) !== word)) return null;
  if (RGB.some((value, i) => file.getUint8(24 + i) !== value)) return null;
  const [columns, rows, length] = [16, 20, 33].map((at) => file.getUint32(at)) as [
    number,
    number,
    number,
  ];
  // One chunk of data, and then no other.
  if (file.getUint32(37) !== DATA || file.byteLength !== length + 57) return null;
  if (file.getUint32(length + 49) !== END) return null;
  const size = rows * (1 + 3 * columns);
  if (size > MOST * length) return null;
  const packed = new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset + 41, length);
  const lines = await inflate(packed, size);
  return lines && unfiltered(lines, rows, columns);
}

/** Resolves when nothing more urgent is to do. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(() => resolve());
    else setTimeout(resolve, 50); // Safari has no such thing
  });
}

/** What was packed, where it has this size. */
async function inflate(
  packed: Uint8Array<ArrayBuffer>,
  size: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const written = writer.write(packed).then(() => writer.close());
  written.catch(() => {}); // the reader is told
  const reader = readable.getReader();
  const out = new Uint8Array(size);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return at === size ? out : null;
      if (at + value.length > size) return null;
      out.set(value, at);
      at += value.length;
    }
  } catch {
    return null;
  }
}

/** The picture whose rows these are; they are added up where they lie. */
function unfiltered(lines: Uint8Array<ArrayBuffer>, rows: number, columns: number): Picture | null {
  const rgba = new Uint8ClampedArray(rows * columns * 4);
  const wide = 1 + 3 * columns;
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * wide;
    if (lines[start] !== UP) return null;
    if (row > 0) {
      for (let i = start + 1; i < start + wide; i++) {
        lines[i] = (lines[i] as number) + (lines[i - wide] as number); // kept below 256 by its type
      }
    }
    for (let i = start + 1; i < start + wide; i += 3, to += 4) {
      rgba[to] = lines[i] as number;
      rgba[to + 1] = lines[i + 1] as number;
      rgba[to + 2] = lines[i + 2] as number;
      rgba[to + 3] = 255;
    }
  }
  return { rows, columns, rgba };
}
