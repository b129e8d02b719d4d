"""Tell which kind of image set the user's images are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import InputError
from ..pixels import decode
from . import huggingface
from .base import Files, ImageSet, Samples, is_of
from .items import Items
from .iterables import SPILL, Spilled
from .naming import file_names
from .samples import SamplePhotos
from .shards import Shards, is_shard


def open_set(images: Any, spill: int = SPILL) -> ImageSet:
    """The image set that ``images`` is; raises `InputError` saying what would be one.

    ``spill`` is how many bytes of disk the images of an iterable may take.
    """
    if isinstance(images, SamplePhotos):
        return Samples(images)
    if isinstance(images, (str, os.PathLike)):
        return open_path(Path(images))
    if isinstance(images, Image.Image):
        raise InputError("images is one PIL image: pass a list of them, [image].")
    if isinstance(images, (list, tuple)):
        return open_list(images)
    if isinstance(images, Mapping):  # a DatasetDict, too
        keys = ", ".join(map(repr, images))
        one = f", images[{next(iter(images))!r}]" if images else ""
        raise InputError(f"images is a {type(images).__name__} with {keys}: choose one{one}.")
    if huggingface.is_dataset(images):
        return huggingface.open_rows(images)
    if huggingface.is_stream(images):
        return Spilled(huggingface.Stream.of(images), spill)
    if getattr(images, "ndim", 4) != 4:
        raise InputError(
            f"images is an array of shape {tuple(images.shape)}: expected a batch of images, with "
            "four dimensions, or a list of images."
        )
    if hasattr(images, "ndim"):
        return open_list(list(images))
    if is_of(images, "torch.utils.data", "DataLoader") or type(images).__name__ == "WebLoader":
        raise InputError(
            f"images is a {type(images).__name__}, which gives batches: pass its dataset, "
            "images.dataset, with the transform of the evaluation."
        )
    by_number = hasattr(images, "__getitem__") and hasattr(images, "__len__")
    if by_number and not is_of(images, "torch.utils.data", "IterableDataset"):
        if not len(images):
            raise InputError(
                f"The dataset ({type(images).__name__}) has no images: its len() is 0."
            )
        return Items(images)
    if hasattr(images, "__iter__"):
        return Spilled(images, spill)
    raise InputError(
        f"images is a {type(images).__name__}: expected a folder, tar shards, a list of PIL "
        "images, paths or arrays, a Dataset (torch's, map-style or iterable, or Hugging Face's), "
        "or zf.samples.photos()."
    )


def open_path(path: Path) -> ImageSet:
    """A folder with all its subfolders, or a single file."""
    if path.is_file() and is_shard(path):
        return Shards([path])
    if path.is_file():
        return Files([path], [path.name], [None], str(path))
    if not path.is_dir():
        raise InputError(f"There is no folder {str(path)!r} (looked from {Path.cwd()}).")
    found, shards, others = [], [], Counter[str]()
    for folder, subfolders, files in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in decode.SUFFIXES:
                found.append(Path(folder, name))
            elif is_shard(Path(name)):
                shards.append(Path(folder, name))
            else:
                others[suffix or "no ending"] += 1
    if shards and not found:
        return Shards(shards)
    if not found:
        kinds = ", ".join(f"{number} x {kind}" for kind, number in others.most_common(3))
        raise InputError(
            f"The folder {str(path)!r} has no images, nor have its subfolders "
            f"({f'other files: {kinds}' if kinds else 'they are empty'}). Known endings: "
            f"{' '.join(sorted(decode.SUFFIXES))}."
        )
    inside = [file.relative_to(path) for file in found]
    by_class = all(len(file.parts) > 1 for file in inside)  # root/class/..., as ImageFolder has it
    labels = [file.parts[0] if by_class else None for file in inside]
    return Files(found, [file.as_posix() for file in inside], labels, f"The folder {str(path)!r}")


def open_list(images: Sequence[Any]) -> ImageSet:
    """A list of paths, or of PIL images, arrays, tensors and paths mixed."""
    if not images:
        raise InputError("images is empty: pass at least one image.")
    if all(isinstance(item, (str, os.PathLike)) for item in images):
        paths = [Path(item) for item in images]
        if all(map(is_shard, paths)):
            return Shards(paths)
        files = Files(paths, file_names(paths), [None] * len(paths), "The list of images")
        files.names_have_folders = True
        return files
    return Items(images)
