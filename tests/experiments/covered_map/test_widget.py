"""The strongest map's widget shows its record, and another photo's when one is chosen."""

from __future__ import annotations

import html
from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest

import zfwidgets as zf
from tests.browser import as_shown
from tests.experiments.small import make_engine
from tests.waiting import SECONDS
from zfwidgets.errors import InputError
from zfwidgets.experiments import strongest_map

OPTIONS = {"layer": "4", "patch": (8, 6), "stride": (5, 4), "others": 2}


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


def shows(widget: zf.StrongestMap, record: zf.experiments.StrongestMapResult) -> None:
    photo, left, projection = widget._own.shown.pictures
    assert widget._finding.value == html.escape(record.finding)
    box = record.square
    inner = np.s_[box.top + 2 : box.bottom - 2, box.left + 2 : box.right - 2]
    np.testing.assert_array_equal(photo[inner], record.photo[inner])
    assert not np.array_equal(photo, record.photo), "the square's frame is drawn"
    levels = (np.clip(record.totals, 0, 1) * 255).round().astype(np.uint8)
    rows, columns = levels.shape
    tops = (np.arange(rows) * 2 + 1) * left.shape[0] // (2 * rows)
    lefts = (np.arange(columns) * 2 + 1) * left.shape[1] // (2 * columns)
    np.testing.assert_array_equal(left[tops[:, None], lefts, 0], levels)
    share = as_shown.colour_share([record.projection, *record.projections])
    values = "colour" if share >= 0.5 else "brightness"
    wanted = as_shown.picture(record.projection, [record.projection], values)
    np.testing.assert_array_equal(projection, wanted)
    names = [activation.image_name for activation in record.others]
    assert [*widget._others.shown.captions[: len(names)]] == names
    assert len(widget._others.shown.pictures) == 2 * len(names)


def test_it_shows_the_record_of_the_chosen_photo(engine: zf.Engine) -> None:
    widget = zf.StrongestMap(engine, 2, **OPTIONS)
    assert widget.settle(SECONDS)
    shows(widget, strongest_map(engine, 2, progress=False, **OPTIONS))
    widget._photo.value = 0
    assert widget.settle(SECONDS)
    record = strongest_map(engine, 0, progress=False, **OPTIONS)
    assert widget.result.image == 0
    shows(widget, record)
    assert widget.snapshot().size == record.to_pil().size


def test_a_photo_that_isnt_there_is_refused(engine: zf.Engine) -> None:
    with pytest.raises(InputError, match="There is no photo 'cat'"):
        zf.StrongestMap(engine, "cat")
    with pytest.raises(InputError, match="There is no photo 9: expected 0 to 4"):
        zf.StrongestMap(engine, 9)
