/**
 * What a report holds: parts, each a gzip file of answers (JSON and buffers), decoded when asked.
 *
 * In a page of one file a part is base64 in an inert <script>; in a folder it is a file beside the
 * page. `zfwidgets/reports/parts.py` writes them.
 */

import type { Catalogue } from "../../lib/wire/protocol";

/** An answer as it lies in a part. */
export interface Stored {
  data: unknown;
  buffers: DataView[];
}

/** [bytes of the gzip file, CRC-32 of its content]: both as gzip itself states them. */
type Sum = [bytes: number, crc: number];

/** Projections of some of a layer's channels, `k` of each at most. */
export interface Chunk {
  part: string;
  rule: string;
  k: number;
  channels: number[];
}

/** The grid of positions of one stored occlusion map. */
export interface Format {
  height: number;
  width: number;
  stride: number;
  [field: string]: unknown;
}

export interface Manifest {
  format: number;
  fingerprint: string;
  catalogue: Catalogue;
  parts: Record<string, Sum>;
  /** Answers that are stored as they were given: [kind, key, part, place in it]. */
  answers: [kind: string, key: object, part: string, at: number][];
  layers: Record<string, { part: string; projections: Chunk[] }>;
  formats: Format[];
  /** One sentence a kind on what the report holds, or how exactly. */
  sentences: Record<string, string>;
  /** Photos that couldn't be read when the report was written. */
  lost?: [image: number, reason: string][];
}

/** The file isn't whole, or not what was written. */
export class BrokenReport extends Error {
  override name = "BrokenReport";
}

export const FORMAT = 2;
const CACHED = 64e6;
/** Bytes of a part's content at most, as in zfwidgets/reports/parts.py. */
const LARGEST = 256 * 2 ** 20;
const ADVICE = "The file was cut short or changed: get it again from where it came.";

export type Open = (part: string) => Promise<Uint8Array<ArrayBuffer>>;

export class Bundle {
  private readonly cache = new Map<string, { stored: Promise<Stored[]>; bytes: number }>();
  private bytes = 0;

  private constructor(
    readonly manifest: Manifest,
    private readonly open: Open,
  ) {}

  static async read(manifest: Open, parts: Open): Promise<Bundle> {
    const [first] = unpack("manifest", await gunzip("manifest", await manifest("manifest")));
    const data = first?.data as Manifest | undefined;
    if (data?.format !== FORMAT) {
      throw new BrokenReport(`This page reads reports of format ${FORMAT}, not ${data?.format}.`);
    }
    const { catalogue } = data;
    const lists = [data.answers, data.formats, catalogue?.layers, catalogue?.images];
    const objects = [data.parts, data.layers, data.sentences];
    const listed = [...lists, catalogue?.classes, catalogue?.engine?.input].every(Array.isArray);
    if (!listed || !objects.every((one) => one && typeof one === "object")) {
      throw new BrokenReport(`This report's manifest is damaged. ${ADVICE}`);
    }
    return new Bundle(data, parts);
  }

  /** The answers of a part; the least recently used make room in memory. */
  part(name: string): Promise<Stored[]> {
    const known = this.cache.get(name);
    if (known) {
      this.cache.delete(name);
      this.cache.set(name, known);
      return known.stored;
    }
    const entry = { stored: this.load(name), bytes: 0 };
    this.cache.set(name, entry);
    entry.stored.then(
      (stored) => {
        entry.bytes = stored.reduce((sum, one) => sum + size(one), 512);
        this.bytes += entry.bytes;
        for (const [old, { bytes }] of this.cache) {
          if (this.bytes <= CACHED) break;
          if (old === name) continue;
          this.cache.delete(old);
          this.bytes -= bytes;
        }
      },
      () => this.cache.delete(name), // a part that failed to load may load the next time
    );
    return entry.stored;
  }

