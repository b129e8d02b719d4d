"""Public data sets through torchvision, from a local copy or, if asked for, from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import InputError, needs_torch


@needs_torch("zf.samples.cifar10()")
def cifar10(root: str | Path, train: bool = True, download: bool = False) -> Any:
    """CIFAR-10 (Krizhevsky, 2009): 32 x 32 pixels, ten classes, through torchvision.

    Parameters
    ----------
    root
        Folder that has, or is to get, ``cifar-10-batches-py``.
    train
        The 50,000 pictures to train with, or the 10,000 others.
    download
        Whether to fetch a missing copy (170 MB) from the University of Toronto.

    Returns
    -------
    torchvision.datasets.CIFAR10
        Data set of (RGB PIL image, label), with ``classes`` and ``targets``.

    Raises
    ------
    InputError
        There is no whole copy, and ``download`` is False; or downloading failed.
    """
    from torchvision.datasets import CIFAR10

    return _opened(CIFAR10, "CIFAR-10", "cifar-10-batches-py", root, download, train=train)


@needs_torch("zf.samples.caltech101()")
def caltech101(root: str | Path, download: bool = False) -> Any:
    """Caltech-101 (Fei-Fei et al., 2004): about 300 x 200 pixels, through torchvision.

    Parameters
    ----------
    root
        Folder that has, or is to get, ``caltech101/101_ObjectCategories``.
    download
        Whether to fetch a missing copy (130 MB); torchvision takes it from Google Drive with the
        package gdown.

    Returns
    -------
    torchvision.datasets.Caltech101
        Data set of (RGB PIL image, label), with ``classes`` and ``targets``; 101 classes, without
        the background's.

    Raises
    ------
    InputError
        There is no whole copy, and ``download`` is False; or downloading failed.
    """
    from torchvision.datasets import Caltech101

    folder = "caltech101/101_ObjectCategories"
    data = _opened(Caltech101, "Caltech-101", folder, root, download, transform=_rgb)
    data.classes, data.targets = data.categories, data.y
    return data


def _rgb(image: Image.Image) -> Image.Image:
    """A few of Caltech-101's photos are grey."""
    return image.convert("RGB")


def _opened(kind: Any, name: str, folder: str, root: Any, download: bool, **options: Any) -> Any:
    place = Path(root).expanduser()
    try:
        return kind(str(place), download=download, **options)
    except (RuntimeError, OSError, ImportError) as error:
        if download:
            raise InputError(
                f"{name} couldn't be downloaded to {str(place)!r}: {type(error).__name__}: "
                f"{error}. Put a copy of it there by hand, as {folder!r}."
            ) from error
        raise InputError(
            f"There is no whole copy of {name} in {str(place)!r} (expected {folder!r} in it; "
            f"{error}). Pass download=True to fetch it."
        ) from error
