/** Deterministic pictures that look like something, drawn in the page. */

import type { Box } from "../../src/lib/wire/protocol";

export const ROWS = 192;
export const COLUMNS = 224;

/** Mulberry32. */
export function random(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A landscape with an animal-like blob at a place of its own. */
export function photoCanvas(image: number): OffscreenCanvas {
  const next = random(image + 1);
  const canvas = new OffscreenCanvas(COLUMNS, ROWS);
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const hue = next() * 360;
  const sky = context.createLinearGradient(0, 0, 0, ROWS);
  sky.addColorStop(0, `hsl(${hue} 35% 72%)`);
  sky.addColorStop(0.55, `hsl(${hue + 40} 30% 55%)`);
  sky.addColorStop(1, `hsl(${hue + 90} 28% 30%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, COLUMNS, ROWS);
  for (let i = 0; i < 260; i++) {
    context.strokeStyle = `hsl(${hue + 80 + next() * 40} 30% ${15 + next() * 40}% / 55%)`;
    context.lineWidth = 0.5 + next() * 2;
    const [x, y] = [next() * COLUMNS, ROWS * (0.55 + next() * 0.45)];
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + next() * 14 - 7, y - 6 - next() * 20);
    context.stroke();
  }
  const { x, y, r } = subject(image);
  context.fillStyle = `hsl(${hue + 180} 45% 45%)`;
  context.beginPath();
  context.ellipse(x, y + r * 0.9, r * 1.5, r, 0, 0, 7);
  context.ellipse(x - r * 0.5, y - r * 0.2, r * 0.75, r * 0.7, 0, 0, 7);
  context.fill();
  context.fillStyle = "#111";
  for (const dx of [-0.75, -0.25]) {
    context.beginPath();
    context.arc(x + dx * r, y - r * 0.3, r * 0.12, 0, 7);
    context.fill();
  }
  for (let i = 0; i < 9; i++) {
    context.strokeStyle = `hsl(${hue + 180} 40% 20% / 60%)`;
    context.beginPath();
    context.arc(x + (i - 3) * r * 0.35, y + r * 0.9, r * 0.7, -1.1, 0.6);
    context.stroke();
  }
  return canvas;
}

export function subject(image: number): { x: number; y: number; r: number } {
  const next = random(image + 7919);
  return { x: 50 + next() * 120, y: 70 + next() * 70, r: 18 + next() * 16 };
}

/** A box of a photo at full size; what is outside of the image is black. */
export function patchCanvas(image: number, box: Box): OffscreenCanvas {
  const canvas = new OffscreenCanvas(box.width, box.height);
  canvas.getContext("2d")?.drawImage(photoCanvas(image), -box.left, -box.top);
  return canvas;
}

/** A signed picture around mid-grey: a few oriented waves under an envelope, on a checkerboard. */
export function projectionCanvas(seed: number, rows: number, columns: number): OffscreenCanvas {
  const next = random(seed);
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const pixels = context.createImageData(columns, rows);
  const [cx, cy] = [columns * (0.3 + next() * 0.4), rows * (0.3 + next() * 0.4)];
  const angle = next() * Math.PI;
  const wave = 2.5 + next() * 5;
  const tint = [next() - 0.5, next() - 0.5, next() - 0.5];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const distance = ((x - cx) / columns) ** 2 + ((y - cy) / rows) ** 2;
      const envelope = Math.exp(-distance * 14);
      const phase = (x * Math.cos(angle) + y * Math.sin(angle)) / wave;
      const board = (x + y) % 2 === 0 ? 1 : 0.55;
      const value = Math.sin(phase) * envelope * board * 127;
      const at = (y * columns + x) * 4;
      for (let c = 0; c < 3; c++) pixels.data[at + c] = 128 + value * (1 + (tint[c] as number));
      pixels.data[at + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export async function encode(canvas: OffscreenCanvas, mime = "image/png"): Promise<DataView> {
  const blob = await canvas.convertToBlob({ type: mime });
  return new DataView(await blob.arrayBuffer());
}
