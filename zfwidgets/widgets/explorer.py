"""The Explorer: picker, patch grid and occlusion map in one layout, linked."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from . import needs
from .base import EngineWidget
from .options import choice, map_options
from .selection import Selection
from .service import Need


class Explorer(EngineWidget):
    """Look through a network: layers, channels, strongest patches, projections, occlusion.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    layer, channel
        What is chosen first; by default channel 0 of the convolution in the middle.
    image
        Index of the photo that is chosen first; by default the channel's strongest one.
    sort
        Of the channels, see `LayerPicker`.
    patches, rule
        See `PatchGrid`.
    stride, patch, fill, overlay, colours, opacity, auto
        Of the occlusion map, see `OcclusionMap`.
    selection
        A `Selection` to share with other widgets.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For a value that isn't possible or an unknown argument.
    """

    _module = "explorer"

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        layer: str | None = None,
        channel: int | None = None,
        image: int | None = None,
        sort: str = "index",
        patches: str = "both",
        rule: str | None = None,
        stride: int | None = None,
        patch: int | tuple[int, int] | None = None,
        fill: str | float | None = None,
        overlay: str = "probability",
        colours: str = "viridis",
        opacity: float = 0.6,
        auto: bool = True,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        options = {
            "sort": choice("sort", sort),
            "patches": choice("patches", patches),
            **map_options(
                engine, stride=stride, overlay=overlay, colours=colours, opacity=opacity, auto=auto
            ),
        }
        first = {
            "layer": layer,
            "channel": channel,
            "image": image,
            "rule": rule,
            "patch": patch,
            "fill": fill,
        }
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return [
            *needs.picker(self.engine, self.selection),
            *needs.grid(self.selection),
            *needs.occlusion(self.selection, self.view_options),
        ]
