"""Average precision against its definition, and classes of which a picture shows several."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.svm import LinearSVC

import zfwidgets as zf
from zfwidgets.errors import InputError
from zfwidgets.experiments import average_precision, transfer_labels
from zfwidgets.images.generated import Scenes


def plain_precision(scores: list[float], there: list[bool]) -> float:
    """For each picture that shows the class: the best precision among thresholds that find it."""
    best = []
    for number in range(1, sum(there) + 1):
        found = 0.0
        for least in sorted(set(scores)):
            taken = [t for s, t in zip(scores, there, strict=True) if s >= least]
            if sum(taken) >= number:
                found = max(found, sum(taken) / len(taken))
        best.append(found)
    return sum(best) / len(best)


@pytest.mark.parametrize("levels", [4, 1000])
def test_average_precision_is_its_definition(levels):
    random = np.random.default_rng(levels)
    for _ in range(20):
        scores, there = random.integers(0, levels, 23) / 7, random.random(23) < 0.3
        there[5] = True
        plain = plain_precision(scores.tolist(), there.tolist())
        assert average_precision(scores, there) == pytest.approx(plain)
    assert average_precision(np.array([3.0, 2, 1]), np.array([1, 0, 1])) == pytest.approx(5 / 6)
    assert average_precision(np.ones(10), np.arange(10) < 3) == pytest.approx(0.3)
    assert np.isnan(average_precision(np.ones(3), np.zeros(3)))


# ---------------------------------------------------------------- drawn pictures


def test_scenes_show_what_they_say():
    scenes = Scenes(40, (48, 70), seed=2)
    counts = set()
    for number in range(40):
        picture, names = scenes[number]
        assert picture.size == (70, 48)
        assert names == scenes.labels(number)
        assert names[0] == scenes.classes[number % 10] == scenes.truth(number).name
        assert len(set(names)) == len(names)
        counts.add(len(names))
        parts = [
            np.asarray(picture, float)[r : r + 24, c : c + 35] for r in (0, 24) for c in (0, 35)
        ]
        quarters = [
            (np.abs(part - np.median(part, axis=(0, 1))).sum(-1) > 70).sum() > 9 for part in parts
        ]
        assert sum(quarters) == len(names)
    assert counts == {1, 2, 3}
    with pytest.raises(InputError, match="expected 32 pixels or more"):
        Scenes(3, 20)


# ---------------------------------------------------------------- learning


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    model = zf.models.zfnet_small(4)
    return zf.Engine(model, zf.samples.textures(n=4), zf.models.transform(), cache=False)


@pytest.fixture(scope="module")
def found(engine):
    return transfer_labels(
        engine, Scenes(60), layer="norm1", repeats=2, seed=3, dimension=600, progress=False
    )


def test_precision_is_that_of_a_plain_computation(engine, found):
    scenes = Scenes(60)
    model = engine.session.network
    vectors = []
    for number in range(60):
        tensor = zf.models.transform()(scenes[number][0])
        kept = {}
        model.run(tensor[None], lambda name, out, kept=kept: kept.update({name: out.clone()}))
        grid = found.feature.grid
        vectors.append(torch.nn.functional.adaptive_avg_pool2d(kept["norm1"], grid).flatten())
    rows = torch.stack(vectors).detach().numpy()
    order = np.random.default_rng([3, 1]).permutation(60)
    learned, tested = np.sort(order[:30]), np.sort(order[30:])
    mean = rows[learned].mean(0)
    scale = np.sqrt(((rows[learned] - mean) ** 2).sum(1).mean())
    for number in (0, 7):
        name = scenes.classes[number]
        there = np.array([name in scenes.labels(i) for i in range(60)])
        svm = LinearSVC(C=10.0, dual="auto", max_iter=2000, random_state=4)
        svm.fit((rows[learned] - mean) / scale, there[learned])
        scores = svm.decision_function((rows[tested] - mean) / scale)
        assert found.precision[number, 1] == pytest.approx(
            plain_precision(scores.tolist(), there[tested].tolist()), abs=0.02
        )
        assert found.chance[number] == pytest.approx(there.mean())


def test_record(found):
    assert found.complete
    assert (found.train_images, found.test_images) == (30, 30)
    assert found.mean == pytest.approx(np.nanmean(found.precision), abs=0.03)
    frame = found.to_frame()
    assert frame["class"].tolist() == list(Scenes.classes)
    assert frame["average_precision"].between(0, 1).all()


class Voc:
    """What torchvision.datasets.VOCDetection gives."""

    def __init__(self) -> None:
        self.scenes = Scenes(24)

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, number: int) -> tuple[Image.Image, dict]:
        picture, names = self.scenes[number]
        objects = [{"name": name, "difficult": "0"} for name in names]
        if number == 3:
            objects = [{"name": "disc", "difficult": "1"}]
        return picture, {"annotation": {"object": objects}}


def test_descriptions_of_pascal_voc(engine):
    data = Voc()
    found = transfer_labels(engine, data, layer="fc7", repeats=1, progress=False)
    assert set(found.classes) == {n for i in range(24) for n in data.scenes.labels(i)}
    there = [("disc" in data.scenes.labels(i)) for i in range(24) if i != 3]
    assert found.chance[found.classes.index("disc")] == pytest.approx(np.mean(there))


def test_bad_input(engine):
    with pytest.raises(InputError, match=r"Picture 0 has the label 0: expected several, \(name"):
        transfer_labels(engine, zf.samples.shapes(n=8), progress=False)
    with pytest.raises(InputError, match="Picture 0 shows 'disc', which is none of the classes"):
        transfer_labels(engine, Scenes(8), classes=("ring",), progress=False)
    with pytest.raises(InputError, match="train_share is 1"):
        transfer_labels(engine, Scenes(8), train_share=1, progress=False)
    with pytest.raises(InputError, match="3 pictures can't be split"):
        transfer_labels(engine, Scenes(3), progress=False)
