"""Projections of many channels for a report: computed together, encoded while the next are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...engine.protocol import EngineProtocol
from ...records import Activation, LayerInfo, Pixels, Projection, TopActivations
from ...threads import Pool
from ...widgets.wire.answers import projected_levels
from ...widgets.wire.encode import Answer
from ...widgets.wire.source import project_each
from ..pictures import Encoded, Encoder, expected_bytes

TOGETHER = 48
"""Units of small fields that are projected together."""
ENCODING, WAITING = 2, 8
"""Threads that encode pictures, and channels that may wait for them."""


def by_size(layers: Iterable[LayerInfo], quality: int | None) -> list[tuple[LayerInfo, float]]:
    """Layers, and about how many bytes one of their projections takes; the smallest first."""
    sizes = []
    for layer in layers:
        box = layer.receptive_field.box(0, 0)
        sizes.append((layer, expected_bytes(box.height * box.width, quality)))
    return sorted(sizes, key=lambda pair: pair[1])


@dataclass(frozen=True)
class Batch:
    """Projections by an engine, channel by channel, as `Source` answers them.

    Pictures are encoded as the report has them, on threads of their own.

    Attributes
    ----------
    engine, rule
        The engine that projects, and by which rule.
    encoder
        Encoder of the pictures.
    """

    engine: EngineProtocol
    rule: str
    encoder: Encoder

    def answers(self, layer: LayerInfo, tops: Sequence[TopActivations]) -> Iterator[Answer]:
        """An answer for each channel of a layer, in their order."""
        with Pool(ENCODING, thread_name_prefix="zfwidgets-encode") as pool:
            waiting: deque[Future[tuple[dict[str, Any], list[Encoded]]]] = deque()
            try:
                for top, found, lost in self._projected(layer, tops):
                    waiting.append(pool.submit(self._told, layer, top, found, lost))
                    if len(waiting) > WAITING:
                        yield self._counted(waiting.popleft())
                while waiting:
                    yield self._counted(waiting.popleft())
            finally:
                for one in waiting:
                    one.cancel()

    def _counted(self, told: Future[tuple[dict[str, Any], list[Encoded]]]) -> Answer:
        data, encoded = told.result()
        return data, [self.encoder.count(one) for one in encoded]

    def _told(
        self,
        layer: LayerInfo,
        top: TopActivations,
        found: list[Projection | None],
        lost: list[list[str]],
    ) -> tuple[dict[str, Any], list[Encoded]]:
        levels: list[Pixels]
        data, levels = projected_levels(found, len(top), layer.field_of(top.channel))
        return {**data, "lost": lost}, [self.encoder.encode(picture) for picture in levels]

    def _projected(
        self, layer: LayerInfo, tops: Sequence[TopActivations]
    ) -> Iterator[tuple[TopActivations, list[Projection | None], list[list[str]]]]:
        """Each channel with its projections, and the photos among them that can't be read."""
        rest = iter(tops)
        while some := list(islice(rest, self._together(layer, tops))):
            units: list[Activation] = [a for top in some for a in top]
            lost: list[list[str]] = []
            found = iter(project_each(self.engine, units, self.rule, lost))
            reasons = {one[0]: one[1] for one in lost}
            for top in some:
                mine = list(islice(found, len(top)))
                names = [a.image_name for a, one in zip(top, mine, strict=True) if one is None]
                yield top, mine, [[name, reasons[name]] for name in names]

    def _together(self, layer: LayerInfo, tops: Sequence[TopActivations]) -> int:
        """How many channels' units are projected together: the fewer, the larger their fields."""
        share = max(
            size / image
            for size, image in zip(
                layer.receptive_field.size, layer.receptive_field.image, strict=True
            )
        )
        units = TOGETHER if share <= 0.5 else TOGETHER // 4
        return max(1, units // max(1, *(len(top) for top in tops)))
