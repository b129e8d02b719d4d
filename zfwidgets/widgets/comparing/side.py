"""One side of a comparison: all that an Explorer has, but for what both sides share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from .. import requests
from ..base import EngineWidget
from ..setting.choosing import chosen
from ..setting.options import MAP_OPTIONS, PATCH_OPTIONS, Option
from ..wire.service import Need

NO_OWN = "A photo of your own has to be given to both networks: compare.show(photo), in Python."
"""As in ``js/src/views/compare.ts``."""


class Side(EngineWidget):
    """One network of a `Compare`: set what it shows, observe it, like an `Explorer`.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    drawn
        Called when its static picture has been drawn.
    wanted
        Says whether that is to be drawn.
    **arguments
        What is chosen first, as an `Explorer` takes it.
    """

    page_module = "explorer"
    _keeps_picture = True  # the other side is drawn beside it

    rule = chosen("rule")
    page_may_set = frozenset(("sort", *PATCH_OPTIONS, *MAP_OPTIONS))

    sort = Option("sort")
    patches, values, scale, whole, pixels = map(Option, PATCH_OPTIONS)
    target, occluder, patch, baseline = map(chosen, ("target", "occluder", "patch", "baseline"))
    stride, overlay, colours = map(Option, ("stride", "overlay", "colours"))
    opacity, auto = map(Option, ("opacity", "auto"))

    def __init__(
        self,
        engine: EngineProtocol,
        drawn: Callable[[], None],
        wanted: Callable[[], bool],
        **arguments: Any,
    ) -> None:
        self._tell_drawn, self._wanted = drawn, wanted
        super().__init__(engine, **arguments)

    @property
    def displayed(self) -> bool:
        """Whether it stands somewhere: in its comparison, or by itself."""
        return super().displayed or self._wanted()

    def _needs(self) -> list[Need]:
        return [
            *requests.grid(self.selection),
            *requests.occlusion(self.selection, self.view_options),
        ]

    def _show_picture(self, picture: Image.Image, *, update: bool = True) -> None:
        self._picture = picture
        if super().displayed:
            super()._show_picture(picture, update=update)
        self._tell_drawn()

    def _post(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("op") in ("add", "remove"):
            raise InputError(NO_OWN)
        super()._post(message, buffers)
