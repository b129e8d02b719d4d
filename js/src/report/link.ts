/** Stable links: `#layer=features.7&channel=42&image=3` says what is chosen. */

import type { SelectionStore } from "../lib/page/selection_store";
import type { Catalogue } from "../lib/wire/protocol";

/** The link's fragment for what is chosen; of a photo beyond `photos`, the reader's own, nothing. */
export function toHash(selection: SelectionStore, photos = Number.POSITIVE_INFINITY): string {
  const query = new URLSearchParams();
  const unit = selection.get("unit");
  if (unit) {
    query.set("layer", unit[0]);
    query.set("channel", String(unit[1]));
  }
  const photo = selection.get("photo");
  if (photo !== null && photo < photos) query.set("image", String(photo));
  const target = selection.get("target");
  if (target !== null) query.set("target", String(target));
  return `#${query}`;
}

/** An index written in a link, null when it is none of `count`. */
function index(text: string | null, count: number): number | null {
  if (text === null || !/^\d{1,9}$/.test(text)) return null;
  const number = Number(text);
  return number < count ? number : null;
}

/**
 * Choose what a link says. Returns a sentence on what it names that isn't there, "" if all is; an
 * anchor that names none of these fields is somebody else's.
 */
export function follow(hash: string, selection: SelectionStore, catalogue: Catalogue): string {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const unknown: string[] = [];
  const layer = query.get("layer");
  if (layer !== null) {
    const info = catalogue.layers.find(({ name }) => name === layer);
    const channel = index(query.get("channel") ?? "0", info?.channels ?? 0);
    if (info && channel !== null) selection.set("unit", [layer, channel]);
    else unknown.push(`layer ${layer}, channel ${query.get("channel") ?? 0}`);
  }
  const image = query.get("image");
  if (image !== null) {
    const named = catalogue.images.filter(({ name }) => name === image);
    const found =
      index(image, catalogue.images.length) ??
      (named.length === 1 ? catalogue.images.indexOf(named[0] as never) : null);
    if (found !== null) selection.set("photo", found);
    else unknown.push(`image ${image}`);
  }
  const target = query.get("target");
  if (target !== null) {
    const found = index(target, catalogue.classes.length);
    if (found !== null) selection.set("target", found);
    else unknown.push(`target ${target}`);
  }
  return unknown.length
    ? `This report doesn't have what the link names: ${unknown.join("; ")}.`
    : "";
}

/** Keep the page's address and the selection the same. */
export function linked(
  selection: SelectionStore,
  catalogue: Catalogue,
  say: (text: string) => void,
  signal: AbortSignal,
): void {
  const arrive = () => say(follow(location.hash, selection, catalogue));
  arrive();
  addEventListener("hashchange", arrive, { signal });
  const depart = () => {
    const hash = toHash(selection, catalogue.images.length);
    if (hash === location.hash) return;
    // A step back leads to the page before the report, not through each channel.
    history.replaceState(history.state, "", hash);
  };
  for (const field of ["unit", "photo", "target"] as const) {
    selection.subscribe(field, depart, signal);
  }
}
