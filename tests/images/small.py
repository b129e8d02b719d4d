"""Small pictures, and datasets of them."""

from __future__ import annotations

from typing import Any

from torchvision import transforms as v1
from torchvision.models import SqueezeNet1_1_Weights

PRESET = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()


def small(*extra: Any) -> v1.Compose:
    """A transform to rows != columns."""
    return v1.Compose([v1.Resize((24, 36)), v1.ToTensor(), *extra])
