"""What the experiments' widgets share: steps on the worker, pictures by message."""

from __future__ import annotations

import base64
import io
import json
import re
import threading

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from tests.waiting import SECONDS
from zfwidgets.drawing.page import Page
from zfwidgets.errors import InputError
from zfwidgets.experiments.shared.boxes import Experiment
from zfwidgets.experiments.shared.picture_wall import MOST, PictureWall, Wall, paint_wall
from zfwidgets.records import Progress
from zfwidgets.stepwise import Pace

RNG = np.random.default_rng(0)


class Counting(Experiment[int]):
    """Counts to five; waits at three until it may go on."""

    def __init__(self, engine, may_go_on, fails=False):
        self.may_go_on, self.fails = may_go_on, fails
        self.at_three, self.prepared, self.threads = threading.Event(), [], set()
        self.begun = self.ended = 0
        self.label = ipywidgets.HTML()
        super().__init__(engine, [self.label])

    def _describe(self):
        return "counting"

    def _steps(self):
        self.threads.add(threading.current_thread().name)
        self.begun += 1
        try:
            for number in range(1, 6):
                yield Progress(number - 1, 5, None, "counting")
                if number == 3:
                    self.at_three.set()
                    assert self.may_go_on.wait(SECONDS)
                    if self.fails:
                        raise InputError("three is too many")
                yield number
            return 5
        finally:
            assert threading.current_thread().name in self.threads, "where it ran"
            self.ended += 1

    def _prepare(self, run, result):
        self.prepared.append(result)

    def _show(self, result):
        self.label.value = str(result)

    def _paint(self, result, status):
        return lambda: Image.new("RGB", (8 if result is None else 8 * result, 6))


@pytest.fixture
def go():
    event = threading.Event()
    yield event
    event.set()


def stopped(indexed, go):
    """One that was stopped at three."""
    box = Counting(indexed, go)
    assert box.at_three.wait(SECONDS)
    box.stop()
    go.set()
    assert box.settle(SECONDS)
    return box


def test_it_runs_on_the_worker_and_ends_with_the_whole_result(indexed, go):
    go.set()
    box = Counting(indexed, go)
    assert box.settle(SECONDS)
    assert box.result == 5
    assert box.label.value == "5"
    assert box.prepared == [1, 2, 3, 4, 5]
    assert threading.main_thread().name not in box.threads
    assert (box.running, box._status.value, box._bar.value) == (False, "done", box._bar.max)
    assert box.snapshot().size == (40, 6)


def test_a_stop_keeps_what_is_done_and_it_goes_on_from_there(indexed, go):
    box = stopped(indexed, go)
    assert box.result == 2
    assert box._status.value == "stopped; what is done stays"
    assert box._button.description == "Go on"
    box._button.click()
    assert box.settle(SECONDS)
    assert box.result == 5
    assert box.prepared == [1, 2, 3, 4, 5], "nothing is computed twice"
    assert box.begun == 1
    assert box._button.description == "Start again"
    box._button.click()
    assert box.settle(SECONDS)
    assert (box.begun, box.result) == (2, 5)


def test_what_is_forgotten_isnt_gone_on_with(indexed, go):
    box = stopped(indexed, go)
    box._forget()
    box.start()
    assert box.settle(SECONDS)
    assert (box.begun, box.ended) == (2, 2), "the first has cleaned up"


def test_what_was_stopped_cleans_up_when_it_is_closed(indexed, go):
    box = stopped(indexed, go)
    assert box.ended == 0
    box.close()
    assert box._service.jobs.wait({box._owner}, SECONDS)
    assert box.ended == 1


def test_the_time_left_after_a_pause_is_of_the_pace_since(monkeypatch):
    clock = iter([100.0, 200.0, 204.0, 300.0])
    monkeypatch.setattr("zfwidgets.stepwise.time.monotonic", lambda: next(clock))
    pace = Pace()
    told = [pace.told(Progress(done, 10, 999.0, "counting")) for done in (4, 6)]
    assert [one.seconds_left for one in told] == [None, 4 / 2 * 4]
    assert pace.told(Progress(0, 3, 1.0, "another")).seconds_left is None


def test_what_fails_is_said_and_raised(indexed, go):
    go.set()
    box = Counting(indexed, go, fails=True)
    with pytest.raises(InputError, match="three is too many"):
        box.settle(SECONDS)
    assert box.result == 2
    assert box._status.value == "InputError: three is too many"


def test_closing_stops_it_and_closes_its_parts(indexed, go):
    box = Counting(indexed, go)
    assert box.at_three.wait(SECONDS)
    box.close()
    go.set()
    assert box._service.jobs.wait({box._owner}, SECONDS)
    assert box.label.comm is None


# ---------------------------------------------------------------------- pictures


def pictures(count):
    return [RNG.integers(0, 256, (5 + i % 3, 9, 3), dtype=np.uint8) for i in range(count)]


def ask(front_end, widget, **key):
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "wall", "key": key}
    front_end.send(widget, request)
    return front_end.custom(widget)[-1]


def test_where_boxes_are_not_shown_there_is_the_picture_and_what_to_do(indexed, go):
    go.set()
    box = Counting(indexed, go)
    assert box.settle(SECONDS)
    mime, page = box._mime_()  # as marimo asks
    assert mime == "text/html"
    assert 'alt="zfwidgets Counting: counting"' in page
    assert "widget.settle()" in page
    picture = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", page)[1])
    assert Image.open(io.BytesIO(picture)).size == (40, 6)  # of the whole result
    box.close()


def test_a_walls_pictures_come_by_message_pixel_by_pixel(front_end):
    shown = pictures(MOST + 3)
    shown[1] = None
    wall = PictureWall("engine", "Filters", choosable=True)
    wall.show(Wall(shown, captions=[f"{i}" for i in range(len(shown))]))
    state = {k: v for k, v in wall.get_state().items() if k != "_esm"}
    assert len(json.dumps(state)) < 4096
    content, buffers = ask(front_end, wall, wall=wall.wall, first=0)
    assert (content["op"], content["data"]["total"], len(buffers)) == ("reply", MOST + 3, MOST - 1)
    expected = [p for p in shown[:MOST] if p is not None]
    for buffer, pixels in zip(buffers, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(buffer))), pixels)
    content, buffers = ask(front_end, wall, wall=wall.wall, first=MOST)
    assert content["data"]["captions"] == ["64", "65", "66"]
    assert len(buffers) == 3


def test_a_wall_that_is_gone_is_an_error(front_end):
    wall = PictureWall("engine", "Filters")
    content, _ = ask(front_end, wall, wall="nothing", first=0)
    assert content["op"] == "error"
    assert "run the cell again" in content["data"]["message"]


def test_the_wall_that_is_shown_is_never_let_go_of():
    wall = PictureWall("engine", "Filters")
    wall.show(Wall(pictures(1)), "first")
    for number in range(200):
        wall.keep(Wall(pictures(1)), f"{number}")
    assert wall.shown is not None
    assert len(wall._walls) < 100


def test_a_wall_is_painted_with_its_pictures():
    page, red = Page(), np.full((6, 6, 3), (255, 0, 0), dtype=np.uint8)
    wall = Wall([red, None], captions=["a"], columns=2, heads=["x", "y"], sides=["s"])
    paint_wall(page, wall, "note")
    found = np.asarray(page.finish())
    assert (found == (255, 0, 0)).all(-1).sum() == 150 * 150
