"""The rules on networks as they are: from numbers, of one network, to what holds. NumPy only."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from zfwidgets.experiments.ablation.intervals import wilson

from .rows import Finding, spanned
from .statistics import above, below, bootstrap, every, median

Numbers = dict[str, Any]

KEPT = 0.8
"""Share of the class probability that is left where an output counts as stable."""
CHANCE = 0.05
"""Random masks that may do as well as a part's."""


def more_class_specific(layers: dict[str, list[float]]) -> Finding:
    """Rise of the shares of channels' strongest photos that are of one class, layer by layer."""
    values = [np.array(shares) for shares in layers.values()]
    steps = [
        bootstrap([low, high], lambda a, b: b.mean(1) - a.mean(1)) for low, high in pairwise(values)
    ]
    text = ", ".join(f"{name} {np.mean(shares):.2f}" for name, shares in layers.items())
    rises = " and ".join(spanned(step) for step in steps)
    return f"{text}; rises by {rises}", every(*(above(step, 0) for step in steps))


def small_shifts(numbers: Numbers) -> Finding:
    """How far the smallest shift moves the first and the last layer, of the way to other photos."""
    shift = numbers["vertical"]
    values, distance = np.array(shift["values"]), np.array(shift["distance"])
    least = np.abs(values[values != 0]).min()
    moved = distance[:, :, np.abs(values) == least].mean(2)
    apart = bootstrap([moved[:, 0] - moved[:, -1]], median)
    first, last = np.median(moved, axis=0)[[0, -1]]
    text = (
        f"shifted by {least:.0f} px, {numbers['layers'][0]} moves {first:.2f} of the way to "
        f"another photo, {numbers['layers'][-1]} {last:.2f}; difference {spanned(apart)}"
    )
    return text, above(apart, 0)


def stability(numbers: Numbers) -> Finding:
    """What is left of the class under the paper's shifts and scales, and under rotations."""
    left = {}
    for name in ("vertical", "scale", "rotation"):
        values = np.array(numbers[name]["values"])
        moved = values != (1 if name == "scale" else 0)
        if name == "rotation":
            moved = (values >= 40) & (values <= 320)
        of_photo = np.median(np.array(numbers[name]["left"])[:, moved], axis=1)
        found = bootstrap([of_photo], median)
        left[name] = float(np.median(of_photo)), found
    text = ", ".join(
        f"{words} {left[name][0]:.2f} {spanned(left[name][1])}"
        for name, words in (("vertical", "shifts"), ("scale", "scales"), ("rotation", "rotations"))
    )
    return text, every(
        above(left["vertical"][1], KEPT),
        above(left["scale"][1], KEPT),
        below(left["rotation"][1], 0.5),
    )


def localised(numbers: Numbers) -> Finding:
    """Whether most photos have places, and few, where the square halves the class probability."""
    halved = np.array(numbers["halved"])
    local = halved[halved > 0]
    share = wilson(len(local) / len(halved), len(halved))
    few = bootstrap([local], median) if len(local) else (1.0, 1.0)
    text = (
        f"{len(local)} of {len(halved)} photos {spanned(share)} have such places"
        + (f", {100 * np.median(local):.0f} % of the places there" if len(local) else "")
        + f"; lowest probability left {np.median(numbers['lowest']):.2f} of the clean one (median)"
    )
    return text, every(above(share, 0.5), below(few, 0.5))


def projection_shows_what_drives(numbers: Numbers) -> Finding:
    """What is left of the strongest map with its projection covered, and with other places."""
    on, anywhere = np.array(numbers["on_projection"]), np.array(numbers["anywhere"])
    left = bootstrap([on], median)
    gap = bootstrap([anywhere - on], median)
    text = (
        f"{np.median(on):.2f} {spanned(left)} of the map's total is left with the square on its "
        f"projection, {np.median(anywhere):.2f} with it at any place (difference {spanned(gap)}); "
        f"less than half in {(on < 0.5).sum()} of {len(on)} photos"
    )
    return text, every(below(left, 0.5), above(gap, 0))


def parts_correspond(parts: Numbers) -> Finding:
    """Whether each part changes the middle layer more alike than random masks of its sizes."""
    texts, truths = [], []
    for name, one in parts.items():
        random = np.array(one["random"])[:, 0]
        low, share = one["part"][0], as_low(one, 0)
        texts.append(f"{name} {low:.3f} (random {random.mean():.3f}, as low {share:.2f})")
        truths.append(True if share <= CHANCE else False if low >= random.mean() else None)
    return "; ".join(texts), every(*truths)


def parts_are_random_at_the_top(parts: Numbers) -> Finding:
    """Whether parts are like random masks at the top, and aren't in the middle."""
    texts, truths = [], []
    for name, one in parts.items():
        random = np.array(one["random"])[:, 1]
        ends = np.quantile(random, (0.025, 0.975))
        inside = bool(ends[0] <= one["part"][1] <= ends[1])
        texts.append(f"{name} {one['part'][1]:.3f} (random {ends[0]:.3f} to {ends[1]:.3f})")
        truths.append(inside)
    in_the_middle = parts_correspond(parts)[1]
    return "; ".join(texts), every(*truths, in_the_middle)


def as_low(part: Numbers, layer: int) -> float:
    """Share of random masks of a part's sizes that change features as alike as the part's does.

    The part itself counts among them, so that it isn't 0 (Phipson & Smyth 2010).
    """
    random = np.array(part["random"])[:, layer]
    return float((1 + (random <= part["part"][layer]).sum()) / (1 + len(random)))
