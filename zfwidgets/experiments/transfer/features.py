"""Features of a network's layers for a set of images: one pass for all layers, kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...engine.local import LocalEngine
from ...engine.network.modes import computing
from ...errors import InputError
from ...records import Floats, Ints
from ...stepwise import Clock, Counting
from ..shared.labelled import Labelled
from ..shared.looking import check_engine
from .records.accuracies import FeatureShape
from .shapes import DIMENSION, feature_shape, main_layers
from .store import Rows, file_name

BATCH = 64


class Features:
    """Feature vectors of images at several layers, computed once and kept.

    Parameters
    ----------
    engine
        Engine whose network gives them; see `check_computes`.
    images
        Labelled or not; their tensors are as the engine's.
    layers
        Names; None means `main_layers`.
    dimension
        Numbers of a vector at most.

    Attributes
    ----------
    shapes
        What becomes of each layer's output.
    """

    def __init__(
        self,
        engine: LocalEngine,
        images: Labelled,
        layers: Sequence[str] | None = None,
        dimension: int = DIMENSION,
    ) -> None:
        self.engine, self.images = engine, images
        names = main_layers(engine.layers) if layers is None else layers
        if not names:
            raise InputError("layers is empty: name at least one.")
        self.shapes = tuple(feature_shape(engine.layer(name), dimension) for name in names)
        self._rows: dict[str, Rows] = {}

    def shape(self, layer: str) -> FeatureShape:
        """What becomes of a layer's output."""
        name = self.engine.layer(layer).name
        return next(shape for shape in self.shapes if shape.layer == name)

    def rows(self, layer: str) -> Rows:
        """A layer's vectors; those that aren't computed are NaN."""
        shape = self.shape(layer)
        if shape.layer not in self._rows:
            folder = self.folder
            name = file_name(shape.layer, shape.dimension)
            about = {"model": self._model, "images": self._images, "layer": shape.layer}
            self._rows[shape.layer] = Rows(
                len(self.images), shape.dimension, folder and folder / name, about
            )
        return self._rows[shape.layer]

    @property
    def folder(self) -> Path | None:
        """Where they are kept; None: in memory, as the engine keeps nothing on disk."""
        cache = self.engine.cache
        return cache and cache / "features" / f"{self._model[:16]}-{self._images[:16]}"

    @property
    def known(self) -> Ints:
        """Numbers of the images whose vectors are computed at all layers."""
        known = np.ones(len(self.images), dtype=bool)
        for shape in self.shapes:
            known &= self.rows(shape.layer).known
        return np.flatnonzero(known)

    @property
    def skipped(self) -> tuple[str, ...]:
        """A note on images that can't be read, if there are any."""
        found = self.images.skipped
        if not found:
            return ()
        name, why = found[0]
        return (f"{len(found)} images of the {self.images.what} can't be read ({name}: {why}).",)

    @property
    def _model(self) -> str:
        return self.engine.session.network.fingerprint

    @property
    def _images(self) -> str:
        return self.images.fingerprint

    def steps(self, what: str = "looking at images") -> Counting[None]:
        """Compute what isn't computed yet, batch by batch."""
        known = set(self.known.tolist())
        order = [number for number in range(len(self.images)) if number not in known]
        clock = Clock(len(order))
        with closing(self.images.batches(order, BATCH)) as reading:
            for done, (indices, pixels, _) in enumerate(reading, 1):
                if len(pixels):
                    for layer, vectors in self._compute(pixels).items():
                        self.rows(layer).write(indices, vectors)
                yield clock.at(min(done * BATCH, len(order)), what)

    def _compute(self, pixels: Tensor) -> dict[str, Floats]:
        network = self.engine.session.network
        wanted = {shape.layer: shape for shape in self.shapes}

        def compute(part: Sequence[Tensor]) -> dict[str, Floats]:
            found: dict[str, Floats] = {}

            def visit(name: str, output: Tensor) -> None:
                if name in wanted:
                    found[name] = vectors(output, wanted[name]).cpu().numpy()

            network.run(torch.stack([*part]).to(network.device), visit)
            return found

        with self.engine.session.lock, computing(network.device):
            parts = self.engine.session.memory.in_parts("features", compute, list(pixels))
        return {name: np.concatenate([part[name] for part in parts]) for name in wanted}


def vectors(output: Tensor, shape: FeatureShape) -> Tensor:
    """A layer's output, (images, channels, rows, columns) or (images, units), as vectors."""
    if output.dim() == 4 and shape.grid != tuple(output.shape[2:]):
        output = F.adaptive_avg_pool2d(output, shape.grid)
    return output.flatten(1)


def check_computes(engine: Any) -> LocalEngine:
    """The engine, if its network is here."""
    return check_engine(engine, "Features are computed by the network, so that it must be here")


def labelled(engine: LocalEngine, data: Any, transform: Any) -> Labelled:
    """Images of other classes than the network's, as the network gets them."""
    like = engine.session.source if transform is None else None
    return Labelled.of(data, transform, like=like)
