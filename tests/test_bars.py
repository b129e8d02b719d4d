"""Progress bars leave nothing in a notebook that is saved, nor in a terminal."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.waiting import PROGRAM, SECONDS
from zfwidgets import bars
from zfwidgets.bars import progress_bar, waiting

SETUP = """
import sys
sys.path.insert(0, {root!r})
import ipywidgets
from zfwidgets.bars import progress_bar
"""
WHOLE = """
with progress_bar(range(3), "Counting") as bar:
    numbers = list(bar)
numbers
"""
BROKEN = """
try:
    with progress_bar(None, "Breaking", total=9) as bar:
        bar.update(4)
        raise KeyError
except KeyError:
    pass
"""
SHORT = 'with progress_bar(range(3), "Soon over", delay=60) as bar:\n    list(bar)'
LEFT = """
open_ones = ipywidgets.widgets.widget._instances.values()
print([widget for widget in open_ones if isinstance(widget, ipywidgets.DOMWidget)])
"""


class Attended(NotebookClient):
    """Runs cells as a page does: somebody could be asked for input."""

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


def outputs(root: Path, *codes: str, by: type[NotebookClient] = Attended) -> list[Any]:
    """What cells show in the end."""
    every = (SETUP.format(root=str(root)), *codes)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in every])
    by(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def test_a_notebook_keeps_no_dead_widget(root) -> None:
    whole, broken, short, left = outputs(root, WHOLE, BROKEN, SHORT, LEFT)
    empty = {"text/plain": "", "text/html": ""}
    assert [output.data for output in whole] == [empty, {"text/plain": "[0, 1, 2]"}]
    assert [output.data for output in broken] == [empty]
    assert short == []
    assert left[0].text == "[]\n"


@pytest.mark.parametrize("shown", [True, False])
def test_a_terminal_is_wiped(shown: bool) -> None:
    screen = io.StringIO()
    with progress_bar(None, "Counting", shown=shown, total=2, file=screen, mininterval=0) as bar:
        bar.update(1)
        bar.update(1)
    drawn = screen.getvalue()
    assert ("Counting" in drawn) == shown
    assert drawn.rsplit("\r", 1)[-1] == ""
    assert "\n" not in drawn


class Screen(io.StringIO):
    """A terminal, or a file, that wakes who waits for something to be written to it."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal, self.written = terminal, threading.Condition()

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        with self.written:
            length = super().write(text)
            self.written.notify_all()
        return length

    def wait_for(self, text: str) -> None:
        with self.written:
            assert self.written.wait_for(lambda: text in self.getvalue(), SECONDS)

    @property
    def left(self) -> str:
        """What is still to be seen of its last line."""
        assert "\n" not in self.getvalue()
        line = ""
        for part in self.getvalue().split("\r"):
            line = part + line[len(part) :]
        return line.strip()


@pytest.fixture
def screen(monkeypatch, request) -> Screen:
    made = Screen(getattr(request, "param", True))
    # Not sys.stderr itself: pytest puts its own there before each test.
    monkeypatch.setattr(bars, "sys", SimpleNamespace(stderr=made, modules={}))
    monkeypatch.setattr(bars, "PATIENCE", 0.01)
    return made


def test_what_takes_long_is_said_and_leaves_nothing(screen: Screen) -> None:
    for _ in range(2):
        with suppress(KeyError), waiting("Reading the report"):
            screen.wait_for("Reading the report … 0 s")
            raise KeyError
        assert screen.left == ""
        screen.seek(0)
        screen.truncate()


def test_what_is_quick_is_not_mentioned(screen: Screen, monkeypatch) -> None:
    monkeypatch.setattr(bars, "PATIENCE", 60)
    with waiting("Reading the report"):
        pass
    assert screen.getvalue() == ""


@pytest.mark.parametrize("screen", [False], indirect=True)
def test_a_file_stays_clean(screen: Screen) -> None:
    threads = threading.active_count()
    with waiting("Reading the report"):
        assert threading.active_count() == threads
    assert screen.getvalue() == ""


def test_there_is_one_line_and_none_beside_a_bar(screen: Screen) -> None:
    @waiting("Loading")
    def load() -> str:
        screen.wait_for("Making")
        return "loaded"

    with waiting("Making the engine"):
        assert load() == "loaded"
        with progress_bar(None, "Counting", total=2, mininterval=0, file=screen) as bar:
            screen.seek(0)
            screen.truncate()
            bar.update(1)
            screen.wait_for("Counting")
            assert "Making" not in screen.getvalue()
        screen.wait_for("Making the engine")
    assert "Loading" not in screen.getvalue()
    assert screen.left == ""
    with waiting("Reading", shown=False):
        assert not bars._waiting


