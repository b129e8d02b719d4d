"""A model that notices what is done to it, and all that an engine of it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zfwidgets import records
from zfwidgets.engine.local import LocalEngine
from zfwidgets.records import Box, Occluder, Unit


class Counting(nn.Module):
    """A model with all that could be disturbed: hooks, buffers, dropout, mixed requires_grad."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=2),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(6, 8, 3),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(8, 4)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.body(x).amax((2, 3)))


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(2)
    return [Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8)) for _ in range(count)]


def to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).astype(np.float32) / 255)


def public_calls(engine: LocalEngine) -> Iterator[Callable[[], Any]]:
    """All that an engine of a `Counting` answers, one call after the other."""

    def strongest() -> records.Activation:
        return engine.top("body.5", 2)[0]

    def of_an_added_photo() -> Any:
        added = engine.add_photo(pictures(1)[0], "mine")
        found = engine.responses(added, "body.5"), engine.predict(added)
        shown = engine.photo(added)
        engine.remove_photo(added)
        return shown, *(replace(one, image=0) for one in found)  # its number is drawn

    own = pictures(3)[2]
    yield lambda: engine.info
    yield lambda: engine.layers
    yield lambda: engine.index(progress=False)
    yield lambda: engine.top("body.5", 2)
    yield lambda: engine.channels("body.5")
    yield lambda: engine.sample("body.5", 1)
    yield lambda: engine.samples("body.5")
    yield lambda: engine.quantiles("body.5", 2, 2, 3)
    yield lambda: engine.verify(progress=False)
    yield lambda: engine.photo(1)
    yield lambda: engine.patch(strongest())
    yield lambda: engine.responses(1, "body.5")
    yield lambda: engine.explain("body.5")
    yield lambda: engine.keep_switches([0, 2], "body.5")
    yield lambda: engine.project(Unit("body.2", 1), 2)
    yield lambda: engine.project_all(engine.top("body.5", 2).activations)
    yield lambda: engine.project_all([strongest()], "guided")
    yield lambda: engine.sanity_number("body.5", 2)
    if find_spec("captum"):
        yield lambda: engine.project(strongest().unit, strongest().image, "grad-cam")
    if find_spec("zennit"):
        yield lambda: engine.project(strongest().unit, strongest().image, "lrp")
    yield lambda: engine.project(Unit("body.2", 1), own)
    yield lambda: engine.predict(0)
    yield lambda: engine.predict(own)
    yield of_an_added_photo
    yield lambda: engine.occlude(0, 9, 7, baseline=0.5, layer="body.5", progress=False)
    yield lambda: engine.occlude(
        0, 9, 7, baseline="noise", extra_boxes=[Box(0, 0, 3, 4)], progress=False
    )
    yield lambda: engine.occlude(own, 9, 7, progress=False)
    yield lambda: engine.predict(0, Occluder(Box(1, 2, 5, 6), "blur"))
    yield lambda: engine.respond(1, Occluder(Box(1, 2, 5, 6)), "body.5")
    yield lambda: engine.estimate(0, 9, 7)
    yield lambda: engine.cover_patches("body.5", 2, k=3)
