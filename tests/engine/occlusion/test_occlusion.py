"""Maps of an occluder, on real weights and odd networks, against loops of full forward passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

import zfwidgets as zf
from tests.engine.occlusion.plain import BAND, assert_near, blurred, check, grey, small
from zfwidgets import allocation
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.one_thread import Quicker
from zfwidgets.engine.occlusion import incremental, scoring
from zfwidgets.engine.occlusion.baselines import Paint
from zfwidgets.errors import InputError
from zfwidgets.records import Box, Occluder, OcclusionRequest, mask_of

PLUS = np.zeros((16, 16), dtype=bool)


PLUS[6:10], PLUS[:, 3:7] = True, True


def noise(image: Tensor) -> Tensor:
    field = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    out = [field[c] * image[c].std(correction=0) + image[c].mean() for c in range(len(image))]
    return torch.stack(out)


def border(image: Tensor) -> Tensor:
    ring = [image[:, 0], image[:, -1], image[:, 1:-1, 0], image[:, 1:-1, -1]]
    return torch.cat(ring, 1).mean(1).view(-1, 1, 1)


BASELINES: dict[str | float, Callable[[Tensor], Tensor]] = {
    "grey": lambda x: grey(),
    "mean": lambda x: torch.zeros(3, 1, 1),
    "blur": blurred,
    "noise": noise,
    "border": border,
    -0.75: lambda x: torch.full((3, 1, 1), -0.75),
    "sand": lambda x: torch.tensor([0.5, 0.2, -0.4]).view(3, 1, 1),
    "band": lambda x: BAND,
    "mirror": lambda x: x.flip(2),
}


@pytest.mark.parametrize(
    ("baseline", "layer", "drawn", "extra_boxes"),
    [
        ("grey", "features.7", False, ()),
        ("mean", "features.12", True, ()),
        ("blur", "features.4.squeeze", False, (Box(-5, 30, 60, 50),)),
        ("noise", "features.9", True, (Box(100, 150, 40, 90), Box(0, 0, 9, 200))),
        ("border", "features.2", False, ()),
        (-0.75, "classifier.1", False, ()),
        ("sand", None, True, ()),
        ("band", "features.5", True, ()),
        ("mirror", "features.0", False, ()),
    ],
)
def test_every_map_of_the_sample_network(
    engine: LocalEngine,
    baseline: str | float,
    layer: str | None,
    drawn: bool,
    extra_boxes: tuple[Box, ...],
) -> None:
    photo = engine.info.images.index("coffee")
    mask = mask_of(PLUS) if drawn else None
    found = engine.occlude(
        photo,
        (51, 70),
        (75, 56),
        baseline,
        layer=layer,
        mask=mask,
        extra_boxes=extra_boxes,
        progress=False,
    )
    assert found.note == ""
    assert found.grid == (3, 4)
    image = engine.session.source.tensor(photo)
    check(engine, found, image, BASELINES[baseline](image))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("layer", ["first", "pool", "second", "relu@1", "classes"])
def test_every_map_of_an_odd_network(monkeypatch, layer: str, full: bool) -> None:
    monkeypatch.setattr(scoring, "WORTHWHILE", math.inf if full else 0)
    engine = small(baselines={"mirror": lambda x: x.flip(2)})
    options = {"mask": mask_of(PLUS), "extra_boxes": (Box(30, 3, 20, 9),)}
    found = engine.occlude(1, (9, 14), (7, 5), "mirror", layer=layer, progress=False, **options)
    assert (found.note != "") is full
    image = engine.session.source.tensor(1)
    check(engine, found, image, image.flip(2))


def test_a_position_is_what_predict_says(engine: LocalEngine) -> None:
    options = {"mask": mask_of(PLUS), "extra_boxes": (Box(3, 9, 30, 40),)}
    found = next(
        engine.occlude_steps(zf.records.OcclusionRequest(5, (44, 60), 56, "blur", **options))
    )
    for i, j in np.argwhere(found.done)[:3]:
        top, left = i * 56 + 28 - 22, j * 56 + 28 - 30
        alone = engine.predict(5, Occluder(Box(top, left, 44, 60), "blur", *options.values()))
        assert_near(found.logits[i, j], alone.logits)


def test_a_stopped_pass_goes_on_where_it_was(engine: LocalEngine) -> None:
    whole = engine.occlude(2, 40, 24, layer="features.6", progress=False)
    steps = engine.occlude_steps(zf.records.OcclusionRequest(2, 40, 24, layer="features.6"))
    part = next(steps)
    steps.close()
    count = part.done.sum()
    assert 0 < count < part.done.size
    steps = engine.occlude_steps(
        zf.records.OcclusionRequest(2, 40, 24, target="tench", layer="features.6", resume=part)
    )
    assert next(steps).done.sum() > count
    steps.close()
    again = engine.occlude(
        2, 40, 24, target="tench", layer="features.6", resume=part, progress=False
    )
    assert part.done.sum() == count, "the map that is gone on with must not change"
    assert again.complete
    assert again.target == 0
    assert_near(again.logits, whole.logits)
    assert_near(again.features.totals, whole.features.totals)
    np.testing.assert_array_equal(again.logits[part.done], part.logits[part.done])
    done = engine.occlude(2, 40, 24, layer="features.6", resume=again, progress=False)
    assert done.target == whole.target
    with pytest.raises(InputError, match=r"go on with has stride \(24, 24\), but \(30, 24\)"):
        engine.occlude(2, 40, (30, 24), layer="features.6", resume=part, progress=False)
    with pytest.raises(InputError, match=r"has layer 'features.6', but None"):
        engine.occlude(2, 40, 24, resume=part, progress=False)


def test_full_passes_are_taken_where_a_clock_says_that_they_are_quicker(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = engine.occlude(2, (40, 44), 24, layer="features.6", progress=False)
    ways: list[tuple[int, ...]] = []

    class Last(Quicker):
        def choose(self, among: Sequence[int]) -> int:
            ways.append(tuple(among))
            return among[-1]

    monkeypatch.setattr(engine._occlusion, "_quicker", Last(len(scoring.WAYS)))
    engine.occlude(2, (40, 44), 56, progress=False)
    assert not any(scoring.IN_FULL in among for among in ways), "windows are clearly less work"
    ways.clear()
    monkeypatch.setattr(scoring, "CLEARLY", 100)
    monkeypatch.setattr(scoring, "FULL_AT_ONCE", 7)
    found = engine.occlude(2, (40, 44), 24, layer="features.6", progress=False)
    assert scoring.IN_FULL not in ways[0], "the first windows are compared with full passes"
    assert all(among[-1] == scoring.IN_FULL for among in ways[1:])
    assert len(ways) > 1
    assert found.note == ""
    assert_near(found.logits, windows.logits)
    for name in ("totals", "units", "hamming", "cosine"):
        assert_near(getattr(found.features, name), getattr(windows.features, name))


def test_another_way_is_tried_with_a_few_positions_and_not_in_the_first_batch(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full passes of a whole batch would take longer than all that they could save."""
    told: list[tuple[int, int]] = []
    full: list[int] = []
    in_full = scoring.Scorer._in_full

    class Noting(Quicker):
        def took(self, way: int, seconds: float, items: int) -> None:
            told.append((way, items))
            super().took(way, 1e3 if way == scoring.IN_FULL else 1.0, 1)

    def spied(self: scoring.Scorer, boxes: Sequence[Box]) -> scoring.Scores:
        full.append(len(boxes))
        return in_full(self, boxes)

    quicker = Noting(len(scoring.WAYS))
    monkeypatch.setattr(scoring, "CLEARLY", 100)
    monkeypatch.setattr(scoring, "FULL_AT_ONCE", 3)
    monkeypatch.setattr(scoring.Scorer, "_in_full", spied)
    image = engine.session.tensor(2)
    scorer = scoring.Scorer(engine.session.network, image, Paint(grey()), quicker=quicker)
    boxes = [Box(top, left, 40, 44) for top in range(0, 200, 50) for left in range(0, 200, 40)]
    scorer.prepare(boxes)
    first = scorer(boxes)
    assert (told, full) == ([], [2]), "two are compared with full passes, no way has a time yet"
    for _ in range(4):
        again = scorer(boxes)
        assert again.logits is not None
        assert_near(again.logits, first.logits)
    assert full == [2, 3]
    assert sum(items for _, items in told) == 4 * len(boxes)
    tried = told.index((scoring.IN_FULL, 3))
    assert told[tried + 1][1] == len(boxes) - 3
    assert {way for way, _ in told} == set(scorer._ways)


