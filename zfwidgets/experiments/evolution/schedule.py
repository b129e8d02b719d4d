"""When a training is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Literal

from ...errors import InputError

Per = int | Literal["epoch"]

PAPER = (1, 2, 5, 10, 20, 30, 40, 64)
"""Epochs of the paper's Fig. 4."""


class Schedule:
    """Which steps are due.

    Parameters
    ----------
    at
        The moments to look at, in units of ``per``: whole numbers, or fractions of an epoch. 0 is
        before training.
    every
        Look every so many steps, and before training.
    per
        What ``at`` counts: 1 steps, a number so many steps each (those of an epoch), "epoch" the
        calls that end epochs.

    Without ``at`` and ``every``: before training, and after 1, 2, 5, 10, 20, 50, 100, ... steps.
    """

    def __init__(
        self, at: Sequence[float] | None = None, every: int | None = None, per: Per = 1
    ) -> None:
        if at is not None and every is not None:
            raise InputError("Either at=... or every=... says when to look, not both.")
        if every is not None and every < 1:
            raise InputError(f"every is {every}: expected a number of steps, 1 or more.")
        if per != "epoch" and not (type(per) is int and per >= 1):
            raise InputError(f"per is {per!r}: expected a number of steps, or 'epoch'.")
        if at is not None and not at:
            raise InputError("at is empty: there would be nothing to look at.")
        for when in at or ():
            if not isfinite(when) or when < 0:
                raise InputError(f"at has {when}: expected steps or epochs, 0 or more.")
            if per == "epoch" and when != int(when):
                raise InputError(
                    f"at has {when}: only whole epochs are told. per=len(loader) counts steps."
                )
        self.per = per
        self._every = every
        self._epochs = frozenset(map(int, at)) if at is not None and per == "epoch" else None
        self._steps = None
        if at is not None and per != "epoch":
            self._steps = frozenset(round(when * per) for when in at)

    def epoch(self, steps: int, epochs: int) -> float | None:
        """How many epochs are done, as far as is known."""
        if isinstance(self.per, int) and self.per > 1:
            return steps / self.per
        return epochs if epochs or self.per == "epoch" else None

    @property
    def open_ended(self) -> bool:
        """Whether nobody has said which moment is the last."""
        return self._epochs is None and self._steps is None

    def after_step(self, steps: int) -> bool:
        """Whether to look after so many steps; 0 is before the first."""
        if self._epochs is not None:
            return steps == 0 and 0 in self._epochs
        if self._steps is not None:
            return steps in self._steps
        if self._every is not None:
            return steps % self._every == 0
        return steps == 0 or str(steps).rstrip("0") in ("1", "2", "5")

    def after_epoch(self, epochs: int) -> bool:
        """Whether to look now that so many epochs are over."""
        return self._epochs is not None and epochs in self._epochs
