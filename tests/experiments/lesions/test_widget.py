"""The ablation's widget shows the records of `lesion`, off the kernel's main thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.small_state import assert_synchronised_state_is_small
from tests.waiting import SECONDS
from zfwidgets.drawing.page import Page
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import lesion
from zfwidgets.experiments.ablation import Architecture, conv, fc, pool
from zfwidgets.experiments.lesions import widget_parts as parts
from zfwidgets.experiments.lesions.measuring import LesionRunner

ROWS, COLUMNS = 11, 16


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(70, 3, ROWS, COLUMNS, generator=generator)
    data = TensorDataset(pixels, torch.arange(70) % 3)
    layers = [conv("conv1", 4, 3, padding=1), pool("pool1"), conv("conv2", 4, 3, padding=1)]
    model = Architecture([*layers, fc("fc3", 3)], (3, ROWS, COLUMNS)).build(2).eval()
    with torch.no_grad():
        model.fc3.weight.mul_(30)
    return zf.Engine(model, data, cache=False, denormalize=([0.5] * 3, [0.5] * 3))


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def test_clicks_switch_channels_and_the_record_follows(engine):
    ablation = zf.Lesion(engine)
    assert ablation.settle(SECONDS)
    assert ablation.result.off == {}
    assert ablation.result.accuracy == ablation.result.accuracy_before
    changes = []
    ablation.observe(lambda change: changes.append(change["new"]), "off")
    ablation._maps.chosen = 2
    ablation._maps.chosen = 0
    assert changes == [{"conv1": (2,)}, {"conv1": (0, 2)}]
    assert ablation.settle(SECONDS)
    record = lesion(engine, None, {"conv1": [0, 2]}, progress=False)
    np.testing.assert_array_equal(ablation.result.logits, record.logits)
    assert f"{100 * record.accuracy:.1f} %" in ablation._accuracy.value
    assert "conv1: 2 channels 0, 2 off" in ablation._accuracy.value
    assert ablation._layer.options[0] == ("conv1, 2 of 4 off", "conv1")
    ablation._maps.chosen = 2  # on again
    ablation._maps.chosen = 0
    assert ablation.off == {}
    assert ablation.settle(SECONDS)
    assert [r.off for r in ablation.tried][-1] == {}


def test_buttons_switch_layers(engine):
    ablation = zf.Lesion(engine, layer="conv2")
    press = {name: button.click for name, button in ablation._buttons.items()}
    press["off"]()
    assert ablation.off == {"conv2": "all"}
    press["skip"]()
    assert ablation.off == {"conv2": "skip"}
    ablation._layer.value = "conv1"
    press["skip"]()
    assert ablation.off == {"conv2": "skip"}
    assert "can&#x27;t be skipped" in ablation._problem.value
    press["off"]()
    assert ablation.off == {"conv1": "all", "conv2": "skip"}
    assert ablation.settle(SECONDS)
    wanted = lesion(engine, None, ablation.off, progress=False)
    np.testing.assert_array_equal(ablation.result.logits, wanted.logits)
    press["on"]()
    assert ablation.off == {"conv2": "skip"}
    press["all"]()
    assert ablation.off == {}
    for channel in range(4):
        ablation._maps.chosen = channel
    assert ablation.off == {"conv1": "all"}
    ablation._maps.chosen = 1
    assert ablation.off == {"conv1": (0, 2, 3)}
    assert ablation.settle(SECONDS)


def test_the_photo_in_view_has_its_maps_and_predictions(engine):
    ablation = zf.Lesion(engine, off={"conv1": [1]}, layer="relu2")
    ablation._photo.value = 5
    assert ablation.settle(SECONDS)
    model = engine.session.network.module
    with torch.no_grad():
        pixels = engine.session.source.tensor(5)[None]
        first = model[:2](pixels)
        first[:, 1] = 0
        maps = model[2:5](first)
        logits = model[5:](maps)
        before = model(pixels)
    seen = ablation._seen
    np.testing.assert_allclose(seen.maps, maps[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(seen.after.logits, logits[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen.before.logits, before[0], rtol=1e-5, atol=1e-5)
    wall = ablation._maps.shown
    tile = np.asarray(wall.pictures[2])[..., 0]
    factor = tile.shape[0] // maps.shape[2]
    wanted = np.uint8(maps[0, 2].numpy() / maps.max().item() * 255)
    assert np.abs(tile[::factor, ::factor].astype(int) - wanted).max() <= 1
    assert len(wall.captions) == 4
    photo = ablation._photo_wall.shown.pictures[0]
    np.testing.assert_array_equal(photo, engine.photo(5))
    assert "image 5" in ablation._photo_text.value
    ablation._layer.value = "conv1"
    assert ablation.settle(SECONDS)
    red = ablation._maps.shown.pictures[1]
    colours = {tuple(colour) for colour in red.reshape(-1, 3).tolist()}
    assert colours == {(150, 0, 0), (255, 255, 255)}  # a cross, whatever the map was
    assert ablation._maps.shown.captions[1] == "1 off"


def test_nothing_is_computed_on_the_main_thread(engine, monkeypatch):
    computed = set()
    original = LesionRunner._run

    def run(self, images, changes):
        computed.add(threading.current_thread())
        return original(self, images, changes)

    monkeypatch.setattr(LesionRunner, "_run", run)
    ablation = zf.Lesion(engine, off={"conv1": "all"})
    assert ablation.settle(SECONDS)
    assert computed
    assert threading.main_thread() not in computed


def test_synchronised_state_is_small_and_without_pixels(engine):
    ablation = zf.Lesion(engine, off={"conv1": [1, 2]})
    assert ablation.settle(SECONDS)
    assert_synchronised_state_is_small()


def test_what_does_not_exist_is_named(engine):
    ablation = zf.Lesion(engine)
    with pytest.raises(UnknownLayer, match="conv9"):
        ablation.off = {"conv9": "all"}
    with pytest.raises(InputError, match="channels 0 to 3, got 4"):
        ablation.off = {"conv1": [4]}
    assert ablation.off == {}
    with pytest.raises(UnknownLayer, match="nothing"):
        zf.Lesion(engine, layer="nothing")
    one = TensorDataset(torch.zeros(4, 3, ROWS, COLUMNS), torch.ones(4, dtype=torch.int64))
    with pytest.raises(InputError, match="one class only"):
        zf.Lesion(engine, one)


def test_the_static_picture_says_what_is_off(engine):
    ablation = zf.Lesion(engine, off={"conv2": "all"})
    picture = ablation.snapshot()
    assert picture.width == 1200
    other = zf.Lesion(engine).snapshot()
    assert picture.tobytes() != other.tobytes()


def test_the_static_picture_shows_the_photo_in_view_and_all_words(engine, monkeypatch):
    ablation = zf.Lesion(engine, off={"conv1": [1]})
    ablation._photo.value = 5
    assert ablation.settle(SECONDS)
    painted, lines = [], []
    original, line = parts.paint_wall, Page.line

    def paint(page, wall, note="", **options):
        painted.append(wall)
        original(page, wall, note, **options)

    monkeypatch.setattr(parts, "paint_wall", paint)
    monkeypatch.setattr(
        Page, "line", lambda page, text, *rest: (lines.append(text), line(page, text, *rest))[1]
    )
    ablation.snapshot()
    photo, maps = painted
    np.testing.assert_array_equal(photo.pictures[0], engine.photo(5))
    assert maps.captions[1] == "1 off"
    assert "image 5" in " ".join(lines)
    note = ablation._maps.note
    assert note in " ".join(lines), "the caption isn't cut"
    assert len(note) > max(len(text) for text in lines if text in note)
