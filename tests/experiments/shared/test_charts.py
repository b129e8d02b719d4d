"""What charts tell the page, and what comes of a choice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zfwidgets.experiments.shared.charts import BarChart, Chart, LineChart, PointChart


def heard(chart: Chart) -> list[dict]:
    """What the page is told from now on, a state each."""
    told: list[dict] = []
    chart.comm.send = lambda data, **_: told.append(data["state"])
    return told


def choose(chart: Chart, series: int, place: int) -> None:
    """As the page does when a point was clicked."""
    chart.set_state({"chosen": [series, place]})


def test_lines_are_the_numbers_and_a_choice_tells_place_and_line():
    places, names = [], []
    chart = LineChart("epoch", "distance", places.append, choose_line=names.append)
    assert chart.choosable
    lines = {"conv1": np.float32([3.1, np.nan, 4.0]), "conv2": [1.0, np.inf, 1 / 3]}
    chart.draw([1, 2, 5], lines)
    first, second = chart.series
    assert (first["kind"], first["name"], second["name"]) == ("line", "conv1", "conv2")
    assert first["x"] == [1.0, 2.0, 5.0]
    assert first["y"][1] is second["y"][1] is None, "a gap, which JSON can say"
    assert np.float32(first["y"][0]) == np.float32(3.1), "all digits that float32 has"
    assert second["y"][2] == pytest.approx(1 / 3, rel=1e-8)
    assert [one["style"] for one in chart.series] == [0, 1], "told apart"
    assert (chart.across["label"], chart.up["label"]) == ("epoch", "distance")
    json.dumps(chart.series, allow_nan=False)
    choose(chart, 0, 2)
    choose(chart, 0, 2)
    choose(chart, 1, 0)
    assert (places, names) == ([5.0, 5.0, 1.0], ["conv1", "conv1", "conv2"])
    assert chart.chosen == []


def test_a_choice_of_what_isnt_there_any_more_is_none():
    places: list[float] = []
    chart = LineChart("epoch", "distance", places.append)
    chart.draw([1, 2], {"a": [1, 2]}, levels={"chance": 0.5})
    for series, place in ((1, 0), (2, 0), (0, 2)):
        choose(chart, series, place)
    chart.set_state({"chosen": [0]})
    chart.set_state({"chosen": [0, 1, 2]})
    chart.set_state({"chosen": "all"})
    assert places == []
    choose(chart, 0, 1)
    assert places == [2.0]


def test_the_page_sets_only_what_was_chosen():
    chart = LineChart("epoch", "distance")
    chart.draw([1, 2], {"a": [1, 2]})
    chart.set_state({"series": [], "label": "other", "height": 9})
    assert [len(chart.series), chart.label, chart.height] == [1, "", 240]


def test_lines_with_places_of_their_own_names_levels_and_ranges():
    chart = LineChart("step", "accuracy", span=(0, 1), label="layer 3", height=150)
    told = heard(chart)
    chart.draw(
        {"a": [0, 1], "b": [0, 1, 2]},
        {"a": [0.5, 0.6], "b": [0.1, 0.2, 0.3]},
        ["0", "20", "400"],
        levels={"chance": 0.25},
        across=(0, 4),
    )
    assert len(told) == 1, "all in one message, so that nothing half is shown"
    assert [one["x"] for one in chart.series] == [[0, 1], [0, 1, 2], []]
    assert (chart.series[2]["kind"], chart.series[2]["y"]) == ("level", [0.25])
    assert chart.across["names"] == [[0, "0"], [1, "20"], [2, "400"]]
    assert (chart.across["low"], chart.across["high"]) == (0, 4)
    assert (chart.up["low"], chart.up["high"]) == (0, 1)
    chart.reach(None)
    assert (chart.up["low"], chart.up["label"]) == (None, "accuracy")
    chart.say("epoch", "error")
    assert (chart.across["label"], chart.up["label"]) == ("epoch", "error")
    assert chart.across["high"] == 4


def test_what_is_pointed_out_follows_new_numbers():
    chart = LineChart("step", "accuracy")
    chart.draw([0, 1], {"a": [1, 2], "b": [2, 3]})
    chart.point_out_line("b")
    assert chart.strong == 1
    chart.draw([0, 1], {"b": [2, 3]})
    assert chart.strong == 0
    chart.draw([0, 1], {"a": [2, 3]})
    assert chart.strong == -1
    chart.point_out(1)
    assert chart.marks == [{"kind": "line", "at": 1.0}]
    chart.point_out(None)
    assert chart.marks == []
    thirds = np.arange(4) / 3
    chart.draw(thirds, {"a": thirds})
    chart.point_out(thirds[2])
    assert chart.marks[0]["at"] == chart.series[0]["x"][2], "the page finds its points"


def test_bars_are_the_numbers_by_name_and_a_choice_tells_the_names_number():
    chosen: list[int] = []
    chart = BarChart("accuracy", chosen.append, horizontal=True, span=(0, 1))
    chart.draw(["cat", "dog", "<b>"], {"before": [0.1, 0.2, np.nan], "after": [0.3, 0.2, 0.1]})
    assert chart.across["names"] == [[0, "cat"], [1, "dog"], [2, "<b>"]]
    assert [one["y"] for one in chart.series] == [[0.1, 0.2, None], [0.3, 0.2, 0.1]]
    assert chart.lying
    assert chart.legend
    choose(chart, 1, 2)
    assert chosen == [2]
    chart.point_out(1)
    assert chart.marks == [{"kind": "place", "at": 1}]
    chart.draw(["cat"], {"before": [0.1]})
    assert not chart.legend, "one series needs no name below"
    assert not BarChart("accuracy").choosable


def test_points_keep_their_numbers_where_some_are_unknown():
    chosen: list[int] = []
    chart = PointChart("distance", "accuracy", chosen.append)
    chart.draw(["oak", "elm", "fir"], [0.5, 0.1, 0.9], [0.7, np.nan, 0.2])
    (points,) = chart.series
    assert points["names"] == ["oak", "elm", "fir"]
    assert points["y"] == [0.7, None, 0.2]
    choose(chart, 0, 2)
    assert chosen == [2]
    chart.point_out(0)
    assert chart.marks == [{"kind": "place", "at": 0}]
    chart.point_out(None)
    assert chart.marks == []
