/** What a report knows under an occluder: its stored maps, read at the positions that they have. */

import { cellAt, occluderBox, pair } from "../../lib/occlusion/grid";
import { clip } from "../../lib/pictures/boxes";
import { floats } from "../../lib/wire/codec";
import {
  type Answer,
  type Box,
  canonical,
  type Key,
  MAPS,
  type Occluder,
  type Pair,
} from "../../lib/wire/protocol";
import type { StoredParts } from "./parts";

/** Maps that don't depend on a layer. */
const CLASS_MAPS = ["probability", "predicted", "logit", "log_odds"];

interface Grid {
  rows: number;
  columns: number;
  stride: Pair;
  size: Pair;
}

interface Positions extends Grid {
  classes: number[];
}

export class StoredOcclusion {
  constructor(private readonly parts: StoredParts) {}

  /** A map that was stored with another layer's responses: without these. */
  async occlusion(key: Key<"occlusion">): Promise<Answer<"occlusion">> {
    const wanted = canonical({ ...key, layer: null, channel: null });
    for (const [kind, other, part, at] of this.parts.manifest.answers) {
      if (kind !== "occlusion") continue;
      if (canonical({ ...other, layer: null, channel: null }) !== wanted) continue;
      const { data, buffers } = (await this.parts.read(part, at)) as Answer<"occlusion">;
      const kept = buffers.map((buffer, i) =>
        CLASS_MAPS.includes(MAPS[i] as string) ? buffer : new DataView(new ArrayBuffer(0)),
      );
      const clean = { ...data.clean, total: null, unit: null };
      const none = { layer: null, channel: null, unit_place: null };
      return { data: { ...data, ...none, clean }, buffers: kept };
    }
    throw this.parts.notStored("occlusion");
  }

  /** The stored map whose positions an occluder is one of. */
  private format(
    image: number,
    occluder: Occluder,
  ): [key: object, part: string, at: number] | null {
    const wanted = { ...occluder, image } as Record<string, unknown>;
    for (const [kind, key, part, at] of this.parts.manifest.answers) {
      if (kind !== "positions") continue;
      const { stride: _, ...same } = key as Record<string, unknown>;
      const equal = Object.entries(same).every(
        ([name, value]) => JSON.stringify(value) === JSON.stringify(wanted[name] ?? value),
      );
      if (equal) return [key, part, at];
    }
    return null;
  }

  /** The cell of a grid where an occluder lies, -1 if it lies on none. */
  private cell(occluder: Occluder, { rows, columns, ...rest }: Grid): number {
    const [stride, size] = [pair(rest.stride), pair(rest.size)];
    const middle = (axis: "top" | "left") =>
      occluder[axis] + Math.floor((axis === "top" ? size[0] : size[1]) / 2);
    const [row, col] = cellAt(middle("top"), middle("left"), stride, [rows, columns]);
    const cell = JSON.stringify(clip(occluderBox(row, col, size, stride), ...this.parts.extent));
    const there = JSON.stringify(clip(boxOf(occluder), ...this.parts.extent));
    return there === cell ? row * columns + col : -1;
  }

  async predict({ image, occluder }: Key<"predict">): Promise<Answer<"predict">> {
    const found = occluder && this.format(image, occluder);
    if (!found) throw this.parts.notStored(occluder ? "positions" : "predict");
    const [, part, at] = found;
    const { data, buffers } = await this.parts.read(part, at);
    const { classes, ...grid } = data as Positions;
    const cell = this.cell(occluder, grid);
    if (cell < 0) throw this.parts.notStored("positions");
    // A class that isn't stored is below all that are, and shows no number.
    const all = new Float32Array(this.parts.catalogue.classes.length).fill(
      Number.NEGATIVE_INFINITY,
    );
    const view = buffers[0] as DataView;
    classes.forEach((index, i) => {
      all[index] = view.getUint16((cell * classes.length + i) * 2, true) / 65535;
    });
    return { data: { classes: all.length }, buffers: [new DataView(all.buffer)] };
  }

  /** A layer's response at a stored position, of the channels whose maps are stored. */
  async respond({ image, occluder, layer }: Key<"respond">): Promise<Answer<"respond">> {
    const found = this.format(image, occluder);
    const channels = this.parts.catalogue.layers.find(({ name }) => name === layer)?.channels ?? 0;
    const unknown = () => new Float32Array(channels).fill(Number.NaN);
    const [totals, units, cleanTotals, cleanUnits] = [unknown(), unknown(), unknown(), unknown()];
    const data = { layer, channels, strongest: -1, hamming: Number.NaN, cosine: Number.NaN };
    for (const [kind, key, part, at] of found ? this.parts.manifest.answers : []) {
      const slide = { ...key, ...found?.[0] } as Key<"occlusion">;
      if (kind !== "occlusion" || slide.layer !== layer) continue;
      if (canonical(slide) !== canonical(key)) continue;
      const map = (await this.parts.read(part, at)) as Answer<"occlusion">;
      const cell = this.cell(occluder, map.data);
      const value = (name: (typeof MAPS)[number]) =>
        floats(map.buffers[MAPS.indexOf(name)])[cell] ?? Number.NaN;
      const { channel, clean } = map.data;
      if (cell < 0 || channel === null) continue;
      if (slide.channel === null) data.strongest = channel;
      totals[channel] = value("total");
      units[channel] = value("unit");
      cleanTotals[channel] = clean.total ?? Number.NaN;
      cleanUnits[channel] = clean.unit ?? Number.NaN;
      data.hamming = value("hamming");
      data.cosine = value("cosine");
    }
    if (data.strongest < 0) throw this.parts.notStored("positions");
    const buffers = [totals, units, cleanTotals, cleanUnits].map(({ buffer }) => buffer);
    return { data, buffers: buffers.map((buffer) => new DataView(buffer)) };
  }
}

function boxOf({ top, left, height, width }: Box): Box {
  return { top, left, height, width };
}
