"""Iterables, tar shards and datasets of other libraries: the pixels, names and labels they have."""

from __future__ import annotations

import io
import itertools
import os
import pickle
import random
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torchvision import datasets as vision
from torchvision import transforms as v1
from torchvision.models import SqueezeNet1_1_Weights

import zfwidgets as zf
from tests.engine.ranking.small import network
from tests.images.files import LABELS, NAMES, assert_pixels, decoded, photos, small
from zfwidgets.errors import InputError
from zfwidgets.images.feeding import quick
from zfwidgets.images.sets.repeatable import states
from zfwidgets.images.source import ImageSource


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return path


@pytest.fixture
def shards(tmp_path: Path, files: dict[str, bytes]) -> list[Path]:
    """Two shards, one with labels after and one with labels before the images."""
    one = [
        member
        for name, label in zip(NAMES[:3], "021", strict=True)
        for member in ((f"a/{name}.jpg", files[name]), (f"a/{name}.cls", label.encode()))
    ]
    two = [
        ("__meta__.json", b"{}"),
        ("camels.cls", b"cat"),
        ("camels.jpg", files["camels"]),
        ("alpaca.jpg", files["alpaca"]),
        ("alpaca.json", b"{}"),
    ]
    folder = tmp_path / "shards"
    folder.mkdir()
    return [write_tar(folder / "s-000.tar", one), write_tar(folder / "s-001.tar", two)]


def test_shards_are_read_in_place(shards: list[Path], files: dict[str, bytes]) -> None:
    for images in (shards, shards[0].parent, list(map(str, shards))):
        source = ImageSource.of(images, small())
        assert list(source.names)[::3] == ["s-000.tar/a/coffee.jpg", "s-001.tar/camels.jpg"]
        assert list(source.labels) == ["0", "2", "1", "cat", None]
        assert source._reader.quick is not None
        assert_pixels(source, files)
    assert len(ImageSource.of(shards[1], small())) == 2
    got = dict(source.feed([4, 0], workers=1, processes=True))
    assert torch.equal(got[4], source.tensor(4))  # type: ignore[arg-type]


def test_a_shard_that_was_written_anew_is_another(shards: list[Path]) -> None:
    before = ImageSource.of(shards, small())
    stamps, fingerprint = list(before.stamps), before.fingerprint()
    assert fingerprint == ImageSource.of(shards, small()).fingerprint()
    os.utime(shards[1], (5, 5))
    assert fingerprint != ImageSource.of(shards, small()).fingerprint()
    assert [a == b for a, b in zip(stamps, before.stamps, strict=True)] == [True] * 3 + [False] * 2


def test_shards_told_by_their_bytes(shards: list[Path], rows: Any) -> None:
    one = ImageSource.of(shards, small(), hash_files=True).fingerprint()
    os.utime(shards[1], (5, 5))
    assert ImageSource.of(shards, small(), hash_files=True).fingerprint() == one
    with shards[1].open("r+b") as file:
        file.seek(600)
        file.write(b"x")
    assert ImageSource.of(shards, small(), hash_files=True).fingerprint() != one
    with pytest.raises(InputError, match="hash_files=True needs files: the rows"):
        ImageSource.of(rows, small(), hash_files=True)


