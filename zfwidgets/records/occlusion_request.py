"""What a pass of the occluder is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .layers import Box
from .occluders import check_extra_boxes, check_mask
from .occlusion import OcclusionMap


@dataclass(frozen=True)
class OcclusionRequest:
    """A pass of an occluder over an image (paper, section 4.2), as engines are asked for it.

    The fields are what `zfwidgets.Engine.occlude` takes. ``image`` may be one of your own where the
    engine is live.

    Raises
    ------
    InputError
        For a mask or rectangles that aren't possible. What depends on the image, the network or
        its baselines is checked by the engine that is asked.
    """

    image: Any
    patch: int | tuple[int, int] = 32
    stride: int | tuple[int, int] = 8
    baseline: str | float = "grey"
    target: int | str | None = None
    layer: str | None = None
    mask: str | None = None
    extra_boxes: tuple[Box, ...] = ()
    resume: OcclusionMap | None = None

    def __post_init__(self) -> None:
        """Check what hinges on nothing else."""
        if self.mask is not None:
            object.__setattr__(self, "mask", check_mask(self.mask))
        object.__setattr__(self, "extra_boxes", check_extra_boxes(self.extra_boxes))
