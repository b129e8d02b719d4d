/** How each operation sends a signal down: by its transpose, its switches, a rule or its derivative. */

import { copy, each, lines, softmax } from "./maps";
import type { Filters } from "./operations/convolution";
import { curveOf } from "./operations/curves";
import { groupUnnormed } from "./operations/group_norms";
import { unpool } from "./operations/max_pools";
import { unnormed } from "./operations/norms";
import { unadaptiveMean, unmeanPool } from "./operations/pools";
import { factorDown, opening } from "./operations/products";
import {
  type Area,
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
  filters(one: Operation): Filters;
  optional(number: number | undefined): Floats | null;
}

/** Add what a rectifier lets through to what lies below it; `to` may be the signal, in its place. */
function rectified(
  signal: Floats,
  own: Floats,
  shape: Shape,
  area: Area,
  most: number,
  rule: Rule,
  to: Floats,
): void {
  const inPlace = to === signal;
  lines(shape, area, (start, end) => {
    for (let at = start; at < end; at++) {
      const value = signal[at] as number;
      // Where its own value lies between its bounds, so does what it was made of.
      const after = rule === "deconvnet" ? 0 : (own[at] as number);
      const active = rule === "deconvnet" || (after > 0 && after < most);
      const through = active && !(rule !== "gradient" && value <= 0) ? value : 0;
      to[at] = inPlace ? through : (to[at] as number) + through;
    }
  });
}

/** The way down through one operation, by a rule. */
export function sendDown(
  network: Parts,
  one: Operation,
  { signal, area }: Signal,
  values: Values,
  own: Floats,
  rule: Rule,
  pass: (number: number, send: (below: Floats, fresh: boolean) => Area) => void,
  cross: (most: number | null) => void,
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
    case "conv": {
      const rectifies = one.rectify !== undefined && rule !== "deconvnet";
      // The signal is nobody else's any more: it can be changed in its place.
      if (rectifies) rectified(signal, own, one.shape, area, one.rectify as number, rule, signal);
      const low = one.rectify === undefined || rectifies ? Number.NEGATIVE_INFINITY : 0;
      pass(0, (below) => network.filters(one).transpose(signal, below, area, low));
      break;
    }
    case "conv_transposed":
      pass(0, (below, fresh) => {
        const reached = reads(one, area, 0, input);
        const sent = fresh ? below : new Float32Array(below.length);
        network.filters(one).filter(signal, sent, reached);
        if (!fresh) {
          each(input, reached, (at) => {
            below[at] = (below[at] as number) + (sent[at] as number);
          });
        }
        return reached;
      });
      break;
    case "group_norm":
      pass(0, (below) => {
        groupUnnormed(one, x, network.optional(one.scale), signal, below, area);
        return one.apart ? area : whole(input);
      });
      break;
    case "product":
      one.in.forEach((_, number) => {
        const other = values[one.in[1 - number] as number] as Floats;
        pass(number, (below) => {
          factorDown(one.shape, signal, other, below, area);
          return area;
        });
      });
      break;
    case "scale": {
      const scale = network.optional(one.scale);
      each_(0, (at, channel) => (signal[at] as number) * (scale ? (scale[channel] as number) : 1));
      break;
    }
    case "rectify":
      pass(0, (below) => {
        const most = one.most ?? Number.POSITIVE_INFINITY;
        rectified(signal, own, one.shape, area, most, rule, below);
        return area;
      });
      break;
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
    case "adaptive_max":
    case "max_pool":
      pass(0, (below) => {
        const [reached, most] = unpool(one, x, own, input, signal, below, area);
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
      each_(one.through, (at, channel) => (signal[at] as number) * opening(gate, channel));
      break;
    }
    case "concat": {
      let start = 0;
      one.in.forEach((from, number) => {
        const [channels, rows, columns] = network.shape(from);
        const offset = start;
        start += channels * rows * columns;
        pass(number, (below, fresh) => {
          const shape = [channels, rows, columns] as const;
          if (fresh) copy(signal, offset, below, 0, shape, area);
          else {
            lines(shape, area, (start, end) => {
              for (let at = start; at < end; at++) {
                below[at] = (below[at] as number) + (signal[offset + at] as number);
              }
            });
          }
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
