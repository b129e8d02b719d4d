"""What goes into a report, and how large it will be: decided before anything is computed.

The policy, in order:

1. Statistics and strongest places of all channels of the chosen layers, and the photos that they
   lie in, each once: patches and thumbnails are cut from them. Photos take three fifths of the
   budget at most, and leave room for what is chosen; of larger sets those with the strongest
   activations are stored.
2. All projections of the channels that are chosen in the widgets.
3. An occlusion map, with the class scores at each of its positions, for each chosen photo.
4. The strongest projection of every channel.
5. All projections of the chosen channels.
6. Of what a budget leaves, all projections of further channels, those of small fields first.

Pictures have the best quality of `LADDER` at which all of that fits the budget. If it doesn't fit
at the last one either, what comes last is left out, and the report says what.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...records import LayerInfo
from ...widgets.wire import validation
from ..held import PATCHES, chosen_layers
from ..pictures import Encoder, expected_bytes

BASE64 = 4 / 3
PROBED = 6
"""Photos that are encoded to learn how large they get."""
PHOTOS_SHARE = 0.6
"""Largest part of the budget for photos, where there are too many for all."""
FILLED = 0.97
"""Part of the budget that is filled, as sizes are expected: these are estimates."""
EVERY, CHOSEN = "strongest projections", "chosen projections"
LATER = (EVERY, CHOSEN)
"""What photos leave no room for."""


@dataclass(frozen=True)
class Quality:
    """WebP's quality of photos and of projections; None: without loss."""

    photos: int | None
    projections: int | None


LADDER = (
    Quality(None, None),
    Quality(None, 90),
    Quality(95, 90),
    Quality(95, 75),
    Quality(90, 75),
    Quality(80, 60),
)


EXACT = (Quality(None, None), Quality(None, 90), Quality(None, 75), Quality(None, 60))
"""The same where a network in the page looks at the photos: without loss."""


@dataclass(frozen=True)
class Plan:
    """What a report will hold.

    Attributes
    ----------
    layers
        Names of the layers, in the order of the forward pass.
    first, chosen
        Channels with all their projections: those chosen in the widgets, and the others.
    images
        Photos with an occlusion map, the most important first.
    photos
        How many photos are stored at most.
    quality
        Quality of the pictures.
    budget
        Bytes of the file at most; None: as many as it takes.
    expected
        About how many bytes each kind of content takes in the file.
    """

    layers: tuple[str, ...]
    first: tuple[tuple[str, int], ...]
    chosen: tuple[tuple[str, int], ...]
    images: tuple[int, ...]
    photos: int
    quality: Quality
    budget: int | None
    expected: Mapping[str, int]

    @property
    def size(self) -> int:
        """About how many bytes the file will have."""
        return sum(self.expected.values())

    def __str__(self) -> str:
        rows = "\n".join(f"  {name:<22}{megabytes(n):>10}" for name, n in self.expected.items())
        limit = "" if self.budget is None else f", budget {megabytes(self.budget)}"
        fits = self.budget is None or self.size <= self.budget
        left = "" if fits else "\nMore than the budget: what comes last will be left out."
        return f"Report of about {megabytes(self.size)}{limit}:\n{rows}{left}"


def megabytes(size: float) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def to_bytes(budget: str | float | None) -> int | None:
    """``"25 MB"``, ``"800 kB"`` or a number of bytes; None is no limit."""
    if budget is None:
        return None
    match = re.fullmatch(r"\s*([\d.]+)\s*([kMG]?i?B?)\s*", str(budget), re.IGNORECASE)
    try:
        number = float(match[1]) if match else math.nan
    except ValueError:
        number = math.nan
    if match is None or not (math.isfinite(number) and number > 0):
        raise InputError(f'budget must be like "25 MB" or a number of bytes, not {budget!r}.')
    unit = match[2].lower()
    scale = {"k": 1, "m": 2, "g": 3}.get(unit[:1], 0)
    return int(number * (1024 if "i" in unit else 1000) ** scale)


