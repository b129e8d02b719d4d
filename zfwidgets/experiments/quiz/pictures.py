"""The pictures of a quiz: those that its page asks for, and the static one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ...drawing.page import GAP, MARGIN, WIDTH, Page
from ...drawing.palette import INK, MARK, SOFT, STRONG
from ...engine.protocol import EngineProtocol
from ...records import Pixels, Progress, Projection
from ...stepwise import Counting
from ...widgets.static_picture.patch_picture import pictures as patch_pictures
from ...widgets.wire.answers import projected_answer
from ...widgets.wire.encode import Answer, described, encode_pictures
from .answers import QuizAnswer
from .questions import QuizQuestion

HINTS = {
    "patches": "patches",
    "projections": "projections",
    "brightness": "projections, brightness alone",
    "revealed": "patches, revealed",
    "none": "no hint",
}
"""How the strongest patches may be shown, and what that is called."""
PROJECTING = "projecting the hint"
"""What is done to a question's patches."""
OF_PROJECTIONS = ("projections", "brightness", "revealed")
PROJECTIONS_A_STEP = 3
PAINTED = 10
"""Answers whose photos are in the static picture, at most."""


def question_answer(
    engine: EngineProtocol, question: QuizQuestion, hint: str
) -> Counting[tuple[Answer, list[Pixels]]]:
    """What the page asks for of a question, and its two photos, in steps.

    Raises
    ------
    NotStored
        A report doesn't hold the projections of the hint.
    """
    photos = [engine.photo(choice.image) for choice in question.choices]
    shown = question.hint if hint != "none" else ()
    rows, columns = photos[0].shape[:2]
    patches: list[Pixels] = []
    if hint in ("patches", "revealed"):
        for activation in shown:
            assert activation.image is not None  # what an index found is in the engine's images
            photo = engine.photo(activation.image)
            patches.append(activation.box.inside(rows, columns).cut(photo))
    projections: list[Projection] = []
    if hint in OF_PROJECTIONS:
        for first in range(0, len(shown), PROJECTIONS_A_STEP):
            yield Progress(first, len(shown), None, PROJECTING)
            projections += engine.project_all(shown[first : first + PROJECTIONS_A_STEP])
    field = engine.layer(question.layer).field_of(question.channel)
    signed, projected = projected_answer(projections, len(projections), field)
    mime, buffers = encode_pictures([*photos, *patches])
    data: dict[str, Any] = {
        "layer": question.layer,
        "channel": question.channel,
        "choices": [
            {**described(choice.activation), "percentile": choice.percentile}
            for choice in question.choices
        ],
        "hint": [described(a) for a in shown],
        "lost": [list(one) for one in question.lost] if hint != "none" else [],
        "rule": engine.rule(engine.rules[0]).title if projections else "",
        "projections": signed["projections"],
        "scale": signed["scale"],
        "patches": len(patches),
        "patch": signed["patch"],
        "extent": [rows, columns],
        "mime": mime,
        "signed_mime": signed["mime"],
    }
    return (data, [*buffers, *projected]), photos


# ---------------------------------------------------------------------- the static picture


