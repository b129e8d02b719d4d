"""Records as they cross the wire: JSON and buffers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...naming.about import About
from ...naming.shared import SharedName
from ...records import (
    CLIPPED_AT,
    CoveredPatches,
    Floats,
    LayerResponse,
    Pixels,
    Progress,
    Projection,
    ReceptiveField,
    SanityNumber,
    brightness_scales,
    clearest_values,
    colour_share,
    display_scales,
    focus_box,
    focus_side,
    signed_to_uint8,
)
from .encode import Answer, encode_pictures, numbers

OF_NINE = ("scale", "brightness", "focus", "colour_share", "clearest", "clipped_at")
"""What is told of a channel's projections together, and reports keep; older ones lack some."""


def projected_answer(
    found: Sequence[Projection | None], count: int, field: ReceptiveField
) -> Answer:
    """Projections, all or as many as there are, as they cross the wire; see `projected_levels`."""
    data, levels = projected_levels(found, count, field)
    data["mime"], buffers = encode_pictures(levels, lossless=True)
    return data, buffers


def projected_levels(
    found: Sequence[Projection | None], count: int, field: ReceptiveField
) -> tuple[dict[str, Any], list[Pixels]]:
    """What is told of projections, and their pictures before these are encoded.

    Parameters
    ----------
    found
        In the order of the activations; None where there is none.
    count
        How many activations there are.
    field
        The channel's receptive field.
    """
    projections = [p for p in found if p is not None]
    crops = [p.crop() for p in projections]
    scale, own = display_scales(crops)
    full = [max(scale, mine) for mine in own]  # so that either scale can be shown
    bright, brightnesses = brightness_scales(crops, full)
    levels = [signed_to_uint8(_shown(p), f) for p, f in zip(projections, full, strict=True)]
    side, share = focus_side(projections, field), colour_share(crops)
    told = iter(
        [
            {
                "image": p.activation.image,
                "scale": mine,
                "full": f,
                "brightness": mine_bright,
                "view": focus_box(p.activation.unit, field, side).to_json(),
                "status": p.status,
                "operations": [
                    {"name": o.name, "status": o.status, "count": o.count, "note": o.note}
                    for o in p.operations
                ],
                "pools": p.pools,
                "blank": not crop.any(),
                "near_ties": p.near_ties,
            }
            for p, crop, mine, f, mine_bright in zip(
                projections, crops, own, full, brightnesses, strict=True
            )
        ]
    )
    places: list[dict[str, Any] | None] = [None if p is None else next(told) for p in found]
    places += [None] * (count - len(places))
    return {
        "projections": places,
        "scale": scale,
        "brightness": bright,
        "focus": side,
        "colour_share": share,
        "clearest": clearest_values(share),
        "clipped_at": CLIPPED_AT,
        "patch": patch_size(field),
    }, levels


def patch_size(field: ReceptiveField) -> list[int]:
    """Rows and columns of a channel's patches: its field, or the image where that is smaller."""
    box = field.box(0, 0).inside(*field.image)
    return [box.height, box.width]


def _shown(projection: Projection) -> Floats:
    """The part of a projection that its picture shows: as its patch, moved into the image."""
    rows, columns = projection.pixels.shape[:2]
    return np.asarray(projection.activation.box.inside(rows, columns).cut(projection.pixels))


def cover_answer(found: CoveredPatches, k: int) -> Answer:
    """Covered patches, all or as many as there are, as they cross the wire."""
    covers = [
        {
            "image": p.activation.image,
            "name": p.activation.image_name,
            "unit": [p.activation.unit.row, p.activation.unit.col],
            "box": p.box.to_json(),
            "before": p.before,
            "after": p.after,
            "moved": {
                "row": p.moved.unit.row,
                "col": p.moved.unit.col,
                "value": p.moved.value,
                "box": p.moved.box.to_json(),
            },
            "control": {
                "mean": float(p.control_values.mean()),
                "low": float(p.control_values.min()),
                "high": float(p.control_values.max()),
                "n": len(p.controls),
                "overlap": p.overlap,
            }
            if p.controls
            else None,
        }
        for p in found
    ]
    lost = [list(one) for one in found.unreadable]
    data = {
        "covers": covers,
        "lost": lost,
        "baseline": found.baseline,
        "k": k,
        "partial": not found.complete,
    }
    return data, []


