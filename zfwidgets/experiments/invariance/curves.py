"""What an invariance experiment finds: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, one_of
from ...language.words import Words
from ...records import Floats, Ints, Pixels, table

if TYPE_CHECKING:
    import pandas
    from PIL import Image

Doubles = NDArray[np.float64]

ROUNDING = 1e-5
"""Rounding, of the features' length: a batch of another size moves them by less."""


@dataclass(frozen=True)
class InvarianceCurves:
    """What one transform does to photos' features and class (paper, Fig. 5).

    What isn't computed yet is NaN (-1 for classes).

    Attributes
    ----------
    name, unit
        The transform, and what its values are in.
    values
        (values,) float64, ascending.
    distance
        (photos, layers, values) float64: Euclidean distance of the layer's features, all its
        units in one vector, to those of the untransformed photo.
    norm
        (photos, layers) float64: Euclidean norm of the untransformed photo's features.
    probability
        (photos, values) float32, 0..1, of each photo's class. NaN if the network has no classes.
    predicted
        (photos, values) int64: the most probable class.
    untransformed
        (photos,) float32: the probability of each photo's class without the transform.
    pictures
        By photo (values, rows, columns, 3) uint8, what the network saw, made smaller; None
        where it isn't done.
    """

    name: str
    unit: str
    values: Doubles
    distance: Doubles
    norm: Doubles
    probability: Floats
    predicted: Ints
    untransformed: Floats
    pictures: tuple[Pixels | None, ...] = field(default=(), repr=False)

    @property
    def relative(self) -> Doubles:
        """Distance over the norm of the untransformed features; NaN where that is 0."""
        norm = np.where(self.norm > 0, self.norm, np.nan)
        return np.asarray(self.distance / norm[:, :, None])

    @property
    def photos_done(self) -> Ints:
        """Numbers of the photos that are done."""
        return np.array(
            [photo for photo, made in enumerate(self.pictures) if made is not None], dtype=np.int64
        )

    @property
    def changing(self) -> NDArray[np.bool_]:
        """(values,) bool: values that move a feature of a photo that is done, beyond rounding."""
        relative = np.nan_to_num(self.relative[self.photos_done])
        return np.asarray((relative > ROUNDING).any((0, 1)))

    @property
    def full_turn(self) -> bool:
        """Whether the values are angles in equal steps around one turn."""
        steps = np.diff(self.values)
        return (
            self.unit == "degrees"
            and len(self.values) > 2
            and bool(np.allclose(steps, steps[0]))
            and bool(np.isclose(len(self.values) * steps[0], 360))
        )

    def symmetry(self, order: int) -> Doubles:
        """How much of each layer's distance curve repeats every 360 / ``order`` degrees.

        The curve is averaged over the ``order`` places that such a turn leads to; its variance
        over the curve's own says which share of the ups and downs repeats. 1: all. Each curve
        dips at 0 degrees: one that does nothing else has (n / order - 1) / (n - 1) with n
        angles, less than 1 / order. The frame has symmetries of its own, a square one every
        90 degrees, whatever the photo shows, unless only a disc of it is used (``disc=True``).

        Returns
        -------
        numpy.ndarray
            (photos, layers) float64; NaN for a curve that is constant or not done.

        Raises
        ------
        InputError
            The transform isn't a full turn in equal steps, or their number isn't a multiple
            of ``order``.
        """
        return np.asarray(_repeating(self._turn(order), order))

    def symmetry_of_probability(self, order: int) -> Doubles:
        """The same of the class probability's curve, (photos,) float64."""
        self._turn(order)
        return np.asarray(_repeating(self.probability.astype(np.float64), order))

    def _turn(self, order: int) -> Doubles:
        if not self.full_turn:
            raise InputError(
                f"{self.name!r} isn't a full turn in equal steps: symmetry is measured on "
                "rotations by 0, s, 2 s, ... below 360 degrees."
            )
        if order < 2 or len(self.values) % order:
            raise InputError(
                f"{len(self.values)} angles can't be laid {order} times onto each other: expected "
                "an order from 2 on that divides them."
            )
        return self.distance


