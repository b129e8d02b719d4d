"""How long a pass of the occluder takes, from what passes of this network took on this device."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

RECENT = 8
"""Passes that an estimate rests on: what else the machine does, changes."""


@dataclass
class Timing:
    """What a pass took so far.

    Attributes
    ----------
    setup
        Seconds before the first position: clean maps, checks.
    work
        Multiply-adds of the positions computed.
    seconds
        That they took.
    """

    setup: float
    work: float = 0.0
    seconds: float = 0.0


class Timings:
    """Passes of one network on one device: seconds = a + b * multiply-adds.

    Over the last passes, a is the mean setup, and b all seconds over all multiply-adds. Where no
    pass was measured, a probe of a few positions stands for one.
    """

    def __init__(self) -> None:
        self._passes: deque[Timing] = deque(maxlen=RECENT)
        self._probes: deque[Timing] = deque(maxlen=RECENT)

    @property
    def basis(self) -> Literal["measured", "probe"] | None:
        """What an estimate would rest on; None: nothing yet."""
        if self._measured():
            return "measured"
        return "probe" if self._probes else None

    def add(self, timing: Timing) -> None:
        """A pass that begins; what it takes is added to ``timing`` as it goes on."""
        self._passes.append(timing)

    def add_probe(self, timing: Timing) -> None:
        """A few positions that were computed to know."""
        self._probes.append(timing)

    def seconds(self, work: float) -> float | None:
        """Seconds for a pass of so many multiply-adds; None where nothing is known."""
        known = self._measured() or list(self._probes)
        total = sum(timing.work for timing in known)
        if not total:
            return None
        slope = sum(timing.seconds for timing in known) / total
        return sum(timing.setup for timing in known) / len(known) + slope * work

    def _measured(self) -> list[Timing]:
        return [timing for timing in self._passes if timing.work]
