"""A network as plain numbers: its recorded operations and weights, to be run without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRECISIONS = ("float16", "float32")
"""What weights of filters may be kept as."""


@dataclass(frozen=True)
class PortableNetwork:
    """A network's recorded operations, in the order of its forward pass, for one image.

    Attributes
    ----------
    input_shape
        (channels, rows, columns) of the image, which is value 0; operation i makes value i + 1.
    operations
        Each as JSON: ``op``, what it does; ``in``, the values that it reads; ``shape``, of its
        value, (channels, rows, columns); and what else it needs, see
        `zfwidgets.engine.portable.lowering`. Numbers named ``weight``, ``bias``, ``scale`` and
        ``shift`` are places in ``arrays``.
    arrays
        Weights: those of filters in ``precision``, all others float32.
    layers
        The value of each layer, by name.
    output
        The value of the class scores; None where there are none.
    precision
        One of `PRECISIONS`.
    """

    input_shape: tuple[int, int, int]
    operations: tuple[Mapping[str, Any], ...]
    arrays: tuple[NDArray[Any], ...]
    layers: Mapping[str, int]
    output: int | None
    precision: str

    @property
    def bytes(self) -> int:
        """Of all weights."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def parameters(self) -> int:
        """Numbers in all weights."""
        return sum(array.size for array in self.arrays)

    def in_precision(self, precision: str) -> PortableNetwork:
        """The same with filters' weights in another precision; what it can't hold stays as it is.

        float16 holds magnitudes up to 65504: an array with larger ones stays float32.
        """
        kind = np.dtype(precision)
        most = float(np.finfo(kind).max)
        filters = {o["weight"] for o in self.operations if "weight" in o}
        arrays = tuple(
            array.astype(kind)
            if number in filters and float(np.abs(array).max(initial=0)) <= most
            else array
            for number, array in enumerate(self.arrays)
        )
        return PortableNetwork(
            self.input_shape, self.operations, arrays, self.layers, self.output, precision
        )


@dataclass(frozen=True)
class Portability:
    """A network that can be run elsewhere, what that costs, and what else belongs to it.

    Attributes
    ----------
    network
        Its operations and weights.
    preparation
        How a photo of any size becomes the image, as JSON steps; None where that isn't known.
    no_preparation
        Why it isn't; "" where it is.
    levels
        (channels, 256) float32: what each level of a pixel is as the network's value.
    grey
        (channels,): mid-grey as the network's values.
    centred
        Whether zero is the mean colour.
    tried
        On how many photos it was run beside the network itself.
    kept
        On how many of these the most probable class is the same.
    largest
        Largest difference of a probability, or of the last value where there are no classes, as
        a share of its largest magnitude; of photos as pixels of 8 bits, as a page has them.
    """

    network: PortableNetwork
    preparation: tuple[Mapping[str, Any], ...] | None
    no_preparation: str
    levels: NDArray[np.float32]
    grey: tuple[float, ...]
    centred: bool
    tried: int
    kept: int
    largest: float

    @property
    def cost(self) -> str:
        """What keeping the weights so costs, for the reader."""
        kind = self.network.precision
        if self.network.output is None:
            return (
                f"Weights as {kind}: over {self.tried} photos the last layer's values differ from "
                f"the network's by at most {self.largest:.1e} of their largest."
            )
        return (
            f"Weights as {kind}: the most probable class is the network's on {self.kept} of "
            f"{self.tried} photos, and no probability differs by more than {self.largest:.1e}."
        )
