"""The rules on networks that were trained for them, several seeds of each. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .rows import Finding, spanned
from .statistics import (
    Interval,
    above,
    below,
    bootstrap,
    every,
    of_images,
    order,
    over_seeds,
    within,
)

Numbers = dict[str, Any]

SETTLED = 0.9
"""Correlation with the end from which on a layer counts as settled."""
LITTLE = 0.1
"""A rise of the error that counts as little: twice what the paper's two removals cost."""
ALIKE = 0.032
"""A difference of errors that counts as none: what 1,800 photos can tell."""
HEADS = 0.8
"""Share of the parameters from which on leaving out the fully connected layers is a surprise."""
DROP = 0.007
"""How far the paper's own top layer falls behind the one below (Table 7, Caltech-101)."""


def layers_settle_in_order(seeds: Sequence[Numbers]) -> Finding:
    """Whether layers become what they are at the end one after the other, the first one first."""
    names = list(seeds[0]["likeness"])
    means = np.array([[np.mean(one["likeness"][n][:-1]) for n in names] for one in seeds])
    falls, chance = order(means)
    settled = np.array([[_settled(one, name) for name in names] for one in seeds])
    first = bool((settled[:, 0] < settled[:, 1:].min(1)).all())
    when = ", ".join(
        f"{name} {'-' if np.isinf(np.median(settled[:, i])) else f'{np.median(settled[:, i]):.1f}'}"
        for i, name in enumerate(names)
    )
    text = (
        "likeness to the end, mean over time: "
        + ", ".join(f"{name} {mean:.2f}" for name, mean in zip(names, means.mean(0), strict=True))
        + f"; rank correlation with depth {falls:.2f}, by chance {chance:.3f}; settled (> "
        f"{SETTLED}) at epoch {when}"
    )
    return text, chance < 0.05 and first


def _settled(one: Numbers, name: str) -> float:
    """The epoch from which on a layer stays like its end; infinite if there is none.

    Interpolated between moments, so that how many there are doesn't decide who is first.
    """
    likeness, epochs = np.array(one["likeness"][name]), one["epochs"]
    late = np.flatnonzero(likeness < SETTLED)
    if not len(late):
        return float(epochs[0])
    last = int(late[-1])
    if last + 1 >= len(epochs) - 1:
        return float("inf")
    share = (SETTLED - likeness[last]) / (likeness[last + 1] - likeness[last])
    return float(epochs[last] + share * (epochs[last + 1] - epochs[last]))


BANDS = ("low", "mid", "high")
NOISE = 1.5
"""Energy at low frequencies, beside white noise's, from which on filters have learned something."""


def mixes_extremes(seeds: Sequence[Numbers]) -> Finding:
    """Whether AlexNet's filters have less energy at mid frequencies than at low and at high ones.

    Energy is compared with that of white noise, which has the same at all frequencies.
    """
    alex = _densities(seeds, "alexnet_small")
    gaps = [
        bootstrap([alex], lambda a, other=other: (a[..., other] - a[..., 1]).mean(1))
        for other in (0, 2)
    ]
    text = f"{_bands(alex)} (white noise: 1); low less mid {spanned(gaps[0])}, high less mid "
    return text + spanned(gaps[1]), every(*(above(gap, 0) for gap in gaps))


def more_mid_frequencies(seeds: Sequence[Numbers]) -> Finding:
    """Whether ZFNet's filters have more energy at mid frequencies than AlexNet's, and aren't noise.

    White noise has more than either: filters that are little else cover the mid frequencies
    without having learned anything.
    """
    alex, zf = (_densities(seeds, name) for name in ("alexnet_small", "zfnet_small"))
    more = bootstrap([zf, alex], lambda z, a: z[..., 1].mean(1) - a[..., 1].mean(1))
    learned = bootstrap([zf], lambda z: z[..., 0].mean(1))
    text = f"alexnet_small {_bands(alex)}; zfnet_small {_bands(zf)} (white noise: 1); mid, more by "
    return text + spanned(more), every(above(more, 0), above(learned, NOISE))


def _densities(seeds: Sequence[Numbers], name: str) -> np.ndarray:
    """(filters of all seeds, bands): energy beside white noise's."""
    return np.concatenate([np.array(one[name]["spectrum"]) for one in seeds]) / _areas()


def _bands(filters: np.ndarray) -> str:
    return ", ".join(f"{b} {v:.2f}" for b, v in zip(BANDS, filters.mean(0), strict=True))


