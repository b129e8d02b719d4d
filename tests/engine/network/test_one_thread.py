"""Operations of one thread alone use no other; what is independent runs side by side."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.engine.network import one_thread as module
from zfwidgets.engine.network.costs import Costs
from zfwidgets.engine.network.one_thread import PATIENCE, Quicker, one_thread, side_by_side
from zfwidgets.engine.projection import projector


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_only_this_threads_operations_have_one_thread_and_only_meanwhile() -> None:
    elsewhere = []
    with one_thread():
        assert torch.get_num_threads() == 1
        other = threading.Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
        other.start()
        other.join()
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert elsewhere == [3]
    assert torch.get_num_threads() == 3


def test_it_is_set_back_when_something_fails() -> None:
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_items_run_at_the_same_time_in_order_with_one_thread_inside() -> None:
    together = threading.Barrier(3)

    def run(item: int) -> tuple[int, int]:
        together.wait(SECONDS)  # broken if they weren't side by side
        return item, torch.get_num_threads()

    assert side_by_side(run, [5, 6, 7]) == [(5, 1), (6, 1), (7, 1)]


def test_what_one_raises_is_raised() -> None:
    def run(item: int) -> None:
        if item == 2:
            raise ValueError("the second")

    with pytest.raises(ValueError, match="the second"):
        side_by_side(run, [1, 2, 3])


def test_nothing_goes_on_after_an_error() -> None:
    begun: list[int] = []

    def run(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        side_by_side(run, range(200))
    known = len(begun)
    assert side_by_side(lambda item: item, [1, 2, 3]) == [1, 2, 3]
    assert len(begun) == known


def test_the_same_threads_compute_every_time() -> None:
    """The C library keeps memory for each thread, and new threads take what others left."""
    seen = {
        ident for _ in range(20) for ident in side_by_side(lambda _: threading.get_ident(), "abc")
    }
    assert len(seen) <= 3
    assert threading.get_ident() not in seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    side_by_side(str, [1, 2, 3])
    child = os.fork()
    if child == 0:
        os._exit(0 if side_by_side(str, [1, 2, 3]) == ["1", "2", "3"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_openmp_items_follow_each_other_with_all_threads(monkeypatch) -> None:
    monkeypatch.setattr(module, "_openmp", lambda: None)
    where = side_by_side(
        lambda item: (item, threading.get_ident(), torch.get_num_threads()), [1, 2]
    )
    assert where == [(item, threading.get_ident(), 3) for item in (1, 2)]


def test_the_quicker_way_is_taken_and_the_other_tried_again_for_a_small_share() -> None:
    cost = [1.0, 3.0]
    quicker, taken, spent = Quicker(2), [], [0.0, 0.0]
    for _ in range(400):
        way = quicker.choose((0, 1))
        taken.append(way)
        spent[way] += cost[way]
        quicker.took(way, cost[way] * 8, 8)
    assert set(taken[:2]) == {0, 1}
    assert 2 <= taken.count(1) < 20
    assert spent[1] < 2 * spent[0] / PATIENCE


def test_it_changes_with_the_machine() -> None:
    quicker = Quicker(2)
    for way, seconds in ((0, 1.0), (1, 3.0)):
        assert quicker.choose((0, 1)) == way
        quicker.took(way, seconds, 1)
    assert quicker.choose((0, 1)) == 0
    quicker.took(0, 30.0, 1)  # a neighbour has come that this way waits for
    assert quicker.choose((0, 1)) == 1


def test_a_way_that_was_slow_the_first_time_gets_a_second_try() -> None:
    """Libraries prepare themselves for shapes that they haven't seen; not for what is hopeless."""
    first, later = (4.0, 7.0, 90.0), (4.0, 2.0, 1.0)
    quicker, taken = Quicker(3), []
    for _ in range(8):
        way = quicker.choose((0, 1, 2))
        quicker.took(way, (later if way in taken else first)[way], 1)
        taken.append(way)
    assert taken == [0, 1, 2, 0, 1, 1, 1, 1]


def test_a_way_that_is_not_among_those_that_there_are_is_never_taken() -> None:
    quicker = Quicker(3)
    for way, seconds in 2 * ((0, 3.0), (1, 2.0), (2, 1.0)):
        quicker.took(way, seconds, 1)
    assert quicker.choose((0, 1, 2)) == 2
    assert quicker.choose((0, 1)) == 1
    assert quicker.choose((0,)) == 0


def test_a_photo_is_read_and_classified_with_one_thread_inside() -> None:
    """What a click waits for; the user's threads stay as they are."""
    seen = []

    class Looked(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return self.conv(x).mean((2, 3))

    engine = zf.Engine(Looked().eval(), [torch.rand(3, 9, 11) for _ in range(3)], device="cpu")
    engine.session._read.cache_clear()
    read = engine.session.source._reader.read
    engine.session.source._reader.read = lambda n: seen.append(torch.get_num_threads()) or read(n)
    seen.clear()
    engine.predict(1)
    assert seen == [1, 1]
    assert torch.get_num_threads() == 3


SEEN: list[int] = []


def small(photo: Image.Image) -> torch.Tensor:
    """A photo's values as they are."""
    return torch.from_numpy(np.asarray(photo, np.float32)).permute(2, 0, 1) / 255


class Watch(nn.Module):
    """Notes how many threads operations have where it stands."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        SEEN.append(torch.get_num_threads())
        return x


@pytest.mark.parametrize(("limit", "threads"), [(2_000_000_000, 1), (1000, 3)])
def test_a_layers_first_look_has_one_thread_inside_where_that_is_little_work(
    monkeypatch: pytest.MonkeyPatch, limit: int, threads: int
) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watch(), nn.ReLU())
    photos = [Image.new("RGB", (20, 16), colour) for colour in ("red", "navy")]
    monkeypatch.setattr(projector, "costs_on", lambda _: Costs(one_thread=limit))
    engine = zf.Engine(model, photos, small, cache=False)
    SEEN.clear()
    assert engine.explain("2").operations
    assert set(SEEN) == {threads}
