/** What a report with its network inside can say: what is stored, else what the network gives. */

import { t } from "../../lib/language/translate";
import { fieldBox, fieldOf } from "../../lib/network/fields";
import { inside } from "../../lib/pictures/boxes";
import { RAW } from "../../lib/pictures/canvas";
import { floats, ints } from "../../lib/wire/codec";
import type { Answer, Catalogue, Key, Kind, Layer, Pair, Progress } from "../../lib/wire/protocol";
import { KernelError, NotStored } from "../../lib/wire/source";
import type { StoredAnswers } from "../stored/answers";
import { patch } from "../stored/crops";
import type { Living } from "./living";
import type { Found, Task } from "./looking/tasks";
import type { Rule } from "./network/descent";
import type { Photos } from "./own";
import { MADE } from "./photos/paint";

export interface Asker<K extends Kind> {
  priority: number;
  signal: AbortSignal;
  onPartial(answer: Answer<K>): void;
  onProgress(progress: Progress): void;
}

type Make<K extends Kind> = (key: Key<K>, asker: Asker<K>) => Promise<Answer<K>>;

export class LiveAnswers {
  private readonly makes: { [K in Kind]?: Make<K> };

  constructor(
    private readonly living: Living,
    private readonly stored: StoredAnswers,
    private readonly photos: Photos,
    private readonly plain: Catalogue,
  ) {
    this.makes = {
      catalogue: async () => ({ data: this.catalogue, buffers: [] }),
      photos: () => photos.listed(),
      photo: async (key) => photos.shown(key.image) ?? stored.find("photo", key),
      predict: (key, asker) => this.predict(key, asker),
      respond: (key, asker) => this.respond(key, asker),
      occlusion: (key, asker) => this.occlusion(key, asker),
      estimate: (key, asker) => this.estimate(key, asker),
      responses: (key, asker) => this.responses(key, asker),
      look: (key, asker) => this.look(key, asker),
      projections: (key, asker) => this.projections(key, asker),
    };
  }

  find<K extends Kind>(kind: K, key: Key<K>, asker: Asker<K>): Promise<Answer<K>> {
    const make = this.makes[kind] as Make<K> | undefined;
    return make ? make(key, asker) : this.stored.find(kind, key);
  }

  private get catalogue(): Catalogue {
    const { rules, baselines } = this.living.network;
    return {
      ...this.plain,
      rules: rules.map(({ name }) => name),
      rule_info: Object.fromEntries(rules.map((rule) => [rule.name, rule])),
      baselines: this.plain.baselines.filter((name) => name in baselines || MADE.includes(name)),
    };
  }

  private get extent(): Pair {
    const [, rows, columns] = this.plain.engine.input;
    return [rows, columns];
  }

  private layer(name: string): Layer {
    const found = this.plain.layers.find((one) => one.name === name);
    if (!found) throw new NotStored(this.stored.sentence("channels"));
    return found;
  }

  private async ask<K extends Kind>(task: Task, asker: Asker<K>): Promise<Answer<K>> {
    const answer = ({ data, buffers }: Found): Answer<K> => ({
      data: data as Answer<K>["data"],
      buffers: buffers.map((buffer) => new DataView(buffer)),
    });
    try {
      const found = await this.living.ask(task, {
        priority: asker.priority,
        signal: asker.signal,
        partial: (some) => asker.onPartial(answer(some)),
        progress: (done, total, seconds_left) =>
          asker.onProgress({ what: "", done, total, seconds_left }),
      });
      return answer(found);
    } catch (error) {
      if (error instanceof Error && error.constructor === Error) {
        throw new KernelError("NetworkError", error.message);
      }
      throw error;
    }
  }

  private async predict(key: Key<"predict">, asker: Asker<"predict">) {
    const { image, occluder } = key;
    if (this.stored.holds("predict", key)) return this.stored.find("predict", key);
    // What a photo is comes before what it is under an occluder, whoever asked first.
    const priority = occluder ? asker.priority : asker.priority - 1;
    const photo = await this.photos.photo(image);
    return this.ask({ task: "predict", photo, occluder }, { ...asker, priority });
  }

  private async respond({ image, occluder, layer }: Key<"respond">, asker: Asker<"respond">) {
    this.layer(layer);
    const photo = await this.photos.photo(image);
    return this.ask<"respond">({ task: "respond", photo, occluder, layer }, asker);
  }

