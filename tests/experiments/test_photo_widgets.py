"""The widgets of invariance and correspondence without a page, and their examples."""

from __future__ import annotations

import json
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pytest
import traitlets
from nbclient import NotebookClient

import zfwidgets as zf
from tests.experiments.charted import drawn
from tests.experiments.small import Pictures, chain, make_engine
from tests.waiting import PROGRAM, SECONDS
from zfwidgets.errors import InputError
from zfwidgets.experiments import Transform, measure_correspondence, measure_invariance
from zfwidgets.records import SERIES, Box

SOME = (Transform("scale", (1, 1.3)), Transform("rotation", (0, 90, 180, 270)))
BOXES = {
    "nose": [(2, 3, 9, 5), (0, 10, 7, 8), (5, 1, 10, 6)],
    "tail": [(25, 2, 9, 6), (20, 16, 9, 8), (28, 9, 8, 7)],
}


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


# ---------------------------------------------------------------- invariance


def test_charts_and_photos_follow_transform_and_slider(engine):
    box = zf.Invariance(engine, [0, 2], SOME, layers=["1", "4"])
    assert box.settle(SECONDS)
    record = measure_invariance(engine, [0, 2], SOME, layers=["1", "4"], progress=False)
    most = max(np.nanmax(curves.relative) for curves in record.curves)
    assert [chart.up["high"] for chart in box._charts] == [pytest.approx(most)] * 2, "one scale"
    np.testing.assert_array_equal(box.result["scale"].distance, record["scale"].distance)
    assert box._status.value == "done: 2 transforms of 2 photos"
    names = record.image_names
    for place, chart in enumerate(box._charts):
        for photo, name in enumerate(names):
            np.testing.assert_allclose(
                drawn(chart)[name], record["scale"].relative[photo, place], rtol=1e-8
            )
    box._transform.value = "rotation"
    box._measure.value = False
    assert [chart.up["high"] for chart in box._charts] == [None, None]
    for photo, name in enumerate(names):
        np.testing.assert_allclose(
            drawn(box._charts[1])[name], record["rotation"].distance[photo, 1], rtol=1e-8
        )
        np.testing.assert_allclose(
            drawn(box._class_chart)[name], record["rotation"].probability[photo]
        )
    assert box._value.value != 0  # at rest there would be nothing to see
    box._charts[1].set_state({"chosen": [1, 2]})  # the second photo's point at 180 was clicked
    assert box._value.value == 2
    assert [chart.marks for chart in box._charts] == [[{"kind": "line", "at": 180.0}]] * 2
    np.testing.assert_array_equal(box._photos.shown.pictures[1], record["rotation"].pictures[1][2])
    assert "rotation 180 degrees" in box._photos.note
    share = record["rotation"].symmetry(2)[1, 0]
    assert f">{share:.2f}</td>" in box._reading.value
    assert box.snapshot().width == 1200
    state = {k: v for k, v in box._photos.get_state().items() if k != "_esm"}
    assert len(json.dumps(state, default=str)) < 4096


def test_a_widget_can_be_made_after_all_widgets_were_closed(engine):
    for _ in range(2):
        assert zf.Invariance(engine, [0], SOME[:1], layers=["1"]).settle(SECONDS)
        ipywidgets.Widget.close_all()


def test_an_invariance_that_cant_be_is_refused_at_once(engine):
    with pytest.raises(InputError, match="no transform 'shear'"):
        zf.Invariance(engine, [0], ["shear"])
    with pytest.raises(InputError, match=r"expected a zf\.Engine"):
        zf.Invariance(chain())


def test_a_transform_that_fails_keeps_what_was_before(engine):
    def broken(picture, value):
        raise ValueError("no such thing")

    box = zf.Invariance(engine, [0], [SOME[0], Transform("mine", (1,), broken)], layers=["1"])
    with pytest.raises(InputError, match="'mine' at 1 failed: ValueError: no such thing"):
        box.settle(SECONDS)
    assert box.result.done == 1
    assert "no such thing" in box._status.value


# ---------------------------------------------------------------- correspondence


def mark(widget, part, photo, box):
    """As the page does when a box was drawn: the whole trait anew."""
    boxes = json.loads(json.dumps(widget.marking.boxes))
    boxes.setdefault(part, {})[str(photo)] = list(box)
    widget.marking.set_state({"boxes": boxes})


def test_it_computes_once_the_last_box_is_drawn(engine):
    widget = zf.Correspondence(engine, [0, 3, 1], [*BOXES], layers=["1", "6"], draws=2)
    assert widget._status.value == "still to mark: nose in 3 photos, tail in 3 photos"
    assert not widget.running
    for part, boxes in BOXES.items():
        for photo, box in enumerate(boxes):
            assert widget.result is None
            mark(widget, part, photo, box)
    assert widget.settle(SECONDS)
    record = measure_correspondence(
        engine, BOXES, [0, 3, 1], layers=["1", "6"], draws=2, progress=False
    )
    for row in record.rows():
        np.testing.assert_array_equal(widget.result.mean(row), record.mean(row))
        cell = f"{record.mean(row)[1]:.3f} ± {record.spread(row)[1]:.3f}"
        assert cell in widget._table.value
    low = round(record.not_above("tail")[0] * 2)
    assert f"{low} of 2 random as low" in widget._table.value
    assert widget.boxes["tail"][record.image_names[1]] == Box(20, 16, 9, 8)
    assert widget.snapshot().width == 1200

    # another box is another question: the old answer is gone at once
    mark(widget, "nose", 2, (6, 2, 9, 6))
    assert widget.result is None
    assert widget._table.value == ""
    assert widget.settle(SECONDS)
    moved = {**BOXES, "nose": [*BOXES["nose"][:2], (6, 2, 9, 6)]}
    record = measure_correspondence(
        engine, moved, [0, 3, 1], layers=["1", "6"], draws=2, progress=False
    )
    np.testing.assert_array_equal(widget.result.mean("nose"), record.mean("nose"))


