"""Texts and tiles of the Lesion widget: feature maps, classes, what was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ...drawing.page import MARGIN, Page
from ...drawing.palette import INK, SOFT
from ...drawing.tables import table_html
from ...language.words import Words
from ...records import Floats, Pixels
from ..shared.picture_wall import Wall, paint_wall
from .result import LesionResult, title_of

TILE = 48
"""Pixels of a feature map's longer side on the wall."""
SHOWN = 8
"""Classes in a chart, and rows of what was tried."""


def map_wall(maps: Floats, off: Any, words: Words) -> Wall:
    """A layer's maps as tiles, those that are off in red.

    Parameters
    ----------
    maps
        (channels, rows, columns), as the network has them with parts off.
    off
        What of this layer is off: channels, "all", "skip", or None.
    """
    low, high = min(0.0, float(maps.min())), float(maps.max())
    shades = np.uint8(np.clip((maps - low) / ((high - low) or 1.0), 0, 1) * 255)
    factor = max(1, TILE // max(maps.shape[1:]))
    shades = shades.repeat(factor, 1).repeat(factor, 2)
    gone = (
        set(range(len(maps))) if off == "all" else set() if isinstance(off, str) else set(off or ())
    )
    tiles = [
        _red(shade) if channel in gone else _grey(shade) for channel, shade in enumerate(shades)
    ]
    captions = [
        words("lesion.map.off", channel=c) if c in gone else str(c) for c in range(len(maps))
    ]
    return Wall(tiles, captions)


def _grey(shade: Pixels) -> Pixels:
    return np.repeat(shade[..., None], 3, axis=2)


def _red(shade: Pixels) -> Pixels:
    tile = np.zeros((*shade.shape, 3), dtype=np.uint8)
    tile[..., 0] = 150
    rows, columns = shade.shape
    across = np.arange(columns)
    down = across * rows // columns
    tile[down, across] = tile[rows - 1 - down, across] = 255  # a cross: not by colour alone
    return tile


def accuracy_text(result: LesionResult | None, words: Words) -> str:
    """One line: accuracy with all parts and with some off."""
    if result is None or not len(result.images):
        return words("lesion.waiting")
    text = words(
        "lesion.accuracies",
        before=words.fixed(100 * result.accuracy_before, 1),
        after=words.fixed(100 * result.accuracy, 1),
        title=title_of(result.off, words),
    )
    if result.complete:
        return text
    return f"{text} {words('lesion.so_far', images=len(result.images), total=result.total)}"


def hurt_classes(result: LesionResult, words: Words) -> tuple[list[str], dict[str, Floats]]:
    """Names of the classes that lose most, and their accuracies before and now."""
    after, before, counts = result.class_accuracies()
    there = np.flatnonzero(counts)
    order = there[np.argsort((after - before)[there], kind="stable")][:SHOWN]
    names = [result.classes[c] for c in order]
    return names, {words("lesion.before"): before[order], words("lesion.after"): after[order]}


def predicted_classes(before: Any, after: Any, words: Words) -> tuple[list[str], dict[str, Floats]]:
    """The most probable classes of a photo, before or now, and their probabilities."""
    one, other = before.probabilities, after.probabilities
    order = np.argsort(-np.maximum(one, other), kind="stable")[:5]
    names = words("lesion.before"), words("lesion.after")
    return [before.labels[c] for c in order], {names[0]: one[order], names[1]: other[order]}


def photo_text(before: Any, after: Any, label: str, words: Words) -> str:
    """What the photo is, and what it is taken for."""
    one, other = before.top(1)[0], after.top(1)[0]
    return words(
        f"lesion.photo.{'still' if one[0] == other[0] else 'now'}",
        photo=before.image_name,
        label=label,
        first=one[1],
        sure=f"{100 * one[2]:.0f}",
        then=other[1],
        left=f"{100 * other[2]:.0f}",
    )


def tried_table(tried: Sequence[LesionResult], words: Words) -> str:
    """What was tried, the newest first, as HTML."""
    if not tried:
        return ""
    heads = [words(f"lesion.{name}") for name in ("tried.off", "accuracy", "tried.hurt")]
    return table_html(heads, _rows(tried, words))


def _rows(tried: Sequence[LesionResult], words: Words) -> list[list[str]]:
    rows = []
    for result in [*tried][::-1][:SHOWN]:
        worst = result.hurt_most(1)
        hurt = f"{worst[0][1]} (-{100 * worst[0][2]:.0f})" if worst else ""
        accuracy = f"{words.fixed(100 * result.accuracy, 1)} %"
        rows.append([title_of(result.off, words), accuracy, hurt])
    return rows


def layer_names(
    layers: Sequence[Any], off: Mapping[str, Any], words: Words
) -> list[tuple[str, str]]:
    """Layers for a dropdown, with what is off of each."""
    named = []
    for layer in layers:
        what, text = off.get(layer.name), layer.name
        if isinstance(what, str):
            text = words(f"lesion.list.{'off' if what == 'all' else 'skip'}", layer=layer.name)
        elif what:
            about = {"layer": layer.name, "number": len(what), "channels": layer.channels}
            text = words("lesion.list.some", **about)
        named.append((text, layer.name))
    return named


def draw(
    title: str,
    result: LesionResult | None,
    tried: Sequence[LesionResult],
    photo: tuple[Wall, str] | None,
    wall: Wall | None,
    status: str,
    words: Words,
) -> Image.Image:
    """The static picture: accuracy, what was tried, the photo in view, and the layer's maps."""
    page = Page(title, status)
    if result is None or not len(result.images):
        page.line(words("experiment.missing"), 18, SOFT)
        return page.finish()
    page.line(accuracy_text(result, words), 20)
    names, series = hurt_classes(result, words)
    for name, one, other in zip(names, *series.values(), strict=True):
        page.text(MARGIN, page.y, name, 17, INK, 300)
        both = {"before": f"{100 * one:.0f}", "after": f"{100 * other:.0f}"}
        page.text(MARGIN + 320, page.y, words("lesion.classes", **both), 17, INK, 300)
        page.y += 24
    page.line(words("lesion.hurt.note"), 15, SOFT)
    for row in _rows(tried, words):
        page.line("   ".join(row), 16)
    if photo is not None:
        picture, text = photo
        page.line(words("lesion.view"), 20)
        paint_wall(page, picture, text)
    if wall is not None:
        paint_wall(page, wall, words("lesion.maps.note"), most=60)
    return page.finish()
