/**
 * Pixels on canvases. A canvas has as many pixels as its picture; CSS scales it at the device's
 * resolution, and pictures much smaller than their place keep their pixels visible.
 */

import { bytes } from "../wire/codec";
import type { Box } from "../wire/protocol";

export type Rgba = Uint8ClampedArray<ArrayBuffer>;

export interface Picture {
  rows: number;
  columns: number;
  rgba: Rgba;
}

/** The type of pictures that never leave the page: uint32 rows and columns, then RGBA. */
export const RAW = "image/x-zfwidgets-rgba";

export function rawPicture({ data, width, height }: ImageData): DataView {
  const out = new DataView(new ArrayBuffer(8 + data.length));
  out.setUint32(0, height, true);
  out.setUint32(4, width, true);
  new Uint8Array(out.buffer, 8).set(data);
  return out;
}

export function decode(buffer: DataView, mime: string): Promise<ImageBitmap> {
  if (mime !== RAW) return createImageBitmap(new Blob([bytes(buffer)], { type: mime }));
  const rgba = new Uint8ClampedArray(bytes(buffer).slice(8).buffer);
  return createImageBitmap(new ImageData(rgba, buffer.getUint32(4, true)));
}

/**
 * Give a canvas so many pixels, where it has others: with new ones, be they as many, the page's
 * next frame waits for the browser's process that shows it.
 */
function resize(canvas: HTMLCanvasElement, rows: number, columns: number): void {
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
}

/** A canvas of this many pixels, each of which may be seen; what was on it may still be. */
function forPixels(canvas: HTMLCanvasElement, rows: number, columns: number) {
  resize(canvas, rows, columns);
  canvas.classList.toggle("zf-pixelated", Math.max(rows, columns) <= 64);
  return canvas.getContext("2d", { willReadFrequently: false });
}

/** Paint a bitmap, or a part of it. */
export function paintBitmap(canvas: HTMLCanvasElement, bitmap: ImageBitmap, part?: Box): void {
  const { height, width } = part ?? bitmap;
  const context = forPixels(canvas, height, width);
  context?.clearRect(0, 0, width, height);
  context?.drawImage(bitmap, -(part?.left ?? 0), -(part?.top ?? 0));
}

/** A part of a picture. */
export function cropPicture({ columns, rgba }: Picture, part: Box): Picture {
  const { top, left, height, width } = part;
  const out = new Uint8ClampedArray(height * width * 4);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * columns + left) * 4;
    out.set(rgba.subarray(from, from + width * 4), row * width * 4);
  }
  return { rows: height, columns: width, rgba: out };
}

/** Paint a picture, or a part of it. */
export function paintPicture(canvas: HTMLCanvasElement, picture: Picture, part?: Box): void {
  const { rows, columns, rgba } = picture;
  const { top, left, height, width } = part ?? { top: 0, left: 0, height: rows, width: columns };
  const pixels = new ImageData(rgba, columns, rows);
  const context = forPixels(canvas, height, width);
  context?.putImageData(pixels, -left, -top, left, top, width, height);
}

/** A canvas of this extent in CSS pixels, cleared, at the device's resolution. */
export function sized(canvas: HTMLCanvasElement, height: number, width: number) {
  const scale = globalThis.devicePixelRatio || 1;
  resize(canvas, Math.round(height * scale), Math.round(width * scale));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context?.resetTransform();
  context?.clearRect(0, 0, canvas.width, canvas.height);
  context?.scale(canvas.width / width, canvas.height / height);
  return context;
}

/** One tile of a sheet, of `size` pixels, at a place of `side` CSS pixels. */
export function paintTile(
  context: CanvasRenderingContext2D,
  sheet: ImageBitmap,
  [row, column]: readonly [number, number],
  size: number,
  [top, left]: readonly [number, number],
  side: number,
): void {
  context.imageSmoothingEnabled = size > (side * (globalThis.devicePixelRatio || 1)) / 2;
  context.imageSmoothingQuality = "high";
  context.drawImage(sheet, column * size, row * size, size, size, left, top, side, side);
}

export function readPicture(bitmap: ImageBitmap): Picture {
  const { width: columns, height: rows } = bitmap;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser offers no 2D canvas.");
  context.drawImage(bitmap, 0, 0);
  return { rows, columns, rgba: context.getImageData(0, 0, columns, rows).data };
}
