"""Which elements of a map an element of another depends on, as interval arithmetic.

Going up from the pixels it gives receptive fields (`Window`); going down from a unit it gives the
cone of elements that its projection can reach (`Span`). Both read the same geometry of each
operation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

import numpy as np

from ....records import Ints, Reach, ReceptiveField, loosest

Pair = tuple[int, int]
"""(rows, columns)."""


def pair(values: Iterable[int]) -> Pair:
    """Two numbers as a pair of ints."""
    first, second = values
    return int(first), int(second)


@dataclass(frozen=True)
class Window:
    """Element i of an axis depends on input pixels ``i*stride+low .. i*stride+high``.

    With reach "global" every element may depend on every pixel; ``stride`` is (0, 0) then, as it
    is where nothing better than the whole image is known ("upper bound").
    """

    stride: Pair = (1, 1)
    low: Pair = (0, 0)
    high: Pair = (0, 0)
    reach: Reach = "exact"
    rectified: bool = False

    @property
    def bounded(self) -> bool:
        """Whether it is smaller than the whole image."""
        return self.stride != (0, 0)

    def union(self, other: Window) -> Window:
        """After both were summed or concatenated."""
        if "global" in (self.reach, other.reach):
            return GLOBAL
        if self.stride != other.stride:
            return UNBOUNDED
        return Window(
            self.stride,
            pair(map(min, self.low, other.low)),
            pair(map(max, self.high, other.high)),
            loosest(self.reach, other.reach),
            self.rectified and other.rectified,
        )

    def receptive_field(self, image: Pair) -> ReceptiveField:
        """As a record, for images of ``image`` rows x columns."""
        if not self.bounded:
            return ReceptiveField(image, (0, 0), (0, 0), image, self.reach)
        size = pair(hi - lo + 1 for lo, hi in zip(self.low, self.high, strict=True))
        return ReceptiveField(size, self.stride, self.low, image, self.reach)


GLOBAL = Window((0, 0), reach="global")
UNBOUNDED = Window((0, 0), reach="upper bound")


def united(windows: Iterable[Window | None]) -> Window | None:
    """What several windows hold together; None, as for each of them, is no pixel at all."""
    some = [window for window in windows if window is not None]
    return reduce(Window.union, some) if some else None


@dataclass(frozen=True, eq=False)
class Fields:
    """The windows of a tensor's elements, which differ between channels of different branches.

    Attributes
    ----------
    windows
        Different ones; None for channels that depend on no pixel.
    which
        The number of each channel's window, in the tensor's shape with 1 x 1 in the place of rows
        and columns (see `without_places`).
    """

    windows: tuple[Window | None, ...]
    which: Ints

    @classmethod
    def alike(cls, window: Window | None, shape: tuple[int, ...]) -> Fields:
        """One window for all elements of a tensor of ``shape``."""
        return cls((window,), np.zeros(without_places(shape), np.int64))

    @property
    def window(self) -> Window:
        """All channels' together: where they differ, no more than an upper bound for each."""
        found = united(self.windows) or UNBOUNDED
        if len(self.windows) == 1:
            return found
        rectified = found.rectified and None not in self.windows
        return replace(found, reach=loosest(found.reach, "upper bound"), rectified=rectified)

    def of_channels(self, count: int) -> list[Window]:
        """Each channel's, if there are ``count`` of them, else their common one."""
        if self.which.size != count:
            return [self.window] * count
        return [self.windows[number] or self.window for number in self.which.flat]


