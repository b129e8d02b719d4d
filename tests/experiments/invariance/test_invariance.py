"""Invariance against plain loops in float64, and what it leaves untouched."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zfwidgets as zf
from tests.experiments.small import COLUMNS, MEAN, ROWS, STD, Pictures, chain, make_engine
from tests.experiments.untouched import untouched
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import (
    InvarianceCurves,
    Transform,
    measure_invariance,
    measure_invariance_steps,
)
from zfwidgets.experiments.invariance.transforms import KINDS, moved
from zfwidgets.records import Progress

LAYERS = ("1", "4", "6")
GREY = ((0.5 - MEAN) / STD).double().numpy()
SOME = (
    Transform("vertical", (-7, 0, 4.5)),
    Transform("horizontal", (-3, 5)),
    Transform("scale", (0.8, 1, 1.6)),
    Transform("rotation", tuple(range(0, 360, 45))),
)


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


@pytest.fixture(scope="module")
def result(engine):
    return measure_invariance(engine, [1, 3], SOME, layers=LAYERS, progress=False)


# ---------------------------------------------------------------- the plain computation


def plain_moved(image: np.ndarray, kind: str, value: float, baseline: np.ndarray) -> np.ndarray:
    """Each pixel from the four around the place that it comes from, one by one."""
    channels, rows, columns = image.shape
    centre_row, centre_column = (rows - 1) / 2, (columns - 1) / 2
    out = np.empty(image.shape)
    for row in range(rows):
        for column in range(columns):
            y, x = centre_row - row, column - centre_column  # y up, x right, from the centre
            if kind == "vertical":
                y += value
            elif kind == "horizontal":
                x -= value
            elif kind == "scale":
                y, x = y / value, x / value
            else:  # what is seen here was turned counterclockwise
                angle, radius = math.atan2(y, x) - math.radians(value), math.hypot(x, y)
                y, x = radius * math.sin(angle), radius * math.cos(angle)
            at_row, at_column = centre_row - y, x + centre_column
            top, left = math.floor(at_row), math.floor(at_column)
            for channel in range(channels):
                total = 0.0
                for r in (top, top + 1):
                    for c in (left, left + 1):
                        weight = (1 - abs(at_row - r)) * (1 - abs(at_column - c))
                        inside = 0 <= r < rows and 0 <= c < columns
                        total += weight * (image[channel, r, c] if inside else baseline[channel])
                out[channel, row, column] = total
    return out


def plain_outputs(images: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features by layer and class probabilities, in float64."""
    model, found = chain().double().eval(), {}
    signal = torch.from_numpy(images)
    for number, module in enumerate(model):
        signal = module(signal)
        found[str(number)] = signal.detach().numpy()
    return found, signal.softmax(1).detach().numpy()


