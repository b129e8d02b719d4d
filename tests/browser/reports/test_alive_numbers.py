"""The network of a report, walked in Chromium: the engine's numbers, up, down and covered."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page
from torch import nn

import zfwidgets as zf
from tests import portable_networks
from zfwidgets.engine.portable.preparation import _tall_first as tall_first
from zfwidgets.records import Box, OcclusionRequest, Unit, mask_of
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.schema import MAPS

BUILD = Path(__file__).parents[3] / "js" / "test" / "harness" / "build.mjs"
CLOSE = 1e-5
RULES = ("deconvnet", "guided", "gradient")


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    node = shutil.which("node")
    if node is None:
        pytest.skip("builds the page's network with Node, which isn't here")
    folder = tmp_path_factory.mktemp("harness")
    subprocess.run([node, str(BUILD), str(folder)], check=True, cwd=BUILD.parents[2])
    return folder / "alive.js"


@pytest.fixture
def page(browser: Browser, script: Path) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.add_script_tag(path=script)
    yield page
    context.close()


def text(values: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def open_in(
    page: Page, engine: Any, *, plain: bool = False, layers: Any = None, precision: str = "float32"
) -> Any:
    """Open an engine's network in the page; what it is."""
    layers = layers or [layer.name for layer in engine.layers]
    found = finish(engine.portable_steps(layers, [0], precision))
    network = found.network
    program = {
        "input": network.input_shape,
        "operations": network.operations,
        "layers": network.layers,
        "output": network.output,
    }
    steps = {"steps": found.preparation, "levels": found.levels.tolist()}
    arrays = [(text(array), array.dtype.name) for array in network.arrays]
    why = page.evaluate("of => alive.open(...of)", [program, arrays, steps, plain])
    assert bool(why) == plain
    return network


def look(page: Page, engine: Any, photo: int) -> None:
    """Have a photo of the engine's prepared in the page; it is the engine's image to the bit."""
    pixels = portable_networks.photos()[photo]
    found = page.evaluate("of => alive.look(...of)", [text(pixels), *pixels.shape[:2]])
    expected = engine.session.tensor(photo).numpy()
    np.testing.assert_array_equal(np.float32(found).reshape(expected.shape), expected)


def same(found: Any, expected: Any, scale: float | None = None) -> None:
    """Close, as a share of the largest magnitude if no other scale is given."""
    expected = np.asarray(expected, np.float64)
    scale = scale or np.abs(expected[np.isfinite(expected)]).max(initial=0) or 1.0
    found = np.array(found, np.float64).reshape(expected.shape)  # null is NaN
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE * scale)


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "JavaScript"])
@pytest.mark.parametrize("name", portable_networks.BUILDERS)
def test_up(page: Page, name: str, plain: bool) -> None:
    engine = portable_networks.engine(name)
    network = open_in(page, engine, plain=plain)
    look(page, engine, 2)
    values = page.evaluate("() => alive.values()")
    for layer, value in network.layers.items():
        same(values[value - 1], engine.responses(2, layer).maps)
    same(values[network.output - 1], engine.predict(2).logits)


@pytest.mark.parametrize("name", portable_networks.BUILDERS)
def test_down(page: Page, name: str) -> None:
    engine = portable_networks.engine(name)
    open_in(page, engine)
    look(page, engine, 1)
    told = []
    for number, layer in enumerate(engine.layers):
        found = engine.responses(1, layer.name)
        channel = int(found.order[number % max(1, int((found.strongest > 0).sum()))])
        row, col = map(int, found.places[channel])
        if found.maps[channel, row, col] <= 0:
            continue
        rule = RULES[number % len(RULES)]
        projection = engine.project(Unit(layer.name, channel, row, col), 1, rule)
        asked = [layer.name, [channel, row, col], rule]
        mine = page.evaluate("of => alive.project(...of)", asked)
        same(mine["start"], projection.activation.value)
        same(mine["pixels"], np.moveaxis(projection.pixels, 2, 0))
        told.append(rule)
        if projection.near_ties is None:
            assert mine["nearTies"] is None
        else:
            assert mine["nearTies"] == pytest.approx(projection.near_ties, abs=1e-4)
    assert set(told) == set(RULES)


@pytest.mark.parametrize("name", portable_networks.BUILDERS)
def test_with_few_layers(page: Page, name: str) -> None:
    """What nobody can look at isn't kept: rectifiers are run within the filters before them."""
    engine = portable_networks.engine(name)
    layer = [one.name for one in engine.layers if max(one.shape[1:]) > 1][-1]
    network = open_in(page, engine, layers=[layer])
    look(page, engine, 1)
    scores = page.evaluate("() => alive.scores()")
    same(scores, engine.predict(1).logits)
    maps = engine.responses(1, layer).maps
    channel, row, col = map(int, np.unravel_index(maps.argmax(), maps.shape))
    for rule in RULES:
        expected = engine.project(Unit(layer, channel, row, col), 1, rule).pixels
        mine = page.evaluate("of => alive.project(...of)", [layer, [channel, row, col], rule])
        same(mine["start"], maps.max())
        same(mine["pixels"], np.moveaxis(expected, 2, 0))
    assert set(network.layers) == {layer}