  private async occlusion(key: Key<"occlusion">, asker: Asker<"occlusion">) {
    if (this.stored.holds("occlusion", key)) return this.stored.find("occlusion", key);
    const { image, ...slide } = key;
    if (slide.layer !== null) this.layer(slide.layer);
    const photo = await this.photos.photo(image);
    return this.ask<"occlusion">({ task: "occlusion", photo, slide }, asker);
  }

  private async estimate({ image, ...slide }: Key<"estimate">, asker: Asker<"estimate">) {
    const photo = await this.photos.photo(image);
    const whole = { ...slide, target: null, channel: null };
    return this.ask<"estimate">({ task: "estimate", photo, slide: whole }, asker);
  }

  private async responses({ image, layer }: Key<"responses">, asker: Asker<"responses">) {
    this.layer(layer);
    const photo = await this.photos.photo(image);
    return this.ask<"responses">({ task: "responses", photo, layer }, asker);
  }

  private patchSize(layer: Layer, channel: number): Pair {
    const box = fieldBox(fieldOf(layer, channel), 0, 0, this.extent);
    const { height, width } = inside(box, this.extent);
    return [height, width];
  }

  /** Projections of a channel's units, each in a photo; null where there is none. */
  private async project<K extends Kind>(
    layer: Layer,
    channel: number,
    rule: string,
    units: readonly ({ image: number; row: number; col: number } | null)[],
    asker: Asker<K>,
  ) {
    const field = fieldOf(layer, channel);
    const places = await Promise.all(
      units.map(async (unit) =>
        unit && this.photos.has(unit.image)
          ? { photo: await this.photos.photo(unit.image), row: unit.row, col: unit.col }
          : null,
      ),
    );
    return this.ask<K>(
      {
        task: "project",
        units: places,
        layer: layer.name,
        channel,
        rule: rule as Rule,
        field,
        boxes: places.map((unit) => unit && fieldBox(field, unit.row, unit.col, this.extent)),
        operations: this.living.network.operations[rule]?.[layer.name] ?? [],
      },
      asker,
    );
  }

  private async projections(key: Key<"projections">, asker: Asker<"projections">) {
    const layer = this.layer(key.layer);
    const { channel, k, rule } = key;
    const [held, all] = await this.stored.layers.projected(layer.name, channel, rule);
    if (held >= Math.min(k, all)) return this.stored.find("projections", key);
    const { data } = await this.stored.find("top", { layer: layer.name, channel, k });
    const patchSize = this.patchSize(layer, channel);
    const more = (answer: Answer<"projections">): Answer<"projections"> => {
      const projections = data.activations.map((_, i) => answer.data.projections[i] ?? null);
      const told = { ...answer.data, projections, patch: patchSize, mime: RAW };
      return { data: told, buffers: answer.buffers };
    };
    const asking: Asker<"projections"> = {
      ...asker,
      onPartial: (answer) => asker.onPartial(more(answer)),
    };
    return more(await this.project(layer, channel, rule, data.activations, asking));
  }

  private async look(key: Key<"look">, asker: Asker<"look">): Promise<Answer<"look">> {
    const { image, channel, rule } = key;
    const layer = this.layer(key.layer);
    const quiet = { priority: asker.priority, signal: asker.signal };
    const silent = { ...quiet, onPartial: () => {}, onProgress: () => {} };
    const { data, buffers } = await this.responses({ image, layer: layer.name }, silent);
    const at = ints(buffers[0]).indexOf(channel);
    const value = floats(buffers[1])[at] ?? Number.NaN;
    const [row, col] = [ints(buffers[3])[at] ?? 0, ints(buffers[4])[at] ?? 0];
    const field = fieldOf(layer, channel);
    const box = fieldBox(field, row, col, this.extent);
    const name = this.photos.nameOf(image);
    const cut = patch(await this.photos.bitmap(image), inside(box, this.extent));
    const active = value > 0;
    const unit = active ? { image: data.image, row, col } : null;
    const found = await this.project<"look">(layer, channel, rule, [unit], silent);
    const why = active
      ? ""
      : t("Channel {channel} isn't above zero in {name}: it has no projection.", { channel, name });
    return {
      data: {
        ...found.data,
        activations: [{ image, name, row, col, value, box }],
        patch: this.patchSize(layer, channel),
        images_seen: 1,
        why,
        mime: RAW,
      },
      buffers: [cut, ...found.buffers],
    };
  }
}
