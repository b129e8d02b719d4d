"""Photos and projections for a report: the next are computed while those before are encoded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import NotStored, UnreadableImage
from ...records import Activation, LayerInfo, Operation, Projection, TopActivations
from ...stepwise import finish
from ...widgets.wire.answers import OF_NINE, projected_levels
from ...widgets.wire.encode import Answer, decode_picture
from ...widgets.wire.photos import photo_data
from ...widgets.wire.service import Need
from ...widgets.wire.source import Source, project_each
from ..pictures import MIME, Encoded, Encoder, expected_bytes, meanwhile

TOGETHER = 24
"""Units of fields of up to half the photo that are projected together."""


def by_size(layers: Iterable[LayerInfo], quality: int | None) -> list[tuple[LayerInfo, float]]:
    """Layers, and about how many bytes one of their projections takes; the smallest first."""
    sizes = []
    for layer in layers:
        box = layer.receptive_field.box(0, 0)
        sizes.append((layer, expected_bytes(box.height * box.width, quality)))
    return sorted(sizes, key=lambda pair: pair[1])


@dataclass(frozen=True)
class FoundPhoto:
    """What a report holds of a photo.

    Attributes
    ----------
    image
        Number of the photo.
    needs, answers
        What is asked of it, and what is answered; nothing where it isn't to be had.
    lost
        Why it can't be read any more; "" where it can.
    """

    image: int
    needs: tuple[Need, ...] = ()
    answers: tuple[Answer, ...] = ()
    lost: str = ""


@dataclass(frozen=True)
class _Pictures:
    """Pictures that are encoded while the next ones are computed.

    Attributes
    ----------
    engine, source
        The engine whose report it is, and what answers for it.
    encoder
        Encoder of the pictures.
    """

    engine: EngineProtocol
    source: Source
    encoder: Encoder


@dataclass(frozen=True)
class Photos(_Pictures):
    """Photos with their class scores."""

    def answers(self, images: Iterable[int]) -> Generator[FoundPhoto, None, None]:
        """What there is of each photo, in their order."""
        for encoded, found in meanwhile(self._task(image) for image in images):
            yield found if encoded is None else self._with(found, encoded)

    def _with(self, found: FoundPhoto, encoded: Encoded) -> FoundPhoto:
        (data, _), *others = found.answers
        picture = {**data, "mime": MIME}, [self.encoder.count(encoded)]
        return replace(found, answers=(picture, *others))

    def _task(self, image: int) -> Callable[[], tuple[Encoded | None, FoundPhoto]]:
        """What encodes a photo, which is read and classified now."""
        needs: list[Need] = [("photo", {"image": image})]
        try:
            data, encode = self._read(image)
            answers: list[Answer] = [(data, [])]
            if len(self.engine.info.labels):
                needs.append(("predict", {"image": image, "occluder": None}))
                answers.append(finish(self.source.answer(*needs[-1])))
        except UnreadableImage as error:
            lost = FoundPhoto(image, lost=error.reason)
            return lambda: (None, lost)
        except NotStored:
            return lambda: (None, FoundPhoto(image))
        found = FoundPhoto(image, tuple(needs), tuple(answers))
        return lambda: (encode(), found)

    def _read(self, image: int) -> tuple[dict[str, Any], Callable[[], Encoded]]:
        if stored(self.engine):
            data, (buffer,) = finish(self.source.answer("photo", {"image": image}))
            return data, partial(kept, self.encoder, data, buffer)
        pixels = self.engine.photo(image)
        return photo_data(self.engine, image, pixels), partial(self.encoder.encode, pixels)


@dataclass(frozen=True)
class Projections(_Pictures):
    """Projections, channel by channel, as `Source` answers them; what a layer shares left out.

    Attributes
    ----------
    rule
        The rule by which units are projected.
    operations
        What was met on the way, by layer: added to.
    """

    rule: str
    operations: dict[str, dict[str, Operation]]

    def answers(
        self,
        channels: Iterable[tuple[str, int]],
        tops: Mapping[str, Sequence[TopActivations]],
        k: int,
    ) -> Generator[Answer | None, None, None]:
        """An answer for each channel, in their order; None for what isn't to be had.

        Parameters
        ----------
        channels
            Units of the same layer one after the other, so that they are computed together.
        tops
            Each layer's strongest activations, by channel.
        k
            How many of them.
        """
        if stored(self.engine):
            yield from self._stored(channels, k)
            return
        some = ((self.engine.layer(name), tops[name][channel]) for name, channel in channels)
        cut = ((layer, replace(top, activations=top.activations[:k])) for layer, top in some)
        tasks = (partial(self._told, *one) for one in self._projected(cut))
        for layer, data, encoded in meanwhile(tasks):
            yield self._packed(layer, data, encoded)

    def _stored(self, channels: Iterable[tuple[str, int]], k: int) -> Iterator[Answer | None]:
        for layer, channel in channels:
            key = {"layer": layer, "channel": channel, "k": k, "rule": self.rule}
            try:
                data, buffers = finish(self.source.answer("projections", key))
            except NotStored:
                yield None
                continue
            missing = sum(row is None for row in data["projections"])
            if missing > len(data["lost"]):  # a lost photo has a marked place
                yield None
            else:
                pictures = [kept(self.encoder, data, buffer) for buffer in buffers]
                yield self._packed(layer, data, pictures)

    def _packed(self, layer: str, data: dict[str, Any], encoded: Sequence[Encoded]) -> Answer:
        """What is the same for the layer left out."""
        met = self.operations.setdefault(layer, {})
        rows = data["projections"]
        for row in rows:
            for operation in () if row is None else row["operations"]:
                met.setdefault(operation["name"], Operation(**operation))
        shared = {name: data[name] for name in OF_NINE if name in data}
        return {"rows": rows, **shared}, [self.encoder.count(one) for one in encoded]

    def _told(
        self,
        layer: LayerInfo,
        top: TopActivations,
        found: list[Projection | None],
        lost: list[list[str]],
    ) -> tuple[str, dict[str, Any], list[Encoded]]:
        data, levels = projected_levels(found, len(top), layer.field_of(top.channel))
        told = {**data, "lost": lost}
        return layer.name, told, [self.encoder.encode(picture) for picture in levels]

    def _projected(
        self, tops: Iterable[tuple[LayerInfo, TopActivations]]
    ) -> Iterator[tuple[LayerInfo, TopActivations, list[Projection | None], list[list[str]]]]:
        """Each channel with its projections, and the photos among them that can't be read."""
        for _, pairs in groupby(tops, lambda pair: pair[0].name):
            layers, rest = zip(*pairs, strict=True)
            layer = layers[0]
            count = self._together(layer, rest)
            for start in range(0, len(rest), count):
                some = rest[start : start + count]
                units: list[Activation] = [a for top in some for a in top]
                lost: list[list[str]] = []
                found = iter(project_each(self.engine, units, self.rule, lost))
                reasons = {one[0]: one[1] for one in lost}
                for top in some:
                    mine = list(islice(found, len(top)))
                    names = [a.image_name for a, one in zip(top, mine, strict=True) if one is None]
                    yield layer, top, mine, [[name, reasons[name]] for name in names]

    def _together(self, layer: LayerInfo, tops: Sequence[TopActivations]) -> int:
        """How many channels' units are projected together: the fewer, the larger their fields."""
        share = max(
            size / image
            for size, image in zip(
                layer.receptive_field.size, layer.receptive_field.image, strict=True
            )
        )
        units = TOGETHER * 2 if share <= 0.25 else TOGETHER if share <= 0.5 else TOGETHER // 2
        return max(1, units // max(1, *(len(top) for top in tops)))


def stored(engine: EngineProtocol) -> bool:
    """Whether it is a report's, whose pictures stay as they are."""
    return hasattr(engine, "make_source")


def kept(encoder: Encoder, data: Mapping[str, Any], buffer: bytes) -> Encoded:
    """A report's picture as a report has it: as it is, bit by bit, if it is WebP."""
    if data["mime"] == MIME:
        return Encoded(buffer, None)
    return encoder.encode(np.asarray(decode_picture(buffer)))
