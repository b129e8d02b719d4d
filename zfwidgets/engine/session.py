"""What code outside of the engine may ask of a local one: its network, images and parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import InputError
from ..images.levels import Levels, Packed
from ..images.own import OwnPhotos
from ..images.source import ImageSource
from ..records import LayerInfo, Pixels
from .network.one_thread import one_thread
from .network.runtime import Runtime
from .occlusion.baselines import Baselines
from .occlusion.predicting import Predicting
from .projection.rules import Attribution, Rule

IN_VIEW = 64 * 2**20
"""Bytes of images as the network gets them that are kept, so that none in view is decoded twice."""


def _read(source: ImageSource, levels: Levels, image: int, _: str) -> Packed:
    """Read an image, of a stamp: small operations on one thread."""
    with one_thread():
        return levels.packed(source.tensor(image))


class Session(Runtime):
    """A network with its images, and what computes on them; `zfwidgets.Engine` holds one.

    Records are asked of the engine. Who computes on the network itself, as the experiments do,
    holds ``lock`` meanwhile, and runs what may need much memory through ``memory``.

    Parameters
    ----------
    runtime
        The network, its images, its memory and its lock.
    rules
        Rules of projections by name, the paper's first.
    baselines
        What an occluder may be filled with.
    predicting
        Class scores of images, and the names of the classes.
    renew
        Called when an image turns out to be another than before: forget what was made of it.

    Attributes
    ----------
    own
        Photos of the user's own, numbered after the source's.
    changes
        How often an image turned out to be another than before, or was forgotten.
    """

    def __init__(
        self,
        runtime: Runtime,
        rules: Mapping[str, Rule | Attribution],
        baselines: Baselines,
        predicting: Predicting,
        renew: Sequence[Callable[[], None]] = (),
    ) -> None:
        source = runtime.source
        super().__init__(runtime.network, source, runtime.memory, runtime.lock)
        self.rules, self.baselines, self.predicting = rules, baselines, predicting
        self.own = OwnPhotos(source)
        self.changes = 0
        self._renew = renew
        self._stamps: dict[int, str] = {}
        self._levels = levels = Levels(source)
        size = levels.packed(source.example()).nbytes
        # Not of the session: it goes, with its memory and locks, when let go.
        self._read = lru_cache(max(9, IN_VIEW // size))(partial(_read, source, levels))

    def channel(self, layer: str, channel: int) -> LayerInfo:
        """The layer of a channel that it has; raises `InputError` naming those there are."""
        return self.network.layer_with(layer, channel)

    def image_index(self, image: int) -> int:
        """The index, if there is an image of it; raises `InputError` naming those there are."""
        if not 0 <= image < len(self.source) and image not in self.own:
            raise self.own.missing(image)
        return int(image)

    def add_photo(self, photo: Any, name: str | None = None) -> int:
        """Take up a photo of the user's own; its number. See `OwnPhotos.add`."""
        own, full = self.own.add(photo, name)
        if full:
            self._forget()
        return own.image

    def remove_photo(self, image: int) -> None:
        """Forget a photo of the user's own, and what was made of it."""
        self.own.remove(image)
        self._forget()

    def _forget(self) -> None:
        """Let go what was made of images: one is another, or there no more."""
        with self.lock:
            self.changes += 1
            for renew in self._renew:
                renew()

    def tensor(self, image: int) -> Tensor:
        """An image as the network gets it, read once; what was kept of another one is let go."""
        if image >= len(self.source):
            return self.own.get(image)[1]
        return self._levels.unpacked(self._kept(image))

    def pixels(self, image: int) -> Pixels:
        """The same for the eye; see `ImageSource.show`."""
        if image >= len(self.source):
            return self.source.show(self.own.get(image)[1])
        return self._levels.pixels(self._kept(image))

    def _kept(self, image: int) -> Packed:
        stamp = self.source.stamp(image)
        if self._stamps.setdefault(image, stamp) != stamp:
            self._stamps[image] = stamp
            self._forget()
        return self._read(image, stamp)

    def name(self, image: int) -> str:
        """What an image is called."""
        return self.source.names[image] if image < len(self.source) else self.own.get(image)[0]

    def image(self, image: Any) -> tuple[int | None, str, Tensor]:
        """An image of the engine's by index, or one of the caller's own: (index, name, tensor)."""
        if isinstance(image, (int, np.integer)):
            index = self.image_index(int(image))
            return index, self.name(index), self.tensor(index)
        own = self.source.alike([image])
        tensor = own.tensor(0)
        if tuple(tensor.shape) != self.network.input_shape:
            raise InputError(
                f"The image becomes a tensor of shape {tuple(tensor.shape)}, the network was set "
                f"up for {self.network.input_shape}."
            )
        return None, own.names[0], tensor
