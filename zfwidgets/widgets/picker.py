"""The picker: layers as a map of the network, channels as a strip of thumbnails."""

from __future__ import annotations

from typing_extensions import Unpack

from ..engine.protocol import EngineProtocol
from . import requests
from .arguments import OfPicker, documented
from .base import EngineWidget
from .setting.options import Option
from .wire.service import Need


@documented(OfPicker)
class LayerPicker(EngineWidget):
    """Pick a layer and a channel.

    Layers stand in the order of the forward pass, with their channel counts; the channels of the
    chosen layer are thumbnails, each the channel's strongest patch over all images, which can be
    sorted by index, mean activation or share of images in which they are silent.
    """

    page_module = "picker"

    page_may_set = frozenset(("sort",))

    sort = Option("sort")

    def __init__(self, engine: EngineProtocol, **arguments: Unpack[OfPicker]) -> None:
        super().__init__(engine, **arguments)

    def _needs(self) -> list[Need]:
        return requests.picker(self.engine, self.selection)
