"""What a network needs: parts left out before training (paper, Table 3), or switched off after.

- `Architecture`, `conv`, `pool`, `fc`, `paper_variants`: variants of one description of a network.
- `ablate`: train each variant on the user's data; an `AblationTable` as the paper's Table 3
  (`zfwidgets.AblationStudy`). `trained` gives one of them back.
- `knock_out`: switch channels or layers of a trained network off, without training it again; a
  `KnockOut` says what becomes of accuracy, classes and single photos (`zfwidgets.Ablation`).

Trained again, a network finds a way without the part: the table says what the *architecture*
needs. Switched off, it can't: a knock-out says what *this* trained network relies on. A part may
matter much for one, and little for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import resolver

_HOMES = {
    "AblationRow": "records",
    "AblationTable": "records",
    "Architecture": "architecture",
    "KnockOut": "records",
    "Layer": "architecture",
    "Part": "architecture",
    "ablate": "retraining",
    "ablation_steps": "retraining",
    "conv": "architecture",
    "fc": "architecture",
    "knock_out": "knocking",
    "knock_out_steps": "knocking",
    "paper_variants": "architecture",
    "pool": "architecture",
    "trained": "retraining",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from ..lesion.lesioning import knock_out, knock_out_steps
    from .architecture import Architecture, Layer, Part, conv, fc, paper_variants, pool
    from .records import AblationRow, AblationTable, KnockOut
    from .retraining import ablate, ablation_steps, trained

__getattr__, __dir__ = resolver(__name__, _HOMES)