@dataclass(frozen=True)
class InvarianceResult:
    """How features and class change when photos are shifted, scaled, rotated (paper, Fig. 5).

    Attributes
    ----------
    images, image_names
        Indices and names of the photos; the index of one of the caller's own is None.
    layers
        Names of the layers.
    classes
        (photos,) int64: the class whose probability is given; -1 without class scores.
    class_names
        Name of that class for each photo.
    class_is
        By photo: "true" (its label, or what the caller says), or "predicted" for the
        untransformed photo where no label is known.
    curves
        One for each transform.
    labels
        Names of all classes.
    baseline
        What is seen where the transformed photo isn't.
    disc
        Whether only the largest disc about the centre was shown.
    """

    images: tuple[int | None, ...]
    image_names: tuple[str, ...]
    layers: tuple[str, ...]
    classes: Ints
    class_names: tuple[str, ...]
    class_is: tuple[str, ...]
    curves: tuple[InvarianceCurves, ...]
    labels: tuple[str, ...] = field(default=(), repr=False)
    baseline: str | float = "grey"
    disc: bool = False

    def __getitem__(self, name: str) -> InvarianceCurves:
        return one_of({curves.name: curves for curves in self.curves}, name, "transform")

    @property
    def done(self) -> int:
        """Photos that are done, counted for each transform."""
        return sum(picture is not None for curves in self.curves for picture in curves.pictures)

    @property
    def complete(self) -> bool:
        """Whether all photos are done for all transforms."""
        return self.done == len(self.curves) * len(self.image_names)

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, some sentences for each transform that is done for a photo.

        How far layers move, at the least change and over all; whether the last one follows a
        straight line; whether the class stays the most probable one, beside what the paper says.
        """
        from .findings import findings

        return findings(self)

    def kept(self, name: str) -> Doubles:
        """How often a photo's class stays the most probable one under a transform.

        Returns
        -------
        numpy.ndarray
            (photos,) float64, 0..1: share of the values that change anything. NaN for what isn't
            done, without class scores, or where no value changes anything.
        """
        curves = self[name]
        shares = np.full(len(self.image_names), np.nan)
        if curves.changing.any():
            for photo in curves.photos_done:
                if self.classes[photo] >= 0:
                    same = curves.predicted[photo] == self.classes[photo]
                    shares[photo] = same[curves.changing].mean()
        return shares

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: a row for each transform, photo, value and layer that is done."""
        rows = []
        for curves in self.curves:
            relative = curves.relative
            for photo, name in enumerate(self.image_names):
                if curves.pictures[photo] is None:
                    continue
                for number, value in enumerate(curves.values):
                    predicted = int(curves.predicted[photo, number])
                    rows += [
                        {
                            "transform": curves.name,
                            "value": float(value),
                            "image": name,
                            "class": self.class_names[photo],
                            "class_is": self.class_is[photo],
                            "probability": float(curves.probability[photo, number]),
                            "predicted": self.labels[predicted] if predicted >= 0 else "",
                            "layer": layer,
                            "distance": float(curves.distance[photo, place, number]),
                            "relative": float(relative[photo, place, number]),
                        }
                        for place, layer in enumerate(self.layers)
                    ]
        return table(rows)

    def to_pil(self, *, relative: bool = True) -> Image.Image:
        """The experiment on one sheet, as the paper's Fig. 5: photos, distances, probabilities.

        Parameters
        ----------
        relative
            Whether distances are shares of the untransformed features' norm.

        Returns
        -------
        PIL.Image.Image
            RGB, 1200 px wide.
        """
        from .drawing import draw

        return draw(self, Words(), relative=relative)


def _repeating(curves: Doubles, order: int) -> Doubles:
    """Share of the variance along the last axis that repeats ``order`` times."""
    folded = curves.reshape(*curves.shape[:-1], order, -1).mean(-2)
    whole = curves.var(-1)
    share = folded.var(-1) / np.where(whole > 0, whole, np.nan)
    return np.asarray(share)
