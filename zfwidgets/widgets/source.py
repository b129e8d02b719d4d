"""Answers to the front end's requests: kind and key in, JSON and buffers out.

Needs neither a widget nor a comm: each kind is a generator over an engine that yields how far it
is and returns the answer, so that a worker can stop it between steps.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import numpy as np

from ..engine.protocol import EngineProtocol
from ..records import (
    CLIPPED_AT,
    Box,
    ChannelSummary,
    OcclusionMap,
    Pixels,
    Progress,
    Projection,
    TopActivations,
    display_scale,
    signed_to_uint8,
    softmax,
)
from .encode import GREY, Answer, encode_pictures, numbers, sheet, thumbnail
from .jobs import Step, Steps
from .keys import check_key, rules_of, to_occluder

T = TypeVar("T")

THUMBNAILS_A_STEP = 8
PROJECTIONS_A_STEP = 3
SHEET_QUALITY = 80
"""Of a sheet of thumbnails that is too large for PNG: each is to be recognised, not studied."""


class Cache:
    """The values that were used last, up to a number of bytes; safe to use from any thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._values: OrderedDict[Any, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> Any:
        """The value, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][1]

    def put(self, key: Any, value: Any, size: int) -> None:
        """Keep a value of ``size`` bytes; the least recently used make room for it."""
        with self._lock:
            if key in self._values:
                self.bytes -= self._values.pop(key)[0]
            if size > self.most:
                return
            self._values[key] = (size, value)
            self.bytes += size
            while self.bytes > self.most:
                self.bytes -= self._values.popitem(last=False)[1][0]


class Source:
    """Answers requests from an engine's records.

    Parameters
    ----------
    engine
        Whose records are asked for.
    answers, photos
        How many bytes of answers and of decoded photos are kept for the next time.
    """

    def __init__(
        self, engine: EngineProtocol, *, answers: int = 64 << 20, photos: int = 48 << 20
    ) -> None:
        self.engine = engine
        self._answers = Cache(answers)
        self._photos = Cache(photos)
        self._build: Generator[Progress, None, None] | None = None
        self._kinds: dict[str, Callable[..., Steps]] = {
            "catalogue": self._catalogue,
            "channels": self._channels,
            "sheet": self._sheet,
            "top": self._top,
            "projections": self._projections,
            "photo": self._photo,
            "predict": self._predict,
            "sample": self._sample,
            "occlusion": self._occlusion,
        }

    def check(self, kind: Any, key: Any) -> dict[str, Any]:
        """The fields of a valid key; raises `InputError` (see `zfwidgets.widgets.keys`)."""
        return check_key(self.engine, kind, key)

    def cached(self, kind: str, fields: Mapping[str, Any]) -> Answer | None:
        """The answer if it is known already; computes nothing."""
        answer: Answer | None = self._answers.get(identity(kind, fields))
        return answer

    def answer(self, kind: str, fields: Mapping[str, Any]) -> Steps:
        """Compute an answer in steps: yields `Progress` or partial answers, returns an `Answer`."""
        steps = self._kinds[kind](**fields)
        try:
            while (known := self.cached(kind, fields)) is None:
                yield next(steps)  # meanwhile another job may have found the same
        except StopIteration as end:
            answer: Answer = end.value
        else:
            return known
        finally:
            steps.close()
        if kind != "catalogue":  # it says whether the index is there, and that changes
            data, buffers = answer
            size = len(json.dumps(data)) + sum(len(buffer) for buffer in buffers)
            self._answers.put(identity(kind, fields), answer, size)
        return answer

    # ------------------------------------------------------------------ what answers share

    def _index(self) -> Generator[Step, None, None]:
        """Build the index, once, whoever needs it first; all who need it move it on."""
        while not self.engine.indexed:
            if self._build is None:
                self._build = self.engine.index_steps()
            try:
                step = next(self._build)
            except StopIteration:
                self._build = None
            except BaseException:
                self._build = None
                raise
            else:
                yield step
        self._build = None

    def _pixels(self, image: int) -> Pixels:
        """`EngineProtocol.photo`, decoded once for the many patches that are cut from it."""
        pixels: Pixels | None = self._photos.get(image)
        if pixels is None:
            pixels = self.engine.photo(image)
            self._photos.put(image, pixels, pixels.nbytes)
        return pixels

    def _patch(self, image: int | None, box: Box) -> Pixels:
        assert image is not None  # what an index found is in the engine's images
        return box.cut(self._pixels(image), GREY)

    def _activations(self, layer: str, channel: int, k: int) -> Generator[Step, None, Any]:
        yield from self._index()
        return self.engine.top(layer, channel, k)

    def _patch_size(self, layer: str) -> list[int]:
        box = self.engine.layer(layer).receptive_field.box(0, 0)
        return [box.height, box.width]

    # ------------------------------------------------------------------ the kinds

    def _catalogue(self) -> Steps:
        yield from ()
        info, layers = self.engine.info, []
        for layer in self.engine.layers:
            field = layer.receptive_field
            channels, rows, columns = layer.shape
            layers.append(
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "role": layer.role,
                    "channels": channels,
                    "rows": rows,
                    "columns": columns,
                    "rectified": layer.rectified,
                    "field": {
                        "size": list(field.size),
                        "stride": list(field.stride),
                        "offset": list(field.offset),
                        "reach": field.reach,
                    },
                }
            )
        return {
            "engine": {
                "model": info.model,
                "device": info.device,
                "transform": info.transform,
                "notes": list(info.notes),
                "skipped": [list(pair) for pair in info.skipped],
                "input": list(info.input_shape),
            },
            "layers": layers,
            "images": [
                {"name": name, "label": label}
                for name, label in zip(info.images, info.image_labels, strict=True)
            ],
            "classes": list(info.labels),
            "rules": list(rules_of(self.engine)),
            "indexed": self.engine.indexed,
        }, []

    def _channels(self, layer: str) -> Steps:
        yield from self._index()
        summary = self.engine.channels(layer)
        return {"channels": len(summary.mean)}, [
            numbers(summary.mean),
            numbers(summary.silent),
            numbers(summary.strongest),
            numbers(summary.image, "<i4"),
        ]

    def _sheet(self, layer: str, first: int, count: int, size: int) -> Steps:
        yield from self._index()
        summary = self.engine.channels(layer)
        channels = range(first, min(first + count, len(summary.mean)))
        pictures = []
        for done, channel in enumerate(channels):
            if done and done % THUMBNAILS_A_STEP == 0:
                yield Progress(done, len(channels), None, "cutting thumbnails")
            pictures.append(self._thumbnail(summary, layer, channel, size))
        picture, columns = sheet(pictures, size)
        mime, buffers = encode_pictures([picture], quality=SHEET_QUALITY)
        data = {"first": first, "count": len(channels), "size": size, "columns": columns}
        return {**data, "mime": mime}, buffers

    def _thumbnail(self, summary: ChannelSummary, layer: str, channel: int, size: int) -> Pixels:
        if not summary.strongest[channel] > 0:  # silent in all images: there is no patch
            return np.full((size, size, 3), 255, dtype=np.uint8)
        field = self.engine.layer(layer).receptive_field
        box = field.box(int(summary.row[channel]), int(summary.col[channel]))
        return thumbnail(self._patch(int(summary.image[channel]), box), size)

    def _top(self, layer: str, channel: int, k: int) -> Steps:
        top: TopActivations = yield from self._activations(layer, channel, k)
        mime, buffers = encode_pictures([self._patch(a.image, a.box) for a in top])
        activations = [
            {
                "image": a.image,
                "name": a.image_name,
                "row": a.unit.row,
                "col": a.unit.col,
                "value": a.value,
                "box": a.box.to_json(),
            }
            for a in top
        ]
        return {
            "activations": activations,
            "patch": self._patch_size(layer),
            "images_seen": top.images_seen,
            "mime": mime,
        }, buffers

    def _projections(self, layer: str, channel: int, k: int, rule: str) -> Steps:
        top: TopActivations = yield from self._activations(layer, channel, k)
        found: list[Projection] = []
        for first in range(0, len(top), PROJECTIONS_A_STEP):
            if found:
                done = tuple(found)
                yield Progress(len(done), len(top), None, "projecting")
                yield lambda done=done: self._projected(layer, top, done)  # type: ignore[misc]
            found += self.engine.project_all(top[first : first + PROJECTIONS_A_STEP], rule)
        return self._projected(layer, top, found)

    def _projected(self, layer: str, top: TopActivations, projections: Any) -> Answer:
        scale = display_scale(projections)
        own = [display_scale([p]) for p in projections]
        full = [max(scale, mine) for mine in own]  # so that either scale can be shown
        mime, buffers = encode_pictures(
            [signed_to_uint8(p.crop(), f) for p, f in zip(projections, full, strict=True)],
            lossless=True,
        )
        rows: list[dict[str, Any] | None] = [
            {
                "image": p.activation.image,
                "scale": mine,
                "full": f,
                "status": p.status,
                "operations": [
                    {"name": o.name, "status": o.status, "count": o.count, "note": o.note}
                    for o in p.operations
                ],
                "pools": p.pools,
            }
            for p, mine, f in zip(projections, own, full, strict=True)
        ]
        rows += [None] * (len(top) - len(rows))
        return {
            "projections": rows,
            "scale": scale,
            "clipped_at": CLIPPED_AT,
            "patch": self._patch_size(layer),
            "mime": mime,
        }, buffers

    def _photo(self, image: int) -> Steps:
        yield from ()
        pixels = self._pixels(image)
        mime, buffers = encode_pictures([pixels])
        return {
            "image": image,
            "name": self.engine.info.images[image],
            "label": self.engine.info.image_labels[image],
            "rows": pixels.shape[0],
            "columns": pixels.shape[1],
            "mime": mime,
        }, buffers

    def _predict(self, image: int, occluder: Mapping[str, Any] | None) -> Steps:
        yield from ()
        probabilities = self.engine.predict(image, to_occluder(occluder)).probabilities
        return {"classes": len(probabilities)}, [numbers(probabilities)]

    def _sample(self, layer: str, channel: int) -> Steps:
        yield from self._index()
        sample = self.engine.sample(layer, channel)
        return {"complete": sample.complete}, [
            numbers(sample.images, "<i4"),
            numbers(sample.values),
        ]

    def _occlusion(
        self,
        image: int,
        height: int,
        width: int,
        stride: int,
        fill: str | float,
        target: int | None,
        layer: str | None,
    ) -> Steps:
        steps = self.engine.occlude_steps(image, (height, width), stride, fill, target, layer)
        spent = 0.0
        try:
            while True:
                start = time.monotonic()
                try:
                    step = next(steps)
                except StopIteration as end:
                    return occlusion_answer(end.value, 0.0)
                spent += time.monotonic() - start  # not what other jobs took in between
                done = int(step.done.sum())
                left = spent / done * (step.done.size - done) if done else None
                yield Progress(done, step.done.size, left, "sliding the occluder")
                yield lambda step=step, left=left: occlusion_answer(step, left)  # type: ignore[misc]
        finally:
            steps.close()


def identity(kind: str, fields: Mapping[str, Any]) -> str:
    """One string for what is asked: equal for equal fields in any order."""
    return kind + json.dumps(fields, sort_keys=True, separators=(",", ":"))


def occlusion_answer(result: OcclusionMap, seconds_left: float | None) -> Answer:
    """An occlusion map, finished or not, as it crosses the wire."""
    channel = total = None
    features = np.empty(0)
    if result.clean_totals is not None:
        channel = result.strongest_channel
        total = float(result.clean_totals[channel])
        features = np.where(result.done, result.feature_map(channel), np.nan)
    probability = np.where(result.done, result.probability(), np.nan)
    return {
        "rows": result.grid[0],
        "columns": result.grid[1],
        "stride": list(result.stride),
        "size": list(result.size),
        "target": result.target,
        "clean_probability": float(softmax(result.clean)[result.target]),
        "channel": channel,
        "clean_total": total,
        "done": int(result.done.sum()),
        "total": int(result.done.size),
        "seconds_left": seconds_left,
        "note": result.note,
    }, [numbers(probability), numbers(result.predicted(), "<i4"), numbers(features)]
