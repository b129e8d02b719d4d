"""An occlusion map in a widget's static picture: as the page first shows it, with what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...language.words import Words, words_of
from ...records import (
    CHANGES,
    DEFAULT_COLOURS,
    EngineInfo,
    categories,
    change_reach,
    coloured,
    value_ends,
)
from ..wire.encode import Answer
from ..wire.schema import FIRST, MAPS

DISTANCES = ("hamming", "cosine")
"""Maps whose values are differences already."""
SHARES = ("probability", "hamming")
SEEN = 0.02
"""Changes of this share of what has the strongest colour look like no change."""
OPACITY: float = FIRST["opacity"]
WORDS = {"tint": ("magenta", "untinted", "green"), "diverging": ("blue", "grey", "red")}
"""What lower, unchanged and higher values look like."""


def shown(answer: Answer, options: Mapping[str, Any]) -> str:
    """Which map: that of the options, or one that the pass has."""
    data, buffers = answer
    name = options.get("overlay", "probability")
    if name in MAPS and buffers[list(MAPS).index(name)]:
        return str(name)
    return "total" if data["target"] is None else "probability"


def picture(answer: Answer, options: Mapping[str, Any], under: Image.Image) -> Image.Image:
    """The map over a photo: in grey, but for colours that let it shine through."""
    name = shown(answer, options)
    values = _values(answer, name)
    if name == "predicted":
        colours = categories(values.astype(np.int64))
    elif _change(options):
        changes = _changes(answer, name)
        reach = _reach(answer, name)
        colours = coloured(changes, _colours(options), -reach, reach)
    else:
        colours = coloured(values, _colours(options), *value_ends(values))
    down, right = answer[0]["stride"]
    cells = Image.fromarray(colours)
    cells = cells.resize((cells.width * right, cells.height * down), Image.Resampling.NEAREST)
    cells = cells.crop((0, 0, under.width, under.height))
    if cells.mode == "RGBA":
        return Image.alpha_composite(under.convert("RGBA"), cells).convert("RGB")
    return Image.blend(under.convert("L").convert("RGB"), cells, OPACITY)


def caption(info: EngineInfo, answer: Answer, options: Mapping[str, Any]) -> str:
    """What the map is of, and what its colours stand for."""
    name, data, words = shown(answer, options), answer[0], words_of(options)
    values = _values(answer, name)
    if name == "predicted":
        before = data["clean"]["predicted"]
        kept, done = int((values == before).sum()), int((values >= 0).sum())
        return words("map.predicted", kept=kept, done=done, label=_label(info, before))
    what = words(
        f"map.{name}",
        layer=data.get("layer"),
        channel=data.get("channel"),
        target=_label(info, data["target"]),
    )
    if not np.isfinite(values).any() and name in ("probability", "logit", "log_odds"):
        return words("map.no_numbers" if data["done"] else "still.missing")
    if not _change(options):
        low, high = value_ends(values)
        ends = {"low": _value(name, low, words), "high": _value(name, high, words)}
        return words("map.values", what=what, **ends)
    changes = _changes(answer, name)
    if np.isnan(changes).all():
        return words("map.infinite", what=what)
    known = changes[np.isfinite(changes)]
    low, high = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    less, same, more = (words(f"colours.{colour}") for colour in WORDS[_colours(options)])
    none, visible = words("map.same", colour=same), SEEN * _reach(answer, name)
    below, above = (
        f"{_signed(name, end, words)} {colour if abs(end) > visible else same}" if end else none
        for end, colour in ((low, less), (high, more))
    )
    return words("map.change", what=what, below=below, above=above)


def _change(options: Mapping[str, Any]) -> bool:
    return _colours(options) in CHANGES


def _colours(options: Mapping[str, Any]) -> str:
    return str(options.get("colours", DEFAULT_COLOURS))


def _label(info: EngineInfo, number: int | None) -> str:
    return "" if number is None else info.labels[number].split(",")[0]


def _values(answer: Answer, name: str) -> NDArray[np.float64]:
    data, buffers = answer
    raw = np.frombuffer(buffers[list(MAPS).index(name)], MAPS[name])
    return raw.reshape(data["rows"], data["columns"]).astype(np.float64)


def _changes(answer: Answer, name: str) -> NDArray[np.float64]:
    """How the values differ from the one without occluder; NaN where that is infinite."""
    return _values(answer, name) - _clean(answer, name)


def _clean(answer: Answer, name: str) -> float:
    """The value without occluder; NaN where it is infinite."""
    if name in DISTANCES:
        return 0.0
    clean = answer[0]["clean"][name]
    return float("nan") if clean is None else float(np.float32(clean))


def _reach(answer: Answer, name: str) -> float:
    return change_reach(name, _changes(answer, name), _clean(answer, name))


def _value(name: str, value: float, words: Words) -> str:
    return f"{value:.0%}" if name in SHARES else words.point.join(f"{value:.4g}".split("."))


def _signed(name: str, change: float, words: Words) -> str:
    if name in DISTANCES:
        return _value(name, change, words)
    if name == "probability":
        return words("map.points", change=f"{100 * change:+.0f}")
    return words.point.join(f"{change:+.4g}".split("."))
