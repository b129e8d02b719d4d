"""Images of any kind as the network gets them, and the same pixels for the eye."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from ..errors import InputError, UnreadableImage
from ..records import Pixels
from .conditions import Conditions
from .feeding import quick
from .feeding.prefetch import prefetch
from .feeding.reader import Reader
from .feeding.workers import Workers, default_workers
from .pixels import display, transforms
from .pixels.transforms import Normalisation
from .sets.base import ImageSet, first_readable, folders_of
from .sets.contents import tell_by_contents
from .sets.iterables import SPILL
from .sets.opening import open_set
from .sets.repeatable import check_repeatable, put_back_on_error, refuse_draws
from .sets.samples import SamplePhotos
from .skipped import SkippedImage

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

Result = TypeVar("Result")

MANY = 2000
"""From so many images on, they are read in processes."""


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
    transform_note, display_note : str
        What a user has to know about the transform that was assumed, and about the pixels
        shown; empty if there is nothing.
    conditions : Conditions
        Which of them can be read, and are those that an index is of.
    first : int
        The number of the first image that could be read.
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
        self._reader = Reader(images, transform, items_are_tensors)
        self.conditions = Conditions(images)
        self.first = 0
        self._example: torch.Tensor | None = None
        self._display = shown
        self.categories: tuple[str, ...] = ()
        self.transform_note = ""
        self.probe: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        images: Any,
        transform: Any = None,
        denormalize: Any = None,
        *,
        spill: int = SPILL,
        hash_files: bool = False,
        models: Any = None,
    ) -> ImageSource:
        """Open a set of images.

        Parameters
        ----------
        images
            A folder, files, tar shards, a Dataset (torch's or Hugging Face's), a list, any
            iterable, or ``zf.samples.photos()``: docs/images.md. Images of all modes become RGB;
            float tensors (channels, rows, columns) are taken as the network gets them.
        transform
            From a PIL image in RGB (or the dataset's tensor) to a float tensor (channels, rows,
            columns), a member of torchvision's weights enum, or a Hugging Face image processor.
            None: ``models``, else ImageNet's evaluation transform, for images; nothing for tensors.
        denormalize
            How to see the network's pixels if ``transform`` doesn't tell: (mean, std), or a
            callable from the float32 tensor (channels, rows, columns) to brightness in 0..1.
        spill
            Bytes of disk that the items of an iterable may take.
        hash_files
            Whether files are told by their bytes, which are all read for it, instead of by size
            and time of change.
        models
            Transform that the model itself names.

        Raises
        ------
        InputError
            There is no image that can be read; the transform gives no float tensor (channels,
            rows, columns), another shape for another image, draws random numbers, or normalises
            what the dataset has normalised; an iterable takes more than ``spill``.
        """
        if isinstance(images, ImageSource):
            return images
        if isinstance(images, SamplePhotos) and transform is None and models is None:
            transform = images.transform
        with put_back_on_error() as before:
            opened = open_set(images, spill)
            if hash_files:
                tell_by_contents(opened)
            with refuse_draws(f"Reading images ({type(images).__name__})"):
                first, item = first_readable(opened)
            tensors = not isinstance(item, Image.Image)
            chosen, note, categories = transforms.choose(transform, tensors, models)
            if tensors:
                transforms.refuse_twice(images, chosen)
            source = cls(opened, chosen, tensors)
            source.categories, source.transform_note = categories, note
            source.conditions.take_over(first.unreadable, (), {})
            source.first = first.number
            what = "The transform" if chosen else f"The dataset ({type(images).__name__})"
            example = check_repeatable(lambda: source.tensor(first.number), what, before)
            with refuse_draws(what):
                source._reader.find_quick(source._probed(first.number))
                if source._reader.quick:
                    example = source.tensor(first.number)
                probes = source._probe(example)
            source._display = display.choose(denormalize, chosen or images, probes)
        return source

    def alike(self, images: Any) -> ImageSource:
        """Other images, with this source's transform and way of display.

        Tensors are taken as the network gets them.
        """
        return self.over(open_set(images))

    def over(self, images: ImageSet) -> ImageSource:
        """Another image set, with this source's transform and way of display."""
        mine = self._reader
        other = ImageSource(images, mine.transform, mine.items_are_tensors, self._display)
        other.categories, other.transform_note = self.categories, self.transform_note
        other._reader.quick, other._reader.shape = mine.quick, mine.shape
        return other

    def __len__(self) -> int:
        return len(self._images.names)

    @property
    def images(self) -> ImageSet:
        """The images before the transform."""
        return self._images

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of this machine that texts may name, as the images lie in them."""
        return folders_of(self._images)

    @property
    def transform_name(self) -> str:
        """The transform in words, the same in every process."""
        note = quick.NOTE if self._reader.quick else ""
        return transforms.describe(self._reader.transform) + note

    @property
    def transform(self) -> Any:
        """From an image to a tensor, as it was given or chosen."""
        return self._reader.transform

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, rows, columns) of every tensor."""
        return self._reader.shape

    @property
    def names(self) -> Sequence[str]:
        """One unique name per image."""
        return self._images.names

    @property
    def labels(self) -> Sequence[str | None]:
        """Class names where they are known."""
        return self._images.labels

    @property
    def stamps(self) -> Sequence[str]:
        """What tells a changed image, read anew: see `ImageSet.stamps`."""
        return self._images.stamps

    def stamp(self, number: int) -> str:
        """What tells one image's changes, read anew: see `ImageSet.stamp`."""
        return self._images.stamp(number)

    def look_again(self) -> None:
        """Images were changed: take them as they are now, and none for one that can't be read.

        Raises `InputError` where none can be read any more.
        """
        self.conditions.forget()
        for number in range(len(self)):
            if (example := self._look(number)) is not None:
                break
        else:
            raise InputError(f"None of the {len(self)} images can be read any more.")
        self.first = number
        others = [self._look(number) for number in self._probed(self.first)[1:]]
        self.probe = _means([example, *(other for other in others if other is not None)])

    def _look(self, number: int) -> torch.Tensor | None:
        """An image's tensor; what can't be used is noted."""
        return self.conditions.take(number, self._reader.look(number))

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """Images that can't be read, as far as they have been looked at: see `Conditions`."""
        return self.conditions.skipped

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Name, author and licence of the package's own photos; images of the user's have none."""
        return tuple(getattr(self._images, "licences", ()))

    @property
    def images_note(self) -> str:
        """What to know about the images themselves; empty if nothing."""
        return str(getattr(self._images, "note", ""))

    @property
    def display_note(self) -> str:
        """What to know about the pixels shown; empty if nothing."""
        notes = [self._display.note if self._display else "", self.conditions.white_note]
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
            It can't be decoded; the message names it and says why. `StaleImage` if it isn't the
            one that the index is of.
        InputError
            The transform failed, or gave something else than for the other images.
        """
        reading = self.conditions.noting(number, self._reader.read)
        tensor = self.conditions.take(number, reading)
        assert tensor is not None
        return tensor

    def feed(
        self,
        indices: Iterable[int],
        workers: int | None = None,
        processes: bool | None = None,
        *,
        careful: bool = False,
    ) -> Generator[tuple[int, torch.Tensor | None], None, None]:
        """(index, tensor) of images in the order asked, read ahead; None for what can't be used.

        The latter are added to `skipped`: files that can't be read, images on which the transform
        fails or gives another shape. Neither the global random state nor more than a few images
        per worker are touched; closing the iterator ends the workers.

        Parameters
        ----------
        indices
            Indices of the images.
        workers
            How many are read at once; None means as many as there are CPUs, 16 at most. With 0
            they are read in the thread that asks.
        processes
            Whether in processes of their own, where the transform, and datasets that don't give
            files, can be sent to one (no lambdas, nothing of the main module, up to 64 MB); else
            in threads. None means for `MANY` images or more, as a process takes seconds to start.
        careful
            Whether images are read in such processes only, also while they come up: where one
            of them is known to end whoever reads it.
        """
        self.conditions.check()
        indices = [self._reader.checked(number) for number in indices]
        count = default_workers() if workers is None else workers
        many = careful or (len(indices) >= MANY if processes is None else processes)
        pool = Workers(self._reader, count, careful) if many and count else None
        look = pool.look if pool else self._reader.look
        stopping = closing(pool) if pool else nullcontext()
        with stopping, closing(prefetch(look, indices, count)) as readings:
            for number, reading in zip(indices, readings, strict=True):
                yield number, self.conditions.take(number, reading)

    def tensors(
        self, indices: Iterable[int], workers: int | None = None
    ) -> Generator[tuple[int, torch.Tensor], None, None]:
        """`feed` without what can't be used."""
        with closing(self.feed(indices, workers)) as feeding:
            yield from ((number, tensor) for number, tensor in feeding if tensor is not None)

    def display(self, number: int) -> Pixels:
        """The pixels that the network saw, for the eye: uint8 (rows, columns, 3)."""
        return self.show(self.tensor(number))

    def show(self, tensor: torch.Tensor) -> Pixels:
        """A tensor in the network's units, (channels, rows, columns), for the eye."""
        assert self._display is not None
        return self._display.pixels(tensor)

    def levels(self, tensor: torch.Tensor) -> Pixels | None:
        """What `show` shows of a tensor, uint8 (channels, rows, columns) of the tensor's channels.

        None where it is something else: of other than 1 or 3 channels, stretched, or the user's.
        """
        return self._display.levels(tensor) if self._display else None

    def as_input(self, pixels: Pixels) -> torch.Tensor:
        """Pixels for the eye, uint8 (rows, columns, 3), in the network's units: `show` backwards.

        Raises `InputError` where it isn't known how pixels become the network's values.
        """
        import torch

        assert self._display is not None
        return torch.from_numpy(self._display.values(pixels, self.shape[0]))

    @property
    def normalisation(self) -> Normalisation | None:
        """How pixels become the network's values; None where that isn't known."""
        return self._display.normalisation if self._display else None

    def baseline_value(self, baseline: str | float | Sequence[float]) -> torch.Tensor:
        """What to cover pixels with, float32 (channels, 1, 1) or (1, 1, 1), in network units.

        Parameters
        ----------
        baseline
            "grey": mid-grey for the eye, the paper's square. "mean": the mean colour of the
            transform's Normalize. Numbers, one or one per channel: as the network's input has them.
        """
        import torch

        assert self._display is not None
        values = self._display.baseline(baseline, self.shape[0])
        return torch.from_numpy(values.astype(np.float32)).reshape(-1, 1, 1)

    def fingerprint(self) -> dict[str, str]:
        """Digests of the images and of the transform, the same in every process.

        Files count by name, size and time of change; lists of images by their pixels; the
        sample photos by the shipped bytes (the same on every machine); a dataset by its type,
        length and names. See `probe` for what digests can't tell.
        """
        images = repr(sorted(self._images.fingerprint().items()))
        told = {"images": images, "transform": self.transform_name}
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in told.items()}

    def _probed(self, first: int) -> list[int]:
        return [first, *sorted({len(self) // 2, len(self) - 1} - {first})]

    def _probe(self, example: torch.Tensor) -> list[NDArray[Any]]:
        """Look at up to three images, so that a wrong shape is found at once."""
        self._example = example
        self._reader.shape = tuple(example.shape)
        probes = [example]
        for number in self._probed(self.first)[1:]:
            with suppress(UnreadableImage):
                probes.append(self.tensor(number))
        self.probe = _means(probes)
        return [probe.numpy() for probe in probes]


def _means(tensors: Sequence[torch.Tensor]) -> tuple[float, ...]:
    return tuple(float(value) for one in tensors for value in (one.mean(), one.std()))