def test_bad_shards_are_named(shards: list[Path], tmp_path: Path, files: dict[str, bytes]) -> None:
    whole = shards[0].read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tar").write_text("no archive")
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(shards[1])
    paths = [cut, tmp_path / "text.tar", tmp_path / "packed.tar.gz", tmp_path / "gone.tar"]
    source = ImageSource.of([shards[1], *paths], small())
    reasons = {skip.name: skip.reason for skip in source.skipped}
    assert "not a whole tar file" in reasons["cut.tar"]
    assert "not a whole tar file" in reasons["text.tar"]
    assert "unpack it" in reasons["packed.tar.gz"]
    assert reasons["gone.tar"] == "the file is gone"
    assert source.names[0] == "s-001.tar/camels.jpg"
    with pytest.raises(InputError, match=r"There is no image.*text\.tar"):
        ImageSource.of(tmp_path / "text.tar")
    twice = write_tar(
        tmp_path / "twice.tar", [("x.left.jpg", files["koala"]), ("x.right.jpg", files["koala"])]
    )
    with pytest.raises(InputError, match=r"several images.*to_tuple\('left\.jpg', 'cls'\)"):
        ImageSource.of(twice)
    broken = write_tar(
        tmp_path / "broken.tar", [("x.jpg", files["koala"][:900]), ("y.jpg", files["koala"])]
    )
    half = ImageSource.of(broken, small())
    assert [number for number, tensor in half.feed([0, 1]) if tensor is not None] == [1]
    assert half.skipped[0].name == "broken.tar/x.jpg"


class Passing(IterableDataset):  # type: ignore[type-arg]
    """Items of any form; counts how often it is gone through."""

    def __init__(self, items: list[Any]) -> None:
        self.items, self.passes = items, 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        yield from self.items

    def __len__(self) -> int:  # as some have it: it is no map-style dataset for that
        return len(self.items)


def test_one_pass_of_an_iterable_is_kept(files: dict[str, bytes]) -> None:
    found = photos()
    mask = found["koala"].convert("RGBA")
    mask.putalpha(90)
    rows = [
        (found["coffee"], 1),
        {"image": np.asarray(found["koala"]), "label": "bear"},
        {"__key__": "b/7", "jpg": files["bison"], "cls": b"3"},
        torch.from_numpy(np.asarray(found["camels"]).transpose(2, 0, 1).copy()),
        (mask, None),
    ]
    images = Passing(rows)
    source = ImageSource.of(images, small())
    assert images.passes == 1
    assert list(source.labels) == ["1", "bear", "3", None, None]
    assert list(source.names)[1:3] == ["image 1", "b/7"]
    for number, name in ((0, "coffee"), (1, "koala"), (3, "camels")):
        again = small()(found[name])
        assert quick.levels(source.tensor(number), again, small()) <= quick.SAME
    assert quick.levels(source.tensor(2), decoded(files["bison"]), small()) <= quick.SAME
    plain = ImageSource.of([mask, mask], small())
    assert quick.levels(source.tensor(4), plain.tensor(0), small()) <= quick.SAME
    assert "laid on white" in source.display_note
    assert "5 images of one pass" in source.images_note
    assert source.fingerprint() == ImageSource.of(Passing(rows), small()).fingerprint()
    assert source.fingerprint() != ImageSource.of(Passing(rows[::-1]), small()).fingerprint()
    assert images.passes == 1


