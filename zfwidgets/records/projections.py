"""Projections to pixel space, and how signed pixels are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from .activations import Activation
from .arrays import Floats, Ints, Pixels
from .colour_maps import LUMINANCE
from .explanations import MAX_POOL, Operation, Status, weakest

if TYPE_CHECKING:
    from PIL import Image


BLANK = (
    "Zero everywhere: by this rule there is nothing to show of what drives the unit in this image."
)
"""What is said of a projection without a single value."""


@dataclass(frozen=True)
class Projection:
    """A unit's projection to pixel space (paper, section 2.1).

    Attributes
    ----------
    activation
        The unit, image, value and receptive field.
    rule
        "deconvnet", "guided" or "gradient".
    pixels
        (rows, columns, channels) float32 of the network's input, signed, in input units.
    operations
        What was met on the way, with the status of each.
    switches
        One int64 array per max-pool on the way, as recorded (flat index into its input), nearest
        the unit first; None unless asked for.
    near_ties
        How strong a signal, 0..1 of the strongest, passed max-pools where another place was the
        largest but for rounding, as in flat parts of a photo: about that share of the picture's
        largest value may lie elsewhere on another machine or in another precision. At each map
        that max-pools read it is the largest magnitude that came through such a window, beside
        the largest there; of these the largest. None where it isn't known.
    """

    activation: Activation
    rule: str
    pixels: Floats
    operations: tuple[Operation, ...] = ()
    switches: tuple[Ints, ...] | None = field(default=None, repr=False)
    near_ties: float | None = None

    @property
    def status(self) -> Status:
        """The weakest status among the operations."""
        return weakest(self.operations)

    @property
    def blank(self) -> bool:
        """Whether the picture is zero everywhere in the receptive field, which is what is shown."""
        return not self.crop().any()

    @property
    def note(self) -> str:
        """What to know before looking at the picture, in words; "" if there is nothing."""
        return BLANK if self.blank else ""

    @property
    def pools(self) -> int:
        """Number of max-pools whose switches make the picture depend on this image."""
        return sum(o.count for o in self.operations if MAX_POOL in o.name)

    def numpy(self) -> Floats:
        """The signed pixels, (rows, columns, channels) float32."""
        return self.pixels

    def crop(self) -> Floats:
        """The receptive field's part, at full size (zero outside of the image)."""
        return self.activation.box.cut(self.pixels)

    def to_pil(
        self, *, crop: bool = True, scale: float | None = None, values: Values = "colour"
    ) -> Image.Image:
        """The pixels, signed around mid-grey.

        Parameters
        ----------
        crop
            Whether the receptive field alone is shown; else the whole image.
        scale
            The value that is shown as black or white; by default the picture's own `CLIPPED_AT`
            percentile of what isn't zero.
        values
            "colour", or "brightness", the weighted sum of the colour channels.
        """
        from PIL import Image

        field = self.crop()
        pixels = field if crop else self.pixels
        return Image.fromarray(signed_picture(pixels, values, scale, field))


CLIPPED_AT = 99.5
"""Percentile of a projection's non-zero magnitudes that is shown as full black or white."""


Values = Literal["brightness", "colour"]


def display_scale(projections: Iterable[Projection]) -> float:
    """The value that is shown as full black or white, one for all of ``projections``.

    A percentile of the absolute values that aren't zero, over the receptive-field crops. Zeros
    say nothing of how large the others are: a third to four fifths of a crop is zero where
    rectifiers let nothing through, and counted in they would pull the scale down and saturate
    the rest. 1.0 if all is zero.
    """
    return _scale(p.crop() for p in projections)


def display_scales(crops: Sequence[Floats]) -> tuple[float, list[float]]:
    """`display_scale` of all projections together, and of each by itself.

    Parameters
    ----------
    crops
        Their `Projection.crop`.
    """
    return _together_and_each(crops)


def brightness_scales(crops: Sequence[Floats], fulls: Sequence[float]) -> tuple[float, list[float]]:
    """`brightness_scale` of all projections together, and of each by itself; of their crops."""
    return _together_and_each([brightness(*one) for one in zip(crops, fulls, strict=True)])


def _together_and_each(signed: Sequence[Floats]) -> tuple[float, list[float]]:
    parts = [_magnitudes(one) for one in signed]
    each = [_percentile([part]) for part in parts]
    return each[0] if len(each) == 1 else _percentile(parts), each


def _scale(signed: Iterable[Floats]) -> float:
    """A percentile of the magnitudes that aren't zero; 1.0 if all are."""
    return _percentile([_magnitudes(one) for one in signed])


def _magnitudes(signed: Floats) -> Floats:
    return np.asarray(np.abs(signed).ravel())


SAMPLED = 64
"""One magnitude in so many tells about where the largest begin."""
MANY = 8192
"""Magnitudes from which looking at the largest alone takes less time."""


