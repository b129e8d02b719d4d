/** What each photo is of: its label or, where none has one, the class that the network says. */

import { t } from "../../lib/language/translate";
import { short } from "../../lib/page/format";
import { ints } from "../../lib/wire/codec";
import { type Catalogue, PRIORITY } from "../../lib/wire/protocol";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

export class PhotoClasses {
  /** How many photos the network has been asked about; 0 before anybody wanted to know. */
  done = 0;
  private readonly labelled: boolean;
  private readonly names: readonly string[];
  private predicted: Int32Array | null = null;
  private readonly renew: () => AbortSignal;
  private asked = false;

  constructor(
    private readonly panel: Panel,
    private readonly catalogue: Catalogue,
    /** The network has been asked about more photos; `more`: and what it said is known. */
    private readonly changed: (more: boolean) => void,
    signal: AbortSignal,
  ) {
    this.labelled = catalogue.images.some(({ label }) => label !== null);
    this.names = catalogue.classes;
    this.renew = renewable(signal);
  }

  /** What it is that photos can be found by; "" where it is their name alone. */
  get kind(): "label" | "predicted class" | "" {
    if (this.labelled) return "label";
    return this.catalogue.no_classes ? "" : "predicted class";
  }

  /** All of what a photo can be found by beside its name; "" where it isn't known. */
  whole(image: number): string {
    const label = this.catalogue.images[image]?.label;
    if (this.labelled) return label ?? "";
    return this.names[this.predicted?.[image] ?? -1] ?? "";
  }

  /** For the eye, and which of the two it is. */
  describe(image: number): string {
    const name = short(this.whole(image));
    if (!name) return "";
    return this.labelled ? t("label “{name}”", { name }) : t("predicted “{name}”", { name });
  }

  /** Have the network say what each photo is of, or leave it; what it said stays known. */
  want(is: boolean): void {
    const total = this.catalogue.images.length;
    const needed = is && this.kind === "predicted class" && this.done < total;
    if (needed === this.asked) return;
    this.asked = needed;
    const signal = this.renew();
    if (!needed) return;
    const load = {
      priority: PRIORITY.prefetch,
      signal,
      onProgress: ({ done }: { done: number }) => this.known(done, null),
    };
    void this.panel.load("predicted", {}, "predicted", load, ({ data, buffers }) => {
      this.known(data.done, ints(buffers[0]));
    });
  }

  private known(done: number, classes: Int32Array | null): void {
    this.done = Math.max(this.done, done);
    if (classes) this.predicted = classes;
    this.changed(classes !== null);
  }
}
