/** All photos in one row, to choose from: found by name or class. */

import { msg, t, whole } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { type Catalogue, PRIORITY } from "../../lib/wire/protocol";
import { Panel } from "../shared/status";
import type { View } from "../shared/view";
import { type Listed, OwnPhotos } from "./own_photos";
import { PhotoClasses } from "./photo_classes";
import { PhotoStrip } from "./photo_strip";
import { Thumbnails } from "./thumbnails";

const NONE: Listed = {
  own: [],
  no_own: "",
  most: 0,
  most_bytes: 0,
  most_pixels: 0,
  held: null,
};

/** What photos are found by: in the field, and of it. */
const FOUND_BY = {
  label: [msg("Name or label"), msg("Find photos by name or label")],
  "predicted class": [
    msg("Name or predicted class"),
    msg("Find photos by name or predicted class"),
  ],
} as const;

export const photos: View = (...of) =>
  photosOf(msg("The photos that this report holds, as the network saw them."), ...of);

/** All photos, or only some: what these are is said in `held`. */
export function photosOf(held: string, ...of: Parameters<View>): void {
  const [el, selection, source, signal, options] = of;
  const panel = new Panel(el, "photos", t("Photos"), source, signal);
  const filter = h("input", { type: "search", class: "zf-input", "aria-label": t("Find photos") });
  const readout = h("div", { class: "zf-readout" });
  const state = h("div", { class: "zf-photos-state", role: "status" });
  const told = h("div", { class: "zf-photos-state zf-photos-told", role: "status" });
  let catalogue: Catalogue | null = null;
  let classes: PhotoClasses | null = null;
  let listed: Listed = NONE;
  /** Everything that there is to choose from, and what each is found by. */
  let all: readonly number[] = [];
  let texts = new Map<number, string>();
  let pointed: number | null = null;

  const chosen = () => selection.get("photo");
  const ownOf = (image: number) => listed.own.find((one) => one.image === image);
  const nameOf = (image: number) =>
    ownOf(image)?.name ?? catalogue?.images[image]?.name ?? t("photo {n}", { n: image });
  const describe = (image: number): string => {
    const own = ownOf(image);
    const parts = [
      nameOf(image),
      ...(own ? [t("your own photo"), ...own.notes] : [classes?.describe(image) ?? ""]),
      thumbnails.lost.get(image) ?? "",
    ];
    return parts.filter(Boolean).join(" · ");
  };
  const choose = (image: number) => {
    if (image === chosen()) return;
    selection.set("photo", image);
    // Who chose a photo looks at it through one channel after the other.
    if (options.get("photo_follows")) options.set("photo_follows", false);
    announce(el, t("Photo {name}", { name: describe(image) }));
  };

  const thumbnails = new Thumbnails(panel, () => strip.refresh(), signal);
  const strip = new PhotoStrip(
    {
      describe,
      own: (image) => ownOf(image) !== undefined,
      chosen,
      choose,
      remove: (image) => own.remove(image),
      point: (image) => {
        pointed = image;
        read();
      },
      thumbnails,
    },
    signal,
  );
  const own = new OwnPhotos(
    panel.element,
    source,
    {
      listed: () => listed,
      changed: (now, added) => {
        const before = listed.own;
        listed = now;
        arrange();
        const here = chosen();
        if (added !== null) choose(added);
        else if (before.some(({ image }) => image === here) && here !== null && !ownOf(here)) {
          choose(now.own[0]?.image ?? 0);
        }
        own.mark(chosen());
      },
      say: (text, problem = false) => {
        told.textContent = text;
        told.classList.toggle("zf-problem", problem);
      },
    },
    signal,
  );
  panel.tools.append(...own.buttons, filter);
  panel.body.append(strip.element, readout, state, told, own.camera.element);

  const read = () => {
    const image = pointed ?? chosen();
    readout.textContent = image === null ? "" : describe(image);
  };

  /** What each photo is found by, in lower case. */
  const learn = () => {
    texts = new Map(
      all.map((image) => [
        image,
        `${nameOf(image)} ${ownOf(image) ? "" : (classes?.whole(image) ?? "")}`.toLowerCase(),
      ]),
    );
  };

  const words = () => filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown: readonly number[] = [];
  const find = () => {
    const wanted = words();
    const found = all.filter((image) => {
      const text = texts.get(image) ?? "";
      return wanted.every((word) => text.includes(word));
    });
    // A report holds some of the photos.
    const known = (catalogue?.images.length ?? 0) + listed.own.length;
    const [here, every] = [whole(found.length), whole(Math.max(known, all.length))];
    panel.title(t("Photos"), here === every ? every : t("{n} of {all}", { n: here, all: every }));
    tellClasses(wanted.length > 0);
    if (found.length === shown.length && found.every((image, i) => image === shown[i])) {
      strip.refresh();
    } else {
      shown = found;
      strip.show(found, t("No photo matches “{words}”.", { words: filter.value.trim() }));
    }
    read();
  };

  /** How far it is known by what photos are looked for. */
  const tellClasses = (searching: boolean) => {
    const total = catalogue?.images.length ?? 0;
    const some = searching && classes?.kind === "predicted class" && classes.done < total;
    const done = whole(classes?.done ?? 0);
    state.textContent = some
      ? t(
          "The photos have no labels: the network is asked for the class of each, {done} of {all} so far.",
          { done, all: whole(total) },
        )
      : "";
  };

  const arrange = () => {
    if (!catalogue) return;
    const set = listed.held ?? catalogue.images.map((_, image) => image);
    all = [...listed.own.map(({ image }) => image), ...set];
    learn();
    find();
  };

  filter.addEventListener("input", () => {
    classes?.want(words().length > 0);
    find();
  });
  filter.addEventListener("keydown", (event) => {
    const [first] = shown;
    if (event.key !== "Enter" || first === undefined) return;
    event.preventDefault();
    choose(shown.includes(chosen() ?? -1) ? (chosen() ?? first) : first);
    strip.element.focus();
  });

  const load = () => {
    const ask = { priority: PRIORITY.patches, anew: true };
    void panel.load("photos", {}, "photos", ask, ({ data }) => {
      listed = data;
      panel.explain(
        data.held
          ? t(held)
          : t("As the network sees them. Click one, or walk them with the arrow keys."),
        ` ${data.no_own || own.limits}`,
      );
      own.offer();
      arrange();
      own.mark(chosen());
    });
  };

  selection.subscribe(
    "photo",
    () => {
      const image = chosen() ?? 0;
      // Brought from elsewhere: from a cell, or another view.
      if (catalogue && image >= catalogue.images.length && !ownOf(image)) load();
      own.mark(chosen());
      strip.reveal();
      read();
    },
    signal,
  );
  panel.catalogue((answer) => {
    catalogue = answer;
    classes = new PhotoClasses(
      panel,
      answer,
      (more) => {
        if (!more) return tellClasses(words().length > 0);
        learn();
        find();
      },
      signal,
    );
    const { kind } = classes;
    const [hint, label] = kind ? FOUND_BY[kind] : [msg("Name"), msg("Find by name")];
    filter.placeholder = t(hint);
    filter.setAttribute("aria-label", t(label));
    load();
  });
}
