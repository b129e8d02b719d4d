"""bqplot figures follow a selection and link to the rest by traits."""

from __future__ import annotations

import asyncio
import threading

import ipywidgets
import numpy as np
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError


def bars(figure):
    return figure.marks[0]


def test_bars_are_the_engines_probabilities_and_follow(indexed):
    explorer = zf.Explorer(indexed)
    figure = zf.plots.class_bars(explorer, k=3)
    for photo, top in ((2, 0), (7, 9)):
        occluder = {"top": top, "left": 1, "height": 9, "width": 12, "baseline": "grey"}
        explorer.selection.choose(photo=photo, occluder=occluder)
        assert explorer.settle(SECONDS)
        clean = indexed.predict(photo)
        under = indexed.predict(photo, zf.records.Occluder(zf.records.Box(top, 1, 9, 12)))
        chosen = [index for index, _, _ in clean.top(3)]
        assert list(bars(figure).x) == [label for _, label, _ in clean.top(3)]
        np.testing.assert_array_equal(bars(figure).y[0], clean.probabilities[chosen])
        np.testing.assert_array_equal(bars(figure).y[1], under.probabilities[chosen])
        assert figure.title == f"picture {photo}"


def test_a_click_on_a_bar_sets_the_target_and_another_gives_it_back(indexed):
    occlusion = zf.OcclusionMap(indexed, image=4)
    figure = zf.plots.class_bars(occlusion.selection)
    assert occlusion.settle(SECONDS)
    second = indexed.predict(4).top(2)[1]

    def click():
        content = {"event": "element_click", "data": {"index": 1, "sub_index": 0}}
        bars(figure)._handle_custom_msgs(bars(figure), content)
        assert occlusion.settle(SECONDS)

    click()
    assert occlusion.selection.target == second[0]
    assert bars(figure).x[1] == f"> {second[1]}"
    click()
    assert occlusion.selection.target is None
    assert bars(figure).x[1] == second[1]


def test_the_histogram_counts_every_image_and_marks_the_photo(indexed):
    grid = zf.PatchGrid(indexed, layer="conv2", channel=1, image=5)
    figure = zf.plots.activation_histogram(grid, bins=7)
    assert grid.settle(SECONDS)
    values = indexed.sample("conv2", 1).values
    counts, edges = np.histogram(values, 7)
    np.testing.assert_array_equal(bars(figure).y, counts)
    np.testing.assert_allclose(bars(figure).x, (edges[:-1] + edges[1:]) / 2)
    np.testing.assert_array_equal(figure.marks[1].x, [values[5]] * 2)
    grid.selection.choose(unit=("relu1", 4), photo=8)
    assert grid.settle(SECONDS)
    assert bars(figure).y.sum() == 14
    assert figure.marks[1].x[0] == indexed.sample("relu1", 4).values[8]
    assert figure.title == "relu1, channel 4"


def test_figures_follow_their_widget_to_another_selection(indexed):
    picker, grid = zf.LayerPicker(indexed), zf.PatchGrid(indexed)
    figure = zf.plots.activation_histogram(grid)
    zf.link(picker, grid)
    picker.selection.unit = ("relu2", 3)
    assert grid.settle(SECONDS)
    assert figure.title == "relu2, channel 3"


def test_figures_stand_in_boxes_beside_widgets_and_sliders(indexed):
    explorer = zf.Explorer(indexed)
    figure = zf.plots.class_bars(explorer)
    slider = ipywidgets.IntSlider(max=13)
    ipywidgets.link((slider, "value"), (explorer.selection, "photo"))
    box = ipywidgets.HBox([explorer, ipywidgets.VBox([figure, slider])])
    assert box.get_state()["children"][0] == f"IPY_MODEL_{explorer.model_id}"
    slider.value = 11
    assert explorer.settle(SECONDS)
    assert figure.title == "picture 11"


def test_traits_are_set_on_the_thread_of_the_event_loop(indexed):
    async def cell():
        explorer = zf.Explorer(indexed)
        figure = zf.plots.class_bars(explorer)
        threads, moved = set(), asyncio.Event()

        def changed(change):
            threads.add(threading.current_thread())
            if change["new"] == "picture 6":
                moved.set()

        figure.observe(changed, "title")
        explorer.selection.photo = 6
        await asyncio.wait_for(moved.wait(), SECONDS)
        return threads

    assert asyncio.run(cell()) == {threading.current_thread()}


def test_settling_in_a_cell_that_blocks_the_loop_moves_figures_too(indexed):
    async def cell():
        explorer = zf.Explorer(indexed)
        figure = zf.plots.class_bars(explorer)
        for photo in (3, 8):
            explorer.selection.photo = photo
            assert explorer.settle(SECONDS)
            assert figure.title == f"picture {photo}"

    asyncio.run(cell())


def test_a_failure_stands_in_the_title(indexed, monkeypatch):
    explorer = zf.Explorer(indexed)

    def broken(image, occluder=None):
        raise InputError("this photo is broken")

    monkeypatch.setattr(indexed, "predict", broken)
    figure = zf.plots.class_bars(explorer.selection)
    with pytest.raises(InputError):
        explorer.settle(SECONDS)
    assert figure.title == "InputError: this photo is broken"
    monkeypatch.undo()
    explorer.selection.photo = 1
    assert explorer.settle(SECONDS)
    assert figure.title == "picture 1"


def test_a_closed_figure_no_longer_follows(indexed):
    explorer = zf.Explorer(indexed)
    figure = zf.plots.class_bars(explorer)
    assert explorer.settle(SECONDS)
    figure.close()
    explorer.selection.photo = 12
    assert explorer.settle(SECONDS)
    assert figure.title != "picture 12"


def test_two_classes_of_one_name_have_two_bars():
    engine = numpy_engine.NumpyEngine(classes=3)
    object.__setattr__(engine.info, "labels", ("crane", "crane", "dog"))
    explorer = zf.Explorer(engine)
    figure = zf.plots.class_bars(explorer, k=3)
    assert explorer.settle(SECONDS)
    assert set(bars(figure).x) == {"crane (0)", "crane (1)", "dog"}


def test_bad_arguments_are_named(indexed):
    explorer = zf.Explorer(indexed)
    with pytest.raises(InputError, match=r"k must be in 1 \.\. 5"):
        zf.plots.class_bars(explorer, k=6)
    with pytest.raises(InputError, match="bins must be in"):
        zf.plots.activation_histogram(explorer, bins=0)
    with pytest.raises(InputError, match="follows a widget"):
        zf.plots.class_bars("explorer")
    with pytest.raises(InputError, match="no engine"):
        zf.plots.class_bars(zf.Selection())


def test_marimo_shows_a_sentence_with_the_figures_title_and_where_its_numbers_are(indexed):
    explorer = zf.Explorer(indexed, layer="conv2", channel=1)
    figure = zf.plots.activation_histogram(explorer)
    assert explorer.settle(SECONDS)
    figure.title = "<conv2>"
    mime, page = figure._mime_()
    assert mime == "text/html"
    assert page.startswith("<p>&lt;conv2&gt;: this page shows no figures of bqplot")
    assert "figure.marks[0].x" in page
