"""Passes of the occluder over an image as records: started, gone on with, and estimated."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError, UnsupportedModel
from ...records import (
    Box,
    Estimate,
    Floats,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    Progress,
)
from ..network.one_thread import Quicker
from ..network.runtime import Runtime
from .baselines import Baselines, Paint
from .estimate import Timing, Timings
from .positions import SLIDING, Batch, Grid, slide
from .predicting import Predicting
from .scoring import WAYS, Scorer, work_of
from .winograd import WinogradFilters

PROBE = 4
"""Positions that are computed to know how long a pass will take."""


@dataclass(frozen=True)
class OpenRequest:
    """A request that was checked, with its image opened.

    Attributes
    ----------
    request
        What was asked for.
    index, name, tensor
        The image: its index or None, name, and values (channels, rows, columns).
    grid
        Positions of the occluder.
    layer
        Layer whose feature maps are measured too.
    """

    request: OcclusionRequest
    index: int | None
    name: str
    tensor: Tensor
    grid: Grid
    layer: LayerInfo | None


class OcclusionRunner:
    """Occlusion maps of a network's images.

    Parameters
    ----------
    runtime, baselines
        What computes, and what an occluder is filled with.
    predicting
        Knows the classes.
    """

    def __init__(self, runtime: Runtime, baselines: Baselines, predicting: Predicting) -> None:
        self._runtime, self._baselines, self._predicting = runtime, baselines, predicting
        self._timings = Timings()
        self._quicker, self._transformed = Quicker(len(WAYS)), WinogradFilters()
        self._dragged: tuple[OcclusionRequest, Scorer] | None = None

    def open(self, request: OcclusionRequest, image: tuple[int | None, str, Tensor]) -> OpenRequest:
        """Check a request and give it its image; raises `InputError` naming what can't be."""
        layer = None if request.layer is None else self._runtime.network.layer(request.layer)
        if layer is None and self._predicting.no_classes:
            raise UnsupportedModel(
                f"{self._predicting.no_classes} Without them a map is of a layer's activations: "
                "choose a layer."
            )
        grid = Grid.of(request.patch, request.stride, self._runtime.network.input_shape[1:])
        return OpenRequest(request, *image, grid, layer)

    def steps(self, opened: OpenRequest) -> Generator[OcclusionMap, None, OcclusionMap]:
        """Slide the occluder; yields the map so far, coarse positions first."""
        target, resume = opened.request.target, opened.request.resume
        if resume is not None:
            result = self._taken_over(opened, resume, target)
            if result.complete:
                return result
        with self._runtime.lock:
            began = time.perf_counter()
            scorer = self._scorer(opened)
            if resume is None:
                result = self._start(opened, scorer, target)
            scorer.prepare(opened.grid.occluders(np.argwhere(~result.done)))
            timing = Timing(time.perf_counter() - began)
        self._timings.add(timing)
        steps = slide(scorer, opened.grid, result.done, self._runtime.memory)
        while True:
            with self._runtime.lock:
                batch = next(steps, None)
            if batch is None:
                return result
            _fill_in(result, batch)
            result = replace(result, note=scorer.note)
            timing.seconds += batch.seconds
            timing.work += scorer.work * len(batch.cells)
            yield _copied(result)

    def renew(self) -> None:
        """Forget what was made of an image: one of them is another now."""
        with self._runtime.lock:
            self._dragged = None

    def respond(
        self, image: tuple[int | None, str, Tensor], occluder: Occluder, layer: str
    ) -> LayerResponse:
        """What one occluder does to a layer's feature maps, on a grid of one cell."""
        size, baseline = (occluder.box.height, occluder.box.width), occluder.baseline
        mask, extra_boxes = occluder.mask, occluder.extra_boxes
        request = OcclusionRequest(
            image[0], size, 1, baseline, layer=layer, mask=mask, extra_boxes=extra_boxes
        )
        opened = self.open(request, image)
        with self._runtime.lock:
            if image[0] is None or self._dragged is None or self._dragged[0] != request:
                self._dragged = request, self._scorer(opened, classes=False)
            scorer = self._dragged[1]
            scores = self._runtime.memory.in_parts("a layer's response", scorer, [occluder.box])[0]
        response, measured = scorer.response, scores.measured
        assert response is not None
        assert measured is not None
        totals, units, hamming, cosine = (
            part.astype(np.float32).reshape(1, 1, *part.shape[1:]) for part in measured.parts()
        )
        return LayerResponse(
            layer=layer,
            totals=totals,
            units=units,
            hamming=hamming,
            cosine=cosine,
            clean_totals=response.clean_totals,
            clean_units=response.clean_units,
            places=response.places,
        )

    def estimate_steps(self, opened: OpenRequest) -> Generator[Progress, None, Estimate]:
        """How long `steps` will take."""
        every = np.argwhere(np.ones(opened.grid.shape, dtype=bool))
        boxes = opened.grid.occluders(every)
        if self._timings.basis is None:
            yield from self._probe(opened, boxes)
        work = work_of(self._runtime.network, opened.layer, boxes, classes=self._classes)
        basis = self._timings.basis or "probe"
        return Estimate(len(boxes), self._timings.seconds(work * len(boxes)), basis)

    def _probe(self, opened: OpenRequest, boxes: list[Box]) -> Generator[Progress, None, None]:
        some, what = boxes[:: max(1, len(boxes) // PROBE)][:PROBE], "looking how long it takes"
        timing = Timing(0.0)
        with self._runtime.lock:
            began = time.perf_counter()
            scorer = self._scorer(opened)
            timing.setup += time.perf_counter() - began
        yield Progress(0, len(some), None, what)
        with self._runtime.lock:
            began = time.perf_counter()
            scorer.prepare(boxes, check=False)
            timing.setup += time.perf_counter() - began
        yield Progress(0, len(some), None, what)
        with self._runtime.lock:
            began = time.perf_counter()
            self._runtime.memory.in_parts(SLIDING, scorer, some)
            timing.seconds = time.perf_counter() - began
        timing.work = scorer.work * len(some)
        self._timings.add_probe(timing)

    @property
    def _classes(self) -> bool:
        return not self._predicting.no_classes

    def _scorer(self, opened: OpenRequest, *, classes: bool = True) -> Scorer:
        baseline = self._baselines.of(opened.request.baseline, opened.tensor, opened.index)
        paint = Paint.of(baseline, opened.request.mask, opened.grid.size)

        def make(images: Sequence[Tensor]) -> Scorer:
            return Scorer(
                self._runtime.network,
                images[0],
                paint,
                opened.layer,
                opened.request.extra_boxes,
                classes=classes and self._classes,
                quicker=self._quicker,
                transformed=self._transformed,
            )

        return self._runtime.memory.in_parts(SLIDING, make, [opened.tensor])[0]

    def _target(self, target: int | str | None, clean: Floats | None) -> int | None:
        if clean is None:
            if target is not None:
                raise UnsupportedModel(self._predicting.no_classes)
            return None
        return self._predicting.target(target, clean)

    def _taken_over(
        self, opened: OpenRequest, resume: OcclusionMap, target: int | str | None
    ) -> OcclusionMap:
        """A map that is gone on with, if it is of the same pass."""
        layer = None if resume.features is None else resume.features.layer
        given = {
            "image": resume.image_name,
            "patch": resume.size,
            "stride": resume.stride,
            "baseline": resume.baseline,
            "mask": resume.mask,
            "extra_boxes": resume.extra_boxes,
            "layer": layer,
            "size of the input": resume.input_shape,
        }
        asked = {
            "image": opened.name,
            "patch": opened.grid.size,
            "stride": opened.grid.stride,
            "baseline": opened.request.baseline,
            "mask": opened.request.mask,
            "extra_boxes": opened.request.extra_boxes,
            "layer": None if opened.layer is None else opened.layer.name,
            "size of the input": opened.grid.image,
        }
        for name, value in asked.items():
            if given[name] != value:
                raise InputError(
                    f"The map to go on with has {name} {given[name]!r}, but {value!r} is asked for."
                )
        return replace(_copied(resume), target=self._target(target, resume.clean))

    def _start(self, opened: OpenRequest, scorer: Scorer, target: int | str | None) -> OcclusionMap:
        """The map before its first position."""
        grid, clean = opened.grid, scorer.logits

        def empty(*more: int) -> NDArray[np.float32]:
            return np.full((*grid.shape, *more), np.nan, dtype=np.float32)

        features, response = None, scorer.response
        if response is not None:
            channels = response.layer.channels
            features = LayerResponse(
                layer=response.layer.name,
                totals=empty(channels),
                units=empty(channels),
                hamming=empty(),
                cosine=empty(),
                clean_totals=response.clean_totals,
                clean_units=response.clean_units,
                places=response.places,
            )
        return OcclusionMap(
            image=opened.index,
            image_name=opened.name,
            size=grid.size,
            stride=grid.stride,
            baseline=opened.request.baseline,
            mask=opened.request.mask,
            extra_boxes=opened.request.extra_boxes,
            input_shape=grid.image,
            done=np.zeros(grid.shape, dtype=bool),
            logits=None if clean is None else empty(len(clean)),
            clean=clean,
            target=self._target(target, clean),
            labels=self._predicting.labels,
            features=features,
            no_classes=self._predicting.no_classes,
        )


def _fill_in(result: OcclusionMap, batch: Batch) -> None:
    """Put what a batch gave into the arrays of a map."""
    rows, cols = batch.cells.T
    scores, features = batch.scores, result.features
    if result.logits is not None:
        result.logits[rows, cols] = scores.logits
    if features is not None and scores.measured is not None:
        for name, values in vars(scores.measured).items():
            getattr(features, name)[rows, cols] = values
    result.done[rows, cols] = True


def _copied(result: OcclusionMap) -> OcclusionMap:
    """A map with arrays of its own."""
    features = result.features
    if features is not None:
        names = ("totals", "units", "hamming", "cosine")
        features = replace(features, **{name: getattr(features, name).copy() for name in names})
    logits = None if result.logits is None else result.logits.copy()
    return replace(result, logits=logits, features=features, done=result.done.copy())
