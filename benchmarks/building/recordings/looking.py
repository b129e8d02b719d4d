"""Recorded experiments that look at the package's ImageNet SqueezeNet, and train little."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image
from torch import nn

from zfwidgets import samples
from zfwidgets.engine.local import LocalEngine
from zfwidgets.experiments.correspondence.marking import Marking, as_json
from zfwidgets.experiments.correspondence.marks import checked_marks
from zfwidgets.experiments.correspondence.measuring import measure_correspondence, to_mark
from zfwidgets.experiments.correspondence.signs import CorrespondenceResult
from zfwidgets.experiments.invariance.curves import InvarianceResult
from zfwidgets.experiments.invariance.measuring import measure_invariance
from zfwidgets.experiments.shared.labelled import Labelled
from zfwidgets.experiments.shared.picture_wall import Wall
from zfwidgets.experiments.shared.recording import Made, Recording
from zfwidgets.experiments.transfer.records.accuracies import TransferRecord
from zfwidgets.experiments.transfer.whole import open_images, transfer_features
from zfwidgets.experiments.transfer.widget import class_wall_name
from zfwidgets.experiments.transfer.widget_parts import class_wall
from zfwidgets.models.paper import zfnet_small
from zfwidgets.records import Pixels

from .learning import SIZE

MOVED = ("red-panda", "coffee", "plate", "frying-pan")
"""Photos that are moved; two of round things."""
THUMBNAIL = 112
"""Pixels of the longer side of a class's pictures."""
LOOKED_AT = ("features.1", "features.7", "classifier.2")
FACES = ("kitten", "chelsea-cat", "red-panda", "calf", "gorilla")
"""Photos of faces, each of another animal, which asks more than the paper's five dogs."""
_PARTS = {
    "left eye": "112 80 24 28, 60 38 52 56, 104 56 28 26, 80 34 24 30, 86 80 18 26",
    "right eye": "109 126 24 28, 76 166 52 52, 100 100 28 32, 76 156 24 30, 84 120 18 26",
    "nose": "131 107 22 30, 170 112 44 60, 144 62 32 40, 106 80 36 64, 112 92 40 42",
    "head": "32 36 126 150, 0 0 224 224, 0 14 194 204, 14 8 180 216, 8 42 164 146",
}
"""Top, left, height, width in each, of the pixels that the network gets; left and right as we see
them."""
PARTS: Mapping[str, Sequence[tuple[int, ...]]] = {
    part: [tuple(map(int, box.split())) for box in boxes.split(",")]
    for part, boxes in _PARTS.items()
}


def engine_of_samples() -> LocalEngine:
    """The sample network on the sample photos."""
    return LocalEngine(samples.network(), samples.photos())


def invariance(photos: Sequence[str] = MOVED) -> Recording[InvarianceResult]:
    """Fig. 5 over the paper's whole range."""
    began = time.process_time()
    result = measure_invariance(
        engine_of_samples(), photos, layers=LOOKED_AT, disc=True, progress=False
    )
    views = sum(len(curves.values) for curves in result.curves) * len(photos)
    what = f"{views} moved photos shown to SqueezeNet"
    return Recording(result, Made.now(what, time.process_time() - began, 0))


def correspondence(draws: int = 60) -> Recording[CorrespondenceResult]:
    """Table 1: parts of five faces, and as many random masks of each part's sizes."""
    began = time.process_time()
    engine = engine_of_samples()
    result = measure_correspondence(
        engine,
        PARTS,
        FACES,
        layers=["features.5", "features.8", "features.12", "classifier.2"],
        draws=draws,
        within="head",
        progress=False,
    )
    what = f"{len(result.part_names)} parts of {len(FACES)} faces, {draws} random masks of each"
    made = Made.now(what, time.process_time() - began, 0)
    return Recording(result, made, {"photos": marked_faces(engine)})


def marked_faces(engine: LocalEngine) -> Wall:
    """The faces with the boxes of their parts."""
    photos, pictures = to_mark(engine, FACES, None)
    marking = Marking(engine.info.fingerprint, pictures, photos, [*PARTS])
    marking.boxes = as_json(checked_marks(PARTS, marking.names, *marking.extent))
    wall = marking.painted()
    marking.close()
    return wall


def transfer(
    pictures: int = 200, counts: Sequence[int] = (1, 3, 10), repeats: int = 2
) -> Recording[TransferRecord]:
    """Table 7 and Fig. 9: features of ImageNet photos, asked for ten drawn shapes."""
    began = time.process_time()
    engine = engine_of_samples()
    images, training = open_images(engine, samples.shapes(pictures, 64, seed=2))
    result = transfer_features(
        engine,
        images,
        training=training,
        counts=counts,
        train_images=counts[-1],
        repeats=repeats,
        dimension=1024,
        scratch=_scratch,
        scratch_training={"epochs": 20, "batch": 16},
        progress=False,
    )
    assert result.bias is not None
    walls = {
        class_wall_name(number): class_wall(result.bias, number, _small(images), _small(training))
        for number in range(len(result.bias.classes))
    }
    what = f"{pictures} shapes shown to SqueezeNet, {repeats} splits"
    return Recording(result, Made.now(what, time.process_time() - began, 0), walls)


def _small(images: Labelled) -> Callable[[int], Pixels]:
    """Reads a picture as the page shows it, and no larger than the page needs it."""

    def picture(number: int) -> Pixels:
        image = Image.fromarray(images.source.display(number))
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        return np.asarray(image)

    return picture


def _scratch() -> nn.Module:
    """The small network, at the size of pictures that it is made for."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(SIZE), zfnet_small(10, SIZE))
