"""A box brings the view that shows it where a page knows anywidgets alone, and only there."""

from __future__ import annotations

import itertools
import json
import sys
import threading
from types import ModuleType, SimpleNamespace

import ipywidgets
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.experiments.shared.boxes import Experiment, ResultBox
from zfwidgets.experiments.shared.layout import beside
from zfwidgets.experiments.shared.picture_wall import PictureWall
from zfwidgets.lessons import FieldWidth
from zfwidgets.records import Progress
from zfwidgets.widgets.boxes import LiveBox
from zfwidgets.widgets.hosts import marimo
from zfwidgets.widgets.static_picture.unattended import inside

OF_THE_VIEW = {"_esm", "_code", "_links", "language"}


class Box(LiveBox):
    """A box with a slider that plays."""

    def __init__(self):
        self.play, self.time = ipywidgets.Play(), ipywidgets.IntSlider()
        self.link = ipywidgets.jslink((self.play, "value"), (self.time, "value"))
        super().__init__([self.play, self.time])

    def _linked(self):
        return [self.link]

    def _describe(self):
        return "a slider"

    def _paint_known(self):
        from PIL import Image

        return Image.new("RGB", (7, 5))


@pytest.fixture
def in_marimo(monkeypatch):
    """A process in which marimo runs cells, as far as it can be asked."""
    module = ModuleType("marimo")
    module.running_in_notebook = lambda: True
    monkeypatch.setitem(sys.modules, "marimo", module)
    monkeypatch.setattr(ipywidgets.Box, "_repr_html_", None, raising=False)  # none after the test
    return module


def test_a_box_is_ipywidgets_own_where_pages_know_these(front_end):
    box = Box()
    assert not OF_THE_VIEW & set(box.get_state())
    assert box.get_state() == {**ipywidgets.VBox.get_state(box)}
    assert box._mime_()[1].startswith('<img alt="zfwidgets Box: a slider"')


def test_in_marimo_a_box_has_a_view_its_code_and_its_links(front_end, in_marimo):
    zf.set_language("de")
    try:
        box = Box()
    finally:
        zf.set_language("en")
    (opened,) = (
        data["state"]
        for comm_id, kind, data, _ in front_end.messages
        if comm_id == box.model_id and kind == "comm_open"
    )
    assert json.loads(opened["_esm"].split(";\n")[0].removeprefix("const ZF = "))["part"] == "box"
    assert opened["_code"] == f"anywidget:{box._code.model_id}"
    assert opened["_links"] == [f"anywidget:{box.link.model_id}"]
    assert opened["language"] == "de"
    assert opened["children"] == [f"IPY_MODEL_{one.model_id}" for one in (box.play, box.time)]
    front_end.change(box, _esm="mine", _code="mine")  # a page brings no code
    assert box.get_state()["_esm"] == opened["_esm"]
    code = box._code
    box.close()
    assert code.comm is None


def test_where_marimo_is_there_but_runs_no_cells_nothing_changes(front_end, in_marimo):
    in_marimo.running_in_notebook = lambda: False
    box = Box()
    assert not OF_THE_VIEW & set(box.get_state())


def test_a_page_of_marimos_that_has_no_view_shows_the_picture(front_end, in_marimo):
    """As those whose connections know no JavaScript."""
    box = Box()
    assert not marimo.shows_views(box.comm)
    mime, page = box._mime_()
    assert (mime, "A still picture" in page) == ("text/html", True)


class Result(ResultBox[None]):
    """An experiment's box with two boxes and a wall in it."""

    def __init__(self, engine):
        super().__init__(engine, [beside([PictureWall("engine", "Filters")])])


@pytest.mark.parametrize(
    ("url", "live"), [("./@file/9-box.js", True), ("data:text/javascript;base64,AA==", False)]
)
def test_in_a_page_that_is_exported_stands_the_picture(front_end, in_marimo, url, live):
    """There the JavaScript is in the page, and no kernel."""
    box = Box()
    box.comm.esm_spec = SimpleNamespace(url=url)
    element = SimpleNamespace(_mime_=lambda: ("text/html", "<marimo-anywidget>"))
    in_marimo.ui = SimpleNamespace(anywidget={box: element}.__getitem__)
    assert ("A still picture" in box._mime_()[1]) is not live
    assert ("<marimo-anywidget>" in box._mime_()[1]) is live


def test_a_users_box_with_a_widget_of_ours_is_shown_in_one_that_has_a_view(
    front_end, in_marimo, monkeypatch
):
    shown = []
    element = SimpleNamespace(_mime_=lambda: ("text/html", "<marimo-anywidget>"))
    in_marimo.ui = SimpleNamespace(anywidget=lambda box: shown.append(box) or element)
    monkeypatch.setattr(marimo, "shows_views", lambda _comm: True)
    others = ipywidgets.HBox([ipywidgets.Button()])
    users = ipywidgets.VBox([others, ipywidgets.HBox([Box()])])
    assert users._repr_html_() == "<marimo-anywidget>"
    (around,) = shown
    assert around.children == (users,)
    assert set(around.get_state()) > OF_THE_VIEW
    assert others._repr_html_() is None, "marimo says of it what it says of ipywidgets"
    monkeypatch.setattr(marimo, "shows_views", lambda _comm: False)
    assert users._repr_html_() is None, "an exported page has no kernel"


@pytest.mark.parametrize(
    "make", [Result, lambda engine: zf.Worksheet(engine, [FieldWidth(None)])], ids=["box", "sheet"]
)
def test_what_closes_takes_its_parts_and_their_code_along(front_end, indexed, in_marimo, make):
    box = make(indexed)
    parts = [box, *inside(box)]
    codes = [part._code for part in parts if hasattr(part, "_code")]
    assert len(codes) > 2
    assert all(code.is_there for code in codes)
    box.close()
    assert {one.comm for one in (*parts, *codes)} == {None}


class Counting(Experiment[int]):
    """Counts for ever, as far as it is let."""

    def __init__(self, engine):
        self.counted = threading.Semaphore(0)
        super().__init__(engine, [])

    def _steps(self):
        for number in itertools.count(1):
            yield Progress(number, number + 1, None, "counting")
            self.counted.release()

    def _show(self, result):
        """Show nothing."""


def test_an_experiment_stops_when_marimo_has_run_its_cell_again(front_end, indexed, in_marimo):
    """marimo closes connections, and says it to nobody."""
    box = Counting(indexed)
    assert box.counted.acquire(timeout=SECONDS)
    box.comm.esm_spec = object()  # as marimo's have one
    assert box._service.settle({box._owner}, 0.2) is False
    assert box.running
    box.comm._closed = True
    assert any(box._service.settle({box._owner}, 0.05) for _ in range(20 * SECONDS))
    box.comm._closed = False
    box.close()