def plain_distance(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        total += (a - b) ** 2
    return math.sqrt(total)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("transform", SOME, ids=lambda t: t.name)
def test_all_numbers_are_those_of_a_plain_computation(result, transform):
    photos = Pictures().tensors.double().numpy()
    curves = result[transform.name]
    for place, image in enumerate((1, 3)):
        base, probability = plain_outputs(photos[image : image + 1])
        target = int(probability[0].argmax())
        assert (result.classes[place], result.class_is[place]) == (target, "predicted")
        made = [plain_moved(photos[image], transform.name, v, GREY) for v in transform.values]
        found, probabilities = plain_outputs(np.stack(made))
        np.testing.assert_allclose(curves.probability[place], probabilities[:, target], atol=1e-5)
        np.testing.assert_array_equal(curves.predicted[place], probabilities.argmax(1))
        np.testing.assert_allclose(curves.untransformed[place], probability[0, target], rtol=1e-5)
        for layer, name in enumerate(LAYERS):
            norm = plain_distance(base[name][0], np.zeros_like(base[name][0]))
            expected = [plain_distance(one, base[name][0]) for one in found[name]]
            np.testing.assert_allclose(curves.norm[place, layer], norm, rtol=1e-5)
            np.testing.assert_allclose(
                curves.distance[place, layer], expected, rtol=1e-4, atol=1e-5 * norm
            )
            np.testing.assert_allclose(
                curves.relative[place, layer], np.array(expected) / norm, rtol=1e-4, atol=1e-5
            )


def test_directions_are_those_that_units_name():
    image = np.arange(3.0 * 5 * 5, dtype=np.float32).reshape(3, 5, 5)
    baseline = np.full((3, 1, 1), -1, dtype=np.float32)
    down = moved(image, "vertical", 2, baseline)
    np.testing.assert_array_equal(down[:, 2:], image[:, :-2])
    assert (down[:, :2] == -1).all()
    right = moved(image, "horizontal", 1, baseline)
    np.testing.assert_array_equal(right[:, :, 1:], image[:, :, :-1])
    turned = moved(image, "rotation", 90, baseline)
    np.testing.assert_allclose(turned, np.rot90(image, 1, (1, 2)), atol=1e-4)
    assert moved(image, "scale", 1, baseline).tobytes() == image.tobytes()


def test_the_identity_changes_nothing(result):
    for curves in (result["vertical"], result["scale"], result["rotation"]):
        still = curves.values == (1 if curves.name == "scale" else 0)
        assert curves.distance[:, :, still].max() <= 1e-5 * curves.norm.max()
        np.testing.assert_allclose(
            curves.probability[:, still][:, 0], curves.untransformed, rtol=1e-5
        )
        assert (np.delete(curves.distance, np.flatnonzero(still), 2) > 0.01).all()


def test_a_disc_leaves_the_corners_out(engine):
    transform = Transform("rotation", (0, 90, 180))
    curves = measure_invariance(engine, [2], [transform], layers=["4"], disc=True, progress=False)[
        "rotation"
    ]
    image, far = Pictures().tensors[2].double().numpy(), np.zeros((ROWS, COLUMNS), dtype=bool)
    for row in range(ROWS):
        for column in range(COLUMNS):
            radius = math.hypot(row - (ROWS - 1) / 2, column - (COLUMNS - 1) / 2)
            far[row, column] = radius > min(ROWS, COLUMNS) / 2
    made = np.stack([plain_moved(image, "rotation", v, GREY) for v in transform.values])
    made = np.where(far, GREY[:, None, None], made)
    found, _ = plain_outputs(made)
    expected = [plain_distance(one, found["4"][0]) for one in found["4"]]
    np.testing.assert_allclose(curves.distance[0, 0], expected, rtol=1e-4, atol=1e-4)


def test_symmetry_is_the_share_that_repeats():
    angles = np.arange(0, 360, 15.0)
    wave = np.cos(np.deg2rad(4 * angles)) + 0.5 * np.cos(np.deg2rad(angles))
    dip = np.where(angles == 0, 0.0, 1.0)
    lines = np.stack([wave, dip])[None]
    curves = InvarianceCurves(
        "rotation", "degrees", angles, lines, np.ones((1, 2)), lines[:, 0].astype(np.float32),
        np.zeros((1, 24), dtype=np.int64), np.ones(1, dtype=np.float32), (None,),
    )  # fmt: skip
    np.testing.assert_allclose(
        curves.symmetry(4)[0], [1 / 1.25, (24 / 4 - 1) / (24 - 1)], atol=1e-12
    )
    # two turns' places averaged one by one
    folded = [np.mean([dip[k], dip[k + 12]]) for k in range(12)]
    np.testing.assert_allclose(curves.symmetry(2)[0, 1], np.var(folded) / np.var(dip))
    np.testing.assert_allclose(curves.symmetry_of_probability(4), 0.8, atol=1e-6)
    with pytest.raises(InputError, match="24 angles can't be laid 5 times"):
        curves.symmetry(5)


def test_symmetry_needs_a_full_turn(result):
    assert result["rotation"].symmetry(4).shape == (2, 3)
    with pytest.raises(InputError, match="'scale' isn't a full turn"):
        result["scale"].symmetry(2)


def test_a_symmetric_picture_has_a_symmetric_curve():
    rows = columns = 33
    y, x = np.mgrid[:rows, :columns] - 16.0
    cross = ((np.abs(y) < 3) | (np.abs(x) < 3)).astype(np.float32)
    images = torch.from_numpy(np.stack([cross] * 3))[None] * 0.5 + 0.25
    lopsided = images.clone()
    lopsided[..., 16:, :] = 0.25
    model = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    dataset = [images[0], lopsided[0]]
    engine = zf.Engine(model, dataset, cache=False, denormalize=([0.0] * 3, [1.0] * 3))
    turn = Transform("rotation", tuple(np.arange(0, 360, 15.0)))
    found = measure_invariance(engine, None, [turn], layers=["1"], disc=True, progress=False)
    symmetry = found["rotation"].symmetry(4)[:, 0]
    assert symmetry[0] > 0.95
    assert symmetry[1] < 0.6


# ---------------------------------------------------------------- transforms of one's own


def test_a_transform_of_ones_own_sees_the_photo_and_is_compared_with_it(engine):
    seen = []

    def darker(picture, value):
        seen.append(np.asarray(picture))
        return Image.eval(picture, lambda level: int(level * value))

    transform = Transform("darker", (0.25, 1), darker, "times")
    curves = measure_invariance(engine, [2], [transform], layers=["4"], progress=False)["darker"]
    for pixels in seen:
        np.testing.assert_array_equal(pixels, engine.photo(2))
    levels = engine.photo(2).astype(np.float64)
    made = [np.floor(levels * 0.25), levels]
    inputs = [((one / 255 - MEAN.numpy()) / STD.numpy()).transpose(2, 0, 1) for one in made]
    found, probabilities = plain_outputs(np.stack(inputs))
    expected = plain_distance(found["4"][0], found["4"][1])
    np.testing.assert_allclose(curves.distance[0, 0], [expected, 0], rtol=1e-4, atol=1e-4)
    target = probabilities[1].argmax()
    np.testing.assert_allclose(curves.probability[0], probabilities[:, target], atol=1e-4)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda picture, value: picture.resize((9, 9)), r"'mine' at 2 gave an array of uint8, sh"),
        (lambda picture, value: None, r"'mine' at 2 gave NoneType: expected a PIL image of 24 x"),
        (lambda picture, value: 1 / 0, r"'mine' at 2 failed: ZeroDivisionError"),
        (
            lambda picture, value: torch.rand(3) is None or picture,
            r"'mine' at 2 draws random numbers",
        ),
    ],
)
def test_what_is_no_picture_is_named(engine, function, message):
    with pytest.raises(InputError, match=message):
        measure_invariance(engine, [0], [Transform("mine", (2,), function)], progress=False)


