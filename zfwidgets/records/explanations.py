"""What lies between a layer and the pixels, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .activations import Activation
from .arrays import table
from .layers import LayerInfo, Reach, loosest

if TYPE_CHECKING:
    import pandas

Status = Literal["paper", "adjoint", "linearised", "unknown"]
"""How an operation is inverted on the way down (see :mod:`zfwidgets.engine.projection.deconv`)."""


@dataclass(frozen=True)
class Operation:
    """One operation between a unit and the pixels, and how the rule inverts it."""

    name: str
    status: Status
    count: int
    note: str = ""


RECTIFIER = "relu"
"""Name of the operation that a rule acts on."""
MAX_POOL = "max_pool"
"""Name of the operation that has switches."""

CONTRAST_NORM = "contrast normalisation"
"""Name of the paper's local contrast normalisation."""
RESPONSE_NORM = "local response normalisation"
"""Name of AlexNet's normalisation across channels."""
NORMS = CONTRAST_NORM, RESPONSE_NORM
"""Names of the operations that the paper's deconvnet passes by (section 2.1)."""
PASSED_BY = "passed by, as in the paper"
"""What an explanation says of an operation that the deconvnet passes by."""

STATUSES: dict[Status, str] = {
    "paper": "as in Zeiler & Fergus (2013)",
    "adjoint": "linear, inverted by its transpose",
    "linearised": "not linear, replaced by its derivative at this image",
    "unknown": "not known to zfwidgets: do not trust the picture without a look at it",
}
"""What each status means, strongest first."""


def weakest(operations: Iterable[Operation]) -> Status:
    """The weakest status among operations; "paper" where there are none."""
    order = list(STATUSES)
    return max((o.status for o in operations), key=order.index, default="paper")


@dataclass(frozen=True)
class Explanation:
    """What lies between a layer and the pixels, and what a rule makes of it.

    Attributes
    ----------
    layer, rule
        Layer and rule of the projections that it is about.
    answers
        The question that the rule's pictures answer, in one line.
    operations
        What was met on the way, nearest the layer first, with the status of each.
    reach
        How far the receptive field is known; that of the least known channel where they differ.
    same_for_every_image
        Whether the picture depends on the image through nothing but its strength and, at the
        border, the part that is cut off.
    fields_differ
        Whether the layer's channels have receptive fields of their own.
    """

    layer: str
    rule: str
    answers: str
    operations: tuple[Operation, ...]
    reach: Reach
    same_for_every_image: bool = False
    fields_differ: bool = False

    @classmethod
    def of(
        cls,
        layer: LayerInfo,
        rule: str,
        answers: str,
        reads_forward: bool,
        operations: tuple[Operation, ...],
    ) -> Explanation:
        """From what was met; ``reads_forward``: whether the rule depends on the image itself."""
        linear = weakest(operations) in ("paper", "adjoint")
        pools = any(operation.name == MAX_POOL for operation in operations)
        own = [field.reach for _, field in layer.fields]
        reach = loosest(*own) if own else layer.receptive_field.reach
        same = linear and not pools and not reads_forward
        return cls(layer.name, rule, answers, operations, reach, same, bool(own))

    @property
    def status(self) -> Status:
        """The weakest status among the operations."""
        return weakest(self.operations)

    @property
    def rectifiers(self) -> tuple[Operation, ...]:
        """The rectifiers on the way: where the rule acts, besides `norms`."""
        return self._named(RECTIFIER)

    @property
    def pools(self) -> tuple[Operation, ...]:
        """The max-pools with switches."""
        return self._named(MAX_POOL)

    @property
    def norms(self) -> tuple[Operation, ...]:
        """The contrast norms, which a rule passes by or takes the derivative of."""
        return tuple(o for o in self.operations if o.name in NORMS)

    @property
    def linearised(self) -> tuple[Operation, ...]:
        """What isn't linear and was replaced by its derivative, or held fixed."""
        return tuple(o for o in self.operations if o.status == "linearised")

    @property
    def unknown(self) -> tuple[Operation, ...]:
        """What zfwidgets doesn't know."""
        return tuple(o for o in self.operations if o.status == "unknown")

    def _named(self, name: str) -> tuple[Operation, ...]:
        return tuple(o for o in self.operations if o.name == name)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same in plain words."""
        rectifiers, pools = (sum(o.count for o in ops) for ops in (self.rectifiers, self.pools))
        found = [self.answers]
        if rectifiers:
            found.append(f"The rule {self.rule!r} acts at {_count(rectifiers, 'rectifier')}.")
        elif not self.norms:
            found.append("There is no rectifier on the way: all rules give the same picture.")
        if self.same_for_every_image:
            found.append(
                "There is no max-pool on the way: apart from its strength, every image gives the "
                "same picture."
            )
        elif pools:
            found.append(f"It depends on the image through {_count(pools, 'max-pool')}.")
        found += [f"{o.name.capitalize()}{_times(o)}: {o.note}." for o in self.norms]
        found += [_sentence(o) for o in self.linearised if o not in self.norms]
        found += [f"Not known: {o.name}{_times(o)}. {o.note}." for o in self.unknown]
        found.append((_REACHES_OF_CHANNELS if self.fields_differ else _REACHES)[self.reach])
        return tuple(found)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a kind of operation."""
        return table(asdict(o) for o in self.operations)


