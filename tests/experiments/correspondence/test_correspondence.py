"""Correspondence against plain loops in float64, and what it leaves untouched."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import zfwidgets as zf
from tests.experiments.small import COLUMNS, MEAN, ROWS, STD, Pictures, chain, make_engine
from tests.experiments.untouched import untouched
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import measure_correspondence, measure_correspondence_steps
from zfwidgets.experiments.correspondence.measuring import signs_of
from zfwidgets.experiments.correspondence.signs import CorrespondenceResult, MaskedSigns
from zfwidgets.records import Box, Progress

LAYERS = ("0", "1", "6")
PHOTOS = (0, 3, 1)
BOXES = {
    "top": [(2, 3, 9, 5), (0, 10, 7, 8), (5, 1, 10, 6)],
    "bottom": [Box(25, 2, 11, 6), Box(20, 16, 9, 8), Box(28, 9, 8, 7)],
}
ROWS_OF_ALL = ("top", "bottom", "random, size of top", "random, size of bottom")
NAMES = tuple(f"{number}" for number in PHOTOS)


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


@pytest.fixture(scope="module")
def result(engine):
    return measure_correspondence(
        engine, BOXES, PHOTOS, layers=LAYERS, draws=3, seed=4, progress=False
    )


# ---------------------------------------------------------------- the plain computation


def plain_features(image: np.ndarray) -> dict[str, list[float]]:
    model, signal = chain().double().eval(), torch.from_numpy(image)[None]
    found = {}
    for number, module in enumerate(model):
        signal = module(signal)
        found[str(number)] = signal.detach().flatten().tolist()
    return found


def plain_signs(image: np.ndarray, box: Box) -> dict[str, list[int]]:
    """sign(x - x~) of each unit, by layer; in float64 what isn't changed is exactly equal."""
    masked = image.copy()
    for row in range(box.top, box.top + box.height):
        for column in range(box.left, box.left + box.width):
            masked[:, row, column] = ((0.5 - MEAN) / STD).double().numpy()
    clean, covered = plain_features(image), plain_features(masked)
    signs = {}
    for layer, values in clean.items():
        changes = [a - b for a, b in zip(values, covered[layer], strict=True)]
        signs[layer] = [0 if c == 0 else (1 if c > 0 else -1) for c in changes]
    return signs


def check(signs, boxes: list[Box]) -> None:
    """Compare a record with loops over photos, pairs and units."""
    images = Pictures().tensors.double().numpy()
    plain = [plain_signs(images[photo], box) for photo, box in zip(PHOTOS, boxes, strict=True)]
    for place, layer in enumerate(LAYERS):
        of_layer = [one[layer] for one in plain]
        units = len(of_layer[0])
        for photo, values in enumerate(of_layer):
            changed = sum(value != 0 for value in values) / units
            assert signs.changed[place, photo] == pytest.approx(changed)
        pair = 0
        for i in range(3):
            for j in range(i + 1, 3):
                differing = opposite = both = 0
                for a, b in zip(of_layer[i], of_layer[j], strict=True):
                    differing += a != b
                    both += a != 0 and b != 0
                    opposite += a * b == -1
                assert signs.differing[place, pair] == pytest.approx(differing / units)
                share = opposite / both if both else math.nan
                assert signs.opposite[place, pair] == pytest.approx(share, nan_ok=True)
                pair += 1


def as_boxes(given) -> list[Box]:
    return [box if isinstance(box, Box) else Box(*box) for box in given]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("part", BOXES)
def test_a_parts_signs_are_those_of_a_plain_computation(result, part):
    signs = result.parts[part]
    assert list(signs.boxes) == as_boxes(BOXES[part])
    check(signs, as_boxes(BOXES[part]))
    assert signs.differing.min() > 0
    assert signs.changed[:2].max() < 1  # below the last layer most units don't see the mask


def test_random_masks_have_the_parts_sizes_and_plain_signs(result):
    seen = set()
    for part, draws in result.random.items():
        assert len(draws) == 3
        for draw in draws:
            for box, own in zip(draw.boxes, as_boxes(BOXES[part]), strict=True):
                assert (box.height, box.width) == (own.height, own.width)
                assert box.clip(ROWS, COLUMNS) == box
                seen.add(box)
            check(draw, list(draw.boxes))
    assert len(seen) > 10