def test_memory_is_kept_for_a_pass_until_it_ends_or_is_let_go(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(allocation, "_set", told.append)
    for name in allocation.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocation, "_for_good", False)
    steps = engine.occlude_steps(OcclusionRequest(2, 40, 24))
    next(steps)
    assert told == [allocation.KEEPING]
    steps.close()
    assert told == [allocation.KEEPING, allocation.GIVING_BACK]
    engine.occlude(2, 40, 56, progress=False)
    assert told == 2 * [allocation.KEEPING, allocation.GIVING_BACK]
    monkeypatch.setattr(scoring, "LARGE", 1 << 20)  # less than this network's maps
    engine.occlude(3, 40, 56, progress=False)
    assert len(told) == 6, "a few positions at a time"
    monkeypatch.setattr(incremental, "MANY_WEIGHTS", -1)  # to be read once for many positions
    engine.occlude(4, 40, 56, progress=False)
    assert len(told) == 6


def test_estimates_come_from_a_probe_then_from_passes() -> None:
    engine = small()
    steps = engine.estimate_steps(OcclusionRequest(0, (9, 14), (4, 6)))
    assert len(list(steps)) >= 2, "a probe takes steps, so that what is urgent goes first"
    probed = engine.estimate(0, (9, 14), (4, 6), "second")
    assert (probed.positions, probed.basis) == (11 * 12, "probe")
    assert probed.seconds > 0
    engine.occlude(0, (9, 14), (4, 6), progress=False)
    measured = engine.estimate(0, (9, 14), (4, 6))
    assert measured.basis == "measured"
    finer = engine.estimate(0, (9, 14), (2, 3))
    assert finer.positions == 22 * 23
    assert finer.seconds > measured.seconds


def test_an_estimate_is_a_line_over_multiply_adds() -> None:
    from zfwidgets.engine.occlusion.estimate import Timing, Timings

    timings = Timings()
    assert timings.basis is None
    assert timings.seconds(5) is None
    timings.add_probe(Timing(0.5, 10, 2.0))
    assert (timings.basis, timings.seconds(100)) == ("probe", 20.5)
    begun = Timing(1.0)
    timings.add(begun)
    assert timings.basis == "probe", "a pass that has computed nothing tells nothing"
    begun.work, begun.seconds = 40, 2.0
    timings.add(Timing(2.0, 60, 3.0))
    assert (timings.basis, timings.seconds(100)) == ("measured", 6.5)
