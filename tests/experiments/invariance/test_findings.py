"""Sentences on an invariance experiment are what its numbers say, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import zfwidgets as zf
from zfwidgets.experiments.invariance.curves import InvarianceCurves, InvarianceResult
from zfwidgets.experiments.invariance.drawing import common_span

ROUNDED = 1e-7
"""What another batch size does to the untransformed photo's features."""


def moved(
    layers: Sequence[Sequence[float]],
    predicted: Sequence[int] = (3, 3, 3, 3, 3),
    name: str = "vertical",
    values: Sequence[float] = (-2, -1, 0, 1, 2),
    photos: int = 1,
) -> InvarianceResult:
    """Photos of class 3 whose layers move by so much of their length at each value."""
    relative, norm = np.array(layers, dtype=float), np.arange(2.0, 2 + len(layers))
    curves = InvarianceCurves(
        name,
        "degrees" if name == "rotation" else "px",
        np.array(values, dtype=float),
        np.repeat((relative * norm[:, None])[None], photos, 0),
        np.repeat(norm[None], photos, 0),
        np.full((photos, len(values)), 0.25, np.float32),
        np.repeat(np.array(predicted)[None], photos, 0),
        np.full(photos, 0.75, np.float32),
        (np.zeros((len(values), 2, 3, 3), np.uint8),) * photos,
    )
    names = tuple(f"layer{number}" for number in range(len(layers)))
    return InvarianceResult(
        (0,) * photos,
        ("cat", "dog")[:photos],
        names,
        np.full(photos, 3),
        ("tabby",) * photos,
        ("true",) * photos,
        (curves,),
    )


def test_small_changes_and_all_changes_are_told_apart() -> None:
    found = moved([[0.75, 0.5, ROUNDED, 0.5, 0.75], [1.5, 0.25, 0, 0.25, 1.5]])
    least, every, line, _ = found.findings
    assert least.startswith("vertical, least change (-1, 1 px): ")
    assert "layer0 0.50, layer1 0.25: the last layer moves less than the first." in least
    assert every.startswith("vertical, all values: ")
    assert "layer0 0.62, layer1 0.88: the last layer moves further than the first." in every
    assert "layer1 moves 17% as far as at the largest" in line
    assert line.endswith("far from one.")


def test_the_layer_that_moves_furthest_is_named() -> None:
    every = moved([[0.5] * 2 + [0] + [0.5] * 2, [0.9] * 2 + [0] + [0.9] * 2, [0.5] * 5]).findings
    assert any("layer1, between them, furthest" in text for text in every)
    assert any("moves as far as the first" in text for text in every)
    alike = moved([[0.5] * 2 + [0] + [0.5] * 2] * 3).findings
    assert not any("furthest" in text for text in alike)


def test_a_straight_line_is_told() -> None:
    straight = [1.0, 0.5, 0, 0.52, 1.0]
    line = next(text for text in moved([straight, straight]).findings if "straight" in text)
    assert "51% as far" in line
    assert line.endswith(": near one.")


@pytest.mark.parametrize(
    ("name", "predicted", "verdict"),
    [
        ("vertical", (3, 3, 3, 3, 3), "4 of 4 cases; of 4 each: cat 4 (0.75 at rest). The output "
         "is stable, as in the paper."),
        ("vertical", (3, 3, 3, 3, 1), "3 of 4 cases; of 4 each: cat 3 (0.75 at rest). The output "
         "is not stable, unlike in the paper."),
        ("rotation", (3, 3, 3, 3, 3), "4 of 4 cases; of 4 each: cat 4 (0.75 at rest). The output "
         "is stable, unlike in the paper."),
        ("blur", (1, 1, 3, 1, 1), "0 of 4 cases; of 4 each: cat 0 (0.75 at rest). The output is "
         "not stable."),
    ],
)  # fmt: skip
def test_the_output_is_stable_or_not_beside_what_the_paper_says(name, predicted, verdict) -> None:
    """The value at rest is no case, though rounding moves features there."""
    shares = [0.75, 0.5, ROUNDED, 0.5, 0.75]
    text = moved([shares, shares], predicted, name).findings[-1]
    assert text == f"{name}: the class stays the most probable one in {verdict}"


def test_each_photo_has_its_own_count() -> None:
    found = moved([[0.5, 0.5, 0, 0.5, 0.5]], photos=2)
    curves = found.curves[0]
    predicted = curves.predicted.copy()
    predicted[1] = (1, 3, 3, 1, 1)
    found = replace(found, curves=(replace(curves, predicted=predicted),))
    assert found.kept("vertical").tolist() == [1, 0.25]
    assert "in 5 of 8 cases; of 4 each: cat 4" in found.findings[-1]
    assert "dog 1 (0.75 at rest)" in found.findings[-1]
    undone = replace(found.curves[0], pictures=(None, found.curves[0].pictures[1]))
    part = replace(found, curves=(undone,))
    np.testing.assert_array_equal(part.kept("vertical"), [np.nan, 0.25])
    assert "in 1 of 4 cases" in part.findings[-1]
    assert replace(found, curves=(replace(undone, pictures=(None, None)),)).findings == ()


def test_a_photo_that_is_taken_for_something_else_at_rest_says_so() -> None:
    text = moved([[0.5, 0.5, 0, 0.5, 0.5]], (3, 3, 1, 3, 3)).findings[-1]
    assert "cat 4 (0.75 at rest, less than another class)." in text


def test_a_full_turn_has_neighbours_on_both_sides_and_no_line() -> None:
    found = moved([[0, 0.5, 0.9, 0.5]], (3,) * 4, "rotation", (0, 90, 180, 270))
    least, _, _ = found.findings
    assert least.startswith("rotation, least change (90, 270 degrees)")
    assert not any("straight" in text for text in found.findings)


def test_what_changes_nothing_says_nothing() -> None:
    found = moved([[0, ROUNDED, 0, 0, ROUNDED]])
    assert found.findings == ()
    assert np.isnan(found.kept("vertical")).all()


def test_the_charts_of_all_layers_have_one_scale(monkeypatch) -> None:
    record = zf.experiments.recorded("invariance").result
    low, high = common_span(record)
    assert low == 0
    assert high == pytest.approx(max(np.nanmax(curves.relative) for curves in record.curves))
    ranges = []
    monkeypatch.setattr(
        "zfwidgets.experiments.invariance.drawing.line_chart",
        lambda page, area, lines, across, levels, *_, **__: ranges.append(max(levels)),
    )
    record.to_pil()
    assert ranges == [high, high, high, 1] * 3, "the class's probability has its own"
    ranges.clear()
    record.to_pil(relative=False)
    assert len({*ranges}) == 3 * 3 + 1, "distances of layers of other sizes can't be compared"
