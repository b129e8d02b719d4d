"""A row of the page: what the paper says, what is found, trained and untrained, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from .statistics import Interval, Truth

AGREES, DIFFERS = "agrees", "differs"
UNCLEAR = "can't be judged here"
EMPTY = "no evidence: holds untrained too"

Finding = tuple[str, Truth]
"""What was found, in words and numbers, and whether the rule holds."""


@dataclass(frozen=True)
class Claim:
    """A row of the table.

    Attributes
    ----------
    where
        In the arXiv version (1311.2901v3).
    says
        What the paper says, with its numbers.
    rule
        What counts as agreeing.
    trained, untrained
        What was found in networks that have learned, and in those that haven't.
    why
        What stands behind the verdict; "" where the numbers say it.
    """

    where: str
    says: str
    rule: str
    trained: Finding
    untrained: Finding
    why: str = ""

    @property
    def verdict(self) -> str:
        """What the rule says of both networks."""
        return verdict(self.trained[1], self.untrained[1])


def verdict(trained: Truth, untrained: Truth) -> str:
    """A rule that an untrained network passes too says nothing about what was learned."""
    if trained is None:
        return UNCLEAR
    if not trained:
        return DIFFERS
    return EMPTY if untrained else AGREES


def spanned(interval: Interval, form: str = ".2f", scale: float = 1.0) -> str:
    """An interval in brackets."""
    low, high = (scale * end for end in interval)
    return f"[{low:{form}}, {high:{form}}]"