def _areas() -> np.ndarray:
    """Shares of all frequencies that the three bands have; see `diagnosis.measures.spectrum`."""
    along = np.fft.fftfreq(64)
    radius = np.hypot(along[:, None], along[None])
    return np.array(
        [
            (radius < 1 / 6).mean(),
            ((radius >= 1 / 6) & (radius < 1 / 3)).mean(),
            (radius >= 1 / 3).mean(),
        ]
    )


def aliasing(seeds: Sequence[Numbers]) -> Finding:
    """Whether the smaller stride aliases less and agrees more under a shift by a pixel."""
    less = over_seeds(_gaps(seeds, "aliasing"))
    more = over_seeds([-gap for gap in _gaps(seeds, "consistency")])
    text = f"{_both(seeds, 'aliasing')}, less by {spanned(less, '.3f')}; agreement under a shift "
    text += f"{_both(seeds, 'consistency')}, more by {spanned(more, '.3f')}"
    return text, every(above(less, 0), above(more, 0))


def dead_features(seeds: Sequence[Numbers]) -> Finding:
    """Whether fewer channels of the first two layers are dead."""
    fewer = over_seeds(_gaps(seeds, "dead"))
    truth = above(fewer, 0) if any(one[n]["dead"] for one in seeds for n in one) else None
    return f"{_both(seeds, 'dead', '.1f')}, fewer by {spanned(fewer, '.1f')}", truth


def smaller_error(seeds: Sequence[Numbers], tested: int) -> Finding:
    """Whether ZFNet's layers classify better than AlexNet's."""
    shares = [np.mean([one[name]["error"] for one in seeds]) for name in seeds[0]]
    less = over_seeds(_gaps(seeds, "error"), of_images(shares, tested))
    text = f"{_both(seeds, 'error', '.1f', 100)} %, less by {spanned(less, '.1f', 100)} points"
    return text, above(less, 0)


def together_is_better(numbers: Numbers, tested: int) -> Finding:
    """Whether the mean answer of several networks has a smaller error than each alone."""
    (one, ten), (_, all_ten) = numbers["alone"], numbers["together"]
    less = over_seeds([e - all_ten for e in ten], of_images([np.mean(ten), all_ten], tested))
    text = (
        f"alone {100 * np.mean(one):.1f} % with one crop, {100 * np.mean(ten):.1f} % with ten; "
        f"together {100 * all_ten:.1f} %, less by {spanned(less, '.1f', 100)} points"
    )
    return text, above(less, 0)


def _gaps(seeds: Sequence[Numbers], what: str) -> list[float]:
    """AlexNet's less ZFNet's, of each seed."""
    return [one["alexnet_small"][what] - one["zfnet_small"][what] for one in seeds]


def _both(seeds: Sequence[Numbers], what: str, form: str = ".3f", scale: float = 1) -> str:
    return ", ".join(
        f"{name} {scale * np.mean([one[name][what] for one in seeds]):{form}}" for name in seeds[0]
    )


# ---------------------------------------------------------------------- Table 3

WHOLE, MIDDLE = "as it is", "without conv3, conv4"
FULL, BOTH = "without fc6, fc7", "without conv3, conv4, fc6, fc7"


class Errors:
    """Validation errors of variants, of each seed.

    Parameters
    ----------
    seeds
        By the variant's name: validation and training error.
    tested
        Photos that the errors are of.
    """

    def __init__(self, seeds: Sequence[dict[str, Sequence[float]]], tested: int) -> None:
        self.seeds, self.tested = seeds, tested

    def mean(self, name: str, which: int = 0) -> float:
        """Mean over the seeds: of validation errors (0), of training errors (1)."""
        return float(np.mean([one[name][which] for one in self.seeds]))

    def gap(self, plus: Sequence[str], minus: Sequence[str]) -> Interval:
        """Interval of some errors less others."""
        values = [
            sum(one[name][0] for name in plus) - sum(one[name][0] for name in minus)
            for one in self.seeds
        ]
        shares = [self.mean(name) for name in (*plus, *minus)]
        return over_seeds(values, of_images(shares, self.tested))

    def text(self, *names: str) -> str:
        """Errors in words."""
        return "; ".join(
            f"{name} {100 * self.mean(name):.1f} % (training {100 * self.mean(name, 1):.1f} %)"
            for name in names
        )

    def learned(self, classes: int) -> bool:
        """Whether the whole network makes less than two thirds of the errors of guessing."""
        return self.mean(WHOLE) < (1 - 1 / classes) * 2 / 3


