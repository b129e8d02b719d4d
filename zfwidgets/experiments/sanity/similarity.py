"""How alike two projections are, whatever their scales.

The measures are those of Adebayo et al. (2018), "Sanity Checks for Saliency Maps", but for the
correlation of histograms of gradients. They come from SciPy and scikit-image, which the extra
``zfwidgets[sanity]`` installs; both are imported on first use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.projection.sanity.ranks import constant, load, rank_correlation
from ...errors import InputError
from ...records import Floats

WINDOW = 7
"""Side of the window of SSIM in pixels, scikit-image's default; smaller pictures get a smaller."""


@dataclass(frozen=True)
class Similarity:
    """How alike two pictures are; 1 means equal up to a positive factor.

    Where a picture is constant (a projection that is all zero, say) nothing can be said, and
    the numbers are NaN.

    Attributes
    ----------
    rank
        Spearman's rank correlation of the signed values, -1 .. 1; ties have their mean rank.
    rank_absolute
        The same of the absolute values: where something is drawn, whatever its sign.
    ssim
        Mean structural similarity, -1 .. 1, of the pictures around mid-grey, as they are shown:
        each divided by its largest absolute value, from black 0 to white 2 with zero at 1. (Of
        values around zero it would call a picture and its negative alike.) NaN for pictures less
        than 3 pixels high or wide.
    """

    rank: float
    rank_absolute: float
    ssim: float

    def to_json(self) -> dict[str, float]:
        """``{"rank", "rank_absolute", "ssim"}``."""
        return {name: getattr(self, name) for name in MEASURES}


MEASURES = ("rank", "rank_absolute", "ssim")
UNKNOWN = Similarity(*[float("nan")] * 3)


def require() -> None:
    """Raise `MissingDependency` unless SciPy and scikit-image are there."""
    load("scipy.stats")
    load("skimage.metrics")


def compare(first: Floats, second: Floats) -> Similarity:
    """Compare two pictures.

    Parameters
    ----------
    first, second
        (rows, columns, channels), signed, of one shape. Colour channels are compared as they
        are: nothing is summed over them.

    Raises
    ------
    InputError
        If the shapes differ.
    MissingDependency
        Without SciPy or scikit-image.
    """
    if first.shape != second.shape or first.ndim != 3:
        raise InputError(
            "Expected two pictures of one shape (rows, columns, channels), got "
            f"{first.shape} and {second.shape}."
        )
    a, b = first.astype(np.float64), second.astype(np.float64)
    return Similarity(rank_correlation(a, b), rank_correlation(np.abs(a), np.abs(b)), _ssim(a, b))


def _ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    window = min(WINDOW, *a.shape[:2])
    window -= 1 - window % 2  # odd
    if window < 3 or constant(a) or constant(b):
        return float("nan")
    a, b = (values / np.abs(values).max() + 1 for values in (a, b))
    ssim = load("skimage.metrics").structural_similarity
    return float(ssim(a, b, win_size=window, data_range=2.0, channel_axis=-1))
