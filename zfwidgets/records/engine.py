"""What an engine says of itself and of its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import InputError


@dataclass(frozen=True)
class EngineInfo:
    """What a user may want to know of an engine.

    ``no_classes`` says why the network has no class scores; "" if it has. ``notes`` are sentences
    that belong on screen: a default that was assumed, a limit of exactness, skipped images.
    """

    model: str
    device: str
    input_shape: tuple[int, int, int]
    images: tuple[str, ...]
    image_labels: tuple[str | None, ...]
    labels: tuple[str, ...]
    transform: str
    fingerprint: str
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    no_classes: str = ""

    def image_number(self, image: int | str) -> int:
        """The number of an image by its name or number; raises `InputError` if there is none."""
        if isinstance(image, str) and image in self.images:
            return self.images.index(image)
        if isinstance(image, int) and 0 <= image < len(self.images):
            return image
        known = "engine.info.images lists the names."
        if isinstance(image, int):
            known = f"expected 0 to {len(self.images) - 1}."
        raise InputError(f"There is no photo {image!r}: {known}")


@dataclass(frozen=True)
class Progress:
    """How far a long computation is.

    Attributes
    ----------
    done, total
        Units of work done, and in all.
    seconds_left
        Seconds of computing that are left; None where it isn't known.
    what
        What is being done.
    per_second
        Units of work done in a second of computing; None where it isn't known.
    filled
        In a pass that builds an index, how many channels have nine activations above zero so far
        (in as many images; fewer where there are fewer images), and how many channels there are.
        Those that are silent in nearly all images never fill. None in anything else.
    """

    done: int
    total: int
    seconds_left: float | None
    what: str
    per_second: float | None = None
    filled: tuple[int, int] | None = None


@dataclass(frozen=True)
class Estimate:
    """How long a pass of the occluder will take.

    Attributes
    ----------
    positions
        Positions of the occluder.
    seconds
        Seconds of computing; None where it can't be told.
    basis
        "measured": from past passes of this network on this device. "probe": from a few positions
        that were computed to know.
    """

    positions: int
    seconds: float | None
    basis: Literal["measured", "probe"]
