/** Filters of which each has a channel to itself: no matrix product. */

import type { Area, Convolution, Floats, Shape } from "../program";

export class Apart {
  private readonly taps: number;
  private readonly most: number;
  private readonly least: number;

  constructor(
    private readonly one: Convolution,
    private readonly input: Shape,
    private readonly weight: Floats,
    private readonly bias: Floats | null,
  ) {
    this.taps = one.kernel[0] * one.kernel[1];
    this.least = one.rectify === undefined ? Number.NEGATIVE_INFINITY : 0;
    this.most = one.rectify ?? Number.POSITIVE_INFINITY;
  }

  /** Fills an area of a channel; `x` begins at `from`, with the border's zeros around it. */
  filter(
    x: Floats,
    from: number,
    out: Floats,
    channel: number,
    area: Area,
    width: number,
    taps: Int32Array,
  ): void {
    const [, rows, columns] = this.one.shape;
    const [down, across] = this.one.stride;
    const first = channel * this.taps;
    const bias = this.bias ? (this.bias[channel] as number) : 0;
    for (let row = area.top; row < area.bottom; row++) {
      const line = from + (row - area.top) * down * width;
      for (let column = area.left; column < area.right; column++) {
        const place = line + (column - area.left) * across;
        let sum = bias;
        for (let tap = 0; tap < taps.length; tap++) {
          sum +=
            (this.weight[first + tap] as number) * (x[place + (taps[tap] as number)] as number);
        }
        const value = sum < this.least ? this.least : sum > this.most ? this.most : sum;
        out[(channel * rows + row) * columns + column] = value;
      }
    }
  }

  /** Adds to a channel of `below` what an area of `signal` sends there, no less than `low`. */
  transpose(signal: Floats, below: Floats, channel: number, area: Area, low: number): void {
    const [, rows, columns] = this.one.shape;
    const { kernel, stride, padding, dilation } = this.one;
    const [, high, wide] = this.input;
    for (let row = area.top; row < area.bottom; row++) {
      for (let column = area.left; column < area.right; column++) {
        const value = signal[(channel * rows + row) * columns + column] as number;
        if (value === 0 || value < low) continue;
        for (let tap = 0; tap < this.taps; tap++) {
          const y = row * stride[0] - padding[0] + Math.floor(tap / kernel[1]) * dilation[0];
          const x = column * stride[1] - padding[1] + (tap % kernel[1]) * dilation[1];
          if (y < 0 || x < 0 || y >= high || x >= wide) continue;
          const at = (channel * high + y) * wide + x;
          below[at] =
            (below[at] as number) + value * (this.weight[channel * this.taps + tap] as number);
        }
      }
    }
  }
}
