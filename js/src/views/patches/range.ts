/** A channel from its weakest images to its strongest: a few patches from every tenth. */

import { t, whole } from "../../lib/language/translate";
import { announce, roving } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { count, number } from "../../lib/page/format";
import type { SelectionStore } from "../../lib/page/selection_store";
import { decode, paintTile, sized } from "../../lib/pictures/canvas";
import { type Answer, type Lost, PRIORITY, type QuantileRow } from "../../lib/wire/protocol";
import { fold } from "../shared/fold";
import { lostText, tellLost } from "../shared/lost";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

/** CSS pixels of a patch. */
const TILE = 48;

type Data = Answer<"quantiles">["data"];

/** A fold under the strongest patches; asks for nothing while it's closed. */
export function range(panel: Panel, selection: SelectionStore, signal: AbortSignal): void {
  const parts = h("div", {
    class: "zf-range",
    role: "group",
    "aria-label": t("Patches from the weakest tenth of the images to the strongest"),
  });
  const note = h("p", { class: "zf-fold-note" });
  const line = fold(
    "range",
    t("Not only the top nine: from weakest to strongest"),
    () => void open(),
  );
  line.body.append(parts, note);
  panel.element.append(line.element);
  const columns = () =>
    [...parts.children]
      .map((part) => [...part.querySelectorAll<HTMLElement>(".zf-range-tile")])
      .filter((tiles) => tiles.length > 0);
  /** Row by row: left and right lead to the neighbouring tenth. */
  const tiles = () => {
    const all = columns();
    const deep = Math.max(0, ...all.map(({ length }) => length));
    return Array.from({ length: deep }, (_, row) => all.flatMap((one) => one[row] ?? [])).flat();
  };
  const keys = roving(parts, tiles, () => columns().length || 1);
  const renew = renewable(signal);
  let shown = "";

  const open = async () => {
    const unit = selection.get("unit");
    const now = unit ? unit.join(" : ") : "";
    if (!line.open || now === shown) return;
    const current = renew();
    shown = now;
    parts.classList.add("zf-stale");
    if (!unit) return parts.replaceChildren();
    const [layer, channel] = unit;
    const load = { priority: PRIORITY.sheets, signal: current };
    const whole = await panel.load("quantiles", { layer, channel }, "range", load, show);
    if (whole || current.aborted) return;
    shown = "";
    parts.replaceChildren();
    note.replaceChildren();
  };

  const show = async ({ data, buffers }: Answer<"quantiles">, fresh: () => boolean) => {
    const sheet = await decode(buffers[0] as DataView, data.mime);
    if (!fresh()) return sheet.close();
    tellLost(
      panel.element,
      data.rows.flatMap(({ lost }) => lost ?? []),
    );
    const held = tiles().findIndex((tile) => tile.matches(":focus"));
    let next = 0;
    parts.replaceChildren(
      ...data.rows.map((row, i) => {
        const first = next;
        next += row.activations.length;
        return column(row, i, data, sheet, first);
      }),
    );
    sheet.close();
    parts.classList.remove("zf-stale");
    note.textContent = explained(data);
    mark();
    keys.focusable(Math.max(held, 0));
    if (held >= 0) tiles()[held]?.focus();
  };

  const mark = () => {
    const photo = String(selection.get("photo"));
    for (const tile of tiles()) {
      const is = tile.dataset.image === photo;
      tile.setAttribute("aria-pressed", String(is));
      tile.classList.toggle("zf-chosen", is);
    }
  };

  parts.addEventListener("click", (event) => {
    const tile = (event.target as Element).closest<HTMLElement>(".zf-range-tile");
    if (!tile) return;
    selection.set("photo", Number(tile.dataset.image));
    announce(panel.element, t("Photo {name}", { name: tile.title }));
  });
  selection.subscribe("unit", open, signal);
  selection.subscribe("photo", mark, signal);
}

function column(
  row: QuantileRow,
  index: number,
  { rows, size, columns, partial }: Data,
  sheet: ImageBitmap,
  first: number,
): HTMLElement {
  const name = `${partName(index, rows.length)}: ${t("{low} to {high}", { low: number(row.low), high: number(row.high) })}`;
  const active = row.images - row.silent;
  const pictures = row.activations.map((activation, i) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const context = sized(canvas, TILE, TILE);
    const place = first + i;
    const cell = [Math.floor(place / columns), place % columns] as const;
    if (context) paintTile(context, sheet, cell, size, [0, 0], TILE);
    const value = t("activation {value}", { value: number(activation.value) });
    const text = `${activation.name}, ${value}, ${name}`;
    if (activation.lost) return lostTile([activation.name, activation.lost]);
    return buttonOf(canvas, {
      class: "zf-range-tile",
      "data-image": activation.image,
      "aria-label": t("Choose photo {name}", { name: text }),
      "aria-pressed": "false",
      title: text,
    });
  });
  pictures.push(...(row.lost ?? []).map(lostTile));
  const none = active > 0 ? (partial ? "…" : "") : t("not active");
  return h(
    "div",
    { class: "zf-range-part", role: "group", "aria-label": name, "data-part": index },
    ...pictures,
    pictures.length === 0 && none && h("span", { class: "zf-range-none" }, none),
    h(
      "span",
      { class: "zf-range-value", title: `${name}; ${count(row.images, "image")}` },
      number(row.high),
    ),
  );
}

/** In the place of a photo that can't be read any more. */
function lostTile([name, reason]: Lost): HTMLElement {
  const text = lostText(name, reason);
  return h("span", { class: "zf-range-lost", role: "img", "aria-label": text, title: text }, "?");
}

function partName(index: number, parts: number): string {
  const at = (part: number) => Math.round((100 * part) / parts);
  return t("{low} to {high} % of the images", { low: at(index), high: at(index + 1) });
}

function explained({ exact, sampled, images_seen, rows }: Data): string {
  const silent = rows.reduce((sum, row) => sum + row.silent, 0);
  const of = exact
    ? t("all {images}", { images: count(images_seen, "image") })
    : t("a sample of {images} out of {all}, so the limits are approximate", {
        images: count(sampled, "image"),
        all: whole(images_seen),
      });
  const about = t(
    "Images by the channel's largest activation, in {n} parts of as many images; below each the largest in it. Three patches from each part, evenly spread, strongest first: if lower parts show something else, the nine strongest don't tell all.",
    { n: rows.length },
  );
  const active =
    silent > 0
      ? t("Of {images}; the channel is active in all but {silent} of them.", { images: of, silent })
      : t("Of {images}; the channel is active in each of them.", { images: of });
  return `${about} ${active}`;
}
