"""Shifts, scales, rotations, and transforms of the user's own.

Photos are transformed as the network gets them, at the size of its input: a shift by 60 px moves
the photo by 60 of the 224 rows that the network sees, whatever its file's resolution. Shifts,
scales and rotations are computed in the network's own units, before rounding to 8 bits:

- bilinear between the four nearest pixels, in float64, rotations and scales about the centre
  ((rows - 1) / 2, (columns - 1) / 2);
- outside, the photo goes on with a baseline (mid-grey, as the paper's occluder, if nothing else is
  said): no content comes in from beyond the crop.

A transform of the user's own gets the photo as an RGB picture for the eye and gives one of the
same size, which is brought back into the network's units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...records import Floats

Doubles = NDArray[np.float64]

PAPER = 224
"""Rows of the paper's input: its shifts are given for these."""

KINDS = ("vertical", "horizontal", "scale", "rotation")
"""Transforms that are known by name."""

UNITS = {"vertical": "px down", "horizontal": "px right", "scale": "times", "rotation": "degrees"}


@dataclass(frozen=True)
class Transform:
    """A transform and the values to apply it with.

    Attributes
    ----------
    name
        "vertical" (shift down, px), "horizontal" (shift right, px), "scale" (times, about the
        centre), "rotation" (degrees, counterclockwise); or what yours is called.
    values
        At which it is applied, in ascending order.
    function
        Yours: called with an RGB `PIL.Image.Image` of the size of the network's input, and one
        of ``values``; gives a picture of the same size (PIL, or uint8 (rows, columns, 3)). It
        must give the same each time. None for those known by name.
    unit
        Unit of ``values``, for axes.
    """

    name: str
    values: tuple[float, ...]
    function: Callable[[Any, float], Any] | None = field(default=None, repr=False)
    unit: str = ""

    def __post_init__(self) -> None:
        try:
            values = tuple(float(value) for value in self.values)
        except (TypeError, ValueError) as error:
            raise InputError(f"Values of {self.name!r} must be numbers ({error}).") from None
        if not values or not np.isfinite(values).all():
            raise InputError(f"Values of {self.name!r} are {values}: expected finite numbers.")
        if self.function is None and self.name not in KINDS:
            raise InputError(
                f"There is no transform {self.name!r}: expected one of {', '.join(KINDS)}, or "
                "Transform(name, values, function) of your own."
            )
        if self.function is not None and not callable(self.function):
            raise InputError(
                f"The transform {self.name!r} is a {type(self.function).__name__}: expected a "
                "callable from (picture, value) to a picture."
            )
        if self.function is None and self.name == "scale" and min(values) <= 0:
            raise InputError(f"Scales are above 0, got {min(values):g}.")
        object.__setattr__(self, "values", tuple(sorted(dict.fromkeys(values))))
        if self.function is None:
            object.__setattr__(self, "unit", UNITS[self.name])

    @classmethod
    def paper(cls, name: str, rows: int = PAPER, columns: int = PAPER) -> Transform:
        """One over the paper's range: shifts -60..60 px of 224, scale 1..1.8, a full turn.

        Parameters
        ----------
        name
            One of `KINDS`.
        rows, columns
            Height and width of the network's input: shifts are 60/224 of it at most.
        """
        if name in ("vertical", "horizontal"):
            reach = 60 * (rows if name == "vertical" else columns) / PAPER
            values = np.unique(np.rint(np.linspace(-reach, reach, 25)))
        elif name == "scale":
            values = np.round(np.linspace(1.0, 1.8, 17), 2)
        else:
            values = np.arange(0.0, 360.0, 10.0)  # a name that isn't known is refused below
        return cls(name, tuple(values.tolist()))


