"""The grid: a channel's strongest patches beside their projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.protocol import EngineProtocol
from . import requests
from .arguments import OfGrid, documented
from .base import EngineWidget
from .setting.choosing import chosen
from .setting.options import Option
from .wire.service import Need

if TYPE_CHECKING:
    from typing_extensions import Unpack


@documented(OfGrid)
class PatchGrid(EngineWidget):
    """A channel's nine strongest patches, one per image, beside their projections (paper, Fig. 2).

    A patch is the receptive field of the strongest unit, cut from the photo as the network saw
    it; its projection shows, around mid-grey and on one scale for all, what in it excited the
    unit. A channel that fires in fewer than nine images leaves places empty. Choosing a patch
    chooses its photo.
    """

    page_module = "patch_grid"

    rule = chosen("rule")
    page_may_set = frozenset(("patches",))

    patches = Option("patches")

    def __init__(self, engine: EngineProtocol, **arguments: Unpack[OfGrid]) -> None:
        super().__init__(engine, **arguments)

    def _needs(self) -> list[Need]:
        return requests.grid(self.selection)
