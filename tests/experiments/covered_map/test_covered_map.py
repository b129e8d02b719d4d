"""The strongest map, covered, against plain loops in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zfwidgets as zf
from tests.browser import as_shown
from tests.experiments.small import COLUMNS, MEAN, ROWS, STD, Pictures, chain, make_engine
from tests.experiments.untouched import untouched
from zfwidgets.errors import InputError
from zfwidgets.experiments import StrongestMapResult, strongest_map, strongest_map_steps
from zfwidgets.experiments.covered_map.result import square_on
from zfwidgets.records import Activation, Box, Progress, Projection, Unit

LAYER, IMAGE, PATCH, STRIDE = "4", 2, (8, 6), (5, 4)


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


@pytest.fixture(scope="module")
def result(engine) -> StrongestMapResult:
    return strongest_map(
        engine, IMAGE, layer=LAYER, patch=PATCH, stride=STRIDE, others=2, progress=False
    )


def plain_maps(box: Box | None = None) -> np.ndarray:
    """The layer's maps of the photo, maybe with a grey box, in float64."""
    image = Pictures().tensors[IMAGE].double().clone()
    if box is not None:
        grey = ((0.5 - MEAN) / STD).double()
        image[:, box.top : box.bottom, box.left : box.right] = grey[:, None, None]
    with torch.no_grad():
        return chain().double().eval()[: int(LAYER) + 1](image[None])[0].numpy()


def test_the_map_and_what_is_left_of_it(result):
    maps = plain_maps()
    totals = maps.sum((1, 2))
    assert result.channel == totals.argmax()
    assert result.total == pytest.approx(totals.max(), rel=1e-5)
    covered = plain_maps(result.square)[result.channel].sum()
    assert result.left == pytest.approx(covered / totals.max(), rel=1e-4)
    assert result.totals.shape == (-(-ROWS // STRIDE[0]), -(-COLUMNS // STRIDE[1]))
    for row, col in ((0, 0), (3, 2), (7, 5)):
        box = result.covered.box(row, col)
        share = plain_maps(box)[result.channel].sum() / totals.max()
        assert result.totals[row, col] == pytest.approx(share, rel=1e-4)
    assert result.anywhere == pytest.approx(result.totals.mean(), rel=1e-6)
    assert f"{result.left:.2f} of its total is left" in result.finding


def test_the_projection_is_of_the_strongest_unit(engine, result):
    unit = result.projection.activation.unit
    channel = plain_maps()[result.channel]
    assert (unit.row, unit.col) == np.unravel_index(channel.argmax(), channel.shape)
    same = engine.project(Unit(LAYER, result.channel), IMAGE)
    np.testing.assert_array_equal(result.projection.pixels, same.pixels)


def test_the_square_holds_most_of_the_energy(result):
    energy = (result.projection.pixels.astype(np.float64) ** 2).sum(-1)
    held = {
        (top, left): energy[top : top + 8, left : left + 6].sum()
        for top in range(ROWS - 7)
        for left in range(COLUMNS - 5)
    }
    box = result.square
    assert (box.height, box.width) == PATCH
    assert held[box.top, box.left] == pytest.approx(max(held.values()))
    large = square_on(result.projection, (ROWS + 5, 3))
    assert (large.top, large.height, large.width) == (0, ROWS, 3)


def test_a_square_by_hand():
    pixels = np.zeros((7, 5, 3), np.float32)
    pixels[4, 1, 0], pixels[5, 3, 2], pixels[0, 4, 1] = -3, 2, 3.5
    unit = Activation(Unit("1", 0, 0, 0), 0, "a", 1.0, Box(0, 0, 7, 5))
    assert square_on(Projection(unit, "deconvnet", pixels), (2, 3)) == Box(4, 1, 2, 3)


def test_other_photos_are_the_channels_strongest(engine, result):
    top = engine.top(LAYER, result.channel, 5)
    wanted = [a for a in top if a.image != IMAGE][:2]
    assert list(result.others) == wanted
    side = as_shown.side_of(result.projections)
    for activation, patch, projection in zip(
        result.others, result.patches, result.projections, strict=True
    ):
        photo = engine.photo(activation.image)
        shown = photo[as_shown.window(activation, side, photo.shape)]
        np.testing.assert_array_equal(patch, shown)
        assert projection.activation.unit == activation.unit
        assert projection.activation.image == activation.image


def test_steps_show_the_projection_first(engine):
    steps = [*strongest_map_steps(engine, IMAGE, layer=LAYER, patch=PATCH, stride=STRIDE)]
    first = next(step for step in steps if not isinstance(step, Progress))
    assert first.covered is None
    assert np.isnan(first.anywhere)
    assert first.to_pil().width == 1200
    assert steps[-1].complete
    assert any(isinstance(step, Progress) and step.total == 48 for step in steps)


def test_the_sheet(result):
    sheet = result.to_pil()
    assert sheet.size == (1200, sheet.height)
    assert len(np.unique(np.asarray(sheet))) > 50
    assert result._repr_png_().startswith(b"\x89PNG")


def test_a_layer_is_chosen_that_has_maps(engine):
    assert strongest_map(engine, 0, others=0, patch=8, progress=False).layer == "6"


def test_model_and_random_state_stay_as_they_are():
    model = chain()
    with untouched(model):
        strongest_map(make_engine(model), 1, layer=LAYER, patch=8, others=1, progress=False)


def test_bad_input(engine):
    with pytest.raises(InputError, match="'8' has no maps, but single units"):
        strongest_map(engine, 0, layer="8", progress=False)
    with pytest.raises(InputError, match="others is -1"):
        strongest_map(engine, 0, others=-1, progress=False)
    with pytest.raises(InputError, match=r"expected a zf\.Engine, got str"):
        strongest_map("engine", 0, progress=False)
    silent = chain()
    with torch.no_grad():
        silent[3].weight.zero_()
        silent[3].bias.fill_(-1)
    with pytest.raises(InputError, match=r"No map of '4' is active in .*: there is none to cover"):
        strongest_map(make_engine(silent), 0, layer="4", progress=False)
