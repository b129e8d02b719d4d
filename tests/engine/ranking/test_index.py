"""The index: what a naive computation gives, through kills, damage, other writers, new images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zfwidgets as zf
from tests.engine.ranking.small import BAD, engine, mixed, network, pictures, transform
from tests.waiting import PROGRAM
from tests.without_torch import run_without_torch
from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.errors import IndexBusy, IndexMismatch, InputError
from zfwidgets.index.partial import Partial
from zfwidgets.index.storing import FILE, UNFINISHED, save
from zfwidgets.storage.files import writing

COUNT = 120
KILLS = int(os.environ.get("ZFWIDGETS_KILLS", "25"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed(tmp_path_factory.mktemp("pictures") / "all", COUNT)


def maps(folder: Path, layer: str) -> dict[str, np.ndarray]:
    """Each good picture's feature maps, one picture at a time."""
    net, change, found = network(), transform(), {}
    layers = [module for name, module in net.named_children() if int(name) <= int(layer)]
    for path in sorted(folder.iterdir()):
        if path.name in BAD:
            continue
        with torch.inference_mode():
            values = change(Image.open(path).convert("RGB"))[None]
            for module in layers:
                values = module(values)
        found[path.name] = values[0].numpy()
    return found


def assert_same(one: zf.index.TopKIndex, other: zf.index.TopKIndex) -> None:
    """Bit for bit, but for the order of images in which it came about."""
    for name, layer in one.layers.items():
        for field in ("values", "images", "rows", "cols", "mean", "silent", "zeros"):
            np.testing.assert_array_equal(
                getattr(layer, field), getattr(other.layers[name], field), f"{name} {field}"
            )
    assert one.images_seen == other.images_seen


@pytest.mark.parametrize("layer", ["1", "4"])
def test_equals_every_picture_by_itself(folder: Path, layer: str) -> None:
    made = engine(folder)
    names = made.info.images
    expected = maps(folder, layer)
    for channel in range(next(iter(expected.values())).shape[0]):
        ranked = sorted(
            (
                -float(m[channel].max()),
                names.index(name),
                *divmod(int(m[channel].argmax()), m.shape[2]),
            )
            for name, m in expected.items()
            if m[channel].max() > 0
        )[:9]
        found = made.top(layer, channel)
        assert [(a.image, a.unit.row, a.unit.col) for a in found] == [r[1:] for r in ranked]
        np.testing.assert_allclose([a.value for a in found], [-r[0] for r in ranked], rtol=1e-5)
    index = made.index()
    assert index.images_seen == COUNT
    assert {name for name, _ in index.skipped} == set(BAD)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
