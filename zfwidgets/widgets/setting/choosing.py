"""What a widget starts with, and its traits that are parts of its selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ..wire import validation
from .opening import opening_layer, opening_unit
from .options import scaled
from .traits import refused

if TYPE_CHECKING:
    from ..selection import Selection

Read = Callable[[Any], Any]
"""What a selection says."""
Set = Callable[[Any, Any], "Values"]
"""What is to be chosen in a selection for a value that is set."""
Values = dict[str, Any]
"""Values of a selection's traits."""


def first_selection(engine: EngineProtocol, first: Mapping[str, Any]) -> Values:
    """A telling first selection: a channel that stands out, its strongest photo."""
    saved = _saved(engine)
    asked = asked_for(engine, first, None)
    start: Values = {
        "unit": None,
        "photo": 0,
        "occluder": centred_occluder(engine, None),
        **saved,
        **asked,
    }
    start["unit"] = start["unit"] or opening_unit(engine)
    if "photo" not in asked and ("unit" in asked or "photo" not in saved) and engine.indexed:
        layer, channel = start["unit"]
        strongest = engine.top(layer, channel, 1)
        start["photo"] = strongest[0].image if len(strongest) else 0
    return start


def _saved(engine: EngineProtocol) -> Values:
    """What was chosen when a report was saved: it opens there."""
    saved: Values = getattr(engine, "opens_at", {})
    return saved


def asked_for(
    engine: EngineProtocol, first: Mapping[str, Any], selection: Selection | None
) -> Values:
    """The traits of a selection that a widget's arguments ask for; what is None isn't asked for."""
    values: Values = {}
    given = {name: value for name, value in first.items() if value is not None}
    unit = _saved(engine).get("unit") if selection is None else selection.unit
    if "layer" in given:
        values["unit"] = (given["layer"], given.get("channel", 0))
    elif "channel" in given:
        values["unit"] = (unit[0] if unit else opening_layer(engine).name, given["channel"])
    if "image" in given and "photo" in given:
        raise InputError("image and photo are the same: give one of them.")
    if "occluder" in given and ("patch" in given or "baseline" in given):
        raise InputError("Give an occluder, or its patch and baseline.")
    if "image" in given:
        values["photo"] = given["image"]
    for name in ("photo", "target", "rule", "occluder"):
        if name in given:
            values[name] = given[name]
    if "patch" in given or "baseline" in given:
        values["occluder"] = centred_occluder(
            engine, given.get("patch"), given.get("baseline", "grey")
        )
    return values


def centred_occluder(
    engine: EngineProtocol, patch: int | tuple[int, int] | None, baseline: str | float = "grey"
) -> Values:
    """An occluder in the middle of the input, ``patch`` pixels high and wide."""
    rows, columns = validation.input_size(engine)
    size = scaled(engine, 32) if patch is None else patch
    height, width = size if isinstance(size, tuple | list) else (size, size)
    height = validation.integer("patch (rows)", height, 1, rows)
    width = validation.integer("patch (columns)", width, 1, columns)
    top, left = (rows - height) // 2, (columns - width) // 2
    return {"top": top, "left": left, "height": height, "width": width, "baseline": baseline}


# ---------------------------------------------------------------------- traits of the selection


class Chosen(traitlets.TraitType):  # type: ignore[type-arg]
    """A trait of a widget whose value is its selection's: read from there, and set there.

    The widget keeps no value of its own, so that the two can't differ; it tells observers when
    the selection's changes.
    """

    def __init__(self, name: str, read: Read, values: Set) -> None:
        what, text, by_default = _WORDS[name]
        super().__init__(None, help=text)
        self.tag(chosen=True, type=what, first=None, by_default=by_default)
        self._read, self._values = read, values

    def get(self, obj: Any, cls: Any = None) -> Any:
        """What the selection says; None before there is one."""
        selection = obj._trait_values.get("selection")  # noqa: SLF001 -- traitlets; makes no default
        return None if selection is None else self._read(selection)

    def set(self, obj: Any, value: Any) -> None:
        """Have it chosen; raises `SelectionError`, and then nothing has changed."""
        with refused():
            values = self._values(obj.selection, value)
        obj.selection.choose(**values)