def make_plan(
    engine: EngineProtocol,
    units: Sequence[tuple[str, int]],
    photos: Sequence[int],
    *,
    layers: Iterable[str] | str | None = None,
    channels: Any = None,
    images: Iterable[int | str] | str | None = None,
    budget: str | float | None = "25 MB",
    positions: int = 0,
    shell: int = 0,
    inline: bool = True,
    network: int = 0,
) -> Plan:
    """Decide what a report holds; reads a few photos, computes nothing.

    Parameters
    ----------
    engine
        Engine whose report it is.
    units, photos
        What is chosen in the widgets.
    layers, channels, images, budget
        See `save_report`.
    positions
        Positions of the occluder in one map.
    shell
        Bytes of the page without its parts.
    inline
        Whether parts lie in the page as text, a third larger.
    network
        Bytes of a network's weights that are to be in it; 0 of none.
    """
    names = chosen_layers(engine, layers, units)
    first = tuple(dict.fromkeys(unit for unit in units if unit[0] in names))
    chosen = tuple(c for c in chosen_channels(engine, names, channels, first) if c not in first)
    maps = chosen_images(engine, images, photos)
    limit = to_bytes(budget)
    infos = [engine.layer(name) for name in names]
    probes = Probes(engine)
    scale = BASE64 if inline else 1.0
    wanted = min(len(engine.info.images), PATCHES * sum(layer.channels for layer in infos))
    for quality in EXACT if network else LADDER:
        each = probes.size(quality.photos)
        count = wanted
        sizes = dict(_contents(engine, infos, first, chosen, len(maps), positions, quality))
        if network:
            sizes["network"] = network
        if limit is not None:
            before = shell + scale * sum(sizes[name] for name in sizes if name not in LATER)
            room = min(PHOTOS_SHARE * limit, FILLED * limit - before)
            count = min(count, max(1, int(room / (scale * each))))
        sizes["photos"] = count * each
        expected = {"page": shell, **{name: int(scale * size) for name, size in sizes.items()}}
        plan = Plan(names, first, chosen, maps, count, quality, limit, expected)
        if limit is None or (plan.size <= FILLED * limit and count == wanted):
            break
    return plan


def _contents(
    engine: EngineProtocol,
    layers: Sequence[LayerInfo],
    first: Sequence[tuple[str, int]],
    chosen: Sequence[tuple[str, int]],
    maps: int,
    positions: int,
    quality: Quality,
) -> Iterable[tuple[str, float]]:
    def projection(layer: LayerInfo, channel: int) -> float:
        box = layer.field_of(channel).box(0, 0)
        return expected_bytes(box.height * box.width, quality.projections)

    channels = sum(layer.channels for layer in layers)
    yield "statistics", channels * (16 + PATCHES * 8) + 10_000 + 20 * len(engine.info.labels)
    yield "occlusion maps", maps * (positions * 60 + 3000)
    every = ((layer, channel) for layer in layers for channel in range(layer.channels))
    yield EVERY, sum(projection(*unit) for unit in every)
    for name, units in (("shown projections", first), (CHOSEN, chosen)):
        nine = ((engine.layer(layer), channel) for layer, channel in units)
        yield name, sum(PATCHES * projection(*unit) for unit in nine)


class Probes:
    """How large photos get, from a few of them."""

    def __init__(self, engine: EngineProtocol) -> None:
        count = len(engine.info.images)
        places = np.linspace(0, count - 1, min(PROBED, count)).round().astype(int)
        self.photos = []
        for place in places:
            # a report's photos may have been too many for it
            with suppress(NotStored, UnreadableImage):
                self.photos.append(engine.photo(int(place)))
        self.scores = 4 * len(engine.info.labels) + 200

    def size(self, quality: int | None) -> float:
        """About the bytes of one photo, with its class scores."""
        if not self.photos:
            return self.scores
        encode = Encoder(quality)
        sizes = [len(encode(photo)) for photo in self.photos] or [0]
        return 1.05 * float(np.mean(sizes)) + self.scores


# ---------------------------------------------------------------------- what is chosen


def chosen_channels(
    engine: EngineProtocol,
    layers: Sequence[str],
    channels: Any,
    units: Sequence[tuple[str, int]],
) -> list[tuple[str, int]]:
    """Units whose projections are all stored."""
    if channels is None:
        return []
    if isinstance(channels, str):
        if channels != "all":
            raise InputError(f'channels must be "all", a list or a dict, not {channels!r}.')
        channels = {name: range(engine.layer(name).channels) for name in layers}
    if not isinstance(channels, Mapping):
        if not units:
            raise InputError("No widget shows a channel: pass channels={layer: [...]}.")
        channels = {units[0][0]: channels}
    found = []
    for name, numbers in channels.items():
        layer = engine.layer(name)
        if layer.name not in layers:
            raise InputError(f"channels names layer {name!r}, which layers leaves out.")
        if isinstance(numbers, str) and numbers == "all":
            numbers = range(layer.channels)
        found += [(layer.name, validation.channel_of(engine, layer.name, n)) for n in numbers]
    return list(dict.fromkeys(found))


def chosen_images(
    engine: EngineProtocol, images: Iterable[int | str] | str | None, photos: Sequence[int]
) -> tuple[int, ...]:
    """Photos whose occlusion maps are stored; names count as well as indices."""
    if images is None:
        return tuple(dict.fromkeys(photos))
    names = engine.info.images
    if isinstance(images, str):
        if images != "all":
            images = [images]
        else:
            return tuple(dict.fromkeys((*photos, *range(len(names)))))
    found = []
    for image in images:
        if isinstance(image, str):
            if image not in names:
                raise InputError(
                    f"There is no image {image!r}{validation.nearest(image, names[:200])}"
                )
            image = names.index(image)
        number = validation.image_index(engine, image, "images")
        if number >= len(names):
            raise InputError(
                f"images names photo {number}, one of your own: a report holds photos of the "
                "engine's images alone. Make an engine with it to have it in a report."
            )
        found.append(number)
    return tuple(dict.fromkeys(found))
