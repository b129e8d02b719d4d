/**
 * The views in a page of their own, without Jupyter: `?widget=explorer&theme=dark&jp=1&width=400`.
 *
 * Further: `layer`, `channel`, `photo`, `delay` (ms a step), `silent=1`, `failing=top,photo`,
 * `indexing=1`, `freeze=1` (the map stays half done), `values=positive`, `scale=own`, `rule=guided`,
 * `card=4` (the card of that projection, open), `open=occluder,pins` (folds), `right=hamming` (the map
 * right of the divider), `cover=1`, `learned=1`, `draw=1`, `pin=features.4:3:guided`, `photos=10000`, `own=2` (photos of the user's own), `room` (a part in a class, as JSON), and the view options `overlay`, `colours`, `patches`.
 */

import { MemorySelection, MemoryStore } from "../../src/lib/page/selection_store";
import * as styles from "../../src/styles";
import { type Compared, compare } from "../../src/views/compare";
import { explorer } from "../../src/views/explorer";
import { grid } from "../../src/views/grid";
import { classes } from "../../src/views/occlusion/classes";
import { photo } from "../../src/views/occlusion/photo";
import { channels } from "../../src/views/picker/channels";
import { layers } from "../../src/views/picker/layers";
import { layout } from "../../src/views/shared/layout";
import type { View, ViewOptions } from "../../src/views/shared/view";
import { createRoot, show } from "../../src/widgets/shared/mount";
import { SyntheticSource, strongestImages } from "./synthetic_source";

const query = new URLSearchParams(location.search);
const views: Record<string, View> = {
  explorer,
  picker: layout("picker", [layers, channels]),
  grid,
  occlusion: layout("occlusion", [photo, classes]),
};

const theme = query.get("theme") ?? "light";
if (query.get("jp")) document.body.dataset.jpThemeLight = String(theme === "light");
document.body.style.background = theme === "light" ? "#fff" : "#111";

const name = query.get("widget") ?? "explorer";
const place = document.createElement("div");
place.style.width = query.get("width") ? `${query.get("width")}px` : "auto";
document.body.append(place);

const layer = query.get("layer") ?? "features.7";
const channel = Number(query.get("channel") ?? 15);
const selection = new MemorySelection({
  unit: [layer, channel],
  photo: Number(query.get("photo") ?? strongestImages(layer, channel)[1]),
  occluder: {
    top: 62,
    left: 84,
    height: 40,
    width: 40,
    baseline: "grey",
    mask: null,
    extra_boxes: [],
  },
  target: null,
  rule: query.get("rule") ?? "deconvnet",
});
const source = new SyntheticSource({
  delay: Number(query.get("delay") ?? 5),
  silent: query.get("silent") === "1",
  failing: (query.get("failing") ?? "").split(","),
  indexing: query.get("indexing") === "1",
  freezeMap: query.get("freeze") === "1",
  photos: Number(query.get("photos") ?? 60),
  own: Number(query.get("own") ?? 0),
});
const { signal } = new AbortController();
const pinned = query.get("pin")?.split(":");
const options = new MemoryStore<ViewOptions>({
  overlay: query.get("overlay") ?? "",
  colours: query.get("colours") ?? "",
  patches: query.get("patches") ?? "",
  ...(query.get("room") && { room: JSON.parse(query.get("room") as string) }),
  pinned: pinned ? [pinned[0] ?? "", Number(pinned[1]), pinned[2] ?? "deconvnet"] : null,
});
const root = createRoot(place, name, [...styles.EXPLORER, styles.compare], signal);
if (name === "compare") {
  const other = new MemorySelection({
    unit: [layer, (channel + 3) % 64],
    photo: selection.get("photo"),
    occluder: selection.get("occluder"),
    target: null,
    rule: "guided",
  });
  const again = new SyntheticSource({
    delay: 5,
    silent: false,
    failing: [],
    indexing: false,
    freezeMap: false,
    photos: 60,
    own: 0,
  });
  const sides = [
    { selection, source, options },
    { selection: other, source: again, options },
  ] as const;
  const store = new MemoryStore<Compared>({
    names: ["trained", "untrained"],
    notes: ["trained has 60 photos, untrained 43: only the 40 with the same name are compared."],
    numbering: "maybe",
    same_channel: false,
  });
  compare(root, sides, store, signal);
} else show(root, views[name] ?? explorer, selection, source, signal, options);
const choose = (label: string, value: string | null) => {
  const element = root.querySelector<HTMLSelectElement>(`select[aria-label^="${label}"]`);
  if (!element || !value) return;
  element.value = value;
  element.dispatchEvent(new Event("change"));
};
choose("Values of", query.get("values"));
choose("Scale of", query.get("scale"));
choose("Sort", query.get("sort"));
for (const name of (query.get("open") ?? "").split(",")) {
  const part = root.querySelector<HTMLDetailsElement>(`.zf-fold-${name || "none"}`);
  if (part) part.open = true;
}
const later = (act: () => void) => {
  const timer = setInterval(() => {
    if (
      root.dataset.zfSettled !== "true" ||
      !root.querySelector(".zf-heat-left canvas:not([hidden])")
    )
      return;
    clearInterval(timer);
    act();
  }, 20);
};
if (query.get("right")) later(() => choose("Map right", query.get("right")));
if (query.get("cover")) later(() => root.querySelector<HTMLElement>(".zf-toggle")?.click());
if (query.get("draw")) {
  later(() => {
    root.querySelector<HTMLElement>(".zf-fold-occluder .zf-toggle")?.click();
    [...root.querySelectorAll<HTMLElement>(".zf-draw button")][2]?.click();
  });
}
if (query.get("learned")) {
  later(() => root.querySelector<HTMLElement>(".zf-learned button")?.click());
}
const card = query.get("card");
if (card) {
  const timer = setInterval(() => {
    if (root.dataset.zfSettled !== "true") return;
    clearInterval(timer);
    root.querySelector<HTMLElement>(`.zf-cell[data-rank="${card}"] .zf-status`)?.click();
  }, 20);
}
Object.assign(globalThis, { harness: { selection, source, root } });
