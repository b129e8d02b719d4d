"""Passes of the occluder, kept whole: another map of a pass needs no new compute.

A pass is all classes' logits and all channels' numbers at all positions. What is asked for is one
class and one channel of it. A pass that was stopped half way is kept as far as it came, and goes
on from there when it is asked for again.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Generator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from ..engine.protocol import EngineProtocol
from ..records import OcclusionMap, Progress, no_numbers
from .cache import Cache
from .encode import Answer, numbers
from .keys import SLIDE, to_boxes
from .steps import Steps

RUNNING = 2
"""Passes that are kept ready to go on; the engine holds an image's feature maps for each."""


class Pass:
    """One pass of the occluder over an image, as far as it is.

    Attributes
    ----------
    result
        The map so far; None before the first step.
    """

    def __init__(self, engine: EngineProtocol, fields: Mapping[str, Any]) -> None:
        self._engine, self._fields = engine, fields
        self._steps: Generator[OcclusionMap, None, OcclusionMap] | None = None
        self._spent, self._counted = 0.0, 0
        self.result: OcclusionMap | None = None

    @property
    def complete(self) -> bool:
        """Whether every position is computed."""
        return self.result is not None and self.result.complete

    @property
    def seconds_left(self) -> float | None:
        """As far as what is computed tells; None before."""
        if self.result is None or not self._counted:
            return None
        left = int(self.result.done.size - self.result.done.sum())
        return self._spent / self._counted * left

    def advance(self) -> OcclusionMap:
        """Compute the next positions."""
        if self._steps is None:
            self._steps = self._start()
        before = 0 if self.result is None else int(self.result.done.sum())
        start = time.monotonic()
        try:
            self.result = next(self._steps)
        except StopIteration as end:
            self.result, self._steps = end.value, None
        except BaseException:
            self._steps = None
            raise
        assert self.result is not None
        self._spent += time.monotonic() - start  # not what other jobs took in between
        self._counted += int(self.result.done.sum()) - before
        return self.result

    def pause(self) -> None:
        """Let go of what the engine holds for it; what is computed stays."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _start(self) -> Generator[OcclusionMap, None, OcclusionMap]:
        fields = self._fields
        return self._engine.occlude_steps(
            fields["image"],
            (fields["height"], fields["width"]),
            fields["stride"],
            fields["fill"],
            None,
            fields["layer"],
            mask=fields["mask"],
            also=to_boxes(fields["also"]),
            resume=self.result,
        )


class Passes:
    """The passes that were used last, up to a number of bytes.

    Passes run on the worker alone; `answer` may be called from any thread.
    """

    def __init__(self, engine: EngineProtocol, most: int) -> None:
        self._engine = engine
        self._kept = Cache(most)
        self._running: OrderedDict[str, Pass] = OrderedDict()

    def answer(self, fields: Mapping[str, Any]) -> Answer | None:
        """The answer to a key if its pass is complete; computes nothing."""
        kept: Pass | None = self._kept.get(_identity(fields))
        if kept is None or kept.result is None or not kept.complete:
            return None
        return occlusion_answer(kept.result, fields["target"], fields["channel"], 0.0)

    def steps(self, fields: Mapping[str, Any]) -> Steps:
        """Run a pass, or go on with it; yields the answer so far. Stopped, it stays."""
        identity = _identity(fields)
        one: Pass | None = self._running.get(identity) or self._kept.get(identity)
        if one is None:
            one = Pass(self._engine, {name: fields[name] for name in SLIDE})
        self._run(identity, one)
        try:
            while True:
                if one.result is not None:
                    result, left = one.result, one.seconds_left
                    done = int(result.done.sum())
                    yield Progress(done, result.done.size, left, "sliding the occluder")
                    yield lambda result=result, left=left: occlusion_answer(  # type: ignore[misc]
                        result, fields["target"], fields["channel"], left
                    )
                    if result.complete:
                        return occlusion_answer(result, fields["target"], fields["channel"], 0.0)
                one.advance()
        finally:
            if one.complete:
                one.pause()
                self._running.pop(identity, None)
            if one.result is not None:
                self._kept.put(identity, one, _size(one.result))

    def _run(self, identity: str, one: Pass) -> None:
        self._running[identity] = one
        self._running.move_to_end(identity)
        while len(self._running) > RUNNING:
            self._running.popitem(last=False)[1].pause()


def _identity(fields: Mapping[str, Any]) -> str:
    return json.dumps([fields[name] for name in SLIDE])


def _size(result: OcclusionMap) -> int:
    features = result.features
    arrays = [result.logits, *(vars(features).values() if features else ())]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def occlusion_answer(
    result: OcclusionMap, target: int | None, channel: int | None, seconds_left: float | None
) -> Answer:
    """A pass, finished or not, as it crosses the wire for one class and one channel."""
    features = result.features
    clean: dict[str, Any] = dict.fromkeys(CLEAN)
    layer = place = None
    if result.clean is None:
        target = None
    else:
        target = result.target if target is None else target
        scores = result.clean_scores(target)
        clean |= {name: value if isfinite(value) else None for name, value in scores.items()}
        clean["predicted"] = None if no_numbers(result.clean) else int(result.clean.argmax())
    if features is not None:
        layer = features.layer
        channel = features.strongest_channel if channel is None else channel
        clean["total"] = float(features.clean_totals[channel])
        clean["unit"] = float(features.clean_units[channel])
        place = features.places[channel].tolist()
    maps, empty = result.maps(target, channel), np.empty(0)
    return {
        "rows": result.grid[0],
        "columns": result.grid[1],
        "stride": list(result.stride),
        "size": list(result.size),
        "target": target,
        "layer": layer,
        "channel": channel,
        "clean": clean,
        "unit_place": place,
        "no_classes": result.no_classes,
        "done": int(result.done.sum()),
        "total": int(result.done.size),
        "seconds_left": seconds_left,
        "note": " ".join(filter(None, (result.note, _score_note(result)))),
    }, [numbers(maps.get(name, empty), dtype) for name, dtype in MAPS.items()]


def _score_note(result: OcclusionMap) -> str:
    """What to know of class scores that aren't numbers; empty if all are."""
    if result.logits is None:
        return ""
    bad = int(no_numbers(result.logits[result.done]).sum())
    where = f"at {bad} of {int(result.done.sum())} positions"
    return f"The class scores are NaN or infinite {where}: no probabilities." if bad else ""


CLEAN = ("probability", "logit", "log_odds", "total", "unit", "predicted")
MAPS = {
    "probability": "<f4",
    "predicted": "<i4",
    "total": "<f4",
    "logit": "<f4",
    "log_odds": "<f4",
    "unit": "<f4",
    "hamming": "<f4",
    "cosine": "<f4",
}
"""The maps of an answer's buffers, in their order, as in ``js/src/lib/protocol.ts``."""
