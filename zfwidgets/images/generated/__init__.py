"""Pictures that the package makes itself: textures, shapes, digits, scenes of several shapes."""

from __future__ import annotations

from .base import Generated, Truth
from .digits import Digits
from .scenes import Scenes
from .shapes import Shapes
from .textures import Textures

__all__ = ["Digits", "Generated", "Scenes", "Shapes", "Textures", "Truth"]
