/** A report's network by itself, for tests and benchmarks in a page: `node build.mjs` beside it. */

import { Sliding } from "../../src/report/live/looking/sliding";
import type { Slide } from "../../src/report/live/looking/tasks";
import type { Rule } from "../../src/report/live/network/descent";
import { Matrices } from "../../src/report/live/network/matrices";
import { Network } from "../../src/report/live/network/network";
import {
  type Floats,
  type Program,
  type Values,
  whole,
} from "../../src/report/live/network/program";
import { type Kind, weightsOf } from "../../src/report/live/network/weights";
import { coverAll, paintOf } from "../../src/report/live/photos/paint";
import { fitted, imageOf, type Preparation, type Step } from "../../src/report/live/photos/prepare";
import { resize } from "../../src/report/live/photos/resize";

const go = () => {};
const list = (values: ArrayLike<number>) => Array.from(values);

let network: Network;
let preparation: Preparation;
let image: Floats;

/** Numbers come as base64: quicker to a page than lists. */
function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function everything(): Promise<Values> {
  const values = network.program.operations.map((_, i) => i + 1);
  const all = new Map(values.map((value) => [value, whole(network.shape(value))]));
  return network.up(image, network.needs(all), go);
}

const alive = {
  async open(program: Program, arrays: [string, Kind][], prepared: Preparation, plain: boolean) {
    const matrices = await Matrices.open(plain);
    const views = arrays.map(([text]) => new DataView(bytes(text).buffer));
    const kinds = arrays.map(([, kind]) => kind);
    network = new Network(program, weightsOf(program, views, kinds), matrices);
    preparation = prepared;
    return matrices.plain;
  },
  /** A picture of any size as the network's image. */
  look(pixels: string, rows: number, columns: number) {
    const photo = { rows, columns, pixels: bytes(pixels) };
    const small = fitted(photo, preparation.steps as Step[]);
    image = imageOf(small.pixels, network.program.input, preparation);
    return list(image);
  },
  async values() {
    return (await everything()).slice(1).map((value) => list(value as Floats));
  },
  /** As a page computes them: values that nobody asks for aren't there. */
  async scores() {
    const output = network.program.output as number;
    const needs = network.needs(new Map([[output, whole(network.shape(output))]]));
    return list((await network.up(image, needs, go))[output] as Floats);
  },
  /** The way up to a unit alone, and down from it. */
  async project(layer: string, unit: [number, number, number], rule: Rule) {
    const top = network.program.layers[layer] as number;
    const [channel, row, col] = unit;
    const area = { top: row, left: col, bottom: row + 1, right: col + 1 };
    const values = await network.up(image, network.needs(new Map([[top, area]])), go);
    const [, rows, columns] = network.shape(top);
    const start = (values[top] as Floats)[(channel * rows + row) * columns + col] as number;
    const { pixels, nearTies } = await network.down(top, unit, start, values, rule, go);
    return { start, pixels: list(pixels), nearTies };
  },
  async occlude(slide: Slide, baselines: Record<string, number[]>) {
    const { input } = network.program;
    const paint = paintOf(slide.baseline, baselines, image, input);
    const clean = await everything();
    const covered = coverAll(image, input, slide, paint);
    const uncovered = image;
    image = covered;
    const base = slide.extra_boxes.length > 0 ? await everything() : [...clean];
    image = uncovered;
    const pass = new Sliding(network, slide, clean, base, paint);
    while (pass.done < pass.total) pass.step();
    const { data, buffers } = pass.answer("", slide.target, slide.channel, 0);
    const maps = buffers.map((buffer, i) =>
      list(i === 1 ? new Int32Array(buffer) : new Float32Array(buffer)),
    );
    return { data, maps, cells: pass.cells };
  },
  resize(
    pixels: string,
    from: [number, number],
    to: [number, number],
    filter: string,
    tallFirst: boolean,
  ) {
    const picture = { rows: from[0], columns: from[1], pixels: bytes(pixels) };
    return list(resize(picture, ...to, filter, tallFirst).pixels);
  },
  /** Median milliseconds of a whole way up to the class scores. */
  async time(times: number) {
    const { output } = network.program;
    const needs = network.needs(
      new Map([[output as number, whole(network.shape(output as number))]]),
    );
    const took: number[] = [];
    for (let i = 0; i < times; i++) {
      const began = performance.now();
      await network.up(image, needs, go);
      took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b)[Math.floor(times / 2)];
  },
};

Object.assign(globalThis, { alive });
