/** The strongest patches by themselves: of one channel, or of two beside each other. */

import { patchesAndPinned } from "./patches/pinned";
import { layout } from "./shared/layout";

export const grid = layout("grid", [patchesAndPinned]);
