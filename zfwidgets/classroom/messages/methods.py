"""What a server answers: one table, of which both sides are made.

A method's arguments are checked on the server before anything is computed: their kinds and sizes
here, the rest by the engine, whose errors are the ones that a local engine raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...engine.protocol import EngineProtocol
from ...errors import InputError, MalformedMessage
from ...records import Activation, Box, CoverRequest, Occluder, OcclusionRequest, Unit
from ...widgets.wire import validation
from ...widgets.wire.validation import integer

MOST_PLACES = 1 << 20
MOST_K, MOST_EACH, MOST_PARTS, MOST_CONTROLS, MOST_ACTIVATIONS = 1000, 64, 200, 256, 64
LARGEST_MAP = 128 << 20
"""Bytes that all positions of one occlusion map may take."""
LONGEST_WORD = 400


@dataclass(frozen=True)
class Asker:
    """Who asks: which engine, and which photos are his own."""

    engine: EngineProtocol
    own: Sequence[int] = ()

    def image(self, value: Any) -> int:
        """The number of an image that the asker may see."""
        last = len(self.engine.info.images) - 1
        number = integer("image", value, 0, 1 << 53)
        if number > last and number not in self.own:
            more = f", and your own {', '.join(map(str, sorted(self.own)))}" if self.own else ""
            raise InputError(
                f"There are images 0 to {last}{more}, got {number}. A photo of your own is there "
                "until it is removed, newer ones take its place or the server is started anew: "
                "then add it again."
            )
        return number


Check = Callable[[Asker, Mapping[str, Any], Any], Any]


def word(name: str, value: Any) -> str:
    """A short text."""
    if not isinstance(value, str) or len(value) > LONGEST_WORD:
        raise InputError(f"{name} must be a text of at most {LONGEST_WORD} letters.")
    return value


def _layer(asker: Asker, _: Mapping[str, Any], value: Any) -> str:
    return asker.engine.layer(word("layer", value)).name


def _layer_or_none(asker: Asker, given: Mapping[str, Any], value: Any) -> str | None:
    return None if value is None else _layer(asker, given, value)


def _channel(asker: Asker, given: Mapping[str, Any], value: Any) -> int:
    return validation.channel_of(asker.engine, given["layer"], value)


def _flag(_: Asker, __: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"Expected True or False, not {value!r:.80}.")
    return value


def _number(name: str, low: int, high: int) -> Check:
    return lambda _, __, value: integer(name, value, low, high)


def _pair(name: str, value: Any) -> tuple[int, int]:
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != 2:
        raise InputError(f"{name} must be a whole number, or (rows, columns).")
    return integer(name, pair[0], 1, MOST_PLACES), integer(name, pair[1], 1, MOST_PLACES)


def _box(value: Any) -> Box:
    if not isinstance(value, Box):
        raise MalformedMessage(f"Expected a Box, not a {type(value).__name__}.")
    for name in ("top", "left", "height", "width"):
        integer(f"a box's {name}", getattr(value, name), -MOST_PLACES, MOST_PLACES)
    return value


def _fill(value: Any) -> str | float:
    if isinstance(value, str):
        return word("baseline", value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"The baseline must be a name or a number, not {value!r:.80}.")
    return value


def _cover(value: Any) -> None:
    """What an occluder and a request have in common."""
    _fill(value.baseline)
    if value.mask is not None:
        word("mask", value.mask)
    if not isinstance(value.extra_boxes, tuple):
        raise MalformedMessage("extra_boxes must be a tuple of boxes.")
    for one in value.extra_boxes:
        _box(one)


def _occluder(_: Asker, __: Mapping[str, Any], value: Any) -> Occluder:
    if not isinstance(value, Occluder):
        raise MalformedMessage(f"Expected an Occluder, not a {type(value).__name__}.")
    _box(value.box)
    _cover(value)
    return value


def _occluder_or_none(asker: Asker, given: Mapping[str, Any], value: Any) -> Occluder | None:
    return None if value is None else _occluder(asker, given, value)


def _pass_of_any_size(asker: Asker, given: Mapping[str, Any], value: Any) -> OcclusionRequest:
    if not isinstance(value, OcclusionRequest):
        raise MalformedMessage(f"Expected an OcclusionRequest, not a {type(value).__name__}.")
    if value.resume is not None:
        raise MalformedMessage("A server goes on with its own passes: resume must be None.")
    asker.image(value.image)
    _cover(value)
    _pair("patch", value.patch)
    if isinstance(value.target, str):
        word("target", value.target)
    elif value.target is not None:
        integer("target", value.target, -MOST_PLACES, MOST_PLACES)
    _pair("stride", value.stride)
    _layer_or_none(asker, given, value.layer)
    return value


def _request(asker: Asker, given: Mapping[str, Any], value: Any) -> OcclusionRequest:
    request = _pass_of_any_size(asker, given, value)
    _refuse_large(asker.engine, _pair("stride", request.stride), request.layer)
    return request


def _cover_request(asker: Asker, given: Mapping[str, Any], value: Any) -> CoverRequest:
    if not isinstance(value, CoverRequest):
        raise MalformedMessage(f"Expected a CoverRequest, not a {type(value).__name__}.")
    layer = _layer(asker, given, value.layer)
    validation.channel_of(asker.engine, layer, value.channel)
    _fill(value.baseline)
    integer("k", value.k, -MOST_K, MOST_K)
    integer("controls", value.controls, 0, MOST_CONTROLS)
    integer("seed", value.seed, 0, (1 << 63) - 1)
    return value


def _refuse_large(engine: EngineProtocol, stride: tuple[int, int], layer: str | None) -> None:
    rows, columns = validation.input_size(engine)
    cells = math.ceil(rows / stride[0]) * math.ceil(columns / stride[1])
    channels = 0 if layer is None else engine.layer(layer).channels
    size = cells * (len(engine.info.labels) + 2 * channels) * 4
    if size > LARGEST_MAP:
        raise InputError(
            f"A map of {cells:,} positions would have {size / 1e6:.0f} MB, and a server makes "
            f"maps of at most {LARGEST_MAP / 1e6:.0f} MB: take a larger stride than {stride}."
        )


def _activation(asker: Asker, value: Any) -> Activation:
    whole = isinstance(value, Activation) and isinstance(value.unit, Unit)
    if not (isinstance(value, Activation) and whole and isinstance(value.value, int | float)):
        raise MalformedMessage(f"Expected an Activation, not a {type(value).__name__}.")
    word("an image's name", value.image_name)
    _box(value.box)
    if value.image is None:
        raise InputError(
            "The activation is of an image of your own that the server doesn't have: add it with "
            "engine.add_photo(...), and ask for its number."
        )
    asker.image(value.image)
    layer = asker.engine.layer(word("layer", value.unit.layer))
    validation.channel_of(asker.engine, layer.name, value.unit.channel)
    for name, size in (("row", layer.shape[1]), ("col", layer.shape[2])):
        if (place := getattr(value.unit, name)) is not None:
            integer(f"a unit's {name}", place, 0, size - 1)
    return value


def _activations(asker: Asker, _: Mapping[str, Any], value: Any) -> tuple[Activation, ...]:
    if not isinstance(value, tuple) or len(value) > MOST_ACTIVATIONS:
        raise InputError(
            f"A server projects up to {MOST_ACTIVATIONS} activations at once: ask in parts."
        )
    return tuple(_activation(asker, one) for one in value)


def _kind(_: Asker, __: Mapping[str, Any], value: Any) -> str:
    kind = word("kind", value)
    if kind not in validation.FIELDS or kind in LOCAL:
        raise InputError(f"A server answers no request {kind!r:.80}.")
    return kind


def _key(asker: Asker, given: Mapping[str, Any], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedMessage("A request's fields must be an object.")
    for image in (value.get("image"), *_listed(value.get("images"))):
        if image is not None:
            asker.image(image)
    fingerprint = asker.engine.info.fingerprint
    fields = validation.check_key(
        asker.engine, given["kind"], {**value, "fingerprint": fingerprint}
    )
    if given["kind"] == "occlusion":
        stride = (fields["stride"], fields["stride"])
        _refuse_large(asker.engine, stride, fields["layer"])
    return fields


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


OF_INDEX: Final = ("channels", "sample", "top", "quantile_steps", "cover_steps")
"""Methods that need the index, and by themselves would build it in one go."""
LOCAL: Final = ("catalogue", "photos")
"""Kinds of widgets' requests that a client answers itself: of the engine, and of his own photos."""
NOTHING: Final = object()


