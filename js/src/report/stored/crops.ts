/** Pictures that are cut from the report's photos instead of being stored again. */

import { rawPicture } from "../../lib/pictures/canvas";
import type { Box } from "../../lib/wire/protocol";

function stage(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser offers no 2D canvas.");
  return context;
}

function read(context: OffscreenCanvasRenderingContext2D): DataView {
  const { width, height } = context.canvas;
  return rawPicture(context.getImageData(0, 0, width, height));
}

/** Stands for a patch whose photo isn't stored: stripes, as in zfwidgets/reports/coarse.py. */
function hatch(
  context: OffscreenCanvasRenderingContext2D,
  [x, y, width, height]: [number, number, number, number],
): void {
  const stripes = context.createImageData(width, height);
  stripes.data.forEach((_, i, data) => {
    const [row, col] = [Math.floor(i / 4 / width), Math.floor(i / 4) % width];
    data[i] = i % 4 === 3 ? 255 : 150 + 40 * (Math.floor((row + col) / 4) % 2);
  });
  context.putImageData(stripes, x, y);
}

/** Draw a box of the photo into a rectangle; stripes where there is no photo. */
function draw(
  context: OffscreenCanvasRenderingContext2D,
  photo: ImageBitmap | null,
  box: Box,
  [x, y, width, height]: [number, number, number, number],
): void {
  if (!photo) {
    hatch(context, [x, y, width, height]);
    return;
  }
  context.drawImage(photo, box.left, box.top, box.width, box.height, x, y, width, height);
}

/** A box of the photo at full size. */
export function patch(photo: ImageBitmap | null, box: Box): DataView {
  const context = stage(box.width, box.height);
  draw(context, photo, box, [0, 0, box.width, box.height]);
  return read(context);
}

/** Square thumbnails side by side, row by row; null leaves a place white. */
export function sheet(
  cuts: readonly ({ photo: ImageBitmap | null; box: Box } | null)[],
  size: number,
): { picture: DataView; columns: number } {
  const columns = Math.max(1, Math.ceil(Math.sqrt(cuts.length)));
  const rows = Math.max(1, Math.ceil(cuts.length / columns));
  const context = stage(columns * size, rows * size);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, columns * size, rows * size);
  context.imageSmoothingQuality = "high";
  cuts.forEach((cut, i) => {
    if (!cut) return;
    const { box, photo } = cut;
    const scale = size / Math.max(box.height, box.width);
    const width = Math.max(1, Math.round(box.width * scale));
    const height = Math.max(1, Math.round(box.height * scale));
    const x = (i % columns) * size + Math.floor((size - width) / 2);
    const y = Math.floor(i / columns) * size + Math.floor((size - height) / 2);
    context.imageSmoothingEnabled = scale < 2; // few pixels stay visible as such
    draw(context, photo, box, [x, y, width, height]);
  });
  return { picture: read(context), columns };
}
