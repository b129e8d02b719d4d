"""Two outputs: the widget, and beside it a picture that is there when no kernel is."""

from __future__ import annotations

import base64
import dataclasses
import io
import sys
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output
from PIL import Image
from traitlets.config import Config

import zfwidgets as zf
from tests.hostile import NAMES
from tests.waiting import SECONDS
from tests.widgets import numpy_engine
from zfwidgets.drawing.page import Page, one_line
from zfwidgets.errors import InputError
from zfwidgets.widgets import static_picture

VIEW = "application/vnd.jupyter.widget-view+json"
KINDS = (zf.LayerPicker, zf.PatchGrid, zf.OcclusionMap, zf.Explorer)


@pytest.fixture
def outputs(front_end):
    """What cells publish, as a list of {data, metadata, transient, update}."""
    assert not InteractiveShell.initialized()
    InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    with capture_output(display=True) as captured:
        yield captured._outputs
    InteractiveShell.clear_instance()


def picture(output):
    jpeg = output["data"]["image/jpeg"]
    return Image.open(io.BytesIO(base64.b64decode(jpeg) if isinstance(jpeg, str) else jpeg))


@pytest.mark.parametrize("kind", KINDS)
def test_the_widget_and_beside_it_a_small_picture(kind, outputs, indexed):
    widget = kind(indexed)
    display(widget)
    live, static = outputs
    assert live["data"][VIEW]["model_id"] == widget.model_id
    assert "image/jpeg" not in live["data"]
    assert list(static["data"]) == ["image/jpeg", "text/plain"]
    assert static["transient"]["display_id"]
    assert static["data"]["text/plain"].startswith(f"zfwidgets {kind.__name__}: ")
    assert static["metadata"]["alt"].startswith("zfwidgets")
    assert static["metadata"]["image/jpeg"]["alt"].startswith("zfwidgets")
    assert picture(static).format == "JPEG"


def test_on_a_page_of_solara_the_widget_stands_alone(outputs, indexed, monkeypatch):
    """Each output is a part of the page there, and nothing would hide the second."""
    context = None
    reacton = SimpleNamespace(get_render_context=lambda required: context)
    monkeypatch.setitem(sys.modules, "reacton.core", reacton)
    grid = zf.PatchGrid(indexed)
    display(grid)
    assert len(outputs) == 2  # a notebook that uses Solara somewhere
    outputs.clear()
    context = "while a component is rendered"
    display(zf.PatchGrid(indexed))
    (output,) = outputs
    assert VIEW in output["data"]


def test_displaying_computes_nothing(outputs, engine):
    with engine.lock:
        display(zf.Explorer(engine))
        assert len(outputs) == 2
    assert not engine.indexed


def test_the_picture_is_refreshed_when_settled(outputs, indexed):
    grid = zf.PatchGrid(indexed)
    display(grid)
    assert grid.settle(SECONDS)
    _, first, refreshed = outputs
    assert refreshed["update"] is True
    assert refreshed["transient"] == first["transient"]
    before, after = np.asarray(picture(first)), np.asarray(picture(refreshed))
    assert before.shape == after.shape
    assert (before != after).mean() > 0.2  # patches where there were empty places
    grid.selection.unit = ("conv1", 2)
    assert grid.settle(SECONDS)
    assert "layer conv1, channel 2" in outputs[-1]["data"]["text/plain"]
    assert outputs[-1]["transient"] == first["transient"]


def test_a_selection_that_is_left_alone_is_drawn_again(outputs, indexed, monkeypatch):
    from zfwidgets.widgets import base

    monkeypatch.setattr(base, "PICTURE_DELAY", 0.0)
    grid = zf.PatchGrid(indexed)
    display(grid)
    grid.selection.unit = ("relu1", 3)
    assert grid._service.jobs.wait({grid._owner}, SECONDS)
    assert outputs[-1]["update"] is True
    assert "layer relu1, channel 3" in outputs[-1]["data"]["text/plain"]


def test_a_widget_that_is_displayed_twice_has_one_picture_to_refresh(outputs, indexed):
    grid = zf.PatchGrid(indexed)
    display(grid)
    display(grid)
    ids = {o["transient"]["display_id"] for o in outputs if "image/jpeg" in o["data"]}
    assert len(ids) == 1


def test_children_of_boxes_have_no_second_output(outputs, indexed):
    explorer = zf.Explorer(indexed)
    box = ipywidgets.VBox([explorer])
    display(box)
    assert explorer.settle(SECONDS)
    (output,) = outputs
    assert output["data"][VIEW]["model_id"] == box.model_id


