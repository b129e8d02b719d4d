"""How a photo of any size becomes the network's image, as steps that a page can take exactly.

Steps: ``{"step": "resize", "size": [rows, columns] or one number, "filter": ...}`` as Pillow
resizes, of a single number the shorter side; ``{"step": "crop", "size": [rows, columns]}`` of the
centre; ``{"step": "normalise", "mean": [...], "std": [...]}`` of brightness in 0..1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...images.feeding.quick import is_torchvisions, torchvision_steps
from ..network.graph.operations import two

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
"""Of Pillow's resizing."""
_TO_FLOAT = {"ToTensor", "ConvertImageDtype", "ToDtype"}
_NOTHING_TO_DO = {"PILToTensor", "ToImage", "ToPureTensor", "Identity"}

Steps = tuple[dict[str, Any], ...]


class UnknownStep(Exception):
    """A step of a transform that a page can't take; says which."""


def preparation(transform: Any, shape: tuple[int, ...]) -> Steps:
    """A transform as steps; raises `UnknownStep`."""
    if transform is None:
        raise UnknownStep("the images are tensors: how a photo becomes one isn't known")
    if shape[0] != 3:
        raise UnknownStep(f"the network takes {shape[0]} channels, a photo has 3")
    if not is_torchvisions(transform):
        raise UnknownStep(f"the transform ({type(transform).__name__}) isn't torchvision's own")
    return tuple(_steps(transform))


def _steps(transform: Any) -> Iterator[dict[str, Any]]:
    scaled = False
    for kind, step in torchvision_steps(transform):
        if kind == "Resize" and not scaled:
            yield _resize(step)
        elif kind == "CenterCrop" and not scaled:
            yield {"step": "crop", "size": list(two(step["size"]))}
        elif kind in _TO_FLOAT and not scaled:
            scaled = True
        elif kind == "Normalize" and scaled:
            mean, std = ([float(v) for v in step[name]] for name in ("mean", "std"))
            if {len(mean), len(std)} != {3}:
                raise UnknownStep("its Normalize isn't of three channels")
            yield {"step": "normalise", "mean": mean, "std": std}
        elif kind not in _NOTHING_TO_DO:
            raise UnknownStep(f"the transform's step {kind} isn't known to a page")
    if not scaled:
        raise UnknownStep("the transform doesn't make brightness in 0..1 of pixels")


def _resize(step: dict[str, Any]) -> dict[str, Any]:
    size, kind = step["size"], getattr(step["interpolation"], "value", None)
    if step.get("max_size") is not None or kind not in FILTERS or size is None:
        raise UnknownStep("its Resize isn't one that a page knows")
    if not isinstance(size, int):
        size = int(size[0]) if len(size) == 1 else [int(n) for n in size]
    return {"step": "resize", "size": size, "filter": kind}
