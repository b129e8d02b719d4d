"""Random transforms are refused, and nobody's random numbers move."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms as v1

from zfwidgets import samples
from zfwidgets.errors import InputError
from zfwidgets.images.source import ImageSource


def states() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (random.getstate(), kind, keys.tobytes(), *rest, torch.get_rng_state().numpy().tobytes())


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    random.seed(3)
    np.random.seed(4)  # noqa: NPY002
    torch.manual_seed(5)
    before = states()
    yield
    assert states() == before


def to_tensor(*steps: Any) -> v1.Compose:
    return v1.Compose([v1.Resize((24, 36)), *steps, v1.ToTensor()])


def python_flip(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


def numpy_flip(image: Image.Image) -> Image.Image:
    return image.rotate(180) if np.random.rand() < 0.5 else image  # noqa: NPY002


@pytest.mark.parametrize(
    "transform",
    [
        to_tensor(v1.RandomHorizontalFlip()),
        to_tensor(v1.RandomHorizontalFlip(p=0.0)),
        v1.Compose([v1.RandomResizedCrop((24, 36)), v1.ToTensor()]),
        v1.Compose([to_tensor(), v1.RandomErasing(p=1e-9)]),
        v1.Compose([to_tensor(), lambda t: t + torch.randn_like(t) * 0]),
        to_tensor(python_flip),
        to_tensor(numpy_flip),
        to_tensor(lambda image: (np.random.rand(), image)[1]),  # noqa: NPY002
    ],
    ids=["flip", "never flips", "crop", "erasing", "noise", "python", "numpy", "numpy unused"],
)
def test_random_transforms_are_refused(coffee: Image.Image, transform: Any) -> None:
    with pytest.raises(InputError, match=r"draws random numbers.*without augmentation"):
        ImageSource.of([coffee, coffee], transform)


def test_a_private_generator_is_found_by_its_pixels(coffee: Image.Image) -> None:
    generator = np.random.default_rng(0)
    jitter = v1.Compose([to_tensor(), lambda t: t * float(generator.uniform(0.5, 1))])
    with pytest.raises(InputError, match="different results for the same image"):
        ImageSource.of([coffee], jitter)


def test_a_private_generator_seeded_each_time_is_fine(coffee: Image.Image) -> None:
    def dither(tensor: torch.Tensor) -> torch.Tensor:
        noise = torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1))
        return tensor + noise * 1e-3

    source = ImageSource.of([coffee], v1.Compose([to_tensor(), dither]))
    assert torch.equal(source.tensor(0), source.tensor(0))


@pytest.mark.parametrize("draw", [lambda: torch.rand(()), random.random, np.random.rand])
def test_random_datasets_are_refused(coffee: Image.Image, draw: Any) -> None:
    class Augmented:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> torch.Tensor:
            try:
                return to_tensor()(coffee) * float(draw())
            except Exception as error:
                raise RuntimeError("swallowed") from error

    with pytest.raises(InputError, match="draws random numbers"):
        ImageSource.of(Augmented())


def test_a_set_that_fails_leaves_no_trace() -> None:
    class Failing:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> torch.Tensor:
            raise ValueError(f"{random.random()} {np.random.rand()}")  # noqa: NPY002

    with pytest.raises(InputError, match="None of the 3 images"):
        ImageSource.of(Failing())


def test_another_threads_draws_are_not_blamed_on_the_transform(coffee: Image.Image) -> None:
    """Draws that don't come with every reading leave the verdict and their state alone."""
    drawn: list[float] = []

    def now_and_then(image: Image.Image) -> Image.Image:
        if not drawn:  # stands for another thread, at one moment
            drawn.append(random.random())
        return image

    before = random.getstate()
    ImageSource.of([coffee], to_tensor(now_and_then))
    assert random.getstate() != before
    random.setstate(before)
    assert random.random() == drawn[0]
    random.setstate(before)


def test_reading_moves_nothing() -> None:
    source = ImageSource.of(samples.photos()[:9])
    for _ in source.tensors(range(9)):
        pass
    source.display(2), source.fingerprint(), source.baseline_value("grey")