def about_answer(found: About) -> Answer:
    """What is told of a channel, as it crosses the wire."""
    return {
        "by": found.by,
        "why": found.why,
        "grouped": found.grouped,
        "groups": [_shared_name(name) for name in found.groups],
        "looks": [_shared_name(name) for name in found.looks],
        "looked": found.looked,
        "alike": [list(pair) for pair in found.alike],
        "prefers": [asdict(one) for one in found.prefers],
        "prefers_why": found.prefers_why,
        "images": found.images,
        "complete": found.complete,
    }, []


def sanity_steps(
    engine: EngineProtocol, layer: str, channel: int, rule: str
) -> Generator[Progress, None, SanityNumber]:
    """A channel's sanity number, in steps; raises `InputError` where the network isn't there."""
    steps: Any = getattr(engine, "sanity_steps", None)
    if steps is None:
        raise InputError(
            "What a picture owes to learning is measured by drawing filters anew in a copy of the "
            "network: that needs the network itself, in a zf.Engine of this kernel."
        )
    found: SanityNumber = yield from steps(layer, channel, rule)
    return found


def sanity_answer(found: SanityNumber) -> Answer:
    """A sanity number as it crosses the wire."""
    told = {name: getattr(found, name) for name in ("rank", "rank_all", "median", "depends")}
    lists = {name: list(getattr(found, name)) for name in ("own", "modules", "others")}
    return {"name": found.activation.image_name, **told, **lists}, []


def _shared_name(name: SharedName) -> dict[str, Any]:
    told = {key: value for key, value in asdict(name).items() if key not in ("tests", "most")}
    return {**told, "named": name.named, "most": list(name.most) if name.most else None}


def catalogue_answer(engine: EngineProtocol) -> Answer:
    """What there is to ask an engine for."""
    info = engine.info
    return {
        "engine": {
            "model": info.model,
            "device": info.device,
            "transform": info.transform,
            "notes": list(info.notes),
            "skipped": [list(pair) for pair in info.skipped],
            "input": list(info.input_shape),
        },
        "layers": [layer.to_json() for layer in engine.layers],
        "images": [
            {"name": name, "label": label}
            for name, label in zip(info.images, info.image_labels, strict=True)
        ],
        "classes": list(info.labels),
        "rules": list(engine.rules),
        "rule_info": {name: engine.rule(name).to_json() for name in engine.rules},
        "baselines": list(engine.baselines),
        "no_classes": info.no_classes,
        "indexed": engine.indexed,
    }, []


def respond_answer(found: LayerResponse) -> Answer:
    """What one occluder does to a layer."""
    distances = {"hamming": float(found.hamming[0, 0]), "cosine": float(found.cosine[0, 0])}
    arrays = (found.totals[0, 0], found.units[0, 0], found.clean_totals, found.clean_units)
    data = {
        "layer": found.layer,
        "channels": len(found.clean_totals),
        "strongest": found.strongest_channel,
        **distances,
    }
    return data, [numbers(array) for array in arrays]


def projection_steps(
    count: int, field: ReceptiveField, input_shape: tuple[int, ...]
) -> list[slice]:
    """Which projections are computed together, so that the first stand soon.

    In one pass those of fields up to half of the input cost half as much each; of larger ones
    almost the same (``benchmarks/engine/batching.py``). One alone isn't left for a last pass: what
    is told of all of them takes as long as it does.
    """
    small = all(2 * size <= most for size, most in zip(field.size, input_shape[1:], strict=True))
    step = MOST_PROJECTIONS if small else FEW_PROJECTIONS
    ends = [0, *range(step, count - 1, step), count]
    return [slice(a, b) for a, b in pairwise(ends)]


MOST_PROJECTIONS = 9
"""As many as an Explorer shows of a channel."""
FEW_PROJECTIONS = 4
"""Two for each of two threads: they wait for each other less often than with three."""
