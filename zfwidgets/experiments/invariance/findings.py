"""What an invariance experiment's numbers say, in sentences, beside what the paper says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .curves import InvarianceCurves, InvarianceResult

STABLE = 0.9
"""Share of the cases in which the class must stay the most probable one for a stable output."""
ALIKE = 0.05
"""Two layers whose distances differ by less move as far as each other."""
STRAIGHT = 0.1
"""How far from a half a straight line's distance may be at half of the largest change."""
STABLE_IN_PAPER = {"vertical": True, "horizontal": True, "scale": True, "rotation": False}
"""Whether the paper calls the output stable (section 4, Fig. 5), by the package's transforms."""


def findings(result: InvarianceResult) -> tuple[str, ...]:
    """How far layers move, and what becomes of the class, for each transform that is done.

    Distances are medians over the photos that are done and the values that move features.
    """
    return tuple(text for curves in result.curves for text in _of(result, curves))


def _of(result: InvarianceResult, curves: InvarianceCurves) -> Iterator[str]:
    photos, changing = curves.photos_done, curves.changing
    if not len(photos) or not changing.any():
        return
    still = np.flatnonzero(~changing)
    where = f"{curves.name}, all values"
    if len(still):
        away = np.abs(curves.values - curves.values[still[0]])
        if curves.full_turn:
            away = np.minimum(away, 360 - away)
        least = changing & np.isclose(away, away[changing].min())
        if least.sum() < changing.sum():
            yield _distances(
                result, curves, least, f"{curves.name}, least change ({_values(curves, least)})"
            )
    yield _distances(result, curves, changing, where)
    if len(still) and not curves.full_turn:
        yield from _line(result, curves, away)
    if (result.classes[photos] >= 0).all():
        yield _classes(result, curves)


def _distances(
    result: InvarianceResult, curves: InvarianceCurves, values: np.ndarray, where: str
) -> str:
    """How far each layer's features move at some values, and which layer moves furthest."""
    moved = np.nanmedian(curves.relative[curves.photos_done][..., values], axis=(0, 2))
    said = ", ".join(f"{layer} {by:.2f}" for layer, by in zip(result.layers, moved, strict=True))
    text = f"{where}: features move, in their own lengths, {said}"
    if len(moved) == 1:
        return f"{text}."
    gap = moved[-1] - moved[0]
    how = "as far as" if abs(gap) < ALIKE else "further than" if gap > 0 else "less than"
    text = f"{text}: the last layer moves {how} the first"
    most = int(moved.argmax())
    if 0 < most < len(moved) - 1 and moved[most] - max(moved[0], moved[-1]) >= ALIKE:
        text = f"{text}, and {result.layers[most]}, between them, furthest"
    return f"{text}."


def _line(result: InvarianceResult, curves: InvarianceCurves, away: np.ndarray) -> Iterator[str]:
    """Whether the last layer's distance is a straight line of the change: "quasi-linear"."""
    half = np.isclose(away, away.max() / 2)
    if not half.any():
        return
    last = curves.relative[curves.photos_done, -1]
    share = np.median(last[:, half].mean(1) / last[:, np.isclose(away, away.max())].mean(1))
    straight = "near one" if abs(share - 0.5) <= STRAIGHT else "far from one"
    yield (
        f"{curves.name}, at half of the largest change: {result.layers[-1]} moves {share:.0%} as "
        f"far as at the largest; a straight line would give 50%: {straight}."
    )


def _classes(result: InvarianceResult, curves: InvarianceCurves) -> str:
    """How often each photo's class stays the most probable one."""
    photos, cases = curves.photos_done, int(curves.changing.sum())
    kept = np.rint(result.kept(curves.name)[photos] * cases).astype(int)
    each = ", ".join(
        f"{result.image_names[photo]} {count} ({_at_rest(result, curves, photo)})"
        for photo, count in zip(photos, kept, strict=True)
    )
    stable = kept.sum() >= STABLE * cases * len(photos)
    text = (
        f"{curves.name}: the class stays the most probable one in {kept.sum()} of "
        f"{cases * len(photos)} cases; of {cases} each: {each}. The output is "
        f"{'stable' if stable else 'not stable'}"
    )
    paper = STABLE_IN_PAPER.get(curves.name)
    if paper is not None:
        text = f"{text}, {'as' if paper == stable else 'unlike'} in the paper"
    return f"{text}."


def _at_rest(result: InvarianceResult, curves: InvarianceCurves, photo: int) -> str:
    """The class's probability at rest; its class may be that of the photo outside of the disc."""
    text = f"{curves.untransformed[photo]:.2f} at rest"
    still = np.flatnonzero(~curves.changing)
    if len(still) and curves.predicted[photo, still[0]] != result.classes[photo]:
        text = f"{text}, less than another class"
    return text


def _values(curves: InvarianceCurves, chosen: np.ndarray) -> str:
    numbers = ", ".join(f"{value:g}" for value in curves.values[chosen])
    return f"{numbers} {curves.unit}".rstrip()
