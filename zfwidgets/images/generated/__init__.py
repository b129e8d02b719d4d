"""Pictures that the package makes itself, whose contents are known: textures, shapes, digits."""

from __future__ import annotations

from .base import Generated, Truth
from .digits import Digits
from .shapes import Shapes
from .textures import Textures

__all__ = ["Digits", "Generated", "Shapes", "Textures", "Truth"]
