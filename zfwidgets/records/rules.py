"""What a rule of projections is, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RuleInfo:
    """A rule of projections in words, as `zfwidgets.rules.Rule` has them.

    Attributes
    ----------
    name
        What a selection and `Engine.project` call it.
    title
        What menus call it.
    answers
        The question that its pictures answer, in one line.
    reads_forward
        Whether it depends on which rectifiers were active in the image; None where that isn't
        known, as of another library's method.
    status_note
        How a projection's status is to be read, where it isn't what it says; else empty.
    """

    name: str
    title: str
    answers: str
    reads_forward: bool | None = None
    status_note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As dict of JSON values."""
        return asdict(self)
