"""Every widget of ours, also those in a box, keeps a page's messages where the page sends them."""

from __future__ import annotations

import ipywidgets
import pytest

import zfwidgets as zf
from zfwidgets.experiments.shared.boxes import ResultBox


@pytest.fixture(autouse=True)
def comms_with_a_mind_of_their_own(front_end, monkeypatch):
    """Comms as ipykernel 7.4 has them: messages go to the subshell that spoke last."""

    def elsewhere(_comm, _data, _subshell):
        return "that of another page"

    kind = type(ipywidgets.Button().comm)
    monkeypatch.setattr(kind, "_reply_subshell_for", elsewhere, raising=False)


def route(widget: ipywidgets.Widget) -> str | None:
    return widget.comm._reply_subshell_for({}, "this page's")


def test_widgets_and_their_selection(engine):
    explorer = zf.Explorer(engine)
    assert route(explorer) == route(explorer.selection) == "this page's"


def test_all_that_is_in_a_box(engine):
    inner = ipywidgets.Button()
    box = ResultBox(engine, [ipywidgets.HBox([inner])])
    assert route(box) == route(inner) == "this page's"
    assert route(ipywidgets.Button()) == "that of another page"  # others' are left alone
