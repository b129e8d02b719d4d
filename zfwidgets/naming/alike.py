"""Channels compared by how strongly they respond to the same images; the groups they prefer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..engine.protocol import EngineProtocol
from ..records import Ints
from .chance import LEVEL
from .shared import FEWEST

MOST_ALIKE = 6
LEAST_CORRELATION = 0.3
"""Channels that go together less than that aren't called alike."""
MOST_PREFERRED = 3


@dataclass(frozen=True)
class Responses:
    """Each image's largest activation of every channel of a layer.

    Attributes
    ----------
    layer
        Name of the layer.
    images
        (images,) int64: numbers of the images.
    values
        (images, channels) float64.
    complete
        Whether these are all images; else a sample.
    """

    layer: str
    images: Ints
    values: NDArray[np.float64]
    complete: bool

    @classmethod
    def of(cls, engine: EngineProtocol, layer: str) -> Responses:
        """Those that the engine's index keeps."""
        info = engine.layer(layer)
        at_once = getattr(engine, "samples", None)
        samples = (
            [engine.sample(info.name, channel) for channel in range(info.channels)]
            if at_once is None
            else at_once(info.name)
        )
        values = np.stack([sample.values for sample in samples], 1).astype(np.float64)
        return cls(info.name, samples[0].images, values, samples[0].complete)


def correlations(responses: Responses, channel: int) -> NDArray[np.float64]:
    """Pearson's correlation of a channel with each of its layer, over the images.

    Returns
    -------
    numpy.ndarray
        (channels,) float64 in -1..1; NaN where one of the two is the same for all images.
    """
    centred = responses.values - responses.values.mean(0)
    norms = np.sqrt((centred**2).sum(0))
    products = centred.T @ centred[:, channel]
    scale = norms * norms[channel]
    nothing = np.full(len(norms), np.nan)
    found: NDArray[np.float64] = np.divide(products, scale, out=nothing, where=scale > 0)
    return found.clip(-1, 1)


def most_alike(responses: Responses, channel: int) -> tuple[tuple[int, float], ...]:
    """The channels that respond most like one: (channel, correlation), most alike first."""
    found = correlations(responses, channel)
    found[channel] = np.nan
    order = np.argsort(-np.nan_to_num(found, nan=-2), kind="stable")[:MOST_ALIKE]
    return tuple((int(c), float(found[c])) for c in order if found[c] >= LEAST_CORRELATION)


@dataclass(frozen=True)
class Preferred:
    """A group of images to which a channel responds more strongly than to all.

    Attributes
    ----------
    text
        The group.
    mean
        The mean over its images of the channel's largest activation.
    more
        How far that is above the mean over all images.
    images
        How many images of the group there are.
    """

    text: str
    mean: float
    more: float
    images: int


def preferred(
    responses: Responses, channel: int, groups: Mapping[int, str]
) -> tuple[Preferred, ...]:
    """The groups to which a channel responds most strongly, of those with `FEWEST` images.

    Their means lie so far above that of all that the mean of as many images drawn at random would
    hardly do so for any of the groups: with a probability of at most `LEVEL`, by the normal
    distribution and Bonferroni's correction for the number of groups.
    """
    numbers, values = responses.images.tolist(), responses.values[:, channel]
    of_groups: dict[str, list[float]] = {}
    for image, value in zip(numbers, values.tolist(), strict=True):
        if image in groups:
            of_groups.setdefault(groups[image], []).append(value)
    if not of_groups:
        return ()
    everything = np.concatenate([np.array(one) for one in of_groups.values()])
    overall, spread = float(everything.mean()), float(everything.std())
    found = [
        Preferred(text, float(np.mean(one)), float(np.mean(one)) - overall, len(one))
        for text, one in of_groups.items()
        if len(one) >= FEWEST
    ]
    errors = NormalDist().inv_cdf(1 - LEVEL / max(len(found), 1))
    found = [one for one in found if one.more > errors * spread / one.images**0.5]
    return tuple(sorted(found, key=lambda one: (-one.more, one.text))[:MOST_PREFERRED])