@dataclass(frozen=True)
class Argument:
    """An argument: its name, its check and, where there is one, its default."""

    name: str
    check: Check
    default: Any = NOTHING


@dataclass(frozen=True)
class Method:
    """What may be asked of a server.

    Attributes
    ----------
    name
        Name of the engine's method, or ``"answer"``: what a widget's page asks for.
    arguments
        In their order.
    steps
        Whether it answers in steps, as a stream.
    priority
        Lower goes first among what one client asks for.
    cached
        Whether equal questions have equal answers, as long as the images stay.
    """

    name: str
    arguments: tuple[Argument, ...]
    steps: bool = False
    priority: int = 1
    cached: bool = True
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know the arguments by name."""
        object.__setattr__(self, "names", frozenset(one.name for one in self.arguments))

    def check(self, asker: Asker, given: Any) -> dict[str, Any]:
        """The checked arguments, all of them.

        Raises
        ------
        MalformedMessage, InputError, UnknownLayer
            Naming what was expected.
        """
        if not isinstance(given, dict) or not self.names.issuperset(given):
            raise MalformedMessage(
                f"{self.name} takes {', '.join(one.name for one in self.arguments) or 'nothing'}."
            )
        checked: dict[str, Any] = {}
        for one in self.arguments:
            if one.name in given:
                checked[one.name] = one.check(asker, checked, given[one.name])
            elif one.default is NOTHING:
                raise MalformedMessage(f"{self.name} needs {one.name}.")
            else:
                checked[one.name] = one.default
        return checked

    def keeps(self, checked: Mapping[str, Any], images: int) -> bool:
        """Whether the answer may be kept and given to others, of so many images that all see."""
        fields = checked.get("fields", checked)
        if not self.cached or fields.get("so_far") or fields.get("occluder") is not None:
            return False  # of occluders there are too many, and they are quick
        if self.name == "answer" and checked["kind"] == "estimate":
            return False
        return not is_private(checked, images)


def is_private(checked: Mapping[str, Any], images: int) -> bool:
    """Whether a question is about a photo of the asker's own."""
    fields = checked.get("fields", checked)
    numbers = [fields.get("image"), *_listed(fields.get("images"))]
    numbers.append(getattr(fields.get("request"), "image", None))
    numbers += [one.image for one in fields.get("activations", ())]
    return any(number is not None and number >= images for number in numbers)


