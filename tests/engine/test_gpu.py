"""The same answers on a GPU; skipped, and said so, where there is none (`make gpu`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import zfwidgets as zf
from zfwidgets.engine.network import costs
from zfwidgets.engine.occlusion import scoring
from zfwidgets.records import Box

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="`make gpu` runs it, with a CUDA GPU"),
]


@pytest.fixture(scope="module")
def engines():
    """SqueezeNet on both devices, without TF32."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    photos = zf.samples.photos()
    yield {
        device: zf.Engine(zf.samples.network(), photos, device=device) for device in ("cpu", "cuda")
    }
    torch.backends.cudnn.allow_tf32 = allowed


def test_devices_agree_on_projections(engines) -> None:
    """Switches may flip where two values nearly tie: most pictures agree closely."""
    top = engines["cpu"].top("features.7", 42)
    here, there = (engines[d].project_all(top.activations) for d in ("cpu", "cuda"))
    apart = [
        np.abs(a.pixels - b.pixels).max() / np.abs(a.pixels).max()
        for a, b in zip(here, there, strict=True)
    ]
    assert np.median(apart) <= 1e-4


def test_cones_equal_whole_images_on_the_gpu(engines, monkeypatch) -> None:
    from zfwidgets.engine.projection.projector import Projector

    engine = engines["cuda"]
    top = engine.top("features.7", 42)
    cones = engine.project_all(top.activations)
    monkeypatch.setattr(Projector, "_from_graph", lambda *_: None)
    for a, b in zip(cones, engine.project_all(top.activations), strict=True):
        assert np.abs(a.pixels - b.pixels).max() <= 1e-4 * np.abs(b.pixels).max()


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("layer", [None, "features.7", "classifier.1"])
def test_devices_agree_on_occlusion(engines, layer, windows, monkeypatch) -> None:
    chosen = replace(costs.CPU, per_window=0 if windows else 10**12)
    monkeypatch.setattr(scoring, "costs_on", lambda device: chosen)
    options = {"layer": layer, "extra_boxes": [Box(20, 30, 40, 50)], "mask": "7e" * 32}
    here, there = (
        engines[d].occlude(3, 48, 32, "blur", progress=False, **options) for d in ("cpu", "cuda")
    )
    assert (here.note == there.note == "") == windows
    for name, values in here.maps().items():
        if name == "predicted":
            assert (values == there.maps()[name]).mean() > 0.9
        else:
            scale = np.abs(values).max()
            assert np.abs(values - there.maps()[name]).max() <= 1e-3 * scale + 1e-3, name


def test_devices_agree_on_covered_patches(engines) -> None:
    here, there = (engines[d].cover_patches("features.4", 3, k=4) for d in ("cpu", "cuda"))
    for one, other in zip(here, there, strict=True):
        assert one.after == pytest.approx(other.after, rel=1e-3, abs=1e-2)
        assert np.allclose(one.control_values, other.control_values, rtol=1e-3, atol=1e-2)


def test_what_is_kept_is_on_the_gpu(engines) -> None:
    engine = engines["cuda"]
    top = engine.top("features.3", 5)
    engine.keep_switches([a.image for a in top], "features.3")
    kept = engine.project_all(top.activations)
    assert all(np.isfinite(p.pixels).all() for p in kept)
