"""Masked photos through the network, and the signs of what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.local import LocalEngine
from ...engine.occlusion.baselines import Paint
from ...errors import InputError
from ...records import Box, Floats, Pixels
from ...stepwise import Clock, Growing
from ..shared.looking import Photo, check_images_made, choose_layers, features, open_photos, seen
from ..shared.running import with_bar
from .marks import checked_marks
from .rows import RANDOM
from .signs import CorrespondenceResult, MaskedSigns

DRAWS = 10


def measure_correspondence_steps(
    engine: LocalEngine,
    boxes: Mapping[str, Any],
    images: Sequence[Any] | None = None,
    *,
    layers: Sequence[str] | None = None,
    draws: int = DRAWS,
    within: str = "",
    baseline: str | float = "grey",
    seed: int = 0,
    apart: bool = True,
) -> Growing[CorrespondenceResult]:
    """`measure_correspondence` in steps: yields how far it is, and after each mask the result.

    The parts come first, then random masks, each part's first draw before any second one.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    boxes
        By part: a box for each photo, in the photos' order, or by the photo's name or place. A
        box is a `zfwidgets.records.Box`, or (top, left, height, width), in pixels of the network's
        input (`zf.Correspondence` lets you draw them, and gives them as ``.boxes``).
    images
        Photos by index or name, or images of your own; None: the engine's first five.
    layers
        Layers whose features are compared; None: a low, a middle and the last rectifier.
    draws
        Random masks of each part's sizes.
    within
        Name of a part that is no part but the object: random masks stay inside its boxes, and it
        isn't masked itself. "": anywhere in the photo.
    baseline
        What masks are filled with: a baseline of the engine's ("grey", as the paper's), or a
        number in the network's units.
    seed
        Seed of the random masks.
    apart
        Whether random masks keep clear of every marked part. One that covers half an eye is no
        random region: what it does is partly what the eye's mask does.

    Returns
    -------
    CorrespondenceResult

    Raises
    ------
    InputError
        For an engine that isn't on this machine, fewer than two photos, a photo without a box for
        a part, a box outside of its photo, an unknown image, layer or baseline; random masks that
        don't fit into ``within``, or nowhere beside the marked parts.
    """
    job = _Job(engine, boxes, images, layers, draws, within, baseline, apart)
    return (yield from job.steps(seed))


def check(
    engine: Any, images: Sequence[Any] | None, layers: Sequence[str] | None
) -> tuple[list[Photo], tuple[str, ...]]:
    """The photos and layers, if there are all; see `measure_correspondence`."""
    engine = check_images_made(engine, "A correspondence experiment")
    photos = open_photos(engine, images)
    if len(photos) < 2:
        raise InputError(
            f"There is one photo only ({photos[0].name!r}): changes are compared across photos. "
            "Pass two or more that show the same parts."
        )
    return photos, choose_layers(engine, layers)


def to_mark(
    engine: Any, images: Sequence[Any] | None, layers: Sequence[str] | None
) -> tuple[list[str], list[Pixels]]:
    """Names and pixels of the photos in which parts are to be marked, after `check`."""
    photos, _ = check(engine, images, layers)
    return [photo.name for photo in photos], seen(engine, photos)


class _Job:
    """What is to be computed, checked."""

    def __init__(
        self,
        engine: Any,
        boxes: Mapping[str, Any],
        images: Sequence[Any] | None,
        layers: Sequence[str] | None,
        draws: int,
        within: str,
        baseline: str | float,
        apart: bool,
    ) -> None:
        self.engine: LocalEngine = engine
        self.photos, self.layers = check(engine, images, layers)
        self.draws, self.within, self.baseline, self.apart = draws, within, baseline, apart
        if draws < 0:
            raise InputError(f"draws is {draws}: expected 0 or more.")
        _, rows, columns = engine.info.input_shape
        marks = checked_marks(boxes, [photo.name for photo in self.photos], rows, columns)
        if within and within not in marks:
            raise InputError(f"within is {within!r}: expected one of {', '.join(marks)}, or ''.")
        self.region = [Box(0, 0, rows, columns)] * len(self.photos)
        if within:
            self.region = list(marks.pop(within).values())
        if not marks or RANDOM in marks:
            raise InputError(
                f"Parts are {', '.join(marks) or 'none'}: expected at least one, beside the object "
                f"({within!r}), and none called {RANDOM!r}."
            )
        for part, of_part in marks.items():
            for photo, box, area in zip(self.photos, of_part.values(), self.region, strict=True):
                if draws and (box.height > area.height or box.width > area.width):
                    raise InputError(
                        f"{part!r} of {photo.name!r} is {box.height} x {box.width} pixels, "
                        f"{within!r} {area.height} x {area.width}: a random mask of that size "
                        "doesn't fit inside."
                    )
        for photo in self.photos:
            engine.session.baselines.of(baseline, photo.tensor, photo.index)
        self.parts = marks
        for part in marks if draws else ():
            self.places(part)

    def places(self, part: str) -> list[NDArray[np.int64]]:
        """For each photo, where a mask of the part's size may lie: (places, 2), top and left."""
        return [self._places(part, place) for place in range(len(self.photos))]

    def _places(self, part: str, place: int) -> NDArray[np.int64]:
        box, area = self.parts[part][place], self.region[place]
        free = np.ones((area.height - box.height + 1, area.width - box.width + 1), dtype=bool)
        for marks in self.parts.values() if self.apart else ():
            # A mask meets a part if its corner lies in the part's box, grown by its own size.
            top = marks[place].top - area.top - box.height + 1
            left = marks[place].left - area.left - box.width + 1
            bottom = marks[place].bottom - area.top
            right = marks[place].right - area.left
            free[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = False
        found: NDArray[np.int64] = np.argwhere(free) + np.array([area.top, area.left])
        if not len(found):
            raise InputError(
                f"A random mask of the size of {part!r} of {self.photos[place].name!r} "
                f"({box.height} x {box.width} pixels) fits nowhere beside the marked parts: mark "
                "the object larger, or pass apart=False."
            )
        return found

    def steps(self, seed: int) -> Growing[CorrespondenceResult]:
        result = CorrespondenceResult(
            tuple(photo.index for photo in self.photos),
            tuple(photo.name for photo in self.photos),
            self.layers,
            {},
            dict.fromkeys(self.parts, ()),
            tuple(self.parts),
            self.draws,
            self.within,
            self.baseline,
            seed,
            self.apart,
        )
        yield result
        clock = Clock(len(self.parts) * (1 + self.draws))
        clean = features(self.engine, [photo.tensor for photo in self.photos], self.layers).layers
        for part, boxes in self.parts.items():
            signs = self._mask(tuple(boxes.values()), clean)
            result = replace(result, parts={**result.parts, part: signs})
            yield clock.tick(f"masking {part}")
            yield result
        random = np.random.default_rng(seed)
        places = {part: self.places(part) for part in self.parts} if self.draws else {}
        for _ in range(self.draws):
            for part, boxes in self.parts.items():
                signs = self._mask(_somewhere(random, tuple(boxes.values()), places[part]), clean)
                drawn = (*result.random[part], signs)
                result = replace(result, random={**result.random, part: drawn})
                yield clock.tick("masking at random")
                yield result
        return result

    def _mask(self, boxes: Sequence[Box], clean: Mapping[str, Floats]) -> MaskedSigns:
        """Mask each photo at its box, and compare the signs of what changes."""
        masked = []
        for photo, box in zip(self.photos, boxes, strict=True):
            baseline = self.engine.session.baselines.of(self.baseline, photo.tensor, photo.index)
            masked.append(Paint(baseline).over(photo.tensor, box))
        found = features(self.engine, masked, self.layers).layers
        compared = [_compare(signs_of(clean[name], found[name])) for name in self.layers]
        differing, changed, opposite = (np.stack(part) for part in zip(*compared, strict=True))
        return MaskedSigns(tuple(boxes), differing, changed, opposite)


def _somewhere(
    random: np.random.Generator, boxes: Sequence[Box], places: Sequence[NDArray[np.int64]]
) -> tuple[Box, ...]:
    """Boxes of the same sizes, each at one of its places."""
    corners = [where[int(random.integers(len(where)))] for where in places]
    return tuple(
        Box(int(top), int(left), box.height, box.width)
        for box, (top, left) in zip(boxes, corners, strict=True)
    )


def signs_of(clean: Floats, masked: Floats) -> NDArray[np.int8]:
    """Signs of what a mask changes, x - x~, -1, 0 or 1.

    No tolerance: units that a mask can't reach are computed by the same sums in both passes, so
    that they are equal to the last bit.

    Parameters
    ----------
    clean, masked
        (photos, units).
    """
    return np.sign(clean.astype(np.float64) - masked).astype(np.int8)


def _compare(signs: NDArray[np.int8]) -> tuple[NDArray[np.float64], ...]:
    """Compare the signs (photos, units) of all pairs: see `MaskedSigns`."""
    first, second = np.triu_indices(len(signs), 1)
    differing, opposite = np.empty(len(first)), np.empty(len(first))
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        product = signs[one] * signs[other]
        both = np.count_nonzero(product)
        differing[pair] = (signs[one] != signs[other]).mean()
        opposite[pair] = np.count_nonzero(product < 0) / both if both else np.nan
    return differing, (signs != 0).mean(1), opposite


measure_correspondence = with_bar(
    "measure_correspondence",
    measure_correspondence_steps,
    "Correspondence",
    lambda r: f"{r.done} of {len(r.part_names) * (1 + r.draws)} masks done",
    """Mask the same parts in several photos: see if features change alike (paper, Table 1).

    What is measured: `zfwidgets.experiments.correspondence`. The model and random state stay as
    they are.
    """,
)
