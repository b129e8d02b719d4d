"""The grid: a channel's strongest patches beside their projections."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from . import requests
from .base import EngineWidget
from .choosing import chosen
from .options import Option
from .selection import Selection
from .wire.service import Need


class PatchGrid(EngineWidget):
    """A channel's nine strongest patches, one per image, beside their projections (paper, Fig. 2).

    A patch is the receptive field of the strongest unit, cut from the photo as the network saw
    it; its projection shows, around mid-grey and on one scale for all, what in it excited the
    unit. A channel that fires in fewer than nine images leaves places empty. Choosing a patch
    chooses its photo.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    patches
        What is shown first: "both" side by side, "patches", "projections", or "revealed" (the
        patch where the blurred magnitude of its projection is large).
    rule
        How projections pass rectifiers: "deconvnet" (the paper), "guided" (guided
        backpropagation), "gradient", or another of the engine's rules.
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
    rule : str
        How projections pass rectifiers: "deconvnet", "guided", "gradient", or another of the
        engine's.
    patches : str
        What the grid shows: "both", "patches", "projections" or "revealed".
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

    page_module = "patch_grid"

    rule = chosen("rule")
    page_may_set = frozenset(("patches",))

    patches = Option("patches")

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        patches: str = "both",
        rule: str | None = None,
        layer: str | None = None,
        channel: int | None = None,
        image: int | None = None,
        selection: Selection | None = None,
        **layout: Any,
    ) -> None:
        options = {"patches": patches}
        first = {"layer": layer, "channel": channel, "image": image, "rule": rule}
        super().__init__(engine, selection=selection, first=first, options=options, others=layout)

    def _needs(self) -> list[Need]:
        return requests.grid(self.selection)
