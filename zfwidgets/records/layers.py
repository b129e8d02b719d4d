"""Layers, their units, and the rectangles of input pixels that units see."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Reach = Literal["exact", "upper bound", "gated", "global"]
"""How far a receptive field is known: its exact box, a box that contains it, its exact box but for
squeeze-excite gates, which see the whole image, or the whole image."""


def loosest(*reaches: Reach) -> Reach:
    """The one that says least."""
    return max(reaches, key=get_args(Reach).index)


@dataclass(frozen=True)
class Box:
    """A rectangle of input pixels: ``rows top .. top+height-1``, columns alike.

    May reach over the image's border (a receptive field at the border does, by its padding).
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column right of the box."""
        return self.left + self.width

    def clip(self, rows: int, columns: int) -> Box:
        """The part inside an image of ``rows`` x ``columns`` pixels (maybe empty)."""
        top, left = min(max(self.top, 0), rows), min(max(self.left, 0), columns)
        bottom, right = min(max(self.bottom, top), rows), min(max(self.right, left), columns)
        return Box(top, left, bottom - top, right - left)

    def inside(self, rows: int, columns: int) -> Box:
        """The box moved into an image of ``rows`` x ``columns`` pixels, and cut if it is larger."""
        height, width = min(self.height, rows), min(self.width, columns)
        top = min(max(self.top, 0), rows - height)
        left = min(max(self.left, 0), columns - width)
        return Box(top, left, height, width)

    def cut(self, pixels: NDArray[Any], pad: float = 0) -> NDArray[Any]:
        """Cut the box out of ``pixels`` (rows, columns, ...), at full size; outside is ``pad``."""
        rows, columns = pixels.shape[:2]
        inner = self.clip(rows, columns)
        out = np.full((self.height, self.width, *pixels.shape[2:]), pad, dtype=pixels.dtype)
        out[
            inner.top - self.top : inner.bottom - self.top,
            inner.left - self.left : inner.right - self.left,
        ] = pixels[inner.top : inner.bottom, inner.left : inner.right]
        return out

    def to_json(self) -> dict[str, int]:
        """``{"top", "left", "height", "width"}``."""
        return asdict(self)


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that a unit of a layer depends on.

    Unit (row, col) sees rows ``row*stride[0]+offset[0]`` onward, ``size[0]`` of them; columns
    alike. With reach "global" every unit may see the whole image of ``image`` rows x columns.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]
    image: tuple[int, int]
    reach: Reach = "exact"

    def box(self, row: int, col: int) -> Box:
        """The receptive field of unit (row, col) in input pixels, unclipped.

        Along an axis where the field is larger than the image, the box is the whole axis.
        """
        (top, height), (left, width) = (
            (0, image) if size >= image else (place * stride + offset, size)
            for place, size, stride, offset, image in zip(
                (row, col), self.size, self.stride, self.offset, self.image, strict=True
            )
        )
        return Box(top, left, height, width)

    def centre(self, row: int, col: int) -> tuple[float, float]:
        """The middle of the receptive field of unit (row, col), in input pixels (whole or half).

        For a "global" field, which has no place of its own, it is the middle of the image.
        """
        if self.reach == "global":
            return (self.image[0] - 1) / 2, (self.image[1] - 1) / 2
        down, right = (
            place * stride + offset + (size - 1) / 2
            for place, size, stride, offset in zip(
                (row, col), self.size, self.stride, self.offset, strict=True
            )
        )
        return down, right

    def to_json(self) -> dict[str, Any]:
        """``{"size", "stride", "offset", "reach"}``."""
        pairs = ("size", "stride", "offset")
        return {**{name: list(getattr(self, name)) for name in pairs}, "reach": self.reach}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], image: tuple[int, int]) -> ReceptiveField:
        """From what `to_json` gave, for images of ``image`` rows x columns."""
        size, stride, offset = (tuple(data[name]) for name in ("size", "stride", "offset"))
        return cls(size, stride, offset, image, data["reach"])


Role = Literal["conv", "rectifier", "pool", "norm", "linear", "block", "other"]
"""What a layer does in the network."""

Join = Literal["", "sum", "concatenation", "product", "other"]
"""How the outputs of several layers come together in what another one reads; "" for one alone."""


@dataclass(frozen=True)
class LayerInfo:
    """One call of one module, as the network's forward pass runs it.

    Attributes
    ----------
    name
        The module's path, with ``@1``, ``@2``, ... for its second, third, ... call.
    kind
        The module's class name.
    role
        What it is for a reader of the network.
    shape
        (channels, rows, columns) of its output for one image; a vector has 1 x 1. A transformer's
        tokens lie on their grid of places, without the class token.
    receptive_field
        In pixels of the network's input: the field that all channels have. Where they differ, as
        where branches were concatenated, the smallest that holds them all: an upper bound for
        each. `field_of` gives each channel's own.
    rectified
        Whether its output is that of a rectifier (so that no unit is below zero).
    fields
        Where channels' fields differ, ranges of channels: (first channel, their field) each, in
        order; empty where they don't.
    parents
        Names of the layers whose outputs it reads, in the order of the pass, "" for the image.
        None where that isn't known, as the pass depends on values or an older report doesn't say.
    joined
        How these outputs come together, where they are several.
    blocks
        Names of the blocks that it belongs to, outermost first: calls of modules with several
        layers, such as a residual block. One that is a layer itself belongs to its own block.
    """

    name: str
    kind: str
    role: Role
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    rectified: bool = False
    fields: tuple[tuple[int, ReceptiveField], ...] = ()
    parents: tuple[str, ...] | None = None
    joined: Join = ""
    blocks: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """Number of channels (feature maps)."""
        return self.shape[0]

    def field_of(self, channel: int) -> ReceptiveField:
        """A channel's receptive field."""
        if not self.fields:
            return self.receptive_field
        return self.fields[bisect_right(self.fields, channel, key=itemgetter(0)) - 1][1]

    def to_json(self) -> dict[str, Any]:
        """As in a catalogue; ``fields`` has each field once, with the first channels of its ranges.

        Without ``fields`` where all channels have the same; without ``parents``, ``joined`` or
        ``blocks`` where there is nothing to say.
        """
        channels, rows, columns = self.shape
        firsts: dict[ReceptiveField, list[int]] = {}
        for first, field in self.fields:
            firsts.setdefault(field, []).append(first)
        of_channels = [{**field.to_json(), "first": first} for field, first in firsts.items()]
        return {
            "name": self.name,
            "kind": self.kind,
            "role": self.role,
            "channels": channels,
            "rows": rows,
            "columns": columns,
            "rectified": self.rectified,
            "field": self.receptive_field.to_json(),
            **({"fields": of_channels} if of_channels else {}),
            **({} if self.parents is None else {"parents": list(self.parents)}),
            **({"joined": self.joined} if self.joined else {}),
            **({"blocks": list(self.blocks)} if self.blocks else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], image: tuple[int, int]) -> LayerInfo:
        """From what `to_json` gave, for images of ``image`` rows x columns."""
        fields = (
            (first, ReceptiveField.from_json(one, image))
            for one in data.get("fields", ())
            for first in one["first"]
        )
        return cls(
            data["name"],
            data["kind"],
            data["role"],
            (data["channels"], data["rows"], data["columns"]),
            ReceptiveField.from_json(data["field"], image),
            data["rectified"],
            tuple(sorted(fields, key=itemgetter(0))),
            tuple(data["parents"]) if "parents" in data else None,
            data.get("joined", ""),
            tuple(data.get("blocks", ())),
        )


