"""How a view starts: the options that the front end knows, checked."""

from __future__ import annotations

from typing import Any

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from . import keys
from .passes import MAPS

CHOICES = {
    "sort": ("index", "mean", "strongest", "silent"),
    "patches": ("both", "patches", "projections", "revealed"),
    "overlay": (*MAPS, "none"),
    "colours": ("viridis", "magma", "diverging"),
}
"""As in ``js/src/views``."""


def choice(name: str, value: Any) -> str:
    """One of the choices of an option."""
    if value not in CHOICES[name]:
        raise InputError(f"{name} must be one of {', '.join(CHOICES[name])}, not {value!r}.")
    return str(value)


def map_options(
    engine: EngineProtocol,
    *,
    stride: int | None,
    overlay: str,
    colours: str,
    opacity: Any,
    auto: bool,
) -> dict[str, Any]:
    """The options of an occlusion map."""
    keys.check_engine(engine)
    stride = getattr(engine, "stride", None) if stride is None else stride  # a report has its own
    stride = scaled(engine, 8) if stride is None else stride
    if not (isinstance(opacity, int | float) and 0 <= opacity <= 1):
        raise InputError(f"opacity must be in 0 .. 1, not {opacity!r}.")
    return {
        "stride": keys.integer("stride", stride, 1, min(keys.input_size(engine))),
        "overlay": choice("overlay", overlay),
        "colours": choice("colours", colours),
        "opacity": float(opacity),
        "auto": bool(auto),
    }


def scaled(engine: EngineProtocol, pixels: int) -> int:
    """So many pixels of a 224 px input, on the engine's input."""
    return max(1, round(pixels * min(keys.input_size(engine)) / 224))
