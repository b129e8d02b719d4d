"""Exercises about channels: what fires them, and what their projections show."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...experiments.quiz.making import candidates_of, strongest_in
from ...language.words import Words
from ...records import (
    Activation,
    Progress,
    Projection,
    clearest_values,
    colour_share,
    signed_picture,
)
from .shared import LETTERS, alive, called, patch, photo_of, readable, stages, tiled
from .task import Figure, Finding, Mark, Option, Steps, Task

TRIES = 40
"""Channels that are looked at, at most, until one makes a question."""
EACH = 8
"""Channels whose strongest photos are looked up in one step."""
MANY = 0.08
"""Share of a layer's channels that have the photo which is looked for: neither hard nor easy."""
TOP = 9
"""Patches that an Explorer shows of a channel."""
SURE = 4
"""The photo to be found is one of so many that fire the channel most."""
CLEARLY = ((-np.inf, 0.35), (-np.inf, 0.6), (-np.inf, 0.85))
"""From this part of the strongest photo's value to that the others reach: the first at which some
channel makes a question, so that it is as clear as the photos allow."""
HARD = ((0.5, 0.85), (0.3, 0.85))
"""The same for a hard question: the others fire the channel too, only less."""


@dataclass(frozen=True)
class StrongestPhoto:
    """Ask which of some photos fires a channel most.

    Attributes
    ----------
    layer, channel
        Layer and channel; None: one from the middle of the network, and one that is drawn.
    photos
        How many photos there are to choose from.
    seed
        Number that draws channel, photos and their order.
    hard
        Whether the other photos fire the channel too, to at least a third of the strongest.
    """

    indexed: ClassVar[bool] = True
    layer: str | None = None
    channel: int | None = None
    photos: int = 4
    seed: int = 0
    hard: bool = False

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Draw photos from the channel's range; what they reach is computed anew, exactly."""
        yield from engine.index_steps()
        layer = engine.layer(self.layer or stages(engine)[1]).name
        drawn = alive(engine, layer, self.seed) if self.channel is None else [self.channel]
        spans = HARD if self.hard else CLEARLY
        tries = [(span, channel) for span in spans for channel in drawn[:TRIES]]
        for number, (span, channel) in enumerate(tries):
            yield Progress(number, len(tries), None, words("making"))
            found = self._choices(engine, layer, channel, span)
            if found is not None:
                return self._task(engine, words, *found)
        raise InputError(
            f"Layer {layer!r} makes no such question: a channel must fire clearly more in one of "
            f"{self.photos} photos than in the others. Choose another layer, or more photos."
        )

    def _choices(
        self, engine: EngineProtocol, layer: str, channel: int, span: tuple[float, float]
    ) -> tuple[list[Activation], list[Activation]] | None:
        """The patches of the hint and the photos' strongest units; None: it makes no question.

        The photo that fires it most is one of the channel's strongest itself, left out of the
        hint: of a clear case a pupil learns what the channel looks for.
        """
        random = np.random.default_rng((self.seed, channel))
        candidates = candidates_of(engine, layer, channel)
        hints = max(1, min(TOP, candidates.photos // 4))
        top = list(engine.top(layer, channel, hints + 1))
        if len(top) < 2:
            return None
        top = [one for one in top if one.image is not None and readable(engine, one.image)]
        if len(top) < 2:
            return None
        strong = top.pop(int(random.integers(min(len(top), SURE))))
        least, most = (part * strong.value for part in span)
        weak = np.flatnonzero((candidates.values >= least) & (candidates.values < most))
        weak = weak[
            ~np.isin(candidates.images[weak], [one.image for one in top if one.image is not None])
        ]
        if len(weak) < self.photos - 1:
            return None
        chosen = [strong]
        for place in random.permutation(weak).tolist():
            image = int(candidates.images[place])
            with suppress(NotStored, UnreadableImage):  # then it is another photo
                engine.photo(image)
                known = candidates.known.get(image)
                chosen.append(known or strongest_in(engine, layer, channel, image))
            if len(chosen) == self.photos:
                break
        if len(chosen) < self.photos:
            return None
        chosen = [chosen[place] for place in random.permutation(len(chosen))]
        values = sorted(one.value for one in chosen)
        return (top, chosen) if values[-1] > values[-2] else None

    def _task(
        self,
        engine: EngineProtocol,
        words: Words,
        hint: list[Activation],
        chosen: list[Activation],
    ) -> Task:
        layer, channel = chosen[0].unit.layer, chosen[0].unit.channel
        best = int(np.argmax([one.value for one in chosen]))
        options = []
        for letter, one in zip(LETTERS, chosen, strict=False):
            assert one.image is not None  # what an index found is in the engine's images
            photo = engine.photo(one.image)
            alt = words("alt.photo", name=one.image_name)
            marks = (Mark(one.box, ""),) if one.value > 0 else ()
            told = words("strongest_photo.told", value=float(one.value))
            shown = Figure(photo, "", alt, marks)
            options.append(
                Option(f"{letter}: {one.image_name}", Figure(photo, "", alt), told, shown)
            )
        patches = tiled([patch(engine, one) for one in hint], 3)
        who = called(words, layer, channel)
        first = chosen[best]
        return Task(
            "choice",
            words("strongest_photo.ask", channel=who),
            best,
            words(
                "strongest_photo.truth",
                photo=first.image_name,
                channel=who,
                value=float(first.value),
            ),
            figures=(
                Figure(
                    patches,
                    words("strongest_photo.hint", number=len(hint)),
                    words("alt.hint", channel=who),
                ),
            ),
            options=tuple(options),
        )


@dataclass(frozen=True)
class OwnProjection:
    """Ask which of some projections was made from a patch.

    Attributes
    ----------
    layer
        Name of the layer; None: one from the middle of the network.
    pictures
        How many projections there are to choose from.
    seed
        Number that draws the channels and their order.
    """

    indexed: ClassVar[bool] = True
    layer: str | None = None
    pictures: int = 4
    seed: int = 0

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Project the strongest patches of as many channels, in other photos each."""
        yield from engine.index_steps()
        layer = engine.layer(self.layer or stages(engine)[1]).name
        chosen: list[Activation] = []
        for channel in alive(engine, layer, self.seed):
            for activation in engine.top(layer, channel, 1):
                image = activation.image
                if image is None or image in [one.image for one in chosen]:
                    continue
                if readable(engine, image):
                    chosen.append(activation)
            if len(chosen) == self.pictures:
                break
        if len(chosen) < 2:
            raise InputError(
                f"Layer {layer!r} fires most in one photo alone: choose another layer, or an "
                "engine with more photos."
            )
        projected: list[Projection] = []
        for number, activation in enumerate(chosen):
            yield Progress(number, len(chosen), None, words("projecting"))
            projected += engine.project_all([activation])
        best = int(np.random.default_rng(self.seed).integers(len(chosen)))
        options = []
        for letter, one, activation in zip(LETTERS, projected, chosen, strict=False):
            box = activation.box.inside(*one.pixels.shape[:2])
            pixels = signed_picture(box.cut(one.pixels), clearest_values(colour_share([one])))
            alt = words("alt.projection", letter=letter)
            told = words(
                "own_projection.told",
                channel=str(activation.unit.channel),
                photo=activation.image_name,
            )
            shown = Figure(tiled([patch(engine, activation), pixels], 2, 108), "", told)
            figure = Figure(tiled([pixels], 1, 108), "", alt)
            options.append(Option(letter, figure, told, shown))
        own = chosen[best]
        return Task(
            "choice",
            words("own_projection.ask", channel=called(words, layer, own.unit.channel)),
            best,
            words("own_projection.truth", letter=LETTERS[best]),
            figures=(
                Figure(
                    tiled([patch(engine, own)], 1, 160),
                    words("own_projection.caption"),
                    words("alt.patch", name=own.image_name),
                ),
            ),
            options=tuple(options),
        )


@dataclass(frozen=True)
class FindChannel:
    """Have a channel found in an Explorer that has a photo among its nine strongest.

    Attributes
    ----------
    photo, layer
        Photo that is looked for, by channels of the layer; None: one that some of them have, and
        a layer from the middle of the network.
    """

    indexed: ClassVar[bool] = True
    photo: int | str | None = None
    layer: str | None = None

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Look up the nine strongest photos of all of the layer's channels."""
        yield from engine.index_steps()
        layer = engine.layer(self.layer or stages(engine)[1])
        having: dict[int, set[int]] = {}
        for channel in range(layer.channels):
            if channel % EACH == 0:
                yield Progress(channel, layer.channels, None, words("making"))
            for activation in engine.top(layer.name, channel, TOP):
                if activation.image is not None:
                    having.setdefault(activation.image, set()).add(channel)
        if not having:
            raise InputError(f"No channel of layer {layer.name!r} fires in these photos.")
        if self.photo is None:
            wanted = max(MANY * layer.channels, 1)
            nearest = sorted(having, key=lambda one: (abs(len(having[one]) - wanted), one))
            image = next((one for one in nearest if readable(engine, one)), nearest[0])
        else:
            image = photo_of(engine, self.photo)
        found = having.get(image, set())
        name = engine.info.images[image]
        if not found:
            raise InputError(
                f"No channel of layer {layer.name!r} has {name!r} among its nine strongest: ask "
                "for another photo or layer."
            )
        photo = engine.photo(image)
        return Task(
            "find",
            words("find_channel.ask", photo=name, layer=layer.name),
            0,
            words(
                "find_channel.truth", number=len(found), of=layer.channels, channel=str(min(found))
            ),
            figures=(Figure(photo, name, words("alt.photo", name=name)),),
            units=frozenset((layer.name, channel) for channel in found),
        )


def judged(task: Task, words: Words, unit: tuple[str, int] | None) -> Finding:
    """What to say of the channel that is chosen."""
    if unit is None:
        return Finding(False, words("find_channel.none"))
    (layer,) = {layer for layer, _ in task.units}
    if unit in task.units:
        return Finding(True, words("find_channel.right", channel=called(words, *unit)))
    if unit[0] != layer:
        return Finding(False, words("find_channel.layer", chosen=unit[0], layer=layer))
    return Finding(False, words("find_channel.wrong", channel=called(words, *unit)))
