"""What a report may hold: its manifest and its answers, checked before anything is made of them.

A part's checksum tells damage, not intent. These checks bound every size that Python would
allocate by what a report may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..records import STATUSES, Operation
from ..records.layers import Join, Reach, Role
from ..records.occluders import MASK, MOST_EXTRA_BOXES
from ..widgets.wire.encode import Answer, picture_size
from ..widgets.wire.occlusion_cache import CLEAN
from ..widgets.wire.schema import MAPS
from .pictures import MIME
from .shapes import (
    Check,
    anything,
    either,
    fields,
    listed,
    mapping,
    none,
    number,
    one_of,
    text,
    truth,
    whole,
)

MOST_SIDE = 16383
"""Rows or columns of a photo at most: WebP has no larger ones."""
MOST_PIXELS = 1 << 24
"""Pixels of a network's input at most, 16.8 million: a projection takes 12 bytes of each."""
MOST = 1 << 31
"""No count of anything is as large as this."""
VIEWS = ("explorer", "picker", "grid", "occlusion", "compare")
STATISTICS = ("<f4",) * 3 + ("<i4",) * 7 + ("<f4",)
"""Columns of a layer's part: three numbers and a place for each channel, how many strongest
activations it has, and their image, row, column and value, one behind the other."""

_COUNT, _SIDE, _PLACE = whole(0, MOST), whole(1, MOST_SIDE), whole(-MOST, MOST)
_PAIR = listed(_SIDE, _SIDE)
_BOX = fields({"top": _PLACE, "left": _PLACE, "height": _SIDE, "width": _SIDE})


def _matches(pattern: str) -> Check:
    def check(value: Any) -> None:
        text(value)
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value[:40]!r} isn't as it must be")

    return check


PART = r"[\w-]+(/[\w-]+)*"
"""Names of parts: files of a folder have them, too."""
_NAME = _matches(PART)
_FILL = either(text, number)
_LOOK = {
    "height": _SIDE,
    "width": _SIDE,
    "baseline": _FILL,
    "mask": either(none, _matches(f"[0-9a-f]{{{MASK * MASK // 4}}}")),
    "extra_boxes": listed(_BOX, most=MOST_EXTRA_BOXES),
}
_FIELD = {
    "size": listed(whole(1, MOST), whole(1, MOST)),
    "stride": listed(_PLACE, _PLACE),
    "offset": listed(_PLACE, _PLACE),
    "reach": one_of(get_args(Reach)),
}
_LOST = listed(listed(text, text))
_LAYER = fields(
    {
        "name": text,
        "kind": text,
        "role": one_of(get_args(Role)),
        "channels": whole(1, MOST),
        "rows": whole(1, MOST_SIDE),
        "columns": whole(1, MOST_SIDE),
        "rectified": truth,
        "field": fields(_FIELD),
    },
    {
        "fields": listed(fields({**_FIELD, "first": listed(_COUNT)})),
        "parents": listed(text),
        "joined": one_of(get_args(Join)),
        "blocks": listed(text),
    },
)
_RULE = fields(
    {
        "name": text,
        "title": text,
        "answers": text,
        "reads_forward": either(none, truth),
        "status_note": text,
    }
)
_CATALOGUE = fields(
    {
        "engine": fields(
            {
                "model": text,
                "device": text,
                "transform": text,
                "notes": listed(text),
                "skipped": listed(listed(text, text)),
                "input": listed(whole(1, MOST), _SIDE, _SIDE),
            }
        ),
        "layers": listed(_LAYER),
        "images": listed(fields({"name": text, "label": either(none, text)})),
        "classes": listed(text),
        "rules": listed(text),
    },
    {"baselines": listed(text), "no_classes": text, "rule_info": mapping(text, _RULE)},
)
_CHUNK = fields({"part": _NAME, "rule": text, "k": whole(1, MOST), "channels": listed(_COUNT)})
_BESIDE = fields({"right": _COUNT, "names": listed(text), "same_channel": truth})
_MANIFEST = fields(
    {
        "fingerprint": text,
        "catalogue": _CATALOGUE,
        "parts": mapping(_NAME, listed(_COUNT, whole(0, (1 << 32) - 1))),
        "answers": listed(listed(text, fields({}), _NAME, _COUNT)),
        "layers": mapping(text, fields({"part": _NAME, "projections": listed(_CHUNK)})),
        "formats": listed(fields({**_LOOK, "stride": _SIDE})),
        "sentences": fields({"other": text}),
        "selections": listed(fields({})),
        "views": listed(
            fields(
                {"view": one_of(VIEWS), "selection": _COUNT, "options": fields({})},
                {"beside": _BESIDE},
            )
        ),
    },
    {
        "licences": listed(listed(text, text)),
        "left_out": listed(text),
        "title": text,
        "lost": listed(listed(_COUNT, text)),
        "lessons": listed(fields({"part": _NAME, "selection": _COUNT})),
        "network": fields({"weights": listed(listed(_NAME, _COUNT, text)), "licence": text}),
    },
)


