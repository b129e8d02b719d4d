"""What the transfer's widget says and shows: charts, tables and walls of its record."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ...drawing.page import Page
from ...drawing.palette import SOFT
from ...drawing.tables import table_html, with_spread
from ...language.words import Words
from ..shared.picture_wall import Wall, paint_wall
from .records.accuracies import (
    BiasRecord,
    CurveRecord,
    FeatureShape,
    LayersRecord,
    TransferRecord,
)

SHOWN = 6
"""Photos of a class on the wall."""


def layers_table(record: LayersRecord, words: Words) -> str:
    """Table 7 of a record, as HTML."""
    heads, rows = _layers(record, words)
    return table_html(heads, rows)


def curve_table(record: CurveRecord, words: Words) -> str:
    """The curve's numbers, as HTML."""
    heads, rows = _curve(record, words)
    return table_html(heads, rows)


def series_name(name: str, words: Words) -> str:
    """What a classifier, or a kind of network, is called."""
    key = {"from scratch": "scratch"}.get(name, name)
    return words(f"transfer.{key}")


def _layers(record: LayersRecord, words: Words) -> tuple[list[str], list[list[str]]]:
    names = [series_name(name, words) for name in record.accuracies]
    heads = [words("transfer.head.layer"), *names, words("transfer.head.features")]
    rows = [
        [shape.layer, *_shares(record, n, words), features_text(shape, words)]
        for n, shape in enumerate(record.shapes)
    ]
    return heads, rows


def _curve(record: CurveRecord, words: Words) -> tuple[list[str], list[list[str]]]:
    names = [series_name(name, words) for name in record.accuracies]
    rows = [
        [str(count), *_shares(record, n, words)] for n, count in enumerate(record.counts.tolist())
    ]
    return [words("transfer.head.counts"), *names], rows


def _shares(record: LayersRecord | CurveRecord, number: int, words: Words) -> list[str]:
    """Percent right with their spread, by classifier."""
    return [
        with_spread(
            float(record.mean(name)[number]), float(record.spread(name)[number]), words.fixed
        )
        for name in record.accuracies
    ]


def about_layers(record: LayersRecord, words: Words) -> str:
    """How to read the first chart."""
    said = words(
        "transfer.layers.note",
        classes=len(record.classes),
        repeats=int(next(iter(record.accuracies.values())).shape[1]),
        images=int(record.train_images),
        chance=words.fixed(100 * record.chance, 1),
    )
    return " ".join([said, *record.notes])


def about_curve(record: CurveRecord, words: Words) -> str:
    """How to read the second chart."""
    said = words(
        "transfer.curve.note",
        classifier=series_name(record.classifier, words),
        layer=record.shape.layer,
        how=features_text(record.shape, words),
    )
    more = [words("transfer.curve.scratch")] if len(record.accuracies) > 1 else []
    return " ".join([said, *more, *record.notes])


def about_bias(record: BiasRecord, words: Words) -> str:
    """How to read the third chart."""
    about = {"layer": record.shape.layer, "images": record.training_images}
    said, rank = [words("transfer.bias.note", **about)], record.rank_correlation
    if math.isfinite(rank):
        said.append(words("transfer.bias.rank", rank=words.fixed(rank, 2)))
        if record.tied > len(record.classes) / 2:
            tied = {"tied": record.tied, "classes": len(record.classes)}
            said.append(words("transfer.bias.tied", **tied))
    return " ".join([*said, *record.notes])


def features_text(shape: FeatureShape, words: Words) -> str:
    """How a layer's output becomes a vector."""
    return words.told(shape.how, "features.")


def photos_of(record: BiasRecord, chosen: int) -> tuple[list[int], list[int], list[float]]:
    """Photos of a class from near to far: their numbers, neighbours and distances."""
    own = np.flatnonzero(record.labels == chosen)
    own = own[np.argsort(record.distances[own], kind="stable")]
    places = np.unique(np.linspace(0, len(own) - 1, min(SHOWN, len(own))).round().astype(int))
    own = own[places]
    return (
        record.images[own].tolist(),
        record.nearest[own].tolist(),
        record.distances[own].tolist(),
    )


def class_wall(
    record: BiasRecord,
    chosen: int,
    photo: Callable[[int], Any],
    training_photo: Callable[[int], Any],
) -> Wall:
    """Photos of a class above their nearest training photos."""
    images, neighbours, distances = photos_of(record, chosen)
    return Wall(
        [*map(photo, images), *map(training_photo, neighbours)],
        [*(f"{d:.2f}" for d in distances), *[""] * len(neighbours)],
        columns=len(images),
        sides=(record.classes[chosen], "nearest"),
    )


def draw(
    title: str, record: TransferRecord | None, wall: Wall | None, status: str, words: Words
) -> Image.Image:
    """The static picture: the tables, the classes, and the chosen class's photos."""
    page = Page(title, status)
    if record is None or record.layers is None:
        page.line(words("experiment.missing"), 18, SOFT)
        return page.finish()
    _table(page, words("transfer.layers"), *_layers(record.layers, words))
    page.paragraph(about_layers(record.layers, words), 15, SOFT)
    if record.curve is not None:
        _table(page, words("transfer.curve"), *_curve(record.curve, words))
        page.paragraph(about_curve(record.curve, words), 15, SOFT)
    if record.bias is not None:
        bias = record.bias
        order = np.argsort(np.nan_to_num(bias.accuracy), kind="stable")[:12]
        rows = [
            [
                bias.classes[c],
                with_spread(float(bias.accuracy[c]), float(bias.spread[c]), words.fixed),
                words.fixed(bias.distance[c], 2),
            ]
            for c in order.tolist()
        ]
        heads = [words("transfer.class"), "%", words("transfer.tip.distance")]
        _table(page, words("transfer.worst"), heads, rows)
        page.paragraph(about_bias(bias, words), 15, SOFT)
    if wall is not None:
        paint_wall(page, wall, words("transfer.wall.note"))
    return page.finish()


def _table(page: Page, title: str, heads: list[str], rows: list[list[str]]) -> None:
    page.y += 8
    page.line(title, 22)
    page.table([0, *range(240, 240 + 200 * len(heads[1:]), 200)], heads, rows)
