"""What the network gets and what is shown, from every kind of image set, good and bad."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset
from torchvision import transforms as v1
from torchvision.models import AlexNet_Weights
from torchvision.transforms import v2

from tests.images.files import PRESET, small
from tests.waiting import SECONDS
from zfwidgets import samples
from zfwidgets.errors import InputError
from zfwidgets.images.source import ImageSource


class Pairs(Dataset):  # type: ignore[type-arg]
    """Items of any form."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        item = self.items[index]
        if isinstance(item, Exception):
            raise item
        return item


def test_torchvision_is_not_imported_for_tensors() -> None:
    """Importing it is slow, and such an engine needs nothing of it."""
    code = f"""if True:
        import sys, torch, zfwidgets as zf
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
        zf.Explorer(zf.Engine(network, torch.rand(6, 3, 16, 20), cache=False)).settle({SECONDS})
        sys.exit("torchvision" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "images is empty"),
        (7, "images is a int: expected a folder"),
        ((n for n in range(3)), "None of the 3 images can be read: image 0: it is a int: expected"),
        (Image.new("RGB", (4, 4)), "pass a list of them"),
        ([object()], "Item 0 of the list is a object"),
        (Pairs([]), "The dataset .Pairs. has no images"),
        ([np.zeros((4, 5, 3))], "Item 0 of the list is an array of float64: expected uint8"),
    ],
)
def test_what_is_no_image_set(images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageSource.of(images)


def test_items_in_every_form(coffee: Image.Image) -> None:
    for item in (coffee, (coffee, 1), [coffee, 1], {"image": coffee, "label": 1}):
        source = ImageSource.of(Pairs([item]), small())
        assert torch.equal(source.tensor(0), small()(coffee))
    with pytest.raises(InputError, match=r"dict with \['pixels'\].*'image'"):
        ImageSource.of(Pairs([{"pixels": coffee}]))


def test_labels_become_known_by_reading() -> None:
    pixels = torch.rand(3, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    source = ImageSource.of(TensorDataset(pixels, torch.tensor([4, 0, 2])))
    assert [label for _, label in zip(source.tensors(range(3)), "xyz", strict=True)]
    assert list(source.labels) == ["4", "0", "2"]


def test_tensor_items_are_taken_as_they_are() -> None:
    pixels = torch.rand(4, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    source = ImageSource.of(TensorDataset(pixels))
    assert torch.equal(source.tensor(2), pixels[2])
    assert source.transform_note == ""
    shown = (pixels[2] * 255).round().byte().permute(1, 2, 0).numpy()
    assert (source.display(2) == shown).all()


def test_broken_items_of_a_dataset_are_skipped(coffee: Image.Image) -> None:
    source = ImageSource.of(Pairs([coffee, OSError("disk on fire"), coffee]), small())
    assert [number for number, _ in source.tensors(range(3))] == [0, 2]
    assert [skip.name for skip in source.skipped] == ["image 1"]
    assert "OSError: disk on fire" in source.skipped[0].reason


def test_a_dataset_is_read_by_one_thread_at_a_time(coffee: Image.Image) -> None:
    inside, most = 0, 0

    class Counting(Pairs):
        def __getitem__(self, index: int) -> Any:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            item = super().__getitem__(index).resize((64, 48))
            inside -= 1
            return item

    source = ImageSource.of(Counting([coffee] * 40), small())
    assert len(list(source.tensors(range(40), workers=4))) == 40
    assert most == 1


def test_weights_enum_brings_transform_and_classes(coffee: Image.Image) -> None:
    weights = AlexNet_Weights.IMAGENET1K_V1
    source = ImageSource.of([coffee], weights)
    assert torch.equal(source.tensor(0), weights.transforms()(coffee))
    assert source.categories == tuple(weights.meta["categories"])
    with pytest.raises(InputError, match=r"AlexNet_Weights\.DEFAULT"):
        ImageSource.of([coffee], AlexNet_Weights)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda image: image, "a Image for 'image 0'.*Add ToTensor"),
        (lambda image: np.asarray(image), "a ndarray for"),
        (lambda image: None, "a NoneType for"),
        (lambda image: PRESET, r"weights\.transforms\(\)\?"),
        (v1.PILToTensor(), r"torch\.uint8.*ToDtype"),
        (v1.Compose([PRESET, lambda t: t[None]]), "Leave the batch dimension out"),
        (v1.Compose([PRESET, lambda t: t[0]]), r"shape \(224, 224\)"),
        (v1.Compose([PRESET, lambda t: t[:, :0]]), "an empty tensor"),
        (v1.Compose([PRESET, lambda t: t / 0]), "NaN or infinite"),
        (v1.Lambda(lambda image: 1 / 0), "failed on 'image 0'.*ZeroDivisionError"),
        ("resize", "transform is a str: expected a callable"),
    ],
)
def test_transforms_that_give_no_image(coffee: Image.Image, transform: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageSource.of([coffee], transform)


def test_shapes_that_differ(coffee: Image.Image) -> None:
    images = [coffee, coffee.resize((90, 60)), coffee, coffee]
    with pytest.raises(InputError, match="all must have one shape"):
        ImageSource.of([*images[:2]], v1.ToTensor())
    source = ImageSource.of(images, v1.ToTensor())  # the second isn't among the first looks
    with pytest.raises(InputError, match=r"\(3, 60, 90\) for 'image 1'"):
        source.tensor(1)
    assert [number for number, _ in source.tensors(range(4))] == [0, 2, 3]
    assert [skip.name for skip in source.skipped] == ["image 1"]
    assert "all must have one shape" in source.skipped[0].reason


def test_half_precision_becomes_float32(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee], small(lambda t: t.half()))
    assert source.tensor(0).dtype == torch.float32


def test_tv_tensors_become_plain(coffee: Image.Image) -> None:
    transform = v2.Compose(
        [v2.ToImage(), v2.Resize((24, 36)), v2.ToDtype(torch.float32, scale=True)]
    )
    assert type(ImageSource.of([coffee], transform).tensor(0)) is torch.Tensor


def test_alike(coffee: Image.Image) -> None:
    source = ImageSource.of(samples.photos()[:2])
    other = source.alike([coffee])
    assert torch.equal(other.tensor(0), PRESET(coffee))
    assert (other.display(0) == source.show(PRESET(coffee))).all()
    assert torch.equal(source.alike([other.tensor(0)]).tensor(0), other.tensor(0))
    with pytest.raises(InputError, match=r"\(3, 9, 9\)"):
        source.alike([torch.zeros(3, 9, 9)]).tensor(0)


def test_fingerprint_of_files(folder: Path) -> None:
    first = ImageSource.of(folder).fingerprint()
    assert first == ImageSource.of(str(folder)).fingerprint()
    os.utime(folder / "coffee.jpg", (5, 5))
    changed = ImageSource.of(folder).fingerprint()
    assert changed["images"] != first["images"]
    assert changed["transform"] == first["transform"]
    assert ImageSource.of(folder, small()).fingerprint()["transform"] != first["transform"]


def test_fingerprint_of_pixels(coffee: Image.Image) -> None:
    first = ImageSource.of([coffee, coffee]).fingerprint()
    assert first == ImageSource.of([coffee.copy(), coffee.copy()]).fingerprint()
    other = coffee.copy()
    other.putpixel((5, 3), (1, 2, 3))
    assert first != ImageSource.of([coffee, other]).fingerprint()


def own(image: Image.Image) -> torch.Tensor:
    return samples.transform()(image)


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "import torch; from zfwidgets import samples;"
        "from zfwidgets.images.source import ImageSource;"
        "own = lambda image: samples.transform()(image); own.__qualname__ = 'own';"
        "print(ImageSource.of(samples.photos()[:5], own).fingerprint())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert there.strip() == str(ImageSource.of(samples.photos()[:5], own).fingerprint())


def test_probe_tells_transforms_apart_that_have_one_name(coffee: Image.Image) -> None:
    one = ImageSource.of([coffee], small(v1.Lambda(lambda t: t)))
    two = ImageSource.of([coffee], small(v1.Lambda(lambda t: t * 0.9)))
    assert one.fingerprint() == two.fingerprint()
    assert one.probe == pytest.approx((float(one.tensor(0).mean()), float(one.tensor(0).std())))
    assert one.probe != pytest.approx(two.probe, rel=1e-3)


def test_tensors_come_in_the_order_asked(coffee: Image.Image) -> None:
    source = ImageSource.of(samples.photos()[:12])
    order = [7, 2, 2, 11, 0]
    for workers in (0, 1, 3):
        got = list(source.tensors(order, workers))
        assert [number for number, _ in got] == order
        assert all(torch.equal(tensor, source.tensor(number)) for number, tensor in got)


def test_closing_early_ends_the_threads(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee] * 200, small())
    before = threading.active_count()
    stream = source.tensors(range(200), workers=3)
    next(stream)
    assert threading.active_count() > before
    stream.close()
    assert threading.active_count() == before
    failing = source.tensors([0, 1, 999], workers=3)
    with pytest.raises(InputError, match="images 0 to 199, got 999"):
        list(failing)
    assert threading.active_count() == before


def test_looks_ahead_a_bounded_number(coffee: Image.Image) -> None:
    read: list[int] = []

    class Noting(Pairs):
        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return super().__getitem__(index)

    source = ImageSource.of(Noting([coffee] * 100), small())
    read.clear()
    stream = source.tensors(range(100), workers=2)
    next(stream)
    stream.close()
    assert max(read) <= 1 + 4 * 2
