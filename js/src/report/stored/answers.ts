/**
 * A source over a report's stored answers.
 *
 * What was stored as it was given is given again; patches and thumbnails are cut from the photos,
 * projections lie in chunks of channels, and class scores under an occluder are read from the
 * positions of a stored map. What isn't there is a `NotStored` that says what is.
 */

import type { Answer, Key, Kind } from "../../lib/wire/protocol";
import { type GetOptions, type Source, Superseded } from "../../lib/wire/source";
import type { Bundle } from "./bundle";
import { StoredLayers } from "./layers";
import { StoredOcclusion } from "./occlusion";
import { StoredParts } from "./parts";
import { StoredPhotos } from "./photos";

type Find<K extends Kind> = (key: Key<K>) => Promise<Answer<K>>;

export class StoredAnswers {
  readonly layers: StoredLayers;
  readonly photos: StoredPhotos;
  private readonly parts: StoredParts;
  private readonly derived: { [K in Kind]?: Find<K> };

  constructor(bundle: Bundle) {
    const parts = new StoredParts(bundle);
    const photos = new StoredPhotos(parts);
    this.photos = photos;
    const layers = new StoredLayers(parts, photos);
    const occlusion = new StoredOcclusion(parts);
    this.parts = parts;
    this.layers = layers;
    this.derived = {
      catalogue: async () => ({ data: parts.catalogue, buffers: [] }),
      channels: (key) => layers.channels(key),
      sheet: (key) => layers.sheet(key),
      top: (key) => layers.top(key),
      projections: (key) => layers.projections(key),
      quantiles: (key) => layers.quantiles(key),
      predict: (key) => occlusion.predict(key),
      occlusion: (key) => occlusion.occlusion(key),
      respond: (key) => occlusion.respond(key),
      photos: async () => ({ data: photos.listed, buffers: [] }),
      thumbnails: (key) => photos.thumbnails(key),
      predicted: () => photos.predicted(),
    };
  }

  /** Whether an answer is held as it was given. */
  holds<K extends Kind>(kind: K, key: Key<K>): boolean {
    return this.parts.place(kind, key) !== undefined;
  }

  get hasMaps(): boolean {
    return this.parts.manifest.answers.some(([kind]) => kind === "occlusion");
  }

  /** What is said where a kind of answer isn't held. */
  sentence(kind: Kind): string {
    return this.parts.notStored(kind).message;
  }

  async find<K extends Kind>(kind: K, key: Key<K>): Promise<Answer<K>> {
    const place = this.parts.place(kind, key);
    if (place) return (await this.parts.read(...place)) as Answer<K>;
    const derive = this.derived[kind] as Find<K> | undefined;
    if (derive) return derive(key);
    throw this.parts.notStored(kind);
  }
}

/** What one view asks: the views of a page share the answers, and each has slots of its own. */
export class StoredSource implements Source {
  private readonly slots = new Map<string, symbol>();

  constructor(private readonly answers: StoredAnswers) {}

  get noMaps(): boolean {
    return !this.answers.hasMaps;
  }

  async get<K extends Kind>(kind: K, key: Key<K>, options: GetOptions<K>): Promise<Answer<K>> {
    const mine = Symbol();
    this.slots.set(options.slot, mine);
    const { signal, slot } = options;
    // As from a kernel: only the newest of a slot is told anything, and only who still listens.
    const left = () => this.slots.get(slot) !== mine || signal?.aborted;
    try {
      const answer = await this.answers.find(kind, key);
      if (left()) throw new Superseded();
      return answer;
    } catch (error) {
      throw left() ? new Superseded() : error;
    }
  }

  /** What takes longest to come from a page is unpacking: do that ahead. */
  prefetch<K extends Kind>(kind: K, key: Key<K>): void {
    if (kind === "projections") this.answers.find(kind, key).catch(() => {});
  }

  onRevival(): () => void {
    return () => {}; // nothing dies here
  }
}
