/** The photo where a report holds no occlusion map: it says so, and offers nothing for one. */

import { expect, it } from "vitest";
import { MemorySelection, MemoryStore } from "../../../src/lib/page/selection_store";
import { NotStored, type Source } from "../../../src/lib/wire/source";
import { photo } from "../../../src/views/occlusion/photo";
import type { ViewOptions } from "../../../src/views/shared/view";
import { createRoot } from "../../../src/widgets/shared/mount";
import { CATALOGUE } from "../../support/kernel";
import { frames, one, onFakePage } from "../../support/page";

onFakePage();

/** A report that holds the first photo, and no other; `maps`: or maps of it. */
function stored(maps: boolean): Source {
  const get = async (kind: string, key: { image?: number }) => {
    if (kind === "catalogue") return { data: CATALOGUE, buffers: [] };
    if (kind === "photo" && key.image === 0) {
      const data = { rows: 12, columns: 16, name: "first", mime: "image/png" };
      return { data, buffers: [new DataView(new ArrayBuffer(4))] };
    }
    throw new NotStored("This isn't in the report.");
  };
  const source = { get, prefetch() {}, onRevival: () => () => {} } as unknown as Source;
  return maps ? source : { ...source, noMaps: true };
}

async function show(maps: boolean): Promise<{ root: HTMLElement; selection: MemorySelection }> {
  const signal = new AbortController().signal;
  const el = document.createElement("div");
  document.body.append(el);
  const root = createRoot(el, "occlusion", [], signal);
  const selection = new MemorySelection({
    unit: null,
    photo: 0,
    occluder: null,
    target: null,
  } as never);
  photo(root, selection, stored(maps), signal, new MemoryStore<ViewOptions>({ auto: false }));
  await frames();
  return { root, selection };
}

it("says that there is none, and shows no controls", async () => {
  const { root } = await show(false);
  expect(one(root, ".zf-photo > .zf-note").textContent).toBe(
    "This report holds no occlusion map; a kernel computes it.",
  );
  expect(one(root, ".zf-map").hidden).toBe(true);
});

it("offers them where maps can be had", async () => {
  const { root } = await show(true);
  expect(one(root, ".zf-photo > .zf-note").textContent).toContain("Compute map");
  expect(one(root, ".zf-map").hidden).toBe(false);
});
