/**
 * Ways for a photo of the user's own to come in: dropped, pasted, from a file.
 *
 * Any place of a widget can take drops; whoever keeps the photos hears of them by an event on the
 * widget's root, and says there that it listens.
 */

import { t } from "../../lib/language/translate";

const EVENT = "zf-own-photos";
const LISTENING = "zfTakesPhotos";

/** A photo that came in, still as it was. */
export interface Incoming {
  name: string;
  blob: Blob;
}

interface Came {
  photos: Incoming[];
  /** What came instead, in words; "" where there are photos. */
  instead: string;
}

/** Have an element take dropped photos; it is marked while one is over it. */
export function takesDrops(target: HTMLElement, signal: AbortSignal): void {
  const listening = () => target.closest<HTMLElement>(".zf-root")?.dataset[LISTENING] === "true";
  const over = (is: boolean) => target.classList.toggle("zf-drop", is);
  const listen = (type: string, listener: (event: DragEvent) => void) => {
    target.addEventListener(
      type,
      (event) => {
        if (listening()) listener(event as DragEvent);
      },
      { signal },
    );
  };
  listen("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    over(true);
  });
  listen("dragleave", (event) => {
    if (!target.contains(event.relatedTarget as Node | null)) over(false);
  });
  listen("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    over(false);
    const photos = incoming(event.dataTransfer);
    const what = t("What was dropped is no file. Save the picture first, then drop that.");
    tell(target, photos, what);
  });
}

/** Have photos that are pasted anywhere in the widget come in. */
export function takesPastes(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "paste",
    (event) => {
      const target = event.composedPath()[0];
      const photos = incoming(event.clipboardData);
      // Text goes where text is typed.
      const typing = target instanceof HTMLElement && target.matches("input, textarea");
      if (root.dataset[LISTENING] !== "true" || (typing && photos.length === 0)) return;
      event.preventDefault();
      event.stopPropagation();
      const what = t("The clipboard holds no picture. Copy one, or drop its file here.");
      tell(root, photos, what);
    },
    { signal },
  );
}

/** Be told of photos that come in anywhere in the widget, or of what came instead. */
export function onPhotos(
  root: HTMLElement,
  signal: AbortSignal,
  came: (photos: Incoming[], instead: string) => void,
): void {
  root.dataset[LISTENING] = "true";
  signal.addEventListener("abort", () => delete root.dataset[LISTENING], { once: true });
  root.addEventListener(
    EVENT,
    (event) => {
      const { photos, instead } = (event as CustomEvent<Came>).detail;
      came(photos, instead);
    },
    { signal },
  );
}

function incoming(data: DataTransfer | null): Incoming[] {
  return [...(data?.files ?? [])].map((file) => ({ name: file.name, blob: file }));
}

function tell(target: HTMLElement, photos: Incoming[], otherwise: string): void {
  const detail: Came = { photos, instead: photos.length > 0 ? "" : otherwise };
  target.dispatchEvent(new CustomEvent(EVENT, { bubbles: true, detail }));
}
