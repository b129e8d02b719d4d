"""Channels of the sample network that can be named at a glance, chosen by eye on its photos."""

from __future__ import annotations

from typing import NamedTuple


class GalleryUnit(NamedTuple):
    """A channel worth a look.

    Attributes
    ----------
    layer
        Name of the layer.
    channel
        Number of the channel.
    text
        What a person says that its nine patches share.
    """

    layer: str
    channel: int
    text: str


_CHANNELS = {
    "features.4": {
        18: "An edge that rises to the right",
        11: "A light-to-dark edge that falls to the right",
        7: "A dark spot on light ground",
        17: "Red",
    },
    "features.7": {
        42: "A small closed shape: an eye, a dot, a letter",
        48: "Slanting parallel lines: rails, ladders, panels",
        51: "Bright dots on a dark ground",
        47: "Even blue: sky and water",
    },
    "features.10": {
        50: "A rim: a smooth curve of light and dark",
        40: "An eye: something dark and round",
        51: "A face: two eyes and a nose",
    },
    "features.12": {
        6: "Rays from one point: sails, wings, spires",
    },
}
gallery = tuple(
    GalleryUnit(layer, channel, text)
    for layer, channels in _CHANNELS.items()
    for channel, text in channels.items()
)
"""A dozen channels of `zfwidgets.samples.network` on `photos`, from early layers to late ones."""