def only(layers: Sequence[LayerInfo], names: Collection[str]) -> tuple[LayerInfo, ...]:
    """Some of a network's layers, each reading the nearest of them through what is left out.

    What comes together on the way through that isn't known any more, and a block of which a single
    layer is left is none.

    Parameters
    ----------
    layers
        In the order of the forward pass.
    names
        Names of the layers that stay.
    """
    kept = [layer for layer in layers if layer.name in names]
    sizes = Counter(block for layer in kept for block in layer.blocks)
    order = {name: number for number, name in enumerate(["", *(one.name for one in kept)])}
    nearest = {"": frozenset({""})}
    found = []
    for layer in layers:
        if layer.parents is None:
            continue
        through = frozenset[str]().union(*(nearest.get(one, ()) for one in layer.parents))
        nearest[layer.name] = frozenset({layer.name}) if layer.name in names else through
    for layer in kept:
        blocks = tuple(block for block in layer.blocks if sizes[block] > 1)
        if layer.parents is None or all(parent in order for parent in layer.parents):
            found.append(replace(layer, blocks=blocks))
            continue
        reads = {one for parent in layer.parents for one in nearest.get(parent, ())}
        parents = tuple(sorted(reads, key=order.__getitem__))
        joined: Join = "other" if len(parents) > 1 else ""
        found.append(replace(layer, parents=parents, joined=joined, blocks=blocks))
    return tuple(found)


@dataclass(frozen=True)
class Unit:
    """One unit: a channel of a layer at a place of its feature map.

    Without ``row`` and ``col`` the channel's strongest place in the image at hand is meant.
    """

    layer: str
    channel: int
    row: int | None = None
    col: int | None = None
