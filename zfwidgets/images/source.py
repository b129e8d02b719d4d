"""Images of any kind as the network gets them, and the same pixels for the eye."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..errors import InputError, UnreadableImage
from ..records import Pixels
from . import display, transforms
from .decode import LAID_ON_WHITE
from .imagesets import ImageSet, open_set
from .prefetch import prefetch
from .repeatable import check_repeatable, put_back_on_error, refuse_draws
from .samples import SamplePhotos

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SkippedImage:
    """An image that can't be read, and why."""

    name: str
    reason: str


class ImageSource:
    """A set of images, seen as a network sees it. Make one with `ImageSource.of`.

    Attributes
    ----------
    names : sequence of str
        One unique name per image: the path in the folder, else what is known.
    labels : sequence of (str or None)
        Class names: folders in the layout ``root/class/image.jpg``, a dataset's targets.
    categories : tuple of str
        Class names that came with the transform (torchvision's weights enum); may be empty.
    shape : tuple of int
        (channels, rows, columns) of every tensor.
    transform_note, display_note : str
        What a user has to know about the transform that was assumed, and about the pixels
        shown; empty if there is nothing.
    transform_name : str
        The transform in words, the same in every process.
    probe : tuple of float
        Mean and standard deviation of up to three images' tensors, to be compared with a
        tolerance: versions of Pillow and torchvision resize a little differently.
    """

    def __init__(
        self,
        images: ImageSet,
        transform: Any,
        items_are_tensors: bool,
        shown: display.Display | None = None,
    ) -> None:
        self._images = images
        self._transform = transform
        self._items_are_tensors = items_are_tensors
        self._lock = threading.Lock()
        self._unreadable: dict[int, str] = {}
        self._on_white: set[int] = set()
        self._example: torch.Tensor | None = None
        self._display = shown
        self.categories: tuple[str, ...] = ()
        self.transform_note = ""
        self.transform_name = transforms.describe(transform)
        self.shape: tuple[int, ...] = ()
        self.probe: tuple[float, ...] = ()

    @classmethod
    def of(cls, images: Any, transform: Any = None, denormalize: Any = None) -> ImageSource:
        """Open a set of images.

        Parameters
        ----------
        images
            A folder (searched with its subfolders), a map-style torch ``Dataset`` (items:
            image, (image, label, ...), or a dict with "image" and maybe "label"), a list of PIL
            images, paths or uint8 arrays, or ``zf.samples.photos()``. Images of all modes
            become RGB; float tensors (channels, rows, columns) are taken as the network gets
            them.
        transform
            From a PIL image in RGB (or the dataset's tensor) to a float tensor (channels, rows,
            columns), or a member of torchvision's weights enum. None: ImageNet's evaluation
            transform for images, nothing for tensors.
        denormalize
            How to see the network's pixels if ``transform`` doesn't tell: (mean, std), or a
            callable from the float32 tensor (channels, rows, columns) to brightness in 0..1.

        Raises
        ------
        InputError
            There is no image that can be read; the transform gives no float tensor (channels,
            rows, columns), another shape for another image, or draws random numbers.
        """
        if isinstance(images, ImageSource):
            return images
        if isinstance(images, SamplePhotos) and transform is None:
            transform = images.transform
        with put_back_on_error() as before:
            opened = open_set(images)
            with refuse_draws(f"Reading images ({type(images).__name__})"):
                first, item = _first_readable(opened)
            tensors = not isinstance(item, Image.Image)
            chosen, note, categories = transforms.choose(transform, tensors)
            source = cls(opened, chosen, tensors)
            source.categories, source.transform_note = categories, note
            source._unreadable.update(first.unreadable)
            what = "The transform" if chosen else f"The dataset ({type(images).__name__})"
            example = check_repeatable(lambda: source.tensor(first.number), what, before)
            with refuse_draws(what):
                probes = source._probe(first.number, example)
            source._display = display.choose(denormalize, chosen or images, probes)
        return source

    def alike(self, images: Any) -> ImageSource:
        """Other images, with this source's transform and way of display.

        Tensors are taken as the network gets them.
        """
        other = ImageSource(
            open_set(images), self._transform, self._items_are_tensors, self._display
        )
        other.categories, other.transform_note = self.categories, self.transform_note
        other.shape = self.shape
        return other

    def __len__(self) -> int:
        return len(self._images.names)

    @property
    def names(self) -> Sequence[str]:
        """One unique name per image."""
        return self._images.names

    @property
    def labels(self) -> Sequence[str | None]:
        """Class names where they are known."""
        return self._images.labels

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """Images that can't be read, as far as they have been looked at.

        Those that are no images by their header have no number; those that break while they are
        decoded keep theirs.
        """
        with self._lock:
            late = [(self.names[number], why) for number, why in sorted(self._unreadable.items())]
        return tuple(SkippedImage(name, why) for name, why in [*self._images.rejected, *late])

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Name, author and licence of the package's own photos; images of the user's have none."""
        photos = getattr(self._images, "photos", None)
        if photos is None:
            return ()
        return tuple(zip(photos.names, (row.attribution for row in photos.licences), strict=True))

    @property
    def display_note(self) -> str:
        """What to know about the pixels shown; empty if nothing."""
        notes = [self._display.note if self._display else ""]
        if self._on_white:
            count = len(self._on_white)
            notes.append(
                f"{count} image{'s have' if count > 1 else ' has'} transparent parts, laid on "
                "white for the network too."
            )
        return " ".join(filter(None, notes))

    def example(self) -> torch.Tensor:
        """The tensor of the first image that can be read, float32 (channels, rows, columns)."""
        if self._example is None:
            raise InputError("This source was made for single images: it has no example.")
        return self._example

    def tensor(self, number: int) -> torch.Tensor:
        """An image as the network gets it.

        Returns
        -------
        torch.Tensor
            float32 (channels, rows, columns), on the CPU.

        Raises
        ------
        UnreadableImage
            The file or item can't be decoded; the message names it and says why.
        InputError
            The transform failed, or gave something else than for the other images.
        """
        item = self._read(number)
        name = self.names[number]
        tensor = self._apply(item, name)
        if self.shape and tuple(tensor.shape) != self.shape:
            raise InputError(
                f"The transform gave a tensor of shape {tuple(tensor.shape)} for {name!r} and "
                f"{self.shape} for the first image: all must have one shape. End it with a "
                "CenterCrop, or resize to (rows, columns)."
            )
        return tensor

    def tensors(
        self, indices: Iterable[int], workers: int = 2
    ) -> Generator[tuple[int, torch.Tensor], None, None]:
        """(index, tensor) of the images that can be read, in order, decoded ahead in threads.

        The others are added to `skipped`. Neither the global random state nor more than a few
        images per worker are touched; closing the iterator ends the threads.
        """

        def load(number: int) -> tuple[int, torch.Tensor | None]:
            try:
                return number, self.tensor(number)
            except UnreadableImage:
                return number, None

        for number, tensor in prefetch(load, indices, workers):
            if tensor is not None:
                yield number, tensor

    def original(self, number: int) -> Image.Image | None:
        """The image in RGB before the transform; None if the items are tensors."""
        item = self._read(number)
        return item if isinstance(item, Image.Image) else None

    def display(self, number: int) -> Pixels:
        """The pixels that the network saw, for the eye: uint8 (rows, columns, 3)."""
        return self.show(self.tensor(number))

    def show(self, tensor: torch.Tensor) -> Pixels:
        """A tensor in the network's units, (channels, rows, columns), for the eye."""
        assert self._display is not None
        return self._display.pixels(tensor)

    def as_input(self, pixels: Pixels) -> torch.Tensor:
        """Pixels for the eye, uint8 (rows, columns, 3), in the network's units: `show` backwards.

        Raises `InputError` where it isn't known how pixels become the network's values.
        """
        import torch

        assert self._display is not None
        return torch.from_numpy(self._display.values(pixels, self.shape[0]))

    def small(self, number: int, size: int) -> Pixels:
        """`display` with the longer side brought down to ``size`` pixels (never enlarged)."""
        image = Image.fromarray(self.display(number))
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        return np.asarray(image)

    def fill_value(self, fill: str | float | Sequence[float]) -> torch.Tensor:
        """What to cover pixels with, float32 (channels, 1, 1) or (1, 1, 1), in network units.

        Parameters
        ----------
        fill
            "grey": mid-grey for the eye, the paper's square. "mean": the mean colour of the
            transform's Normalize. A number, or one per channel: taken as they are, in the
            units of the network's input.
        """
        import torch

        assert self._display is not None
        values = self._display.fill(fill, self.shape[0])
        return torch.from_numpy(values.astype(np.float32)).reshape(-1, 1, 1)

    def fingerprint(self) -> dict[str, str]:
        """Digests of the images and of the transform, the same in every process.

        Files count by name, size and time of change; lists of images by their pixels; the
        sample photos by the shipped bytes (the same on every machine); a dataset by its type,
        length and names. See `probe` for what digests can't tell.
        """
        return {
            "images": _digest(repr(sorted(self._images.fingerprint().items()))),
            "transform": _digest(self.transform_name),
        }

    # How

    def _read(self, number: int) -> Any:
        if not 0 <= number < len(self):
            raise InputError(f"There are images 0 to {len(self) - 1}, got {number}.")
        try:
            item = self._images.read(number)
        except UnreadableImage as error:
            with self._lock:
                self._unreadable[number] = str(error)
            raise
        with self._lock:
            self._unreadable.pop(number, None)
            if isinstance(item, Image.Image) and item.info.get(LAID_ON_WHITE):
                self._on_white.add(number)
        return item

    def _apply(self, item: Any, name: str) -> torch.Tensor:
        import torch

        is_image = isinstance(item, Image.Image)
        if is_image and self._transform is None:
            raise InputError(
                f"{name!r} is a PIL image, the other items are tensors and no transform was "
                "given: pass one for all."
            )
        result = item
        if is_image or (self._items_are_tensors and self._transform is not None):
            try:
                with torch.no_grad():
                    result = self._transform(item)
            except Exception as error:
                raise InputError(
                    f"The transform failed on {name!r} ({_kind(item)}): "
                    f"{type(error).__name__}: {error}"
                ) from error
        return _checked(result, name, "The transform gave" if result is not item else "It is")

    def _probe(self, first: int, example: torch.Tensor) -> list[NDArray[Any]]:
        """Look at up to three images, so that a wrong shape is found at once."""
        self._example = example
        self.shape = tuple(example.shape)
        probes = [example]
        for number in sorted({len(self) // 2, len(self) - 1} - {first}):
            with suppress(UnreadableImage):
                probes.append(self.tensor(number))
        self.probe = tuple(
            float(value) for probe in probes for value in (probe.mean(), probe.std())
        )
        return [probe.numpy() for probe in probes]


@dataclass
class _First:
    number: int
    unreadable: dict[int, str]


def _first_readable(images: ImageSet) -> tuple[_First, Any]:
    unreadable: dict[int, str] = {}
    for number in range(len(images.names)):
        try:
            return _First(number, unreadable), images.read(number)
        except UnreadableImage as error:  # noqa: PERF203
            unreadable[number] = str(error)
            if len(unreadable) == 20:
                break
    reasons = "; ".join(list(unreadable.values())[:3])
    tried = (
        f"first {len(unreadable)}" if len(unreadable) < len(images.names) else f"{len(unreadable)}"
    )
    raise InputError(f"None of the {tried} images can be read: {reasons}.")


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
    if not torch.isfinite(tensor).all():
        raise InputError(
            f"{it} NaN or infinite values for {name!r}: the network would give NaN too."
        )
    return tensor


def _kind(item: Any) -> str:
    if isinstance(item, Image.Image):
        return f"an RGB image of {item.height} x {item.width} pixels"
    return f"a tensor of shape {tuple(item.shape)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
