/** Answers questions about photos by walking a network, in steps between which it can be stopped. */

import type { Occluder } from "../../../lib/wire/protocol";
import type { Breathe, Network } from "../network/network";
import { count, type Floats, type Values, whole } from "../network/program";
import { coverAll, paintOf } from "../photos/paint";
import { fitted, imageOf, type Preparation } from "../photos/prepare";
import type { Rgb } from "../photos/resize";
import { msg, Told } from "../told";
import { described, type Projected } from "./measures";
import { Response } from "./response";
import { softmax } from "./scores";
import { Sliding } from "./sliding";
import { EXTENT, type Found, type Photo, type Slide, type Task } from "./tasks";

/** Values of whole photos that are kept, in bytes, and passes of the occluder. */
const KEPT = 128e6;
const PASSES = 3;
/** A layer's maps as they are sent: LONGEST_SIDE and MOST_LEVELS in the wire's schema. */
const LONGEST_SIDE = 128;
const MOST_LEVELS = 1 << 20;
/** Positions before a map is first shown, and milliseconds between two times that it is. */
const FIRST = 16;
const SHOWN_EVERY = 250;

export interface Steps {
  breathe: Breathe;
  partial(found: Found): void;
  progress(done: number, total: number, secondsLeft: number | null): void;
}

export type Decode = (
  file: Uint8Array<ArrayBuffer>,
  name: string,
  most: number,
) => Promise<{
  photo: Rgb;
  notes: string[];
}>;

export class Looking {
  private readonly kept = new Map<number, Values>();
  private readonly passes = new Map<string, Sliding>();
  /** Milliseconds of a position, of the last pass. */
  private pace: number | null = null;

  constructor(
    private readonly network: Network,
    private readonly preparation: Preparation,
    private readonly baselines: Readonly<Record<string, readonly number[]>>,
    private readonly noClasses: string,
    private readonly decode: Decode,
  ) {}

  /**
   * Compute for nobody, so that what is asked first is as quick as what follows: filters are
   * arranged, and the browser compiles what runs often.
   */
  async warm(breathe: Breathe): Promise<void> {
    const { program } = this.network;
    const top = Math.max(...Object.values(program.layers));
    const values = await this.whole(new Float32Array(count(program.input)), breathe);
    if (Number.isFinite(top)) {
      await this.network.down(top, [0, 0, 0], 1, values, "deconvnet", breathe);
    }
    this.network.release(values);
  }

  answer(task: Task, steps: Steps): Promise<Found> {
    switch (task.task) {
      case "fit":
        return this.fit(task);
      case "predict":
        return this.predict(task, steps);
      case "responses":
        return this.responses(task, steps);
      case "respond":
        return this.respond(task, steps);
      case "occlusion":
        return this.occlusion(task, steps);
      case "estimate":
        return this.estimate(task, steps);
      case "project":
        return this.project(task, steps);
    }
  }

  // ---------------------------------------------------------------- photos

  private async fit({ file, name, most }: Task & { task: "fit" }): Promise<Found> {
    const { steps } = this.preparation;
    if (!steps) throw new Error("How a photo becomes the network's image isn't known.");
    const { photo, notes } = await this.decode(file, name, most);
    const { pixels, rows, columns } = fitted(photo, steps);
    const [, high, wide] = this.network.program.input;
    if (rows !== high || columns !== wide) {
      throw new Told(
        msg(
          "{name} becomes {rows} × {columns} pixels, the network was set up for {high} × {wide}.",
        ),
        { name, rows, columns, high, wide },
      );
    }
    return { data: { notes }, buffers: [pixels.slice().buffer] };
  }

  private image({ pixels }: Photo): Floats {
    return imageOf(pixels, this.network.program.input, this.preparation);
  }

  /** All values of a whole photo; those of the last ones are kept. */
  private async values(photo: Photo, breathe: Breathe): Promise<Values> {
    const known = this.kept.get(photo.image);
    this.kept.delete(photo.image);
    const values = known ?? (await this.whole(this.image(photo), breathe));
    this.kept.set(photo.image, values);
    const size = values.reduce((sum, value) => sum + (value?.byteLength ?? 0), 0);
    while (this.kept.size > 1 && this.kept.size * size > KEPT) {
      this.kept.delete(this.kept.keys().next().value as number);
    }
    return values;
  }