def test_a_snapshot_is_the_picture_under_the_widget(outputs, indexed):
    explorer = zf.Explorer(indexed)
    display(explorer)
    shot = explorer.snapshot(SECONDS)
    assert shot.mode == "RGB"
    refreshed = [output for output in outputs if output.get("update")]
    assert len(refreshed) == 1
    drawn = np.asarray(picture(refreshed[0])).astype(int)
    assert drawn.shape == np.asarray(shot).shape
    assert np.abs(drawn - np.asarray(shot)).mean() < 6  # what JPEG loses


def test_a_box_of_ipywidgets_7_is_displayed_too(outputs, monkeypatch):
    """It displays itself, instead of saying what is to be displayed."""
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")
    experiment = zf.Ablation(zf.experiments.recorded("ablation"))
    display(experiment)
    live, static = outputs
    view = {"version_major": 2, "version_minor": 0, "model_id": experiment.model_id}
    assert live["data"][VIEW] == view
    assert picture(static).format == "JPEG"


def test_a_closed_widget_says_so(outputs, indexed):
    grid = zf.PatchGrid(indexed)
    grid.close()
    display(grid)
    assert outputs[0]["data"] == {"text/plain": "PatchGrid (closed)"}


def test_without_ipython_a_snapshot_is_a_picture(indexed):
    explorer = zf.Explorer(indexed, pixels=True)
    patches = indexed.top("conv2", 0)
    shot = np.asarray(explorer.snapshot(SECONDS))
    colours = {tuple(pixel) for pixel in shot.reshape(-1, 3)}
    for a in patches:  # its pixels are squares: its colours are in the picture
        assert {tuple(p) for p in indexed.patch(a).reshape(-1, 3)} <= colours


def test_what_is_not_known_in_time_is_left_empty(indexed):
    explorer = zf.Explorer(indexed)
    with indexed.lock:
        early = np.asarray(explorer.snapshot(timeout=0.0))
    late = np.asarray(explorer.snapshot(SECONDS))
    assert early.shape[1] == late.shape[1] == 1200
    assert len(np.unique(late.reshape(-1, 3), axis=0)) > len(
        np.unique(early.reshape(-1, 3), axis=0)
    )


def test_a_projection_of_zeros_says_so_in_the_picture(indexed, monkeypatch):
    """In its place, and only there; the others are shown."""
    before = indexed.project_all

    def emptied(top, rule="deconvnet"):
        found = before(top, rule)
        zero = indexed.top("conv2", 0)[2].image
        return tuple(
            dataclasses.replace(p, pixels=0 * p.pixels) if p.activation.image == zero else p
            for p in found
        )

    said = []
    monkeypatch.setattr(Page, "empty", lambda self, *args: said.append(args))
    zf.Explorer(indexed, layer="conv2", channel=0).snapshot(SECONDS)
    assert not [text for *_, text in said if "zero" in text]
    monkeypatch.setattr(indexed, "project_all", emptied)
    indexed_again = zf.Explorer(indexed, layer="conv2", channel=0, rule="guided")
    indexed_again.snapshot(SECONDS)
    assert [text for *_, text in said if "zero" in text] == ["zero everywhere"]


def test_pictures_of_noise_stay_below_the_limit():
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (1300, 1200, 3), dtype=np.uint8))
    assert len(static_picture.to_jpeg(noise)) <= static_picture.LARGEST


def test_without_classes_the_picture_shows_a_feature_map(front_end):
    engine = numpy_engine.NumpyEngine(classes=0)
    explorer = zf.Explorer(engine, layer="relu2", channel=2)
    with_map = np.asarray(explorer.snapshot(SECONDS))
    explorer.selection.occluder = None
    without = np.asarray(explorer.snapshot(SECONDS))
    assert with_map.shape == without.shape
    assert (with_map != without).any(-1).sum() > 10_000
    with pytest.raises(InputError, match="no bars of classes: NumpyNet has no classes"):
        zf.plots.class_bars(explorer)


def test_a_picture_is_drawn_whatever_things_are_called(indexed, front_end):
    names = tuple(NAMES[i % len(NAMES)] for i in range(len(indexed.info.images)))
    labels = NAMES[:1] * (len(indexed.info.labels) - 1) + NAMES[14:15]
    indexed.info = dataclasses.replace(indexed.info, images=names, labels=labels, model=NAMES[-1])
    for image in range(len(names)):
        explorer = zf.Explorer(indexed, image=image)
        assert explorer.snapshot(SECONDS).width == 1200
        line = one_line(explorer._describe())
        assert not set("\n\r\0") & set(line.encode().decode())
        explorer.close()