def test_there_is_no_line_beside_a_bar_that_came_first(screen: Screen) -> None:
    with progress_bar(None, "Counting", total=2, file=io.StringIO()), waiting("Loading"):
        assert not bars._waiting
    with waiting("Loading"):
        screen.wait_for("Loading … 0 s")


def after(words: str, screen: Screen, function: Callable) -> Callable:
    """The function, once the words are to be read: without them it fails."""

    def wait(*arguments, **named):
        screen.wait_for(words)
        return function(*arguments, **named)

    return wait


def test_loading_and_making_an_engine_say_so(screen: Screen, monkeypatch) -> None:
    pytest.importorskip("torch")
    from zfwidgets.engine.local import LocalEngine, engine
    from zfwidgets.models import squeezenet
    from zfwidgets.samples import network, photos

    said = "Loading the sample network and PyTorch"
    monkeypatch.setattr(squeezenet, "digest", after(said, screen, squeezenet.digest))
    model = network()
    said = "Looking at the network and its images"
    monkeypatch.setattr(engine, "cache_folder", after(said, screen, engine.cache_folder))
    made = LocalEngine(model, photos(), cache=False)
    assert screen.left == ""
    # No bar and no steps that are seen: a line.
    for method, steps, arguments, said in (
        ("quantiles", "quantile_steps", ("features.1", 0), "Looking for images from the whole"),
        ("estimate", "estimate_steps", (0,), "Trying how long the occluder takes"),
        ("cover_patches", "cover_steps", ("features.1", 0), "Covering patches"),
        ("sanity_number", "sanity_steps", ("features.1", 0), "Drawing the channel's filters anew"),
    ):

        def tell(*_, said=said):
            screen.wait_for(said)
            yield from ()
            return said

        monkeypatch.setattr(made, steps, tell)
        assert getattr(made, method)(*arguments) == said
        assert screen.left == ""


def test_projecting_says_so_to_who_asked_and_not_from_a_thread(screen: Screen, monkeypatch) -> None:
    pytest.importorskip("torch")
    import torch

    from zfwidgets.classroom.client.remote import RemoteEngine
    from zfwidgets.engine.local import LocalEngine
    from zfwidgets.records import Activation, Box, Unit

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.ReLU())
    photo = torch.linspace(-1, 1, 3 * 5 * 7).reshape(3, 5, 7)
    made = LocalEngine(model, [photo], cache=False)
    unit = Unit("1", 0, 2, 3)
    one = Activation(unit, 0, "", 1.0, Box(0, 0, 3, 3))
    remote = object.__new__(RemoteEngine)  # and no server
    for where, name in ((made._projector, "records"), (remote, "_call")):
        monkeypatch.setattr(where, name, lambda *_, **__: (list(bars._waiting),))

    def lines() -> list[int]:
        found = made.project(unit, 0), *made.project_all([one]), *remote.project_all([one])
        return [len(each) for each in found]

    assert lines() == [1, 1, 1]
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(lines()))
    thread.start()
    thread.join(SECONDS)
    assert found == [0, 0, 0]


LINE = """
import time
from zfwidgets import bars
bars.PATIENCE = 0.01
with bars.waiting("Reading the report"):
    while bars._waiting[0]._output is None:
        time.sleep(0.01)
"""


def test_a_notebook_keeps_no_line(root) -> None:
    (shown,) = outputs(root, LINE)
    assert [output.data for output in shown] == [{"text/plain": ""}]


NO_LINE = """
from zfwidgets import bars
with bars.waiting("Reading the report"):
    begun = list(bars._waiting)
begun
"""


def test_where_a_program_runs_the_cells_there_is_neither_bar_nor_line(root, monkeypatch) -> None:
    """What they leave where somebody looks is an empty output: an empty box on a page of docs."""
    whole, broken, line = outputs(root, WHOLE, BROKEN, NO_LINE, by=NotebookClient)
    assert [output.data for output in whole] == [{"text/plain": "[0, 1, 2]"}]
    assert broken == []
    assert [output.data for output in line] == [{"text/plain": "[]"}]
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")  # whose pages somebody looks at
    empty = {"text/plain": "", "text/html": ""}
    (whole,) = outputs(root, WHOLE, by=NotebookClient)
    assert [output.data for output in whole] == [empty, {"text/plain": "[0, 1, 2]"}]
