"""The example of an experiment of one's own: short, right, and alive."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from tests.experiments.charted import drawn
from tests.experiments.small import make_engine
from tests.waiting import SECONDS
from zfwidgets.errors import InputError


@pytest.fixture(scope="module")
def contrast(root: Path) -> ModuleType:
    path = root / "examples" / "contrast.py"
    assert len(path.read_text("utf-8").splitlines()) < 150
    spec = importlib.util.spec_from_file_location("contrast", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["contrast"] = module
    spec.loader.exec_module(module)
    return module


def test_it_measures_what_plain_passes_measure(contrast: ModuleType) -> None:
    engine = make_engine()
    found = contrast.measure_contrast(engine, [3, 0], progress=False)
    assert found.probability.shape == (2, len(contrast.CONTRASTS))
    network = engine.session.network
    for row, image in enumerate([3, 0]):
        pixels = engine.session.tensor(image)
        mean = pixels.mean((1, 2), keepdim=True)
        for column, share in enumerate(contrast.CONTRASTS):
            with torch.no_grad():
                scores = network((mean + share * (pixels - mean))[None])[0].softmax(0).numpy()
            target = engine.predict(image).probabilities.argmax()
            np.testing.assert_allclose(found.probability[row, column], scores[target], rtol=1e-4)
    assert found.needed[0] == min(
        share
        for share, value in zip(contrast.CONTRASTS, found.probability[0], strict=True)
        if value >= found.probability[0, 0] / 2
    )


def test_its_widget_shows_the_record(contrast: ModuleType) -> None:
    box = contrast.Contrast(make_engine(), [1, 2])
    assert box.settle(SECONDS)
    lines = drawn(box._chart)
    for name, values in zip(box.result.names, box.result.probability, strict=True):
        np.testing.assert_allclose(lines[name], values, rtol=1e-7)
    assert box.snapshot().width == 1200


def test_no_photos_are_refused(contrast: ModuleType) -> None:
    with pytest.raises(InputError, match="images is empty"):
        contrast.measure_contrast(make_engine(), [])
