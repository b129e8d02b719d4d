"""What one engine's photo, class or occluder is to another: matched by name and by place."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words
from ..wire.photos import name_of
from ..wire.validation import input_size, own_photos


class Matching:
    """From one engine to another.

    Parameters
    ----------
    here, there
        The engines.
    of
        What the other one is called, for words.
    """

    def __init__(self, here: EngineProtocol, there: EngineProtocol, of: str) -> None:
        self.here, self.there, self.of = here, there, of
        self.same = here.info.fingerprint == there.info.fingerprint

    @cached_property
    def _photos(self) -> dict[str, int]:
        return _first(self.there.info.images)

    @cached_property
    def _classes(self) -> dict[str, int]:
        return _first(self.there.info.labels)

    @cached_property
    def common(self) -> tuple[int, ...]:
        """The photos of this engine that the other one has too."""
        return tuple(
            index for index, name in enumerate(self.here.info.images) if name in self._photos
        )

    def photo(self, index: int) -> int:
        """The other engine's photo of the same name; raises `InputError` where it has none."""
        if self.here is self.there:
            return index
        name = name_of(self.here, index)
        if index >= len(self.here.info.images):  # one of the user's own
            found = {photo.name: photo.image for photo in reversed(own_photos(self.there))}
        else:
            found = self._photos
        if name not in found:
            raise InputError(f"{self.of} has no photo {name!r}: it keeps the one that it shows.")
        return found[name]

    def target(self, index: int | None) -> int | None:
        """The other engine's class of the same name; None, the predicted class, is its own."""
        if index is None or self.there.info.no_classes:
            return None
        if self.here.info.labels == self.there.info.labels:
            return index
        name = self.here.info.labels[index]
        if name not in self._classes:
            raise InputError(f"{self.of} has no class {name!r}: it keeps the one that it had.")
        return self._classes[name]

    def occluder(self, occluder: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """An occluder over the same part of the photo."""
        if occluder is None:
            return None
        baseline = occluder["baseline"]
        if isinstance(baseline, str) and baseline not in self.there.baselines:
            raise InputError(
                f"{self.of} has nothing called {baseline!r} to cover with: it keeps its occluder."
            )
        scaled = {**occluder, **self._box(occluder)}
        return {**scaled, "extra_boxes": [self._box(box) for box in occluder["extra_boxes"]]}

    def unit(self, unit: tuple[str, int] | None) -> tuple[str, int] | None:
        """The channel of the same number in the layer of the same name."""
        if unit is None:
            return None
        layers = {layer.name: layer.channels for layer in self.there.layers}
        if unit[1] >= layers.get(unit[0], 0):
            raise InputError(f"{self.of} has no channel {unit[1]} in a layer {unit[0]!r}.")
        return unit

    def _box(self, box: Mapping[str, int]) -> dict[str, int]:
        mine, other = input_size(self.here), input_size(self.there)
        if mine == other:
            return {name: box[name] for name in ("top", "left", "height", "width")}
        down, right = (to / of for of, to in zip(mine, other, strict=True))
        height = min(max(round(box["height"] * down), 1), other[0])
        width = min(max(round(box["width"] * right), 1), other[1])
        middle = (box["top"] + box["height"] / 2) * down, (box["left"] + box["width"] / 2) * right
        # Its middle stays in the image, as everywhere.
        top = min(max(round(middle[0] - height / 2), -(height // 2)), other[0] - 1 - height // 2)
        left = min(max(round(middle[1] - width / 2), -(width // 2)), other[1] - 1 - width // 2)
        return {"top": top, "left": left, "height": height, "width": width}


def same_layers(one: EngineProtocol, other: EngineProtocol) -> bool:
    """Whether layers have the same names and numbers of channels."""
    first, second = (
        [(layer.name, layer.channels) for layer in engine.layers] for engine in (one, other)
    )
    return first == second


def facts(names: tuple[str, str], there: Matching, back: Matching, words: Words) -> list[str]:
    """What isn't the same on both sides, in words.

    Parameters
    ----------
    names
        Names of the sides.
    there, back
        From the first engine to the second, and back.
    words
        Words of the language.
    """
    a, b = names
    found: list[str] = []
    first, second = there.here.info, there.there.info
    if there.same:
        return found
    if first.images != second.images:
        common = len(there.common)
        numbers = _photos(len(first.images), words), _photos(len(second.images), words)
        what = words("compare.common" if common else "compare.none", number=common)
        told = {"a": a, "first": numbers[0], "b": b, "second": numbers[1], "what": what}
        found.append(words("compare.photos", **told))
    if first.input_shape != second.input_shape:
        rows, columns = first.input_shape[1:]
        others = dict(zip(("other_rows", "other_columns"), second.input_shape[1:], strict=True))
        found.append(words("compare.sizes", a=a, b=b, rows=rows, columns=columns, **others))
    for name, info in ((a, first), (b, second)):
        if info.no_classes:
            found.append(words("compare.no_classes", name=name, why=info.no_classes))
    classes = bool(first.labels and second.labels)
    if classes and first.labels != second.labels and not (first.no_classes or second.no_classes):
        found.append(words("compare.classes"))
    return found


def _photos(number: int, words: Words) -> str:
    return words("compare.photo", number=number)


def _first(names: tuple[str, ...]) -> dict[str, int]:
    """The first place of each name."""
    return {name: index for index, name in reversed(list(enumerate(names)))}
