/** Where a map's quantity changes most: said in words, and a button that puts the occluder there. */

import { t } from "../../lib/language/translate";
import { type Grids, type MapKind, strongest, valueText } from "../../lib/occlusion/map_kinds";
import { buttonOf } from "../../lib/page/dom";
import type { Box } from "../../lib/wire/protocol";

/** Null while the map isn't whole, where nothing changes, and of labels, which have no order. */
export function most(
  grids: Grids,
  kind: MapKind,
  put: (box: Box) => void,
): HTMLButtonElement | null {
  const at = strongest(grids, kind);
  if (at === null) return null;
  const columns = grids.grid[1];
  return buttonOf(
    t("Cover where it matters most: {before} → {after}", {
      before: valueText(kind, grids.clean(kind)),
      after: valueText(kind, grids.at(kind, at)),
    }),
    {
      class: "zf-button zf-most",
      title: t("Put the occluder there"),
      onclick: () => put(grids.box([Math.floor(at / columns), at % columns])),
    },
  );
}
