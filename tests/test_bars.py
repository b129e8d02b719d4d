"""Progress bars leave nothing in a notebook that is saved, nor in a terminal."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from types import SimpleNamespace

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


def test_a_notebook_keeps_no_dead_widget(root) -> None:
    codes = (SETUP.format(root=str(root)), WHOLE, BROKEN, SHORT, LEFT)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in codes])
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    _, whole, broken, short, left = (cell.outputs for cell in notebook.cells)
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


LINE = """
import time
from zfwidgets import bars
bars.PATIENCE = 0.01
with bars.waiting("Reading the report"):
    while bars._waiting[0]._output is None:
        time.sleep(0.01)
"""


def test_a_notebook_keeps_no_line(root) -> None:
    codes = (SETUP.format(root=str(root)), LINE)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in codes])
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    assert [output.data for output in notebook.cells[1].outputs] == [{"text/plain": ""}]
