"""A channel's sanity number on its way to the page."""

from __future__ import annotations

import zfwidgets as zf


def test_it_crosses_the_wire_with_null_where_nothing_can_be_compared(front_end, indexed):
    grid = zf.PatchGrid(indexed, layer="relu2", channel=2)
    content, _ = front_end.ask(grid, "sanity", layer="relu2", channel=2, rule="guided")
    assert content["op"] == "reply"
    assert content["data"] == {
        "name": indexed.top("relu2", 2, 1)[0].image_name,
        "own": ["relu2"],
        "rank": 0.75,
        "depends": "partly",
        "modules": ["relu2", "conv1"],
        "rank_all": None,
        "others": [0.5, 0.7],
        "median": 0.6,
    }


def test_an_engine_without_its_network_says_so(front_end, indexed, monkeypatch):
    monkeypatch.delattr(type(indexed), "sanity_steps")
    grid = zf.PatchGrid(indexed, layer="relu2", channel=2)
    content, _ = front_end.ask(grid, "sanity", layer="relu2", channel=2, rule="deconvnet")
    assert content["op"] == "error"
    assert "needs the network itself" in content["data"]["message"]
