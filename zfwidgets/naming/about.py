"""All that is told of one channel: what its nine share, what is like it, what it prefers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from ..engine.protocol import EngineProtocol
from ..errors import UnreadableImage
from ..records import Activation, Pixels, Progress, ReceptiveField
from ..stepwise import Counting
from .alike import Preferred, Responses, most_alike, preferred
from .folding import fold
from .grouping import By, Grouping, group_images
from .looks import LARGEST_FIELD, Look, measure, random_look_steps, share_looks
from .shared import K, SharedName, share_groups

LAYERS_KEPT = 8
"""Layers whose responses are kept: of 1,000 images and 512 channels 4 MB each."""
LOOKING = "looking what the nine share"
SMALL_PART = 0.05
"""Share of a photo's area: channels that see less at once aren't said to prefer a group of photos.

An edge detector does respond more to photos of balls, as these have clear edges; "prefers balls"
would be misunderstood.
"""


@dataclass(frozen=True)
class About:
    """What is told of a channel.

    Attributes
    ----------
    layer, channel
        Layer and channel.
    by
        What groups are made of: images' labels, or classes that the network predicts; "" where
        there are neither.
    why
        Why there are no groups; "" if there are.
    grouped
        How many images' groups are known.
    groups
        Groups with at least three of the nine, the least probable by chance first.
    looks
        What the nine patches look like, alike; empty where receptive fields are large.
    looked
        How many random patches the nine were compared with; 0 where receptive fields are large.
    alike
        Channels of the layer that respond most like it, with their correlations.
    prefers
        Groups to which it responds more strongly than to all images.
    prefers_why
        Why no groups are told that it prefers, whatever the numbers are; "" if they are told.
    images
        Over how many images ``alike`` and ``prefers`` are.
    complete
        Whether these are all images that were looked at; else a sample.
    """

    layer: str
    channel: int
    by: By
    why: str
    grouped: int
    groups: tuple[SharedName, ...]
    looks: tuple[SharedName, ...]
    looked: int
    alike: tuple[tuple[int, float], ...]
    prefers: tuple[Preferred, ...]
    prefers_why: str
    images: int
    complete: bool

    @property
    def named(self) -> tuple[SharedName, ...]:
        """What chance would hardly give anywhere in the layer; empty: no common name."""
        return tuple(name for name in (*self.groups, *self.looks) if name.named)


class Naming:
    """Tells about channels of an engine whose index is there; keeps what many channels need.

    Parameters
    ----------
    engine
        Engine whose channels are named.
    photo
        A photo by its number, if something keeps them; by default `EngineProtocol.photo`.
    """

    def __init__(
        self, engine: EngineProtocol, photo: Callable[[int], Pixels] | None = None
    ) -> None:
        self._engine = engine
        self._photo = photo or engine.photo
        self._grouping: Grouping | None = None
        self._responses = lru_cache(LAYERS_KEPT)(partial(Responses.of, engine))
        self._predicted: dict[int, str] = {}
        self._random: dict[tuple[int, int], tuple[Look, ...]] = {}

    def grouping(self) -> Grouping:
        """The groups of images."""
        if self._grouping is None:
            self._grouping = group_images(self._engine)
        return self._grouping

    def responses(self, layer: str) -> Responses:
        """Images' responses of a layer; those of the last few layers asked for are kept."""
        return self._responses(self._engine.layer(layer).name)

    def about_steps(self, layer: str, channel: int) -> Counting[About]:
        """Tell about a channel, in short steps."""
        yield Progress(0, 3, None, LOOKING)
        grouping = self.grouping()
        yield Progress(1, 3, None, LOOKING)
        responses = self.responses(layer)
        yield Progress(2, 3, None, LOOKING)
        info = self._engine.layer(layer)
        nine = list(self._engine.top(layer, channel, K))
        own = self._own_classes(grouping, nine)
        classes = {**grouping.classes, **own}
        groups = share_groups(
            [a.image for a in nine if a.image is not None],
            classes,
            {**grouping.groups, **{i: fold(classes[i]) for i in own}},
            info.channels,
        )
        field = info.field_of(channel)
        small = field.reach != "global" and max(field.size) < LARGEST_FIELD
        others = (yield from self._others(field.size)) if small else ()
        looks = share_looks(self._looks(nine), others, info.channels) if small else ()
        return About(
            info.name,
            channel,
            grouping.by,
            grouping.why,
            len(classes),
            groups,
            looks,
            len(others),
            most_alike(responses, channel),
            ()
            if (unsaid := _sees_little(field))
            else preferred(responses, channel, grouping.groups),
            unsaid,
            len(responses.images),
            responses.complete,
        )

    def _own_classes(self, grouping: Grouping, nine: list[Activation]) -> dict[int, str]:
        """Predicted classes of those of the nine whose class isn't known yet."""
        own: dict[int, str] = {}
        if grouping.by != "predicted class":
            return own
        for image in (a.image for a in nine if a.image is not None):
            if image in grouping.classes:
                continue
            if image not in self._predicted:
                try:
                    prediction = self._engine.predict(image)
                except UnreadableImage:
                    continue
                best = int(prediction.logits.argmax())
                self._predicted[image] = prediction.labels[best]
            own[image] = self._predicted[image]
        return own

    def _others(self, size: tuple[int, int]) -> Counting[tuple[Look, ...]]:
        """Random patches of a size, measured once."""
        if size not in self._random:
            images = len(self._engine.info.images)
            self._random[size] = yield from random_look_steps(size, images, self._photo)
        return self._random[size]

    def _looks(self, nine: list[Activation]) -> list[Look]:
        """The nine patches, measured; without those whose photos can't be read any more."""
        found = []
        for one in nine:
            if one.image is None:
                continue
            try:
                pixels = self._photo(one.image)
            except UnreadableImage:
                continue
            found.append(measure(one.box.inside(*pixels.shape[:2]).cut(pixels)))
        return found


def _sees_little(field: ReceptiveField) -> str:
    """Why a channel isn't said to prefer a group: it sees a small part of a photo; else ""."""
    rows, columns = field.image
    seen = min(field.size[0], rows) * min(field.size[1], columns)
    if field.reach == "global" or seen >= SMALL_PART * rows * columns:
        return ""
    return (
        "Which photos it prefers isn't told: it sees "
        f"{field.size[0]}×{field.size[1]} of {rows}×{columns} pixels at once, and what it looks "
        "for there may be in photos of any class."
    )