def _percentile(parts: Sequence[Floats]) -> float:
    """NumPy's percentile, to the last bit, of the magnitudes that aren't zero; 1.0 if all are."""
    if not parts:
        return 1.0
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    count = int(np.count_nonzero(values > 0))
    if not count:
        return 1.0
    largest = _largest(values, count) if count >= MANY else None
    if largest is None:
        return float(np.percentile(values[values > 0], CLIPPED_AT))
    ranked = np.zeros(count, values.dtype)  # as many, those in their places that are looked at
    ranked[count - len(largest) :] = largest
    return float(np.percentile(ranked, CLIPPED_AT, overwrite_input=True))


def _largest(values: Floats, count: int) -> Floats | None:
    """The largest of ``count`` magnitudes, rising, with those around the percentile among them.

    None where a sample doesn't tell where they begin.
    """
    needed = count - int((count - 1) * CLIPPED_AT / 100) + 1
    some = values[::SAMPLED]
    at = len(some) - 8 - 2 * needed // SAMPLED
    if at < 0:
        return None
    least = np.partition(some, at)[at]
    if not least > 0:
        return None
    found = values[values >= least]
    found.sort()
    return found if needed <= len(found) <= count else None


def brightness(pixels: Floats, full: float) -> Floats:
    """Signed brightness, (rows, columns): the weighted sum of the colour channels.

    Each is clipped at ``full`` first, as where they are shown as colours. A picture of one channel
    is its own brightness.
    """
    clipped = np.clip(pixels[..., :3], -full, full)
    if clipped.shape[-1] < 3:
        return np.asarray(clipped[..., 0])
    return np.asarray(clipped @ np.array(LUMINANCE, clipped.dtype))


def brightness_scale(projections: Sequence[Projection], fulls: Sequence[float]) -> float:
    """The brightness that is shown as black or white, as `display_scale` finds that of colours."""
    crops = zip(projections, fulls, strict=True)
    return _scale(brightness(p.crop(), full) for p, full in crops)


IN_COLOUR = 0.5
"""From which `colour_share` on projections are shown in colour unless the user chooses.

Red, green and blue that have nothing to do with each other have a third: there, colours are noise
around strokes, and brightness shows the strokes.
"""
_OPPOSED = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
"""Two colours at right angles to grey and to each other: red from green, both from blue."""


def colour_share(projections: Iterable[Projection | Floats]) -> float:
    """How much of projections' energy is one colour and its opposite, 0..1.

    A pixel's red, green and blue are their mean, which is light or dark, and what they differ from
    it by, which is colour. Of all lines through grey in that plane of colours (orange to blue, say)
    it is the one along which the pixels' sum of squares is largest; the share is that sum's of the
    sum of squares of all. Over the receptive-field crops of all ``projections`` together. 0 of
    images without colours, and where all is zero. Pixels alone are taken too, (rows, columns,
    channels) each.

    Returns
    -------
    float
        0: grey; at most about a third where red, green and blue don't depend on each other; 2/3:
        one of them alone; 1: one colour and its opposite, nothing lighter or darker.
    """
    moments, everything = np.zeros((2, 2)), 0.0
    for projection in projections:
        found = projection.crop() if isinstance(projection, Projection) else projection
        pixels = found[..., :3].astype(np.float64)
        everything += float(np.square(pixels).sum())
        if pixels.shape[-1] == 3:
            colours = pixels.reshape(-1, 3) @ _OPPOSED.T
            moments += colours.T @ colours
    largest = float(np.linalg.eigvalsh(moments)[-1])
    return largest / everything if everything > 0 else 0.0


def clearest_values(share: float) -> Values:
    """How projections of a `colour_share` are shown by themselves: "colour" or "brightness"."""
    return "colour" if share >= IN_COLOUR else "brightness"


def signed_picture(
    pixels: Floats, values: Values, scale: float | None = None, field: Floats | None = None
) -> Pixels:
    """Signed pixels as they are shown around mid-grey: in colour, or as brightness.

    Parameters
    ----------
    pixels
        (rows, columns, channels).
    values
        "colour", or "brightness", which is clipped as colours are.
    scale
        The value that is shown as black or white; by default that of `display_scale`.
    field
        The part of ``pixels`` that this scale is of; by default all.
    """
    field = pixels if field is None else field
    if values == "brightness":
        full = _scale([field])
        pixels, field = (brightness(one, full)[..., None] for one in (pixels, field))
    return signed_to_uint8(pixels, scale or _scale([field]))


def signed_to_uint8(pixels: Floats, scale: float) -> Pixels:
    """Signed values as uint8 RGB around mid-grey (128): ``-scale`` -> 1, ``scale`` -> 255."""
    out = np.clip(np.rint(pixels / scale * 127), -127, 127).astype(np.int16) + 128
    if out.shape[-1] == 1:
        out = np.repeat(out, 3, axis=-1)
    return np.asarray(out[..., :3], dtype=np.uint8)
