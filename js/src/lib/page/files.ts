/** NumPy's .npy, format 1.0, and tables as CSV: files made in the page. */

import type { Pair } from "../wire/protocol";

/** A C-ordered array of two axes as a .npy file. */
export function npy(array: Float32Array | Int32Array, [rows, columns]: Pair): Blob {
  const type = array instanceof Int32Array ? "<i4" : "<f4";
  const dictionary = `{'descr': '${type}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  // Magic, version and length take 10 bytes; with a newline all of it is a multiple of 64.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const head = new Uint8Array(10);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  const padded = `${dictionary.padEnd(length - 1)}\n`;
  return new Blob([head, padded, littleEndian(array)], { type: "application/octet-stream" });
}

function littleEndian(array: Float32Array | Int32Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(array.length * 4));
  array.forEach((value, i) => {
    if (array instanceof Int32Array) view.setInt32(i * 4, value, true);
    else view.setFloat32(i * 4, value, true);
  });
  return view.buffer;
}

type Value = string | number | null;

/** Comma-separated, one line a row; what isn't there or isn't a number stays empty. */
export function csv(columns: readonly string[], rows: Iterable<readonly Value[]>): string {
  const field = (value: Value) => {
    if (value === null || (typeof value === "number" && Number.isNaN(value))) return "";
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return `${lines.join("\n")}\n`;
}

/** Offer a file for download. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has its own hold of the data from the next task on.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
