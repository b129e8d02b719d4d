"""What an occluder is filled with, as values of the network's input, and how it is laid on.

An occluder's edge is itself something that the network sees, of a grey one as of any other; what
is blurred has the softest.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...images.sets.repeatable import refuse_draws
from ...images.source import ImageSource
from ...records import BASELINES, Box, mask_pixels
from ...threads import ProcessLock

BLUR = 1 / 16
"""Standard deviation of the blur, as a share of the image's shorter side."""

SEED = 0
"""Seed of the noise: the same field in every image and session, but for mean and deviation."""

KEEP = 8
"""Baselines of the size of an image that are kept."""


class Baselines:
    """What may stand in the place of pixels that an occluder covers.

    Parameters
    ----------
    source
        Says what colours are in the network's units.
    own
        The user's: by name an array (channels,) or (channels, rows, columns), or a callable that
        makes such a tensor of an image's (channels, rows, columns).

    Raises
    ------
    InputError
        For a name that is taken, or a baseline of another shape.
    """

    def __init__(self, source: ImageSource, own: Mapping[str, Any] | None = None) -> None:
        self._source, self._own = source, dict(own or {})
        self._kept: OrderedDict[tuple[int, str], Tensor] = OrderedDict()
        self._lock = ProcessLock()
        for name, baseline in self._own.items():
            if not name or name in BASELINES:
                raise InputError(
                    f"baselines: {name!r} can't be a baseline's name; names are text, and "
                    f"{', '.join(BASELINES)} are there already."
                )
            if not callable(baseline):
                self._own[name] = self._checked(name, baseline)

    def renew(self) -> None:
        """Forget what was made of images: one of them is another now."""
        with self._lock:
            self._kept.clear()

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the user's last."""
        return (*BASELINES, *self._own)

    def of(self, baseline: str | float, image: Tensor, index: int | None = None) -> Tensor:
        """A baseline for an image, (channels, 1, 1) or (channels, rows, columns), in network units.

        Parameters
        ----------
        baseline
            A name, or a number.
        image
            (channels, rows, columns), as the network gets it, with nothing over it.
        index
            Index of the image, if it is the engine's: what is made of it is kept.
        """
        if not isinstance(baseline, str) or baseline in ("grey", "mean"):
            values = self._source.baseline_value(baseline)
            return values.to(image).expand(len(image), 1, 1)
        if baseline not in self.names:
            raise InputError(
                f"There is no baseline {baseline!r}: expected a number or one of "
                f"{', '.join(self.names)}. "
                "Baselines of your own: zf.Engine(..., baselines={name: array or callable})."
            )
        if index is None:
            return self._make(baseline, image)
        key = (index, baseline)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(baseline, image)
            self._kept.move_to_end(key)
            while len(self._kept) > KEEP:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _make(self, baseline: str, image: Tensor) -> Tensor:
        if baseline in _MADE:
            return _MADE[baseline](image)
        own = self._own[baseline]
        if callable(own):
            try:
                with refuse_draws(f"The baseline {baseline!r}"), torch.no_grad():
                    own = own(image.clone())
            except InputError:
                raise
            except Exception as error:
                raise InputError(
                    f"The baseline {baseline!r} failed on an image: {type(error).__name__}: {error}"
                ) from error
            own = self._checked(baseline, own)
        made: Tensor = own.to(image)
        return made

    def _checked(self, name: str, values: Any) -> Tensor:
        channels, rows, columns = self._source.shape
        try:
            tensor = torch.as_tensor(values).detach().to("cpu", torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"The baseline {name!r} is no array: {error}") from None
        if tuple(tensor.shape) not in {(channels,), (channels, rows, columns)}:
            raise InputError(
                f"The baseline {name!r} has shape {tuple(tensor.shape)}: expected ({channels},), a "
                f"colour, or ({channels}, {rows}, {columns}), an image, in the network's units."
            )
        if not torch.isfinite(tensor).all():
            raise InputError(f"The baseline {name!r} has NaN or infinite values.")
        return tensor.reshape(channels, 1, 1) if tensor.dim() == 1 else tensor.contiguous()


def _blur(image: Tensor) -> Tensor:
    """The image, blurred; first along one axis, then along the other, as a Gaussian allows."""
    from torchvision.transforms.functional import gaussian_blur  # slow to import

    sigma = min(image.shape[1:]) * BLUR
    reach = min(math.ceil(3 * sigma), min(image.shape[1:]) - 1)
    size = 2 * reach + 1
    across: Tensor = gaussian_blur(image, [size, 1], [sigma, sigma])
    both: Tensor = gaussian_blur(across, [1, size], [sigma, sigma])
    return both


def _noise(image: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(image.shape, generator=generator, dtype=torch.float32).to(image)
    flat = image.flatten(1)
    mean, deviation = flat.mean(1), flat.std(1, correction=0)
    return noise * deviation.view(-1, 1, 1) + mean.view(-1, 1, 1)


def _border(image: Tensor) -> Tensor:
    outermost = torch.ones(image.shape[1:], dtype=torch.bool, device=image.device)
    outermost[1:-1, 1:-1] = False
    return image[:, outermost].mean(1).view(-1, 1, 1)


_MADE: dict[str, Callable[[Tensor], Tensor]] = {"blur": _blur, "noise": _noise, "border": _border}


@dataclass(frozen=True)
class Paint:
    """What an occluder of one size and shape lays on an image.

    Attributes
    ----------
    baseline
        (channels, 1, 1), or (channels, rows, columns) to be cut at the occluder's place.
    mask
        Which pixels of the occluder are covered, (height, width) bool; None: all.
    """

    baseline: Tensor
    mask: Tensor | None = None

    @classmethod
    def of(cls, baseline: Tensor, mask: str | None, size: tuple[int, int]) -> Paint:
        """With a mask as a record has it."""
        return cls(baseline, None if mask is None else torch.from_numpy(mask_pixels(mask, *size)))

    def to(self, image: Tensor) -> Paint:
        """On an image's device, in its type."""
        mask = None if self.mask is None else self.mask.to(image.device)
        return Paint(self.baseline.to(image), mask)

    def patch(self, image: Tensor, box: Box) -> Tensor:
        """What stands in the part of ``box`` that lies on the image, (channels, rows, columns)."""
        inner = box.clip(*image.shape[1:])
        rows, cols = slice(inner.top, inner.bottom), slice(inner.left, inner.right)
        filled = (
            self.baseline if self.baseline.shape[1:] == (1, 1) else self.baseline[:, rows, cols]
        )
        if self.mask is None:
            return filled.expand(len(image), inner.height, inner.width)
        top, left = inner.top - box.top, inner.left - box.left
        mask = self.mask[top : top + inner.height, left : left + inner.width]
        return torch.where(mask, filled, image[:, rows, cols])

    def over(self, image: Tensor, box: Box) -> Tensor:
        """A copy of the image with the occluder on ``box``."""
        return cover(image, box, self.patch(image, box))


def cover(image: Tensor, box: Box, baseline: Tensor) -> Tensor:
    """A copy of ``image`` (channels, rows, columns) with ``baseline`` over ``box``.

    ``baseline`` is (channels, 1, 1), or the size of the box's part that lies on the image.
    """
    covered = image.clone()
    inner = box.clip(*image.shape[1:])
    covered[:, inner.top : inner.bottom, inner.left : inner.right] = baseline
    return covered


def cover_all(image: Tensor, boxes: Sequence[Box], baseline: Tensor) -> Tensor:
    """The image with a baseline over several boxes, whole; itself where there are none."""
    paint = Paint(baseline)
    for box in boxes:
        image = paint.over(image, box)
    return image
