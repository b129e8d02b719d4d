"""Images kept as their levels come back to the last bit, or are kept as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import zfwidgets as zf
from zfwidgets.images.levels import Levels
from zfwidgets.images.source import ImageSource


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


def noise(count: int, rows: int = 20, columns: int = 31) -> list[Image.Image]:
    generator = np.random.default_rng(3)
    return [
        Image.fromarray(generator.integers(0, 256, (rows, columns, 3), np.uint8))
        for _ in range(count)
    ]


def transform(*more: object) -> v2.Compose:
    return v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), *more])


def test_photos_take_a_quarter_and_come_back_to_the_last_bit() -> None:
    source = ImageSource.of(zf.samples.photos(), zf.samples.transform())
    levels = Levels(source)
    kept = [(source.tensor(number), levels.packed(source.tensor(number))) for number in range(8)]
    for tensor, packed in kept:  # after the table has grown
        assert 4 * packed.nbytes == tensor.nbytes
        assert same_bits(levels.unpacked(packed), tensor)
        assert np.array_equal(levels.pixels(packed), source.show(tensor))


def check(source: ImageSource, levels: Levels, kind: type) -> None:
    """Each image is packed as such, comes back to the last bit, and looks the same."""
    for number in range(len(source)):
        tensor = source.tensor(number)
        packed = levels.packed(tensor)
        assert isinstance(packed, kind)
        assert same_bits(levels.unpacked(packed), tensor)
        assert np.array_equal(levels.pixels(packed), source.show(tensor))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_channels_have_tables_of_their_own(mode: str) -> None:
    if mode == "L":
        steps = [v2.ToImage(), v2.Grayscale(), v2.ToDtype(torch.float32, scale=True)]
        chosen = v2.Compose([*steps, v2.Normalize([0.4], [0.3])])
    else:
        chosen = transform(v2.Normalize([0.4, 0.5, 0.1], [0.3, 0.2, 0.25]))
    source = ImageSource.of(noise(3), chosen)
    levels = Levels(source)
    check(source, levels, np.ndarray)


def test_what_has_more_than_256_levels_is_kept_as_it_is() -> None:
    """Resized as floats; beside those of the same source that have levels."""
    smooth = transform(v2.Resize((13, 17)), v2.Normalize([0.5] * 3, [0.5] * 3))
    tensors = [smooth(one) for one in noise(2)]
    tensors[1] = (tensors[1] * 255).round() / 255
    source = ImageSource.of(tensors, denormalize=([0.5] * 3, [0.5] * 3))
    levels = Levels(source)
    assert levels.packed(source.tensor(0)) is not None
    check(source, levels, torch.Tensor)


def test_a_zero_with_a_sign_is_no_other_zero() -> None:
    tensor = torch.zeros(3, 4, 5)
    tensor[0, 0, 0] = -0.0
    source = ImageSource.of([tensor, torch.ones(3, 4, 5)])
    levels = Levels(source)
    assert same_bits(levels.unpacked(levels.packed(tensor)), tensor)


def test_a_users_own_display_is_not_asked_more_often() -> None:
    seen = []

    def show(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(1)
        return tensor.clamp(0, 1)

    source = ImageSource.of([torch.rand(3, 4, 5) for _ in range(2)], denormalize=show)
    before = len(seen)
    assert isinstance(Levels(source).packed(source.tensor(0)), torch.Tensor)
    assert len(seen) == before
