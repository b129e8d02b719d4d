"""How a training begins to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ...engine.local import LocalEngine
from ...engine.network.modes import in_usual_modes
from ...engine.projection.rules import Rule
from ...errors import InputError
from .choosing import Units, choose_units
from .looking import Looking
from .schedule import Per, Schedule
from .watching import Watch

PENDING = 4
"""Copies of the weights that may wait to be looked at."""


@in_usual_modes
def watch(
    model: nn.Module,
    images: Any,
    units: Units = 6,
    *,
    at: Sequence[float] | None = None,
    every: int | None = None,
    per: Per = 1,
    rule: str | Rule = "deconvnet",
    background: bool = True,
    pending: int = PENDING,
    **options: Any,
) -> Watch:
    """Watch feature maps come to be while a network is trained (paper, Fig. 4).

    Needs nothing of the training loop but a call after each step of the optimizer::

        watch = zf.watch(model, images)
        for batch, labels in loader:
            ...
            optimizer.step()
            watch.step()
        watch.finish().to_pil()

    or ``for batch, labels in watch.each(loader): ...``, or ``watch.lightning()`` among the
    callbacks of a Lightning trainer. `zfwidgets.Evolution` shows a watch while it goes on.

    Parameters
    ----------
    model
        The model that the loop trains, in float32. It is only read, between steps.
    images
        Where to look for the strongest activations; as in `zfwidgets.Engine`. Each moment costs a
        forward pass of all of them and a projection a map: some hundred are plenty.
    units
        Which feature maps: a number of maps for each convolution (drawn at random; of at most 6
        layers), pairs (layer, channel), or ``{layer: channels or number}``.
    at
        When to look, in units of ``per``; 0 is before training. The paper's epochs are
        ``[1, 2, 5, 10, 20, 30, 40, 64]``. Without ``at`` and ``every``: before training, after 1,
        2, 5, 10, 20, 50, 100, ... steps, and at the end.
    every
        Look every so many steps, instead of ``at``.
    per
        What ``at`` counts: 1 steps; a number, so many steps each: ``per=len(loader)`` counts
        epochs; "epoch" the calls of ``watch.epoch()``.
    rule
        Rule of the projections; see `zfwidgets.Engine.project`.
    background
        Whether to look on a thread of its own, so that the loop goes on. False holds the loop up,
        and leaves nothing out.
    pending
        Copies of the weights that may wait. Of more the oldest is left out, and is listed in the
        record's ``missed``.
    **options
        ``transform``, ``device``, ``denormalize``, ``forward``, ``rules``: as in
        `zfwidgets.Engine`.

    Raises
    ------
    UnknownLayer, InputError
        For units, images or moments that don't exist.
    UnsupportedModel
        For a model that can't be handled exactly.
    """
    schedule = Schedule(at, every, per)
    if pending < 1:
        raise InputError(f"pending is {pending}: expected 1 or more.")
    engine = LocalEngine(model, images, cache=False, **options)
    looking = Looking(engine, choose_units(engine, units), rule)
    return Watch(model, looking, schedule, pending if background else 0)
