"""Rules: what happens to a signal at a rectifier on its way down to the pixels, and at a norm.

They differ there and nowhere else: everything else that is on the way is inverted by its
transpose, or by its derivative at the image. Any object with the attributes of `Rule` is one:

>>> class Doubled:
...     name, answers, reads_forward = "doubled", "nothing much", False
...     def rectify(self, gradient, signal, activation):
...         return 2 * signal.relu()
>>> engine.project(unit, image, rule=Doubled())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor

from ...errors import InputError
from ...records import NORMS, Operation, RuleInfo
from .attribution import GradCam, Lrp

if TYPE_CHECKING:
    from ..network.network import Network
    from .projected import Projected

__all__ = [
    "RULES",
    "Attribution",
    "Deconvnet",
    "GradCam",
    "Gradient",
    "GuidedBackprop",
    "Lrp",
    "Rule",
    "available",
    "choose",
    "passes_norms",
    "under",
    "words",
]


@runtime_checkable
class Rule(Protocol):
    """What to do at a rectifier, and at a contrast norm.

    A rule may also have an attribute ``passes_norms``: whether the signal passes contrast norms
    and local response norms unchanged, as in the paper ("unpool, rectify and filter", section
    2.1). Without it, or with False, it goes down through their derivative at the image, as
    through everything else that isn't linear: what a rule of your own doesn't mention stays what
    PyTorch has. Batch norm is no contrast norm: its frozen scale is part of the filters.

    And it may have words of its own for the page: ``title``, what menus call it (else its name),
    and ``status_note``, how the status of its pictures is to be read.

    Attributes
    ----------
    name
        What it is called in records and lists.
    answers
        The question that its pictures answer, in one line.
    reads_forward
        Whether `rectify` uses ``gradient`` and ``activation``. A rule that doesn't gets None for
        both, is the same for every image, and faster.
    """

    name: str
    answers: str
    reads_forward: bool

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        """Return the signal below a rectifier, of the shape that the three arguments have.

        Parameters
        ----------
        gradient
            What the derivative lets through: ``signal`` where the rectifier was active, else 0.
        signal
            What comes down from above.
        activation
            What the rectifier gave in the forward pass.
        """


@runtime_checkable
class Attribution(Protocol):
    """A method of another library, for the same units and with the same display."""

    name: str
    answers: str
    needs: str

    def attribute(
        self, network: Network, images: Tensor, layer: str, units: list[tuple[int, int, int]]
    ) -> Projected:
        """As `zfwidgets.engine.projection.deconv.project`."""


class Deconvnet:
    """Rectify the signal, whatever the forward activation was (Zeiler & Fergus 2013).

    Contrast norms and local response norms are passed by, as in the paper.
    """

    name = "deconvnet"
    title = "deconvnet (paper)"
    answers = (
        "Which pattern, through this image's max-pool switches, drives the unit: at rectifiers "
        "only positive signal goes down, whether they were active or not."
    )
    reads_forward = False
    passes_norms = True

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        """See `Rule.rectify`."""
        return signal.relu()


class GuidedBackprop:
    """Pass where both signal and activation are positive (Springenberg et al. 2014).

    At a contrast norm it takes the derivative.
    """

    name = "guided"
    title = "guided backprop"
    answers = (
        "Which pixels raise the unit, without what lowers it: at rectifiers only positive signal "
        "goes down, and only where they were active."
    )
    reads_forward = True

    def rectify(self, gradient: Tensor, signal: Tensor, activation: Tensor) -> Tensor:
        """See `Rule.rectify`."""
        return gradient.relu()


class Gradient:
    """The derivative, times the unit's activation (Simonyan et al. 2013)."""

    name = "gradient"
    title = "plain gradient"
    answers = (
        "How the unit changes with each pixel, to first order, what raises and what lowers it; "
        "times its activation."
    )
    status_note = (
        "A gradient takes every operation's derivative; unless a row says otherwise, its mark "
        "says how a deconvnet would."
    )
    reads_forward = True

    def rectify(self, gradient: Tensor, signal: Tensor, activation: Tensor) -> Tensor:
        """See `Rule.rectify`."""
        return gradient


RULES: dict[str, Rule] = {rule.name: rule for rule in (Deconvnet(), GuidedBackprop(), Gradient())}
"""Those that act on rectifiers, the paper's first."""
_OTHERS: tuple[Attribution, ...] = (GradCam(), Lrp())


def available(more: Iterable[Any] = ()) -> dict[str, Rule | Attribution]:
    """All rules by name, the paper's first; those of libraries only where they are installed."""
    others = [method for method in _OTHERS if find_spec(method.needs)]
    known: dict[str, Rule | Attribution] = {}
    for rule in (*RULES.values(), *others, *more):
        checked = _checked(rule)
        if checked.name in known:
            raise InputError(f"There are two rules called {checked.name!r}: rename yours.")
        known[checked.name] = checked
    return known


def words(rule: Rule | Attribution) -> RuleInfo:
    """What a rule is, in its own words."""
    return RuleInfo(
        rule.name,
        str(getattr(rule, "title", rule.name)),
        str(rule.answers),
        getattr(rule, "reads_forward", None),
        str(getattr(rule, "status_note", "")),
    )


def passes_norms(rule: Any) -> bool:
    """Whether a rule passes contrast norms by; see `Rule`."""
    return bool(getattr(rule, "passes_norms", False))


def under(rule: Any, operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """What was met on the way down, as the paper's deconvnet has it, as this rule has it."""
    if passes_norms(rule):
        return tuple(operations)
    note = "its derivative at this image; the paper's deconvnet passes it by"
    return tuple(
        replace(o, status="linearised", note=note) if o.name in NORMS else o for o in operations
    )


def _checked(rule: Any) -> Rule | Attribution:
    if isinstance(rule, (Rule, Attribution)) and not isinstance(rule, type):
        return rule
    raise InputError(
        f"{rule!r} is no rule: it must be an object with the attributes name, answers and "
        "reads_forward and the method rectify(gradient, signal, activation)."
    )


def choose(rule: str | Rule | Attribution, known: Mapping[str, Any]) -> Rule | Attribution:
    """The rule of that name, or the object itself."""
    if not isinstance(rule, str):
        return _checked(rule)
    found = known.get(rule) or next((m for m in _OTHERS if m.name == rule), None)
    if found is None:
        raise InputError(f"Unknown rule {rule!r}: expected one of {', '.join(known)}.")
    return found