@pytest.mark.parametrize("precision", ["int8", "float16"])
@pytest.mark.parametrize("name", ["SqueezeNet", "AlexNet", "Decoder"])
def test_weights_of_less_precision(page: Page, name: str, precision: str) -> None:
    """The engine of the network that has the rounded weights says the same."""
    network = open_in(page, portable_networks.engine(name), precision=precision)
    module = portable_networks.build(name)
    with torch.no_grad():
        for one in module.modules():
            if isinstance(one, (nn.Conv2d, nn.Linear)) and precision == "int8":
                flat = one.weight.flatten(1)
                scale = (flat.abs().amax(1, keepdim=True) / 127).float()
                rounded = (flat / scale).round() * scale
                one.weight.copy_(rounded.view_as(one.weight))
            elif isinstance(one, (nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
                one.weight.copy_(one.weight.half().float())
    engine = zf.Engine(
        module, portable_networks.photos(), portable_networks.transform(), cache=False
    )
    look(page, engine, 2)
    values = page.evaluate("() => alive.values()")
    for layer, value in network.layers.items():
        same(values[value - 1], engine.responses(2, layer).maps)
    same(values[network.output - 1], engine.predict(2).logits)
    layer = [one.name for one in engine.layers if max(one.shape[1:]) > 1][-1]
    maps = engine.responses(2, layer).maps
    place = [int(n) for n in np.unravel_index(maps.argmax(), maps.shape)]
    expected = engine.project(Unit(layer, *place), 2, "guided").pixels
    mine = page.evaluate("of => alive.project(...of)", [layer, place, "guided"])
    same(mine["pixels"], np.moveaxis(expected, 2, 0))


@pytest.mark.parametrize("rule", RULES)
def test_nine_projections_of_a_channel(page: Page, rule: str) -> None:
    engine = portable_networks.engine("SqueezeNet")
    open_in(page, engine)
    look(page, engine, 0)
    (layer,) = (one for one in engine.layers if one.name == "features.4.expand3x3")
    maps = engine.responses(0, layer.name).maps
    channel, *_ = np.unravel_index(maps.argmax(), maps.shape)
    places = np.argwhere(maps[channel] > 0)[:9].tolist()
    assert len(places) == 9
    for row, col in places:
        unit = Unit(layer.name, int(channel), row, col)
        expected = engine.project(unit, 0, rule).pixels
        mine = page.evaluate(
            "of => alive.project(...of)", [layer.name, [int(channel), row, col], rule]
        )
        same(mine["pixels"], np.moveaxis(expected, 2, 0))


@pytest.mark.parametrize("name", portable_networks.BUILDERS)
@pytest.mark.parametrize("shaped", [False, True], ids=["square", "shaped"])
def test_a_map(page: Page, name: str, shaped: bool) -> None:
    engine = portable_networks.engine(name)
    network = open_in(page, engine)
    look(page, engine, 3)
    layer = engine.layers[len(engine.layers) // 2].name
    mask = mask_of(np.hypot(*np.mgrid[-1:1:16j, -1:1:16j]) < 0.9) if shaped else None
    boxes = (Box(3, 5, 9, 7),) if shaped else ()
    baseline = "blur" if shaped else "grey"
    size, stride = (14, 11), 9
    request = OcclusionRequest(3, size, stride, baseline, layer=layer, mask=mask, extra_boxes=boxes)
    record = finish(engine.occlude_steps(request))
    target, channel = 2, int(record.strongest_channel)
    slide = {
        "height": size[0],
        "width": size[1],
        "stride": stride,
        "baseline": baseline,
        "mask": mask,
        "extra_boxes": [box.to_json() for box in boxes],
        "layer": layer,
        "target": target,
        "channel": channel,
    }
    grey = engine.session.source.baseline_value("grey").flatten().tolist()
    found = page.evaluate("of => alive.occlude(...of)", [slide, {"grey": grey}])
    maps = record.maps(target, channel)
    for kind, mine in zip(MAPS, found["maps"], strict=True):
        expected = np.asarray(maps[kind], np.float64)
        if kind == "predicted":
            np.testing.assert_array_equal(np.reshape(mine, expected.shape), expected)
        elif kind == "hamming":  # a share of units: one that is all but zero may flip
            found_share = np.reshape(mine, expected.shape)
            units = np.prod(engine.layer(layer).shape)
            np.testing.assert_allclose(found_share, expected, rtol=0, atol=2.1 / units)
        else:
            same(mine, expected, 1.0 if kind in ("probability", "cosine") else None)
    clean = found["data"]["clean"]
    same(clean["total"], record.features.clean_totals[channel])
    same(clean["unit"], record.features.clean_units[channel])
    same(clean["probability"], record.clean_scores(target)["probability"])
    assert clean["predicted"] == int(record.clean.argmax())
    assert found["data"]["unit_place"] == record.features.places[channel].tolist()
    assert network.layers[layer] > 0


@pytest.mark.parametrize("kind", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(11, 40), (90, 17), (64, 75), (31, 29), (58, 26), (57, 26)])
def test_pictures_are_resized_as_pillow_does(page: Page, kind: str, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 29, 3), dtype=np.uint8)
    asked = [text(pixels), pixels.shape[:2], size, kind, tall_first()]
    found = np.array(page.evaluate("of => alive.resize(...of)", asked)).reshape(*size, 3)
    resample = Image.Resampling[kind.upper()]
    expected = np.asarray(Image.fromarray(pixels).resize(size[::-1], resample))
    np.testing.assert_array_equal(found, expected)
