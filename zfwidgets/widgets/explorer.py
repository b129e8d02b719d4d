"""The Explorer: picker, patch grid and occlusion map in one layout, linked."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from ..records import DEFAULT_COLOURS
from . import requests
from .base import EngineWidget
from .choosing import chosen
from .options import MAP_OPTIONS, Option
from .selection import Selection
from .wire.service import Need


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
    target
        Index of the class whose probability is shown; by default the predicted one.
    occluder
        Where the occluder lies and what it is, in place of patch and fill; by default the middle.
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
    rule : str
        How projections pass rectifiers: "deconvnet", "guided", "gradient", or another of the
        engine's.
    sort : str
        How channels are ordered: "index", "mean", "strongest" or "silent".
    patches : str
        What the grid shows: "both", "patches", "projections" or "revealed".
    target : int or None
        Index of the class whose probability is shown, 0 .. classes - 1; None: the predicted one.
    occluder : dict or None
        ``{top, left, height, width, fill, mask, also}`` in pixels of the network's input; also
        takes a `zfwidgets.records.Occluder`.
    patch : (int, int) or None
        The occluder's rows and columns in input pixels. One number sets a square; its centre stays.
    fill : str, float or None
        What it covers with: see `OcclusionMap`, or a number in the network's input units.
    stride : int
        Input pixels between two places of the occluder, 1 .. the input's shorter side.
    overlay : str
        Which map lies over the photo, or "none"; see `OcclusionMap`.
    colours : str
        The map's colours: "viridis", "magma" or "diverging".
    opacity : float
        Of the map over the photo, 0 .. 1.
    auto : bool
        Whether a map starts by itself when photo or occluder change.
    selection : Selection
        What is chosen, shared with other widgets; see `link`.

    Raises
    ------
    InputError
        For a value that isn't possible or an unknown argument.

    Notes
    -----
    Attributes can be set, observed and linked at any time, and the page sets them too; all views of
    the widget follow. A value that isn't possible is refused, and then nothing has changed.
    """

    page_module = "explorer"

    rule = chosen("rule")
    page_may_set = frozenset(("sort", "patches", *MAP_OPTIONS))

    sort, patches = map(Option, ("sort", "patches"))
    target, occluder, patch, fill = map(chosen, ("target", "occluder", "patch", "fill"))
    stride, overlay, colours = map(Option, ("stride", "overlay", "colours"))
    opacity, auto = map(Option, ("opacity", "auto"))

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
        overlay: str | None = None,
        colours: str = DEFAULT_COLOURS,
        opacity: float = 0.6,
        auto: bool = True,
        target: int | None = None,
        occluder: Any = None,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        options = {
            "sort": sort,
            "patches": patches,
            "stride": stride,
            "overlay": overlay,
            "colours": colours,
            "opacity": opacity,
            "auto": auto,
        }
        first = {
            "layer": layer,
            "channel": channel,
            "image": image,
            "rule": rule,
            "patch": patch,
            "fill": fill,
            "target": target,
            "occluder": occluder,
        }
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return [
            *requests.picker(self.engine, self.selection),
            *requests.grid(self.selection),
            *requests.occlusion(self.selection, self.view_options),
        ]