def chosen(
    transforms: Sequence[str | Transform] | None, rows: int, columns: int
) -> tuple[Transform, ...]:
    """Transforms by name (over the paper's range) or as they are; None: the paper's three."""
    if transforms is None:
        transforms = ("vertical", "scale", "rotation")
    if isinstance(transforms, (str, Transform)):
        transforms = [transforms]
    found = []
    for transform in transforms:
        if isinstance(transform, str):
            transform = Transform.paper(transform, rows, columns)
        if not isinstance(transform, Transform):
            raise InputError(
                f"Expected names ({', '.join(KINDS)}) or Transform(name, values, function), got "
                f"{transform!r}."
            )
        found.append(transform)
    names = [transform.name for transform in found]
    if not found or len(set(names)) < len(names):
        raise InputError(f"transforms are {names}: expected one or more, each with its own name.")
    return tuple(found)


def moved(image: Floats, kind: str, value: float, baseline: Floats) -> Floats:
    """A photo that was shifted, scaled or rotated.

    Parameters
    ----------
    image
        (channels, rows, columns).
    kind
        One of `KINDS`.
    value
        Pixels, times or degrees.
    baseline
        (channels, 1, 1), or (channels, rows, columns): what is seen where the photo isn't.

    Returns
    -------
    numpy.ndarray
        (channels, rows, columns) float32.
    """
    rows, columns = image.shape[1:]
    down, right = _sources(rows, columns, kind, value)
    top, left = np.floor(down), np.floor(right)
    lower, later = down - top, right - left
    around = np.broadcast_to(baseline.astype(np.float64), image.shape)
    out = np.zeros(image.shape)
    for row, weight_row in ((top, 1 - lower), (top + 1, lower)):
        for column, weight_column in ((left, 1 - later), (left + 1, later)):
            inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            at = (
                np.clip(row, 0, rows - 1).astype(np.intp),
                np.clip(column, 0, columns - 1).astype(np.intp),
            )
            out += weight_row * weight_column * np.where(inside, image[:, at[0], at[1]], around)
    return out.astype(np.float32)


def _sources(rows: int, columns: int, kind: str, value: float) -> tuple[Doubles, Doubles]:
    """Where each pixel comes from: rows and columns of the photo, (rows, columns) each."""
    down, right = np.meshgrid(np.arange(float(rows)), np.arange(float(columns)), indexing="ij")
    if kind == "vertical":
        return down - value, right
    if kind == "horizontal":
        return down, right - value
    centre_row, centre_column = (rows - 1) / 2, (columns - 1) / 2
    down, right = down - centre_row, right - centre_column
    if kind == "scale":
        down, right = down / value, right / value
    else:
        turn = np.deg2rad(value)
        cos, sin = np.cos(turn), np.sin(turn)
        down, right = sin * right + cos * down, cos * right - sin * down
    return down + centre_row, right + centre_column


def round_off(image: Floats, baseline: Floats) -> Floats:
    """A photo of which only the largest disc about the centre is left."""
    rows, columns = image.shape[1:]
    down, right = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    far = (down - (rows - 1) / 2) ** 2 + (right - (columns - 1) / 2) ** 2
    out: Floats = np.where(far <= (min(rows, columns) / 2) ** 2, image, baseline).astype(np.float32)
    return out


def own_picture(transform: Transform, picture: Any, value: float) -> NDArray[np.uint8]:
    """What a transform of the user's makes of a picture; raises `InputError` if it is no picture.

    Parameters
    ----------
    transform
        With a function.
    picture
        RGB, a `PIL.Image.Image`.
    value
        Handed on.
    """
    from PIL import Image

    from ...images.sets.repeatable import refuse_draws

    assert transform.function is not None
    what = f"The transform {transform.name!r} at {value:g}"
    try:
        with refuse_draws(what):
            made = transform.function(picture.copy(), value)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what} failed: {type(error).__name__}: {error}") from error
    if isinstance(made, Image.Image):
        made = np.asarray(made.convert("RGB"))
    wanted = (picture.height, picture.width, 3)
    if not isinstance(made, np.ndarray) or made.dtype != np.uint8 or made.shape != wanted:
        got = type(made).__name__
        if isinstance(made, np.ndarray):
            got = f"an array of {made.dtype}, shape {made.shape}"
        raise InputError(
            f"{what} gave {got}: expected a PIL image of {picture.width} x {picture.height} "
            f"pixels, or a uint8 array of shape {wanted}."
        )
    return made
