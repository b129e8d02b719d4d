"""From an item of an image set to the tensor that the network gets, in whichever process."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ...errors import InputError, UnreadableImage
from ..pixels import decode, transforms
from ..sets.base import ImageSet
from . import quick

if TYPE_CHECKING:
    import torch

MOST_PIXELS = 2 * 89_478_485
"""Pillow's own limit for a decompression bomb, here for what a long thin image is resized to."""


@dataclass(frozen=True)
class Reading:
    """What became of an item.

    Attributes
    ----------
    tensor
        float32 (channels, rows, columns), on the CPU; None if the item can't be read.
    problem
        Why it can't be read; empty if it can.
    on_white
        Whether transparent parts were laid on white.
    label
        The item's class name, if it's known now.
    """

    tensor: torch.Tensor | None
    problem: str = ""
    on_white: bool = False
    label: str | None = None


@dataclass(frozen=True)
class Asked:
    """An item to be read: its number and name, and what it is, where it's encoded."""

    number: int
    name: str
    file: decode.File | None


class Reader:
    """An image set and a transform.

    Can be pickled as far as they can. ``shape`` is that of all tensors, once it is known; ``quick``
    the transform of uint8 tensors that is taken for encoded images instead
    (`zfwidgets.images.feeding.quick`).
    """

    def __init__(self, images: ImageSet, transform: Any, items_are_tensors: bool) -> None:
        self.images = images
        self.transform = transform
        self.items_are_tensors = items_are_tensors
        self.quick: Any = None
        self.shape: tuple[int, ...] = ()

    def checked(self, number: int) -> int:
        """The number, if there is such an image."""
        count = len(self.images.names)
        if not 0 <= number < count:
            raise InputError(f"There are images 0 to {count - 1}, got {number}.")
        return number

    def to_send(self) -> Reader:
        """What another process needs to read what it's `asked`: not the set, if it has files."""
        sent = copy(self)
        if self.images.by_file:
            del sent.images
        return sent

    def asked(self, number: int) -> Asked:
        """What to read; raises `UnreadableImage` where that can't be had."""
        self.checked(number)
        return Asked(number, self.images.names[number], self.images.encoded(number))

    def _item(self, asked: Asked, quickly: bool) -> Any:
        if asked.file is None:
            return self.images.read(asked.number)
        name = "" if isinstance(asked.file, Path) else asked.name
        return quick.read(asked.file, name) if quickly else decode.read_rgb(asked.file, name)

    def read(self, number: int) -> Reading:
        """`answer` of what is `asked`."""
        return self.answer(self.asked(number))

    def answer(self, asked: Asked) -> Reading:
        """An item as the network gets it.

        Raises
        ------
        UnreadableImage
            The file or item can't be decoded; the message names it and says why.
        InputError
            The transform failed, or gave something else than for the other images.
        """
        quickly = self.quick is not None and asked.file is not None
        item, name = self._item(asked, quickly), asked.name
        tensor = self._apply(item, name, quickly)
        if self.shape and tuple(tensor.shape) != self.shape:
            raise InputError(
                f"The transform gave a tensor of shape {tuple(tensor.shape)} for {name!r} and "
                f"{self.shape} for the first image: all must have one shape. End it with a "
                "CenterCrop, or resize to (rows, columns)."
            )
        on_white = isinstance(item, Image.Image) and bool(item.info.get(decode.LAID_ON_WHITE))
        label = self.images.labels[asked.number] if asked.file is None else None
        return Reading(tensor, on_white=on_white, label=label)

    def look(self, number: int) -> Reading:
        """As `read`, but what can't be used is told and not raised."""
        return self._telling(lambda: self.read(number))

    def look_at(self, asked: Asked) -> Reading:
        """As `answer`, but what can't be used is told and not raised."""
        return self._telling(lambda: self.answer(asked))

    def _telling(self, read: Callable[[], Reading]) -> Reading:
        try:
            return read()
        except UnreadableImage as error:
            return Reading(None, error.reason)
        except InputError as error:
            return Reading(None, str(error))

    def find_quick(self, numbers: list[int]) -> None:
        """Take torchvision's kernels from now on, if they give the same pixels for these images."""
        if self.transform is None or not self.images.by_file:
            return
        version = quick.version_of(self.transform)
        if version is None:
            return
        slow = [self.look(number).tensor for number in numbers]
        self.quick = version
        for number, tensor in zip(numbers, slow, strict=True):
            now = self.look(number).tensor
            if tensor is None and now is None:
                continue
            if (
                tensor is None
                or now is None
                or tensor.shape != now.shape
                or quick.levels(tensor, now, self.transform) > quick.SAME
            ):
                self.quick = None
                return

    def _apply(self, item: Any, name: str, quickly: bool) -> torch.Tensor:
        import torch

        is_image = isinstance(item, Image.Image)
        if is_image and self.transform is None:
            raise InputError(
                f"{name!r} is a PIL image, the other items are tensors and no transform was "
                "given: pass one for all."
            )
        result = item
        if is_image or quickly or (self.items_are_tensors and self.transform is not None):
            _refuse_too_long(item, self.transform, name)
            try:
                with torch.no_grad():
                    result = self._quickly(item) if quickly else self.transform(item)
            except Exception as error:
                raise InputError(
                    f"The transform failed on {name!r} ({_kind(item)}): "
                    f"{type(error).__name__}: {error}"
                ) from error
        return _checked(result, name, "The transform gave" if result is not item else "It is")

    def _quickly(self, item: Any) -> Any:
        if isinstance(item, Image.Image):
            from torchvision.transforms.functional import pil_to_tensor

            item = pil_to_tensor(item)
        return self.quick(item)


