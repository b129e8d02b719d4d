/** Contrast norms across neighbouring channels, place by place, and their derivative. */

import type { Area, Floats, Norm } from "../program";

/** The norm's parts at one place: `x`, its neighbours' means, and what it is divided by. */
class Place {
  private readonly x: Float64Array;
  private readonly means: Float64Array;
  readonly divisors: Float64Array;

  constructor(
    private readonly one: Norm,
    private readonly channels: number,
  ) {
    this.x = new Float64Array(channels);
    this.means = new Float64Array(channels);
    this.divisors = new Float64Array(channels);
  }

  look(values: Floats, place: number, plane: number): void {
    const { size, before, alpha, k, contrast } = this.one;
    const { x, channels } = this;
    for (let c = 0; c < channels; c++) x[c] = values[c * plane + place] as number;
    for (let c = 0; c < channels; c++) {
      let [sum, squares] = [0, 0];
      const last = Math.min(c - before + size, channels);
      for (let i = Math.max(c - before, 0); i < last; i++) {
        sum += x[i] as number;
        squares += (x[i] as number) ** 2;
      }
      const mean = sum / size;
      this.means[c] = mean;
      this.divisors[c] = k + alpha * (squares / size - (contrast ? mean * mean : 0));
    }
  }

  value(c: number): number {
    return (this.x[c] as number) / (this.divisors[c] as number) ** this.one.beta;
  }

  /** Add to `below` what the signal at this place becomes by the derivative. */
  derive(signal: Floats, below: Floats, place: number, plane: number): void {
    const { size, before, alpha, beta, contrast } = this.one;
    const { x, channels, means, divisors } = this;
    for (let c = 0; c < channels; c++) {
      const s = signal[c * plane + place] as number;
      if (s === 0) continue;
      const divisor = divisors[c] as number;
      const own = c * plane + place;
      below[own] = (below[own] as number) + s / divisor ** beta;
      const along = (-beta * s * (x[c] as number) * alpha * 2) / (size * divisor ** (beta + 1));
      const mean = contrast ? (means[c] as number) : 0;
      const last = Math.min(c - before + size, channels);
      for (let i = Math.max(c - before, 0); i < last; i++) {
        const at = i * plane + place;
        below[at] = (below[at] as number) + along * ((x[i] as number) - mean);
      }
    }
  }
}

/** Look at the places of an area, one after the other. */
function places(
  one: Norm,
  x: Floats,
  area: Area,
  visit: (here: Place, place: number, plane: number) => void,
): void {
  const [channels, rows, columns] = one.shape;
  const here = new Place(one, channels);
  for (let row = area.top; row < area.bottom; row++) {
    for (let column = area.left; column < area.right; column++) {
      const place = row * columns + column;
      here.look(x, place, rows * columns);
      visit(here, place, rows * columns);
    }
  }
}

export function normed(one: Norm, x: Floats, out: Floats, area: Area): void {
  places(one, x, area, (here, place, plane) => {
    for (let c = 0; c < one.shape[0]; c++) out[c * plane + place] = here.value(c);
  });
}

export function unnormed(one: Norm, x: Floats, signal: Floats, below: Floats, area: Area): void {
  places(one, x, area, (here, place, plane) => here.derive(signal, below, place, plane));
}