def test_the_papers_sum_over_ordered_pairs_is_the_mean_over_pairs(result):
    """D = sum over i != j of Hamming, divided by n (n - 1) and by the number of units."""
    images = Pictures().tensors.double().numpy()
    boxes = as_boxes(BOXES["top"])
    signs = [plain_signs(images[p], box)["6"] for p, box in zip(PHOTOS, boxes, strict=True)]
    total = 0
    for i in range(3):
        for j in range(3):
            if i != j:
                total += sum(a != b for a, b in zip(signs[i], signs[j], strict=True))
    assert result.mean("top")[2] == pytest.approx(total / (3 * 2 * len(signs[0])))


def test_spread_and_rows(result):
    for row in ("top", "bottom"):
        values = result.parts[row].differing
        for layer in range(3):
            mean = sum(values[layer]) / 3
            assert result.mean(row)[layer] == pytest.approx(mean)
            spread = math.sqrt(sum((value - mean) ** 2 for value in values[layer]) / 3)
            assert result.spread(row)[layer] == pytest.approx(spread)
            below = [draw.differing[layer].mean() <= mean for draw in result.random[row]]
            assert result.not_above(row)[layer] == pytest.approx(sum(below) / 3)
    everything = [draw.differing for draws in result.random.values() for draw in draws]
    np.testing.assert_allclose(result.mean("random"), np.mean(everything, (0, 2)))
    for part in ("top", "bottom"):
        own = [draw.differing for draw in result.random[part]]
        np.testing.assert_allclose(result.mean(f"random, size of {part}"), np.mean(own, (0, 2)))
    assert result.rows() == ROWS_OF_ALL
    assert result.pairs == 3
    with pytest.raises(InputError, match="no row 'ear' in this result: there is 'top', 'bottom'"):
        result.mean("ear")


def test_tables(result):
    frame = result.to_frame()
    assert len(frame) == 4 * 3
    row = frame[(frame["masked"] == "bottom") & (frame["layer"] == "1")].iloc[0]
    assert row["differing"] == result.mean("bottom")[1]
    assert row["changed"] == pytest.approx(result.parts["bottom"].changed[1].mean())
    assert row["opposite"] == pytest.approx(result.opposite("bottom")[1])
    assert row["pairs"] == 3
    assert frame.iloc[-1]["masked"] == "random, size of bottom"
    assert frame.iloc[-1]["pairs"] == 3 * 3
    table = result.to_table()
    mean, spread = result.mean("top")[2], result.spread("top")[2]
    assert table.loc["top", "6"] == f"{mean:.3f} ± {spread:.3f}"
    assert result.to_pil().mode == "RGB"


def test_changes_that_agree_have_no_differing_signs():
    """The same photo, shifted, with the same part masked: a layer that sums sees the same."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(3, 20, 16, generator=generator)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    engine = zf.Engine(model, [image, image.clone()], cache=False)
    same = {"part": [(4, 5, 6, 7), (4, 5, 6, 7)]}
    result = measure_correspondence(engine, same, layers=["0", "2"], draws=0, progress=False)
    assert (result.mean("part") == 0).all()
    other = {"part": [(4, 5, 6, 7), (13, 8, 6, 7)]}
    result = measure_correspondence(engine, other, layers=["0", "2"], draws=0, progress=False)
    assert result.mean("part")[0] > 0.1
    assert result.complete
    assert np.isnan(result.not_above("part")).all()


def test_random_masks_stay_within_the_object(engine):
    head = [(1, 2, 22, 17), (0, 3, 30, 21), (3, 0, 30, 12)]
    boxes = {"top": BOXES["top"], "head": head}
    result = measure_correspondence(
        engine, boxes, PHOTOS, layers=["1"], draws=12, within="head", progress=False
    )
    assert result.part_names == ("top",)
    for draw in result.random["top"]:
        for box, area in zip(draw.boxes, as_boxes(head), strict=True):
            assert area.top <= box.top
            assert box.bottom <= area.bottom
            assert area.left <= box.left
            assert box.right <= area.right


def test_random_masks_keep_clear_of_marked_parts(engine, result):
    def meets(one: Box, other: Box) -> bool:
        down = one.top < other.bottom and other.top < one.bottom
        return down and one.left < other.right and other.left < one.right

    def met(found) -> int:
        marked = [as_boxes(given) for given in BOXES.values()]
        return sum(
            meets(box, part[photo])
            for draws in found.random.values()
            for draw in draws
            for photo, box in enumerate(draw.boxes)
            for part in marked
        )

    many = {"layers": ["1"], "draws": 20, "progress": False}
    assert met(result) == met(measure_correspondence(engine, BOXES, PHOTOS, **many)) == 0
    anywhere = measure_correspondence(engine, BOXES, PHOTOS, apart=False, **many)
    assert met(anywhere) > 0
    assert not anywhere.apart
    full = {"all": [(0, 0, ROWS, COLUMNS - 3)] * 3, "top": BOXES["top"]}
    with pytest.raises(InputError, match="fits nowhere beside the marked parts: mark the object"):
        measure_correspondence(engine, full, PHOTOS, **many)


def test_the_smallest_changes_count():
    """A strong layer's weak changes: one in a million of the largest feature."""
    clean = np.array([[1.0, 0.5, 0.25, 0.0]], np.float32)
    masked = np.array([[0.5, 0.5, 0.25 + 3e-7, 1e-9]], np.float32)
    assert signs_of(clean, masked).tolist() == [[1, 0, -1, -1]]


