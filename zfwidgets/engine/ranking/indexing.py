"""Where the engine's top-k index comes from: the package, a folder, or a pass now."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from ...allocation import freed_memory_kept
from ...errors import IndexBusy, IndexMismatch, InputError
from ...index.manifest import Manifest
from ...index.plan import Plan
from ...index.records import TopKIndex
from ...index.storing import FILE, UNFINISHED, check, load, save
from ...records import Progress
from ...stepwise import finish_with_bar
from ...storage.files import writing
from ...threads import ProcessLock
from ..network.memory import batch_size
from ..network.runtime import Runtime
from .build import EVERY, WHAT, IndexBuild
from .executors import ExecutorFactory, LocalExecutor, Task, shapes_of
from .ranking_spec import KEEP, RESERVE, RankingSpec
from .repairing import machines_of, repaired

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
    runtime
        What computes, and on which images.
    cache
        Folder that keeps indexes under their fingerprints; None keeps them in memory only.

    Attributes
    ----------
    found
        The index; None until it's built.
    fingerprint
        Digests of the weights, the images and the transform.
    generation
        How often images that had changed were looked at again.
    note
        Why an index on disk wasn't used or couldn't be written; empty if nothing is to be said.
    """

    keep = KEEP + RESERVE

    def __init__(self, runtime: Runtime, cache: Path | None) -> None:
        self._network, self._source, self._memory = runtime.network, runtime.source, runtime.memory
        self.cache, self._lock = cache, runtime.lock
        self._turnstile = ProcessLock()
        self._build: IndexBuild | None = None
        self._settings = Settings()
        self._left: TopKIndex | None = None
        self._unkept = False
        self.fingerprint = {"model": self._network.fingerprint, **self._source.fingerprint()}
        self.note = ""
        self.generation = 0
        self._earlier: TopKIndex | None = None
        self.found: TopKIndex | None = None
        self._take(self._find())

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
    def build(self) -> IndexBuild | None:
        """The pass that is being made; None if there's none."""
        return self._build

    def _take(self, index: TopKIndex | None) -> None:
        """Have this index from now on: images must be those that it is of."""
        self.found = index
        if index is not None:
            stamps, bad = index.manifest.stamps, index.partial.bad
            self._source.conditions.indexed_as(stamps, bad, index.on_white)

    @property
    def stale_note(self) -> str:
        """Says which of the index's images can't be read any more or were changed, and what helps.

        Empty if none is known; images are looked at when they are shown, and by `refresh`.
        """
        lost = self._source.conditions.lost
        if not lost:
            return ""
        names = [f"{self._source.names[n]}: {why}" for n, why in list(lost.items())[:3]]
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        one = len(lost) == 1
        return (
            f"The index is stale: {len(lost)} of its images can't be shown any more, or "
            f"{'was' if one else 'were'} changed ({'; '.join(names)}{more}). engine.index() looks "
            f"at {'it' if one else 'them'} again; run the cells of widgets again after that."
        )

    def refresh(self) -> None:
        """Let go of the index if images of it were changed since, for the next pass to mend it."""
        with self._lock:
            if self.found is None:
                return
            before, lost = self.found.manifest, self._source.conditions.lost
            stamps = ["" if n in lost else stamp for n, stamp in enumerate(before.stamps)]
            if not lost and stamps == list(self._source.stamps):
                return
            self._source.look_again()
            self.fingerprint = {
                "model": self._network.fingerprint,
                **self._source.fingerprint(),
            }
            earlier = replace(self.found, manifest=Manifest(before.names, stamps))
            self.found = self._left = None
            self.generation += 1
            self._take(self._find())
            if self.found is None:
                self._earlier = earlier

    def _find(self) -> TopKIndex | None:
        for folder in filter(None, (SHIPPED, self.cache)):
            path = folder / self.name / FILE
            if path.exists():
                try:
                    return load(
                        path,
                        self.fingerprint,
                        self._source.probe,
                        shapes=shapes_of(self._network),
                    )
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
                self._spec(settings)  # refuses what can't be had, before anything is let go
            found = self._in_folder(settings.folder) if settings.folder else self.found
            self._stop()
            before, self._settings = self._settings, settings
            if (before.by_class, before.pixels) != (settings.by_class, settings.pixels):
                self._left = None  # of something else
            same = found and found.fingerprint == self.fingerprint and self._enough(found)
            self._take(found if same else None)

    def _keep(self) -> None:
        """Write an index that couldn't be written when it was made."""
        folder = self.folder
        with self._lock:
            if not self._unkept or self.found is None or folder is None:
                return
            try:
                with writing(folder):
                    save(self.found, folder / FILE)
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
        found = load(path)
        expected = {**self.fingerprint, "images": found.fingerprint.get("images", "")}
        check(found, path, expected, None, self._manifest(), shapes_of(self._network))
        if found.manifest.names == self._manifest().names:
            check(found, path, None, self._source.probe)
        return found

    def _enough(self, index: TopKIndex) -> bool:
        by_class, settings = index.partial.by_class.values.shape[1], self._settings
        pixels = index.measured == index.partial.images
        return by_class >= settings.by_class and (pixels or not settings.pixels)

    def _manifest(self) -> Manifest:
        return Manifest(list(self._source.names), list(self._source.stamps))

    def _spec(self, settings: Settings) -> RankingSpec:
        return RankingSpec.of(
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
            self._spec(self._settings),
            self.fingerprint,
            manifest,
            Plan.of(len(manifest), self._batch),
            self._left.partial if self._left else None,
            made_with=machines_of(self._left),
        )
        folder = self._settings.folder
        earlier = self._earlier
        if earlier is None and folder and not self._left:
            earlier = self._in_folder(folder)
        if earlier is None or not self._enough(earlier):
            return whole
        task = repaired(whole, earlier, self._batch)
        if task is None or task.start is None:
            return whole
        numbers = whole.manifest.since(earlier.manifest)[1]
        white = [number for n in earlier.on_white if (number := int(numbers[n])) >= 0]
        self._source.conditions.take_over(task.start.bad, white, {})
        return task

    def so_far(self, layer: str | None = None) -> TopKIndex | None:
        """The index, else that of the batches taken in so far; None if no pass is under way.

        Copies, so that the pass isn't disturbed. While another thread computes a batch this waits
        for its end, and no longer.
        """
        with self._turnstile, self._lock:
            if self.found is not None or self._build is None:
                return self.found
            return self._build.so_far(layer)

    def steps(self, factory: ExecutorFactory | None = None) -> Generator[Progress, None, None]:
        """Build the index in steps, if it isn't there; threads that ask meanwhile share them.

        A pass that fails or is interrupted keeps what it knows, and is gone on with.

        Parameters
        ----------
        factory
            How batches are computed until these steps end. None: as whoever builds it already
            does, or in this process.
        """
        if self.found is not None:
            return
        try:
            with freed_memory_kept():
                yield from self._steps(factory)
        finally:
            self._leave(factory)

    def _steps(self, factory: ExecutorFactory | None) -> Generator[Progress, None, None]:
        while self.found is None:
            with self._turnstile:  # who waits for a look has it: a lock alone isn't fair
                pass
            with self._lock:
                if self.ready:  # another thread has finished it meanwhile
                    return
                progress = self._step(factory)
                build = self._build
            yield progress
            if build is not None:
                build.wait()

    def _leave(self, factory: ExecutorFactory | None) -> None:
        """Nobody asks for the next step: keep what is known."""
        if self.build is None:
            return
        with self._lock:
            build = self._build
            if build is None or factory not in (None, build.factory):
                return
            if factory is None:
                build.leave()
            else:
                build.leave(within=0)
                self._stop()
            self.note = build.note

    def _step(self, factory: ExecutorFactory | None) -> Progress:
        if self._build is not None and factory not in (None, self._build.factory):
            self._build.leave(within=0)
            self._stop()
        build = self._build = self._build or self._start(factory or LocalExecutor)
        try:
            progress = build.step()
        except BaseException:
            self._stop()
            raise
        self.note = build.note
        if build.result is not None:
            self._unkept = not build.kept
            self._take(build.result)
            self._build = self._left = self._earlier = None
        return progress

    def _start(self, factory: ExecutorFactory) -> IndexBuild:
        build = self._started(factory)
        self._source.conditions.indexed_as(build.task.manifest.stamps)
        return build

    def _started(self, factory: ExecutorFactory) -> IndexBuild:
        try:
            return IndexBuild(self.task(), self._memory, self.folder, self._settings.every, factory)
        except IndexBusy as error:
            if self._settings.folder is not None:
                raise
            self.note = f"The index is in memory only. {error}"
        except (InputError, IndexMismatch) as error:
            if self._settings.folder is not None:
                raise
            self.note = f"An unfinished index on disk was not used. {error}"
        build = IndexBuild(self.task(), self._memory, factory=factory)
        build.note = self.note
        return build

    def _stop(self) -> None:
        """Let go of the pass; what it knows is kept."""
        if self._build is not None:
            if self._build.kept_in_memory:
                self._left = self._build.so_far()
            self._build.close()
            self._build = None

    def get(self, progress: bool = True, factory: ExecutorFactory | None = None) -> TopKIndex:
        """The index, built now if it isn't there, with a progress bar."""
        if self.found is None:
            finish_with_bar(self.steps(factory), WHAT, progress, "images")
        assert self.found is not None
        return self.found


def cache_folder(cache: str | Path | bool | None) -> Path | None:
    """The folder that an engine's ``cache`` argument means."""
    if cache is False:
        return None
    if cache is None or cache is True:
        from platformdirs import user_cache_path

        return user_cache_path("zfwidgets", appauthor=False) / "index"
    return Path(cache)
