"""The Explorer: picker, patch grid and occlusion map in one layout, linked."""

from __future__ import annotations

from typing_extensions import Unpack

from ..engine.protocol import EngineProtocol
from . import requests
from .arguments import OfExplorer, documented
from .room import InRoom
from .setting.choosing import chosen
from .setting.options import MAP_OPTIONS, PATCH_OPTIONS, Option
from .wire.service import Need


@documented(OfExplorer)
class Explorer(InRoom):
    """Look through a network: layers, channels, strongest patches, projections, occlusion."""

    page_module = "explorer"

    rule = chosen("rule")
    page_may_set = frozenset(("sort", "photo_follows", "pinned", *PATCH_OPTIONS, *MAP_OPTIONS))

    gallery, sort, pinned = map(Option, ("gallery", "sort", "pinned"))
    photo_follows = Option("photo_follows")
    patches, values, scale, whole, pixels = map(Option, PATCH_OPTIONS)
    target, occluder, patch, baseline = map(chosen, ("target", "occluder", "patch", "baseline"))
    stride, overlay, colours = map(Option, ("stride", "overlay", "colours"))
    opacity, auto = map(Option, ("opacity", "auto"))

    def __init__(self, engine: EngineProtocol, **arguments: Unpack[OfExplorer]) -> None:
        super().__init__(engine, **arguments)

    def _needs(self) -> list[Need]:
        return [
            *requests.picker(self.engine, self.selection),
            *requests.grid(self.selection, self.pinned),
            *requests.occlusion(self.selection, self.view_options),
        ]
