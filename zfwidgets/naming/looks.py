"""What patches look like: colour, direction of edges, detail, contrast.

For early layers, whose units see so little that a patch has one colour and one direction. What
many of the nine have is told beside how often random patches of the same size have it, cut from
the same photos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableImage
from ..records import LUMINANCE, Pixels, Progress
from ..stepwise import Counting
from .chance import corrected, tail
from .shared import FEWEST, SharedName

LARGEST_FIELD = 40
"""Pixels: in a larger receptive field there is more than one colour and direction."""
RANDOM_PATCHES = 200
PHOTOS = 50
"""From how many photos they are cut, at most."""
CHROMA = 0.15
"""From which mean colourfulness on (0..1, 1 is pure red) a patch has a colour."""
COHERENCE = 0.5
"""From which share of its gradients along one direction on (0..1) a patch has a direction."""
CONTRAST = 0.04
"""Below this standard deviation of brightness, 0..1, a patch has no direction and no detail."""
SMALLEST_SPECTRUM = 7
"""Pixels of a side from which on spatial frequency is told."""
EXTREME = 0.1
"""Share of patches that count as the ones with most, or least, contrast or detail."""

HUES = (
    (15, "red"), (42, "orange"), (70, "yellow"), (165, "green"), (195, "blue-green"),
    (265, "blue"), (300, "purple"), (340, "pink"), (360, "red"),
)  # fmt: skip
"""Names of hues, each up to an angle in degrees: red is 0, green 120, blue 240."""
DIRECTIONS = (
    "horizontal edges",
    "edges that rise to the right",
    "vertical edges",
    "edges that fall to the right",
)
"""Words for edges, by their angle from the horizontal, in steps of 45 degrees."""


@dataclass(frozen=True)
class Look:
    """What is measured of one patch.

    Attributes
    ----------
    hue
        Angle in degrees, 0..360: red is 0, green 120, blue 240.
    chroma
        Colourfulness of the mean colour: 0 grey, 1 pure red.
    direction
        Angle of edges and stripes from the horizontal, degrees in 0..180, rising to the right.
    coherence
        How far all gradients lie along one direction, 0..1 (structure tensor).
    contrast
        Standard deviation of brightness, which is in 0..1.
    frequency
        Root mean square spatial frequency of brightness in cycles a pixel; NaN for patches that
        are smaller than `SMALLEST_SPECTRUM` or have no contrast.
    """

    hue: float
    chroma: float
    direction: float
    coherence: float
    contrast: float
    frequency: float


def measure(patch: Pixels) -> Look:
    """Measure a patch, (rows, columns, 3) uint8."""
    pixels = patch.astype(np.float64) / 255
    red, green, blue = pixels.mean((0, 1))
    across, up = red - (green + blue) / 2, (green - blue) * np.sqrt(3) / 2
    bright = pixels @ LUMINANCE
    direction, coherence = _direction(bright)
    return Look(
        float(np.degrees(np.arctan2(up, across)) % 360),
        float(np.hypot(across, up)),
        direction,
        coherence,
        float(bright.std()),
        _frequency(bright),
    )


def _direction(bright: NDArray[np.float64]) -> tuple[float, float]:
    """Angle of edges from the horizontal, and coherence, by the structure tensor."""
    if min(bright.shape) < 2:
        return 0.0, 0.0
    down, right = np.gradient(bright)
    xx, yy, xy = (right**2).sum(), (down**2).sum(), (right * down).sum()
    if xx + yy == 0:
        return 0.0, 0.0
    gradient = np.arctan2(2 * xy, xx - yy) / 2  # its rows count downward
    along = 90 - np.degrees(gradient)  # an edge lies across its gradient; upward is positive
    return float(along % 180), float(np.hypot(xx - yy, 2 * xy) / (xx + yy))


def _frequency(bright: NDArray[np.float64]) -> float:
    """Root mean square frequency of the power spectrum without its mean, under a Hann window."""
    rows, columns = bright.shape
    if min(rows, columns) < SMALLEST_SPECTRUM:
        return float("nan")
    window = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1])
    centred = bright - (bright * window).sum() / window.sum()
    power = np.abs(np.fft.fft2(centred * window)) ** 2
    square = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.fftfreq(columns)[None] ** 2
    total = power.sum()
    return float(np.sqrt((power * square).sum() / total)) if total > 1e-12 else float("nan")


def traits(looks: Sequence[Look]) -> list[set[str]]:
    """What can be said of each of some patches, in words.

    Contrast and detail go by rank: "strong contrast" are the tenth of them that have most.
    """
    found: list[set[str]] = []
    for look in looks:
        words = set()
        if look.chroma >= CHROMA:
            words.add(next(name for end, name in HUES if look.hue <= end))
        if look.coherence >= COHERENCE and look.contrast >= CONTRAST:
            words.add(DIRECTIONS[round(look.direction / 45) % 4])
        found.append(words)
    contrast = np.array([look.contrast for look in looks])
    detail = np.array([look.frequency if look.contrast >= CONTRAST else np.nan for look in looks])
    for values, least, most in (
        (contrast, "hardly any contrast", "strong contrast"),
        (detail, "coarse structure", "fine structure"),
    ):
        if np.isnan(values).all():
            continue
        low, high = np.nanquantile(values, [EXTREME, 1 - EXTREME])
        for words, value in zip(found, values, strict=True):
            if low < high and value <= low:
                words.add(least)
            if low < high and value >= high:
                words.add(most)
    return found


def random_look_steps(
    size: tuple[int, int],
    images: int,
    photo: Callable[[int], Pixels],
    seed: int = 0,
) -> Counting[tuple[Look, ...]]:
    """Measure `RANDOM_PATCHES` random patches of the engine's photos, a few photos a step.

    Parameters
    ----------
    size
        Rows and columns of a patch.
    images
        How many images the engine has.
    photo
        The photo of a number, (rows, columns, 3) uint8; those that raise `UnreadableImage` are
        left out.
    seed
        Seed of which photos and where. The global random state stays as it is.
    """
    random = np.random.default_rng(seed)
    chosen = random.permutation(images)[:PHOTOS].tolist()
    each = -(-RANDOM_PATCHES // max(len(chosen), 1))
    found: list[Look] = []
    for done, image in enumerate(chosen):
        if done % 5 == 0:
            yield Progress(done, len(chosen), None, "cutting random patches")
        try:
            pixels = photo(image)
        except UnreadableImage:
            continue
        height, width = (min(a, b) for a, b in zip(size, pixels.shape[:2], strict=True))
        for _ in range(min(each, RANDOM_PATCHES - len(found))):
            top = random.integers(pixels.shape[0] - height + 1)
            left = random.integers(pixels.shape[1] - width + 1)
            found.append(measure(pixels[top : top + height, left : left + width]))
    return tuple(found)


def share_looks(
    nine: Sequence[Look], others: Sequence[Look], channels: int
) -> tuple[SharedName, ...]:
    """What a channel's strongest patches look like, the least probable by chance first.

    Contrast comes last: nearly all channels of early layers like it strong.

    The chance is that of nine patches drawn at random from the nine and the ``others`` together.

    Parameters
    ----------
    nine
        The channel's strongest patches.
    others
        Random patches.
    channels
        How many channels of the layer may be named.
    """
    words = traits([*nine, *others])
    drawn = len(nine)
    here = Counter(word for one in words[:drawn] for word in one)
    everywhere = Counter(word for one in words for word in one)
    tests = channels * sum(there >= FEWEST for there in everywhere.values())
    found = []
    for word, count in here.items():
        if count < FEWEST or not others:
            continue
        there, total = everywhere[word], len(words)
        p = corrected(tail(drawn, count, there, total), tests)
        share = (there - count) / len(others)
        found.append(SharedName(word, count, drawn, share, len(others), p, tests))
    return tuple(sorted(found, key=lambda name: ("contrast" in name.text, name.p, name.text)))
