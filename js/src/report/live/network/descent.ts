/** How each operation sends a signal down: by its transpose, its switches, a rule or its derivative. */

import type { Filters } from "./convolution";
import { curveOf } from "./curves";
import { each, lines, softmax } from "./maps";
import { unnormed } from "./norms";
import { unadaptiveMean, unmeanPool, unpool } from "./pools";
import {
  type Area,
  type Convolution,
  type Floats,
  type Operation,
  reads,
  type Shape,
  type Values,
  whole,
} from "./program";

/** What happens to a signal at a rectifier: `zfwidgets/engine/projection/rules.py`. */
export type Rule = "deconvnet" | "guided" | "gradient";

export interface Signal {
  signal: Floats;
  /** Where it may differ from zero. */
  area: Area;
}

/** What the way down needs to know of a network. */
export interface Parts {
  shape(value: number): Shape;
  array(number: number): Floats;
  filters(one: Convolution): Filters;
}

/** The way down through one operation, by a rule. */
export function sendDown(
  network: Parts,
  one: Operation,
  { signal, area }: Signal,
  values: Values,
  rule: Rule,
  pass: (number: number, send: (below: Floats) => Area) => void,
  cross: (most: number) => void,
): void {
  const input = network.shape(one.in[0] as number);
  const x = values[one.in[0] as number] as Floats;
  /** Place by place. */
  const each_ = (number: number, of: (at: number, channel: number) => number) =>
    pass(number, (below) => {
      each(one.shape, area, (at, channel) => {
        below[at] = (below[at] as number) + of(at, channel);
      });
      return area;
    });
  switch (one.op) {
    case "conv":
      pass(0, (below) => network.filters(one).transpose(signal, below, area));
      break;
    case "scale": {
      const scale = one.scale === undefined ? null : network.array(one.scale);
      each_(0, (at, channel) => (signal[at] as number) * (scale ? (scale[channel] as number) : 1));
      break;
    }
    case "rectify": {
      const most = one.most ?? Number.POSITIVE_INFINITY;
      pass(0, (below) => {
        lines(one.shape, area, (start, end) => {
          for (let at = start; at < end; at++) {
            const value = signal[at] as number;
            if (rule !== "gradient" && value <= 0) continue;
            const before = rule === "deconvnet" ? 0 : (x[at] as number);
            const active = rule === "deconvnet" || (before > 0 && before < most);
            if (active) below[at] = (below[at] as number) + value;
          }
        });
        return area;
      });
      break;
    }
    case "curve": {
      const derivative = (curveOf(one) as NonNullable<ReturnType<typeof curveOf>>)[1];
      each_(0, (at) => (signal[at] as number) * derivative(x[at] as number));
      break;
    }
    case "norm":
      // The paper's deconvnet passes norms by.
      if (rule === "deconvnet") each_(0, (at) => signal[at] as number);
      else {
        pass(0, (below) => {
          unnormed(one, x, signal, below, area);
          return area;
        });
      }
      break;
    case "max_pool":
      pass(0, (below) => {
        const [reached, most] = unpool(one, x, input, signal, below, area);
        cross(most);
        return reached;
      });
      break;
    case "mean_pool":
      pass(0, (below) => unmeanPool(one, input, signal, below, area));
      break;
    case "adaptive_mean":
      pass(0, (below) => {
        unadaptiveMean(one.shape, input, signal, below, area);
        return whole(input);
      });
      break;
    case "add":
      one.factors.forEach((factor, number) => {
        each_(number, (at) => (signal[at] as number) * factor);
      });
      break;
    case "gate": {
      const gate = values[one.in[1 - one.through] as number] as Floats;
      each_(one.through, (at, channel) => (signal[at] as number) * (gate[channel] as number));
      break;
    }
    case "concat": {
      let start = 0;
      one.in.forEach((from, number) => {
        const [channels, rows, columns] = network.shape(from);
        const offset = start;
        start += channels * rows * columns;
        pass(number, (below) => {
          lines([channels, rows, columns], area, (start, end) => {
            for (let at = start; at < end; at++) {
              below[at] = (below[at] as number) + (signal[offset + at] as number);
            }
          });
          return area;
        });
      });
      break;
    }
    case "part": {
      const offset = one.first * one.shape[1] * one.shape[2];
      pass(0, (below) => {
        each(one.shape, area, (at) => {
          below[offset + at] = (below[offset + at] as number) + (signal[at] as number);
        });
        return area;
      });
      break;
    }
    case "pad":
      pass(0, (below) => {
        const inner = reads(one, area, 0, input);
        const [top, left] = one.before;
        const [, rows, columns] = one.shape;
        each(input, inner, (at, channel, row, column) => {
          const from = (channel * rows + row + top) * columns + column + left;
          below[at] = (below[at] as number) + (signal[from] as number);
        });
        return inner;
      });
      break;
    case "view":
      pass(0, (below) => {
        for (let at = 0; at < signal.length; at++) {
          below[at] = (below[at] as number) + (signal[at] as number);
        }
        return whole(input);
      });
      break;
    case "softmax": {
      const out = new Float32Array(x.length);
      softmax(x, out);
      const along = out.reduce((sum, share, at) => sum + share * (signal[at] as number), 0);
      each_(0, (at) => (out[at] as number) * ((signal[at] as number) - along));
    }
  }
}
