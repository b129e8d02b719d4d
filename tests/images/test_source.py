"""What the network gets and what is shown, from every kind of image set, good and bad."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, Subset, TensorDataset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights
from torchvision.transforms import v2

from zfwidgets import samples
from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.images.skipped import SkippedImage
from zfwidgets.images.source import ImageSource

PRESET = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()


def small(*extra: Any) -> v1.Compose:
    """A transform to rows != columns."""
    return v1.Compose([v1.Resize((24, 36)), v1.ToTensor(), *extra])


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


# Folders and lists


def test_folder_is_searched_with_subfolders(folder: Path) -> None:
    source = ImageSource.of(folder)
    assert list(source.names) == ["coffee.jpg", "koala.PNG", "deep/deeper/bison.webp"]
    assert list(source.labels) == [None, None, None]
    assert "ImageNet" in source.transform_note
    for number, name in enumerate(source.names):
        image = Image.open(folder / name).convert("RGB")
        assert torch.equal(source.tensor(number), PRESET(image))


def test_one_folder_per_class_gives_labels(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for label, name in [("drink", "coffee.jpg"), ("animal", "koala.PNG")]:
        (root / label / "inner").mkdir(parents=True)
        shutil.copy(folder / name, root / label / "inner" / name)
    source = ImageSource.of(str(root))
    assert list(source.names) == ["animal/inner/koala.PNG", "drink/inner/coffee.jpg"]
    assert list(source.labels) == ["animal", "drink"]


def test_a_folder_named_like_an_image_is_a_folder(folder: Path) -> None:
    (folder / "trap.jpg").mkdir()
    shutil.copy(folder / "coffee.jpg", folder / "trap.jpg" / "inside.jpg")
    source = ImageSource.of(folder)
    assert "trap.jpg/inside.jpg" in source.names
    assert source.skipped == ()


def test_missing_empty_and_imageless_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no folder .*nowhere"):
        ImageSource.of(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has no images.*they are empty"):
        ImageSource.of(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").touch()
    with pytest.raises(InputError, match=r"other files: 2 x \.csv"):
        ImageSource.of(tmp_path)
    (tmp_path / "broken.jpg").touch()
    with pytest.raises(InputError, match=r"broken\.jpg: the file is empty"):
        ImageSource.of(tmp_path)


def test_bad_headers_are_left_out_and_late_failures_skipped(folder: Path) -> None:
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no image")
    whole = (folder / "coffee.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    source = ImageSource.of(folder)
    assert list(source.names) == ["coffee.jpg", "half.jpg", "koala.PNG", "deep/deeper/bison.webp"]
    left_out = {SkippedImage("empty.jpg", "the file is empty")}
    assert left_out < set(source.skipped)

    got = dict(source.tensors(range(len(source))))
    assert list(got) == [0, 2, 3]
    assert torch.equal(got[2], source.tensor(2))
    assert {skip.name for skip in source.skipped} == {"empty.jpg", "text.png", "half.jpg"}
    reason = next(skip.reason for skip in source.skipped if skip.name == "half.jpg")
    assert "truncated" in reason
    with pytest.raises(UnreadableImage, match=r"half\.jpg.*truncated"):
        source.tensor(1)

    (folder / "half.jpg").write_bytes(whole)  # mended meanwhile
    assert torch.equal(source.tensor(1), source.tensor(0))
    assert {skip.name for skip in source.skipped} == {"empty.jpg", "text.png"}


def test_the_first_image_may_be_the_broken_one(folder: Path) -> None:
    whole = (folder / "coffee.jpg").read_bytes()
    (folder / "a-half.jpg").write_bytes(whole[: len(whole) // 2])
    source = ImageSource.of(folder)
    assert source.names[0] == "a-half.jpg"
    assert torch.equal(source.example(), source.tensor(1))
    assert [skip.name for skip in source.skipped] == ["a-half.jpg"]


def test_nothing_readable(folder: Path) -> None:
    whole = (folder / "coffee.jpg").read_bytes()
    only = folder / "only"
    only.mkdir()
    (only / "half.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"None of the 1 images can be read.*half\.jpg"):
        ImageSource.of(only)


def test_list_of_anything(folder: Path, coffee: Image.Image) -> None:
    array = np.asarray(coffee)
    grey = array[..., 0].copy()
    tensor = torch.from_numpy(array.transpose(2, 0, 1).copy())  # uint8, as torchvision.io reads
    source = ImageSource.of([coffee, array, grey, tensor, folder / "koala.PNG"], small())
    assert len(set(source.names)) == 5
    assert source.names[4] == "koala.PNG"
    assert source.shape == (3, 24, 36)
    assert torch.equal(source.tensor(0), source.tensor(1))
    assert torch.equal(source.tensor(0), source.tensor(3))
    assert torch.equal(source.tensor(2)[0], source.tensor(2)[2])


def test_batch_of_arrays(coffee: Image.Image) -> None:
    batch = np.stack([np.asarray(coffee.resize((30, 20))), np.zeros((20, 30, 3), np.uint8)])
    source = ImageSource.of(batch, v1.ToTensor())
    assert len(source) == 2
    assert (source.display(0) == batch[0]).all()
    with pytest.raises(InputError, match="four dimensions"):
        ImageSource.of(batch[0])


def test_batch_in_one_tensor() -> None:
    batch = torch.randn(3, 2, 20, 30)
    source = ImageSource.of(batch)
    assert (len(source), source.shape) == (3, (2, 20, 30))
    assert torch.equal(source.tensor(2), batch[2])


def test_torchvision_is_not_imported_for_tensors() -> None:
    """Importing it is slow, and such an engine needs nothing of it."""
    code = """if True:
        import sys, torch, zfwidgets as zf
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
        zf.Explorer(zf.Engine(network, torch.rand(6, 3, 16, 20), cache=False)).settle()
        sys.exit("torchvision" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


def test_paths_of_one_name_stay_apart(folder: Path) -> None:
    for place in "ab":
        (folder / place).mkdir()
        shutil.copy(folder / "coffee.jpg", folder / place / "same.jpg")
    source = ImageSource.of([folder / "a" / "same.jpg", folder / "b" / "same.jpg"])
    assert len(set(source.names)) == 2


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


def test_shipped_photos() -> None:
    photos = samples.photos()[10:16]
    source = ImageSource.of(photos)
    assert tuple(source.names) == photos.names
    assert source.transform_note == ""
    assert source.shape == (3, 224, 224)
    assert torch.equal(source.tensor(3), samples.transform()(photos[3]))


# Datasets


def test_items_in_every_form(coffee: Image.Image) -> None:
    for item in (coffee, (coffee, 1), [coffee, 1], {"image": coffee, "label": 1}):
        source = ImageSource.of(Pairs([item]), small())
        assert torch.equal(source.tensor(0), small()(coffee))
    with pytest.raises(InputError, match=r"dict with \['pixels'\].*'image'"):
        ImageSource.of(Pairs([{"pixels": coffee}]))


def test_image_folder_dataset_names_labels_and_its_own_normalisation(
    folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "classes"
    for label, name in [("drink", "coffee.jpg"), ("animal", "koala.PNG")]:
        (root / label).mkdir(parents=True)
        shutil.copy(folder / name, root / label / name)
    dataset = ImageFolder(root, small(v1.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])))
    source = ImageSource.of(dataset)
    assert list(source.names) == ["animal/koala.PNG", "drink/coffee.jpg"]
    assert list(source.labels) == ["animal", "drink"]
    assert torch.equal(source.tensor(1), dataset[1][0])
    plain = (small()(Image.open(root / "drink" / "coffee.jpg")) * 255).round().byte()
    assert (source.display(1) == plain.permute(1, 2, 0).numpy()).all()
    assert source.display_note == ""
    subset = ImageSource.of(Subset(dataset, [1]))
    assert (subset.display(0) == source.display(1)).all()


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


