/** The answers that a report holds as they were given, found by kind and key. */

import { type Catalogue, identity, type Pair } from "../../lib/wire/protocol";
import { NotStored } from "../../lib/wire/source";
import { BrokenReport, type Bundle, type Manifest, type Stored } from "./bundle";

/** Where an answer lies: a part, and its number in it. */
export type Place = readonly [part: string, at: number];

export class StoredParts {
  private readonly places = new Map<string, Place>();

  constructor(private readonly bundle: Bundle) {
    for (const [kind, key, part, at] of this.manifest.answers) {
      this.places.set(identity(kind, key), [part, at]);
    }
  }

  get manifest(): Manifest {
    return this.bundle.manifest;
  }

  get catalogue(): Catalogue {
    return this.manifest.catalogue;
  }

  /** Rows and columns of the photos. */
  get extent(): Pair {
    const [, rows, columns] = this.catalogue.engine.input;
    return [rows, columns];
  }

  /** Where the answer to a request lies; undefined if it isn't held. */
  place(kind: string, key: object): Place | undefined {
    return this.places.get(identity(kind, key));
  }

  async read(part: string, at: number): Promise<Stored> {
    const found = (await this.bundle.part(part))[at];
    if (!found) throw new BrokenReport(`Part “${part}” of this report lacks what it lists.`);
    return found;
  }

  notStored(kind: string): NotStored {
    const { sentences } = this.manifest;
    return new NotStored(sentences[kind] ?? sentences.other ?? "");
  }
}
