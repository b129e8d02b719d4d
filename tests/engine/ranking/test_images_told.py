"""Images that moved or changed are found and named; an index is a table."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.engine.ranking.small import COLUMNS, ROWS, engine, network, pictures, transform
from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.errors import IndexMismatch, InputError, MissingDependency
from zfwidgets.index.manifest import Manifest
from zfwidgets.index.storing import load

COUNT = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path / "pictures", COUNT)


def by_contents(folder: Path) -> zf.Engine:
    return zf.Engine(network(), folder, transform(), cache=False, hash_files=True)


def test_what_moved_or_changed_is_named(folder: Path, tmp_path: Path) -> None:
    engine(folder).index(progress=False, folder=tmp_path / "index")
    (folder / "sub").mkdir()
    (folder / "004.png").rename(folder / "sub" / "other.png")
    (folder / "007.png").unlink()
    Image.fromarray(np.zeros((ROWS, COLUMNS, 3), np.uint8)).save(folder / "009.png")
    pictures(folder, 1, first=COUNT)
    with pytest.raises(IndexMismatch) as caught:
        load(
            tmp_path / "index" / "index.safetensors",
            engine(folder)._indexing.fingerprint,
            manifest=engine(folder)._indexing._manifest(),
        )
    said = str(caught.value)
    for words in (
        f"1 added ('0{COUNT}.png')",
        "1 removed ('007.png')",
        "1 changed ('009.png')",
        "1 moved ('004.png' to 'sub/other.png')",
    ):
        assert words in said


def test_a_move_is_certain_only_by_contents() -> None:
    then = Manifest(["a", "b", "c", "d", "e"], ["7 1", "content x", "8 8", "8 8", ""])
    now = Manifest(["A", "B", "C", "E"], ["7 1", "content x", "8 8", ""])
    differences, numbers = now.since(then)
    assert differences.moved == (("a", "A"), ("b", "B"))
    assert set(differences.removed) == {"c", "d", "e"}  # two had one stamp, one had none
    assert set(differences.added) == {"C", "E"}
    assert numbers.tolist() == [-1, 1, -1, -1, -1]


def test_by_contents_copies_are_the_same_images(folder: Path, tmp_path: Path) -> None:
    first = by_contents(folder)
    first.index(progress=False, folder=tmp_path / "index")
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied, copy_function=shutil.copyfile)  # with other times
    assert by_contents(copied).info.fingerprint == first.info.fingerprint
    assert engine(copied).info.fingerprint != engine(folder).info.fingerprint
    assert by_contents(copied).verify(tmp_path / "index", sample=None, progress=False).ok

    stays = (copied / "003.png").stat()
    (copied / "003.png").write_bytes((folder / "004.png").read_bytes()[:-1] + b"x")
    os.utime(copied / "003.png", ns=(stays.st_atime_ns, stays.st_mtime_ns))
    (copied / "005.png").rename(copied / "moved.png")
    now = by_contents(copied)
    now._indexing.ask(Settings(folder=tmp_path / "index"))
    task = now._indexing.task()
    assert task.start is not None
    todo = set(range(len(task.plan))) - set(task.start.batches.tolist())
    assert [now.info.images[i] for i in task.plan.images(todo)] == ["003.png"]


def test_contents_need_files() -> None:
    import torch

    images = TensorDataset(torch.rand(4, 3, ROWS, COLUMNS))
    with pytest.raises(InputError, match="hash_files=True needs files, and the dataset"):
        zf.Engine(network(), images, cache=False, hash_files=True)


def test_parquet_is_the_table(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (folder / "002.png").rename(folder / os.fsdecode(b"caf\xe9.png"))
    index = engine(folder).index(progress=False)
    index.to_parquet(tmp_path / "made" / "index.parquet")
    written = parquet.read_table(tmp_path / "made" / "index.parquet").to_pylist()
    rows = list(index.rows())
    assert len(written) == len(rows) == 29 * min(COUNT, 20)
    for name in ("layer", "channel", "rank", "image", "row", "col", "value"):
        assert [row[name] for row in written] == [row[name] for row in rows]
    names = {row["name"] for row in written}
    assert r"caf\udce9.png" in names
    layer = index.layers["1"]
    for row in written:
        if row["layer"] == "1":
            assert row["value"] == layer.values[row["channel"], row["rank"]]


def test_parquet_says_what_to_install(folder: Path, tmp_path: Path, monkeypatch) -> None:
    index = engine(folder).index(progress=False)
    for package in ("pyarrow", "pandas"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingDependency, match=r"pip install 'zfwidgets\[frames\]'"):
            index.to_parquet(tmp_path / "index.parquet")
    assert not list(tmp_path.glob("*.parquet"))


def test_what_was_there_stays_when_parquet_fails(folder: Path, tmp_path: Path, monkeypatch) -> None:
    pandas = pytest.importorskip("pandas")
    index = engine(folder).index(progress=False)
    (tmp_path / "index.parquet").write_bytes(b"before")

    def full(self: object, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pandas.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="No space left"):
        index.to_parquet(tmp_path / "index.parquet")
    assert (tmp_path / "index.parquet").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.parquet", "pictures"]
