/** All views side by side: a layout, nothing more. */

import { classes } from "./occlusion/classes";
import { photo } from "./occlusion/photo";
import { patchesAndPinned } from "./patches/pinned";
import { photos } from "./photos/photos";
import { channels } from "./picker/channels";
import { layers } from "./picker/layers";
import { layout } from "./shared/layout";

export const explorer = layout("explorer", [
  layers,
  channels,
  patchesAndPinned,
  photos,
  photo,
  classes,
]);
