/** All views side by side: a layout, nothing more. */

import { channels } from "./channels";
import { classes } from "./classes";
import { layers } from "./layers";
import { layout } from "./layout";
import { patches } from "./patches";
import { photo } from "./photo";

export const explorer = layout("explorer", [layers, channels, patches, photo, classes]);
