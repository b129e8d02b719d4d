"""Contrast normalisation, told by what is computed: a module, a function, or written out.

A map divided by a power of its own local statistics is one: x / (k + alpha * A) ** beta, where A
is a moving average of the squares of x (local response normalisation), or of their variance
(contrast normalisation), over neighbouring maps or places. What is anything else, or can't be
told, keeps its derivative, and projections say so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ....records import CONTRAST_NORM, RESPONSE_NORM

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True)
class Step(Generic[Value]):
    """What computed a tensor.

    Attributes
    ----------
    name
        Name of the operation, in small letters without underscores.
    inputs
        Tensors that it takes and that depend on the image.
    exponent
        Exponent of a power, where that is a number.
    """

    name: str
    inputs: tuple[Value, ...]
    exponent: object = None

    @property
    def squares(self) -> bool:
        """Whether it squares its one input."""
        if self.name == "mul":
            return len(self.inputs) == 2 and self.inputs[0] == self.inputs[1]
        return self.name == "pow" and self.exponent == 2


_MOVING_AVERAGES = {"avgpool2d", "avgpool3d"}
_PASSED = {
    *_MOVING_AVERAGES,
    *"add sub mul div constantpadnd".split(),  # of one tensor and a number
    *"view unsafeview reshape reshapealias squeeze unsqueeze select slice".split(),
    *"clone alias tocopy".split(),
}


def normalisation(step: Step[Value], look: Callable[[Value], Step[Value] | None]) -> str:
    """Which norm ends with this step: `CONTRAST_NORM`, `RESPONSE_NORM`, or "" for none.

    Parameters
    ----------
    step
        The quotient.
    look
        What computed a tensor; None where that isn't known.
    """
    if step.name != "div" or len(step.inputs) != 2:
        return ""
    x, divisor = step.inputs
    root = look(divisor)
    if root is None or len(root.inputs) != 1 or not _is_root(root):
        return ""
    queue, squares, averages, differences = [root.inputs[0]], 0, 0, 0
    while queue:
        at = queue.pop()
        if at == x:
            continue
        found = look(at)
        if found is None:
            return ""
        if found.squares:
            squares += 1
        elif found.name == "sub" and len(found.inputs) == 2:
            differences += 1
        elif found.name not in _PASSED or len(found.inputs) != 1:
            return ""
        averages += found.name in _MOVING_AVERAGES
        queue += set(found.inputs)
    if not (squares and averages):
        return ""
    return CONTRAST_NORM if differences else RESPONSE_NORM


def _is_root(step: Step[Value]) -> bool:
    if step.name == "pow":
        return isinstance(step.exponent, (int, float)) and step.exponent > 0
    return step.name == "sqrt"
