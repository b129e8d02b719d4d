"""The map: what covering a part of a photo does to its classes."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from . import needs
from .base import EngineWidget
from .options import map_options
from .selection import Selection
from .service import Need


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
        "cosine" distance of the layer's features from those without occluder, or "none".
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
    selection
        A `Selection` to share with other widgets.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For a stride, patch, fill, layer or image that isn't possible, or an unknown argument.
    """

    _module = "occlusion_map"

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        stride: int | None = None,
        patch: int | tuple[int, int] | None = None,
        fill: str | float | None = None,
        overlay: str = "probability",
        colours: str = "viridis",
        opacity: float = 0.6,
        auto: bool = True,
        layer: str | None = None,
        channel: int | None = None,
        image: int | None = None,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        options = map_options(
            engine, stride=stride, overlay=overlay, colours=colours, opacity=opacity, auto=auto
        )
        first = {
            "layer": layer,
            "channel": channel,
            "image": image,
            "patch": patch,
            "fill": fill,
        }
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return needs.occlusion(self.selection, self.view_options)