def test_the_seed_says_where_random_masks_are(engine, result):
    arguments = {"layers": ["1"], "draws": 3, "progress": False}
    again = measure_correspondence(engine, BOXES, PHOTOS, seed=4, **arguments)
    other = measure_correspondence(engine, BOXES, PHOTOS, seed=5, **arguments)

    def places(found):
        return [draw.boxes for draws in found.random.values() for draw in draws]

    assert places(again) == places(result)
    assert places(other) != places(result)


def test_boxes_by_name_or_place(engine, result):
    names = engine.info.images
    named = {"top": dict(zip([names[p] for p in PHOTOS], BOXES["top"], strict=True))}
    placed = {"top": dict(reversed(list(enumerate(BOXES["top"]))))}
    for boxes in (named, placed):
        found = measure_correspondence(
            engine, boxes, PHOTOS, layers=LAYERS, draws=0, progress=False
        )
        np.testing.assert_array_equal(found.mean("top"), result.mean("top"))


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("boxes", "arguments", "message"),
    [
        ({"eye": {0: (1, 1, 3, 3), 2: (1, 1, 3, 3)}}, {}, r"has no box for 'eye': mark the part"),
        ({"eye": {}}, {}, r" have no box for 'eye': mark the part"),
        ({"eye": [(1, 1, 3, 3)] * 2}, {}, "expected one for each of the 3 photos"),
        ({"eye": {7: (1, 1, 3, 3)}}, {}, "has a box for 7, which isn't one of the photos"),
        ({"eye": [(1, 1, 3, 3)] * 2 + [(34, 1, 3, 3)]}, {}, "outside of the photo: rows 34 to 36"),
        ({"eye": [(1, 1, 3, 3)] * 2 + [(1, -1, 3, 3)]}, {}, "columns -1 to 1 of 36 x 24 pixels"),
        ({"eye": [(1, 1, 3, 0)] * 3}, {}, "is 3 x 0 pixels: mark at least one"),
        ({"eye": [(1, 1, 3)] * 3}, {}, r"expected a box, \(top, left, height, width\)"),
        ({}, {}, "There are no parts"),
        ({"random": [(1, 1, 3, 3)] * 3}, {}, "none called 'random'"),
        (BOXES, {"within": "head"}, "within is 'head': expected one of top, bottom"),
        ({"top": BOXES["top"]}, {"within": "top"}, "Parts are none"),
        (BOXES, {"within": "bottom"}, "'top' of .* is 10 x 6 pixels, 'bottom' 8 x 7: .* fit"),
        (BOXES, {"images": [2]}, "There is one photo only"),
        (BOXES, {"images": [0, 1, 9]}, "images 0 to 4, got 9"),
        (BOXES, {"draws": -1}, "draws is -1"),
        (BOXES, {"baseline": "green"}, "no baseline 'green'"),
    ],
)
def test_bad_input_is_named(engine, boxes, arguments, message):
    with pytest.raises(InputError, match=message):
        measure_correspondence(engine, boxes, **{"images": PHOTOS, "progress": False, **arguments})


def test_bad_layers_and_engines_are_named(engine):
    with pytest.raises(UnknownLayer):
        measure_correspondence(engine, BOXES, PHOTOS, layers=["14"], progress=False)
    with pytest.raises(InputError, match=r"expected a zf\.Engine, got Sequential"):
        measure_correspondence(chain(), BOXES)


# ---------------------------------------------------------------- steps