# Transforms


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


# Display


@pytest.mark.parametrize(
    "transform",
    [
        small(v1.Normalize([0.48, 0.45, 0.4], [0.2, 0.25, 0.3])),
        small(
            v1.Normalize([0.48, 0.45, 0.4], [0.2, 0.25, 0.3]), v1.Normalize([1, 2, 3], [2, 2, 2])
        ),
        torch.nn.Sequential(
            v2.ToImage(),
            v2.Resize((24, 36)),
            v2.ToDtype(torch.float32, scale=True),
            torch.nn.Sequential(v2.Normalize([0.5], [0.1])),
        ),
        small(v1.Lambda(lambda t: t * 255), v1.Normalize([120, 110, 100], [1, 1, 1])),
        small(v1.Lambda(lambda t: t * 255)),
        small(),
    ],
    ids=["normalize", "twice", "nested", "caffe", "0..255", "plain"],
)
def test_display_is_what_the_network_saw(coffee: Image.Image, transform: Any) -> None:
    source = ImageSource.of([coffee], transform)
    resized = np.asarray(coffee.resize((36, 24), Image.Resampling.BILINEAR))
    assert source.display(0).shape == (24, 36, 3)
    assert source.display(0).dtype == np.uint8
    assert np.abs(source.display(0).astype(int) - resized).max() <= 1
    assert source.display_note == ""


