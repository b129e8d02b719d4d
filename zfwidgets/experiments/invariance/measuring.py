"""Transformed photos through the network: feature distances and class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...engine.local import LocalEngine
from ...errors import InputError
from ...records import Floats, Ints, Pixels
from ...records.predictions import softmax
from ...stepwise import Clock, Growing
from ..shared.looking import BATCH, Photo, check_images_made, choose_layers, features, open_photos
from ..shared.running import with_bar
from .curves import InvarianceCurves, InvarianceResult
from .transforms import Transform, chosen, moved, own_picture, round_off

PICTURE = 112
"""Pixels of the longer side of the pictures that a record keeps."""


def measure_invariance_steps(
    engine: LocalEngine,
    images: Sequence[Any] | None = None,
    transforms: Sequence[str | Transform] | None = None,
    *,
    layers: Sequence[str] | None = None,
    classes: Sequence[int | str | None] | None = None,
    baseline: str | float = "grey",
    disc: bool = False,
) -> Growing[InvarianceResult]:
    """`measure_invariance` in steps: yields how far it is, and after each photo the result.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    images
        Photos by index or name, or images of your own; None: the engine's first five.
    transforms
        Names ("vertical", "horizontal", "scale", "rotation", each over the paper's range), or
        `Transform` objects with values or functions of your own. None: the paper's three,
        without "horizontal".
    layers
        Layers whose features are compared; None: a low, a middle and the last rectifier.
    classes
        By photo the class whose probability is followed, index or name; None: the photo's label,
        or where there is none (or it is no class of the network's) the class predicted for the
        untransformed photo. The record's ``class_is`` says which.
    baseline
        What is seen where the transformed photo isn't: a baseline of the engine's ("grey", "mean",
        "border", ...) or a number in the network's units. Transforms of yours fill themselves.
    disc
        Whether only the largest disc about the centre is shown, so that a photo's corners don't
        take part in a rotation.

    Returns
    -------
    InvarianceResult

    Raises
    ------
    InputError
        For an engine that isn't on this machine; an unknown image, layer, class, transform or
        baseline; a transform of yours that fails, draws random numbers or gives no picture of the
        same size, or whose picture can't be brought back into the network's units.
    """
    job = Job(engine, images, transforms, layers, classes, baseline, disc)
    return (yield from job.steps())


class Job:
    """What is to be computed; all that can be checked before anything is computed is."""

    def __init__(
        self,
        engine: Any,
        images: Sequence[Any] | None,
        transforms: Sequence[str | Transform] | None,
        layers: Sequence[str] | None,
        classes: Sequence[int | str | None] | None,
        baseline: str | float,
        disc: bool,
    ) -> None:
        self.engine = engine = check_images_made(engine, "An invariance experiment")
        self.photos = photos = open_photos(engine, images)
        self.classes = [None] * len(photos) if classes is None else classes
        if len(self.classes) != len(photos):
            raise InputError(
                f"There are {len(self.classes)} classes for {len(photos)} photos: expected one "
                "each, None for what isn't known."
            )
        self.transforms = chosen(transforms, *engine.info.input_shape[1:])
        self.layers = choose_layers(engine, layers)
        self.baseline, self.disc = baseline, disc
        for photo in photos:
            self._filling(photo)
        if any(transform.function for transform in self.transforms):
            engine.session.source.as_input(engine.session.source.show(photos[0].tensor))

    def steps(self) -> Growing[InvarianceResult]:
        """Compute photo by photo, one transform after the other."""
        total = sum(len(transform.values) for transform in self.transforms) * len(self.photos)
        done, clock = 0, Clock(total)
        result = self._nothing()
        yield result
        for number, transform in enumerate(self.transforms):
            for place, photo in enumerate(self.photos):
                parts: list[_Part] = []
                base, base_part = self._untransformed(transform, photo)
                for start in range(0, len(transform.values), BATCH):
                    values = transform.values[start : start + BATCH]
                    made = [self._transformed(transform, photo, value, base) for value in values]
                    parts.append(self._look(made, base_part.features))
                    done += len(values)
                    yield clock.at(done, f"{transform.name} of {photo.name}")
                result = self._with(result, number, place, base_part, parts)
                yield result
        return result

    # One photo

    def _untransformed(self, transform: Transform, photo: Photo) -> tuple[Tensor, _Part]:
        """The photo that others are compared with, and what the network makes of it."""
        base = photo.tensor
        if transform.function is not None:  # rounded to 8 bits, as what it is compared with
            source = self.engine.session.source
            base = source.as_input(source.show(base))
        base = self._rounded(photo, base)
        return base, self._look([base], None)

    def _transformed(
        self, transform: Transform, photo: Photo, value: float, base: Tensor
    ) -> Tensor:
        if transform.function is None:
            image, baseline = photo.tensor.numpy(), self._filling(photo)
            made = torch.from_numpy(moved(image, transform.name, value, baseline))
        else:
            picture = Image.fromarray(self.engine.session.source.show(base))
            made = self.engine.session.source.as_input(own_picture(transform, picture, value))
        return self._rounded(photo, made)

    def _rounded(self, photo: Photo, image: Tensor) -> Tensor:
        if not self.disc:
            return image
        return torch.from_numpy(round_off(image.numpy(), self._filling(photo)))

    def _filling(self, photo: Photo) -> Floats:
        baselines = self.engine.session.baselines
        baseline: Floats = baselines.of(self.baseline, photo.tensor, photo.index).numpy()
        return baseline

    def _look(self, images: Sequence[Tensor], base: dict[str, Floats] | None) -> _Part:
        """What the network makes of images, compared with the features of another."""
        found = features(self.engine, images, self.layers)
        pictures = np.stack([_small(self.engine.session.source.show(image)) for image in images])
        distance = np.empty((len(self.layers), len(images)))
        for number, name in enumerate(self.layers):
            values = found.layers[name].astype(np.float64)
            values -= 0 if base is None else base[name]
            distance[number] = np.sqrt(np.square(values, out=values).sum(1))
        return _Part(distance, found.logits, pictures, {} if base else dict(found.layers))

    # The record

    def _nothing(self) -> InvarianceResult:
        engine, count = self.engine, len(self.photos)
        targets = [self._target(*pair) for pair in zip(self.photos, self.classes, strict=True)]
        labels = engine.info.labels
        names = tuple(labels[index] if index >= 0 else "" for index, _ in targets)
        curves = []
        for transform in self.transforms:
            shape = (count, len(self.layers), len(transform.values))
            probability = np.full(shape[::2], np.nan, dtype=np.float32)
            curves.append(
                InvarianceCurves(
                    transform.name,
                    transform.unit,
                    np.array(transform.values, dtype=np.float64),
                    np.full(shape, np.nan),
                    np.full(shape[:2], np.nan),
                    probability,
                    np.full(shape[::2], -1, dtype=np.int64),
                    probability[:, 0].copy(),
                    (None,) * count,
                )
            )
        return InvarianceResult(
            tuple(photo.index for photo in self.photos),
            tuple(photo.name for photo in self.photos),
            self.layers,
            np.array([index for index, _ in targets], dtype=np.int64),
            names,
            tuple(what for _, what in targets),
            tuple(curves),
            labels,
            self.baseline,
            self.disc,
        )

    def _target(self, photo: Photo, wanted: int | str | None) -> tuple[int, str]:
        """The class to follow, and whether it is the true one."""
        engine = self.engine
        if engine.info.no_classes:
            return -1, ""
        logits = engine.session.predicting.predict(photo.index, photo.name, photo.tensor).logits
        labels = engine.info.image_labels
        if wanted is None and photo.index is not None and photo.index < len(labels):
            label = labels[photo.index]
            wanted = label if engine.info.labels.count(str(label)) == 1 else None
        is_what = "predicted" if wanted is None else "true"
        return engine.session.predicting.target(wanted, logits), is_what

    def _with(
        self,
        result: InvarianceResult,
        number: int,
        place: int,
        base: _Part,
        parts: Sequence[_Part],
    ) -> InvarianceResult:
        """The result with one more photo."""
        old, target = result.curves[number], int(result.classes[place])
        distance, norm = old.distance.copy(), old.norm.copy()
        distance[place] = np.concatenate([part.distance for part in parts], axis=1)
        norm[place] = base.distance[:, 0]
        probability, predicted = old.probability.copy(), old.predicted.copy()
        untransformed = old.untransformed.copy()
        if base.logits is not None:
            logits = np.concatenate([part.logits for part in parts if part.logits is not None])
            probability[place] = softmax(logits)[:, target]
            predicted[place] = _most_probable(logits)
            untransformed[place] = softmax(base.logits)[0, target]
        pictures = list(old.pictures)
        pictures[place] = np.concatenate([part.pictures for part in parts])
        new = replace(
            old,
            distance=distance,
            norm=norm,
            probability=probability,
            predicted=predicted,
            untransformed=untransformed,
            pictures=tuple(pictures),
        )
        curves = (*result.curves[:number], new, *result.curves[number + 1 :])
        return replace(result, curves=curves)


@dataclass(frozen=True)
class _Part:
    """Distances (layers, images), class scores, pictures, and features if kept, of some images."""

    distance: np.ndarray[Any, np.dtype[np.float64]]
    logits: Floats | None
    pictures: Pixels
    features: dict[str, Floats]


def _most_probable(logits: Floats) -> Ints:
    return np.asarray(logits.argmax(1), dtype=np.int64)


def _small(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE, PICTURE), Image.Resampling.BOX)
    return np.asarray(image)


def _how_far(result: InvarianceResult) -> str:
    total = len(result.curves) * len(result.image_names)
    return f"{result.done} of {total} photos done, over all transforms"


measure_invariance = with_bar(
    "measure_invariance",
    measure_invariance_steps,
    "Invariance",
    _how_far,
    """Shift, scale and rotate photos, and see how far features and class move (paper, Fig. 5).

    How photos are transformed: `zfwidgets.experiments.invariance.transforms`. The model and
    random state stay as they are.
    """,
)
