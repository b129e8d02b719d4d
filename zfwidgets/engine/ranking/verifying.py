"""Whether an index holds: its batches are computed again, and compared entry by entry."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...images.source import ImageSource
from ...index import TopKIndex, Verification, read
from ...index.exact import Counts, carried
from ...index.manifest import Differences, Manifest
from ...index.mismatches import Belonging, Comparison
from ...index.plan import GONE
from ...index.storing import FILE, alike, differing
from ...records import Floats, Ints, Progress
from ...threads import ProcessLock
from ..network.memory import Memory
from ..network.modes import computing
from ..network.network import Network
from .executors import setup
from .index_pass import first_places, limbs
from .indexing import Indexing

TOLERANCE = 1e-4
"""Share of a channel's strongest up to which differences count as rounding."""
WHAT = "Looking at the index's images again"


class Verifying:
    """Whether an index holds of a network and its images; see `zfwidgets.Engine.verify`."""

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        memory: Memory,
        lock: ProcessLock,
        indexing: Indexing,
    ) -> None:
        self._network, self._source, self._memory = network, source, memory
        self._lock, self._indexing = lock, indexing

    def verify_steps(
        self,
        index: TopKIndex | str | Path | None = None,
        *,
        sample: int | None = 64,
        seed: int = 0,
        tolerance: float = TOLERANCE,
    ) -> Generator[Progress, None, Verification]:
        """`verify` in steps, a batch each."""
        if sample is not None and sample < 1:
            raise InputError(f"sample is {sample}: expected a number of images, or None for all.")
        if not tolerance >= 0:
            raise InputError(f"tolerance is {tolerance}: expected 0 or more.")
        found, where = self._to_verify(index)
        batches = drawn(found, sample, seed)
        with self._lock:
            again = _Again(
                self._network, self._source, self._memory, found, self._indexing, tolerance
            )
        sizes = found.plan.sizes()
        total = int(sizes[batches].sum())
        began, done = time.monotonic(), 0
        with closing(self._source.feed(again.present(batches))) as feed:
            for batch in batches:
                came = dict(islice(feed, len(again.present([batch]))))
                with self._lock:
                    again.take(batch, came)
                done += int(sizes[batch])
                left = (time.monotonic() - began) / done * (total - done) if done else None
                yield Progress(done, total, left, WHAT)
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


class _Seen(NamedTuple):
    """What a forward pass of part of a batch showed; (images, channels), as the index has them."""

    largest: Floats
    places: Ints
    sums: Ints
    zeros: Ints


