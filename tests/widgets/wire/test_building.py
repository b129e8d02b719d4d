"""While the index is being built: what is known is shown, widgets can be used, and it can rest."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets import numpy_engine
from zfwidgets.widgets.wire import building
from zfwidgets.widgets.wire.service import service_of
from zfwidgets.widgets.wire.source import Source

LONG = SECONDS
UNIT = {"layer": "relu2", "channel": 2}
SHEET = {"layer": "relu2", "first": 0, "count": 8, "size": 24}
KINDS = [
    ("channels", {"layer": "relu2"}),
    ("sheet", SHEET),
    ("top", {**UNIT, "k": 9}),
    ("projections", {**UNIT, "k": 9, "rule": "guided"}),
]


class Slow(numpy_engine.NumpyEngine):
    """Looks at the next image when it is allowed to."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.allowed = threading.Semaphore(0)
        self.reached = threading.Semaphore(0)
        self.left = threading.Event()

    def allow(self, images):
        for _ in range(images):
            self.allowed.release()

    def index_steps(self):
        steps = super().index_steps()
        try:
            while True:
                self.reached.release()
                assert self.allowed.acquire(timeout=LONG)
                try:
                    step = next(steps)
                except StopIteration:
                    return
                yield step
        finally:
            self.left.set()


def answered(source, kind, fields):
    """The final answer of a source."""
    returned = []

    def whole():
        returned.append((yield from source.answer(kind, fields)))

    for _ in whole():
        pass
    return returned[0]


def of_first(engine, images):
    """An engine that has only the first images of another."""
    fewer = numpy_engine.NumpyEngine()
    fewer.pictures = engine.pictures[:images]
    return fewer


@pytest.mark.parametrize(("kind", "fields"), KINDS)
def test_partial_answers_are_those_of_an_engine_with_the_images_so_far(
    engine, kind, fields, monkeypatch
):
    monkeypatch.setattr(building, "EVERY", 0)
    monkeypatch.setattr(building, "SHARE", 0)
    monkeypatch.setattr(building, "RATE", 1e12)
    steps = Source(engine).answer(kind, fields, so_far=True)
    moments, last = [], None
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            final = end.value
            break
        if not callable(step) or engine.indexed:
            continue
        data, buffers = step()
        seen = data.pop("so_far")
        assert seen["of"] == 14
        assert seen["images"] == engine.looked
        moments.append(seen["images"])
        expected = answered(Source(of_first(engine, engine.looked)), kind, fields)
        assert data == expected[0]
        assert seen["same"] == (expected[1] == last)
        assert buffers == ([] if seen["same"] else expected[1])
        last = expected[1]
    assert moments == list(range(1, 15))
    assert "so_far" not in final[0]
    assert final == answered(Source(of_first(engine, 14)), kind, fields)