_IMAGE = Argument("image", lambda asker, _, value: asker.image(value))
_LAYER, _CHANNEL = Argument("layer", _layer), Argument("channel", _channel)
_SO_FAR = Argument("so_far", _flag, False)
_RULE = Argument(
    "rule", lambda asker, _, value: validation.rule_name(asker.engine, value), "deconvnet"
)
_K = Argument("k", _number("k", -MOST_K, MOST_K), 9)


METHODS: Final[Mapping[str, Method]] = {
    one.name: one
    for one in (
        Method("channels", (_LAYER, _SO_FAR)),
        Method("sample", (_LAYER, _CHANNEL)),
        Method("top", (_LAYER, _CHANNEL, _K, _SO_FAR)),
        Method("photo", (_IMAGE,)),
        Method("responses", (_IMAGE, _LAYER)),
        Method("project_all", (Argument("activations", _activations), _RULE), priority=2),
        Method("predict", (_IMAGE, Argument("occluder", _occluder_or_none, None)), priority=0),
        Method("respond", (_IMAGE, Argument("occluder", _occluder), _LAYER), priority=0),
        Method("index_steps", (), steps=True, priority=5, cached=False),
        Method(
            "quantile_steps",
            (
                _LAYER,
                _CHANNEL,
                Argument("each", _number("each", 1, MOST_EACH), 3),
                Argument("parts", _number("parts", 1, MOST_PARTS), 10),
            ),
            steps=True,
            priority=4,
        ),
        Method("occlude_steps", (Argument("request", _request),), steps=True, priority=4),
        Method(
            "estimate_steps",
            (Argument("request", _pass_of_any_size),),
            steps=True,
            cached=False,
        ),
        Method("cover_steps", (Argument("request", _cover_request),), steps=True, priority=4),
        Method(
            "answer",
            (Argument("kind", _kind), Argument("fields", _key)),
            steps=True,
        ),
    )
}