def depth_matters(errors: Errors, heads: float) -> Finding:
    """Whether leaving out both parts costs more than nothing, and than the two costs together."""
    middle, full = errors.gap([MIDDLE], [WHOLE]), errors.gap([FULL], [WHOLE])
    extra = errors.gap([BOTH, WHOLE], [MIDDLE, FULL])
    text = (
        f"{errors.text(WHOLE, MIDDLE, FULL, BOTH)}; alone they cost {spanned(middle, '.1f', 100)} "
        f"and {spanned(full, '.1f', 100)} points, together {spanned(extra, '.1f', 100)} more"
    )
    worse = errors.gap([BOTH], [WHOLE])  # of two gains the sum is small, too
    truth = every(below(middle, LITTLE), below(full, LITTLE), above(extra, 0), above(worse, 0))
    return text, truth if heads >= HEADS else None


def wider_helps(errors: Errors) -> Finding:
    """Whether wider middle layers have a smaller error."""
    wide = next(name for name in errors.seeds[0] if name.startswith("conv3"))
    less = errors.gap([WHOLE], [wide])
    return f"{errors.text(WHOLE, wide)}; less by {spanned(less, '.1f', 100)} points", above(less, 0)


def width_of_heads(errors: Errors, classes: int) -> Finding:
    """Whether the fully connected layers' width hardly matters, in a network that has learned."""
    names = [name for name in errors.seeds[0] if name.startswith("fc6")]
    gaps = [errors.gap([name], [WHOLE]) for name in names]
    said = " and ".join(spanned(gap, ".1f", 100) for gap in gaps)
    truth = every(*(within(gap, ALIKE) for gap in gaps))
    if not errors.learned(classes):
        return f"{errors.text(WHOLE, *names)}; nothing learned", False
    return f"{errors.text(WHOLE, *names)}; differences {said} points", truth


# ---------------------------------------------------------------------- Tables 4 to 7, Fig. 9


def rises_up_the_network(layers: Sequence[str], accuracies: Sequence[Sequence[float]]) -> Finding:
    """Whether a linear classifier gets better up the network, from split to split."""
    values = np.array(accuracies)
    half = len(values) // 2
    rise = over_seeds(list(values[-1] - values[0]))
    upper = over_seeds(list(values[half:].mean(0) - values[:half].mean(0)))
    text = ", ".join(
        f"{name} {100 * mean:.1f}" for name, mean in zip(layers, values.mean(1), strict=True)
    )
    text += f" %; top less bottom {spanned(rise, '.1f', 100)}, upper half less lower half "
    return text + f"{spanned(upper, '.1f', 100)} points", every(above(rise, 0), above(upper, 0))


def none_better_below(layers: Sequence[str], accuracies: Sequence[Sequence[float]]) -> Finding:
    """Whether the top is no worse than the best layer below it, and better than the bottom."""
    values = np.array(accuracies)
    best = int(values[:-1].mean(1).argmax())
    top = over_seeds(list(values[-1] - values[best]))
    text = f"top less the best below it ({layers[best]}) {spanned(top, '.1f', 100)} points"
    return text, every(above(top, -DROP), rises_up_the_network(layers, accuracies)[1])


def few_photos_suffice(few: Sequence[float], scratch: Sequence[float]) -> Finding:
    """Whether features with 5 photos of each class beat a network from scratch with 30."""
    gap = over_seeds([a - b for a, b in zip(few, scratch, strict=True)])
    text = (
        f"5 photos on features {100 * np.mean(few):.1f} %, 30 from scratch "
        f"{100 * np.mean(scratch):.1f} %: more by {spanned(gap, '.1f', 100)} points"
    )
    return text, above(gap, 0)


HALF_WAY = 0.5
"""From random order to every picture of a class before all others. The paper's is 0.77."""


def several_labels(precision: Sequence[Sequence[float]], chance: Sequence[float]) -> Finding:
    """Whether classes of which a picture shows several are told well, from split to split.

    Parameters
    ----------
    precision
        Average precision of each class in each split.
    chance
        By class, that of pictures in random order.
    """
    values, nothing = np.array(precision), float(np.mean(chance))
    means = values.mean(0)
    way = over_seeds(list((means - nothing) / (1 - nothing)))
    text = (
        f"mean average precision {100 * means.mean():.1f} %, in random order {100 * nothing:.1f}; "
        f"{spanned(way)} of the way to 100 %; worst class {100 * values.mean(1).min():.1f}, best "
        f"{100 * values.mean(1).max():.1f} %"
    )
    return text, above(way, HALF_WAY)