def check_manifest(manifest: Any) -> None:
    """Raise `ValueError` for a manifest that no report has."""
    _MANIFEST(manifest)
    catalogue = manifest["catalogue"]
    _, rows, columns = catalogue["engine"]["input"]
    if rows * columns > MOST_PIXELS:
        raise ValueError(f"its photos would have {rows} x {columns} pixels")
    layers = {layer["name"]: layer for layer in catalogue["layers"]}
    if not layers or not catalogue["images"] or layers.keys() != manifest["layers"].keys():
        raise ValueError("its layers or images aren't there")
    if len(layers) != len(catalogue["layers"]):
        raise ValueError("two of its layers have one name")
    for name, layer in manifest["layers"].items():
        for chunk in layer["projections"]:
            if chunk["rule"] not in catalogue["rules"]:
                raise ValueError(f"its rules lack that of projections, {chunk['rule'][:40]!r}")
            if chunk["channels"] and max(chunk["channels"]) >= layers[name]["channels"]:
                raise ValueError(f"layer {name[:40]!r} hasn't the channels that it lists")
    images, classes = len(catalogue["images"]), len(catalogue["classes"])
    for kind, key, _, _ in manifest["answers"]:
        _KEYS.get(kind, fields({}))(key)
        if key.get("image", 0) >= images or (key.get("target") or 0) >= max(classes, 1):
            raise ValueError(f"an answer ({kind[:40]}) is of what isn't there")
    shown = [*manifest["views"], *manifest.get("lessons", ())]
    there = len(manifest["selections"])
    if any(max(_selections_of(view)) >= there for view in shown):
        raise ValueError("a view has no selection")
    pairs = [view for view in manifest["views"] if view["view"] == "compare"]
    if any(len(view.get("beside", {}).get("names", ())) != 2 for view in pairs):
        raise ValueError("a comparison doesn't name its two sides")
    for look in manifest["formats"]:
        _in_input([look["height"], look["width"]], rows, columns)


def _selections_of(view: Mapping[str, Any]) -> list[int]:
    """Which selections it shows: a comparison two."""
    return [view["selection"], *([view["beside"]["right"]] if "beside" in view else [])]


def _in_input(size: list[int], rows: int, columns: int) -> None:
    if size[0] > rows or size[1] > columns:
        raise ValueError(f"{size[0]} x {size[1]} pixels aren't a part of the input")


_SLIDE = {"image": _COUNT, **_LOOK, "stride": _SIDE}
_KEYS: dict[str, Check] = {
    "photo": fields({"image": _COUNT}),
    "predict": fields({"image": _COUNT, "occluder": none}),
    "positions": fields(_SLIDE),
    "occlusion": fields(
        {
            **_SLIDE,
            "layer": either(none, text),
            "channel": either(none, _COUNT),
            "target": either(none, _COUNT),
        }
    ),
}


