"""Memory that runs out, and numbers that aren't finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.projection.hard_networks import Call, between, conv_net, images
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.occlusion.incremental import Incremental
from zfwidgets.engine.projection.units import GraphProjector
from zfwidgets.errors import UnsupportedModel
from zfwidgets.records import Unit


def limit(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Let the device run out of memory for batches of more than ``most`` images."""
    run = Network.run
    sizes: list[int] = []

    def limited(self: Network, batch: Tensor, visit: object = None, **kwargs: object) -> object:
        sizes.append(len(batch))
        if len(batch) <= most:
            return run(self, batch, visit, **kwargs)
        if visit is not None and "only" not in kwargs:  # half of the layers have seen the batch
            names = [layer.name for layer in self.layers[: len(self.layers) // 2]]

            def of_half(show: Any) -> Any:
                return show and (lambda name, out: show(name, out) if name in names else None)

            run(self, batch, of_half(visit), **{k: of_half(v) for k, v in kwargs.items()})
        raise torch.OutOfMemoryError("CUDA out of memory")

    cones = GraphProjector.project

    def limited_cones(self: GraphProjector, batch: Tensor, *args: object) -> object:
        sizes.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return cones(self, batch, *args)

    windows = Incremental.measure

    def limited_windows(self: Incremental, boxes: Sequence[Any], *args: object) -> object:
        if len(boxes) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return windows(self, boxes, *args)

    monkeypatch.setattr(Incremental, "measure", limited_windows)
    monkeypatch.setattr(Network, "run", limited)
    monkeypatch.setattr(GraphProjector, "project", limited_cones)
    return sizes


def test_out_of_memory_retries_smaller_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(conv_net(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    batch = list(images(count=20))
    plain = LocalEngine(model, batch, cache=False)
    top = plain.top("0.2", 1)
    expected = plain.project_all(top.activations)
    heat = plain.occlude(0, 4, 3, baseline=0.0, progress=False)
    assert not any("memory" in note for note in plain.info.notes)

    sizes = limit(monkeypatch, 3)
    engine = LocalEngine(model, batch, cache=False)
    again = engine.top("0.2", 1)
    assert [(a.image, a.unit) for a in again] == [(a.image, a.unit) for a in top]
    for name, part in engine.index().layers.items():
        other = plain.index().layers[name]
        np.testing.assert_allclose(part.mean, other.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(part.silent, other.silent)
        np.testing.assert_array_equal(part.images, other.images)
        assert part.sample.shape == other.sample.shape
    for one, other in zip(engine.project_all(top.activations), expected, strict=True):
        np.testing.assert_allclose(one.pixels, other.pixels, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        engine.occlude(0, 4, 3, baseline=0.0, progress=False).logits,
        heat.logits,
        rtol=1e-4,
        atol=1e-5,
    )
    (note,) = (note for note in engine.info.notes if "memory" in note)
    assert "projections: 2 images at a time" in note
    assert "looking at all images: 2 images at a time" in note
    assert "sliding the occluder: 2 images at a time" in note
    before = len(sizes)
    engine.project_all(top.activations)
    assert max(sizes[before:]) == 2, "what fitted is remembered"


def test_not_even_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine(conv_net(), list(images()), cache=False)
    limit(monkeypatch, 0)
    with pytest.raises(UnsupportedModel, match=r"doesn't hold one image.*another device"):
        engine.index(progress=False)


def test_a_way_down_that_is_not_finite_is_said() -> None:
    engine = LocalEngine(between(Call(lambda x: x.relu().sqrt())), list(images()), cache=False)
    with pytest.raises(UnsupportedModel, match=r"way down from layer '2' gives NaN or infinite"):
        engine.project(Unit("2", 1), 0)
