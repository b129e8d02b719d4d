/** An occluder at every position of a photo, coarse ones first: only what changes is computed. */

import { occluderBox, pair } from "../../../lib/occlusion/grid";
import { MAPS, type Pair } from "../../../lib/wire/protocol";
import { copy } from "../network/maps";
import type { Network } from "../network/network";
import { type Area, type Floats, type Values, whole } from "../network/program";
import { areaOf, cover, type Paint } from "../photos/paint";
import { type Measured, Response } from "./response";
import { argmax, fromLogOdds, logOdds, noNumbers } from "./scores";
import type { Slide } from "./tasks";

/** All cells of a grid on ever finer lattices: `coarse_to_fine` in zfwidgets/engine/occlusion. */
export function coarseToFine(rows: number, columns: number): Pair[] {
  let step = 1;
  while (step * 4 < Math.max(rows, columns)) step *= 2;
  const seen = new Set<number>();
  const found: Pair[] = [];
  const visit = (row: number, column: number) => {
    const cell = row * columns + column;
    if (seen.has(cell)) return;
    seen.add(cell);
    found.push([row, column]);
  };
  for (; step >= 1; step = Math.floor(step / 2)) {
    const start = (n: number) => Math.min(Math.floor(step / 2), n - 1);
    for (let row = start(rows); row < rows; row += step) {
      for (let column = start(columns); column < columns; column += step) visit(row, column);
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) visit(row, column);
  }
  return found;
}

/** A photo's pass of the occluder, as far as it is. */
export class Sliding {
  readonly grid: Pair;
  readonly cells: readonly Pair[];
  readonly clean: Floats | null;
  done = 0;
  private readonly logits: (Floats | undefined)[] = [];
  private readonly measured: (Measured | undefined)[] = [];
  private readonly response: Response | null;
  private readonly layer: number | null;
  private readonly needed: (Area | null)[];
  private readonly working: Values;
  private readonly size: Pair;
  private readonly stride: Pair;

  /**
   * `uncovered` are the photo's values with nothing over it, `base` those with the further boxes
   * covered: the same where there are none.
   */
  constructor(
    private readonly network: Network,
    private readonly slide: Slide,
    uncovered: Values,
    private readonly base: Values,
    private readonly paint: Paint,
  ) {
    const { program } = network;
    this.stride = pair(slide.stride);
    this.size = [slide.height, slide.width];
    const [, rows, columns] = program.input;
    this.grid = [Math.ceil(rows / this.stride[0]), Math.ceil(columns / this.stride[1])];
    this.cells = coarseToFine(...this.grid);
    const { output } = program;
    this.layer = slide.layer === null ? null : (program.layers[slide.layer] ?? null);
    this.clean = output === null ? null : (uncovered[output] as Floats);
    this.response =
      this.layer === null
        ? null
        : new Response(uncovered[this.layer] as Floats, network.shape(this.layer));
    const wanted = [output, this.layer].filter((value) => value !== null);
    this.needed = network.needs(
      new Map(wanted.map((value) => [value, whole(network.shape(value))])),
    );
    this.working = base.map((value, i) => (value && this.needed[i] ? value.slice() : value));
  }

  get total(): number {
    return this.cells.length;
  }

  /** Compute the next position. */
  step(): void {
    const [row, column] = this.cells[this.done] as Pair;
    const { program } = this.network;
    const box = occluderBox(row, column, this.size, this.stride);
    cover(this.working[0] as Floats, program.input, box, this.slide.mask, this.paint);
    const areas = this.network.spread(this.working, areaOf(box, program.input), this.needed);
    const cell = row * this.grid[1] + column;
    if (program.output !== null) {
      this.logits[cell] = (this.working[program.output] as Floats).slice();
    }
    if (this.response && this.layer !== null) {
      // Where boxes stay covered, maps differ from the clean ones elsewhere too.
      const shape = this.network.shape(this.layer);
      const area = this.slide.extra_boxes.length > 0 ? whole(shape) : areas[this.layer];
      const none = { top: 0, left: 0, bottom: 0, right: 0 };
      const maps = this.working[this.layer] as Floats;
      this.measured[cell] = this.response.measure(maps, area ?? none);
    }
    areas.forEach((area, value) => {
      if (!area) return;
      const from = this.base[value] as Floats;
      copy(from, 0, this.working[value] as Floats, 0, this.network.shape(value), area);
    });
    this.done += 1;
  }

  /** Once all is computed nothing but results is needed. */
  finish(): void {
    this.working.length = 0;
    this.base.length = 0;
  }

  /** The answer so far, for a class and a channel. */
  answer(
    noClasses: string,
    wantedTarget: number | null,
    wantedChannel: number | null,
    left: number | null,
  ) {
    const { clean, response, slide } = this;
    const target = clean ? (wantedTarget ?? argmax(clean)) : null;
    const channel = response ? (wantedChannel ?? response.strongest) : null;
    const [rows, columns] = this.grid;
    const maps = new Map<string, Floats | Int32Array<ArrayBuffer>>();
    const fill = (name: string, of: (cell: number) => number) =>
      maps.set(
        name,
        Float32Array.from({ length: rows * columns }, (_, cell) => of(cell)),
      );
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    const scores = { probability: null, logit: null, log_odds: null } as Record<
      string,
      number | null
    >;
    let predicted: number | null = null;
    if (clean && target !== null) {
      const odds = (cell: number) => {
        const found = this.logits[cell];
        return found ? logOdds(found, target) : Number.NaN;
      };
      fill("probability", (cell) => fromLogOdds(odds(cell)));
      fill("logit", (cell) => this.logits[cell]?.[target] ?? Number.NaN);
      fill("log_odds", odds);
      const best = (found: Floats | undefined) => (!found || noNumbers(found) ? -1 : argmax(found));
      maps.set(
        "predicted",
        Int32Array.from({ length: rows * columns }, (_, cell) => best(this.logits[cell])),
      );
      const own = logOdds(clean, target);
      scores.probability = finite(fromLogOdds(own));
      scores.logit = finite(clean[target] as number);
      scores.log_odds = finite(own);
      predicted = noNumbers(clean) ? null : argmax(clean);
    }
    let place: Pair | null = null;
    if (response && channel !== null && this.layer !== null) {
      fill("total", (cell) => this.measured[cell]?.totals[channel] ?? Number.NaN);
      fill("unit", (cell) => this.measured[cell]?.units[channel] ?? Number.NaN);
      fill("hamming", (cell) => this.measured[cell]?.hamming ?? Number.NaN);
      fill("cosine", (cell) => this.measured[cell]?.cosine ?? Number.NaN);
      const wide = this.network.shape(this.layer)[2];
      const at = response.places[channel] as number;
      place = [Math.floor(at / wide), at % wide];
    }
    return {
      data: {
        rows,
        columns,
        stride: this.stride,
        size: this.size,
        target,
        layer: response ? slide.layer : null,
        channel,
        clean: {
          ...scores,
          total:
            response && channel !== null ? Math.fround(response.totals[channel] as number) : null,
          unit: response && channel !== null ? (response.units[channel] as number) : null,
          predicted,
        },
        unit_place: place,
        no_classes: noClasses,
        done: this.done,
        total: this.total,
        seconds_left: left,
        note: "",
      },
      buffers: MAPS.map((name) => maps.get(name)?.buffer ?? new ArrayBuffer(0)),
    };
  }
}
