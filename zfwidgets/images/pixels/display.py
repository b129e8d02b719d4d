"""The network's input values as pixels for the eye, and colours for the eye as input values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...records import Pixels
from .transforms import UNCHANGED, Normalisation, as_vector, normalisation_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

TOLERANCE = 0.05
"""How far resizing may overshoot 0..1 (or 0..255, in proportion)."""

STRETCHED = (
    "How the network's values came from pixels isn't known, so each image is shown with its "
    "contrast stretched, smallest value black and largest white. Pass denormalize=(mean, std) for "
    "true colours."
)


@dataclass(frozen=True)
class Display:
    """How to see values of the network's input; exactly one way is set, or none (stretched)."""

    normalisation: Normalisation | None = None
    function: Callable[[torch.Tensor], Any] | None = None
    note: str = ""

    def pixels(self, tensor: torch.Tensor) -> Pixels:
        """A float tensor (channels, rows, columns) as uint8 (rows, columns, 3)."""
        if self.function is not None:
            return _quantised(_from_user(self.function(tensor.clone()), tuple(tensor.shape)))
        values = tensor.detach().cpu().numpy()
        if self.normalisation is not None:
            return _quantised(_three(self.normalisation.brightness(values)))
        return _quantised(_three(_stretched(values)))

    def levels(self, tensor: torch.Tensor) -> Pixels | None:
        """What `pixels` shows, uint8 (channels, rows, columns): see `ImageSource.levels`."""
        if self.normalisation is None or tensor.shape[0] not in {1, 3}:
            return None
        return np.ascontiguousarray(np.moveaxis(self.pixels(tensor), 2, 0)[: tensor.shape[0]])

    def values(self, pixels: Pixels, channels: int) -> NDArray[np.float32]:
        """Pixels (rows, columns, 3) as values of the network's input, the inverse of `pixels`.

        Returns
        -------
        numpy.ndarray
            (channels, rows, columns) float32; of one channel the mean of the three.

        Raises
        ------
        InputError
            It isn't known how pixels become values, or there are neither 1 nor 3 channels.
        """
        if self.normalisation is None or channels not in {1, 3}:
            raise InputError(
                "A picture can be brought into the network's units only where it is known how "
                "pixels become values, of 1 or 3 channels: pass denormalize=(mean, std)."
            )
        brightness = np.moveaxis(pixels.astype(np.float64) / 255, 2, 0)
        if channels == 1:
            brightness = brightness.mean(axis=0, keepdims=True)
        values: NDArray[np.float32] = self.normalisation.network(brightness).astype(np.float32)
        return values

    def baseline(
        self, baseline: str | float | Sequence[float], channels: int
    ) -> NDArray[np.float64]:
        """A baseline in network units, (channels,) or (1,)."""
        if isinstance(baseline, str):
            if baseline not in {"grey", "mean"}:
                raise InputError(
                    f"baseline={baseline!r}: expected 'grey', 'mean', a number, or one per channel."
                )
            if self.normalisation is None:
                raise InputError(
                    f"baseline={baseline!r} needs to know how pixels become the network's values: "
                    "pass denormalize=(mean, std), or give baseline as a number in network units."
                )
            if baseline == "grey":
                return self.normalisation.network(0.5)
            if not self.normalisation.centred:
                raise InputError(
                    "baseline='mean' is a Normalize's mean colour, and the transform has none: "
                    "use 'grey', or a number in network units."
                )
            return np.zeros(1)
        values = np.atleast_1d(np.asarray(baseline, dtype=np.float64))
        if values.ndim != 1 or len(values) not in {1, channels} or not np.isfinite(values).all():
            raise InputError(f"baseline={baseline!r}: expected one finite number, or {channels}.")
        return values


def choose(denormalize: Any, transform: Any, probes: Sequence[NDArray[Any]]) -> Display:
    """How to show the network's input, given what the user says, the transform, and examples."""
    if denormalize is not None:
        return _from_argument(denormalize, probes[0].shape[0])
    known, channels = normalisation_of(transform) or UNCHANGED, probes[0].shape[0]
    for white in (1.0, 255.0):
        fitted = Normalisation(known.gain, known.shift, white, known.centred)
        if _fits(fitted, probes, dimmest=-np.inf if white == 1.0 else 0.25):
            return Display(fitted, note="" if channels in {1, 3} else _channels_note(channels))
    return Display(note=STRETCHED)


def _fits(normalisation: Normalisation, probes: Sequence[NDArray[Any]], dimmest: float) -> bool:
    """Whether the images would be brightness in 0..1, and not all below ``dimmest``."""
    channels = probes[0].shape[0]
    if len(normalisation.gain) not in {1, channels}:
        return False
    bright = [normalisation.brightness(probe) for probe in probes]
    inside = [
        np.mean((values >= -TOLERANCE) & (values <= 1 + TOLERANCE)) > 0.99 for values in bright
    ]
    return all(inside) and max(float(values.max()) for values in bright) >= dimmest


def _from_argument(denormalize: Any, channels: int) -> Display:
    if callable(denormalize):
        return Display(function=denormalize)
    try:
        mean, std = denormalize
        mean, std = as_vector(mean), as_vector(std)
    except (TypeError, ValueError):
        raise InputError(
            f"denormalize={denormalize!r}: expected (mean, std), numbers or one per channel, or a "
            "callable from the tensor to brightness in 0..1."
        ) from None
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in {1, channels}:
            raise InputError(
                f"denormalize: {name} has {len(values)} values, the images {channels} channels."
            )
    if not (np.isfinite(mean).all() and (std > 0).all()):
        raise InputError(f"denormalize={denormalize!r}: std must be above 0 and mean finite.")
    white = 255.0 if max(mean.max(), std.max()) > 2 else 1.0
    return Display(Normalisation(1 / std, -mean / std, white))


def _channels_note(channels: int) -> str:
    return f"The network's input has {channels} channels: their mean is shown in grey."


def _three(brightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """(channels, rows, columns) as (rows, columns, 3): grey unless there are three channels."""
    if brightness.shape[0] != 3:
        brightness = np.repeat(brightness.mean(axis=0, keepdims=True), 3, axis=0)
    channels_last: NDArray[np.float64] = np.moveaxis(brightness, 0, 2)
    return channels_last


def _stretched(values: NDArray[Any]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    return np.asarray((values.astype(np.float64) - low) / (high - low or 1.0))


def _quantised(brightness: NDArray[Any]) -> Pixels:
    pixels: Pixels = np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8)
    return pixels


def _from_user(result: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """What the user's denormalize gave, as brightness (rows, columns, 3)."""
    import torch

    if isinstance(result, torch.Tensor):
        result = result.detach().cpu().numpy()
    values = np.asarray(result)
    if values.shape == (*shape[1:], 3):  # rows, columns, 3
        values = values.transpose(2, 0, 1)
    if values.ndim != 3 or values.shape[1:] != shape[1:]:
        raise InputError(
            f"denormalize gave shape {values.shape} for a tensor of {shape}: expected brightness "
            "in 0..1 of the same rows and columns, (channels, rows, columns) or (rows, columns, 3)."
        )
    scale = 255 if values.dtype == np.uint8 else 1
    return _three(values.astype(np.float64) / scale)
