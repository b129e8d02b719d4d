"""Progress bars leave nothing in a notebook that is saved, nor in a terminal."""

from __future__ import annotations

import io

import nbformat
import pytest
from nbclient import NotebookClient

from tests.waiting import PROGRAM
from zfwidgets.bars import progress_bar

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