def test_a_picture_that_cant_be_brought_back_is_named():
    engine = make_engine(denormalize=lambda tensor: tensor.sigmoid())
    own = Transform("mine", (1,), lambda picture, value: picture)
    with pytest.raises(InputError, match=r"pass denormalize=\(mean, std\)"):
        measure_invariance(engine, [0], [own], progress=False)


# ---------------------------------------------------------------- what is asked for


def test_the_papers_ranges():
    vertical, scale, rotation = (Transform.paper(n) for n in ("vertical", "scale", "rotation"))
    assert (vertical.values[0], vertical.values[-1], len(vertical.values)) == (-60, 60, 25)
    assert (scale.values[0], scale.values[-1]) == (1.0, 1.8)
    assert (rotation.values[0], rotation.values[-1], len(rotation.values)) == (0, 350, 36)
    assert Transform.paper("horizontal", 224, 448).values[-1] == 120
    assert {Transform.paper(name).unit for name in KINDS} == {
        "px down", "px right", "times", "degrees",
    }  # fmt: skip


def test_the_true_class_where_it_is_known():
    engine = make_engine(labelled=True, labels=Pictures.classes)
    still = [Transform("scale", (1,))]
    found = measure_invariance(engine, [1, 2], still, progress=False)
    assert found.class_names == ("bell", "cup")
    assert found.class_is == ("true", "true")
    told = measure_invariance(engine, [1, 2], still, classes=["door", None], progress=False)
    assert told.class_names == ("door", "cup")
    _, probabilities = plain_outputs(Pictures().tensors[1:3].double().numpy())
    expected = [[probabilities[0, 3]], [probabilities[1, 2]]]
    np.testing.assert_allclose(told["scale"].probability, expected, rtol=1e-5)


def test_photos_by_name_or_of_ones_own(engine, result):
    still = [Transform("scale", (1, 1.6))]
    own = Pictures().tensors[3]
    for images in (engine.info.images[3], [engine.info.images[3]], own, [own]):
        found = measure_invariance(engine, images, still, layers=LAYERS, progress=False)
        np.testing.assert_allclose(
            found["scale"].distance[0, :, 1], result["scale"].distance[1, :, 2], rtol=1e-5
        )
    assert found.images == (None,)


