"""What the transfer's widget says and shows: charts, tables and walls of its record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from PIL import Image

from ...drawing.charts import axis, figure, place, require_bqplot, ring
from ...drawing.page import Page
from ...drawing.palette import SOFT, colour
from ...drawing.tables import table_html, with_spread
from ..shared.picture_wall import Wall, paint_wall

if TYPE_CHECKING:
    from .accuracies import BiasRecord, CurveRecord, LayersRecord, TransferRecord

NAMES = {"svm": "linear SVM", "softmax": "softmax"}
SHOWN = 6
"""Photos of a class on the wall."""
WALL = (
    "Photos of the class, with their distance, and below each the training photo that is nearest "
    "in the layer's features."
)


class ClassChart:
    """Classes as points, by distance and accuracy; a click chooses one.

    Parameters
    ----------
    choose
        Called with the class's number.

    Attributes
    ----------
    figure
        The bqplot figure.
    """

    def __init__(self, choose: Callable[[int], None]) -> None:
        bq = require_bqplot()
        self._choose = choose
        self._classes: tuple[str, ...] = ()
        self._across = bq.LinearScale()
        scales = {"x": self._across, "y": bq.LinearScale(min=0.0, max=1.0)}
        self._points = bq.Scatter(
            x=[],
            y=[],
            names=[],
            scales=scales,
            colors=[colour(0)],
            default_size=60,
            display_names=True,
            tooltip=bq.Tooltip(
                fields=["name", "x", "y"],
                formats=["", ".2f", ".3f"],
                labels=["class", "distance", "accuracy"],
            ),
        )
        self._points.on_element_click(self._clicked)
        self._ring = ring(scales, 160)
        self.figure = figure(
            [self._ring, self._points],
            [
                axis(scales["x"], "distance from the training photos"),
                axis(scales["y"], "accuracy", side="left"),
            ],
        )

    def draw(self, record: BiasRecord, chosen: int) -> None:
        """Show the classes, one of them ringed."""
        x, y = record.distance.astype(np.float64), record.accuracy.astype(np.float64)
        known = np.isfinite(y)
        self._classes = record.classes
        with self._points.hold_sync():
            self._points.x, self._points.y = x[known], y[known]
            self._points.names = np.array(record.classes)[known]
            self._points.display_names = int(known.sum()) <= 15
        if known.any():  # room for names
            room = 0.25 * float(np.ptp(x[known])) or 0.1
            self._across.min, self._across.max = float(x[known].min()), float(x[known].max()) + room
        here = [chosen] if 0 <= chosen < len(known) and known[chosen] else []
        place(self._ring, x[here], y[here])

    def _clicked(self, _mark: Any, event: Mapping[str, Any]) -> None:
        name = event.get("data", {}).get("name")
        if name in self._classes:
            self._choose(self._classes.index(name))


def layers_table(record: LayersRecord) -> str:
    """Table 7 of a record, as HTML."""
    heads, rows = _layers(record)
    return table_html(heads, rows)


def curve_table(record: CurveRecord) -> str:
    """The curve's numbers, as HTML."""
    heads, rows = _curve(record)
    return table_html(heads, rows)


def _layers(record: LayersRecord) -> tuple[list[str], list[list[str]]]:
    heads = ["layer", *(NAMES[name] for name in record.accuracies), "features"]
    rows = [
        [
            shape.layer,
            *(
                with_spread(float(record.mean(name)[n]), float(record.spread(name)[n]))
                for name in record.accuracies
            ),
            shape.how,
        ]
        for n, shape in enumerate(record.shapes)
    ]
    return heads, rows


def _curve(record: CurveRecord) -> tuple[list[str], list[list[str]]]:
    heads = ["images per class", *record.accuracies]
    rows = [
        [
            str(count),
            *(
                with_spread(float(record.mean(name)[n]), float(record.spread(name)[n]))
                for name in record.accuracies
            ),
        ]
        for n, count in enumerate(record.counts.tolist())
    ]
    return heads, rows


def about_layers(record: LayersRecord | None) -> str:
    """How to read the first chart."""
    if record is None:
        return ""
    repeats = next(iter(record.accuracies.values())).shape[1]
    return (
        f"Percent right, mean over {len(record.classes)} classes ± standard deviation over "
        f"{repeats} splits, learned from {record.train_images} images of each class; guessing "
        f"gives {100 * record.chance:.1f}. {' '.join(record.notes)}"
    )


def about_curve(record: CurveRecord | None) -> str:
    """How to read the second chart."""
    if record is None:
        return ""
    also = (
        " From scratch: a network that has seen nothing but these images."
        if len(record.accuracies) > 1
        else ""
    )
    return (
        f"Pretrained: {NAMES[record.classifier]} on {record.shape.layer}, {record.shape.how}. "
        f"{also} {' '.join(record.notes)}"
    )


def about_bias(record: BiasRecord | None) -> str:
    """How to read the third chart."""
    if record is None:
        return ""
    rank = record.rank_correlation
    found = f"Rank correlation over the classes: {rank:.2f}. " if math.isfinite(rank) else ""
    return (
        f"Distance of a photo's features ({record.shape.layer}) to the nearest of "
        f"{record.training_images} training photos; 1 is as near as training photos are to each "
        f"other. {found}{' '.join(record.notes)}"
    )


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


def draw(title: str, record: TransferRecord | None, wall: Wall | None, status: str) -> Image.Image:
    """The static picture: the tables, the classes, and the chosen class's photos."""
    page = Page(title, status)
    if record is None or record.layers is None:
        page.line("not computed yet", 18, SOFT)
        return page.finish()
    _table(page, "Accuracy on each layer's features", *_layers(record.layers))
    page.line(about_layers(record.layers), 15, SOFT)
    if record.curve is not None:
        _table(page, "Accuracy against images per class", *_curve(record.curve))
        page.line(about_curve(record.curve), 15, SOFT)
    if record.bias is not None:
        bias = record.bias
        order = np.argsort(np.nan_to_num(bias.accuracy), kind="stable")[:12]
        rows = [
            [
                bias.classes[c],
                with_spread(float(bias.accuracy[c]), float(bias.spread[c])),
                f"{bias.distance[c]:.2f}",
            ]
            for c in order.tolist()
        ]
        _table(page, "Classes, those that transfer worst first", ["class", "%", "distance"], rows)
        page.line(about_bias(bias), 15, SOFT)
    if wall is not None:
        paint_wall(page, wall, WALL)
    return page.finish()


def _table(page: Page, title: str, heads: list[str], rows: list[list[str]]) -> None:
    page.y += 8
    page.line(title, 22)
    page.table([0, *range(240, 240 + 200 * len(heads[1:]), 200)], heads, rows)


def parts_of(title: str, chart: ipywidgets.Widget, *more: ipywidgets.Widget) -> list[Any]:
    """A titled column."""
    return [ipywidgets.HTML(f"<b>{title}</b>"), chart, *more]