_REACHES: dict[Reach, str] = {
    "exact": "The receptive field is exact.",
    "upper bound": "The receptive field is an upper bound: the unit sees no more than that.",
    "gated": "The receptive field is exact but for gates, which see the whole image.",
    "global": "The unit sees the whole image.",
}
_REACHES_OF_CHANNELS: dict[Reach, str] = {
    "exact": "Each branch's channels have a receptive field of their own, which is exact.",
    "upper bound": (
        "Channels have receptive fields of their own, some of which are upper bounds: those units "
        "see no more than that."
    ),
    "gated": (
        "Channels have receptive fields of their own, some of which are exact but for gates, which "
        "see the whole image."
    ),
    "global": "Channels have receptive fields of their own, some of which are the whole image.",
}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _times(operation: Operation) -> str:
    return f" ({operation.count} times)" if operation.count > 1 else ""


def _sentence(operation: Operation) -> str:
    note = f": {operation.note}" if operation.note else " by its derivative at this image"
    return f"Linearised: {operation.name}{_times(operation)}{note}."


@dataclass(frozen=True)
class RuleInfo:
    """A rule of projections in words, as `zfwidgets.rules.Rule` has them.

    Attributes
    ----------
    name, title
        What a selection and `Engine.project` call it, and what menus call it.
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


HARDLY, PARTLY = 0.9, 0.5
"""From these rank correlations on a picture is said to depend hardly, and partly."""


@dataclass(frozen=True)
class SanityNumber:
    """How alike a unit's projection stays once filters are drawn anew (Adebayo et al. 2018).

    Rank correlations of signed values inside the receptive field: 1 is the same picture up to its
    scale, 0 nothing in common. NaN where a picture is empty.

    Attributes
    ----------
    activation
        The unit, its image and its activation.
    rule
        As in `zfwidgets.Engine.project`.
    own
        The modules of its own filters: those that were randomised for ``rank``.
    rank
        How alike the pictures are before and after.
    modules
        All modules between the unit and the pixels, the unit's own first.
    rank_all
        The same once all of these are randomised.
    others
        How alike the trained pictures of other channels at that place in that image are.
    """

    activation: Activation
    rule: str
    own: tuple[str, ...] = ()
    rank: float = float("nan")
    modules: tuple[str, ...] = ()
    rank_all: float = float("nan")
    others: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """That of ``others``; NaN without any."""
        known = [rank for rank in self.others if not isnan(rank)]
        return float(np.median(known)) if known else float("nan")

    @property
    def depends(self) -> str:
        """Whether it depends on its own filters: "hardly", "partly", "clearly"; "" if unknown."""
        if isnan(self.rank):
            return ""
        return "hardly" if self.rank >= HARDLY else "partly" if self.rank >= PARTLY else "clearly"