def test_an_interrupt_keeps_the_masks_that_are_done(engine, monkeypatch):
    from zfwidgets.experiments.correspondence import measuring

    real, count = measuring.features, 0

    def features(*arguments):
        nonlocal count
        count += 1
        if count == 5:  # clean, two parts, one draw
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(measuring, "features", features)
    with pytest.warns(UserWarning, match="3 of 8 masks done"):
        found = measure_correspondence(engine, BOXES, PHOTOS, draws=3, progress=False)
    assert [*found.parts] == ["top", "bottom"]
    assert [len(draws) for draws in found.random.values()] == [1, 0]
    assert found.rows() == ROWS_OF_ALL[:3]
    assert not found.complete


def test_steps_give_the_parts_first(engine):
    steps = list(measure_correspondence_steps(engine, BOXES, PHOTOS, layers=["1"], draws=1))
    told = [(step.done, step.total) for step in steps if isinstance(step, Progress)]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    results = [step for step in steps if not isinstance(step, Progress)]
    assert [result.rows() for result in results] == [
        (),
        ("top",),
        ("top", "bottom"),
        ROWS_OF_ALL[:3],
        ROWS_OF_ALL,
    ]
    assert len(results[0].to_frame()) == 0
    assert len(results[0].to_table()) == 0


def test_model_and_random_state_stay_as_they_are():
    model = chain()
    with untouched(model):
        measure_correspondence(make_engine(model), BOXES, PHOTOS, draws=1, progress=False)


def test_a_few_random_masks_tell_nothing(result):
    texts = result.findings
    assert len(texts) == len(result.layers) + 1
    for place, (text, layer) in enumerate(zip(texts, result.layers, strict=False)):
        assert text.startswith(f"{layer}: ")
        for part in result.parts:
            mine = result.parts[part].differing[place].mean()
            random = np.mean([draw.differing[place] for draw in result.random[part]])
            assert f"{part} ({mine:.3f} against {random:.3f})" in text
    assert texts[-1] == (
        "3 random masks of each size: too few to tell a part from them, 19 are the fewest."
    )
    assert replace(result, random={}).findings == ()


def made(parts: dict[str, float], changed: float = 0.3, draws: int = 39) -> CorrespondenceResult:
    """One layer, 3 photos; random masks' D are 0.41, 0.42, ... and they change 0.2."""

    def masked(differing: float, changed: float) -> MaskedSigns:
        values = np.array([[differing - 0.002, differing, differing + 0.002]])
        return MaskedSigns((), values, np.full((1, 3), changed), np.full((1, 3), 0.5))

    return CorrespondenceResult(
        images=(0, 1, 2),
        image_names=("a", "b", "c"),
        layers=("conv3",),
        parts={name: masked(value, changed) for name, value in parts.items()},
        random={name: tuple(masked(0.41 + n / 100, 0.2) for n in range(draws)) for name in parts},
        part_names=tuple(parts),
        draws=draws,
    )


def test_findings_say_what_random_masks_allow_to_say():
    # Of 39 draws one may do as well: (1 + 1) / (1 + 39) is 0.05.
    layer, so = made({"ear": 0.415, "nose": 0.425}).findings
    fewer, alike = layer.removesuffix(".").split("; ")
    assert fewer == "conv3: fewer signs differ than for random masks: ear (0.415 against 0.600)"
    assert alike == "can't be told from random masks: nose (0.425 against 0.600)"
    assert so.startswith("So no layer takes all of ear, nose more alike than random masks: of 2 ")
    assert "comparisons 1 says more alike, 0 less alike" in so
    layer, so = made({"ear": 0.4, "nose": 0.41}).findings
    assert "can't" not in layer
    assert so == "So conv3 takes each of these parts more alike than random masks."
    layer, so = made({"ear": 0.9, "nose": 0.6}).findings
    why = "(these masks change more units, too: 0.300 of them against 0.200)"
    assert f"more signs differ than for random masks: ear (0.900 against 0.600) {why}" in layer
    assert "0 say more alike, 1 less alike" in so
    assert "change more units" not in made({"ear": 0.9}, changed=0.2).findings[0]
    assert "too few" in made({"ear": 0.4}, draws=18).findings[-1]
    assert "too few" not in made({"ear": 0.4}, draws=19).findings[-1]


def test_one_pair_has_no_spread(engine):
    two = {part: boxes[:2] for part, boxes in BOXES.items()}
    found = measure_correspondence(engine, two, PHOTOS[:2], layers=["1"], draws=2, progress=False)
    assert np.isnan(found.spread("top")).all()
    assert found.to_table().loc["top", "1"] == f"{found.mean('top')[0]:.3f}"
    assert "±" in found.to_table().loc["random, size of top", "1"], "two draws are two pairs"
