"""What the ablation's widget says and shows: feature maps as tiles, classes, what was tried."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...drawing.page import MARGIN, Page
from ...drawing.palette import INK, SOFT
from ...drawing.tables import small, table_html
from ...records import Floats, Pixels
from ..shared.picture_wall import Wall, paint_wall

if TYPE_CHECKING:
    from .result import LesionResult

TILE = 48
"""Pixels of a feature map's longer side on the wall."""
SHOWN = 8
"""Classes in a chart, and rows of what was tried."""
READING = (
    "The layer's feature maps for the photo in view, on one scale: white is its strongest unit, "
    "black zero, or its lowest where units are below zero. Red with a cross: off. Click to switch."
)
HURT = "Accuracy of the classes that lose most; nothing is trained again."


def map_wall(maps: Floats, off: Any) -> Wall:
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
    captions = [f"{c} off" if c in gone else str(c) for c in range(len(maps))]
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


def accuracy_text(result: LesionResult | None) -> str:
    """One line of HTML: accuracy with all parts and with some off."""
    if result is None or not len(result.images):
        return "accuracy: ..."
    so_far = "" if result.complete else f" (so far {len(result.images)} of {result.total} images)"
    before, after = 100 * result.accuracy_before, 100 * result.accuracy
    return (
        f"Accuracy <b>{before:.1f} %</b> with all parts, <b>{after:.1f} %</b> now: "
        f"{html.escape(result.title)}{so_far}"
    )


def hurt_classes(result: LesionResult) -> tuple[list[str], dict[str, Floats]]:
    """Names of the classes that lose most, and their accuracies before and now."""
    after, before, counts = result.class_accuracies()
    there = np.flatnonzero(counts)
    order = there[np.argsort((after - before)[there], kind="stable")][:SHOWN]
    names = [result.classes[c] for c in order]
    return names, {"all parts": before[order], "now": after[order]}


def predicted_classes(before: Any, after: Any) -> tuple[list[str], dict[str, Floats]]:
    """The most probable classes of a photo, before or now, and their probabilities."""
    one, other = before.probabilities, after.probabilities
    order = np.argsort(-np.maximum(one, other), kind="stable")[:5]
    return [before.labels[c] for c in order], {"all parts": one[order], "now": other[order]}


def photo_text(before: Any, after: Any, label: str) -> str:
    """What the photo is, and what it is taken for."""
    one, other = before.top(1)[0], after.top(1)[0]
    changed = "still" if one[0] == other[0] else "now"
    return small(
        f"{before.image_name}, {label}: {one[1]} ({100 * one[2]:.0f} %) with all parts, "
        f"{changed} {other[1]} ({100 * other[2]:.0f} %)"
    )


def tried_table(tried: Sequence[LesionResult]) -> str:
    """What was tried, the newest first, as HTML."""
    if not tried:
        return ""
    return table_html(["what was off", "accuracy", "hurt most"], _rows(tried))


def _rows(tried: Sequence[LesionResult]) -> list[list[str]]:
    rows = []
    for result in [*tried][::-1][:SHOWN]:
        worst = result.hurt_most(1)
        hurt = f"{worst[0][1]} (-{100 * worst[0][2]:.0f})" if worst else ""
        rows.append([result.title, f"{100 * result.accuracy:.1f} %", hurt])
    return rows


def layer_names(layers: Sequence[Any], off: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Layers for a dropdown, with what is off of each."""
    named = []
    for layer in layers:
        what = off.get(layer.name)
        note = ""
        if isinstance(what, str):
            note = ", off" if what == "all" else ", skipped"
        elif what:
            note = f", {len(what)} of {layer.channels} off"
        named.append((f"{layer.name}{note}", layer.name))
    return named


def draw(
    title: str,
    result: LesionResult | None,
    tried: Sequence[LesionResult],
    wall: Wall | None,
    status: str,
) -> Image.Image:
    """The static picture: accuracy, what was tried, and the layer's maps."""
    page = Page(title, status)
    if result is None or not len(result.images):
        page.line("not computed yet", 18, SOFT)
        return page.finish()
    before, after = 100 * result.accuracy_before, 100 * result.accuracy
    page.line(f"Accuracy {before:.1f} % with all parts, {after:.1f} % now: {result.title}", 20)
    names, series = hurt_classes(result)
    for name, one, other in zip(names, *series.values(), strict=True):
        page.text(MARGIN, page.y, name, 17, INK, 300)
        page.text(MARGIN + 320, page.y, f"{100 * one:.0f} %, now {100 * other:.0f} %", 17, INK, 300)
        page.y += 24
    page.line(HURT, 15, SOFT)
    for row in _rows(tried):
        page.line("   ".join(row), 16)
    if wall is not None:
        paint_wall(page, wall, READING, most=60)
    return page.finish()
