"""A channel's quantile rows as they cross the wire: numbers, and one sheet of thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import UnreadableImage
from ...records import Activation, Box, Pixels, QuantileRow, QuantileRows, Unit
from .encode import NOTHING, Answer, described, encode_pictures, read_number, sheet, thumbnail

SIZE = 96
"""Pixels of a thumbnail, as in the sheets of channels."""
QUALITY = 88

Cut = Callable[[Activation], Pixels]


def quantile_data(rows: QuantileRows, lost: Mapping[Activation, str] = {}) -> dict[str, Any]:
    """The numbers; thumbnails are in the order of the rows and of their activations.

    ``lost`` says of activations why their photos can't be read any more.
    """
    return {
        "rows": [
            {
                "low": row.low,
                "high": row.high,
                "images": row.images,
                "silent": row.silent,
                "activations": [described(a, lost.get(a)) for a in row.activations],
                "lost": [list(one) for one in row.unreadable],
            }
            for row in rows
        ],
        "images_seen": rows.images_seen,
        "sampled": rows.sampled,
        "exact": rows.exact,
        "partial": not rows.complete,
        "size": SIZE,
    }


def read_quantiles(layer: str, channel: int, data: Mapping[str, Any]) -> QuantileRows:
    """The record that `quantile_data` was made of."""
    parts = tuple(
        QuantileRow(
            read_number(row["low"]),
            read_number(row["high"]),
            row["images"],
            row["silent"],
            tuple(
                Activation(
                    Unit(layer, channel, a["row"], a["col"]),
                    a["image"],
                    a["name"],
                    read_number(a["value"]),
                    Box(**a["box"]),
                )
                for a in row["activations"]
            ),
            tuple((name, why) for name, why in row.get("lost", ())),
        )
        for row in data["rows"]
    )
    whole = not data["partial"]
    seen, sampled = data["images_seen"], data["sampled"]
    return QuantileRows(layer, channel, parts, seen, data["exact"], sampled, whole)


class QuantileTiles:
    """Answers for rows that grow: each thumbnail is cut once.

    Parameters
    ----------
    cut
        Gives an activation's patch.
    """

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._tiles: dict[Activation, Pixels] = {}
        self._lost: dict[Activation, str] = {}

    def answer(self, rows: QuantileRows) -> Answer:
        """Numbers and thumbnails of all rows so far."""
        found = [a for row in rows for a in row.activations]
        for activation in found:
            if activation not in self._tiles:
                try:
                    cut = self._cut(activation)
                except UnreadableImage as error:
                    self._lost[activation] = error.reason
                    cut = NOTHING
                self._tiles[activation] = thumbnail(cut, SIZE)
        picture, columns = sheet([self._tiles[a] for a in found], SIZE)
        mime, buffers = encode_pictures([picture], quality=QUALITY)
        return {**quantile_data(rows, self._lost), "columns": columns, "mime": mime}, buffers
