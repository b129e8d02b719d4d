"""What one occluder does to a layer, against the cells of whole maps and a full forward pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import zfwidgets as zf
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.records import Box, Occluder, occluder_box


def make() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 5, (3, 5), (1, 2)), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 7, 3)
    )


def images() -> list[torch.Tensor]:
    return list(torch.rand(2, 3, 34, 58, generator=torch.Generator().manual_seed(5)))


@pytest.fixture
def engine() -> zf.Engine:
    return zf.Engine(make(), images(), cache=False)


@pytest.mark.parametrize("layer", ["1", "3"])
def test_it_is_the_cell_of_a_map_with_the_same_occluder(engine: zf.Engine, layer: str) -> None:
    mask, extra_boxes = "0ff0" * 16, (Box(2, 40, 9, 7),)
    whole = engine.occlude(
        1,
        (12, 17),
        (8, 13),
        "blur",
        layer=layer,
        mask=mask,
        extra_boxes=extra_boxes,
        progress=False,
    )
    assert whole.features is not None
    for row, col in ((0, 0), (2, 1), (4, 4)):
        box = occluder_box(row, col, (12, 17), (8, 13))
        found = engine.respond(1, Occluder(box, "blur", mask, extra_boxes), layer)
        for name in ("totals", "units", "hamming", "cosine"):
            one, cell = getattr(found, name)[0, 0], getattr(whole.features, name)[row, col]
            np.testing.assert_allclose(one, cell, rtol=1e-4, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(found.places, whole.features.places)
        np.testing.assert_array_equal(found.clean_totals, whole.features.clean_totals)


def test_it_is_what_the_network_gives_for_the_covered_image(engine: zf.Engine) -> None:
    image = torch.rand(3, 34, 58, generator=torch.Generator().manual_seed(6))
    covered = image.clone()
    covered[:, 5:14, 20:41] = 0.25
    found = engine.respond(image, Occluder(Box(5, 20, 9, 21), 0.25), "3")
    with torch.no_grad():
        now, then = make()(covered[None])[0], make()(image[None])[0]
    np.testing.assert_allclose(found.totals[0, 0], now.sum((1, 2)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.clean_totals, then.sum((1, 2)), rtol=1e-4, atol=1e-4)
    flips = ((now > 0) != (then > 0)).float().mean()
    assert found.hamming.item() == pytest.approx(flips.item(), abs=1e-6)


def test_another_image_layer_or_shape_is_never_answered_from_the_one_before(
    engine: zf.Engine,
) -> None:
    occluder = Occluder(Box(5, 20, 9, 21), "grey")
    for image, layer, one in (
        (0, "3", occluder),
        (1, "3", occluder),
        (1, "1", occluder),
        (1, "1", replace(occluder, baseline="noise")),
        (1, "1", replace(occluder, baseline="noise", mask="f00f" * 16)),
        (1, "1", replace(occluder, extra_boxes=(Box(1, 1, 8, 8),))),
        (0, "3", occluder),
    ):
        again = engine.respond(image, one, layer)
        other = zf.Engine(make(), images(), cache=False).respond(image, one, layer)
        np.testing.assert_array_equal(again.totals, other.totals)


def test_what_is_not_possible_is_named(engine: zf.Engine) -> None:
    occluder = Occluder(Box(5, 20, 9, 21), "grey")
    with pytest.raises(UnknownLayer, match="9"):
        engine.respond(0, occluder, "9")
    with pytest.raises(InputError, match="patch is"):
        engine.respond(0, replace(occluder, box=Box(0, 0, 35, 4)), "3")
    with pytest.raises(InputError, match="sand"):
        engine.respond(0, replace(occluder, baseline="sand"), "3")
