/** What Python says, too: made by js/made.py from zfwidgets/widgets/wire/schema/. */

/** Most bytes of a photo in one message. */
export const PART_BYTES = 4194304;
/** Channels in one sheet of thumbnails. */
export const SHEET = 256;
/** Pixels: what a screen with two per CSS pixel shows of one. */
export const THUMBNAIL = 96;
/** Patches of a channel that are shown. */
export const PATCHES = 9;

/** What options of views are at first. */
export const FIRST = {
  sort: "index",
  patches: "both",
  values: "auto",
  scale: "own",
  whole: false,
  pixels: false,
  photo_follows: true,
  pinned: null,
  overlay: "probability",
  opacity: 0.7,
  auto: true,
  colours: "tint",
} as const;