def _refuse_too_long(item: Any, transform: Any, name: str) -> None:
    """A long thin image becomes gigabytes when its shorter side is made that of a square."""
    rows, columns = (item.height, item.width) if isinstance(item, Image.Image) else item.shape[-2:]
    for step in transforms.steps(transform):
        side = getattr(step, "resize_size", getattr(step, "size", None))
        if "Resize" not in type(step).__name__ and not hasattr(step, "resize_size"):
            continue
        if isinstance(side, (list, tuple)):
            side = side[0] if len(side) == 1 else None
        if isinstance(side, int) and min(rows, columns):
            pixels = side * side * max(rows, columns) // min(rows, columns)
            if pixels > MOST_PIXELS:
                raise UnreadableImage(
                    f"{name}: too long and thin, {rows} x {columns} pixels: resized so that its "
                    f"shorter side has {side} it would have {pixels:,} pixels",
                    f"too long and thin, {rows} x {columns} pixels",
                )
            return


def _checked(result: Any, name: str, it: str) -> torch.Tensor:
    """The transform's result as a plain float32 tensor on the CPU, or an error that says why."""
    import torch

    wanted = "expected a float tensor (channels, rows, columns)"
    if not isinstance(result, torch.Tensor):
        hint = ""
        if isinstance(result, Image.Image):
            hint = " Add ToTensor() (or v2.ToImage() and v2.ToDtype(torch.float32, scale=True))."
        elif callable(result):
            hint = " Was it meant to be called, weights.transforms()?"
        raise InputError(f"{it} a {type(result).__name__} for {name!r}: {wanted}.{hint}")
    if result.ndim != 3:
        hint = " Leave the batch dimension out." if result.ndim == 4 else ""
        raise InputError(
            f"{it} a tensor of shape {tuple(result.shape)} for {name!r}: {wanted}.{hint}"
        )
    if not result.is_floating_point():
        raise InputError(
            f"{it} a tensor of {result.dtype} for {name!r}: {wanted}. Add "
            "v2.ToDtype(torch.float32, scale=True)."
        )
    if 0 in result.shape:
        raise InputError(f"{it} an empty tensor, {tuple(result.shape)}, for {name!r}: {wanted}.")
    tensor = result.detach().as_subclass(torch.Tensor).to("cpu", torch.float32).contiguous()
    if tensor.is_inference():  # made in a mode of the user's, and of no use to autograd
        tensor = tensor.clone()
    if not torch.isfinite(tensor).all():
        raise InputError(
            f"{it} NaN or infinite values for {name!r}: the network would give NaN too."
        )
    return tensor


def _kind(item: Any) -> str:
    if isinstance(item, Image.Image):
        return f"an RGB image of {item.height} x {item.width} pixels"
    return f"a tensor of shape {tuple(item.shape)}"