  private async load(name: string): Promise<Stored[]> {
    const sum = this.manifest.parts[name];
    if (!sum) throw new BrokenReport(`This report lists no part “${name}”. ${ADVICE}`);
    const packed = await this.open(name);
    const crc = packed.length < 18 ? -1 : view(packed).getUint32(packed.length - 8, true);
    if (packed.length !== sum[0] || crc !== sum[1]) {
      throw new BrokenReport(`Part “${name}” of this report isn't what was written. ${ADVICE}`);
    }
    return unpack(name, await gunzip(name, packed));
  }
}

function view(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function size({ buffers }: Stored): number {
  return buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
}

function damaged(name: string, cause: unknown): BrokenReport {
  return new BrokenReport(`Part “${name}” of this report is damaged. ${ADVICE}`, { cause });
}

/** gzip checks its content against its own checksum; what grows beyond a part isn't read on. */
async function gunzip(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  try {
    let grown = 0;
    const bound = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        grown += piece.byteLength;
        if (grown > LARGEST) throw new RangeError(`more than ${LARGEST} bytes`);
        controller.enqueue(piece);
      },
    });
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return await new Response(plain.pipeThrough(bound)).arrayBuffer();
  } catch (error) {
    throw damaged(name, error);
  }
}

/** uint32 length of the header, the header [[data, [[start, bytes], ...]], ...], the buffers. */
function unpack(name: string, content: ArrayBuffer): Stored[] {
  try {
    const length = new DataView(content).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, length)));
    return (header as [unknown, [start: number, bytes: number][]][]).map(([data, places]) => ({
      data,
      buffers: places.map(([start, bytes]) => new DataView(content, 4 + length + start, bytes)),
    }));
  } catch (error) {
    throw damaged(name, error);
  }
}

// ---------------------------------------------------------------- where parts lie

/**
 * Parts inside the page, of one bundle of maybe several; while the page still comes in, those that
 * are asked for are waited for.
 */
export function inPage(page: Document, bundle: string): Open {
  const find = (part: string) => page.getElementById(`zf-part-${bundle}${part}`);
  const whole = (part: string) => {
    const element = find(part);
    // Text comes in pieces: an element is whole when something stands behind it.
    return element && (element.nextSibling || page.readyState !== "loading") ? element : null;
  };
  return async (part) => {
    const element = whole(part) ?? (await until(page, () => whole(part)));
    if (!element) throw new BrokenReport(`Part “${part}” isn't in this file. ${ADVICE}`);
    return fromBase64(part, element.textContent ?? "");
  };
}

function until<T>(page: Document, found: () => T | null): Promise<T | null> {
  return new Promise((resolve) => {
    const settle = (value: T | null) => {
      observer.disconnect();
      page.removeEventListener("DOMContentLoaded", look);
      resolve(value);
    };
    const look = () => {
      const value = found();
      if (value || page.readyState !== "loading") settle(value);
    };
    const observer = new MutationObserver(look);
    observer.observe(page, { childList: true, subtree: true });
    page.addEventListener("DOMContentLoaded", look);
    look();
  });
}

/** Parts as files beside the page. */
export function inFolder(base: string): Open {
  return async (part) => {
    const name = `${part.replaceAll("/", "-")}.zfpart`;
    try {
      const response = await fetch(new URL(base + name, document.baseURI));
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      throw new Error(`${response.status} ${response.statusText}`);
    } catch (error) {
      const hint =
        location.protocol === "file:"
          ? "Browsers read no files beside a page from disk: serve the folder, as with " +
            "“python -m http.server” in it, or make a report of one file."
          : `The file ${name} beside this page can't be read (${error}).`;
      throw new BrokenReport(hint, { cause: error });
    }
  };
}

type FromBase64 = { fromBase64?(text: string): Uint8Array<ArrayBuffer> };

function fromBase64(part: string, text: string): Uint8Array<ArrayBuffer> {
  try {
    const native = (Uint8Array as FromBase64).fromBase64;
    if (native) return native.call(Uint8Array, text);
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch (error) {
    throw damaged(part, error);
  }
}
