"""What a class will click on, computed ahead while nobody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..records import LayerInfo
from ..widgets.wire.schema import MOST_THUMBNAILS, PATCHES, THUMBNAIL
from .app import Server
from .messages.methods import METHODS
from .working.answers import question
from .working.work import Question

Planned = tuple[bytes, Callable[[], Question]]


def prepare(server: Server, layers: Sequence[str] = ()) -> None:
    """Have answers computed ahead, the widely used first, as far as they can be kept.

    Parameters
    ----------
    server
        The server whose engine is prepared.
    layers
        Names of the layers that a lesson is about; none are all.

    Raises
    ------
    UnknownLayer
        There is no layer of that name.
    """
    chosen = [server.engine.layer(name) for name in layers] or server.engine.layers
    server.work.prepare(plan(server, [layer for layer in chosen if layer.channels > 1]))


def plan(server: Server, layers: Sequence[LayerInfo]) -> Iterator[Planned]:
    """What the pages of an Explorer ask for: of each layer, then of each of its channels."""
    engine = server.engine
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