def test_tensors_of_an_iterable_keep_their_bits() -> None:
    pixels = torch.rand(4, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    source = ImageSource.of((pixels[i], i) for i in range(4))
    for number in (2, 0, 3, 1):
        assert torch.equal(source.tensor(number), pixels[number])
    assert list(source.labels) == ["0", "1", "2", "3"]


def test_paths_of_an_iterable_are_not_copied(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.jpg").write_bytes(files[name])
    source = ImageSource.of((tmp_path / f"{name}.jpg" for name in NAMES), small(), spill=0)
    assert_pixels(source, files)
    assert source.images_note == ""
    assert source.names[1] == "koala.jpg"


def test_an_iterable_is_kept_within_bounds() -> None:
    image = Image.new("RGB", (30, 20))
    with pytest.raises(InputError, match=r"\(repeat\) take more than .*spill=") as error:
        ImageSource.of(itertools.repeat(image), small(), spill=100_000)
    assert "tar shards" in str(error.value)


def test_what_an_iterable_keeps_has_no_name(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = ImageSource.of(iter([photos()["koala"]] * 3), small())
    if os.name == "posix":
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="no name"):
        pickle.dumps(source._reader)
    got = list(source.feed(range(3), workers=2, processes=True))  # read here then, in threads
    assert all(tensor is not None for _, tensor in got)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(InputError, match=r"No space left on device.*set TMPDIR"):
        ImageSource.of(iter([photos()["koala"]]), small())


def test_items_of_an_iterable_that_are_no_images(files: dict[str, bytes]) -> None:
    rows = [(files["koala"][:500], 0), {"depth": 3}, object(), (files["koala"], 1), ()]
    source = ImageSource.of(Passing(rows), small())
    assert [number for number, tensor in source.feed(range(5)) if tensor is not None] == [3]
    reasons = [skip.reason for skip in source.skipped]
    assert len(reasons) == 4
    assert "expected the key 'image'" in reasons[1]
    assert "a object: expected a PIL image" in reasons[2]
    with pytest.raises(InputError, match="None of the 2 images"):
        ImageSource.of(Passing([object()] * 2))
    with pytest.raises(InputError, match="None of the first 1000 items"):
        ImageSource.of(itertools.repeat(object()))


def test_iterables_that_end_badly() -> None:
    def failing() -> Iterator[Image.Image]:
        yield photos()["koala"]
        raise OSError("the server is gone")

    with pytest.raises(InputError, match=r"after 1 items.*OSError: the server is gone"):
        ImageSource.of(failing())
    used = iter([photos()["koala"]])
    next(used)
    with pytest.raises(InputError, match=r"gave no items.*pass a new one"):
        ImageSource.of(used)
    loader = DataLoader(TensorDataset(torch.rand(3, 3, 5, 7)))
    with pytest.raises(InputError, match=r"gives batches.*images\.dataset"):
        ImageSource.of(loader)
    with pytest.raises(InputError, match=r"a dict with 'train', 'test': choose one, images\['tr"):
        ImageSource.of({"train": [], "test": []})


def test_an_iterable_draws_no_random_pixels() -> None:
    image = photos()["koala"]

    def noisy() -> Iterator[np.ndarray]:
        for _ in range(8):
            yield np.random.randint(0, 256, (20, 30, 3), np.uint8)  # noqa: NPY002

    def shuffled() -> Iterator[Image.Image]:
        sizes = list(range(20, 28))
        random.shuffle(sizes)
        for size in sizes:
            yield image.resize((size, 20))

    def torchs() -> Iterator[torch.Tensor]:
        yield torch.rand(3, 20, 30)

    before, torchs_before = str(states()), torch.get_rng_state()
    with pytest.raises(InputError, match=r"draws random numbers \(numpy\.random\)"):
        ImageSource.of(noisy(), small())
    with pytest.raises(InputError, match=r"draws random numbers \(aten"):
        ImageSource.of(torchs())
    assert len(ImageSource.of(shuffled(), small())) == 8
    assert str(states()) == before
    assert torch.equal(torch.get_rng_state(), torchs_before)


def test_cifar10_has_class_names_and_is_transformed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / vision.CIFAR10.base_folder
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072), np.uint8)
    for name, _ in [*vision.CIFAR10.train_list, *vision.CIFAR10.test_list]:
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "labels": [3, 0, 9, 3]}))
    names = [f"class {i}" for i in range(10)]
    (folder / vision.CIFAR10.meta["filename"]).write_bytes(pickle.dumps({"label_names": names}))
    monkeypatch.setattr(vision.cifar, "check_integrity", lambda *_: True)
    own = v1.Compose([v1.ToTensor(), v1.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])])
    dataset = vision.CIFAR10(str(tmp_path), train=False, transform=own)
    source = ImageSource.of(dataset)
    assert list(source.labels) == ["class 3", "class 0", "class 9", "class 3"]
    assert torch.equal(source.tensor(2), dataset[2][0])
    assert (source.display(2) == dataset.data[2]).all()
    chosen = ImageSource.of(Subset(Subset(dataset, [3, 2, 1]), [2, 0]))
    assert list(chosen.labels) == ["class 0", "class 3"]
    assert torch.equal(chosen.tensor(0), dataset[1][0])
    with pytest.raises(InputError, match=r"\(CIFAR10\) normalises .* once more: pass no transform"):
        ImageSource.of(dataset, v1.Normalize([0.5], [0.2]))
    with pytest.raises(InputError, match="once more"):
        ImageSource.of(Subset(dataset, [0, 1]), SqueezeNet1_1_Weights.DEFAULT)


