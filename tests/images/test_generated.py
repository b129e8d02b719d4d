"""Generated pictures: seeded item by item, and what they are said to show is what they show."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zfwidgets import samples
from zfwidgets.errors import InputError
from zfwidgets.images.generated import Generated
from zfwidgets.images.source import ImageSource

KINDS = [samples.textures, samples.shapes, samples.digits]
ROWS, COLUMNS = 64, 80


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Generated]:
    found: type[Generated] = request.param
    return found


def same(first: Image.Image, second: Image.Image) -> bool:
    return first.tobytes() == second.tobytes()


def test_items_are_rgb_pictures_with_labels_in_turn(kind: type[Generated]) -> None:
    data = kind(n=23, size=(ROWS, COLUMNS), seed=5)
    assert len(data) == 23
    assert len(data.classes) == 10
    for number, (image, label) in enumerate(data):
        assert image.mode == "RGB"
        assert image.size == (COLUMNS, ROWS)
        assert label == number % 10 == data.targets[number]
        truth = data.truth(number)
        assert (truth.label, truth.name) == (label, data.classes[label])


def test_an_item_depends_on_seed_and_number_alone(kind: type[Generated]) -> None:
    data, longer, other = kind(8, 48, 1), kind(80, 48, 1), kind(8, 48, 2)
    backwards = [data[number][0] for number in reversed(range(8))][::-1]
    for number in range(8):
        assert same(data[number][0], longer[number][0])
        assert same(data[number][0], backwards[number])
        assert not same(data[number][0], other[number][0])
    assert same(data[-1][0], data[7][0])


def test_no_random_state_moves(kind: type[Generated]) -> None:
    def states() -> tuple[str, ...]:
        legacy = np.random.get_state()  # noqa: NPY002
        return (
            repr(torch.get_rng_state().tolist()),
            repr(legacy[1].tolist()),
            repr(random.getstate()),
        )

    before = states()
    kind(3)[2]
    assert states() == before


def test_an_engine_reads_them_with_their_class_names(kind: type[Generated]) -> None:
    source = ImageSource.of(kind(12, (32, 40)))
    assert source.labels[11] == kind.classes[1]


@pytest.mark.parametrize("kind", [samples.shapes, samples.digits])
def test_box_and_colours_of_figures(kind: type[Generated]) -> None:
    data = kind(n=40, size=(ROWS, COLUMNS), seed=3)
    for number, (image, _) in enumerate(data):
        truth = data.truth(number)
        if truth.name == "house":  # its roof's colour is half-way
            continue
        pixels, (figure, ground) = np.asarray(image, float), np.array(truth.colours, float)
        # along the line between the two colours: 0 on the ground, 1 on the figure
        share = (pixels - ground) @ (figure - ground) / ((figure - ground) @ (figure - ground))
        rows, columns = np.nonzero(share > 0.62)  # the light changes the ground by 30 levels
        box = truth.box
        assert box.top - 1 <= rows.min() <= box.top + 3, truth
        assert box.left - 1 <= columns.min() <= box.left + 3, truth
        assert box.bottom - 4 <= rows.max() <= box.bottom, truth
        assert box.right - 4 <= columns.max() <= box.right, truth
        assert box == box.clip(ROWS, COLUMNS)


def test_a_face_has_its_parts_where_they_are_said_to_be() -> None:
    data = samples.shapes(n=200, size=(ROWS, COLUMNS), seed=4)
    for number in range(9, 200, 10):
        truth, pixels = data.truth(number), np.asarray(data[number][0], float)
        assert set(truth.parts) == {"left eye", "right eye", "nose", "mouth"}
        left, right = truth.parts["left eye"], truth.parts["right eye"]
        assert left.left < right.left
        assert (left.top > right.top + 1) <= (truth.angle > 0)  # anticlockwise: the left one sinks
        assert (left.top < right.top - 1) <= (truth.angle < 0)
        assert min(left.bottom, right.bottom) <= truth.parts["nose"].bottom
        assert truth.parts["nose"].top < truth.parts["mouth"].top
        figure, ground = np.array(truth.colours, float)
        for name in ("left eye", "right eye", "mouth"):
            box = truth.parts[name]
            middle = pixels[(box.top + box.bottom) // 2, (box.left + box.right) // 2]
            assert np.abs(middle - ground).sum() < np.abs(middle - figure).sum(), (truth, name)
            assert truth.box.top <= box.top
            assert box.bottom <= truth.box.bottom


def test_houses_and_arrows_have_parts_too() -> None:
    data = samples.shapes(n=20)
    assert set(data.truth(7).parts) == {"head", "shaft"}
    assert set(data.truth(8).parts) == {"roof", "door", "window"}


@pytest.mark.parametrize("label", range(4))
def test_stripes_have_their_direction_and_wavelength(label: int) -> None:
    """Both read from the strongest frequency of the picture."""
    data = samples.textures(n=60, size=(96, 128), seed=6)
    for number in range(label, 60, 10):
        truth = data.truth(number)
        grey = np.asarray(data[number][0].convert("L"), float)
        rows, columns = grey.shape
        window = np.outer(np.hanning(rows), np.hanning(columns))
        power = np.abs(np.fft.fft2((grey - grey.mean()) * window, (512, 512))) ** 2
        up, right = np.unravel_index(power[:, :256].argmax(), (512, 256))
        frequency = np.array([np.fft.fftfreq(512)[up], np.fft.fftfreq(512)[right]])
        assert 1 / np.hypot(*frequency) == pytest.approx(truth.scale, rel=0.1)
        # the stripes run across the gradient; rows count downwards
        direction = np.rad2deg(np.arctan2(frequency[1], frequency[0]))
        assert (direction - truth.angle + 90) % 180 - 90 == pytest.approx(0, abs=4)
        assert (truth.angle - (0, 90, 45, -45)[label] + 90) % 180 - 90 == pytest.approx(0, abs=10)


def test_noise_has_no_detail_finer_than_its_wavelength() -> None:
    data = samples.textures(n=40, size=(96, 128), seed=7)
    for number in (8, 9, 18, 19, 28, 29):
        truth = data.truth(number)
        grey = np.asarray(data[number][0], float) @ (0.299, 0.587, 0.114)
        power = np.abs(np.fft.fft2(grey)) ** 2 / grey.size
        frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(128))
        camera = 6**2 * (0.299**2 + 0.587**2 + 0.114**2)
        assert power[frequency > 1 / truth.scale + 0.01].mean() < 1.2 * camera
        assert power[(frequency < 1 / truth.scale) & (frequency > 0)].mean() > 5 * camera


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"size": (40, 15)}, r"size is \(40, 15\): expected 16"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        samples.shapes(**options)  # type: ignore[arg-type]


def test_a_picture_that_is_not_there_ends_iteration() -> None:
    with pytest.raises(IndexError, match="0 to 4, got 5"):
        samples.digits(5)[5]


def test_missing_public_data_says_what_is_expected_and_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"CIFAR-10.*cifar-10-batches-py.*download=True"):
        samples.cifar10(tmp_path)
    with pytest.raises(InputError, match=r"Caltech-101.*101_ObjectCategories.*download=True"):
        samples.caltech101(tmp_path)
    assert not list(tmp_path.rglob("*.*"))


def test_a_local_copy_of_caltech101_is_read(tmp_path: Path) -> None:
    root = tmp_path / "caltech101"
    (root / "Annotations").mkdir(parents=True)
    for name in ("BACKGROUND_Google", "ant", "barrel"):
        folder = root / "101_ObjectCategories" / name
        folder.mkdir(parents=True)
        for number in (1, 2):
            Image.new("L", (30, 20), 40 * number).save(folder / f"image_{number:04}.jpg")
    data = samples.caltech101(tmp_path)
    assert list(data.classes) == ["ant", "barrel"]
    assert list(data.targets) == [0, 0, 1, 1]
    image, label = data[2]
    assert (image.mode, image.size, label) == ("RGB", (30, 20), 1)


def test_importing_and_drawing_load_no_torch() -> None:
    code = (
        "import sys, zfwidgets as zf; zf.models; zf.samples.shapes(3)[2]; zf.samples.digits(2)[1];"
        "zf.samples.textures(2)[1]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
