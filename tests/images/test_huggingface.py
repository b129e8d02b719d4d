"""Datasets of Hugging Face."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision import transforms as v1

from tests.images.files import LABELS, NAMES, assert_pixels, photos, small
from zfwidgets.errors import InputError
from zfwidgets.images.source import ImageSource


def test_rows_of_a_hugging_face_dataset(hub: Any, rows: Any, files: dict[str, bytes]) -> None:
    source = ImageSource.of(rows, small())
    assert list(source.names) == [f"{name}.jpg" for name in NAMES]
    assert list(source.labels) == list(LABELS)
    assert source._reader.quick is not None
    assert_pixels(source, files)
    got = dict(source.feed([3, 1], workers=1, processes=True))
    assert torch.equal(got[3], source.tensor(3))  # type: ignore[arg-type]
    assert isinstance(rows[0]["photo"], Image.Image)  # as it was

    chosen = ImageSource.of(rows.select([3, 0]), small())
    assert list(chosen.names) == ["camels.jpg", "coffee.jpg"]
    assert list(chosen.labels) == ["animal", "drink"]
    assert_pixels(chosen, files, ["camels", "coffee"])
    assert chosen.fingerprint() != source.fingerprint()

    unlabelled = hub.Dataset.from_dict(
        {"photo": [{"bytes": files["koala"], "path": None}] * 2, "label": [-1, 1]}, rows.features
    )
    for images in (unlabelled, unlabelled.to_iterable_dataset()):
        assert list(ImageSource.of(images, small()).labels) == [None, "animal"]

    framed = ImageSource.of(rows.with_format("torch"), small())
    assert torch.equal(framed.tensor(2), source.tensor(2))


def test_a_hugging_face_dataset_of_files(hub: Any, tmp_path: Path, files: dict[str, bytes]) -> None:
    paths = [tmp_path / f"{name}.jpg" for name in NAMES]
    for path in paths:
        path.write_bytes(files[path.stem])
    table = hub.Dataset.from_dict({"image": list(map(str, paths))})
    source = ImageSource.of(table.cast_column("image", hub.Image()), small())
    assert_pixels(source, files)
    assert list(source.labels) == [None] * 5
    before = list(source.stamps)
    os.utime(paths[3], (5, 5))
    assert [a != b for a, b in zip(before, source.stamps, strict=True)].index(True) == 3
    paths[1].unlink()
    assert [n for n, tensor in source.feed(range(5)) if tensor is None] == [1]
    assert source.skipped[0].reason == "the file is gone"


def test_a_hugging_face_dataset_is_known_again_in_another_process(
    hub: Any, rows: Any, tmp_path: Path
) -> None:
    rows.to_parquet(tmp_path / "rows.parquet")
    code = (
        "import datasets; from zfwidgets.images.source import ImageSource;"
        f"rows = datasets.Dataset.from_parquet({str(tmp_path / 'rows.parquet')!r},"
        f" cache_dir={str(tmp_path / 'cache')!r});"
        "print(ImageSource.of(rows).fingerprint())"
    )
    there = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        ).stdout
        for _ in range(2)
    ]
    assert there[0] == there[1]


def test_columns_must_be_clear(hub: Any, rows: Any) -> None:
    with pytest.raises(InputError, match=r"no column of images, but 'label' .ClassLabel."):
        ImageSource.of(rows.select_columns(["label"]))
    two = rows.add_column("mask", rows.with_format(None)["label"]).cast_column(
        "mask", hub.ClassLabel(names=["no", "yes"])
    )
    with pytest.raises(InputError, match=r"several columns of class labels \('label', 'mask'\)"):
        ImageSource.of(two)
    images = hub.Dataset.from_dict(
        {"a": [photos()["koala"]], "b": [photos()["coffee"]]},
        hub.Features({"a": hub.Image(), "b": hub.Image()}),
    )
    with pytest.raises(InputError, match=r"several columns of images.*select_columns\(\['a'\]\)"):
        ImageSource.of(images)
    splits = hub.DatasetDict({"train": rows, "test": rows})
    with pytest.raises(InputError, match=r"DatasetDict with 'train', 'test'.*images\['train'\]"):
        ImageSource.of(splits)
    with pytest.raises(InputError, match="has no rows"):
        ImageSource.of(rows.select([]))


def test_a_hugging_face_dataset_with_its_own_transform_is_transformed_once(rows: Any) -> None:
    change = small(v1.Normalize([0.5] * 3, [0.2] * 3))

    def own(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {
            "pixel_values": [change(image.convert("RGB")) for image in batch["photo"]],
            "label": batch["label"],
        }

    source = ImageSource.of(rows.with_transform(own))
    assert list(source.labels) == list(LABELS)
    assert torch.equal(source.tensor(3), change(rows[3]["photo"]))
    assert source.transform_note == ""


def test_a_streamed_hugging_face_dataset(rows: Any, files: dict[str, bytes]) -> None:
    source = ImageSource.of(rows.to_iterable_dataset(), small())
    assert_pixels(source, files)
    assert list(source.labels) == list(LABELS)
    kept = sum(len(data) for data in files.values())
    assert source._images._store.size == kept  # as they were encoded
