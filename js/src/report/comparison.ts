/** A comparison in a report: one network twice, each side with a channel of its own. */

import {
  MemoryStore,
  type Selection,
  type SelectionField,
  type SelectionStore,
} from "../lib/page/selection_store";
import type { Source } from "../lib/wire/source";
import { type Compared, compare } from "../views/compare";
import type { OptionStore } from "../views/shared/view";

/** What both sides share, as `SHARED` in zfwidgets/widgets/comparing/compare.py. */
const SHARED = ["photo", "target", "occluder"] as const;

/** What a report's file says of it. */
export interface StoredComparison {
  /** The right side's selection; the left one's is the view's. */
  right: number;
  names: readonly string[];
  same_channel: boolean;
}

/** Two selections of one network show the same photo, class and occluder. */
export function link(
  one: SelectionStore,
  other: SelectionStore,
  fields: readonly SelectionField[],
  signal: AbortSignal,
  when: () => boolean = () => true,
): void {
  const follow = <F extends SelectionField>(from: SelectionStore, to: SelectionStore, field: F) => {
    from.subscribe(
      field,
      () => {
        if (when()) to.set(field, from.get(field) as Selection[F]);
      },
      signal,
    );
  };
  for (const field of fields) {
    follow(one, other, field);
    follow(other, one, field);
  }
}

export function storedComparison(
  root: HTMLElement,
  selections: readonly [SelectionStore, SelectionStore],
  source: () => Source,
  options: OptionStore,
  { names, same_channel }: StoredComparison,
  signal: AbortSignal,
): void {
  const [left, right] = selections;
  const store = new MemoryStore<Compared>({ names, notes: [], numbering: "same", same_channel });
  link(left, right, SHARED, signal);
  link(left, right, ["unit"], signal, () => store.get("same_channel"));
  store.subscribe(
    "same_channel",
    () => {
      if (store.get("same_channel")) right.set("unit", left.get("unit"));
    },
    signal,
  );
  const side = (selection: SelectionStore) => ({ selection, source: source(), options });
  compare(root, [side(left), side(right)], store, signal);
}
