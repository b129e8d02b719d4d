/** What an occluder does to a layer's maps: `zfwidgets/engine/occlusion/layer_response.py`. */

import { type Area, type Floats, isEmpty, type Shape } from "../network/program";
import { argmax } from "./scores";

export interface Measured {
  totals: Floats;
  units: Floats;
  hamming: number;
  cosine: number;
}

export class Response {
  readonly totals: Float64Array;
  readonly units: Floats;
  /** Place of each channel's strongest unit, row by row. */
  readonly places: Int32Array;
  private norm = 0;

  constructor(
    private readonly clean: Floats,
    private readonly shape: Shape,
  ) {
    const [channels, rows, columns] = shape;
    const plane = rows * columns;
    this.totals = new Float64Array(channels);
    this.units = new Float32Array(channels);
    this.places = new Int32Array(channels);
    for (let channel = 0; channel < channels; channel++) {
      const map = clean.subarray(channel * plane, (channel + 1) * plane);
      let total = 0;
      for (const value of map) {
        total += value;
        this.norm += value * value;
      }
      this.totals[channel] = total;
      this.places[channel] = argmax(map);
      this.units[channel] = map[this.places[channel] as number] as number;
    }
  }

  /** The channel with the largest total. */
  get strongest(): number {
    return argmax(Float32Array.from(this.totals));
  }

  /** Responses of maps that differ from the unoccluded ones in an area alone. */
  measure(maps: Floats, area: Area): Measured {
    const [channels, rows, columns] = this.shape;
    const plane = rows * columns;
    const totals = new Float32Array(channels);
    const units = new Float32Array(channels);
    let [along, square, flips] = [0, 0, 0];
    for (let channel = 0; channel < channels; channel++) {
      let change = 0;
      for (let row = isEmpty(area) ? area.bottom : area.top; row < area.bottom; row++) {
        const line = channel * plane + row * columns;
        for (let at = line + area.left; at < line + area.right; at++) {
          const [now, before] = [maps[at] as number, this.clean[at] as number];
          const difference = now - before;
          change += difference;
          along += difference * before;
          square += difference * difference;
          if (now > 0 !== before > 0) flips += 1;
        }
      }
      totals[channel] = (this.totals[channel] as number) + change;
      units[channel] = maps[channel * plane + (this.places[channel] as number)] as number;
    }
    const hamming = flips / this.clean.length;
    return { totals, units, hamming, cosine: this.cosine(along, square) };
  }

  /** 1 - cos, without the difference of two numbers that are almost equal. */
  private cosine(along: number, square: number): number {
    if (this.norm === 0) return square > 0 ? 1 : 0;
    const [x, y] = [along / this.norm, square / this.norm];
    const norm = Math.max(1 + 2 * x + y, 0);
    if (!(norm > 0)) return Number.isNaN(norm) ? Number.NaN : 1;
    const cos = (1 + x) / Math.sqrt(norm);
    const sine = Math.max(y - x * x, 0) / norm;
    return cos > 0 ? sine / (1 + cos) : 1 - cos;
  }
}
