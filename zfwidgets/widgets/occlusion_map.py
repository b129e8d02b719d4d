"""The map: what covering a part of a photo does to its classes."""

from __future__ import annotations

from typing_extensions import Unpack

from ..engine.protocol import EngineProtocol
from . import requests
from .arguments import OfMap, documented
from .base import EngineWidget
from .setting.choosing import chosen
from .setting.options import MAP_OPTIONS, Option
from .wire.service import Need


@documented(OfMap)
class OcclusionMap(EngineWidget):
    """A photo with an occluder that can be dragged, and the map of all its places (paper, Fig. 7).

    A cell of the map shows the probability of the target class with the occluder centred on it.
    The map comes coarse to fine; the bars of the most probable classes follow the occluder.
    """

    page_module = "occlusion_map"

    target, occluder, patch, baseline = map(chosen, ("target", "occluder", "patch", "baseline"))
    page_may_set = frozenset(MAP_OPTIONS)

    stride, overlay, colours = map(Option, ("stride", "overlay", "colours"))
    opacity, auto = map(Option, ("opacity", "auto"))

    def __init__(self, engine: EngineProtocol, **arguments: Unpack[OfMap]) -> None:
        super().__init__(engine, **arguments)

    def _needs(self) -> list[Need]:
        return requests.occlusion(self.selection, self.view_options)