def test_boxes_and_the_object_can_be_given(engine):
    boxes = {**BOXES, "body": [(0, 0, 36, 20)] * 3}
    widget = zf.Correspondence(engine, [0, 3, 1], boxes=boxes, within="body", layers=["1"], draws=1)
    assert widget.settle(SECONDS)
    assert widget.marking.parts == ["nose", "tail", "body"]
    assert widget.result.part_names == ("nose", "tail")
    assert widget.result.complete


def test_the_papers_parts_are_asked_for(engine):
    widget = zf.Correspondence(engine)
    assert widget.marking.parts == ["left eye", "right eye", "nose"]
    assert len(widget.marking.names) == 5
    widget.start()  # the button, too early
    with pytest.raises(InputError, match="have no box for 'left eye': mark the part"):
        widget.settle(SECONDS)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ({"nose": {"0": [30, 3, 9, 5]}}, "reaches outside of the photo"),
        ({"nose": {"5": [1, 3, 9, 5]}}, "isn't one of the photos"),
        ({"ear": {"0": [1, 3, 9, 5]}}, "no part 'ear'"),
        ({"nose": {"0": "here"}}, "expected a box"),
        ({"nose": 3}, "can't be"),
    ],
)
def test_boxes_that_cant_be_are_refused_and_the_old_ones_stay(engine, boxes, message):
    widget = zf.Correspondence(engine, [0, 1], ["nose"], {"nose": {1: (1, 2, 3, 4)}})
    before = widget.marking.boxes
    with pytest.raises(traitlets.TraitError, match=message):
        widget.marking.boxes = boxes
    assert widget.marking.boxes == before == {"nose": {"1": [1, 2, 3, 4]}}


def test_bad_beginnings_are_named(engine):
    with pytest.raises(InputError, match="There is one photo only"):
        zf.Correspondence(engine, [0])
    with pytest.raises(InputError, match="reaches outside"):
        zf.Correspondence(engine, [0, 1], boxes={"nose": {0: (30, 3, 9, 5)}})
    with pytest.raises(InputError, match=r"expected a zf\.Engine"):
        zf.Correspondence(chain())


def test_the_static_picture_has_the_boxes(engine):
    widget = zf.Correspondence(engine, [0, 1], ["nose"], {"nose": {1: (4, 6, 11, 9)}})
    wall = widget.marking.painted()
    np.testing.assert_array_equal(wall.pictures[0], engine.photo(0))
    colour = [int(SERIES[0][i : i + 2], 16) for i in (1, 3, 5)]
    assert wall.pictures[1][4, 6].tolist() == colour
    assert wall.pictures[1][14, 14].tolist() == colour
    assert wall.pictures[1][6, 8].tolist() == [255, 255, 255], "seen on any photo"
    np.testing.assert_array_equal(wall.pictures[1][7:12, 9:12], engine.photo(1)[7:12, 9:12])


def test_own_photos_have_names_of_their_own():
    engine = make_engine()
    images = list(Pictures().tensors[:3])
    widget = zf.Correspondence(engine, images, ["nose"])
    assert len(set(widget.marking.names)) == 3


# ---------------------------------------------------------------- examples


INVARIANCE = """
assert result.complete
import numpy as np
shifts = result["vertical"]
def by(pixels):  # how far each layer moves, over the photos and up and down
    return shifts.relative[:, :, np.isin(np.abs(shifts.values), pixels)].mean((0, 2))
low, middle, high = by(5)
assert low > 2 * high, "the first layer moves more than the last"
assert {"last layer moves", "class stays"} <= {*turned.columns}
np.testing.assert_allclose(blurred["blur"].untransformed, shifts.untransformed[[0, 3]], atol=0.02)
blurs = blurred["blur"]
assert blurs.relative[:, :, 1:].mean((0, 2)).argmin() == 0, "blur moves the lowest layer least"
result['rotation'].full_turn
"""
"""What the notebook says of its figures."""


@pytest.mark.parametrize(
    ("name", "check"),
    [("invariance", INVARIANCE), ("correspondence", "parts.result.complete")],
)
def test_the_example_tells_its_story(root: Path, name: str, check: str) -> None:
    notebook = nbformat.read(root / "examples" / f"{name}.ipynb", as_version=4)
    assert len(notebook.cells) <= 13  # one is Colab's
    assert all(not cell.get("outputs") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(check))
    folder = {"metadata": {"path": str(root)}}
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3", resources=folder).execute()
    assert notebook.cells[-1].outputs[0]["data"]["text/plain"] == "True"
