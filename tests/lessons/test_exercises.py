"""The right answer of each exercise, computed beside the engine from its pictures and weights."""

from __future__ import annotations

import numpy as np
import pytest

import zfwidgets as zf
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError, NotStored, UnreadableImage
from zfwidgets.language.words import Words
from zfwidgets.lessons import (
    CostliestPlace,
    Covered,
    DeepestPatches,
    FieldWidth,
    FindChannel,
    LargerField,
    OwnProjection,
    StillNamed,
    StrongestPhoto,
)
from zfwidgets.lessons.exercises.shared import stages
from zfwidgets.stepwise import finish

ROWS, COLUMNS = 24, 32


def made(exercise, engine, language="en"):
    return finish(exercise.steps(engine, Words(language)))


def maps(engine, image, layer, cover=None):
    """Feature maps of a photo, maybe with a rectangle of it grey: without records or occluders."""
    x = engine.pictures[image].astype(np.float32).transpose(2, 0, 1) / 255 - 0.5
    if cover is not None:
        top, left, height, width = cover
        x[:, top : top + height, left : left + width] = 0.0
    return engine.forward(x)[layer]


def shares(engine, image, cover=None):
    logits = maps(engine, image, "classes", cover)[:, 0, 0].astype(np.float64)
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def squares(pixels, photo):
    """Which of the engine's photos a picture is."""
    return [i for i, one in enumerate(photo) if np.array_equal(one, pixels)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("layer", ["relu1", "relu2"])
def test_the_strongest_photo_is_the_one_in_which_the_map_is_largest(engine, layer, seed) -> None:
    task = made(StrongestPhoto(layer, photos=3, seed=seed), engine)
    words = task.ask.split()
    channel = int(words[words.index("channel") + 1])
    images = [squares(option.figure.pixels, engine.pictures)[0] for option in task.options]
    largest = [maps(engine, image, layer)[channel].max() for image in images]
    assert len(set(images)) == 3
    assert task.answer == int(np.argmax(largest))
    others = sorted(largest)
    assert others[-2] < 0.86 * others[-1], "it is a clear case"
    for option, value in zip(task.options, largest, strict=True):
        assert option.told == f"reaches {Words().number(float(value))}"
        assert option.figure.marks == (), "where it fires isn't told before"
    assert task.right(task.answer)
    assert not task.right((task.answer + 1) % 3)


@pytest.mark.parametrize("seed", range(4))
def test_in_a_hard_question_the_other_photos_fire_the_channel_too(engine, seed) -> None:
    task = made(StrongestPhoto("relu1", photos=3, seed=seed, hard=True), engine)
    words = task.ask.split()
    channel = int(words[words.index("channel") + 1])
    images = [squares(option.figure.pixels, engine.pictures)[0] for option in task.options]
    *others, most = sorted(maps(engine, image, "relu1")[channel].max() for image in images)
    assert task.answer == images.index(
        max(images, key=lambda image: maps(engine, image, "relu1")[channel].max())
    )
    # the index keeps values rounded
    assert all(0.29 * most <= value < 0.86 * most for value in others)


def test_the_frame_is_the_receptive_field_of_the_strongest_unit(engine) -> None:
    task = made(StrongestPhoto("relu2", photos=3), engine)
    option = task.options[int(task.answer)]
    image = squares(option.figure.pixels, engine.pictures)[0]
    words = task.ask.split()
    channel = int(words[words.index("channel") + 1])
    plane = maps(engine, image, "relu2")[channel]
    row, col = np.unravel_index(plane.argmax(), plane.shape)
    (mark,) = option.shown.marks
    assert (mark.box.top, mark.box.left) == (2 * row - 3, 2 * col - 3)
    assert (mark.box.height, mark.box.width) == (8, 8)


@pytest.mark.parametrize("photo", [0, 3, "picture 11"])
def test_the_fall_is_that_of_the_softmax_with_the_square_grey(engine, photo) -> None:
    image = photo if isinstance(photo, int) else 11
    task = made(Covered(photo, "most"), engine)
    clean = shares(engine, image)
    target = int(clean.argmax())
    # the occluder is a quarter of the photo, and moves by half of itself
    falls = {}
    for i in range(8):
        for j in range(8):
            top, left = max(3 * i - 2, 0), max(4 * j - 2, 0)
            bottom, right = min(3 * i - 2 + 6, ROWS), min(4 * j - 2 + 8, COLUMNS)
            cover = top, left, bottom - top, right - left
            falls[cover] = 100 * (clean[target] - shares(engine, image, cover)[target])
    (mark,) = task.figures[0].marks
    box = (mark.box.top, mark.box.left, mark.box.height, mark.box.width)
    best = max(falls, key=falls.get)
    assert box == best
    assert task.answer == pytest.approx(falls[best], abs=1e-3)
    assert task.right(min(falls[best] + 9, 100))
    assert not task.right(falls[best] + 11 if falls[best] < 50 else falls[best] - 11)
    grey = task.reveal[0].pixels
    assert (grey[box[0] : box[0] + box[2], box[1] : box[1] + box[3]] == 128).all()
    least = made(Covered(photo, "least"), engine)
    assert abs(least.answer) == pytest.approx(min(abs(fall) for fall in falls.values()), abs=1e-3)


def test_the_costliest_place_is_worse_than_the_others(engine) -> None:
    made_any = 0
    for image in range(8):
        try:
            task = made(CostliestPlace(image, seed=image), engine)
        except InputError as error:
            assert "clearly more than others" in str(error)  # noqa: PT017
            continue
        made_any += 1
        boxes = [mark.box for mark in task.figures[0].marks]
        target = int(shares(engine, image).argmax())
        left = [shares(engine, image, (b.top, b.left, b.height, b.width))[target] for b in boxes]
        assert task.answer == int(np.argmin(left))
        pixels = np.zeros((ROWS, COLUMNS), int)
        for box in boxes:
            pixels[box.top : box.bottom, box.left : box.right] += 1
        assert pixels.max() == 1, "no two places overlap"
    assert made_any > 2


def test_whether_the_class_stays_first_is_what_the_network_says() -> None:
    engine, answers = numpy_engine.NumpyEngine(images=6, seed=2), []
    for image in range(6):
        task = made(StillNamed(image, "most"), engine)
        grey = task.figures[0].pixels
        changed = np.argwhere((grey != engine.pictures[image]).any(-1))
        (top, left), (bottom, right) = changed.min(0), changed.max(0) + 1
        assert (grey[top:bottom, left:right] == 128).all()
        cover = (top, left, bottom - top, right - left)
        still = shares(engine, image, cover).argmax() == shares(engine, image).argmax()
        assert task.answer == (0 if still else 1)
        assert [option.text for option in task.options] == ["Yes", "No"]
        answers.append(task.answer)
    assert set(answers) == {0, 1}


def test_a_channel_that_is_found_has_the_photo_among_its_nine(engine) -> None:
    task = made(FindChannel("picture 7", "relu2"), engine)
    largest = np.stack([maps(engine, image, "relu2").max((1, 2)) for image in range(24)])
    expected = set()
    for channel in range(8):
        order = np.argsort(-largest[:, channel], kind="stable")[:9]
        if 7 in [image for image in order if largest[image, channel] > 0]:
            expected.add(("relu2", channel))
    assert expected
    assert task.units == expected
    free = made(FindChannel(None, "relu2"), engine)
    assert 0 < len(free.units) < 8


def test_the_projection_is_that_of_the_patch(engine) -> None:
    for seed in range(4):
        task = made(OwnProjection("relu2", 3, seed), engine)
        words = task.ask.split()
        channel = int(words[words.index("channel") + 1])
        told = [option.told for option in task.options]
        assert [f"channel {channel}," in text for text in told].index(True) == task.answer
        own = engine.top("relu2", channel, 1)[0]
        box = own.box.inside(ROWS, COLUMNS)
        patch = box.cut(engine.pictures[own.image])
        small = task.figures[0].pixels[10::20, 10::20]
        np.testing.assert_array_equal(small, patch)  # each pixel is a square of 20
        names = [text.rsplit(" ", 1)[1] for text in told]
        assert len(set(names)) == len(names), "each is in another photo"


def test_fields_are_compared_by_what_the_layers_see(engine) -> None:
    task = made(LargerField(("relu1", "relu2", "pool1")), engine)
    # relu1 sees 3 x 3, pool1 one more row and column, relu2 eight of each: by counting windows
    sizes = {"relu1": 3, "pool1": 4, "relu2": 8}
    names = [option.text for option in task.options]
    assert sorted(names) == sorted(sizes)
    assert names[int(task.answer)] == "relu2"
    for option in task.options:
        assert f"{sizes[option.text]} × {sizes[option.text]} pixels" in option.told
    with pytest.raises(InputError, match="larger receptive field than all others"):
        made(LargerField(("conv1", "relu1")), engine)
    width = made(FieldWidth("conv2"), engine)
    assert (width.answer, width.scale.low, width.scale.high) == (8, 1, COLUMNS)
    assert width.right(8)
    assert width.right(10)
    assert not width.right(11)


def test_the_deepest_set_is_of_the_last_layer(engine) -> None:
    for seed in range(3):
        task = made(DeepestPatches(("relu2", "relu1"), seed), engine)
        told = task.options[int(task.answer)].told
        assert "relu2" in told
        assert "relu2" not in task.options[1 - int(task.answer)].told


def test_lessons_take_layers_that_see_more_and_more(engine) -> None:
    assert stages(engine) == ("relu1", "pool1", "relu2")


@pytest.mark.parametrize(
    ("exercise", "why"),
    [
        (StrongestPhoto("nowhere"), "no layer 'nowhere'"),
        (StrongestPhoto("relu2", 7), "clearly more in one of 4 photos"),
        (FindChannel("nothing"), "There is no photo 'nothing'"),
        (FindChannel(99), "There is no photo 99"),
        (DeepestPatches(("relu1",)), "give two or more"),
    ],
)
def test_what_makes_no_question_is_said(engine, exercise, why) -> None:
    with pytest.raises(InputError, match=why):
        made(exercise, engine)


def test_without_classes_nothing_is_asked_of_them() -> None:
    engine = numpy_engine.NumpyEngine(classes=0)
    for exercise in (Covered(0), CostliestPlace(0), StillNamed(0)):
        with pytest.raises(InputError, match="NumpyNet has no classes"):
            made(exercise, engine)


def test_nothing_is_told_before_the_answer(engine) -> None:
    for exercise in (
        StrongestPhoto("relu2", photos=3),
        OwnProjection("relu2", 3),
        CostliestPlace(0),
        DeepestPatches(("relu1", "relu2")),
    ):
        task = made(exercise, engine)
        before = [figure.alt + figure.caption for figure in task.figures]
        before += [
            o.text + (o.figure.alt + o.figure.caption if o.figure else "") for o in task.options
        ]
        for option in task.options:
            assert option.told
            assert not any(option.told in text for text in before)


def test_photos_that_are_gone_are_not_asked_about() -> None:
    whole, broken = (numpy_engine.NumpyEngine(images=24) for _ in range(2))
    for one in (whole, broken):
        finish(one.index_steps())
    gone = [image for image in range(24) if image % 3 == 0]

    def photo(image: int, of=broken.photo):
        if image in gone:
            raise UnreadableImage(f"picture {image}", "the file is gone")
        return of(image)

    broken.photo = photo
    for seed in range(4):
        task = made(StrongestPhoto("relu2", photos=3, seed=seed), broken)
        shown = [squares(option.figure.pixels, whole.pictures)[0] for option in task.options]
        assert not set(shown) & set(gone)
        made(OwnProjection("relu2", 3, seed), broken)
        made(DeepestPatches(("relu1", "relu2"), seed), broken)
    assert made(FindChannel(None, "relu2"), broken).figures[0].caption not in [
        f"picture {image}" for image in gone
    ]


def test_a_report_asks_what_it_holds(engine, explorer, tmp_path) -> None:
    path = tmp_path / "report.html"
    zf.save_report(explorer, path, layers=["relu1", "relu2"], images=[0], progress=False)
    stored = zf.load_report(path)
    live = made(FindChannel(7, "relu2"), engine)
    assert made(FindChannel(7, "relu2"), stored).units == live.units
    task = made(LargerField(("relu1", "relu2")), stored)
    assert task.options[int(task.answer)].text == "relu2"
    with pytest.raises(NotStored):
        made(Covered(0), stored)
