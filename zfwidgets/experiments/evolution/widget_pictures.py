"""What an evolution shows: walls of pictures, lines of text, and the static picture."""

from __future__ import annotations

import html
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from ...drawing.page import Page
from ...drawing.palette import SOFT
from ...records import Pixels
from ..shared.picture_wall import Wall, enlarged, paint_wall
from .drawing import INACTIVE

if TYPE_CHECKING:
    from PIL import Image

    from .moments import EvolutionRecord, Strongest
    from .watching import Watch

KINDS = ("projections", "patches of the photos")
JUMP = "new photo"
ZERO = "projection zero everywhere"
EMPTY = f"Empty: {INACTIVE}, the map is above zero in none of the images."
MAPS = (
    "Each map's strongest activation over all images at this moment, projected to the pixels: "
    "signed around mid-grey, each picture on its own scale, inside the receptive field. "
    f"{EMPTY} Click one to see all its moments."
)
FILM = (
    f'"{JUMP}": the strongest activation comes from another photo than at the moment before, so '
    "that the picture jumps (Fig. 4). Click a moment to go there."
)
CURVE = (
    "Mean over channels of the correlation between their activations then and at the newest "
    "moment, at the same places in the same images. A layer has settled at the first moment from "
    "which on it stays at {threshold:g} or above; the newest is always 1."
)
PAINTED = (
    "One row a feature map, one column a moment (steps): its strongest activation over all images, "
    f"projected to the pixels; signed around mid-grey, each picture on its own scale. {EMPTY}"
)
MOST = 24
"""Moments of the static picture at most."""
HIGH = 1540
"""Pixels of its height at most."""


def shown(found: Strongest, kind: str) -> Pixels | None:
    """A map's picture of a kind, so large that no pixel is blurred where it is shown."""
    pixels = found.patch if kind == KINDS[1] else found.shown()
    return None if pixels is None else enlarged(pixels)


def maps(record: EvolutionRecord, at: int, numbers: Sequence[int], kind: str) -> Wall:
    """All chosen maps at one moment."""
    found = [record.moments[at].strongest[number] for number in numbers]
    return Wall(
        [shown(one, kind) for one in found],
        captions=[f"{one.unit.layer} {one.unit.channel}" for one in found],
        details=[_detail(record, number, at) for number in numbers],
    )


def film(record: EvolutionRecord, number: int, kind: str) -> Wall:
    """One map at all moments."""
    jumps = record.jumps(number)
    return Wall(
        [shown(moment.strongest[number], kind) for moment in record.moments],
        captions=[_when(record, at) for at in range(len(record.moments))],
        details=[
            ", ".join([JUMP] * bool(jumped) + _empty(moment.strongest[number]))
            for jumped, moment in zip(jumps, record.moments, strict=True)
        ],
    )


def _detail(record: EvolutionRecord, number: int, at: int) -> str:
    found = record.moments[at].strongest[number]
    where = f"{JUMP}: " if record.jumps(number)[at] else "in "
    return ", ".join([f"{found.value:.3g} {where}{found.image_name}", *_empty(found)])


def _empty(found: Strongest) -> list[str]:
    """Why a picture shows nothing."""
    return [INACTIVE] * (found.levels is None) + [ZERO] * found.blank


def _when(record: EvolutionRecord, at: int) -> str:
    moment = record.moments[at]
    return f"{moment.step}" if moment.epoch is None else f"{moment.step} (ep. {moment.epoch:.3g})"


def describe(record: EvolutionRecord | None) -> str:
    """One line on what it is about."""
    if record is None:
        return "evolution of feature maps"
    return (
        f"{record.model}: {len(record.units)} feature maps of {len(record.layers)} layers, "
        f"{record.rule}, in {record.images} images; "
        f"{len(record.moments)} moment{'' if len(record.moments) == 1 else 's'}"
    )


def status(watch: Watch, record: EvolutionRecord | None) -> str:
    """The last line: how far the training is, and what there is to know."""
    parts = [watch.when]
    if record is not None and len(record.losses) and np.isfinite(record.losses[-1]):
        parts.append(f"loss {record.losses[-1]:.3g}")
    if watch.ended:
        parts.append(watch.ended)
    elif watch.finished:
        parts.append("done")
    elif watch.waiting:
        parts.append("the training waits")
    elif watch.paused:
        parts.append("pausing after this step")
    if record is not None and record.missed:
        steps = ", ".join(map(str, record.missed[-5:]))
        more = "..., " if len(record.missed) > 5 else ""
        parts.append(f"left out, as the training was faster: {more}{steps}")
    if watch.note:
        parts.append(watch.note)
    return "; ".join(parts)


def settled(record: EvolutionRecord, threshold: float) -> str:
    """When each layer has settled, in HTML, and what that means."""
    return (
        f'<div style="line-height:1.5">{html.escape("; ".join(_settled(record, threshold)))}.'
        f"<br><small>{html.escape(CURVE.format(threshold=threshold))}</small></div>"
    )


def _settled(record: EvolutionRecord, threshold: float) -> list[str]:
    """Which layers have settled when, earliest first."""
    layers: dict[int | None, list[str]] = {}
    for layer in record.layers:
        layers.setdefault(record.settled(layer, threshold), []).append(layer)
    whens = {moment.step: moment.when for moment in record.moments}
    known = sorted(step for step in layers if step is not None)
    found = [f"settled {whens[step]}: {', '.join(layers[step])}" for step in known]
    if None in layers:
        found.append(f"not settled yet: {', '.join(layers[None])}")
    return found


def paint(
    title: str, record: EvolutionRecord | None, layer: str | None, said: str, threshold: float
) -> Image.Image:
    """The static picture: Fig. 4, and when layers have settled.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = Page(f"Evolution   {title}", said, 26)
    if record is None or not record.moments:
        page.line("nothing was looked at yet", 18, SOFT)
        return page.finish()
    page.line("; ".join(_settled(record, threshold)), 16)
    count = len(record.moments)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist()
    numbers = [n for n, (name, _) in enumerate(record.units) if layer in (None, name)]
    layers = record.layers if layer is None else (layer,)
    notes = [
        line for note in (PAINTED, CURVE.format(threshold=threshold)) for line in wrap(note, 150)
    ]
    top = page.y + 21 * (len(notes) + 1)
    rows = max(1, (HIGH - top) // min(162, 1000 // len(chosen)) // len(layers))
    some = [n for name in layers for n in _of(record, numbers, name)[:rows]]
    if len(some) < len(numbers):
        notes.append(
            f"Shown are {len(some)} of {len(numbers)} maps, the first {rows} of each layer: "
            "to_pil(layer) of the record draws all of one."
        )
    for line in notes:
        page.line(line, 14, SOFT)
    wall = Wall(
        [shown(record.moments[at].strongest[n], KINDS[0]) for n in some for at in chosen],
        columns=len(chosen),
        heads=[_when(record, at) for at in chosen],
        sides=["{} {}".format(*record.units[n]) for n in some],
    )
    paint_wall(page, wall, most=len(wall.pictures))
    return page.finish()


def _of(record: EvolutionRecord, numbers: Sequence[int], layer: str) -> list[int]:
    return [number for number in numbers if record.units[number][0] == layer]
