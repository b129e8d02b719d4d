"""The picker: layers as a map of the network, channels as a strip of thumbnails."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from . import requests
from .base import EngineWidget
from .options import Option
from .selection import Selection
from .wire.service import Need


class LayerPicker(EngineWidget):
    """Pick a layer and a channel.

    Layers stand in the order of the forward pass, with their channel counts; the channels of the
    chosen layer are thumbnails, each the channel's strongest patch over all images, which can be
    sorted by index, mean activation or share of images in which they are silent.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    sort
        How channels are ordered first: "index", "mean" (activation), "strongest" or "silent"
        (share of images in which they are).
    layer, channel
        What is chosen first; by default channel 0 of the convolution in the middle.
    image
        Index of the photo that is chosen first; by default the channel's strongest one.
    selection
        A `Selection` to share with other widgets.
    **layout
        ``layout``, as every ipywidget has it; ``photo``, another name of ``image``.

    Attributes
    ----------
    layer : str or None
        Name of the chosen layer. A new one keeps the channel's number where the layer has it, else
        channel 0 is chosen. Layer and channel are the selection's ``unit``.
    channel : int or None
        Number of the chosen channel, 0 .. channels of the layer - 1.
    photo, image : int
        Index of the chosen photo, 0 .. photos - 1: one trait by two names.
    sort : str
        How channels are ordered: "index", "mean", "strongest" or "silent".
    selection : Selection
        What is chosen, shared with other widgets; see `link`.

    Raises
    ------
    InputError
        For a layer, channel or image that the engine doesn't have, or an unknown argument.

    Notes
    -----
    Attributes can be set, observed and linked at any time, and the page sets them too; all views of
    the widget follow. A value that isn't possible is refused, and then nothing has changed.
    """

    page_module = "picker"

    page_may_set = frozenset(("sort",))

    sort = Option("sort")

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        sort: str = "index",
        layer: str | None = None,
        channel: int | None = None,
        image: int | None = None,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        first = {"layer": layer, "channel": channel, "image": image}
        options = {"sort": sort}
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return requests.picker(self.engine, self.selection)