def draw(
    title: str,
    status: str,
    says: Sequence[str],
    played: Sequence[tuple[QuizAnswer, Sequence[Pixels]]],
    waiting: Waiting | None,
) -> Image.Image:
    """Draw what was played: the score, and the photos of each answer with their values.

    Before the first answer it is the question that waits, with its hint.

    Parameters
    ----------
    title, status
        Lines to begin with.
    says
        The score in words.
    played
        Answers, each with its two photos.
    waiting
        The first question that isn't answered.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = Page(title, status)
    for line in says:
        page.line(line, 18)
    if not played and waiting is None:
        return page.missing("not computed yet")
    if not played and waiting is not None:
        _asked(page, waiting)
        return page.finish()
    across = 5
    width = (WIDTH - 2 * MARGIN - (across - 1) * 2 * GAP) // across
    side = (width - 4) // 2
    shown = list(played)[-PAINTED:]
    for first in range(0, len(shown), across):
        for column, (answer, photos) in enumerate(shown[first : first + across]):
            _answered(page, MARGIN + column * (width + 2 * GAP), answer, photos, side)
        page.y += side + 52 + GAP
    if len(played) > len(shown):
        page.line(f"and {len(played) - len(shown)} answers before these", 16, SOFT)
    return page.finish()


@dataclass(frozen=True)
class Waiting:
    """A question that isn't answered, as the static picture shows it.

    Attributes
    ----------
    question
        The question.
    photos
        The question's two photos.
    hint
        How its hint is shown, one of `HINTS`.
    answer
        What the page gets of it; None: no longer kept.
    """

    question: QuizQuestion
    photos: Sequence[Pixels]
    hint: str
    answer: Answer | None


def hint_pictures(answer: Answer, hint: str) -> list[Image.Image | None]:
    """The pictures of a question's hint as the page shows them; none without a hint.

    Parameters
    ----------
    answer
        What the page gets of the question.
    hint
        How it is shown, one of `HINTS`.
    """
    data, buffers = answer
    first = len(data["choices"]) + data["patches"]
    top = {"activations": data["hint"]}, buffers[len(data["choices"]) : first]
    projections = (data, buffers[first:]) if hint in OF_PROJECTIONS else None
    options = {
        "values": "brightness" if hint == "brightness" else "colour",
        "scale": "one" if hint == "projections" else "own",
    }
    kind = hint if hint in ("patches", "revealed") else "projections"
    return patch_pictures(kind, options, top, projections, data["extent"])


def _asked(page: Page, waiting: Waiting) -> None:
    """The hint, three in a row, and right of it the two photos."""
    question, side, left = waiting.question, 300, MARGIN
    shown = [] if waiting.answer is None else hint_pictures(waiting.answer, waiting.hint)
    top = page.y
    if shown:
        page.text(left, top + 3, f"Hint: {HINTS[waiting.hint]}", 16, SOFT, side)
        cell = (side - 2 * 6) // 3
        for place, picture in enumerate(shown):
            x, y = left + place % 3 * (cell + 6), top + 34 + place // 3 * (cell + 6)
            if picture is None:
                page.empty(x, y, cell, cell)
            else:
                page.picture(x, y, picture, cell, cell)
        left += side + 4 * GAP
    ask = f"Which photo fires channel {question.channel} of {question.layer} more?"
    page.text(left, top, ask, 20, width=WIDTH - MARGIN - left)
    for place, photo in enumerate(waiting.photos):
        x = left + place * (side + 20)
        page.picture(x, top + 34, Image.fromarray(photo), side, side)
    page.y = top + 34 + side + GAP


def _answered(page: Page, x: int, answer: QuizAnswer, photos: Sequence[Pixels], side: int) -> None:
    head = f"channel {answer.channel}: {'right' if answer.correct else 'wrong'}"
    page.text(x, page.y, head, 15, INK if answer.correct else MARK, 2 * side)
    for place, (photo, value) in enumerate(zip(photos, answer.values, strict=True)):
        left = x + place * (side + 4)
        page.picture(left, page.y + 24, Image.fromarray(photo), side, side)
        chosen = ("left", "right")[place] == answer.chosen
        if chosen:
            frame = (left, page.y + 24, left + side - 1, page.y + 24 + side - 1)
            page.pen.rectangle(frame, None, STRONG, 3)
        text = f"{value:.4g}{' chosen' if chosen else ''}"
        page.text(left, page.y + 28 + side, text, 14, INK if chosen else SOFT, side)


def small(photos: Sequence[Pixels], side: int = 240) -> list[Pixels]:
    """Photos as large as the static picture needs them."""
    found = []
    for photo in photos:
        image = Image.fromarray(photo)
        image.thumbnail((side, side))
        found.append(np.asarray(image))
    return found
