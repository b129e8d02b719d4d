"""Pictures as files, shards and rows, and transforms of them."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image
from torchvision import transforms as v1
from torchvision.models import SqueezeNet1_1_Weights

from zfwidgets import samples
from zfwidgets.images.feeding import quick
from zfwidgets.images.source import ImageSource

NAMES = ("coffee", "koala", "bison", "camels", "alpaca")
LABELS = ("drink", "animal", "animal", "animal", "animal")


PRESET = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()


def small(*extra: Any) -> v1.Compose:
    """A transform to rows != columns."""
    return v1.Compose([v1.Resize((24, 36)), v1.ToTensor(), *extra])


def jpeg(name: str) -> bytes:
    stream = io.BytesIO()
    photos()[name].save(stream, "JPEG", quality=92)
    return stream.getvalue()


def photos() -> dict[str, Image.Image]:
    return {name: samples.photos()[name] for name in NAMES}


def decoded(data: bytes) -> torch.Tensor:
    """As Pillow and torchvision alone make it."""
    return small()(Image.open(io.BytesIO(data)).convert("RGB"))


def assert_pixels(source: ImageSource, files: dict[str, bytes], order: Any = NAMES) -> None:
    """Those of Pillow, or of torchvision's decoder."""
    assert len(source) == len(order)
    for number, name in enumerate(order):
        levels = quick.levels(source.tensor(number), decoded(files[name]), small())
        assert levels <= (quick.SAME if source._reader.quick else 0)
