"""Answers to the front end's requests: kind and key in, JSON and buffers out.

Needs neither a widget nor a comm: each kind is a generator over an engine that yields how far it
is and returns the answer, so that a worker can stop it between steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InactiveUnit, UnreadableImage
from ...naming.about import Naming
from ...naming.orders import order_steps
from ...records import (
    Activation,
    CoveredPatches,
    CoverRequest,
    OcclusionRequest,
    Pixels,
    Progress,
    Projection,
    ReceptiveField,
    TopActivations,
)
from .answers import (
    about_answer,
    catalogue_answer,
    cover_answer,
    patch_size,
    projected_answer,
    projection_steps,
    respond_answer,
    sanity_answer,
    sanity_steps,
)
from .building import Building, Known
from .cache import Cache
from .encode import NOTHING, Answer, described, encode_pictures, numbers, sheet, thumbnail
from .jobs.steps import Steps, growing
from .occlusion_cache import Passes
from .photos import Photos, photo_data, responses_answer
from .pictures import Pictures
from .quantile_tiles import QuantileTiles
from .validation import check_key, to_occluder

THUMBNAILS_A_STEP = 8
CHANGING = ("catalogue", "estimate", "photos")
"""Kinds whose answers change: an index is built, passes are measured, photos are added."""
OF_INDEX = ("index", "channels", "sheet", "top", "projections", "sample", "quantiles", "cover",
            "about", "sanity", "orders")  # fmt: skip
"""Kinds that need the index."""
SO_FAR = ("channels", "sheet", "top", "projections")
"""Those of them that can be answered from what is known so far."""
SHEET_QUALITY = 80
"""Quality of a sheet of thumbnails too large for PNG: each is to be recognised, not studied."""


class Source:
    """Answers requests from an engine's records.

    Parameters
    ----------
    engine
        Engine whose records are asked for.
    answers, photos, passes
        How many bytes of answers, of decoded photos and of whole passes of the occluder are kept
        for the next time.
    absent
        See `Pictures`.

    Attributes
    ----------
    pictures
        Photos, and what is cut from them.
    building
        The pass that builds the engine's index.
    """

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        answers: int = 64 << 20,
        photos: int = 48 << 20,
        passes: int = 96 << 20,
        absent: Callable[[int, int], Pixels] | None = None,
    ) -> None:
        self.engine = engine
        self._most_of_passes = passes
        self._passes = Passes(engine, passes)
        self._answers = Cache(answers)
        self.pictures = Pictures(engine, photos, absent)
        self._generation = getattr(engine, "generation", 0)
        self._naming = Naming(engine, self.pictures.photo)
        self.building = Building(engine)
        self.photos = Photos(engine, self.pictures.seen_once)
        self._kinds: dict[str, Callable[..., Steps]] = {
            "catalogue": self._catalogue,
            "index": self._index,
            "channels": self._channels,
            "sheet": self._sheet,
            "top": self._top,
            "projections": self._projections,
            "photo": self._photo,
            "predict": self._predict,
            "respond": self._respond,
            "sample": self._sample,
            "occlusion": self._occlusion,
            "estimate": self._estimate,
            "cover": self._cover,
            "quantiles": self._quantiles,
            "about": self._about,
            "sanity": self._sanity,
            "orders": self._orders,
            "photos": self.photos.listed,
            "thumbnails": self.photos.thumbnails,
            "predicted": self.photos.predicted,
            "responses": self._responses,
            "look": self._look,
        }

    def check(self, kind: Any, key: Any) -> dict[str, Any]:
        """The fields of a valid key; raises `InputError` (see `validation`)."""
        return check_key(self.engine, kind, key)

    def _renew(self) -> None:
        """Forget what was made of images that are others now."""
        generation = getattr(self.engine, "generation", 0)
        if generation != self._generation:
            self._generation = generation
            self._answers.clear()
            self.pictures.renew()
            self.photos.renew()
            self._passes = Passes(self.engine, self._most_of_passes)
            self._naming = Naming(self.engine, self.pictures.photo)

    def cached(self, kind: str, fields: Mapping[str, Any]) -> Answer | None:
        """The answer if it is known already; computes nothing."""
        self._renew()
        answer: Answer | None = self._answers.get(identity(kind, fields))
        if answer is None and kind == "occlusion":
            answer = self._passes.answer(fields)
        return answer

    def answer(self, kind: str, fields: Mapping[str, Any], *, so_far: bool = False) -> Steps:
        """Compute an answer in steps: yields `Progress` or partial answers, returns an `Answer`.

        What needs the index waits for it; with ``so_far`` partial answers tell meanwhile what is
        known of the images that were looked at.
        """
        steps = self._steps(kind, fields, so_far)
        try:
            while (known := self.cached(kind, fields)) is None:
                yield next(steps)  # meanwhile another job may have found the same
        except StopIteration as end:
            answer: Answer = end.value
        else:
            return known
        finally:
            steps.close()
        if kind not in CHANGING and not answer[0].get("lost"):  # a photo may come back
            data, buffers = answer
            size = len(json.dumps(data)) + sum(len(buffer) for buffer in buffers)
            self._answers.put(identity(kind, fields), answer, size)
        return answer

    def _steps(self, kind: str, fields: Mapping[str, Any], so_far: bool) -> Steps:
        """What computes an answer that isn't known."""
        make = partial(self._kinds[kind], **fields)
        return self._over_index(kind, make, so_far) if kind in OF_INDEX else make()

    # ------------------------------------------------------------------ what answers share

    def _over_index(self, kind: str, make: Callable[..., Steps], so_far: bool) -> Steps:
        """Wait for the index, then make an answer that is over all images."""
        look = (lambda known: make(known=known)) if so_far and kind in SO_FAR else None
        yield from self.building.wait(look, follow=kind == "index")
        return (yield from make(known=self.engine))

    def _field(self, layer: str, channel: int) -> ReceptiveField:
        return self.engine.layer(layer).field_of(channel)

    # ------------------------------------------------------------------ the kinds

    def _catalogue(self) -> Steps:
        yield from ()
        return catalogue_answer(self.engine)

    def _index(self, known: Known) -> Steps:
        yield from ()
        return {}, []

    def _channels(self, layer: str, known: Known) -> Steps:
        yield from ()
        summary = known.channels(layer)
        return {"channels": len(summary.mean)}, [
            numbers(summary.mean),
            numbers(summary.silent),
            numbers(summary.strongest),
            numbers(summary.image, "<i4"),
        ]

    def _sheet(self, layer: str, first: int, count: int, size: int, known: Known) -> Steps:
        summary = known.channels(layer)
        channels = range(first, min(first + count, len(summary.mean)))
        pictures, lost = [], []
        for done, channel in enumerate(channels):
            if done and done % THUMBNAILS_A_STEP == 0:
                yield Progress(done, len(channels), None, "cutting thumbnails")
            if not summary.strongest[channel] > 0:  # silent in all images: there is no patch
                pictures.append(np.full((size, size, 3), 255, dtype=np.uint8))
                continue
            image, row, col = (int(of[channel]) for of in (summary.image, summary.row, summary.col))
            box = self._field(layer, channel).box(row, col)
            try:
                pictures.append(self.pictures.thumbnail(image, box, size))
            except UnreadableImage as error:
                pictures.append(thumbnail(NOTHING, size))
                lost.append([channel, self.engine.info.images[image], error.reason])
        picture, columns = sheet(pictures, size)
        mime, buffers = encode_pictures([picture], quality=SHEET_QUALITY)
        data = {
            "first": first,
            "count": len(channels),
            "size": size,
            "columns": columns,
            "lost": lost,
        }
        return {**data, "mime": mime}, buffers

    def _top(self, layer: str, channel: int, k: int, known: Known) -> Steps:
        yield from ()
        return self._patches(known.top(layer, channel, k))

    def _patches(self, top: TopActivations, *, lossless: bool = False) -> Answer:
        """Activations of a channel and their patches, as they cross the wire."""
        pictures: list[Pixels] = []
        lost: dict[Activation, str] = {}
        for activation in top:
            try:
                pictures.append(self.pictures.patch(activation.image, activation.box))
            except UnreadableImage as error:  # noqa: PERF203
                pictures.append(NOTHING)
                lost[activation] = error.reason
        mime, buffers = encode_pictures(pictures, lossless=lossless)
        return {
            "activations": [described(a, lost.get(a)) for a in top],
            "lost": [[a.image_name, why] for a, why in lost.items()],
            "patch": patch_size(self._field(top.layer, top.channel)),
            "images_seen": top.images_seen,
            "mime": mime,
        }, buffers

    def _responses(self, image: int, layer: str) -> Steps:
        yield from ()
        return responses_answer(self.engine.responses(image, layer))

    def _look(self, image: int, layer: str, channel: int, rule: str) -> Steps:
        yield from ()
        found = self.engine.responses(image, layer)
        unit = found.activation(self.engine.layer(layer), channel)
        data, pictures = self._patches(TopActivations(layer, channel, (unit,), 1), lossless=True)
        del data["lost"]
        projected: list[Projection | None] = [None]
        why = ""
        try:
            projected = list(self.engine.project_all([unit], rule))
        except InactiveUnit as error:
            why = str(error)
        more, projections = projected_answer(projected, 1, self._field(layer, channel))
        return {**data, **more, "why": why}, [*pictures, *projections]

    def _projections(self, layer: str, channel: int, k: int, rule: str, known: Known) -> Steps:
        top = known.top(layer, channel, k)
        field = self._field(layer, channel)
        found: list[Projection | None] = []
        lost: list[list[str]] = []
        for some in projection_steps(len(top), field, self.engine.info.input_shape):
            if found:
                done = tuple(found)
                yield Progress(len(done), len(top), None, "projecting")
                yield lambda done=done: projected_answer(done, len(top), field)  # type: ignore[misc]
            found += project_each(known, top[some], rule, lost)
        data, buffers = projected_answer(found, len(top), field)
        return {**data, "lost": lost}, buffers

    def _photo(self, image: int) -> Steps:
        yield from ()
        pixels = self.pictures.photo(image)
        mime, buffers = encode_pictures([pixels])
        return {**photo_data(self.engine, image, pixels), "mime": mime}, buffers

    def _predict(self, image: int, occluder: Mapping[str, Any] | None) -> Steps:
        yield from ()
        probabilities = self.engine.predict(image, to_occluder(occluder)).probabilities
        return {"classes": len(probabilities)}, [numbers(probabilities)]

    def _respond(self, image: int, occluder: Mapping[str, Any], layer: str) -> Steps:
        yield from ()
        record = to_occluder(occluder)
        assert record is not None
        return respond_answer(self.engine.respond(image, record, layer))

    def _sample(self, layer: str, channel: int, known: Known) -> Steps:
        yield from ()
        sample = self.engine.sample(layer, channel)
        return {"complete": sample.complete}, [
            numbers(sample.images, "<i4"),
            numbers(sample.values),
        ]

    def _occlusion(self, **fields: Any) -> Steps:
        return self._passes.steps(fields)

    def _estimate(
        self, image: int, height: int, width: int, stride: int, layer: str | None, **_: Any
    ) -> Steps:
        steps = self.engine.estimate_steps(
            OcclusionRequest(image, (height, width), stride, layer=layer)
        )
        found = yield from steps
        data = {"positions": found.positions, "seconds": found.seconds, "basis": found.basis}
        return data, []

    def _cover(
        self, layer: str, channel: int, k: int, baseline: str | float, known: Known
    ) -> Steps:
        def progress(found: CoveredPatches) -> Progress:
            controlled = sum(bool(p.controls) for p in found)
            return Progress(controlled, max(len(found), 1), None, "covering patches")

        steps = self.engine.cover_steps(CoverRequest(layer, channel, k, baseline))
        return (yield from growing(steps, lambda found: cover_answer(found, k), progress))

    def _quantiles(self, layer: str, channel: int, known: Known) -> Steps:
        cut = self.pictures.patch
        tiles = QuantileTiles(lambda activation: cut(activation.image, activation.box))
        return (yield from growing(self.engine.quantile_steps(layer, channel), tiles.answer))

    def _about(self, layer: str, channel: int, known: Known) -> Steps:
        return about_answer((yield from self._naming.about_steps(layer, channel)))

    def _sanity(self, layer: str, channel: int, rule: str, known: Known) -> Steps:
        return sanity_answer((yield from sanity_steps(self.engine, layer, channel, rule)))

    def _orders(self, layer: str, known: Known) -> Steps:
        found = yield from order_steps(self.engine, layer)
        data = {"channels": len(found.readable), "features": found.features}
        return data, [numbers(found.readable), numbers(found.suspicious)]


def project_each(
    known: Known, activations: Sequence[Activation], rule: str, lost: list[list[str]]
) -> list[Projection | None]:
    """Projections; None, and an entry of ``lost``, where the photo can't be read any more."""
    try:
        return list(known.project_all(activations, rule))
    except UnreadableImage as error:
        if len(activations) == 1:
            lost.append([activations[0].image_name, error.reason])
            return [None]
    return [one for a in activations for one in project_each(known, [a], rule, lost)]


def identity(kind: str, fields: Mapping[str, Any]) -> str:
    """One string for what is asked: equal for equal fields in any order."""
    return kind + json.dumps(fields, sort_keys=True, separators=(",", ":"))
