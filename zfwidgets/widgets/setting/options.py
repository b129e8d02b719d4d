"""How a view shows what is chosen: options that Python and the page set, checked."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import traitlets

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import language_name
from ...records import COLOUR_MAPS, DEFAULT_COLOURS, Unit
from ..wire import validation
from ..wire.schema import FIRST, MAPS
from .traits import refused

CHOICES = {
    "sort": ("index", "mean", "strongest", "silent", "readable", "suspicious"),
    "patches": ("both", "patches", "projections", "revealed"),
    "values": ("auto", "brightness", "colour", "magnitude", "positive"),
    "scale": ("own", "one"),
    "overlay": (*MAPS, "none"),
    "colours": tuple(COLOUR_MAPS),
}
"""As in ``js/src/views``."""
CLASS_MAPS = ("probability", "logit", "log_odds", "predicted")
"""Which of the overlays are of class scores."""


def _choice(name: str) -> Callable[[EngineProtocol, Any], str]:
    def check(_engine: EngineProtocol, value: Any) -> str:
        if not isinstance(value, str) or value not in CHOICES[name]:
            raise InputError(f"{name} must be one of {', '.join(CHOICES[name])}, not {value!r}.")
        return str(value)

    return check


def _overlay(engine: EngineProtocol, value: Any) -> str:
    why = engine.info.no_classes
    if value is None:
        return "total" if why else str(FIRST["overlay"])
    overlay = _choice("overlay")(engine, value)
    if why and overlay in CLASS_MAPS:
        raise InputError(f"overlay can't be {overlay!r}, a map of class scores: {why}.")
    return overlay


def _stride(engine: EngineProtocol, value: Any) -> int:
    value = getattr(engine, "stride", None) if value is None else value  # a report has its own
    value = scaled(engine, 8) if value is None else value
    return validation.integer("stride", value, 1, min(validation.input_size(engine)))


def _opacity(_engine: EngineProtocol, value: Any) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 <= value <= 1):
        raise InputError(f"opacity must be in 0 .. 1, not {value!r}.")
    return float(value)


def _flag(name: str) -> Callable[[EngineProtocol, Any], bool]:
    def check(_engine: EngineProtocol, value: Any) -> bool:
        if value not in (True, False):
            raise InputError(f"{name} must be True or False, not {value!r}.")
        return bool(value)

    return check


def _gallery(engine: EngineProtocol, value: Any) -> list[list[Any]]:
    try:
        units = [(layer, channel, text) for layer, channel, text in value or ()]
    except (TypeError, ValueError):
        raise InputError(
            f"gallery must be a list of (layer, channel, text), not {value!r:.200}."
        ) from None
    checked = []
    for layer, channel, text in units:
        name = validation.layer_name(engine, layer)
        if not isinstance(text, str):
            raise InputError(f"A text of the gallery must be a str, not {text!r}.")
        checked.append([name, validation.channel_of(engine, name, channel), text])
    return checked


def _pinned(engine: EngineProtocol, value: Any) -> list[Any] | None:
    if value is None:
        return None
    if isinstance(value, Unit):
        value = (value.layer, value.channel)
    if not (isinstance(value, tuple | list) and len(value) in (2, 3)):
        raise InputError(
            f"pinned must be (layer, channel), (layer, channel, rule) or None, not {value!r:.200}."
        )
    layer, channel, rule = value if len(value) == 3 else (*value, "deconvnet")
    name = validation.layer_name(engine, layer)
    channel = validation.channel_of(engine, name, channel)
    return [name, channel, validation.rule_name(engine, rule)]


def _language(_engine: EngineProtocol, value: Any) -> str:
    return language_name(value)


CHECKS: dict[str, Callable[[EngineProtocol, Any], Any]] = {
    "language": _language,
    **{name: _choice(name) for name in CHOICES},
    "overlay": _overlay,
    "gallery": _gallery,
    "pinned": _pinned,
    "stride": _stride,
    "opacity": _opacity,
    **{name: _flag(name) for name in ("whole", "pixels", "photo_follows", "auto")},
}
PATCH_OPTIONS = ("patches", "values", "scale", "whole", "pixels")
"""Those of the strongest patches and their projections."""
MAP_OPTIONS = ("stride", "overlay", "colours", "opacity", "auto")
"""Those of the map over the photo."""

_WORDS: dict[str, tuple[str, Any, str, str]] = {
    "language": (
        "str",
        None,
        'Language of the page\'s own words: "en" or "de". Errors and notes of the engine stay '
        "English.",
        "By default that of `zfwidgets.set_language`.",
    ),
    "sort": (
        "str",
        FIRST["sort"],
        'How channels are ordered: "index", "mean" (activation), "strongest", "silent" (share '
        'of images in which they are), "readable" (how alike the photos of their nine are to the '
        'network) or "suspicious" (how improbably their nine units lie at one place or the '
        "border).",
        "",
    ),
    "patches": (
        "str",
        FIRST["patches"],
        'What the grid shows: "both" side by side, "patches", "projections", or "revealed" (the '
        "patch where the blurred magnitude of its projection is large).",
        "",
    ),
    "values": (
        "str",
        FIRST["values"],
        'How a projection\'s values are shown: as "brightness" around mid-grey, in "colour" around '
        'mid-grey (red, green and blue by themselves), as "magnitude", or what is "positive" in '
        'colour. "auto" is brightness, or colour where at least half of the signal is one colour '
        "and its opposite (`zfwidgets.records.colour_share`).",
        "",
    ),
    "scale": (
        "str",
        FIRST["scale"],
        'Whether each projection has its "own" scale, or "one" is for all nine, so that weak ones '
        "look weak. Scales end at the 99.5th percentile of what isn't zero.",
        "",
    ),
    "whole": (
        "bool",
        FIRST["whole"],
        "Whether patches and projections show the whole receptive field instead of the square "
        "around its middle that holds 95 % of the nine projections' energy.",
        "",
    ),
    "pixels": (
        "bool",
        FIRST["pixels"],
        "Whether enlarged patches and projections keep their pixels visible.",
        "",
    ),
    "gallery": (
        "list of (str, int, str)",
        (),
        "Channels worth a look: layer, channel and what is to be seen, offered in the first line; "
        "`zfwidgets.samples.gallery` has those of the sample network.",
        "",
    ),
    "pinned": (
        "(str, int, str) or None",
        None,
        "Layer, channel and rule whose patches stand beside those of the chosen channel, to "
        "compare them; without a rule the paper's.",
        "",
    ),
    "photo_follows": (
        "bool",
        FIRST["photo_follows"],
        "Whether the photo follows the channel: another channel brings its strongest photo, if the "
        "one that is shown isn't among its nine.",
        "",
    ),
    "stride": (
        "int",
        None,
        "Input pixels between two places of the occluder, 1 .. the input's shorter side.",
        "By default 8 for an input of 224.",
    ),
    "overlay": (
        "str",
        None,
        'Which map lies over the photo: "probability" (Fig. 7d), "logit" or "log_odds" of the '
        'target class, the class that is "predicted" (Fig. 7e), the "total" activation of the '
        'strongest feature map of the chosen layer (Fig. 7b) or of its strongest "unit", the '
        '"hamming" or "cosine" distance of the layer\'s features from those without occluder, or '
        '"none".',
        "By default the probability, or the total where the network has no classes.",
    ),
    "colours": (
        "str",
        DEFAULT_COLOURS,
        "Colours of the map: " + ", ".join(f'"{name}"' for name in COLOUR_MAPS) + '. "tint" and '
        '"diverging" show how values differ from those without occluder: "tint" colours the photo '
        "where they do (magenta lower, green higher); in the other, no change is grey.",
        "",
    ),
    "opacity": ("float", FIRST["opacity"], "Opacity of the map over the photo, 0 .. 1.", ""),
    "auto": (
        "bool",
        FIRST["auto"],
        "Whether a map starts by itself when photo or occluder change.",
        "",
    ),
}
"""Type, default, what it is, and what the default means where it doesn't say so itself."""


class Option(traitlets.TraitType):  # type: ignore[type-arg]
    """A trait of a widget that all its views follow, and that they set."""

    def __init__(self, name: str) -> None:
        what, first, text, by_default = _WORDS[name]
        super().__init__(None, help=text)
        self.tag(sync=True, option=True, type=what, first=first, by_default=by_default)

    def validate(self, obj: Any, value: Any) -> Any:
        """The value as it is kept; raises `SelectionError`."""
        assert self.name is not None
        with refused():
            return CHECKS[self.name](obj.engine, value)


def checked(engine: EngineProtocol, **options: Any) -> dict[str, Any]:
    """Options as they are kept; raises `InputError`."""
    validation.check_engine(engine)
    return {name: CHECKS[name](engine, value) for name, value in options.items()}


def scaled(engine: EngineProtocol, pixels: int) -> int:
    """So many pixels of a 224 px input, on the engine's input."""
    return max(1, round(pixels * min(validation.input_size(engine)) / 224))