# ---------------------------------------------------------------------- answers


def check_answer(kind: str, answer: Answer, catalogue: Mapping[str, Any]) -> None:
    """Raise `ValueError` for an answer that no report holds under this kind."""
    data, buffers = answer
    if kind in _ANSWERS:
        check, sizes = _ANSWERS[kind](catalogue)
        check(data)
        wanted = sizes(data)
        if len(buffers) != len(wanted) or any(
            n is not None and len(b) not in n for b, n in zip(buffers, wanted, strict=True)
        ):
            raise ValueError("its numbers aren't as many as it says")
        if kind in ("photo", "projections"):
            _check_pictures(kind, answer, catalogue["engine"]["input"][1:])


def _check_pictures(kind: str, answer: Answer, shape: Sequence[int]) -> None:
    """That pictures are as large as the photo says, and projections no larger than the input."""
    data, buffers = answer
    for rows, columns in map(picture_size, buffers):
        if kind == "photo" and [rows, columns] != [data["rows"], data["columns"]]:
            raise ValueError(f"a photo has {rows} x {columns} pixels")
        if rows * columns > MOST_PIXELS or (
            kind == "projections" and (rows > shape[0] or columns > shape[1])
        ):
            raise ValueError(f"a picture has {rows} x {columns} pixels")


def statistics(
    part: Sequence[Answer], layer: Mapping[str, Any], images: int
) -> tuple[int, list[NDArray[Any]]]:
    """How many images a layer's statistics are of, and their columns; see `STATISTICS`."""
    if len(part) != 1 or len(part[0][1]) != len(STATISTICS):
        raise ValueError("it hasn't the columns of statistics")
    data, buffers = part[0]
    fields({"images_seen": _COUNT})(data)
    columns = [np.frombuffer(b, kind) for b, kind in zip(buffers, STATISTICS, strict=True)]
    counts = columns[6]
    if any(len(column) != layer["channels"] for column in columns[:7]) or counts.min() < 0:
        raise ValueError("its columns aren't as long as there are channels")
    if any(len(column) != counts.sum(dtype=np.int64) for column in columns[7:]):
        raise ValueError("its columns aren't as long as there are activations")
    ends = (images, layer["rows"], layer["columns"])
    for column, end, low in zip((*columns[3:6], *columns[7:10]), ends * 2, [-1] * 3 + [0] * 3,
                                strict=True):  # fmt: skip
        if column.size and not (low <= column.min() and column.max() < end):
            raise ValueError("an activation lies nowhere")
    return data["images_seen"], columns


Sizes = Callable[[Any], "list[tuple[int, ...] | None]"]
"""How many bytes each buffer may have; None: any number."""


def _kinds(catalogue: Mapping[str, Any]) -> dict[str, Check]:
    """What depends on the engine: an image, a side of what lies in the input."""
    _, rows, columns = catalogue["engine"]["input"]
    box = {"top": _PLACE, "left": _PLACE, "height": whole(1, rows), "width": whole(1, columns)}
    return {
        "image": whole(0, len(catalogue["images"]) - 1),
        "rows": whole(1, rows),
        "columns": whole(1, columns),
        "class": whole(0, len(catalogue["classes"]) - 1),
        "box": fields(box),
    }