def chosen(name: str) -> Chosen:
    """A trait of this name, for a widget's class."""
    if name in _PARTS:
        return Chosen(name, *_PARTS[name])
    field = "photo" if name == "image" else name
    return Chosen(
        name, lambda selection: getattr(selection, field), lambda _, value: {field: value}
    )


def _layer(selection: Selection, name: Any) -> Values:
    """The unit of the same number in a layer, or its first."""
    if name is None:
        return {"unit": None}
    layer = _engine(selection).layer(name)
    channel = selection.unit[1] if selection.unit else 0
    return {"unit": (layer.name, channel if channel < layer.channels else 0)}


def _channel(selection: Selection, channel: Any) -> Values:
    if channel is None:
        return {"unit": None}
    layer = selection.unit[0] if selection.unit else opening_layer(_engine(selection)).name
    return {"unit": (layer, channel)}


def _patch(selection: Selection, size: Any) -> Values:
    """An occluder of another size about the same centre."""
    engine, now = _engine(selection), selection.occluder
    made = centred_occluder(engine, size)
    if now is None:
        return {"occluder": made}
    box = {"height": made["height"], "width": made["width"]}
    across = (("top", "height"), ("left", "width"))
    for (start, extent), size_of in zip(across, validation.input_size(engine), strict=True):
        at = now[start] + (now[extent] - box[extent]) // 2
        box[start] = min(max(at, 1 - box[extent]), size_of - 1)
    return {"occluder": {**now, **box}}


def _fill(selection: Selection, baseline: Any) -> Values:
    now = selection.occluder or centred_occluder(_engine(selection), None)
    return {"occluder": {**now, "baseline": baseline}}


def _engine(selection: Selection) -> EngineProtocol:
    assert selection.engine is not None  # a widget attaches its own
    return selection.engine


_WORDS = {
    "layer": (
        "str or None",
        "Name of the chosen layer. A new one keeps the channel's number where the layer has it, "
        "else channel 0 is chosen. Layer and channel are the selection's ``unit``.",
        "By default the deepest block, or convolution, that sees no more than a third of a photo.",
    ),
    "channel": (
        "int or None",
        "Number of the chosen channel, 0 .. channels of the layer - 1.",
        "By default the one whose strongest activation stands out most from its mean; 0 while "
        "there is no index yet, or where a layer is given.",
    ),
    "photo": (
        "int",
        "Index of the chosen photo, which is classified and occluded, 0 .. photos - 1; its name "
        "can be set, too.",
        "By default the channel's strongest one.",
    ),
    "image": ("int", "The same as ``photo``: one trait by two names.", ""),
    "rule": (
        "str",
        'How projections pass rectifiers: "deconvnet" (the paper), "guided" (guided '
        'backpropagation), "gradient", or another of the engine\'s rules.',
        "By default the paper's.",
    ),
    "target": (
        "int or None",
        "Index of the class whose probability is shown, 0 .. classes - 1; its name can be set, "
        "too. None: the predicted one.",
        "",
    ),
    "occluder": (
        "dict or None",
        "``{top, left, height, width, baseline, mask, extra_boxes}`` in pixels of the network's "
        "input; also takes a `zfwidgets.records.Occluder`.",
        "By default in the middle; give it, or its patch and baseline.",
    ),
    "patch": (
        "(int, int) or None",
        "The occluder's rows and columns in input pixels. One number sets a square; its centre "
        "stays.",
        "By default 32 for an input of 224.",
    ),
    "baseline": (
        "str, float or None",
        'What the occluder covers with: "grey" (the paper\'s), "mean" (the normalisation\'s mean '
        'colour), "blur" and "noise" (made of the photo), "border" (its own border\'s colour), a '
        "baseline of the engine's own, or a number in the network's input units. Any hard edge is "
        "itself an artefact.",
        'By default "grey".',
    ),
}
"""Type of each trait, what it is, and what is chosen first."""
_PARTS: dict[str, tuple[Read, Set]] = {
    "layer": (lambda selection: selection.unit and selection.unit[0], _layer),
    "channel": (lambda selection: selection.unit and selection.unit[1], _channel),
    "patch": (
        lambda selection: (
            selection.occluder and (selection.occluder["height"], selection.occluder["width"])
        ),
        _patch,
    ),
    "baseline": (lambda selection: selection.occluder and selection.occluder["baseline"], _fill),
}
