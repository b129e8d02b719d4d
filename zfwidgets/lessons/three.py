"""Three lessons of fifteen to twenty minutes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..widgets.explorer import Explorer
from .exercises.channels import FindChannel, OwnProjection, StrongestPhoto
from .exercises.covering import CostliestPlace, Covered, StillNamed
from .exercises.layers import DeepestPatches, FieldWidth, LargerField
from .exercises.shared import stages
from .exercises.task import Exercise
from .language.words import Words
from .worksheet import Worksheet


def seeing(
    explorer: Explorer,
    *,
    language: str = "en",
    projector: bool = False,
    answers: str | Path | None = None,
) -> Worksheet:
    """What does a layer see? Receptive fields, patches, projections.

    Parameters
    ----------
    explorer
        Explorer in which channels are looked for.
    language
        Language of the words, ``"en"`` or ``"de"``.
    projector
        Whether letters are large enough for the back of a classroom.
    answers
        File that is written after each answer; None: none.
    """
    early, middle, late = stages(explorer.engine)
    exercises = (
        LargerField((early, middle, late)) if len({early, middle, late}) > 1 else None,
        FieldWidth(middle),
        StrongestPhoto(middle),
        OwnProjection(middle),
        FindChannel(None, middle),
    )
    return _sheet("seeing", explorer, exercises, language, projector, answers)


def looking(
    explorer: Explorer,
    *,
    language: str = "en",
    projector: bool = False,
    answers: str | Path | None = None,
) -> Worksheet:
    """Does the network look at the object? Parts of photos are covered.

    Parameters
    ----------
    explorer
        Explorer in which photos can be covered by hand.
    language
        Language of the words, ``"en"`` or ``"de"``.
    projector
        Whether letters are large enough for the back of a classroom.
    answers
        File that is written after each answer; None: none.
    """
    exercises = (
        CostliestPlace(),
        Covered(nth=1, where="most"),
        Covered(nth=2, where="least"),
        StillNamed(nth=3, where="most"),
        CostliestPlace(nth=4, seed=1),
    )
    return _sheet("looking", explorer, exercises, language, projector, answers)


def forming(
    explorer: Explorer,
    *,
    language: str = "en",
    projector: bool = False,
    answers: str | Path | None = None,
) -> Worksheet:
    """How do features form? Patches and projections of early and late layers.

    Parameters
    ----------
    explorer
        Explorer in which channels are looked for.
    language
        Language of the words, ``"en"`` or ``"de"``.
    projector
        Whether letters are large enough for the back of a classroom.
    answers
        File that is written after each answer; None: none.
    """
    early, middle, late = stages(explorer.engine)
    layers = tuple(dict.fromkeys((early, middle, late)))
    exercises = (
        DeepestPatches(layers) if len(layers) > 1 else None,
        StrongestPhoto(early, seed=1),
        StrongestPhoto(late, seed=2),
        FieldWidth(late),
        FindChannel(None, late),
    )
    return _sheet("forming", explorer, exercises, language, projector, answers)


def _sheet(
    name: str,
    explorer: Explorer,
    exercises: tuple[Exercise | None, ...],
    language: str,
    projector: bool,
    answers: Any,
) -> Worksheet:
    words = Words(language)
    questions = [
        (words(f"{name}.{number}"), exercise)
        for number, exercise in enumerate(exercises, 1)
        if exercise is not None
    ]
    return Worksheet(
        explorer,
        questions,
        title=words(f"{name}.title"),
        intro=words(f"{name}.intro"),
        name=name,
        language=language,
        projector=projector,
        answers=answers,
    )
