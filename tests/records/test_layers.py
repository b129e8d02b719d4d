"""Some of a network's layers, against what is read on paper."""

from __future__ import annotations

from zfwidgets.records import LayerInfo, ReceptiveField
from zfwidgets.records.layers import Join, only

FIELD = ReceptiveField((3, 5), (1, 1), (0, 0), (24, 32))


def layer(name: str, parents: tuple[str, ...] | None, joined: Join = "", *blocks: str) -> LayerInfo:
    return LayerInfo(
        name, "Conv2d", "conv", (4, 6, 8), FIELD, parents=parents, joined=joined, blocks=blocks
    )


LAYERS = (
    layer("stem", ("",)),
    layer("a.squeeze", ("stem",), "", "a"),
    layer("a.left", ("a.squeeze",), "", "a"),
    layer("a.right", ("a.squeeze",), "", "a"),
    layer("a", ("a.left", "a.right"), "concatenation", "a"),
    layer("b.conv", ("a",), "", "b"),
    layer("b", ("a", "b.conv"), "sum", "b"),
    layer("head", ("", "b"), "other"),
)


def test_all_stay_as_they_are() -> None:
    assert only(LAYERS, {one.name for one in LAYERS}) == LAYERS


def test_what_is_left_out_is_looked_through() -> None:
    assert only(LAYERS, {"stem", "a.left", "a", "b", "head"}) == (
        LAYERS[0],
        layer("a.left", ("stem",), "", "a"),
        layer("a", ("stem", "a.left"), "other", "a"),
        layer("b", ("a",)),  # from a sum of `a` and what reads only `a`
        LAYERS[7],
    )
    assert only(LAYERS, {"b.conv", "head"}) == (
        layer("b.conv", ("",)),
        layer("head", ("", "b.conv"), "other"),
    )


def test_nothing_is_claimed_of_what_nobody_knows() -> None:
    unknown = (layer("x", None), layer("y", None), layer("z", None))
    assert only(unknown, {"x", "z"}) == (unknown[0], unknown[2])
