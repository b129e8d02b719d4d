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


gallery = (
    GalleryUnit("features.4", 18, "An edge that rises to the right"),
    GalleryUnit("features.4", 11, "A light-to-dark edge that falls to the right"),
    GalleryUnit("features.4", 7, "A dark spot on light ground"),
    GalleryUnit("features.4", 17, "Red"),
    GalleryUnit("features.7", 42, "A small closed shape: an eye, a dot, a letter"),
    GalleryUnit("features.7", 48, "Slanting parallel lines: rails, ladders, panels"),
    GalleryUnit("features.7", 51, "Bright dots on a dark ground"),
    GalleryUnit("features.7", 47, "Even blue: sky and water"),
    GalleryUnit("features.10", 50, "A rim: a smooth curve of light and dark"),
    GalleryUnit("features.10", 40, "An eye: something dark and round"),
    GalleryUnit("features.10", 51, "A face: two eyes and a nose"),
    GalleryUnit("features.12", 6, "Rays from one point: sails, wings, spires"),
)
"""A dozen channels of `zfwidgets.samples.network` on `photos`, from early layers to late ones."""
