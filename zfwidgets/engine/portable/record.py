"""A network as plain numbers: its recorded operations and weights, to be run without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRECISIONS = ("int8", "float16", "float32")
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
        `zfwidgets.engine.portable.lowering`. Numbers named ``weight``, ``bias``, ``scale``,
        ``shift`` and ``weight_scale`` are places in ``arrays``; the latter is there for weights in
        int8: one number a filter that they are multiplied by.
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
        """Size of all weights, in bytes."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def parameters(self) -> int:
        """Numbers in all weights."""
        return sum(array.size for array in self.arrays)

    def in_precision(self, precision: str) -> PortableNetwork:
        """The same with filters' weights in another precision; what it can't hold stays as it is.

        float16 holds magnitudes up to 65504: an array with larger ones stays float32. int8 is
        symmetric, with a scale for each filter; transposed filters are kept in float16 then.
        """
        if precision == "int8":
            return _in_int8(self.in_precision("float16"), self.arrays)
        kind = np.dtype(precision)
        most = float(np.finfo(kind).max)
        filters = {o["weight"] for o in self.operations if "weight" in o}
        arrays = tuple(
            array.astype(kind)
            if number in filters and float(np.abs(array).max(initial=0)) <= most
            else array
            for number, array in enumerate(self.arrays)
        )
        return replace(self, arrays=arrays, precision=precision)

    def weights(self) -> list[NDArray[np.float32]]:
        """All arrays as the float32 numbers that are computed with."""
        found = [np.asarray(array, np.float32) for array in self.arrays]
        for weight, scale in {
            (one["weight"], one["weight_scale"]) for one in self.operations if "weight_scale" in one
        }:
            scales = found[scale].reshape(-1, *[1] * (found[weight].ndim - 1))
            found[weight] = found[weight] * scales
        return found


def _in_int8(network: PortableNetwork, exact: Sequence[NDArray[Any]]) -> PortableNetwork:
    """A network with filters as whole numbers and scales, made of what they are exactly."""
    arrays, operations = list(network.arrays), list(network.operations)
    scales: dict[int, int] = {}
    for i, one in enumerate(operations):
        if one["op"] != "conv" or not np.isfinite(exact[one["weight"]]).all():
            continue
        weight = one["weight"]
        if weight not in scales:
            arrays[weight], scale = quantised(exact[weight])
            scales[weight] = len(arrays)
            arrays.append(scale)
        operations[i] = {**one, "weight_scale": scales[weight]}
    return replace(network, arrays=tuple(arrays), operations=tuple(operations), precision="int8")


def quantised(weight: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Filters as whole numbers from -127 to 127, and one float32 a filter that they are times."""
    flat = np.abs(weight.reshape(len(weight), -1)).max(axis=1, initial=0)
    scale = np.where(flat > 0, flat / 127, 1).astype(np.float32)
    whole = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).clip(-127, 127)
    return whole.astype(np.int8), scale


@dataclass(frozen=True)
class Portability:
    """A network that can be run elsewhere, what that costs, and what else belongs to it.

    Attributes
    ----------
    network
        The network's operations and weights.
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