  private whole(image: Floats, breathe: Breathe): Promise<Values> {
    const { program } = this.network;
    const wanted = [...Object.values(program.layers), program.output].filter((at) => at !== null);
    const needs = this.network.needs(new Map(wanted.map((at) => [at, this.all(at)])));
    return this.network.up(image, needs, breathe);
  }

  private all(value: number) {
    return whole(this.network.shape(value));
  }

  private valueOf(layer: string): number {
    const value = this.network.program.layers[layer];
    if (value === undefined) throw new Error(`There is no layer “${layer}” in this page.`);
    return value;
  }

  // ---------------------------------------------------------------- what it says

  private async predict({ photo, occluder }: Task & { task: "predict" }, { breathe }: Steps) {
    const { output } = this.network.program;
    if (output === null) throw new Error(this.noClasses);
    const values = occluder
      ? await this.under(photo, occluder, output, breathe)
      : await this.values(photo, breathe);
    const scores = softmax(values[output] as Floats);
    if (occluder) this.network.release(values);
    return { data: { classes: scores.length }, buffers: [scores.buffer] };
  }

  /** What a value is computed from, with an occluder over a photo: to be released. */
  private under(
    photo: Photo,
    occluder: Occluder,
    value: number,
    breathe: Breathe,
  ): Promise<Values> {
    const image = this.covered(this.image(photo), occluder);
    return this.network.up(image, this.network.needs(new Map([[value, this.all(value)]])), breathe);
  }

  private covered(image: Floats, occluder: Occluder): Floats {
    const { input } = this.network.program;
    const paint = paintOf(occluder.baseline, this.baselines, image, input);
    return coverAll(image, input, occluder, paint);
  }

