"""Training, as far as the experiments need it: the paper's, seeded, and resumed bit by bit.

`train` and `train_steps` train a classifier by stochastic gradient descent with momentum (paper,
section 3) and say how it went in a `TrainingRecord`. The record needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import public

if TYPE_CHECKING:
    from .history import TrainingRecord
    from .loop import train, train_steps

__getattr__, __dir__, __all__ = public(__name__, __file__)