def test_a_subset_of_an_image_folder_has_its_names(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, label in zip(NAMES, LABELS, strict=True):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{name}.jpg").write_bytes(files[name])
    folder = vision.ImageFolder(str(tmp_path))
    source = ImageSource.of(Subset(folder, [4, 1]), small())
    assert list(source.names) == ["drink/coffee.jpg", "animal/bison.jpg"]
    assert list(source.labels) == ["drink", "animal"]
    os.utime(tmp_path / "drink" / "coffee.jpg", (5, 5))
    assert source.stamps[0].endswith(" 5000000000")


def test_fake_data_is_refused_as_it_draws() -> None:
    before = torch.get_rng_state()
    with pytest.raises(InputError, match="draws random numbers"):
        ImageSource.of(vision.FakeData(3, (3, 20, 30), transform=v1.ToTensor()))
    assert torch.equal(torch.get_rng_state(), before)


def test_webdataset_pipelines(shards: list[Path], files: dict[str, bytes]) -> None:
    wds = pytest.importorskip("webdataset", reason="webdataset isn't installed")
    plain = wds.WebDataset(list(map(str, shards)), shardshuffle=False)
    source = ImageSource.of(plain.select(lambda sample: "cls" in sample), small())
    assert list(source.names) == ["a/coffee", "a/koala", "a/bison", "camels"]
    assert list(source.labels) == ["0", "2", "1", "cat"]
    assert_pixels(source, files, NAMES[:4])
    pairs = wds.WebDataset(str(shards[0]), shardshuffle=False).decode("pil").to_tuple("jpg", "cls")
    decoded_there = ImageSource.of(pairs, small())
    assert list(decoded_there.labels) == ["0", "2", "1"]
    assert_pixels(decoded_there, files, NAMES[:3])
    with pytest.raises(InputError, match="gives batches"):
        ImageSource.of(wds.WebLoader(pairs))


@pytest.mark.parametrize("kind", ["shards", "iterable", "subset", "rows", "stream"])
def test_labels_serve_for_tops_by_class(
    kind: str, tmp_path: Path, files: dict[str, bytes], request: pytest.FixtureRequest
) -> None:
    members, pairs = [], []
    for name, label in zip(NAMES, LABELS, strict=True):
        (tmp_path / "folder" / label).mkdir(exist_ok=True, parents=True)
        (tmp_path / "folder" / label / f"{name}.jpg").write_bytes(files[name])
        members += [(f"{name}.jpg", files[name]), (f"{name}.cls", label.encode())]
        pairs.append((files[name], label))
    images: Any = {
        "shards": lambda: write_tar(tmp_path / "all.tar", members),
        "iterable": lambda: iter(pairs),
        "subset": lambda: Subset(vision.ImageFolder(str(tmp_path / "folder")), range(5)),
        "rows": lambda: request.getfixturevalue("rows"),
        "stream": lambda: request.getfixturevalue("rows").to_iterable_dataset(),
    }[kind]()

    def tops(images: Any) -> list[np.ndarray]:
        engine = zf.Engine(network(), images, small(), cache=False)
        index = engine.index(progress=False, by_class=2)
        assert index.classes == ("animal", "drink")
        return [layer.class_values for layer in index.layers.values()]

    for one, other in zip(tops(images), tops(tmp_path / "folder"), strict=True):
        assert np.isfinite(one[:, 0]).all()
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