def test_killed_at_any_moment_and_gone_on_with(folder: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("killing.py")
    command = [sys.executable, str(script), str(folder), str(tmp_path), str(KILLS)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM)
    assert result.returncode == 0, result.stderr
    hit, through = map(int, result.stdout.split())
    assert hit == KILLS
    assert through >= 1


def test_shards_merge_to_the_whole_in_any_order(folder: Path) -> None:
    made = engine(folder)
    task = made._indexing.task()
    from zfwidgets.engine.ranking.index_pass import IndexPass

    def over(batches: list[int]):
        one = IndexPass(task.network, task.plan, task.spec, None, made.session.memory)
        for batch in batches:
            numbers = task.plan.batch(batch).tolist()
            tensors = dict(task.source.feed([n for n in numbers if n >= 0]))
            bad = {n: task.source.conditions.problem(n) for n, t in tensors.items() if t is None}
            one.take(batch, [tensors.get(n) for n in numbers], bad)
        return one.partial()

    batches = list(range(len(task.plan)))
    parts = [over(batches[5:]), over(batches[:2][::-1]), over(batches[2:5])]
    assert_same(task.index(reduce(Partial.merged, parts), {}), made.index())


def damaged(path: Path) -> list[bytes]:
    """Fifty ways in which a file can be broken."""
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    random = np.random.default_rng(0)
    broken = [whole[: int(cut)] for cut in random.integers(0, len(whole), 20)]
    broken += [b"", b"x" * 100, whole + b"more", whole[8:], whole[::-1]]

    def with_header(changed: object) -> bytes:
        text = json.dumps(changed).encode()
        return len(text).to_bytes(8, "little") + text + whole[8 + length :]

    names = [name for name in header if name != "__metadata__"]
    for name in names[:12]:
        broken.append(with_header({k: v for k, v in header.items() if k != name}))
        broken.append(with_header({**header, name: {**header[name], "shape": [1]}}))
    broken.append(with_header({k: v for k, v in header.items() if k != "__metadata__"}))
    broken.append(with_header({**header, "__metadata__": {"zfwidgets": "{}"}}))
    while len(broken) < 50:
        text = bytearray(whole)
        text[int(random.integers(8, 8 + length))] ^= 0xFF
        broken.append(bytes(text))
    return broken


def test_fifty_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    made = engine(folder)
    made.index(progress=False, folder=tmp_path / "good")
    cases = damaged(tmp_path / "good" / FILE)
    assert len(cases) >= 50
    for content in cases:
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(InputError, match=FILE):
            zf.index.read(tmp_path)
    assert_same(zf.index.read(tmp_path / "good"), made.index())


def test_what_is_not_above_zero_is_no_rank(folder: Path, tmp_path: Path) -> None:
    index = engine(folder).index(progress=False)
    top = index.partial.top
    values = top.values.copy()
    values[0, -1] = -1
    wrong = replace(index, partial=replace(index.partial, top=replace(top, values=values)))
    save(wrong, tmp_path / FILE)
    with pytest.raises(InputError, match="ranks what isn't above zero"):
        zf.index.read(tmp_path)


def test_one_writer_at_a_time(folder: Path, tmp_path: Path) -> None:
    with writing(tmp_path), pytest.raises(IndexBusy, match=f"process {os.getpid()} on"):
        engine(folder).index(progress=False, folder=tmp_path)
    engine(folder).index(progress=False, folder=tmp_path)
    assert not (tmp_path / UNFINISHED).exists()


def test_another_model_is_refused_with_what_differs(folder: Path, tmp_path: Path) -> None:
    engine(folder).index(progress=False, folder=tmp_path)
    with pytest.raises(IndexMismatch, match="model"):
        engine(folder, seed=1).index(progress=False, folder=tmp_path)


def test_images_are_added_and_removed_with_only_the_work_needed(tmp_path: Path) -> None:
    here = pictures(tmp_path / "pictures", 70)
    engine(here).index(progress=False, folder=tmp_path / "index")
    pictures(here, 9, first=70)
    (here / "004.png").unlink()
    grown = engine(here)
    grown._indexing.ask(Settings(folder=tmp_path / "index"))
    assert grown._indexing.task().start is not None
    steps = [step.total for step in grown.index_steps()]
    assert steps[0] <= 79
    found = grown.index()
    for name, layer in engine(here).index(progress=False).layers.items():
        np.testing.assert_allclose(found.layers[name].values[:, :9], layer.values[:, :9], 1e-5)
        np.testing.assert_array_equal(found.layers[name].images[:, :9], layer.images[:, :9])
    shutil.rmtree(tmp_path / "index")


def test_nothing_weaker_takes_the_place_of_what_is_not_known_any_more(tmp_path: Path) -> None:
    here, index = pictures(tmp_path / "pictures", 70), tmp_path / "index"
    engine(here).index(progress=False, folder=index)

    def remove_strongest() -> None:
        for found in engine(here).top("1", 0, k=4):
            (here / found.image_name).unlink()

    remove_strongest()
    for level in range(200, 204):  # hardly excite anything
        Image.fromarray(np.full((20, 28, 3), level, np.uint8)).save(here / f"{level}.png")
    engine(here).index(progress=False, folder=index)
    assert engine(here).verify(index, sample=None, progress=False).bit_equal
    remove_strongest()
    found = engine(here).index(progress=False, folder=index)
    for name, layer in engine(here).index(progress=False).layers.items():
        np.testing.assert_allclose(found.layers[name].values[:, :16], layer.values[:, :16], 1e-5)
        np.testing.assert_array_equal(found.layers[name].images[:, :16], layer.images[:, :16])


def test_it_is_read_without_torch(folder: Path, tmp_path: Path) -> None:
    made = engine(folder)
    made.index(progress=False, folder=tmp_path)
    script = (
        "import zfwidgets as zf\n"
        f"index = zf.index.read({str(tmp_path)!r})\n"
        "print(index.images_seen, *index.layers)"
    )
    assert run_without_torch(script).split() == [str(COUNT), *(layer.name for layer in made.layers)]
