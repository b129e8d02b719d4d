"""What filters show by themselves. NumPy only.

A filter is all the weights that make one channel: (in, rows, columns). Frequencies are in cycles
per pixel of the layer's own input, on a grid of 64 x 64, along rows and columns each from -1/2 up
to 1/2; a filter's energy at a frequency is the squared magnitude of its discrete Fourier
transform there, filled up with zeros to 64 x 64, summed over its input channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...records import Floats, Ints

Doubles = NDArray[np.float64]

BANDS = ("low", "mid", "high")
"""Below 1/6, from 1/6 to below 1/3, and from 1/3 cycles a pixel: thirds of the Nyquist limit of
1/2, by the distance from zero, so that the corners beyond 1/2 are high."""

WHITE = (0.087, 0.263, 0.650)
"""The bands' shares of all frequencies: what filters of independent random weights have."""

GRID = 64


def rms(filters: Floats) -> Floats:
    """Root of the mean squared weight of each filter of (out, in, rows, columns): (out,) float32.

    The paper renormalises filters by it (section 3, `zfwidgets.models.renormalize_filters_`).
    """
    mean = np.square(filters, dtype=np.float64).reshape(len(filters), -1).mean(1)
    return np.asarray(np.sqrt(mean), np.float32)


def dominance(values: Floats) -> Floats:
    """Each filter's RMS over the median of the layer's: above 2 a filter dominates.

    NaN where the median is zero.
    """
    median = float(np.median(values))
    scale = median if median > 0 else float("nan")
    return (values / scale).astype(np.float32)


def nearest(filters: Floats, groups: int = 1) -> tuple[Ints, Floats]:
    """Each filter's most similar other one, and their cosine.

    The cosine is of all weights as one vector, as they are: 1 means equal but for a positive
    factor, so that the two channels differ by scale and bias only. From 0.95 on they are called
    near-duplicates. In a convolution with groups only filters of one group see the same channels,
    and only these are compared.

    Parameters
    ----------
    filters
        (out, in, rows, columns).
    groups
        Groups of the convolution.

    Returns
    -------
    (out,) int64
        The other filter's number; -1 where there is none, or one of the two is all zero.
    (out,) float32
        The cosine, -1..1; NaN there.
    """
    number = len(filters)
    vectors = filters.reshape(number, -1).astype(np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    which, cosine = np.full(number, -1), np.full(number, np.nan)
    for group in np.split(np.arange(number), groups):
        alike = directions[group] @ directions[group].T
        possible = (length[group] > 0) & (length[group] > 0).T
        np.fill_diagonal(possible, False)
        alike[~possible] = -np.inf
        best = alike.argmax(1)
        found = possible.any(1)
        which[group[found]] = group[best[found]]
        cosine[group[found]] = alike[np.arange(len(group)), best][found].clip(-1, 1)
    return which.astype(np.int64), cosine.astype(np.float32)


def spectrum(filters: Floats) -> Floats:
    """Shares of the energy of each filter of (out, in, rows, columns) in the `BANDS`: (out, 3).

    They sum to 1; NaN for a filter that is all zero.
    """
    radius = np.hypot(*_frequencies())
    bands = [radius < 1 / 6, (radius >= 1 / 6) & (radius < 1 / 3), radius >= 1 / 3]
    return np.stack([_share(filters, band) for band in bands], 1)


def beyond(filters: Floats, stride: Sequence[int]) -> Floats:
    """Share of each filter's energy at frequencies that its stride can't carry.

    Those above 1 / (2 stride) cycles a pixel along rows or columns, the Nyquist limit of the
    places that the filter is put at: what lies there turns up as lower frequencies. It is the
    share of the response's variance there if the input were white noise.

    Parameters
    ----------
    filters
        (out, in, rows, columns).
    stride
        (rows, columns).

    Returns
    -------
    (out,) float32
        0 without a stride; NaN for a filter that is all zero.
    """
    return _share(filters, too_fine(*_frequencies(), stride))


def too_fine(
    down: NDArray[np.floating], right: NDArray[np.floating], stride: Sequence[int]
) -> NDArray[np.bool_]:
    """Which frequencies, along rows and along columns, a stride can't carry."""
    return np.asarray((np.abs(down) > 0.5 / stride[0]) | (np.abs(right) > 0.5 / stride[1]))


def _frequencies() -> tuple[Doubles, Doubles]:
    along = np.fft.fftfreq(GRID)
    down, right = np.broadcast_arrays(along[:, None], along[None])
    return down, right


def _share(filters: Floats, band: NDArray[np.bool_]) -> Floats:
    """Share of each filter's energy at the frequencies ``band`` (64, 64).

    By Parseval's theorem: the energy is a quadratic form of the filter's weights, one matrix for
    all, which saves transforming each plane of each filter.
    """
    rows, columns = filters.shape[-2:]
    # The mean over the band of cos(2 pi f (a - b)), for taps a and b: a Fourier transform of it.
    kernel = np.fft.ifft2(band).real
    down, right = (index.ravel() for index in np.indices((rows, columns)))
    form = kernel[down[:, None] - down, right[:, None] - right]
    taps = filters.reshape(len(filters), -1, rows * columns).astype(np.float64)
    energy = np.einsum("oca,oca->o", taps @ form, taps)
    total = np.einsum("oca,oca->o", taps, taps)
    share = np.full(len(filters), np.nan)
    np.divide(energy, total, out=share, where=total > 0)
    return np.asarray(np.clip(share, 0, 1), np.float32)
