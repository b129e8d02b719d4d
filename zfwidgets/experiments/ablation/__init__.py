"""What an architecture needs: parts left out before training (paper, Table 3).

- `Architecture`, `conv`, `pool`, `fc`, `paper_variants`: variants of one description of a network.
- `ablate`: train each variant on the user's data; an `AblationTable` as the paper's Table 3
  (`zfwidgets.Ablation`). `trained` gives one of them back.

Trained again, a network finds a way without the part; what a trained network relies on is seen by
switching parts off (`zfwidgets.experiments.lesions`). A part may matter much for one, and little
for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import public

if TYPE_CHECKING:
    from .architecture import Architecture, Layer, Part, conv, fc, paper_variants, pool
    from .retraining import ablate, ablation_steps, trained
    from .table import AblationRow, AblationTable

__getattr__, __dir__, __all__ = public(__name__, __file__)
