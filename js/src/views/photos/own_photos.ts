/** Photos of the user's own: brought to the kernel, which keeps them in its memory alone. */

import { decimal, t } from "../../lib/language/translate";
import { buttonOf, h } from "../../lib/page/dom";
import { settledOf } from "../../lib/page/settled";
import type { Answer } from "../../lib/wire/protocol";
import { type Source, Superseded } from "../../lib/wire/source";
import { Camera } from "./camera";
import { type Incoming, onPhotos, takesDrops, takesPastes } from "./intake";

export type Listed = Answer<"photos">["data"];

const WAITING_MS = 4000;

interface Keeper {
  listed(): Listed;
  /** There are others now; `added` is to be looked at. */
  changed(listed: Listed, added: number | null): void;
  /** Say something under the strip; "" takes it back. */
  say(text: string, problem?: boolean): void;
}

export class OwnPhotos {
  readonly buttons: readonly HTMLElement[];
  readonly camera: Camera;
  private readonly forget = buttonOf(t("Forget"), {
    hidden: true,
    title: t("Forget this photo (Delete)"),
  });
  private queue: Promise<void> = Promise.resolve();
  private chosen: number | null = null;
  private listening = false;

  constructor(
    private readonly panel: HTMLElement,
    private readonly source: Source,
    private readonly keeper: Keeper,
    private readonly signal: AbortSignal,
  ) {
    const file = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true });
    const choose = buttonOf(t("Your own photo …"), { class: "zf-button zf-choose-file" });
    this.camera = new Camera(
      (photo) => this.bring([photo]),
      (why) => keeper.say(why, true),
      signal,
    );
    choose.addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      this.bring([...(file.files ?? [])].map((one) => ({ name: one.name, blob: one })));
      file.value = "";
    });
    this.forget.addEventListener("click", () => {
      if (this.chosen !== null) this.remove(this.chosen);
    });
    this.buttons = [this.forget, this.camera.button, choose, file];
    for (const button of this.buttons) button.hidden = true;
  }

  /** Whether the kernel takes any is known. */
  offer(): void {
    const can = !this.keeper.listed().no_own && this.source.add !== undefined;
    for (const button of this.buttons) {
      if (button.classList.contains("zf-choose-file")) button.hidden = !can;
    }
    const root = this.panel.closest<HTMLElement>(".zf-root");
    if (!can || !root || this.listening) return;
    this.listening = true;
    void this.camera.offer();
    takesDrops(this.panel, this.signal);
    takesPastes(root, this.signal);
    onPhotos(root, this.signal, (photos, instead) => {
      if (instead) this.keeper.say(instead, true);
      else this.bring(photos);
    });
  }

  /** What the limits are, said before anybody runs into them. */
  get limits(): string {
    const { most, most_bytes, most_pixels, kept } = this.keeper.listed();
    const limits = { megabytes: most_bytes / 1e6, megapixels: most_pixels / 1e6, most };
    if (kept === "page") {
      return t(
        "Your own: drop or paste it here, or choose its file, up to {megabytes} MB and {megapixels} million pixels. It goes through the same transform and stays in this page: the last {most}, until it is closed. Your browser decodes it: Chromium to the very levels that the engine gets; other browsers weren't compared.",
        limits,
      );
    }
    return t(
      "Your own: drop or paste it here, or choose its file, up to {megabytes} MB and {megapixels} million pixels. It goes through the same transform and stays in the kernel's memory: the last {most}, until the kernel ends.",
      limits,
    );
  }

  /** Another photo is looked at. */
  mark(chosen: number | null): void {
    this.chosen = chosen;
    this.forget.hidden = !this.keeper.listed().own.some(({ image }) => image === chosen);
  }

  /** Bring photos, one after the other; the last one is looked at. */
  bring(photos: readonly Incoming[]): void {
    const most = this.keeper.listed().most;
    for (const photo of photos.slice(0, most)) this.enqueue(() => this.send(photo));
    if (photos.length > most) {
      this.keeper.say(t("Only the first {most} are taken: so many are kept.", { most }), true);
    }
  }

  /** Have the kernel forget one. */
  remove(image: number): void {
    this.enqueue(async () => {
      const answer = await this.source.remove?.(image);
      if (answer) this.keeper.changed(answer.data, null);
    });
  }

  private enqueue(work: () => Promise<void>): void {
    const end = settledOf(this.panel).begin();
    this.queue = this.queue
      .then(work)
      .catch((error: unknown) => {
        if (error instanceof Superseded || this.signal.aborted) return;
        this.keeper.say(error instanceof Error ? error.message : String(error), true);
      })
      .finally(end);
  }

  private async send({ name, blob }: Incoming): Promise<void> {
    const { most, most_bytes, own, kept } = this.keeper.listed();
    if (blob.size > most_bytes) {
      const size = decimal((blob.size / 1e6).toFixed(1));
      throw new Error(
        t("{name}: {size} MB, and a file may have {most}: make it smaller, or a JPEG.", {
          name,
          size,
          most: most_bytes / 1e6,
        }),
      );
    }
    this.keeper.say(t("Reading {name} …", { name }));
    const late = setTimeout(() => {
      if (kept !== "page") this.keeper.say(t("{name} is waiting for the kernel …", { name }));
    }, WAITING_MS);
    try {
      const file = new Uint8Array(await blob.arrayBuffer());
      const answer = await this.source.add?.(name, file);
      if (!answer || this.signal.aborted) return;
      const added = answer.data.added ?? null;
      this.keeper.changed(answer.data, added);
      const notes = answer.data.own.find(({ image }) => image === added)?.notes ?? [];
      const first = own.length >= most ? own[own.length - 1] : undefined;
      const gone = first
        ? [t("{name} is forgotten: {most} are kept.", { name: first.name, most })]
        : [];
      this.keeper.say([...(notes.length ? [`${name}:`, ...notes] : []), ...gone].join(" "));
    } finally {
      clearTimeout(late);
    }
  }
}
