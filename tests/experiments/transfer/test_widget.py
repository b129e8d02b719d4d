"""The transfer's widget shows the record of `transfer_features`, off the kernel's main thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.charted import drawn, names, places
from tests.experiments.small_state import assert_synchronised_state_is_small
from tests.waiting import SECONDS
from tests.widgets.numpy_engine import NumpyEngine
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import transfer_features
from zfwidgets.experiments.ablation import Architecture, conv, fc, pool
from zfwidgets.experiments.transfer.study import Study

ROWS, COLUMNS = 9, 14
OPTIONS: dict[str, Any] = {
    "train_images": 6,
    "repeats": 2,
    "counts": [2, 5],
    "layers": ["pool1", "relu2"],
    "layer": "relu3",
    "scratch": "same",
    "scratch_training": {"epochs": 2, "batch": 8},
    "seed": 4,
}


class Named(TensorDataset):
    """Pictures of four kinds; the fourth lies far from all others."""

    classes = ("arch", "bell", "cup", "far")

    def __init__(self, number: int, seed: int, classes: int = 4) -> None:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(number) % classes
        pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
        for image, label in zip(pixels, labels, strict=True):
            image[int(label) % 3, :, 3 + 2 * int(label) :] += 4.0 if label == 3 else 0.8
        super().__init__(pixels, labels)
        self.targets = labels.tolist()


DATA = Named(48, 5)


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    layers = [conv("conv1", 6, 3), pool("pool1"), conv("conv2", 8, 3)]
    layers += [fc("fc3", 10, rectified=True), fc("fc4", 4)]
    model = Architecture(layers, (3, ROWS, COLUMNS)).build(2).eval()
    scale = {"denormalize": ([0.5] * 3, [0.25] * 3)}
    return zf.Engine(model, Named(30, 1, classes=3), cache=False, **scale)


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def shares(mean: np.ndarray, spread: np.ndarray) -> list[str]:
    return [f"{100 * m:.1f} ± {100 * s:.1f}" for m, s in zip(mean, spread, strict=True)]


def test_charts_and_tables_are_the_record(engine: zf.Engine) -> None:
    box = zf.Transfer(engine, DATA, **OPTIONS)
    assert box.settle(SECONDS)
    assert "done: layers, curve, bias" in box._status.value
    record = transfer_features(engine, DATA, progress=False, **OPTIONS)
    assert box.result.complete
    layers, curve, bias = record.layers, record.curve, record.bias
    assert names(box._layers) == [*layers.layers]
    bars = drawn(box._layers).values()
    for row, name in zip(bars, layers.accuracies, strict=True):
        np.testing.assert_array_equal(box.result.layers.accuracies[name], layers.accuracies[name])
        np.testing.assert_allclose(row, layers.mean(name))
        for text in shares(layers.mean(name), layers.spread(name)):
            assert text in box._texts["layers table"].value
    assert {*curve.accuracies} == {"pretrained", "from scratch"}
    for name in curve.accuracies:
        np.testing.assert_array_equal(places(box._curve)[name], [2, 5])
        np.testing.assert_allclose(drawn(box._curve)[name], curve.mean(name))
        for text in shares(curve.mean(name), curve.spread(name)):
            assert text in box._texts["curve table"].value
    assert drawn(box._curve)["guessing"] == [0.25]
    (points,) = box._classes.series
    assert points["names"] == ["arch", "bell", "cup", "far"]
    np.testing.assert_allclose(points["x"], bias.distance)
    np.testing.assert_allclose(points["y"], bias.accuracy)
    assert f"nearest of {bias.training_images} training photos" in box._texts["bias"].value
    assert "6 images of each class; guessing gives 25.0" in box._texts["layers"].value


def test_a_clicked_class_shows_its_photos_above_their_nearest(engine: zf.Engine) -> None:
    box = zf.Transfer(engine, DATA, **OPTIONS)
    assert box.settle(SECONDS)
    assert box._class.label is None, "no class is chosen yet"
    box._classes.set_state({"chosen": [0, 3]})
    assert box._class.label == "far"
    assert box.settle(SECONDS)
    bias = box.result.bias
    own = np.flatnonzero(bias.labels == 3)
    own = own[np.argsort(bias.distances[own], kind="stable")]
    wall = box._wall.shown
    assert wall.columns == 6
    assert wall.sides == ("far", "nearest")
    for place, photo in ((0, own[0]), (5, own[-1])):
        np.testing.assert_array_equal(
            wall.pictures[place], box._images.source.display(int(bias.images[photo]))
        )
        near = int(bias.nearest[photo])
        np.testing.assert_array_equal(wall.pictures[6 + place], engine.photo(near))
        assert wall.captions[place] == f"{bias.distances[photo]:.2f}"
    assert box._classes.marks == [{"kind": "place", "at": 3}]


def test_stop_keeps_what_is_done_and_starting_again_ends_alike(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, stopped = threading.Event(), threading.Event()
    fits, original = [], Study.learn

    def learn(self: Study, *args: Any) -> Any:
        fits.append(threading.current_thread())
        if len(fits) == 7:
            reached.set()
            assert stopped.wait(SECONDS)
        return original(self, *args)

    monkeypatch.setattr(Study, "learn", learn)
    box = zf.Transfer(engine, DATA, **OPTIONS)
    assert reached.wait(SECONDS)
    box.stop()
    stopped.set()
    assert box.settle(SECONDS)
    assert not box.running
    assert threading.main_thread() not in fits
    assert "what is done stays" in box._status.value
    assert not box.result.complete
    kept = box.result.layers
    known = {name: np.isfinite(values) for name, values in kept.accuracies.items()}
    assert sum(int(v.sum()) for v in known.values()) == 6
    box._button.click()
    assert box.settle(SECONDS)
    record = transfer_features(engine, DATA, progress=False, **OPTIONS)
    for name, values in record.layers.accuracies.items():
        np.testing.assert_array_equal(box.result.layers.accuracies[name], values)
        np.testing.assert_array_equal(kept.accuracies[name][known[name]], values[known[name]])
    for name, values in record.curve.accuracies.items():
        np.testing.assert_array_equal(box.result.curve.accuracies[name], values)


def test_the_static_picture_has_the_chosen_class(engine: zf.Engine) -> None:
    box = zf.Transfer(engine, DATA, **OPTIONS)
    picture = box.snapshot()
    assert picture.width == 1200
    box._class.value = 3
    other = box.snapshot()
    assert other.height > 600
    assert picture.tobytes() != other.tobytes()


def test_synchronised_state_is_small_and_without_pixels(engine: zf.Engine) -> None:
    box = zf.Transfer(engine, DATA, **OPTIONS)
    assert box.settle(SECONDS)
    assert_synchronised_state_is_small()


def test_bad_input_is_named_before_anything_is_computed(engine: zf.Engine) -> None:
    one = TensorDataset(DATA.tensors[0], torch.ones(48, dtype=torch.int64))
    with pytest.raises(InputError, match="has one class only"):
        zf.Transfer(engine, one)
    with pytest.raises(InputError, match="Class 'arch' has 12 images: too few to learn from 12"):
        zf.Transfer(engine, DATA, train_images=12)
    with pytest.raises(InputError, match=r"expected a zf\.Engine"):
        zf.Transfer(NumpyEngine(), DATA)
    with pytest.raises(UnknownLayer, match="pool9"):
        zf.Transfer(engine, DATA, layers=["pool9"])
    with pytest.raises(UnknownLayer, match="relu9"):
        zf.Transfer(engine, DATA, layer="relu9")
    with pytest.raises(TypeError, match="scrach"):
        zf.Transfer(engine, DATA, scrach="same")
