"""The map: what covering a part of a photo does to its classes."""

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


class OcclusionMap(EngineWidget):
    """A photo with an occluder that can be dragged, and the map of all its places (paper, Fig. 7).

    A cell of the map shows the probability of the target class with the occluder centred on it.
    The map comes coarse to fine; the bars of the most probable classes follow the occluder.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    stride
        Pixels of the network's input between two places; by default 8 for an input of 224.
    patch
        Rows and columns of the occluder in pixels, one number for a square; by default 32 for
        an input of 224.
    fill
        What covers: "grey" (the paper's), "mean" (the normalisation's mean colour), "blur" and
        "noise" (made of the photo), "border" (its own border's colour), a fill of the engine's
        own, or a number in the network's input units. Any hard edge is itself an artefact.
    overlay
        What the map shows first: "probability" (Fig. 7d), "logit" or "log_odds" of the target
        class, the class that is "predicted" (Fig. 7e), the "total" activation of the strongest
        feature map of the chosen layer (Fig. 7b) or of its strongest "unit", the "hamming" or
        "cosine" distance of the layer's features from those without occluder, or "none". By
        default the probability, or the total where the network has no classes.
    colours
        Its colour map: "viridis", "magma", or "diverging": how values differ from those without
        occluder, no change in grey.
    opacity
        0 .. 1, of the map over the photo.
    auto
        Whether a map starts by itself when photo or occluder change.
    layer, channel
        What is chosen first; by default channel 0 of the convolution in the middle.
    image
        Index of the photo that is chosen first.
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
    target : int or None
        Index of the class whose probability is shown, 0 .. classes - 1; None: the predicted one.
    occluder : dict or None
        ``{top, left, height, width, fill, mask, also}`` in pixels of the network's input; also
        takes a `zfwidgets.records.Occluder`.
    patch : (int, int) or None
        The occluder's rows and columns in input pixels. One number sets a square; its centre stays.
    fill : str, float or None
        What it covers with: a name as above, or a number in the network's input units.
    stride : int
        Input pixels between two places of the occluder, 1 .. the input's shorter side.
    overlay : str
        Which map lies over the photo, or "none"; the names as above.
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
        For a stride, patch, fill, layer or image that isn't possible, or an unknown argument.

    Notes
    -----
    Attributes can be set, observed and linked at any time, and the page sets them too; all views of
    the widget follow. A value that isn't possible is refused, and then nothing has changed.
    """

    page_module = "occlusion_map"

    target, occluder, patch, fill = map(chosen, ("target", "occluder", "patch", "fill"))
    page_may_set = frozenset(MAP_OPTIONS)

    stride, overlay, colours = map(Option, ("stride", "overlay", "colours"))
    opacity, auto = map(Option, ("opacity", "auto"))

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        stride: int | None = None,
        patch: int | tuple[int, int] | None = None,
        fill: str | float | None = None,
        overlay: str | None = None,
        colours: str = DEFAULT_COLOURS,
        opacity: float = 0.6,
        auto: bool = True,
        layer: str | None = None,
        channel: int | None = None,
        image: int | None = None,
        target: int | None = None,
        occluder: Any = None,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        options = {
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
            "patch": patch,
            "fill": fill,
            "target": target,
            "occluder": occluder,
        }
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return requests.occlusion(self.selection, self.view_options)
