"""Files that are read back: whichever bit of them changed, it is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import zfwidgets as zf
from tests.engine.ranking.small import engine, network, pictures, transform
from zfwidgets.errors import IndexMismatch, InputError
from zfwidgets.experiments.ablation.table import AblationRow, AblationTable
from zfwidgets.experiments.evolution.moments import EvolutionRecord
from zfwidgets.experiments.shared.safetensors_header import read_safetensors
from zfwidgets.experiments.training import checkpoint
from zfwidgets.experiments.training.history import TrainingRecord
from zfwidgets.experiments.transfer.store import Rows
from zfwidgets.index.storing import FILE, UNFINISHED, save
from zfwidgets.records import OcclusionMap
from zfwidgets.storage import files
from zfwidgets.storage.whole import whole

FLIPS = int(os.environ.get("ZFWIDGETS_FLIPS", "150"))
Read = Callable[[], object]


def index(folder: Path) -> tuple[Path, Read]:
    engine(pictures(folder / "pictures", 20)).index(progress=False, folder=folder / "index")
    return folder / "index" / FILE, lambda: zf.index.read(folder / "index")


def unfinished(folder: Path) -> tuple[Path, Read]:
    made = engine(pictures(folder / "pictures", 100))
    steps = made.index_steps(folder=folder / "index", every=0)
    next(steps)
    steps.close()
    path = folder / "index" / UNFINISHED
    return path, lambda: zf.index.read(path)


def training(folder: Path) -> tuple[Path, Read]:
    net, some = nn.Linear(3, 2), np.linspace(0, 1, 5, dtype=np.float32)
    record = TrainingRecord(
        "Linear", 8, ("one", "two"), 9, 4, 9, 3, 5, some, np.arange(5), some, some, some, {}
    )
    checkpoint.save(folder, net, torch.optim.SGD(net.parameters(), 0.1), record)
    return folder / checkpoint.FILE, lambda: TrainingRecord.load(folder)


def evolution(folder: Path) -> tuple[Path, Read]:
    record = EvolutionRecord(
        model="small",
        rule="deconvnet",
        images=("one.png",),
        fingerprint="1234",
        ended="",
        units=(("0", 1),),
        losses=np.random.default_rng(0).random((30, 2)),
        missed=(),
    )
    record.save(folder / "evolution.npz")
    return folder / "evolution.npz", lambda: EvolutionRecord.load(folder / "evolution.npz")


def occlusion(folder: Path) -> tuple[Path, Read]:
    found = engine(pictures(folder / "pictures", 3))
    path = found.occlude(0, patch=6, stride=5, layer="1").save(folder / "pass.npz")
    return path, lambda: OcclusionMap.load(path)


def features(folder: Path) -> tuple[Path, Read]:
    path, about = folder / "features.safetensors", {"model": "1234"}
    rows = np.random.default_rng(0).random((20, 7), dtype=np.float32)
    Rows(21, 7, path, about).write(np.arange(20), rows)

    def read() -> None:
        opened = Rows(21, 7, path, about)
        if len(np.flatnonzero(opened.known)) != 20:  # it would be computed again
            raise InputError("a row is taken for one that isn't computed")
        np.testing.assert_array_equal(opened.read(np.arange(20)), rows)

    return path, read


def table(folder: Path) -> tuple[Path, Read]:
    made = AblationTable((AblationRow("without 3, 4", 1234, None, ""),))
    made.save(folder, {"without 3, 4": "variant"})
    return next(folder.glob("*.json")), lambda: AblationTable.load(folder)


@pytest.mark.parametrize(
    "kind", [index, unfinished, training, evolution, occlusion, features], ids=lambda k: k.__name__
)
def test_every_flipped_bit_is_noticed(
    kind: Callable[[Path], tuple[Path, Read]], tmp_path: Path
) -> None:
    path, read = kind(tmp_path)
    read()
    whole, chance = path.read_bytes(), np.random.default_rng(0)
    blank = len(whole) - 4 * 7 if kind is features else len(whole)  # of a row that isn't computed
    for bit in chance.integers(0, 8 * blank, FLIPS).tolist():
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        with pytest.raises(InputError):
            read()
    path.write_bytes(whole)
    read()


def test_a_table_with_another_number_is_noticed(tmp_path: Path) -> None:
    path, read = table(tmp_path)
    read()
    path.write_text(path.read_text("utf-8").replace("1234", "1235"), "utf-8")
    with pytest.raises(InputError, match="checksum"):
        read()


def test_an_index_of_other_layers_is_built_again_or_named(tmp_path: Path) -> None:
    photos = pictures(tmp_path / "pictures", 12)

    def made() -> zf.Engine:
        return zf.Engine(network(), photos, transform(), cache=tmp_path / "cache")

    right = made().index(progress=False)
    (path,) = (tmp_path / "cache").rglob(FILE)
    first = replace(right.shapes[0], name="another")
    save(replace(right, shapes=(first, *right.shapes[1:])), path)
    again = made()
    assert not again.indexed
    assert any("other layers" in note and "'another'" in note for note in again.info.notes)
    assert again.top("0", 1).images_seen == 12
    fewer = replace(right.shapes[0], rows=right.shapes[0].rows + 1)
    save(replace(right, shapes=(fewer, *right.shapes[1:])), tmp_path / "folder" / FILE)
    with pytest.raises(IndexMismatch, match="'0'"):
        made().index(progress=False, folder=tmp_path / "folder")


def test_left_behind_files_of_others_stay(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEAVE, str(tmp_path / FILE)], capture_output=True, text=True
    )
    (left,) = tmp_path.glob(".*.part")
    assert ended.returncode == -9, ended.stderr
    others = [tmp_path / name for name in (".film.part", ".index.0123.part", "index.part")]
    for other in others:
        other.write_bytes(b"somebody's download")
    with whole(tmp_path / "mine.safetensors") as mine:
        mine.write_bytes(b"being written")
        with files.writing(tmp_path):
            pass
        assert mine.exists()
    assert not left.exists()
    assert [other.read_bytes() for other in others] == [b"somebody's download"] * 3


LEAVE = """
import os, signal, sys
from pathlib import Path
from zfwidgets.storage.whole import whole
with whole(Path(sys.argv[1])) as path:
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    pipe, folder = tmp_path / FILE, tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (tmp_path, pipe):
        with pytest.raises(InputError, match="no ordinary file"):
            zf.index.read(path)
    for path in (pipe, folder):
        for reader in (OcclusionMap.load, EvolutionRecord.load):
            with pytest.raises(InputError, match=r"no ordinary file|a folder"):
                reader(path)
    photos = pictures(tmp_path / "pictures", 3)
    with pytest.raises(InputError, match="no ordinary file"):
        engine(photos).index(progress=False, folder=tmp_path)


def test_the_formats_stay_what_others_read(tmp_path: Path) -> None:
    path, _ = index(tmp_path)
    with safe_open(path, "numpy") as file:
        assert "top.values" in file.keys()  # noqa: SIM118
    path, _ = occlusion(tmp_path)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["done"].dtype == bool


def test_a_cut_file_and_one_without_checksum_say_so(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"a": np.ones(3)}, path, {"zfwidgets": '{"what": "this", "schema": 1}'})
    with pytest.raises(InputError, match="no checksum"):
        read_safetensors(path, "this", 1)
