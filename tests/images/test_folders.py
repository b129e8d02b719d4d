"""Folders and lists as images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

from tests.images.files import PRESET, small
from zfwidgets import samples
from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.images.skipped import SkippedImage
from zfwidgets.images.source import ImageSource


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


def test_paths_of_one_name_stay_apart(folder: Path) -> None:
    for place in "ab":
        (folder / place).mkdir()
        shutil.copy(folder / "coffee.jpg", folder / place / "same.jpg")
    source = ImageSource.of([folder / "a" / "same.jpg", folder / "b" / "same.jpg"])
    assert len(set(source.names)) == 2


def test_shipped_photos() -> None:
    photos = samples.photos()[10:16]
    source = ImageSource.of(photos)
    assert tuple(source.names) == photos.names
    assert source.transform_note == ""
    assert source.shape == (3, 224, 224)
    assert torch.equal(source.tensor(3), samples.transform()(photos[3]))


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