def test_partial_answers_leave_time_and_room_for_the_pass(engine, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(building.time, "monotonic", lambda: now[0])
    source = Source(engine)
    first = source.answer("top", {**UNIT, "k": 9}, so_far=True)
    second = source.answer("channels", {"layer": "conv1"}, so_far=True)

    def partials(steps, count=6):
        found = [step() for _, step in zip(range(count), steps, strict=False) if callable(step)]
        return [data["so_far"]["images"] for data, _ in found]

    assert partials(first, 1) == []  # it moved the pass on
    assert partials(first) == [1]  # then looked, and is patient
    assert partials(second, 2) != [], "a new request's first answer is at once"
    assert partials(first, 2) == []
    now[0] += building.EVERY
    assert partials(first, 2) != []
    source.building.free_at = now[0] + 10  # so much was sent
    now[0] += building.EVERY
    assert partials(first, 2) == []


def test_a_partial_answer_that_was_lost_comes_again(engine, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(building.time, "monotonic", lambda: now[0])
    source = Source(engine)
    steps = source.answer("top", {**UNIT, "k": 9}, so_far=True)
    next(steps)
    source.building.paused = True

    def sent():
        return [step()[1] for _, step in zip(range(4), steps, strict=False) if callable(step)]

    (first,) = sent()
    assert len(first) > 0
    times = []
    for _ in range(40):
        now[0] += 1
        for buffers in sent():
            assert buffers == first
            times.append(now[0] - 100)
    assert times == [5, 15, 35], "less and less often"


@pytest.fixture
def slow(front_end, monkeypatch):
    monkeypatch.setattr(building, "EVERY", 0)
    monkeypatch.setattr(building, "SHARE", 0)
    monkeypatch.setattr(building, "RATE", 1e12)
    engine = Slow()
    service = service_of(engine)
    service.jobs._pause = 0  # each partial answer is told
    yield engine
    engine.allow(1000)


def wait_for(front_end, condition):
    with front_end.heard:
        assert front_end.heard.wait_for(condition, LONG)


def partials(front_end, widget, kind):
    return [m for m in front_end.custom(widget, "partial") if m[0]["kind"] == kind]


def test_widgets_fill_while_the_pass_goes_on_and_can_be_used(front_end, slow):
    explorer = zf.Explorer(slow)
    key = front_end.get(explorer, "top", slot="top", **UNIT, k=9)
    slow.allow(5)
    wait_for(
        front_end,
        lambda: any(
            m["data"]["so_far"]["images"] == 5 for m, _ in partials(front_end, explorer, "top")
        ),
    )
    assert not slow.indexed
    # A photo, its classes and another channel are asked for in the middle of a batch: they come
    # after that one, though the pass is far from its end.
    photo = front_end.get(explorer, "photo", slot="photo", image=3)
    classes = front_end.get(explorer, "predict", slot="predict", image=13, occluder=None)
    other = front_end.get(explorer, "top", slot="top", layer="conv1", channel=1, k=9)
    slow.allow(1)
    assert front_end.answer(explorer, photo)[0]["op"] == "reply"
    assert front_end.answer(explorer, classes)[0]["op"] == "reply"
    wait_for(
        front_end, lambda: any(m["key"] == other for m, _ in partials(front_end, explorer, "top"))
    )
    assert slow.looked == 6
    assert [m["key"] for m, _ in front_end.custom(explorer, "superseded")] == [key]
    slow.allow(1000)
    content, buffers = front_end.answer(explorer, other)
    assert (content["data"], buffers) == answered(
        Source(of_first(slow, 14)), "top", {"layer": "conv1", "channel": 1, "k": 9}
    )


def test_the_pass_can_be_paused_and_used_meanwhile(front_end, slow):
    explorer, grid = zf.Explorer(slow), zf.PatchGrid(slow)
    index = front_end.get(explorer, "index", slot="index")
    same = front_end.get(grid, "index", slot="index")

    def paused(widget):
        told = [m["data"] for m, _ in front_end.custom(widget, "progress")]
        return [data["paused"] for data in told if "paused" in data][-1:] == [True]

    slow.allow(4)
    for _ in range(5):  # the fifth is waited for
        assert slow.reached.acquire(timeout=LONG)
    front_end.send(explorer, {"zf": 1, "op": "pause", "view": "view"})
    assert explorer.paused
    assert grid.paused, "it is one pass"
    slow.allow(1)
    wait_for(front_end, lambda: paused(explorer) and paused(grid))
    assert slow.left.wait(LONG), "what is known is kept"
    assert slow.looked == 5
    # Nothing moves it on, but all can be used: what is known is shown at once.
    assert explorer.settle(SECONDS) is False
    key = front_end.get(grid, "projections", **UNIT, k=9, rule="deconvnet")
    wait_for(front_end, lambda: partials(front_end, grid, "projections"))
    ((partial, buffers),) = partials(front_end, grid, "projections")
    assert partial["key"] == key
    assert partial["data"]["so_far"] == {"images": 5, "of": 14, "same": False}
    assert len(buffers) == sum(p is not None for p in partial["data"]["projections"]) > 0
    assert front_end.ask(explorer, "photo", slot="photo", image=9)[0]["op"] == "reply"
    assert slow.looked == 5
    slow.allow(1000)
    grid.resume()
    assert not explorer.paused
    assert explorer.settle(SECONDS)
    for widget, asked in ((explorer, index), (grid, same)):
        assert front_end.answer(widget, asked)[0]["op"] == "reply"
    expected = answered(Source(of_first(slow, 14)), "top", {**UNIT, "k": 9})
    content, buffers = front_end.ask(explorer, "top", **UNIT, k=9)
    assert (content["data"], buffers) == expected


def test_a_cell_that_asks_for_the_index_has_it_though_it_is_paused(front_end, slow):
    explorer = zf.Explorer(slow)
    explorer.pause()
    key = front_end.get(explorer, "index")
    assert explorer.settle(SECONDS) is False
    slow.allow(1000)
    assert len(slow.top("relu2", 2)) == 9
    assert front_end.answer(explorer, key)[0]["op"] == "reply"
    assert not explorer.paused
    assert explorer.settle(SECONDS)


def test_who_follows_the_pass_is_told_each_step_whoever_took_it(engine):
    source = Source(engine)
    following = source.answer("index", {})
    moving = source.answer("channels", {"layer": "conv1"})
    assert next(following).done == 1
    assert next(moving).done == 2
    assert next(moving).done == 2  # first it is to be told
    assert next(following).done == 2
    assert next(moving).done == 3
    following.close()  # nobody is left who tells
    assert [next(moving).done for _ in range(2)] == [4, 5]


def test_progress_tells_the_page_pace_and_channels(front_end, slow):
    grid = zf.PatchGrid(slow)
    front_end.get(grid, "index")
    slow.allow(3)
    told = lambda: [  # noqa: E731
        m["data"] for m, _ in front_end.custom(grid, "progress") if m["data"]["done"] == 3
    ]
    wait_for(front_end, told)
    assert told()[0] == {
        "what": "indexing",
        "done": 3,
        "total": 14,
        "seconds_left": None,
        "per_second": 8.0,
        "filled": [3, 20],
        "paused": False,
    }


def test_a_static_picture_never_shows_what_is_provisional(front_end, slow):
    grid = zf.PatchGrid(slow)
    front_end.get(grid, "top", **UNIT, k=9)
    slow.allow(4)
    wait_for(front_end, lambda: partials(front_end, grid, "top"))
    grid.pause()
    slow.allow(1)
    before = np.asarray(grid.snapshot(SECONDS))
    slow.allow(1000)
    grid.resume()
    after = np.asarray(grid.snapshot(SECONDS))
    assert (before != after).any()
    fresh = zf.PatchGrid(of_first(slow, 14))
    np.testing.assert_array_equal(after, np.asarray(fresh.snapshot(SECONDS)))
