"""Where the engine's top-k index comes from: the package, the user's cache, or a pass now."""

from __future__ import annotations

import threading
from collections.abc import Generator
from importlib.resources import files
from pathlib import Path

from ..errors import IndexMismatch, InputError
from ..images.source import ImageSource
from ..records import Progress
from .index import TopKIndex
from .memory import Memory
from .network import Network
from .progress import watch
from .topk import IndexPass

SHIPPED = Path(str(files("zfwidgets.images") / "data" / "index"))
"""Indexes that come with the package."""


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

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        cache: Path | None,
        lock: threading.RLock,
        memory: Memory,
    ) -> None:
        self._network, self._source, self._memory = network, source, memory
        self.cache, self._lock = cache, lock
        self._running: IndexPass | None = None
        self.fingerprint = {"model": network.fingerprint, **source.fingerprint()}
        self.note = ""
        self.found = self._find()

    @property
    def file_name(self) -> str:
        """What the index is called in a folder of indexes."""
        parts = (self.fingerprint[key][:12] for key in sorted(self.fingerprint))
        return f"{'-'.join(parts)}.safetensors"

    @property
    def ready(self) -> bool:
        """Whether the index is there."""
        return self.found is not None

    def _find(self) -> TopKIndex | None:
        for folder in filter(None, (SHIPPED, self.cache)):
            path = folder / self.file_name
            if path.exists():
                try:
                    return TopKIndex.load(path, self.fingerprint, self._source.probe)
                except (InputError, IndexMismatch) as error:
                    self.note = f"An index on disk was not used. {error}"
        return None

    def steps(self) -> Generator[Progress, None, None]:
        """Build the index in steps, if it isn't there; threads that ask meanwhile share them."""
        while self.found is None:
            with self._lock:
                if self.ready:  # another thread has finished it meanwhile
                    return
                running = self._running or IndexPass(
                    self._network, self._source, self.fingerprint, memory=self._memory
                )
                self._running = None  # a step that fails leaves nothing behind
                try:
                    progress = running.step()
                except BaseException:
                    running.close()
                    raise
                if running.result is not None:
                    self._keep(running.result)
                else:
                    self._running = running
            yield progress

    def _keep(self, index: TopKIndex) -> None:
        self.found = index
        if self.cache:
            try:
                index.save(self.cache / self.file_name)
                self.note = ""
            except OSError as error:
                self.note = f"The index is in memory only, {self.cache}: {error}."

    def get(self, progress: bool = True) -> TopKIndex:
        """The index, built now if it isn't there, with a progress bar."""
        if self.found is None:
            watch(self.steps(), "Looking at all images once", progress)
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
