"""The loss of each step, without making a GPU wait for each of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...records import Floats

AT_ONCE = 64
"""Losses on a GPU that are fetched together."""


class Losses:
    """Losses of steps 1, 2, ...; NaN where none was told."""

    def __init__(self) -> None:
        self._known: list[float] = []
        self._waiting: dict[int, Tensor] = {}
        self._bad: tuple[int, float] | None = None

    def add(self, loss: Any) -> None:
        """Take the loss of the next step; None if it isn't told."""
        place = len(self._known)
        self._known.append(math.nan)
        if loss is None:
            return
        if isinstance(loss, Tensor) and loss.numel() == 1:
            self._waiting[place] = loss.detach()
            if loss.device.type != "cpu":
                return
            self._fetch()
            return
        try:
            self._put(place, float(loss))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The loss of step {place + 1} is {loss!r:.80}: expected one number, or a tensor "
                "with one."
            ) from error

    def first_not_finite(self, now: bool) -> tuple[int, float] | None:
        """Step and value of the first loss that isn't finite; those on a GPU only if ``now``."""
        if self._waiting and (now or len(self._waiting) >= AT_ONCE):
            self._fetch()
        return self._bad

    def all(self) -> Floats:
        """(steps,) float32, as far as they are known."""
        return np.array(self._known, dtype=np.float32)

    def _fetch(self) -> None:
        waiting, self._waiting = self._waiting, {}
        with torch.inference_mode(False), torch.no_grad():
            values = torch.stack([t.reshape(()).float() for t in waiting.values()]).tolist()
        for place, value in zip(waiting, values, strict=True):
            self._put(place, value)

    def _put(self, place: int, value: float) -> None:
        self._known[place] = value
        if self._bad is None and not math.isfinite(value):
            self._bad = place + 1, value
