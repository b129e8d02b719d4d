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

from ...engine.protocol import EngineProtocol
from ...records import OcclusionMap, OcclusionRequest, Progress, no_numbers
from ...threads import ProcessLock
from .encode import Answer, numbers
from .jobs.steps import Steps
from .schema import MAPS, OBJECTS
from .validation import SLIDE, to_boxes

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

    @property
    def running(self) -> bool:
        """Whether the engine holds what it needs to go on at once."""
        return self._steps is not None

    @property
    def bytes(self) -> int:
        """What the map takes, twice while the engine has one of its own."""
        if self.result is None:
            return 0
        features = self.result.features
        arrays = [self.result.logits, *(vars(features).values() if features else ())]
        size = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
        return size * (2 if self.running else 1)

    def forget(self) -> None:
        """Let go of all; to go on is to begin anew."""
        self.pause()
        self.result, self._spent, self._counted = None, 0.0, 0

    def pause(self) -> None:
        """Let go of what the engine holds for it; what is computed stays."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _start(self) -> Generator[OcclusionMap, None, OcclusionMap]:
        fields = self._fields
        request = OcclusionRequest(
            fields["image"],
            (fields["height"], fields["width"]),
            fields["stride"],
            fields["baseline"],
            layer=fields["layer"],
            mask=fields["mask"],
            extra_boxes=to_boxes(fields["extra_boxes"]),
            resume=self.result,
        )
        return self._engine.occlude_steps(request)


class Passes:
    """The passes that were used last, up to a number of bytes.

    What is kept counts, whether it is complete, under way or stopped. Only the pass that is being
    computed may take more; it isn't kept then.

    Passes run on the worker alone; `answer` may be called from any thread.

    Attributes
    ----------
    most
        Bytes.
    """

    def __init__(self, engine: EngineProtocol, most: int) -> None:
        self.most = most
        self._engine = engine
        self._passes: OrderedDict[str, Pass] = OrderedDict()
        self._lock = ProcessLock()

    @property
    def bytes(self) -> int:
        """What the passes take."""
        with self._lock:
            return sum(one.bytes for one in self._passes.values())

    def answer(self, fields: Mapping[str, Any]) -> Answer | None:
        """The answer to a key if its pass is complete; computes nothing."""
        with self._lock:
            one = self._passes.get(_identity(fields))
            # One whose last positions have just come answers for itself first.
            result = None if one is None or one.running else one.result
            if one is not None:
                self._passes.move_to_end(_identity(fields))
        if result is None or not result.complete:
            return None
        return occlusion_answer(result, fields["target"], fields["channel"], 0.0)

    def steps(self, fields: Mapping[str, Any]) -> Steps:
        """Run a pass, or go on with it; yields the answer so far. Stopped, it stays."""
        identity = _identity(fields)
        with self._lock:
            one = self._passes.get(identity)
        if one is None:
            one = Pass(self._engine, {name: fields[name] for name in SLIDE})
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
                self._keep(identity, one, computing=True)
        finally:
            if one.complete:
                one.pause()
            self._keep(identity, one, computing=False)

    def _keep(self, identity: str, used: Pass, *, computing: bool) -> None:
        """Put a pass among those that are kept, as the last used, and make room for it."""
        with self._lock:
            self._passes[identity] = used
            self._passes.move_to_end(identity)
            running = [one for one in self._passes.values() if one.running]
            for one in running[:-RUNNING]:
                one.pause()
            left = sum(one.bytes for one in self._passes.values())
            for name, one in [*self._passes.items()]:
                if left <= self.most or (one is used and computing):
                    break
                left -= one.bytes
                del self._passes[name]
                one.forget()


def _identity(fields: Mapping[str, Any]) -> str:
    return json.dumps([fields[name] for name in SLIDE])


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


CLEAN = tuple(OBJECTS["Clean"][1])
