"""Three lessons of fifteen to twenty minutes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from typing_extensions import Unpack

from ..widgets.explorer import Explorer
from .exercises.channels import FindChannel, OwnProjection, StrongestPhoto
from .exercises.covering import CostliestPlace, Covered, StillNamed
from .exercises.layers import DeepestPatches, FieldWidth, LargerField
from .exercises.shared import stages
from .exercises.task import Exercise
from .question import spoken
from .worksheet import Worksheet


class Options(TypedDict, total=False):
    """What each lesson hands on to its `Worksheet`."""

    language: str | None
    projector: bool
    answers: str | Path | None
    layout: Any


def seeing(explorer: Explorer, **options: Unpack[Options]) -> Worksheet:
    """What does a layer see? Receptive fields, patches, projections.

    Parameters
    ----------
    explorer
        Explorer in which channels are looked for.
    **options
        ``language`` ("en" or "de", which the Explorer speaks then, too; None: that of the
        Explorer), ``projector`` (True: letters for the back of a classroom), ``answers`` (a file
        that is written after each answer), ``layout``: see `Worksheet`.
    """
    early, middle, late = stages(explorer.engine)
    exercises = (
        LargerField((early, middle, late)) if len({early, middle, late}) > 1 else None,
        FieldWidth(middle),
        StrongestPhoto(middle),
        OwnProjection(middle),
        FindChannel(None, middle),
    )
    return _sheet("seeing", explorer, exercises, **options)


def looking(explorer: Explorer, **options: Unpack[Options]) -> Worksheet:
    """Does the network look at the object? Parts of photos are covered.

    Parameters
    ----------
    explorer
        Explorer in which photos can be covered by hand.
    **options
        As in `seeing`.
    """
    exercises = (
        CostliestPlace(),
        Covered(nth=1, where="most"),
        Covered(nth=2, where="least"),
        StillNamed(nth=3, where="most"),
        CostliestPlace(nth=4, seed=1),
    )
    return _sheet("looking", explorer, exercises, **options)


def forming(explorer: Explorer, **options: Unpack[Options]) -> Worksheet:
    """How do features form? Patches and projections of early and late layers.

    Parameters
    ----------
    explorer, **options
        As in `seeing`.
    """
    early, middle, late = stages(explorer.engine)
    layers = tuple(dict.fromkeys((early, middle, late)))
    exercises = (
        DeepestPatches(layers) if len(layers) > 1 else None,
        StrongestPhoto(early, seed=1),
        StrongestPhoto(late, seed=2, hard=True),
        FieldWidth(late),
        FindChannel(None, late),
    )
    return _sheet("forming", explorer, exercises, **options)


def _sheet(
    name: str,
    explorer: Explorer,
    exercises: tuple[Exercise | None, ...],
    **options: Unpack[Options],
) -> Worksheet:
    words = spoken(explorer, options.get("language"))
    questions = [
        (words(f"{name}.{number}"), exercise)
        for number, exercise in enumerate(exercises, 1)
        if exercise is not None
    ]
    title, intro = words(f"{name}.title"), words(f"{name}.intro")
    return Worksheet(explorer, questions, title=title, intro=intro, name=name, **options)