def _photo(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    known = {"image": _kinds(catalogue)["image"], "name": text, "label": either(none, text)}
    size = {"rows": _SIDE, "columns": _SIDE, "mime": one_of([MIME])}
    return fields({**known, **size}), lambda data: [None]


def _predict(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    classes = len(catalogue["classes"])
    return fields({"classes": whole(classes, classes)}), lambda data: [(4 * classes,)]


def _occlusion(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    kind = _kinds(catalogue)
    clean = dict.fromkeys(CLEAN, number)
    place = either(none, listed(_PLACE, _PLACE))
    check = fields(
        {
            **{name: kind[name] for name in ("rows", "columns")},
            "stride": _PAIR,
            "size": _PAIR,
            "target": either(none, kind["class"]),
            "layer": either(none, text),
            "channel": either(none, _COUNT),
            "clean": fields({**clean, "predicted": either(none, kind["class"])}),
            "unit_place": place,
            "done": _COUNT,
            "total": _COUNT,
        },
        {"no_classes": text, "note": text},
    )
    return check, lambda data: [(0, 4 * data["rows"] * data["columns"])] * len(MAPS)


def _positions(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    kind = _kinds(catalogue)

    def check(data: Any) -> None:
        fields({"rows": kind["rows"], "columns": kind["columns"], "stride": _PAIR, "size": _PAIR,
                "classes": listed(kind["class"])})(data)  # fmt: skip
        if not data["classes"] or len(set(data["classes"])) != len(data["classes"]):
            raise ValueError("a class is listed twice, or none is")

    return check, lambda data: [(2 * data["rows"] * data["columns"] * len(data["classes"]),)]


def _activation(catalogue: Mapping[str, Any]) -> dict[str, Check]:
    kind = _kinds(catalogue)
    place = {"row": _COUNT, "col": _COUNT, "value": number, "box": kind["box"]}
    return {"image": kind["image"], "name": text, **place}


def _quantile_rows(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    row = {"low": number, "high": number, "images": _COUNT, "silent": _COUNT}
    activations = listed(fields(_activation(catalogue)))
    known = {"images_seen": _COUNT, "sampled": _COUNT, "exact": truth, "partial": truth}
    rows = listed(fields({**row, "activations": activations}, {"lost": _LOST}))
    return fields({"rows": rows, **known, "size": whole(1, 256)}), lambda data: []


def _cover(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    kind = _kinds(catalogue)
    moved = {name: check for name, check in _activation(catalogue).items() if name not in
             ("image", "name")}  # fmt: skip
    control = dict.fromkeys(("mean", "low", "high", "n", "overlap"), number)
    cover = {
        "image": kind["image"],
        "name": text,
        "unit": listed(_COUNT, _COUNT),
        "box": kind["box"],
        "before": number,
        "after": number,
        "moved": fields(moved),
        "control": either(none, fields(control)),
    }
    known = {"baseline": _FILL, "k": _COUNT, "partial": truth}
    return fields({"covers": listed(fields(cover)), **known}, {"lost": _LOST}), lambda data: []


def _projections(catalogue: Mapping[str, Any]) -> tuple[Check, Sizes]:
    operation = {"name": text, "status": one_of(STATUSES), "count": _COUNT, "note": text}
    assert set(operation) == {*Operation.__dataclass_fields__}

    def strict(value: Any) -> None:
        fields(operation)(value)
        if value.keys() != operation.keys():
            raise ValueError("an operation has other fields")

    kinds = _kinds(catalogue)
    row = {"image": kinds["image"], "view": kinds["box"]}
    row |= dict.fromkeys(("scale", "brightness", "full"), number)
    more = {"status": one_of(STATUSES), "operations": listed(strict), "pools": anything}
    newer = {"blank": truth, "near_ties": either(none, number)}
    rows = listed(either(none, fields({**row, **more}, newer)))

    def pictures(data: Any) -> list[tuple[int, ...] | None]:
        return [None for row in data["rows"] if row is not None]

    scales = dict.fromkeys(("scale", "brightness", "clipped_at"), number)
    colour = {"colour_share": number, "clearest": one_of(("brightness", "colour"))}
    return fields({"rows": rows, "focus": _COUNT, **scales}, colour), pictures


_ANSWERS: dict[str, Callable[[Mapping[str, Any]], tuple[Check, Sizes]]] = {
    "photo": _photo,
    "predict": _predict,
    "occlusion": _occlusion,
    "positions": _positions,
    "quantile_rows": _quantile_rows,
    "cover": _cover,
    "projections": _projections,
}
