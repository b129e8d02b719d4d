"""An unfinished pass: what can be read of it is true of the images so far, and disturbs nothing."""

from __future__ import annotations

import functools
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import zfwidgets as zf
from tests.engine.ranking.small import engine, network, pictures, transform
from tests.waiting import SECONDS
from zfwidgets.engine.ranking import build
from zfwidgets.engine.ranking.executors import LocalExecutor

COUNT, BATCH = 90, 16
BAD = ("011.png", "058.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = pictures(tmp_path_factory.mktemp("pictures") / "all", COUNT)
    for name in BAD:  # their headers are whole: that they are bad is found in the pass
        whole = (made / name).read_bytes()
        (made / name).write_bytes(whole[: len(whole) // 2])
    return made


def maps(folder: Path) -> list[dict[str, np.ndarray] | None]:
    """Each picture's feature maps of all layers, one picture at a time; None of a bad one."""
    net, change, found = network(), transform(), []
    for path in sorted(folder.iterdir()):
        if path.name in BAD:
            found.append(None)
            continue
        with torch.inference_mode():
            values, of_layers = change(Image.open(path).convert("RGB"))[None], {}
            for name, module in net.named_children():
                values = module(values)
                of_layers[name] = values[0].numpy()
        found.append(of_layers)
    return found


def test_what_is_known_so_far_is_of_the_images_looked_at_so_far(folder: Path) -> None:
    made, expected = engine(folder), maps(folder)
    assert made.index_so_far() is None
    assert made.top("1", 0, so_far=True).images_seen == len(made.top("1", 0, so_far=True)) == 0
    assert np.isnan(made.channels("4", so_far=True).silent).all()
    assert not made.indexed
    moments = 0
    for progress in made.index_steps():
        moments += 1
        assert progress.done == min(moments * BATCH, len(expected))
        seen = {i: one for i, one in enumerate(expected[: progress.done]) if one is not None}
        filled = 0
        for layer in made.layers:
            summary = made.channels(layer.name, so_far=True)
            assert summary.images_seen == len(seen)
            for channel in range(layer.channels):
                planes = {i: one[layer.name][channel] for i, one in seen.items()}
                ranked = sorted(
                    (-plane.max(), i, *divmod(int(plane.argmax()), plane.shape[1]))
                    for i, plane in planes.items()
                )
                above = [one for one in ranked if one[0] < 0]
                filled += len(above) >= 9
                top = made.top(layer.name, channel, so_far=True)
                assert top.images_seen == len(seen)
                assert [(a.image, a.unit.row, a.unit.col) for a in top] == [
                    one[1:] for one in above[:9]
                ]
                np.testing.assert_allclose(
                    [a.value for a in top], [-one[0] for one in above[:9]], rtol=1e-5
                )
                assert summary.strongest[channel] == pytest.approx(-ranked[0][0], rel=1e-5)
                silent = sum(plane.max() <= 0 for plane in planes.values()) / len(seen)
                assert summary.silent[channel] == pytest.approx(silent)
        assert progress.filled == (filled, sum(layer.channels for layer in made.layers))
    assert moments == 6
    assert made.top("1", 0, so_far=True) == made.top("1", 0)


def test_one_layers_part_is_that_of_all(folder: Path) -> None:
    made = zf.Engine(network(), folder, transform(), cache=False)
    steps = made.index_steps()
    next(steps), next(steps)
    whole = made.index_so_far()
    assert whole is not None
    assert not whole.complete
    assert list(whole.layers) == [layer.name for layer in made.layers]
    for name, layer in whole.layers.items():
        part = made.index_so_far(name)
        assert part is not None
        assert list(part.layers) == [name]
        for field, values in vars(layer).items():
            np.testing.assert_array_equal(values, getattr(part.layers[name], field), field)
    with pytest.raises(zf.errors.UnknownLayer):
        made.index_so_far("no such layer")


def test_looking_and_pausing_change_no_bit(folder: Path, tmp_path: Path) -> None:
    undisturbed = engine(folder).index(progress=False)
    made = zf.Engine(network(), folder, transform(), cache=tmp_path)
    steps = made.index_steps()
    for number, _ in enumerate(steps):
        made.index_so_far()
        made.top("4", 3, so_far=True)
        made.channels("0", so_far=True)
        if number == 2:
            break
    steps.close()  # paused
    before = made.index_so_far()
    assert before is not None
    assert len(before.partial.batches) == 3
    for _ in made.index_steps():
        made.index_so_far("1")
    arrays, about = made.index().partial.to_arrays()
    expected, facts = undisturbed.partial.to_arrays()
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].tobytes() == array.tobytes(), name
    assert about == facts
    assert len(before.partial.batches) == 3, "a look is a copy"


class Gated:
    """Tensors, of which the first is held back until it may be read."""

    def __init__(self, count: int) -> None:
        self.open, self.waits = threading.Event(), threading.Event()
        self.open.set()
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Tensor:
        self.waits.set()
        assert self.open.wait(SECONDS)
        return torch.from_numpy(np.random.default_rng(number).normal(size=(3, 20, 28))).float()


def test_another_thread_looks_between_two_batches() -> None:
    """A lock alone isn't fair: who computes would have it again before another wakes up."""
    images = Gated(1600)
    made = zf.Engine(network(), images, cache=False, labels=[""] * 7)
    images.open.clear()
    images.waits.clear()
    thread = threading.Thread(target=lambda: made.index(progress=False))
    thread.start()
    assert images.waits.wait(SECONDS)
    images.open.set()
    seen = []
    while not made.indexed:
        look = made.index_so_far("1")
        if look is not None:
            seen.append(look.images_seen)
    thread.join()
    assert seen == sorted(seen)
    assert len({count for count in seen if count < 1600}) > 10


class Clock:
    """Time that only passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(build, "time", clock)
    return clock


def test_the_pace_is_of_the_pass_and_not_of_what_goes_on_beside_it(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = LocalExecutor.take

    def slowly(self: LocalExecutor) -> list[int]:
        clock.now += 2.0
        return take(self)

    monkeypatch.setattr(LocalExecutor, "take", slowly)
    made = engine(folder)
    for progress in made.index_steps():
        clock.now += 1000.0  # the pass rests
        fresh = -(-progress.done // BATCH)
        assert progress.per_second == progress.done / (2.0 * fresh)
        left = progress.total - progress.done
        assert progress.seconds_left == pytest.approx(left / progress.per_second)


def test_the_bar_shows_pace_time_left_and_channels_filled(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tqdm.auto

    every = functools.partial(tqdm.auto.tqdm, mininterval=0, ascii=True, ncols=140)
    monkeypatch.setattr(tqdm.auto, "tqdm", every)
    engine(folder).index()
    shown = capsys.readouterr().err
    assert f"32/{COUNT} [" in shown
    assert re.search(r"<00:\d\d, +[\d.]+ images/s, \d+ of 29 channels filled\]", shown)
    *_, last = engine(folder).index_steps()
    assert last.filled == (29, 29)
    assert "29 of 29 channels filled" in shown