  private async responses({ photo, layer }: Task & { task: "responses" }, { breathe }: Steps) {
    const value = this.valueOf(layer);
    const maps = (await this.values(photo, breathe))[value] as Floats;
    const shape = this.network.shape(value);
    const [channels, rows, columns] = shape;
    const response = new Response(maps, shape);
    const order = Int32Array.from({ length: channels }, (_, channel) => channel);
    const strongest = response.units;
    const key = (channel: number) => {
      const most = strongest[channel] as number;
      return Number.isNaN(most) ? Number.NEGATIVE_INFINITY : most;
    };
    order.sort((a, b) => key(b) - key(a) || a - b);
    let step = Math.ceil(Math.max(rows, columns) / LONGEST_SIDE);
    const parts = (n: number) => Math.ceil(n / step);
    while (
      step < Math.max(rows, columns) &&
      channels * parts(rows) * parts(columns) > MOST_LEVELS
    ) {
      step += 1;
    }
    const [down, across] = [parts(rows), parts(columns)];
    const levels = new Uint8Array(channels * down * across);
    order.forEach((channel, i) => {
      const most = strongest[channel] as number;
      if (!(Number.isFinite(most) && most > 0)) return;
      const plane = maps.subarray(channel * rows * columns, (channel + 1) * rows * columns);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const share = (plane[row * columns + column] as number) / most;
          const level = Math.round(Math.min(Math.max(share, 0), 1) * 255) || 0;
          const at = (i * down + Math.floor(row / step)) * across + Math.floor(column / step);
          if (level > (levels[at] as number)) levels[at] = level;
        }
      }
    });
    const place = (channel: number) => response.places[channel] as number;
    const floats = (of: (channel: number) => number) => Float32Array.from(order, of).buffer;
    const ints = (of: (channel: number) => number) => Int32Array.from(order, of).buffer;
    return {
      data: { image: photo.image, layer, channels, rows: down, columns: across, step },
      buffers: [
        order.buffer,
        floats((channel) => strongest[channel] as number),
        floats((channel) => response.totals[channel] as number),
        ints((channel) => Math.floor(place(channel) / columns)),
        ints((channel) => place(channel) % columns),
        levels.buffer,
      ],
    };
  }

  private async respond(
    { photo, occluder, layer }: Task & { task: "respond" },
    { breathe }: Steps,
  ): Promise<Found> {
    const value = this.valueOf(layer);
    const shape = this.network.shape(value);
    const clean = (await this.values(photo, breathe))[value] as Floats;
    const response = new Response(clean, shape);
    const values = await this.under(photo, occluder, value, breathe);
    const maps = values[value] as Floats;
    const { totals, units, hamming, cosine } = response.measure(maps, this.all(value));
    this.network.release(values);
    return {
      data: { layer, channels: shape[0], strongest: response.strongest, hamming, cosine },
      buffers: [totals, units, Float32Array.from(response.totals), response.units.slice()].map(
        ({ buffer }) => buffer as ArrayBuffer,
      ),
    };
  }

  // ---------------------------------------------------------------- the sliding occluder

  private async pass(photo: Photo, slide: Slide, breathe: Breathe): Promise<Sliding> {
    const { target: _, channel: __, ...same } = slide;
    const key = JSON.stringify([photo.image, same]);
    const known = this.passes.get(key);
    this.passes.delete(key);
    const pass = known ?? (await this.begin(photo, slide, breathe));
    this.passes.set(key, pass);
    while (this.passes.size > PASSES) this.passes.delete(this.passes.keys().next().value as string);
    return pass;
  }

  private async begin(photo: Photo, slide: Slide, breathe: Breathe): Promise<Sliding> {
    const image = this.image(photo);
    const { input } = this.network.program;
    const paint = paintOf(slide.baseline, this.baselines, image, input);
    const clean = await this.values(photo, breathe);
    const { extra_boxes } = slide;
    const base =
      extra_boxes.length > 0
        ? await this.whole(coverAll(image, input, { ...slide }, paint), breathe)
        : [...clean];
    return new Sliding(this.network, slide, clean, base, paint);
  }

  private async occlusion({ photo, slide }: Task & { task: "occlusion" }, steps: Steps) {
    const pass = await this.pass(photo, slide, steps.breathe);
    const { target, channel } = slide;
    const left = () => (this.pace === null ? null : (this.pace * (pass.total - pass.done)) / 1000);
    let shown = performance.now();
    const show = () => {
      const seconds = left();
      steps.progress(pass.done, pass.total, seconds);
      steps.partial(pass.answer(this.noClasses, target, channel, seconds));
      shown = performance.now();
    };
    if (pass.done > 0 && pass.done < pass.total) show();
    while (pass.done < pass.total) {
      await steps.breathe();
      const began = performance.now();
      pass.step();
      const took = performance.now() - began;
      this.pace = this.pace === null ? took : 0.9 * this.pace + 0.1 * took;
      const late = performance.now() - shown > SHOWN_EVERY && pass.done > FIRST;
      if (pass.done < pass.total && (pass.done === FIRST || late)) show();
    }
    pass.finish();
    return pass.answer(this.noClasses, target, channel, 0);
  }

  /** From passes on this device, or the first positions of this one. */
  private async estimate({ photo, slide }: Task & { task: "estimate" }, { breathe }: Steps) {
    const [, rows, columns] = this.network.program.input;
    const positions = Math.ceil(rows / slide.stride) * Math.ceil(columns / slide.stride);
    let basis = "measured";
    if (this.pace === null) {
      const pass = await this.begin(photo, slide, breathe);
      pass.step();
      await breathe();
      const began = performance.now();
      if (pass.done < pass.total) pass.step();
      this.pace = performance.now() - began;
      basis = "probe";
    }
    return { data: { positions, seconds: (this.pace * positions) / 1000, basis }, buffers: [] };
  }

  // ---------------------------------------------------------------- down

  private async project(task: Task & { task: "project" }, steps: Steps): Promise<Found> {
    const value = this.valueOf(task.layer);
    const [, rows, columns] = this.network.shape(value);
    const { input } = this.network.program;
    const found: (Projected | null)[] = [];
    const told = () =>
      described(found, task.field, EXTENT(input), input[0], task.operations) as Found;
    for (const [i, unit] of task.units.entries()) {
      const box = task.boxes[i];
      if (!unit || !box) {
        found.push(null);
        continue;
      }
      const { photo, row, col } = unit;
      const place = [task.channel, row, col] as const;
      const area = { top: row, left: col, bottom: row + 1, right: col + 1 };
      const needs = this.network.needs(new Map([[value, area]]));
      const kept = this.kept.get(photo.image);
      const values = kept ?? (await this.network.up(this.image(photo), needs, steps.breathe));
      const start = (values[value] as Floats)[
        (task.channel * rows + row) * columns + col
      ] as number;
      if (!(start > 0)) {
        found.push(null);
        continue;
      }
      const { pixels, nearTies } = await this.network.down(
        value,
        place,
        start,
        values,
        task.rule,
        steps.breathe,
      );
      if (!kept) this.network.release(values);
      found.push({ image: photo.image, unit: [row, col], box, pixels, nearTies });
      if (i === 2 && task.units.length > 3) {
        steps.progress(i + 1, task.units.length, null);
        steps.partial(told());
      }
    }
    return told();
  }
}
