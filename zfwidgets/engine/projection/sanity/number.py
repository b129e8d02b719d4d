"""How alike a unit's picture stays once its own filters are drawn anew.

The first steps of the cascade of `zfwidgets.experiments.sanity`, down to the first module that has
filters (a batch norm above it, say, is randomised with it), and its end, with every module down to
the pixels randomised.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ....errors import InputError
from ....records import Progress, Projection, SanityNumber
from ...network.network import Network
from ..rules import RULES
from .projecting import ProjectAt
from .randomise import stages_below
from .ranks import load, rank_correlation

OTHERS = 8
"""Channels of the same place with whose pictures it is compared."""


def check_rule(rule: str) -> None:
    """Raise unless pictures of a rule can be drawn from random parameters, and compared."""
    if rule not in RULES:
        raise InputError(
            f"What depends on what was learned is measured for the rules {', '.join(RULES)}, not "
            f"for {rule!r}: choose one of them."
        )
    load("scipy.stats")


def number_steps(
    network: Network,
    lock: AbstractContextManager[object],
    tensor: Tensor,
    trained: Projection,
    seed: int = 0,
) -> Generator[Progress, None, SanityNumber]:
    """The number of a unit, in steps.

    Parameters
    ----------
    network
        A twin of the engine's, which is randomised.
    lock
        Held while it computes.
    tensor
        The photo.
    trained
        The unit's projection in the trained network.
    seed
        Seed of the random parameters and the choice of other channels.
    """
    unit, start = trained.activation.unit, trained.activation.value
    box = trained.activation.box.clip(*trained.pixels.shape[:2])
    reference = box.cut(trained.pixels)
    project = ProjectAt(network, unit, trained.rule, box)
    with lock:
        stages = stages_below(network, tensor, unit)
        active = np.flatnonzero(project.active(tensor) > 0)
    random = np.random.default_rng(seed)
    channels = [int(c) for c in random.permutation(active) if c != unit.channel][:OTHERS]
    total = len(channels) + len(stages)
    found = SanityNumber(trained.activation, trained.rule)
    for done, channel in enumerate(channels):
        yield Progress(done, total, None, "comparing other channels")
        with lock:
            picture, *_ = project(tensor, channel, 1.0)
        found = replace(found, others=(*found.others, rank_correlation(reference, picture)))
    generator = torch.Generator().manual_seed(seed)
    filters = False
    for done, stage in enumerate(stages, len(channels)):
        yield Progress(done, total, None, "drawing filters anew")
        last = done == total - 1
        with lock:
            stage.randomise_(generator)
            own = not filters
            filters = filters or stage.filters
            if not ((own and filters) or last):
                found = replace(found, modules=(*found.modules, stage.name))
                continue
            picture, *_ = project(tensor, unit.channel, start)
        alike = rank_correlation(reference, picture)
        found = replace(found, modules=(*found.modules, stage.name))
        if own:
            found = replace(found, own=found.modules, rank=alike)
        if last:
            found = replace(found, rank_all=alike)
    return found
