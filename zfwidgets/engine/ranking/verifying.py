"""Whether an index holds: its batches are computed again, and compared entry by entry."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np
from torch import Tensor

from ...errors import InputError
from ...images.source import ImageSource
from ...index import TopKIndex, Verification, read
from ...index.comparison import Comparison, all_measured
from ...index.manifest import Manifest
from ...index.plan import GONE
from ...index.storing import FILE, check, differing
from ...index.verification import IMAGE, REMOVED, TRANSFORM, WEIGHTS
from ...records import Progress
from ...stepwise import Clock
from ..network.memory import Memory
from ..network.network import Network
from ..network.runtime import Runtime
from .executors import setup, shapes_of
from .index_pass import IndexPass
from .indexing import Indexing
from .ranking_spec import RankingSpec

WHAT = "Looking at the index's images again"


class Verifying:
    """Whether an index holds of a network and its images; see `zfwidgets.Engine.verify`."""

    def __init__(self, runtime: Runtime, indexing: Indexing) -> None:
        self._network, self._source, self._memory = runtime.network, runtime.source, runtime.memory
        self._lock, self._indexing = runtime.lock, indexing

    def verify_steps(
        self, index: TopKIndex | str | Path | None, sample: int | None, seed: int, tolerance: float
    ) -> Generator[Progress, None, Verification]:
        """`verify` in steps, a batch each."""
        if sample is not None and sample < 1:
            raise InputError(f"sample is {sample}: expected a number of images, or None for all.")
        if not tolerance >= 0:
            raise InputError(f"tolerance is {tolerance}: expected 0 or more.")
        found, where = self._to_verify(index)
        check(found, Path(where), shapes=shapes_of(self._network))
        batches = drawn(found, sample, seed)
        with self._lock:
            again = _Again(
                self._network, self._source, self._memory, found, self._indexing, tolerance
            )
        sizes = found.plan.sizes()
        total = int(sizes[batches].sum())
        clock, done = Clock(total), 0
        with closing(self._source.feed(again.present(batches))) as feed:
            for batch in batches:
                came = dict(islice(feed, len(again.present([batch]))))
                with self._lock:
                    again.take(batch, came)
                done += int(sizes[batch])
                yield clock.at(done, WHAT)
        return again.verification(where, batches)

    def _to_verify(self, index: TopKIndex | str | Path | None) -> tuple[TopKIndex, str]:
        if isinstance(index, TopKIndex):
            return index, "The index"
        folder = self._indexing.folder if index is None else Path(index)
        if folder is not None and (index is not None or (folder / FILE).exists()):
            return read(folder), str(folder)
        if self._indexing.found is None:
            raise InputError(
                "There is no index to verify yet: build it with engine.index(), or name its "
                "folder, engine.verify('my-index')."
            )
        return self._indexing.found, "The index in memory"


def drawn(index: TopKIndex, sample: int | None, seed: int) -> list[int]:
    """Batches to compute again, in the plan's order.

    Half of them by the images of random entries of the tops, half at random among all.
    """
    plan, done = index.plan, index.partial.batches
    if sample is None:
        return [int(batch) for batch in done]
    random = np.random.default_rng(seed)
    there = plan.slots != GONE
    batch_of = np.full(len(index.manifest), -1, np.int64)
    batch_of[plan.slots[there]] = np.repeat(np.arange(len(plan)), np.diff(plan.starts))[there]
    entries = index.partial.top.images.ravel()
    by_entry = batch_of[random.permutation(entries[entries >= 0])]
    turns = zip_longest(dict.fromkeys(by_entry.tolist()), random.permutation(done).tolist())
    sizes, left, seen = plan.sizes(), set(done.tolist()), 0
    for batch in chain.from_iterable(turns):
        if batch in left and seen < sample:
            left.remove(batch)
            seen += int(sizes[batch])
    return sorted(set(done.tolist()) - left)


class _Again:
    """Batches of an index, computed again and compared."""

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        memory: Memory,
        index: TopKIndex,
        indexing: Indexing,
        tolerance: float,
    ) -> None:
        self._network, self._index, self._plan = network, index, index.plan
        partial, names = index.partial, index.manifest.names
        manifest = Manifest(list(source.names), list(source.stamps))
        self._images = manifest.since(index.manifest)[0]
        there, here = dict(index.fingerprint), dict(indexing.fingerprint)
        causes = {"model": WEIGHTS, "transform": TRANSFORM}
        self._foreign = " or ".join(
            causes[key] for key in causes if there.get(key) != here.get(key)
        )
        same = there.pop("images", "") == here.pop("images", "")
        self._differs = differing(there, here)
        if not same or self._images:
            self._differs.append(f"images: {self._images or 'in another order'}")
        moved = dict(self._images.moved)
        numbers = {name: number for number, name in enumerate(manifest.names)}
        self._present = np.array([numbers.get(moved.get(n, n), -1) for n in names], np.int64)
        classes = {name: number for number, name in enumerate(index.classes)}
        labels = [classes.get(source.labels[i], -1) if i >= 0 else -1 for i in self._present]
        self._wanted = RankingSpec(
            partial.top.values.shape[1],
            frozenset(range(len(names))),
            None if all_measured(index) else frozenset(),
            index.classes,
            np.array(labels, np.int64),
            partial.by_class.values.shape[1],
        )
        self._pass = IndexPass(network, index.plan, self._wanted, memory=memory)
        self._tolerance, self._comparison = tolerance, Comparison(index, tolerance)

    def present(self, batches: Sequence[int]) -> list[int]:
        """The present numbers of batches' images, of those that are there, in order."""
        numbers = self._present[self._plan.images(batches)]
        return [int(number) for number in numbers if number >= 0]

    def take(self, batch: int, came: Mapping[int, Tensor | None]) -> None:
        """Compute a batch again."""
        tensors: list[Tensor | None] = []
        for image in self._plan.batch(batch).tolist():
            present = int(self._present[image]) if image != GONE else -1
            tensor = came.get(present)
            if tensor is not None and image in self._index.partial.bad:
                self._comparison.note("readable", IMAGE, image)
                tensor = None  # it was zeros in this batch, as now
            elif tensor is None and image != GONE and image not in self._index.partial.bad:
                gone = ("unreadable", IMAGE) if present >= 0 else ("removed", REMOVED)
                self._comparison.note(*gone, image)
            tensors.append(tensor)
        self._pass.take(batch, tensors)
        for image, largest in self._pass.drained():
            self._comparison.take(image, largest)

    def verification(self, where: str, batches: Sequence[int]) -> Verification:
        """What came out."""
        index, compare, images = self._index, self._comparison, self._images
        now = self._pass.partial()
        made = [
            f"{key} {index.made_with.get(key, 'unknown')} there, {value} here"
            for key, value in setup(self._network).items()
            if index.made_with.get(key) != value
        ]
        if index.partial.smaller or now.smaller:
            made.append("batches were made smaller, as the memory ran out")
        unchecked: list[str] = []
        compare.values(now, self._wanted.labels, bool(made))
        if len(batches) < len(index.partial.batches):
            unchecked.append(
                "entries of images that weren't looked at, whether one of those is stronger than "
                "what is listed, and statistics over all images (sample=None, or --all, would)"
            )
        elif images.removed or images.changed or index.since_removed:
            unchecked.append("statistics over all images, some of which changed or are gone")
        else:
            compare.statistics(now, bool(made))
            if not all_measured(index):
                unchecked.append(f"means and zeros, which count {index.measured:,} images only")
        known = set(images.changed)
        changed = [i for i, name in enumerate(index.manifest.names) if name in known]
        sizes = self._plan.sizes()
        return Verification(
            where,
            int(sizes[batches].sum()),
            int(sizes.sum()),
            *compare.counts,
            tuple(batches),
            tuple(self._differs),
            tuple(made),
            tuple(unchecked),
            self._tolerance,
            index,
            compare.found(self._foreign, changed, any(index.manifest.stamps)),
        )