def without_places(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A tensor's shape with 1 x 1 rows and columns; as it is where it has none."""
    return (*shape[:-2], 1, 1) if len(shape) > 2 else shape


class Geometry(Protocol):
    """What an operation does to windows."""

    def after(self, window: Window) -> Window:
        """The window of the output's elements, given that of the input's."""


@dataclass(frozen=True)
class Slide:
    """Output element i reads inputs ``i*stride - padding + j*dilation`` for j below ``kernel``."""

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def after(self, window: Window) -> Window:
        """See `Geometry`."""
        if not window.bounded:
            return window
        reach = [
            (k - 1) * d - p
            for k, d, p in zip(self.kernel, self.dilation, self.padding, strict=True)
        ]
        return replace(
            window,
            stride=pair(s * t for s, t in zip(window.stride, self.stride, strict=True)),
            low=pair(
                lo - s * p for lo, s, p in zip(window.low, window.stride, self.padding, strict=True)
            ),
            high=pair(
                hi + s * r for hi, s, r in zip(window.high, window.stride, reach, strict=True)
            ),
        )

    def reads(self, size: Pair) -> Pair:
        """How many rows and columns ``size`` elements read, with padding."""
        return pair(
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(size, self.stride, self.kernel, self.dilation, strict=True)
        )


POINT = Slide()
"""Every element from the one in its place."""


@dataclass(frozen=True)
class Mirror:
    """Padding with the map's own values: the border's elements see what they repeat."""

    before: Pair
    after_: Pair

    def after(self, window: Window) -> Window:
        """See `Geometry`."""
        if not window.bounded:
            return window
        pads = pair(map(max, self.before, self.after_))
        spread = pair(2 * s * p for s, p in zip(window.stride, pads, strict=True))
        moved = Slide(padding=self.before).after(window)
        return replace(
            moved,
            low=pair(lo - s for lo, s in zip(moved.low, spread, strict=True)),
            high=pair(hi + s for hi, s in zip(moved.high, spread, strict=True)),
            reach="upper bound",
        )


@dataclass(frozen=True)
class Mixing:
    """Every output element may depend on every input element, or on nobody knows which."""

    window: Window

    def after(self, window: Window) -> Window:
        """See `Geometry`."""
        return GLOBAL if window.reach == "global" else self.window


EVERYWHERE = Mixing(GLOBAL)
UNFOLLOWED = Mixing(UNBOUNDED)


@dataclass(frozen=True)
class Span:
    """Elements ``unit*step + start .. + size - 1`` of each axis: a cone's part of one map.

    Places outside of the map count too: they are its padding.
    """

    step: Pair
    start: Pair
    size: Pair

    @classmethod
    def of_unit(cls) -> Span:
        """The unit itself."""
        return cls((1, 1), (0, 0), (1, 1))

    def below(self, slide: Slide) -> Span:
        """What these elements read through ``slide``."""
        return Span(
            pair(a * b for a, b in zip(self.step, slide.stride, strict=True)),
            pair(
                s * t - p for s, t, p in zip(self.start, slide.stride, slide.padding, strict=True)
            ),
            pair(
                (n - 1) * t + (k - 1) * d + 1
                for n, t, k, d in zip(
                    self.size, slide.stride, slide.kernel, slide.dilation, strict=True
                )
            ),
        )

    def union(self, other: Span) -> Span | None:
        """The smallest span that holds both; None where their steps differ."""
        if self.step != other.step:
            return None
        start = pair(map(min, self.start, other.start))
        ends = map(max, self.end, other.end)
        return Span(self.step, start, pair(e - s for e, s in zip(ends, start, strict=True)))

    def clip(self, shape: Pair) -> Span:
        """The part inside a map of ``shape``; for a span with step 0."""
        start = pair(min(max(s, 0), n) for s, n in zip(self.start, shape, strict=True))
        end = pair(min(max(e, 0), n) for e, n in zip(self.end, shape, strict=True))
        return Span(self.step, start, pair(max(e - s, 0) for e, s in zip(end, start, strict=True)))

    def at(self, row: int, col: int) -> Span:
        """The elements for one unit, with step 0."""
        start = (self.step[0] * row + self.start[0], self.step[1] * col + self.start[1])
        return Span((0, 0), start, self.size)

    @property
    def end(self) -> Pair:
        """``start + size``."""
        return pair(s + n for s, n in zip(self.start, self.size, strict=True))

    @property
    def area(self) -> int:
        """Number of elements of a feature map."""
        return self.size[0] * self.size[1]
