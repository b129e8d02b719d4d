"""Verifying an index: what is tampered with or changed is found and named; nothing else is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

import zfwidgets as zf
from tests.engine.ranking.small import COLUMNS, ROWS, engine, network, pictures, transform
from zfwidgets.errors import IndexMismatch, InputError
from zfwidgets.index.storing import FILE, SCHEMA, UNFINISHED
from zfwidgets.index.verification import DRIFT, IMAGE, LABEL, REMOVED, TRANSFORM, UNKNOWN, WEIGHTS
from zfwidgets.storage import files

COUNT = 60
CLASSES = ("a", "b")
CHANGED_INDEX = "changed index"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in class folders, one of them broken, and their index."""
    root = tmp_path_factory.mktemp("original")
    for number, name in enumerate(CLASSES):
        pictures(root / "pictures" / name, COUNT // 2, first=number * COUNT // 2)
    broken = (root / "pictures" / "a" / "003.png").read_bytes()
    (root / "pictures" / "a" / "broken.png").write_bytes(broken[: len(broken) // 2])
    engine(root / "pictures").index(progress=False, folder=root / "index", by_class=3)
    return root


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    """A copy of both, to be tampered with."""
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


def verified(place: Path, **arguments: object) -> zf.index.Verification:
    made = engine(place / "pictures")
    return made.verify(place / "index", progress=False, **{"sample": None, **arguments})


def tamper(place: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Change an index's arrays where they lie, and its checksum with them."""
    path = place / "index" / FILE
    about, arrays = files.read(path, "an index", SCHEMA)
    change(arrays)
    files.write(path, arrays, about)


# What holds


def test_a_clean_index_is_equal_bit_by_bit(place: Path) -> None:
    found = verified(place)
    assert found.ok
    assert found.bit_equal
    assert not found.unchecked
    assert not found.differs
    assert not found.setup
    assert not found.mismatches
    index = zf.index.read(place / "index")
    entries = sum((layer.images >= 0).sum() for layer in index.layers.values())
    by_class = sum((layer.class_images >= 0).sum() for layer in index.layers.values())
    assert found.entries == entries + by_class
    assert found.images == found.of_images == COUNT + 1
    assert "equal, bit by bit" in str(found)
    assert json.loads(json.dumps(found.summary()))["ok"] is True


def test_a_sample_is_drawn_by_its_seed_in_whole_batches(place: Path) -> None:
    one, same, other = (verified(place, sample=20, seed=seed) for seed in (0, 0, 3))
    assert one.batches == same.batches
    assert one.batches != other.batches
    assert 20 <= one.images < 20 + 16
    assert one.ok
    assert 0 < one.entries < verified(place).entries
    assert any("weren't looked at" in sentence for sentence in one.unchecked)


def test_the_engines_own_index_and_one_that_isnt_there(place: Path) -> None:
    made = engine(place / "pictures")
    with pytest.raises(InputError, match=r"build it with engine\.index\(\)"):
        made.verify(progress=False)
    made.index(progress=False)
    assert made.verify(sample=None, progress=False).bit_equal
    with pytest.raises(InputError, match="sample is 0"):
        made.verify(sample=0)
    with pytest.raises(InputError, match="There is no"):
        made.verify(place / "nowhere")


def test_the_file_is_verified_not_what_is_in_memory(place: Path) -> None:
    made = engine(place / "pictures")
    made.index(progress=False, folder=place / "index", by_class=3)

    def halve(arrays: dict[str, np.ndarray]) -> None:
        arrays["top.values"][2, 0] *= 0.999

    tamper(place, halve)
    assert not made.verify(sample=None, progress=False).ok


def test_progress_is_told_and_an_interrupt_leaves_all_as_it_was(place: Path) -> None:
    made = engine(place / "pictures")
    before = (place / "index" / FILE).read_bytes()
    state = torch.random.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    steps = made.verify_steps(place / "index", None, 0, 0.0)
    first, second = next(steps), next(steps)
    assert 0 < first.done < second.done < second.total == COUNT + 1
    assert second.seconds_left > 0
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt)
    assert (place / "index" / FILE).read_bytes() == before
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert made.verify(place / "index", sample=None, progress=False).bit_equal


def test_an_unfinished_pass_is_verified_as_far_as_it_is(place: Path) -> None:
    made = engine(place / "pictures")
    folder = place / "unfinished"
    with pytest.raises(InputError, match="by_class"):
        made.index(progress=False, folder=folder, by_class=10**9)
    from zfwidgets.engine.ranking.indexing import Settings

    made._indexing.ask(Settings(folder=folder, every=0.0))
    steps = made.index_steps()
    next(steps)
    next(steps)
    steps.close()
    found = engine(place / "pictures").verify(folder / UNFINISHED, sample=None, progress=False)
    partial = zf.index.read(folder / UNFINISHED).partial
    assert found.batches == tuple(partial.batches)
    assert 1 <= len(found.batches) < 4
    assert found.bit_equal
    assert 0 < found.entries == (partial.top.images >= 0).sum()


# What was tampered with


def test_a_changed_value_is_named_with_its_place_and_both_values(place: Path) -> None:
    index = zf.index.read(place / "index")
    layer, channel, rank = "3", 4, 7
    right = index.layers[layer].values[channel, rank]
    row = channel + sum(shape.channels for shape in index.shapes[:3])
    wrong = np.float32((right + index.layers[layer].values[channel, rank + 1]) / 2)

    def change(arrays: dict[str, np.ndarray]) -> None:
        assert arrays["top.values"][row, rank] == right
        arrays["top.values"][row, rank] = wrong

    tamper(place, change)
    found = verified(place)
    assert not found.ok
    (mismatch,) = found.mismatches
    assert (mismatch.layer, mismatch.channel, mismatch.rank) == (layer, channel, rank)
    assert (mismatch.there, mismatch.here) == (wrong, right)
    name = index.manifest.names[index.layers[layer].images[channel, rank]]
    assert mismatch.image == name
    assert mismatch.cause == (CHANGED_INDEX if abs(wrong - right) > 1e-4 * right else DRIFT)
    assert found.to_frame().loc[0, "image"] == name
    for word in (name, f"channel {channel}", CHANGED_INDEX):
        assert word in str(found)


def test_the_last_bit_of_a_value_is_seen_and_called_rounding(place: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["top.values"][3, 1] = np.nextafter(arrays["top.values"][3, 1], np.float32(9))

    tamper(place, change)
    found = verified(place)
    assert found.causes == {DRIFT: 1}
    assert found.ok
    assert not found.bit_equal
    (mismatch,) = found.mismatches
    assert 0 < mismatch.there - mismatch.here < 1e-6
    assert not verified(place, tolerance=0.0).ok
    assert "but for rounding" in str(found)


def test_where_bits_need_not_be_equal_it_is_said(place: Path) -> None:
    path = place / "index" / FILE
    about, arrays = files.read(path, "an index", SCHEMA)
    about["made_with"] |= {"threads": "7", "processor": "other"}
    arrays["top.places"][1, 2] += 1  # a tie that went otherwise
    files.write(path, arrays, about)
    found = verified(place)
    assert [sentence.split()[0] for sentence in found.setup] == ["processor", "threads"]
    assert "7 there" in found.setup[1]
    assert found.causes == {DRIFT: 1}


def test_a_moved_place_is_named(place: Path) -> None:
    index = zf.index.read(place / "index")

    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["top.places"][1, 2] += 1

    tamper(place, change)
    (mismatch,) = verified(place).mismatches
    layer = index.layers["0"]
    assert mismatch.what == "place"
    assert mismatch.place_here == (layer.rows[1, 2], layer.cols[1, 2])
    columns = next(shape.columns for shape in index.shapes if shape.name == "0")
    row, col = mismatch.place_there
    assert row * columns + col == layer.rows[1, 2] * columns + layer.cols[1, 2] + 1
    assert mismatch.cause == CHANGED_INDEX


def test_a_wrong_order_and_an_image_listed_twice_are_named(place: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        for name in ("values", "images", "places"):
            top = arrays[f"top.{name}"]
            top[1, [4, 5]] = top[1, [5, 4]]
            top[7, 9] = top[7, 8]

    assert not any(m.what == "order" for m in verified(place).mismatches)
    tamper(place, change)
    found = verified(place, sample=16)
    wrong = [(m.layer, m.channel, m.rank) for m in found.mismatches if m.what == "order"]
    assert wrong == [("0", 1, 5), ("1", 2, 9)]
    assert {m.cause for m in found.mismatches} == {CHANGED_INDEX}
    assert "order, rank 5 has" in str(found)


def test_an_entry_that_was_taken_out_is_missed(place: Path) -> None:
    index = zf.index.read(place / "index")
    gone = index.manifest.names[index.layers["0"].images[2, 0]]

    def change(arrays: dict[str, np.ndarray]) -> None:
        for name in ("values", "images", "places"):
            row = arrays[f"top.{name}"][2]
            row[:-1] = row[1:].copy()

    tamper(place, change)
    found = verified(place)
    missing = [m for m in found.mismatches if m.what == "missing"]
    assert [(m.layer, m.channel, m.image) for m in missing] == [("0", 2, gone)]
    assert missing[0].here == index.layers["0"].values[2, 0]
    assert missing[0].there == index.layers["0"].values[2, -1]


@pytest.mark.parametrize(
    ("array", "what"),
    [
        ("by_class.values", "activation"),
        ("sample", "sampled maximum"),
        ("silent", "silent images"),
        ("maxima", "histogram"),
        ("sums", "mean"),
        ("zeros", "zeros"),
    ],
)
def test_every_array_is_looked_at(place: Path, array: str, what: str) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        values = arrays[array]
        at = (1,) * values.ndim if array != "sums" else (1, 0)
        wide = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
        wide[at] = (
            wide[at] / 2 if values.dtype.kind == "f" else wide[at] + 2**22 * (array == "sums") + 1
        )
        arrays[array] = wide.astype(values.dtype) if values.dtype.kind == "f" else wide

    tamper(place, change)
    found = verified(place)
    assert {m.what for m in found.mismatches} >= {what}
    assert set(found.causes) == {CHANGED_INDEX}
    assert not found.ok


# What changed since


def test_other_weights_are_named_and_their_numbers_compared(place: Path) -> None:
    changed = network()
    with torch.no_grad():
        changed[3].weight[2] += 0.01
    made = zf.Engine(changed, place / "pictures", transform(), cache=False)
    found = made.verify(place / "index", sample=None, progress=False)
    assert not found.ok
    (differs,) = found.differs
    assert differs.startswith("model is")
    assert set(found.causes) == {WEIGHTS}
    assert {(m.layer, m.channel) for m in found.mismatches} == {("3", 2), ("4", 2)}


def test_the_same_weights_in_another_class_hold_and_say_so(place: Path) -> None:
    class Other(nn.Sequential):
        pass

    made = zf.Engine(Other(*network()).eval(), place / "pictures", transform(), cache=False)
    found = made.verify(place / "index", sample=None, progress=False)
    assert found.bit_equal
    assert found.differs
    assert not found.ok


def test_other_layers_are_an_error_that_names_them(place: Path) -> None:
    other = nn.Sequential(nn.Conv2d(3, 9, 3)).eval()
    made = zf.Engine(other, place / "pictures", transform(), cache=False)
    with pytest.raises(IndexMismatch, match="has other layers than the network: '0'"):
        made.verify(place / "index")


def test_another_transform_is_named(place: Path) -> None:
    other = v2.Compose([*transform().transforms[:-1], v2.Normalize([0.4] * 3, [0.5] * 3)])
    made = zf.Engine(network(), place / "pictures", other, cache=False)
    found = made.verify(place / "index", sample=20, progress=False)
    assert found.differs[0].startswith("transform is")
    assert set(found.causes) == {TRANSFORM}
    assert {m.layer for m in found.mismatches} == {"0", "1", "2", "3", "4"}


class Nameless:
    """A transform whose settings don't show."""

    def __init__(self, turned: bool = False) -> None:
        self.turned = turned

    def __repr__(self) -> str:
        return "Nameless()"

    def __call__(self, image: Image.Image) -> torch.Tensor:
        values = transform()(image)
        return values.flip(-1) if self.turned else values


def test_a_transform_that_fingerprints_dont_tell_is_found_by_its_numbers(place: Path) -> None:
    def made(turned: bool) -> zf.Engine:
        shown = ((0.5,) * 3, (0.5,) * 3)
        change = Nameless(turned)
        return zf.Engine(network(), place / "pictures", change, cache=False, denormalize=shown)

    made(False).index(progress=False, folder=place / "nameless")
    assert made(False).verify(place / "nameless", sample=None, progress=False).bit_equal
    found = made(True).verify(place / "nameless", sample=20, progress=False)
    assert not found.differs  # a picture in the mirror has the same mean and deviation
    assert TRANSFORM in found.causes
    assert not found.ok


def test_images_that_changed_moved_or_went_are_named(place: Path) -> None:
    index, here = zf.index.read(place / "index"), place / "pictures"
    ranked = [index.manifest.names[i] for i in index.layers["0"].images[0]]
    names = iter(dict.fromkeys(ranked))
    changed, gone, moved = next(names), next(names), next(names)
    Image.fromarray(np.zeros((ROWS, COLUMNS, 3), np.uint8)).save(here / changed)
    (here / gone).unlink()
    (here / moved).rename((here / moved).with_name("moved.png"))
    found = verified(place)
    (differs,) = found.differs
    for words in (f"1 removed ({gone!r})", f"1 changed ({changed!r})", f"1 moved ({moved!r} to "):
        assert words in differs
    assert {m.image for m in found.mismatches if m.cause == IMAGE} == {changed}
    assert {m.image for m in found.mismatches if m.cause == REMOVED} == {gone}
    assert set(found.causes) == {IMAGE, REMOVED}
    assert any("changed or are gone" in sentence for sentence in found.unchecked)


def test_an_image_of_which_little_changed_is_named(place: Path) -> None:
    index = zf.index.read(place / "index")
    layer = index.layers["0"]
    name = index.manifest.names[layer.images[0, 0]]
    pixels = np.array(Image.open(place / "pictures" / name))
    row, col = layer.rows[0, 0], layer.cols[0, 0]
    pixels[row : row + 3, col : col + 3] = 128  # what the strongest unit sees
    Image.fromarray(pixels).save(place / "pictures" / name)
    found = verified(place)
    named = [m for m in found.mismatches if m.image]
    assert ("0", 0, name, IMAGE) in [(m.layer, m.channel, m.image, m.cause) for m in named]
    assert {(m.image, m.cause) for m in named} == {(name, IMAGE)}
    assert len(named) < found.sampled / COUNT / 2


def test_an_image_that_changed_behind_its_stamp_is_found(place: Path) -> None:
    """Same size, same time: only its activations tell."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, ROWS, COLUMNS, 3), np.uint8)
    for number, half in enumerate(pixels):
        Image.fromarray(half).save(place / "pictures" / "a" / f"{'0' * (number + 1)}.bmp")
    engine(place / "pictures").index(progress=False, folder=place / "with")
    path = place / "pictures" / "a" / "00.bmp"
    before = path.stat()
    Image.fromarray(255 - pixels[1]).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    found = engine(place / "pictures").verify(place / "with", sample=None, progress=False)
    assert not found.differs
    assert {m.image for m in found.mismatches if m.image} == {"a/00.bmp"}
    assert {m.cause for m in found.mismatches if m.image} == {IMAGE}


def test_an_image_that_can_be_read_now_or_not_any_more(place: Path) -> None:
    here = place / "pictures" / "a"
    whole, cut = here / "004.png", here / "broken.png"
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    cut.write_bytes(content)
    found = verified(place)
    seen = {m.image: m.what for m in found.mismatches if m.what.endswith("readable")}
    assert seen == {"a/004.png": "unreadable", "a/broken.png": "readable"}
    assert set(found.causes) == {IMAGE}


def test_another_class_is_named(place: Path) -> None:
    index = zf.index.read(place / "index")
    name = index.manifest.names[index.layers["0"].class_images[0, 0, 0]]
    images = [place / "pictures" / known for known in index.manifest.names]

    images = [path for path in images if path.name != "broken.png"]

    class Labelled:
        def __init__(self, other: str = "") -> None:
            self.classes, self.root = CLASSES, str(place / "pictures")
            self.samples = [
                (str(path), CLASSES.index(path.parent.name) ^ (path == place / "pictures" / other))
                for path in images
            ]
            self.targets = [target for _, target in self.samples]

        def __len__(self) -> int:
            return len(self.samples)

        def __getitem__(self, number: int) -> tuple[Image.Image, int]:
            path, target = self.samples[number]
            return Image.open(path).convert("RGB"), target

    made = zf.Engine(network(), Labelled(), transform(), cache=False)
    made.index(progress=False, folder=place / "labelled", by_class=3)
    found = zf.Engine(network(), Labelled(name), transform(), cache=False).verify(
        place / "labelled", sample=None, progress=False
    )
    assert {(m.what, m.image) for m in found.mismatches if m.cause == LABEL} == {("label", name)}


def test_a_dataset_of_unknown_contents(tmp_path: Path) -> None:
    images = torch.rand(20, 3, ROWS, COLUMNS, generator=torch.Generator().manual_seed(0))
    data = torch.utils.data.TensorDataset(images)

    def made(dataset: object) -> zf.Engine:
        return zf.Engine(network(), dataset, cache=False)

    made(data).index(progress=False, folder=tmp_path / "index")
    mirrored = torch.utils.data.TensorDataset(images.flip(-1))
    found = made(mirrored).verify(tmp_path / "index", sample=None, progress=False)
    assert UNKNOWN in found.causes
    assert not found.ok


def test_mismatches_come_in_order_and_are_bounded(place: Path) -> None:
    made = engine(place / "pictures", seed=1)
    found = made.verify(place / "index", sample=None, progress=False)
    index = zf.index.read(place / "index")
    layers = [shape.name for shape in index.shapes]
    where = [(layers.index(m.layer), m.channel) for m in found.mismatches if m.layer]
    assert all(one <= other for one, other in pairwise(where))
    missing = [
        (m.layer, m.channel) for m in found.mismatches if m.what == "missing" and not m.of_class
    ]
    assert missing
    assert max(missing.count(pair) for pair in set(missing)) <= index.layers["0"].values.shape[1]
