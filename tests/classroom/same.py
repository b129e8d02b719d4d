"""What a server and the engine behind it must answer alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import ZfError
from zfwidgets.records import Box, CoverRequest, Occluder, OcclusionRequest
from zfwidgets.stepwise import finish

Ask = Callable[[Any], Any]


def questions(engine: EngineProtocol, layers: Sequence[str], images: Sequence[int]) -> list[Ask]:
    """Everything that the protocol answers, good and bad, each as a call on an engine."""
    rows, columns = engine.info.input_shape[1:]
    box = Box(rows // 3, columns // 4, rows // 4, columns // 3)
    occluder = Occluder(box, "mean", "f0" * 32, (Box(1, 2, 3, 4),))
    baseline = engine.baselines[-1]
    asked: list[Ask] = [
        lambda e: (e.info, e.layers, e.rules, e.baselines, e.indexed),
        lambda e: [e.rule(one) for one in e.rules],
    ]
    for layer in layers:
        last = engine.layer(layer).channels - 1
        asked += [
            lambda e, name=layer: e.channels(name),
            lambda e, name=layer: e.channels(name, so_far=True),
            lambda e, name=layer: e.sample(name, 1),
            lambda e, name=layer: e.top(name, 0),
            lambda e, name=layer, c=last: e.top(name, c, 3),
            lambda e, name=layer: finish(e.quantile_steps(name, 1, 2, 5)),
            lambda e, name=layer: [e.project_all(e.top(name, 1), rule) for rule in e.rules],
            lambda e, name=layer: e.project_all(()),
            lambda e, name=layer: [e.patch(a) for a in e.top(name, 1, 2)],
            lambda e, name=layer: finish(e.cover_steps(CoverRequest(name, 1, 2, baseline, 3, 5))),
        ]
    for image in images:
        asked += [
            lambda e, i=image: e.photo(i),
            lambda e, i=image: e.predict(i),
            lambda e, i=image: e.predict(i, occluder),
            lambda e, i=image: e.responses(i, layers[-1]),
            lambda e, i=image: e.respond(i, occluder, layers[0]),
            lambda e, i=image: finish(
                e.occlude_steps(
                    OcclusionRequest(i, (9, 7), (6, 8), 0.25, None, layers[-1], None, (box,))
                )
            ),
            lambda e, i=image: finish(e.occlude_steps(OcclusionRequest(i, 9, 8, target=1))),
        ]
    return asked


def mistakes(layer: str, image: int, channels: int) -> list[Ask]:
    """What nobody can answer."""
    box = Box(1, 2, 3, 4)
    return [
        lambda e: e.layer("no such layer"),
        lambda e: e.channels("no such layer"),
        lambda e: e.rule("no such rule"),
        lambda e: e.photo(10_000),
        lambda e: e.photo(-1),
        lambda e: e.top(layer, channels),
        lambda e: e.top(layer, -1),
        lambda e: e.top(layer, 0, 0),
        lambda e: e.predict(image, Occluder(box, "no such fill")),
        lambda e: finish(e.occlude_steps(OcclusionRequest(image, 9, 8, target=1 << 19))),
        lambda e: finish(e.occlude_steps(OcclusionRequest(image, 9, 8, layer="no such layer"))),
    ]


def outcome(ask: Ask, engine: Any) -> Any:
    """What an engine answers, or the error that it raises: its kind and its words."""
    try:
        return ask(engine)
    except ZfError as error:
        return type(error), str(error), getattr(error, "reason", "")
