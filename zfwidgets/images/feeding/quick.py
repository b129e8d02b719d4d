"""JPEG files and usual transforms by torchvision's kernels: the same pixels in half the time.

Pixels count as the same while they differ by at most `SAME` levels (of 256) on average; what
isn't known to be so stays with Pillow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..pixels import decode, transforms
from ..pixels.preset import ImageClassification

if TYPE_CHECKING:
    import torch

    Transform = Callable[[torch.Tensor], torch.Tensor]

SAME = 0.01
"""Mean difference, in levels of 256, below which two ways give the same pixels."""

NOTE = "; decoded and resized by torchvision"
"""Follows the name of a transform that is computed this way, in fingerprints too."""

_SMOOTH = {"bilinear", "bicubic"}
_TO_FLOAT = {"ToTensor", "ConvertImageDtype", "ToDtype"}
_NOTHING_TO_DO = {"PILToTensor", "ToImage", "ToPureTensor", "Identity"}


def read(file: decode.File, name: str = "") -> torch.Tensor | Image.Image:
    """A plain JPEG as uint8 (3, rows, columns); whatever else as `decode.read_rgb` has it.

    Raises `UnreadableImage` as that does: where torchvision fails, Pillow has the last word.
    """
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    if not decode.is_plain_jpeg(file):
        return decode.read_rgb(file, name)
    try:
        data = bytearray(file if isinstance(file, bytes) else file.read_bytes())
        encoded = torch.frombuffer(data, dtype=torch.uint8)
        pixels: torch.Tensor = decode_jpeg(encoded, mode=ImageReadMode.RGB)
    except (OSError, RuntimeError, ValueError):
        return decode.read_rgb(file, name)
    return pixels


def version_of(transform: Any) -> Transform | None:
    """A transform as one of uint8 tensors (3, rows, columns); None if a step isn't known."""
    if not is_torchvisions(transform):
        return None
    import torch
    from torchvision import io
    from torchvision.transforms import InterpolationMode, v2

    if not hasattr(io, "decode_jpeg"):  # deprecated since 0.29
        return None

    found: list[Any] = []
    scaled = False
    for kind, step in torchvision_steps(transform):
        if kind == "Resize" and not scaled:
            smooth = getattr(step["interpolation"], "value", None)
            if smooth not in _SMOOTH:
                return None
            step = {**step, "interpolation": InterpolationMode(smooth)}
            found.append(v2.Resize(**step, antialias=True))
        elif kind == "CenterCrop":
            found.append(v2.CenterCrop(step["size"]))
        elif kind in _TO_FLOAT and not scaled:
            found.append(v2.ToDtype(torch.float32, scale=True))
            scaled = True
        elif kind == "Normalize" and scaled:
            found.append(v2.Normalize(step["mean"], step["std"]))
        elif kind not in _NOTHING_TO_DO:
            return None
    return v2.Compose(found) if scaled else None


def torchvision_steps(transform: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """Kinds of torchvision's steps, and what they were made with."""
    import torch

    for step in transforms.steps(transform):
        kind = type(step).__name__
        if kind == "ImageClassification":
            if step.antialias is False:
                yield "unknown", {}
            yield "Resize", {"size": step.resize_size, "interpolation": step.interpolation}
            yield "CenterCrop", {"size": step.crop_size}
            yield "ToTensor", {}
            yield "Normalize", {"mean": step.mean, "std": step.std}
        elif kind in {"ConvertImageDtype", "ToDtype"} and not (
            step.dtype == torch.float32 and getattr(step, "scale", True)
        ):
            yield "unknown", {}
        elif kind == "Resize":
            names = ("size", "interpolation", "max_size")
            yield kind, {name: getattr(step, name) for name in names}
        else:
            yield kind, vars(step)


def is_torchvisions(transform: Any) -> bool:
    """Whether all steps of a transform are torchvision's own, or the same to the bit."""
    return all(
        isinstance(step, ImageClassification)
        or type(step).__module__.startswith("torchvision.transforms.")
        for step in transforms.steps(transform)
    )


def levels(one: torch.Tensor, other: torch.Tensor, transform: Any) -> float:
    """Mean difference of what a transform gave, in levels of 256."""
    known = transforms.find_normalisation(transform) or transforms.UNCHANGED
    gain = one.new_tensor(known.gain * known.white).reshape(-1, 1, 1)
    return float(((one - other).abs() / gain).mean() * 255)
