"""An index of images that were added, removed or changed, mended with only the work needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...index.partial import EMPTY
from ...index.records import TopKIndex
from .executors import MACHINE, Task
from .ranking_spec import KEEP


def repaired(whole: Task, earlier: TopKIndex, size: int) -> Task | None:
    """What is left to do when images were added, removed or changed since an earlier index.

    None if that takes a whole pass: where so many are gone that a channel's strongest aren't all
    known any more, or nothing is the same.
    """
    differences, numbers = whole.manifest.since(earlier.manifest)
    before = earlier.partial
    stays = numbers >= 0
    if not stays.any() or before.top.values.shape[1] != whole.spec.keep:
        return None
    if tuple(earlier.classes) != whole.spec.classes:
        return None
    gone = [number for number in np.flatnonzero(~stays).tolist() if number not in before.bad]
    left = before.images - earlier.since_removed - len(gone)
    top, by_class = (part.renumbered(numbers) for part in (before.top, before.by_class))
    unknown = (top.images == EMPTY) & (top.values > 0)
    other_classes = gone or differences.moved
    if unknown[:, : min(KEEP, left)].any() or (other_classes and before.by_class.values.size):
        return None
    kept = stays[before.sampled]
    sampled = numbers[before.sampled[kept]]
    wanted = np.isin(sampled, list(whole.spec.sampled))
    sampled, sample = sampled[wanted], before.sample[kept][wanted]
    order = np.argsort(sampled)
    start = replace(
        before,
        bad={int(numbers[n]): why for n, why in before.bad.items() if stays[n]},
        top=top,
        by_class=by_class,
        sampled=sampled[order],
        sample=sample[order],
    )
    added = np.setdiff1d(np.arange(len(whole.manifest)), numbers[stays])
    return replace(
        whole,
        plan=earlier.plan.renumbered(numbers).extended(added, size),
        start=start,
        since_removed=earlier.since_removed + len(gone),
        made_with=machines_of(earlier),
    )


def machines_of(index: TopKIndex | None) -> dict[str, str]:
    """On what machines an index was computed."""
    made_with = index.made_with if index else {}
    return {name: made_with[name] for name in MACHINE if name in made_with}