def test_preset_is_inverted(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee])
    seen = v1.functional.center_crop(v1.functional.resize(coffee, 256), 224)
    assert np.abs(source.display(0).astype(int) - np.asarray(seen)).max() <= 1


def test_unknown_values_are_stretched_and_said_so(coffee: Image.Image) -> None:
    odd = small(v1.Normalize([0.5], [0.5]), v1.Lambda(lambda t: 3 * t**3 - 7))
    source = ImageSource.of([coffee], odd)
    assert "contrast stretched" in source.display_note
    values = source.tensor(0).numpy()
    expected = (values - values.min()) / (values.max() - values.min()) * 255
    assert np.abs(source.display(0).transpose(2, 0, 1) - expected).max() <= 0.51


def test_denormalize(coffee: Image.Image) -> None:
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    plain = small()(coffee)
    data = TensorDataset(((plain - mean[:, None, None]) / std[:, None, None])[None])
    expected = (plain * 255).round().byte().permute(1, 2, 0).numpy()
    stretched = ImageSource.of(data)
    assert "Pass denormalize" in stretched.display_note
    ways = [
        (mean, std),
        (mean.tolist(), std.tolist()),
        lambda t: t * std[:, None, None] + mean[:, None, None],
        lambda t: (t.permute(1, 2, 0) * std + mean).numpy(),
        lambda t: expected,
    ]
    for way in ways:
        source = ImageSource.of(data, denormalize=way)
        assert np.abs(source.display(0).astype(int) - expected).max() <= 1
        assert source.display_note == ""


@pytest.mark.parametrize(
    ("denormalize", "message"),
    [
        (0.5, r"expected \(mean, std\)"),
        (([0.5, 0.5], [1, 1]), "mean has 2 values, the images 3 channels"),
        ((0.5, 0), "std must be above 0"),
    ],
)
def test_bad_denormalize(coffee: Image.Image, denormalize: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageSource.of([coffee], denormalize=denormalize)


def test_grey_networks(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee], v1.Compose([v1.Grayscale(), small()]))
    assert source.shape == (1, 24, 36)
    shown = source.display(0)
    assert (shown == shown[..., :1]).all()


def test_transparency_is_said(coffee: Image.Image, tmp_path: Path) -> None:
    clear = coffee.copy()
    clear.putalpha(128)
    clear.save(tmp_path / "clear.png")
    source = ImageSource.of(tmp_path)
    assert "1 image has transparent parts, laid on white" in source.display_note


def test_baselines() -> None:
    source = ImageSource.of(samples.photos()[:1])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    grey = source.baseline_value("grey")
    assert grey.dtype == torch.float32
    assert torch.allclose(grey.flatten(), (0.5 - mean) / std, atol=1e-6)
    covered = source.tensor(0).clone()
    covered[:, 40:60, 10:90] = grey
    assert set(np.unique(source.show(covered)[40:60, 10:90])) <= {127, 128}
    assert source.baseline_value("mean").flatten().tolist() == [0]
    assert source.baseline_value(-1.5).flatten().tolist() == [-1.5]
    assert source.baseline_value((1, 2, 3)).shape == (3, 1, 1)
    for bad in ("blur", (1, 2), float("nan")):
        with pytest.raises(InputError, match="baseline="):
            source.baseline_value(bad)


def test_baselines_without_a_known_normalisation(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee], small(v1.Lambda(lambda t: 9 * t - 4)))
    with pytest.raises(InputError, match="pass denormalize"):
        source.baseline_value("grey")
    assert source.baseline_value(0.25).item() == 0.25
    plain = ImageSource.of([coffee], small())
    assert plain.baseline_value("grey").flatten().tolist() == [0.5]
    with pytest.raises(InputError, match="a Normalize's mean colour"):
        plain.baseline_value("mean")


# Other images with the same transform


def test_alike(coffee: Image.Image) -> None:
    source = ImageSource.of(samples.photos()[:2])
    other = source.alike([coffee])
    assert torch.equal(other.tensor(0), PRESET(coffee))
    assert (other.display(0) == source.show(PRESET(coffee))).all()
    assert torch.equal(source.alike([other.tensor(0)]).tensor(0), other.tensor(0))
    with pytest.raises(InputError, match=r"\(3, 9, 9\)"):
        source.alike([torch.zeros(3, 9, 9)]).tensor(0)


# Fingerprints


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


# Threads


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
