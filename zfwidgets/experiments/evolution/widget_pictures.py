"""What an evolution shows: walls of pictures, lines of text, and the static picture."""

from __future__ import annotations

import html
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from ...drawing.page import Page
from ...drawing.palette import SOFT
from ...drawing.tables import small
from ...records import Pixels
from ..shared.picture_wall import Wall, enlarged, paint_wall

if TYPE_CHECKING:
    from PIL import Image

    from ...language.words import Words
    from .moments import EvolutionRecord, Strongest
    from .watching import Watch

KINDS = ("projections", "patches")
"""What can be shown of a map."""
MOST = 24
"""Moments of the static picture at most."""
HIGH = 1540
"""Pixels of its height at most."""


def shown(found: Strongest, kind: str) -> Pixels | None:
    """A map's picture of a kind, so large that no pixel is blurred where it is shown."""
    pixels = found.patch if kind == "patches" else found.shown()
    return None if pixels is None else enlarged(pixels)


def maps(record: EvolutionRecord, at: int, numbers: Sequence[int], kind: str, words: Words) -> Wall:
    """All chosen maps at one moment."""
    found = [record.moments[at].strongest[number] for number in numbers]
    return Wall(
        [shown(one, kind) for one in found],
        captions=[f"{one.unit.layer} {one.unit.channel}" for one in found],
        details=[_detail(record, number, at, words) for number in numbers],
    )


def film(record: EvolutionRecord, number: int, kind: str, words: Words) -> Wall:
    """One map at all moments."""
    jumps, jump = record.jumps(number), words("evolution.jump")
    return Wall(
        [shown(moment.strongest[number], kind) for moment in record.moments],
        captions=[_when(record, at, words) for at in range(len(record.moments))],
        details=[
            ", ".join([jump] * bool(jumped) + _empty(moment.strongest[number], words))
            for jumped, moment in zip(jumps, record.moments, strict=True)
        ],
    )


def _detail(record: EvolutionRecord, number: int, at: int, words: Words) -> str:
    found = record.moments[at].strongest[number]
    jump = words("evolution.jump") if record.jumps(number)[at] else ""
    text = words(
        "evolution.jumped" if jump else "evolution.in",
        value=found.value,
        jump=jump,
        photo=found.image_name,
    )
    return ", ".join([text, *_empty(found, words)])


def _empty(found: Strongest, words: Words) -> list[str]:
    """Why a picture shows nothing."""
    silent = [words("evolution.inactive")] * (found.levels is None)
    return silent + [words("evolution.zero")] * found.blank


def _when(record: EvolutionRecord, at: int, words: Words) -> str:
    moment = record.moments[at]
    if moment.epoch is None:
        return f"{moment.step}"
    return words("evolution.epoch", step=moment.step, epoch=moment.epoch)


def moment_text(step: int, epoch: float | None, words: Words) -> str:
    """When it is in the training."""
    if epoch is None:
        return words("evolution.when", step=step)
    return words("evolution.when.epoch", step=step, epoch=epoch)


def when(record: EvolutionRecord, at: int, words: Words) -> str:
    """When a moment was."""
    moment = record.moments[at]
    if moment.step == 0:
        return words("evolution.before")
    return moment_text(moment.step, moment.epoch, words)


def describe(record: EvolutionRecord | None, words: Words) -> str:
    """One line on what it is about."""
    if record is None:
        return ""
    return words(
        "evolution.facts",
        model=record.model,
        maps=len(record.units),
        layers=len(record.layers),
        rule=record.rule,
        images=record.images,
        moments=len(record.moments),
    )


def status(watch: Watch, record: EvolutionRecord | None, words: Words) -> str:
    """The last line: how far the training is, and what there is to know."""
    parts = [moment_text(*watch.at, words)]
    if record is not None and len(record.losses) and np.isfinite(record.losses[-1]):
        parts.append(words("evolution.loss", loss=float(record.losses[-1])))
    if watch.ended:
        parts.append(watch.ended)
    elif watch.finished:
        parts.append(words("evolution.done"))
    elif watch.waiting:
        parts.append(words("evolution.waits"))
    elif watch.paused:
        parts.append(words("evolution.pausing"))
    if record is not None and record.missed:
        steps = ", ".join(map(str, record.missed[-5:]))
        more = "..., " if len(record.missed) > 5 else ""
        parts.append(words("evolution.missed", steps=f"{more}{steps}"))
    if watch.note:
        parts.append(watch.note)
    return "; ".join(parts)


def settled(record: EvolutionRecord, threshold: float, words: Words) -> str:
    """When each layer has settled, in HTML, and what that means."""
    found = "; ".join(_settled(record, threshold, words))
    return f"{html.escape(found)}.{small(words('evolution.curve.note', threshold=threshold))}"


def _settled(record: EvolutionRecord, threshold: float, words: Words) -> list[str]:
    """Which layers have settled when, earliest first."""
    layers: dict[int | None, list[str]] = {}
    for layer in record.layers:
        layers.setdefault(record.settled(layer, threshold), []).append(layer)
    whens = {moment.step: when(record, at, words) for at, moment in enumerate(record.moments)}
    found = [
        words("evolution.settled", when=whens[step], layers=", ".join(layers[step]))
        for step in sorted(step for step in layers if step is not None)
    ]
    if None in layers:
        found.append(words("evolution.unsettled", layers=", ".join(layers[None])))
    return found


def paint(
    record: EvolutionRecord | None, layer: str | None, said: str, threshold: float, words: Words
) -> Image.Image:
    """The static picture: Fig. 4, and when layers have settled.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = Page(f"{words('evolution.name')}   {describe(record, words)}", said, 26)
    if record is None or not record.moments:
        page.line(words("evolution.nothing"), 18, SOFT)
        return page.finish()
    page.line("; ".join(_settled(record, threshold, words)), 16)
    count = len(record.moments)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist()
    numbers = [n for n, (name, _) in enumerate(record.units) if layer in (None, name)]
    layers = record.layers if layer is None else (layer,)
    notes = [
        line
        for note in (words("evolution.painted"), words("evolution.curve.note", threshold=threshold))
        for line in wrap(note, 150)
    ]
    top = page.y + 21 * (len(notes) + 1)
    rows = max(1, (HIGH - top) // min(162, 1000 // len(chosen)) // len(layers))
    some = [n for name in layers for n in _of(record, numbers, name)[:rows]]
    if len(some) < len(numbers):
        notes.append(words("evolution.some", shown=len(some), maps=len(numbers), each=rows))
    for line in notes:
        page.line(line, 14, SOFT)
    wall = Wall(
        [shown(record.moments[at].strongest[n], "projections") for n in some for at in chosen],
        columns=len(chosen),
        heads=[_when(record, at, words) for at in chosen],
        sides=["{} {}".format(*record.units[n]) for n in some],
    )
    paint_wall(page, wall, most=len(wall.pictures), empty=words("evolution.inactive"))
    return page.finish()


def _of(record: EvolutionRecord, numbers: Sequence[int], layer: str) -> list[int]:
    return [number for number in numbers if record.units[number][0] == layer]
