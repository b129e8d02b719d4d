"""What a request's key may say: the check of everything that the front end sends."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...records import BASELINES, MOST_EXTRA_BOXES, Box, Occluder, OwnPhoto, check_mask
from .schema import KINDS, LARGEST_THUMBNAIL, MOST_PATCHES, MOST_PHOTOS, MOST_THUMBNAILS

Check = Callable[[EngineProtocol, Mapping[str, Any], Any], Any]

LARGEST = float(np.finfo(np.float32).max)
"""The largest number that an input's pixel can be."""


def integer(name: str, value: Any, low: int, high: int, hint: str = "") -> int:
    """A whole number in ``low .. high`` (both included), or an `InputError` that names it."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}.{hint}") from None
    if not low <= number <= high:
        raise InputError(f"{name} must be in {low} .. {high}, not {number}.{hint}")
    return number


def layer_name(engine: EngineProtocol, value: Any) -> str:
    """The name of a layer; raises `UnknownLayer` naming the nearest."""
    return engine.layer(value).name


def channel_of(engine: EngineProtocol, layer: str | None, value: Any) -> int:
    """A channel of a layer, of a pass only where it has a layer."""
    if layer is None:
        raise InputError(f"channel must be null where layer is, not {value!r}.")
    channels = engine.layer(layer).channels
    return integer(f"channel of layer {layer!r}", value, 0, channels - 1)


def image_index(engine: EngineProtocol, value: Any, name: str = "photo") -> int:
    """The index of an image of the engine, or the number of a photo of the user's own."""
    last = len(engine.info.images) - 1
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and value > last and takes_own(engine):
        if all(photo.image != value for photo in own_photos(engine)):
            engine.photo(int(value))  # says why it isn't there
        return int(value)
    return integer(name, value, 0, last)


def takes_own(engine: EngineProtocol) -> bool:
    """Whether an engine takes photos of the user's own; one of a report computes nothing."""
    return hasattr(engine, "add_photo") and not hasattr(engine, "held_photos")


def own_photos(engine: EngineProtocol) -> Sequence[OwnPhoto]:
    """Photos of the user's own that an engine has taken up, the newest first."""
    found: Sequence[OwnPhoto] = getattr(engine, "own_photos", ())
    return found


def image_indices(engine: EngineProtocol, value: Any) -> list[int]:
    """Indices of images of the engine, at most `MOST_PHOTOS`."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_PHOTOS:
        raise InputError(f"images must be a list of 1 to {MOST_PHOTOS} photos, not {value!r:.200}.")
    return [image_index(engine, image) for image in value]


def named(what: str, name: str, names: Sequence[str]) -> int:
    """The index of the only one of ``names`` that is called so, in full or up to its comma."""
    found = [i for i, one in enumerate(names) if one == name]
    found = found or [i for i, one in enumerate(names) if one.split(",")[0] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} {what}s are called {name!r}: give an index, as {found[0]}.")
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise InputError(f"There is no {what} {name!r}{hint}")


def class_index(engine: EngineProtocol, value: Any) -> int | None:
    """The index of a class, or None: the predicted one, or that there are no classes."""
    if value is None:
        return None
    reason = engine.info.no_classes
    if reason:
        raise InputError(f"target must be null: {reason}")
    return integer("target", value, 0, len(engine.info.labels) - 1, " null: the predicted class.")


def fills_of(engine: EngineProtocol | None) -> tuple[str, ...]:
    """Names of what an occluder may be filled with."""
    return BASELINES if engine is None else tuple(engine.baselines)


def baseline_value(engine: EngineProtocol | None, value: Any) -> str | float:
    """What an occluder is filled with: a name or a number that float32 holds."""
    known = fills_of(engine)
    if isinstance(value, str) and (value in known or engine is None):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return float(value)
    raise InputError(
        "The baseline must be a finite number that float32 holds, or one of "
        f"{', '.join(known)}, not {value!r}."
    )


def rectangle(name: str, shape: tuple[int, int] | None, value: Any) -> dict[str, int]:
    """``{top, left, height, width}`` of a rectangle that lies on an input of ``shape``."""
    names = ("top", "left", "height", "width")
    if isinstance(value, Box):
        value = value.to_json()
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise InputError(f"The {name} must be {{{', '.join(names)}}}, not {value!r}.")
    rows, columns = shape or (1 << 20, 1 << 20)
    height = integer(f"{name} height", value["height"], 1, rows)
    width = integer(f"{name} width", value["width"], 1, columns)
    return {
        "top": integer(f"{name} top", value["top"], 1 - height, rows - 1),
        "left": integer(f"{name} left", value["left"], 1 - width, columns - 1),
        "height": height,
        "width": width,
    }


def also_value(shape: tuple[int, int] | None, value: Any) -> list[dict[str, int]]:
    """Rectangles that stay covered, at most `MOST_EXTRA_BOXES`."""
    if not isinstance(value, list | tuple) or len(value) > MOST_EXTRA_BOXES:
        raise InputError(
            f"extra_boxes must be a list of at most {MOST_EXTRA_BOXES} rectangles, not {value!r}."
        )
    return [rectangle(f"rectangle {i} of extra_boxes", shape, one) for i, one in enumerate(value)]


def occluder_rectangle(
    engine: EngineProtocol | None, value: Any, *, whole: bool = False
) -> dict[str, Any]:
    """The fields of an occluder (`selection.Selection.occluder`) on an engine's input.

    Unless the ``whole`` is asked for, ``mask`` may be missing (null) and ``extra_boxes`` (none).
    """
    if isinstance(value, Occluder):
        extra_boxes = list(value.extra_boxes)
        value = {
            **value.box.to_json(),
            "baseline": value.baseline,
            "mask": value.mask,
            "extra_boxes": extra_boxes,
        }
    places, more = ("top", "left", "height", "width"), ("mask", "extra_boxes")
    names = (*places, "baseline", *more)
    given = set(value) if isinstance(value, Mapping) else set()
    needed = set(names) if whole else set(names) - set(more)
    if not needed <= given <= set(names):
        raise InputError(f"The occluder must be {{{', '.join(names)}}}, not {value!r}.")
    shape = None if engine is None else input_size(engine)
    mask = value.get("mask")
    return {
        **rectangle("occluder", shape, {name: value[name] for name in places}),
        "baseline": baseline_value(engine, value["baseline"]),
        "mask": None if mask is None else check_mask(mask),
        "extra_boxes": also_value(shape, value.get("extra_boxes", [])),
    }


def to_boxes(rectangles: Sequence[Mapping[str, int]]) -> tuple[Box, ...]:
    """The records of checked rectangles."""
    return tuple(Box(**one) for one in rectangles)


def to_occluder(occluder: Mapping[str, Any] | None) -> Occluder | None:
    """The record of a checked occluder."""
    if occluder is None:
        return None
    box = Box(*(occluder[name] for name in ("top", "left", "height", "width")))
    return Occluder(box, occluder["baseline"], occluder["mask"], to_boxes(occluder["extra_boxes"]))


def rule_name(engine: EngineProtocol | None, value: Any) -> str:
    """How rectifiers are passed on the way down: one of the engine's rules."""
    if isinstance(value, str) and (engine is None or value in engine.rules):
        return value
    known = "an engine's" if engine is None else ", ".join(engine.rules)
    raise InputError(f"The rule must be one of {known}, not {value!r}.")


