"""Other packages' widgets in reports: what can't come along is named."""

from __future__ import annotations

import ipywidgets
import pytest
import traitlets

import zfwidgets as zf
from zfwidgets.errors import InputError
from zfwidgets.experiments.shared.head import Head
from zfwidgets.reports.writing import figures


class Unknown(ipywidgets.DOMWidget):
    _view_name = traitlets.Unicode("View").tag(sync=True)
    _view_module = traitlets.Unicode("no-such-package").tag(sync=True)
    _model_module = traitlets.Unicode("no-such-package").tag(sync=True)


@pytest.fixture(autouse=True)
def manager(built, tmp_path_factory):
    from zfwidgets.widgets import bundle

    (bundle.STATIC / "figures.js").write_text("// the manager")


def test_links_and_what_a_figure_refers_to_come_along(explorer, save):
    one, two = ipywidgets.IntSlider(3), ipywidgets.IntText()
    link = ipywidgets.jslink((one, "value"), (two, "value"))
    path = save(widgets=[explorer, ipywidgets.VBox([one, two])])
    ((data, scripts),) = zf.load_report(path)._unpacked(figures.PART)
    state = data["state"]["state"]
    assert {one.model_id, two.model_id, link.model_id} <= state.keys()
    assert state[one.model_id]["state"]["value"] == 3
    assert scripts == [b"// the manager"]


def test_what_an_anywidget_refers_to_comes_along(built):
    """ipywidgets follow its own references alone; a part of an experiment needs its code."""
    head = Head(name="Evolution", facts="", about=[], recorded="")
    state = figures._with_all_references([ipywidgets.VBox([head])])
    assert state[head.model_id]["state"]["_code"] == f"anywidget:{head._code.model_id}"
    (packed,) = state[head._code.model_id]["buffers"]
    assert packed["path"] == ["packed"]


def test_a_package_without_javascript_is_named(explorer, save, tmp_path):
    with pytest.raises(InputError, match=r"'no-such-package'.*Leave its widgets out"):
        save(widgets=[explorer, Unknown()])
    assert list(tmp_path.iterdir()) == []


def test_modules_get_their_names(tmp_path, monkeypatch):
    for name, text in (
        ("one", 'x.define(["a"]);define(["a"],f)'),
        ("two", "define(function(){})"),
        ("three", "export default 1"),
    ):
        (tmp_path / "nbextensions" / name).mkdir(parents=True)
        (tmp_path / "nbextensions" / name / "index.js").write_text(text)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert figures.script("one") == 'x.define(["a"]);define("one",["a"],f)'
    assert figures.script("two") == 'define("two",function(){})'
    with pytest.raises(InputError, match="AMD module"):
        figures.script("three")


def test_widgets_of_ours_are_views_or_named(engine, save):
    with pytest.raises(InputError, match="not Selection"):
        save(widgets=[zf.Selection(engine), engine])