class _Again:
    """Batches of an index, computed again."""

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        memory: Memory,
        index: TopKIndex,
        indexing: Indexing,
        tolerance: float,
    ) -> None:
        self._network, self._source, self._memory, self._index = network, source, memory, index
        self._spans: dict[str, slice] = {}
        self._absent: list[str] = []
        self._channels = 0
        here = {layer.name: tuple(layer.shape) for layer in network.layers}
        for shape in index.shapes:
            name, *sizes = vars(shape).values()
            if here.get(name) == tuple(sizes):
                self._spans[name] = slice(self._channels, self._channels + shape.channels)
            else:
                self._absent.append(name)
            self._channels += shape.channels
        if not self._spans:
            raise InputError(
                f"The index has no layer in common with {network.name}: it has "
                f"{', '.join(map(repr, self._absent[:3]))}..., with maps of other sizes or names. "
                "Was it made with another model, or another size of images?"
            )
        checkable = np.zeros(self._channels, bool)
        for span in self._spans.values():
            checkable[span] = True
        manifest = Manifest(list(source.names), list(source.stamps))
        self._images = manifest.since(index.manifest)[0]
        self._differs = self._differing(indexing, manifest)
        self._setup = [
            f"{key} {index.made_with.get(key, 'unknown')} there, {value} here"
            for key, value in setup(network).items()
            if index.made_with.get(key) != value
        ]
        if index.partial.smaller:
            self._setup.append(f"batches were made smaller there, {index.partial.smaller} images")
        moved = dict(self._images.moved)
        numbers = {name: number for number, name in enumerate(manifest.names)}
        names = index.manifest.names
        self._present = np.array([numbers.get(moved.get(n, n), -1) for n in names], np.int64)
        differs = {key for key in ("model", "transform") if self._differ(indexing, key)}
        changed = set(self._images.changed)
        belonging = Belonging(
            "model" in differs,
            "transform" in differs,
            frozenset(i for i, name in enumerate(names) if name in changed),
            any(index.manifest.stamps),
            bool(self._setup),
        )
        self._comparison = Comparison(index, checkable, tolerance, belonging)
        self._comparison.order()
        self._counts = Counts(self._channels)
        self._sums = np.zeros((self._channels, 2), np.int64)
        self._zeros = np.zeros(self._channels, np.int64)
        self._all_measured = index.measured == index.partial.images
        self._looked_at = 0

    def _differ(self, indexing: Indexing, key: str) -> bool:
        return self._index.fingerprint.get(key) != indexing.fingerprint.get(key)

    def _differing(self, indexing: Indexing, manifest: Manifest) -> list[str]:
        there, here = dict(self._index.fingerprint), dict(indexing.fingerprint)
        images: Differences | str = self._images
        if there.pop("images", "") != here.pop("images", ""):
            images = images or "in another order, or told in another way"
        found = differing(there, here) + ([f"images: {images}"] if images else [])
        same = self._index.manifest.digest == manifest.digest
        if (
            same
            and "transform" not in "".join(found)
            and not alike(self._index.probe, self._source.probe)
        ):
            found.append(
                "images as the network gets them have another mean or standard deviation, though "
                "transform and images have the same fingerprints"
            )
        return found

    def present(self, batches: Sequence[int]) -> list[int]:
        """The present numbers of batches' images, of those that are there, in order."""
        numbers = self._present[self._index.plan.images(batches)]
        return [int(number) for number in numbers if number >= 0]

    def take(self, batch: int, came: Mapping[int, Tensor | None]) -> None:
        """Compute a batch again and compare it."""
        bad, compare = self._index.partial.bad, self._comparison
        tensors: list[Tensor | None] = []
        self._numbers = self._index.plan.batch(batch).tolist()
        for image in self._numbers:
            present = int(self._present[image]) if image != GONE else -1
            tensor = came.get(present)
            if image != GONE:
                self._looked_at += 1
                if tensor is not None and image in bad:
                    compare.note("readable", image)
                    tensor = None  # it was zeros in this batch, as now
                elif tensor is None and image not in bad:
                    compare.note("unreadable" if present >= 0 else "removed", image)
            tensors.append(tensor)
        if all(tensor is None for tensor in tensors):
            return
        parts = self._memory.in_parts("looking at all images", self._look, list(enumerate(tensors)))
        if len(parts) > 1 and not any("smaller here" in said for said in self._setup):
            self._setup.append("batches were made smaller here, as the memory ran out")
            compare.belonging = replace(compare.belonging, rounds=True)
        largest, places = (np.concatenate([part[i] for part in parts]) for i in range(2))
        there = [i for i, tensor in enumerate(tensors) if tensor is not None]
        self._counts.take(largest[there])
        for part in parts:
            self._sums += part.sums
            self._zeros += part.zeros
        labels = self._source.labels
        for i in there:
            image = self._numbers[i]
            compare.take(image, largest[i], places[i], labels[int(self._present[image])])

    def _look(self, items: Sequence[tuple[int, Tensor | None]]) -> _Seen:
        """One forward pass; leaves nothing behind."""
        network, index = self._network, self._index
        there = [i for i, (_, tensor) in enumerate(items) if tensor is not None]
        numbers = [self._numbers[place] for place, _ in items]
        shape = (len(items), self._channels)
        largest, places = np.full(shape, np.nan, np.float32), np.full(shape, -1, np.int64)
        sums, zeros = np.zeros((self._channels, 2), np.int64), np.zeros(self._channels, np.int64)
        wanted = np.full(shape, bool(index.classes))
        for i in there:
            wanted[i, self._comparison.listed(numbers[i])] = True

        def visit(name: str, output: Tensor) -> None:
            span = self._spans.get(name)
            if span is None:
                return
            maps = output.reshape(*output.shape[:2], -1)
            largest[:, span] = maps.amax(-1).cpu().numpy()
            for i in there:
                wanted[i, span] |= self._comparison.beating(numbers[i], largest[i, span], span)
            which = torch.from_numpy(wanted[:, span].copy())
            places[:, span] = first_places(maps, which).cpu().numpy()
            if self._all_measured and there:
                measured = maps[there]
                sums[span] = limbs(measured.mean(-1)).cpu().numpy()
                zeros[span] = (measured <= 0).sum((0, 2)).cpu().numpy()

        with computing(network.device):
            empty = torch.zeros(network.input_shape)
            pixels = torch.stack([empty if t is None else t for _, t in items])
            network.run(pixels.to(network.device), visit)
        return _Seen(largest, places, sums, zeros)

    def verification(self, where: str, batches: Sequence[int]) -> Verification:
        """What came out."""
        index, compare = self._index, self._comparison
        whole = len(batches) == len(index.partial.batches)
        partial = index.partial
        unchecked = []
        if self._absent:
            unchecked.append(
                f"layers that this model hasn't, or whose maps are of another size: "
                f"{', '.join(self._absent)}"
            )
        if not whole:
            unchecked.append(
                "entries of images that weren't looked at, whether one of those is stronger than "
                "what is listed, and statistics over all images (sample=None, or --all, would)"
            )
        elif self._images.removed or self._images.changed or index.since_removed:
            unchecked.append("statistics over all images, some of which changed or are gone")
        else:
            sums = carried(self._sums) if self._all_measured else None
            compare.statistics(self._counts.silent, self._counts.maxima, sums, self._zeros)
            if not self._all_measured:
                unchecked.append(
                    f"means and shares of zeros, which count {index.measured:,} images only"
                )
        found = compare.found()
        entries = partial.top.images, partial.by_class.images
        return Verification(
            where=where,
            images=self._looked_at,
            of_images=int(index.plan.sizes().sum()),
            entries=compare.entries,
            of_entries=sum(int((images >= 0).sum()) for images in entries),
            sampled=compare.sampled,
            batches=tuple(batches),
            whole=whole,
            differs=tuple(self._differs),
            setup=tuple(self._setup),
            unchecked=tuple(unchecked),
            tolerance=compare.tolerance,
            largest=compare.largest,
            found=found,
            shapes=index.shapes,
            names=index.manifest.names,
            classes=index.classes,
        )