def check_engine(engine: Any) -> None:
    """Raise an `InputError` unless it is an engine."""
    if not isinstance(engine, EngineProtocol):
        raise InputError(
            f"Expected an engine, zf.Engine(model, images), not {type(engine).__name__}."
        )


def input_size(engine: EngineProtocol) -> tuple[int, int]:
    """(rows, columns) of the network's input."""
    return engine.info.input_shape[1], engine.info.input_shape[2]


_CHECKS: dict[str, Check] = {
    "layer": lambda e, k, v: layer_name(e, v),
    "channel": lambda e, k, v: channel_of(e, k["layer"], v),
    "first": lambda e, k, v: channel_of(e, k["layer"], v),
    "count": lambda e, k, v: integer("count", v, 1, MOST_THUMBNAILS),
    "size": lambda e, k, v: integer("size", v, 1, LARGEST_THUMBNAIL),
    "k": lambda e, k, v: integer("k", v, 1, MOST_PATCHES),
    "rule": lambda e, k, v: rule_name(e, v),
    "image": lambda e, k, v: image_index(e, v),
    "images": lambda e, k, v: image_indices(e, v),
    "occluder": lambda e, k, v: occluder_rectangle(e, v, whole=True),
    "height": lambda e, k, v: integer("occluder height", v, 1, input_size(e)[0]),
    "width": lambda e, k, v: integer("occluder width", v, 1, input_size(e)[1]),
    "stride": lambda e, k, v: integer("stride", v, 1, min(input_size(e))),
    "baseline": lambda e, k, v: baseline_value(e, v),
    "mask": lambda e, k, v: check_mask(v),
    "extra_boxes": lambda e, k, v: also_value(input_size(e), v),
    "target": lambda e, k, v: class_index(e, v),
}
"""The check of a field of any key that has one of that name; null is none of its business."""


def _check(name: str, field: str) -> Check:
    """The check of a field as the schema has it."""
    check = _CHECKS[name]
    if "null" not in field.split("#")[0]:
        return check
    return lambda e, k, v: None if v is None else check(e, k, v)


FIELDS: dict[str, dict[str, Check]] = {
    name: {field: _check(field, what) for field, what in kind.key.items()}
    for name, kind in KINDS.items()
    if not kind.asked_of
}
"""The fields of each kind's key, each with its check, in the order in which they are checked."""
SLIDE = tuple(KINDS["estimate"].key)
"""The fields that name one pass of the occluder over an image."""


def check_key(engine: EngineProtocol, kind: Any, key: Any) -> dict[str, Any]:
    """The checked fields of a key, without its fingerprint.

    Raises
    ------
    InputError
        Naming the kind or field, what was expected and what came.
    """
    if not isinstance(kind, str) or kind not in FIELDS:
        raise InputError(f"There is no request {kind!r}{nearest(kind, FIELDS)}")
    if not isinstance(key, Mapping):
        raise InputError(f"The key of {kind!r} must be an object, not {key!r}.")
    fingerprint = engine.info.fingerprint
    if key.get("fingerprint") != fingerprint:
        raise InputError(
            f"This widget belongs to engine {key.get('fingerprint')!r}, but its kernel's engine is "
            f"{fingerprint!r}: run the cell again."
        )
    fields = FIELDS[kind]
    unknown = key.keys() - fields.keys() - {"fingerprint"}
    missing = fields.keys() - key.keys()
    if unknown or missing:
        raise InputError(
            f"The key of {kind!r} has the fields {', '.join(fields) or '(none)'}; "
            f"missing: {sorted(missing)}, unknown: {sorted(map(str, unknown))}."
        )
    checked: dict[str, Any] = {}
    for name, check in fields.items():
        checked[name] = check(engine, checked, key[name])
    return checked


def nearest(name: Any, known: Any) -> str:
    """``; did you mean ...`` for a name that is not known, and what there is."""
    near = get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} There are: {', '.join(known)}."
