"""The default transform gives what torchvision's preset gives, to the bit, without torchvision."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights

from zfwidgets.images.feeding import quick
from zfwidgets.images.pixels.transforms import describe, find_normalisation, imagenet

TORCHVISIONS = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()


def picture(columns: int, rows: int, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(columns)
    drawn = Image.fromarray(random.integers(0, 256, (rows, columns, 3), np.uint8))
    return drawn.convert(mode)


@pytest.mark.parametrize(
    ("columns", "rows"), [(500, 375), (301, 777), (256, 256), (256, 400), (90, 41), (257, 256)]
)
def test_pixels_are_torchvisions(columns: int, rows: int) -> None:
    image = picture(columns, rows)
    before = image.tobytes()
    found, expected = imagenet()(image), TORCHVISIONS(image)
    assert found.shape == (3, 224, 224)
    assert found.is_contiguous()
    assert torch.equal(found, expected)
    assert image.tobytes() == before


def test_tensors_are_prepared_as_by_torchvision() -> None:
    levels = torch.arange(3 * 300 * 270, dtype=torch.int32).reshape(3, 300, 270) % 256
    image = levels.to(torch.uint8)
    assert torch.equal(imagenet()(image), TORCHVISIONS(image))


def test_it_is_told_and_known_as_torchvisions() -> None:
    own = imagenet()
    assert describe(own) == describe(TORCHVISIONS)
    assert repr(own) == repr(TORCHVISIONS)
    one, other = find_normalisation(own), find_normalisation(TORCHVISIONS)
    assert one is not None
    assert other is not None
    assert np.array_equal(one.gain, other.gain)
    assert np.array_equal(one.shift, other.shift)
    again = pickle.loads(pickle.dumps(own))
    assert torch.equal(again(picture(320, 240)), own(picture(320, 240)))


def test_files_are_resized_by_the_same_kernels() -> None:
    own, theirs = quick.version_of(imagenet()), quick.version_of(TORCHVISIONS)
    assert own is not None
    assert theirs is not None
    levels = torch.from_numpy(np.asarray(picture(333, 280)).copy()).permute(2, 0, 1)
    assert torch.equal(own(levels), theirs(levels))
