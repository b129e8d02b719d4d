"""What a class will click on, computed ahead while nobody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..widgets.requests import PATCHES, THUMBNAIL
from ..widgets.wire.schema import MOST_THUMBNAILS
from .app import Server
from .messages.methods import METHODS
from .working.answers import question
from .working.work import Question

Planned = tuple[bytes, Callable[[], Question]]


def prepare(server: Server) -> None:
    """Have answers computed ahead, the widely used first, as far as they can be kept."""
    server.work.prepare(plan(server))


def plan(server: Server) -> Iterator[Planned]:
    """What the pages of an Explorer ask for: of each layer, then of each of its channels."""
    engine = server.engine
    layers = [layer for layer in engine.layers if layer.channels > 1]
    for layer in layers:
        yield _asked(server, "channels", layer=layer.name)
        for first in range(0, layer.channels, MOST_THUMBNAILS):
            count = min(MOST_THUMBNAILS, layer.channels - first)
            yield _asked(
                server, "sheet", layer=layer.name, first=first, count=count, size=THUMBNAIL
            )
    for image in range(len(engine.info.images)):
        yield _asked(server, "photo", image=image)
        if not engine.info.no_classes:
            yield _asked(server, "predict", image=image, occluder=None)
    convolutions = [layer for layer in layers if layer.role == "conv"]
    others = [layer for layer in layers if layer.role != "conv"]
    for chosen in (convolutions, others):  # all that is looked at first, then what follows on it
        for channel in range(max((layer.channels for layer in chosen), default=0)):
            for layer in chosen:
                if channel < layer.channels:
                    top = {"layer": layer.name, "channel": channel, "k": PATCHES}
                    yield _asked(server, "top", **top)
                    yield _asked(server, "projections", **top, rule=engine.rules[0])


def _asked(server: Server, kind: str, **fields: Any) -> Planned:
    method, checked = METHODS["answer"], {"kind": kind, "fields": fields}
    return question(method.name, checked), server.make(method, checked)
