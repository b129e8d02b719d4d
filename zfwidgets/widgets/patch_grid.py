"""The grid: a channel's strongest patches beside their projections."""

from __future__ import annotations

from typing_extensions import Unpack

from ..engine.protocol import EngineProtocol
from . import requests
from .arguments import OfGrid, documented
from .base import EngineWidget
from .setting.choosing import chosen
from .setting.options import PATCH_OPTIONS, Option
from .wire.service import Need


@documented(OfGrid)
class PatchGrid(EngineWidget):
    """A channel's nine strongest patches, one per image, beside their projections (paper, Fig. 2).

    A patch is cut from the photo as the network saw it, around the strongest unit; its projection
    shows what in the patch excited the unit. Both show the part of the unit's receptive field where
    the signal is (`whole` shows all of it). A channel that fires in fewer than nine images leaves
    places empty. Choosing a patch chooses its photo. A second channel, or the same one under
    another rule, can stand beside it: `pinned`.
    """

    page_module = "patch_grid"

    rule = chosen("rule")
    page_may_set = frozenset(("pinned", *PATCH_OPTIONS))

    patches, values, scale, whole, pixels = map(Option, PATCH_OPTIONS)
    pinned = Option("pinned")

    def __init__(self, engine: EngineProtocol, **arguments: Unpack[OfGrid]) -> None:
        super().__init__(engine, **arguments)

    def _needs(self) -> list[Need]:
        return requests.grid(self.selection, self.pinned)
