"""Where the engine's top-k index comes from: the package, a folder, or a pass now."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..errors import IndexBusy, IndexMismatch, InputError
from ..images.source import ImageSource
from ..index.files import writing
from ..index.manifest import Manifest
from ..index.partial import EMPTY
from ..index.plan import Plan
from ..index.records import TopKIndex
from ..index.storing import FILE, UNFINISHED, alike
from ..records import Progress
from ..threads import ProcessLock
from .memory import Memory, batch_size
from .network import Network
from .progress import watch
from .running import EVERY, WHAT, Running
from .wanted import KEEP, RESERVE, Wanted
from .work import MACHINE, Here, Task, Way

SHIPPED = Path(str(files("zfwidgets.images") / "data" / "index"))
"""Indexes that come with the package."""


@dataclass(frozen=True)
class Settings:
    """What an index is to hold beyond the strongest activations, and where it is kept.

    Attributes
    ----------
    by_class
        Activations per channel and class; 0 for none.
    pixels
        Whether every unit of every image is counted for means and shares of zeros.
    folder
        Where it is kept, whatever its fingerprints; None is the cache.
    every
        Seconds between two checkpoints.
    """

    by_class: int = 0
    pixels: bool = False
    folder: Path | None = None
    every: float = EVERY


class Indexing:
    """The top-k index of a network over its images: found on disk, or built in steps and kept.

    Parameters
    ----------
    cache
        Folder that keeps indexes under their fingerprints; None keeps them in memory only.
    lock
        Held while a step computes.

    Attributes
    ----------
    found
        The index; None until it's built.
    fingerprint
        Digests of the weights, the images and the transform.
    note
        Why an index on disk wasn't used or couldn't be written; empty if nothing is to be said.
    """

    keep = KEEP + RESERVE

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        cache: Path | None,
        lock: ProcessLock,
        memory: Memory,
    ) -> None:
        self._network, self._source, self._memory = network, source, memory
        self.cache, self._lock = cache, lock
        self._turnstile = ProcessLock()
        self._running: Running | None = None
        self._settings = Settings()
        self._left: TopKIndex | None = None
        self._unkept = False
        self.fingerprint = {"model": network.fingerprint, **source.fingerprint()}
        self.note = ""
        self.found = self._find()

    @property
    def name(self) -> str:
        """What the index's folder is called in a folder of indexes."""
        return "-".join(self.fingerprint[key][:12] for key in sorted(self.fingerprint))

    @property
    def folder(self) -> Path | None:
        """Where the index is kept; None in memory only."""
        return self._settings.folder or (self.cache and self.cache / self.name)

    @property
    def ready(self) -> bool:
        """Whether the index is there."""
        return self.found is not None

    @property
    def running(self) -> Running | None:
        """The pass that is being made; None if there's none."""
        return self._running

    def _find(self) -> TopKIndex | None:
        for folder in filter(None, (SHIPPED, self.cache)):
            path = folder / self.name / FILE
            if path.exists():
                try:
                    return TopKIndex.load(path, self.fingerprint, self._source.probe)
                except (InputError, IndexMismatch) as error:
                    self.note = f"An index on disk was not used. {error}"
        return None

    def ask(self, settings: Settings) -> None:
        """Want an index with these settings from now on.

        Raises
        ------
        IndexMismatch
            The folder holds an index of another model or transform; lists what differs.
        InputError
            It holds a damaged one, or there are no labels for tops by class.
        """
        if settings == self._settings:
            self._keep()
            return
        with self._lock:
            if settings.by_class:
                self._wanted(settings)  # refuses what can't be had, before anything is let go
            found = self._in_folder(settings.folder) if settings.folder else self.found
            self._stop()
            before, self._settings = self._settings, settings
            if (before.by_class, before.pixels) != (settings.by_class, settings.pixels):
                self._left = None  # of something else
            same = found and found.fingerprint == self.fingerprint and self._enough(found)
            self.found = found if same else None

    def _keep(self) -> None:
        """Write an index that couldn't be written when it was made."""
        folder = self.folder
        with self._lock:
            if not self._unkept or self.found is None or folder is None:
                return
            try:
                with writing(folder):
                    self.found.save(folder / FILE)
                    (folder / UNFINISHED).unlink(missing_ok=True)
            except OSError as error:
                self.note = f"The index is in memory only, {folder}: {error}."
                return
            self.note, self._unkept = "", False

    def _in_folder(self, folder: Path) -> TopKIndex | None:
        """A folder's index of this model and transform, maybe of other images."""
        path = folder / FILE
        if not path.exists():
            return None
        found = TopKIndex.load(path)
        expected = {**self.fingerprint, "images": found.fingerprint.get("images", "")}
        TopKIndex.load(path, expected, None, self._manifest())
        if found.manifest.names == self._manifest().names and not alike(
            found.probe, self._source.probe
        ):
            TopKIndex.load(path, None, self._source.probe)
        return found

    def _enough(self, index: TopKIndex) -> bool:
        by_class, settings = index.partial.by_class.values.shape[1], self._settings
        pixels = index.measured == index.partial.images
        return by_class >= settings.by_class and (pixels or not settings.pixels)

    def _manifest(self) -> Manifest:
        return Manifest(list(self._source.names), list(self._source.stamps))

    def _wanted(self, settings: Settings) -> Wanted:
        return Wanted.of(
            self._source.names,
            self._source.labels,
            keep=self.keep,
            pixels=settings.pixels,
            by_class=settings.by_class,
            channels=sum(layer.channels for layer in self._network.layers),
        )

    @property
    def _batch(self) -> int:
        return batch_size(self._network.graph, self._network.device)

    def task(self) -> Task:
        """What a pass would be over now: all images, or only what a folder's index lacks."""
        manifest = self._manifest()
        whole = Task(
            self._network,
            self._source,
            self._wanted(self._settings),
            self.fingerprint,
            manifest,
            Plan.of(len(manifest), self._batch),
            self._left.partial if self._left else None,
            made_with=machines_of(self._left),
        )
        folder = self._settings.folder
        earlier = self._in_folder(folder) if folder and not self._left else None
        if earlier is None or not self._enough(earlier):
            return whole
        return repaired(whole, earlier, self._batch) or whole

    def so_far(self, layer: str | None = None) -> TopKIndex | None:
        """The index, else that of the batches taken in so far; None if no pass is under way.

        Copies, so that the pass isn't disturbed. While another thread computes a batch this waits
        for its end, and no longer.
        """
        with self._turnstile, self._lock:
            if self.found is not None or self._running is None:
                return self.found
            return self._running.so_far(layer)

    def steps(self, way: Way | None = None) -> Generator[Progress, None, None]:
        """Build the index in steps, if it isn't there; threads that ask meanwhile share them.

        A pass that fails or is interrupted keeps what it knows, and is gone on with.

        Parameters
        ----------
        way
            How batches are computed until these steps end. None: as whoever builds it already
            does, or in this process.
        """
        try:
            while self.found is None:
                with self._turnstile:  # who waits for a look has it: a lock alone isn't fair
                    pass
                with self._lock:
                    if self.ready:  # another thread has finished it meanwhile
                        return
                    progress = self._step(way)
                    running = self._running
                yield progress
                if running is not None:
                    running.wait()
        finally:
            self._leave(way)

    def _leave(self, way: Way | None) -> None:
        """Nobody asks for the next step: keep what is known."""
        if self.running is None:
            return
        with self._lock:
            running = self._running
            if running is None or way not in (None, running.way):
                return
            if way is None:
                running.leave()
            else:
                running.leave(within=0)
                self._stop()
            self.note = running.note

    def _step(self, way: Way | None) -> Progress:
        if self._running is not None and way not in (None, self._running.way):
            self._running.leave(within=0)
            self._stop()
        running = self._running = self._running or self._start(way or Here)
        try:
            progress = running.step()
        except BaseException:
            self._stop()
            raise
        self.note = running.note
        if running.result is not None:
            self._unkept = not running.kept
            self.found, self._running, self._left = running.result, None, None
        return progress

    def _start(self, way: Way) -> Running:
        try:
            return Running(self.task(), self._memory, self.folder, self._settings.every, way)
        except IndexBusy as error:
            if self._settings.folder is not None:
                raise
            self.note = f"The index is in memory only. {error}"
        except (InputError, IndexMismatch) as error:
            if self._settings.folder is not None:
                raise
            self.note = f"An unfinished index on disk was not used. {error}"
        running = Running(self.task(), self._memory, way=way)
        running.note = self.note
        return running

    def _stop(self) -> None:
        """Let go of the pass; what it knows is kept."""
        if self._running is not None:
            if self._running.kept_in_memory:
                self._left = self._running.so_far()
            self._running.close()
            self._running = None

    def get(self, progress: bool = True, way: Way | None = None) -> TopKIndex:
        """The index, built now if it isn't there, with a progress bar."""
        if self.found is None:
            watch(self.steps(way), WHAT, progress, "images")
        assert self.found is not None
        return self.found


def repaired(whole: Task, earlier: TopKIndex, size: int) -> Task | None:
    """What is left to do when images were added, removed or changed since an earlier index.

    None if that takes a whole pass: where so many are gone that a channel's strongest aren't all
    known any more, or nothing is the same.
    """
    differences, numbers = whole.manifest.since(earlier.manifest)
    before = earlier.partial
    stays = numbers >= 0
    if not stays.any() or before.top.values.shape[1] != whole.wanted.keep:
        return None
    if tuple(earlier.classes) != whole.wanted.classes:
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
    wanted = np.isin(sampled, list(whole.wanted.sampled))
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


def cache_folder(cache: str | Path | bool | None) -> Path | None:
    """The folder that an engine's ``cache`` argument means."""
    if cache is False:
        return None
    if cache is None or cache is True:
        from platformdirs import user_cache_path

        return user_cache_path("zfwidgets", appauthor=False) / "index"
    return Path(cache)
