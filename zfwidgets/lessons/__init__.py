"""Lessons: questions about a network that check themselves against its engine.

An exercise (`exercises`) says what is asked; the right answer is computed from the engine's records
when the question is made, so that it holds for whatever network and photos there are. A
`zfwidgets.Question` asks one: the prediction first, then the picture with the truth. A
`zfwidgets.Worksheet` asks several and keeps the answers. `seeing`, `looking` and `forming` are
worksheets for three lessons, of which `examples/lesson/` has the notebooks.

All words stand in one file per language, `zfwidgets/language/data/en.json` and its sisters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import public

if TYPE_CHECKING:
    from .attempts import Attempt, Score
    from .exercises.channels import FindChannel, OwnProjection, StrongestPhoto
    from .exercises.covering import CostliestPlace, Covered, StillNamed
    from .exercises.layers import DeepestPatches, FieldWidth, LargerField
    from .exercises.task import Exercise, Figure, Mark, Option, Scale, Task
    from .question import Question
    from .three import forming, looking, seeing
    from .vocabulary import LANGUAGES, glossary
    from .worksheet import Worksheet

__getattr__, __dir__, __all__ = public(__name__, __file__)
