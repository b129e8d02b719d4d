"""Google Colab: each example first installs what it needs there, and nothing elsewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples").rglob("*.ipynb"))
EXTRAS = {"sanity": r"sanity_check\(|SanityCheck\(", "transfer": r"\btransfer_\w+\("}
"""What is called where an extra is needed."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest):
    return nbformat.read(request.param, as_version=4)


def first(notebook) -> str:
    """The cell for Colab, which comes before all other code."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert cell.metadata.tags == ["colab"]
    assert cell.metadata.jupyter.source_hidden, "most readers are elsewhere"
    return cell.source


def test_in_colab_it_is_installed_and_then_widgets_are_allowed(notebook, monkeypatch):
    done = []
    google, colab = ModuleType("google"), ModuleType("google.colab")
    allow = lambda: done.append("widgets")  # noqa: E731
    colab.output = SimpleNamespace(enable_custom_widget_manager=allow)
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    shell = SimpleNamespace(run_line_magic=lambda *arguments: done.append(arguments))
    exec(first(notebook), {"get_ipython": lambda: shell})

    (magic, line), allowed = done
    assert (magic, allowed) == ("pip", "widgets")
    requirement = Requirement(line.removeprefix("install --quiet "))
    assert requirement.name == "zfwidgets"
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    needed = {extra for extra, calls in EXTRAS.items() if re.search(calls, code)}
    assert requirement.extras == needed


def test_elsewhere_nothing_happens(notebook, monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    names: dict[str, object] = {}
    exec(first(notebook), names)  # no get_ipython to call
    assert names.keys() - {"__builtins__"} == {"sys"}


def test_the_docs_tutorial_leaves_it_out(monkeypatch, tmp_path):
    folder = ROOT / "docs" / "site"
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("site_tutorial", folder / "tutorial.py")
    tutorial = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tutorial)
    tutorial.write(tmp_path / "tutorial", run=False)
    text = Path(tmp_path, "tutorial", "tutorial.md").read_text("utf-8")
    assert "zf.Explorer(" in text
    assert "colab" not in text