def test_a_network_without_classes_has_distances_only():
    engine = make_engine(chain()[:5])
    found = measure_invariance(
        engine, [0], [Transform("scale", (1, 1.5))], layers=["1"], progress=False
    )
    assert np.isnan(found["scale"].probability).all()
    assert found["scale"].distance[0, 0, 1] > 0.1
    assert found.class_names == ("",)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": ["14"]}, UnknownLayer, "no layer '14'"),
        ({"layers": []}, InputError, "layers is empty"),
        ({"images": []}, InputError, "images is empty"),
        ({"images": [9]}, InputError, "images 0 to 4, got 9"),
        ({"transforms": ["shear"]}, InputError, "no transform 'shear'"),
        ({"transforms": []}, InputError, r"transforms are \[\]"),
        ({"transforms": ["scale", "scale"]}, InputError, "each with its own name"),
        ({"classes": [1, 2]}, InputError, "2 classes for 1 photos"),
        ({"classes": ["lamp"]}, InputError, "'lamp' is no class name"),
        ({"baseline": "green"}, InputError, "no baseline 'green'"),
    ],
)
def test_bad_input_is_named(engine, arguments, error, message):
    with pytest.raises(error, match=message):
        measure_invariance(engine, **{"images": [0], "progress": False, **arguments})


def test_bad_transforms_are_named():
    with pytest.raises(InputError, match="finite numbers"):
        Transform("scale", (1, math.nan))
    with pytest.raises(InputError, match="finite numbers"):
        Transform("scale", ())
    with pytest.raises(InputError, match="above 0, got -1"):
        Transform("scale", (-1,))
    with pytest.raises(InputError, match=r"expected a zf\.Engine, got Sequential"):
        measure_invariance(chain())


# ---------------------------------------------------------------- steps


def test_an_interrupt_keeps_the_photos_that_are_done(engine):
    count = 0

    def once(picture, value):
        nonlocal count
        count += 1
        if count > 2:
            raise KeyboardInterrupt
        return picture

    with pytest.warns(UserWarning, match="1 of 2 photos done"):
        found = measure_invariance(
            engine, [0, 1], [Transform("mine", (1, 2), once)], layers=["4"], progress=False
        )
    assert not found.complete
    curves = found["mine"]
    assert np.isfinite(curves.distance[0]).all()
    assert np.isnan(curves.distance[1]).all()
    assert (curves.predicted[1] == -1).all()
    assert set(found.to_frame()["image"]) == {found.image_names[0]}
    assert found.to_pil().width == 1200


def test_steps_say_how_far_they_are_and_never_change_what_they_gave(engine):
    steps = list(measure_invariance_steps(engine, [0, 1], SOME[:2], layers=["4"]))
    told = [step for step in steps if isinstance(step, Progress)]
    assert [(step.done, step.total) for step in told] == [(3, 10), (6, 10), (8, 10), (10, 10)]
    results = [step for step in steps if not isinstance(step, Progress)]
    assert [result.done for result in results] == [0, 1, 2, 3, 4]
    assert np.isnan(results[1]["vertical"].distance[1]).all()
    assert results[-1].complete


def test_the_table_has_every_number(result):
    frame = result.to_frame()
    assert len(frame) == 2 * 3 * (3 + 2 + 3 + 8)
    row = frame[
        (frame["transform"] == "scale")
        & (frame["value"] == 1.6)
        & (frame["image"] == result.image_names[1])
        & (frame["layer"] == "4")
    ].iloc[0]
    assert row["distance"] == result["scale"].distance[1, 1, 2]
    assert row["probability"] == result["scale"].probability[1, 2]
    assert row["class_is"] == "predicted"


def test_the_pictures_are_what_the_network_saw(result, engine):
    rows = ROWS
    pictures = result["vertical"].pictures[0]
    assert pictures.shape == (3, ROWS, COLUMNS, 3)
    np.testing.assert_array_equal(pictures[1], engine.photo(1))
    np.testing.assert_array_equal(pictures[0][: rows - 7], engine.photo(1)[7:])
    assert (np.abs(pictures[0][rows - 7 :].astype(int) - 128) <= 1).all()


def test_model_and_random_state_stay_as_they_are():
    model = chain()
    with untouched(model):
        measure_invariance(make_engine(model), [0], ["scale"], progress=False)
