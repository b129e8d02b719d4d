"""The static picture of a widget, for notebooks that are read where no kernel answers.

It is drawn from the same answers that the browser gets; what isn't known yet is left empty and
says so.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ...drawing.page import GAP, MARGIN, WIDTH, Page, font
from ...drawing.palette import EMPTY, INK, PALE, PAPER, SOFT, STRONG
from ...language.words import Words, words_of
from ...records import EngineInfo
from ..setting.options import CLASS_MAPS
from ..wire.encode import Answer, decode_picture
from ..wire.service import Need
from ..wire.source import identity
from . import map_picture, patch_picture

LARGEST = 150_000
"""Bytes of the JPEG at most, so that notebooks stay small."""
MARK = b"zfwidgets"
"""Comment in the JPEG: by it style sheets know a picture of ours, whatever a host leaves out."""


class _Page(Page):
    """The page of what may not be known, or not any more."""

    lost = False
    """Whether what isn't known is of a photo that can't be read any more."""
    own = False
    """Whether it is of one of the user's own."""
    words = Words("en")

    @property
    def why(self) -> str:
        """Why nothing of the photo is there."""
        if self.own:
            return self.words("still.own")
        return self.words("still.unreadable" if self.lost else "still.missing")


def draw(
    info: EngineInfo,
    state: Mapping[str, Any],
    needs: Sequence[Need],
    answers: Mapping[str, Answer],
    options: Mapping[str, Any],
    lost: Collection[str] = (),
    photo: str | None = None,
    *,
    own: bool = False,
) -> Image.Image:
    """Draw what a widget shows.

    Parameters
    ----------
    info
        What the engine says of itself.
    state
        `Selection.state`.
    needs
        What the widget asks for: decides which sections there are.
    answers
        What is known of it, by `zfwidgets.widgets.wire.source.identity`.
    options
        How the view starts: which map and its colours, how projections are shown.
    lost
        What can't be had, as its photo can't be read any more, likewise.
    photo
        What the photo is called; None takes it from ``info``.
    own
        Whether it is one of the user's own, which no notebook is to keep.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = _Page()
    page.lost, page.own, page.words = bool(lost), own, words_of(options)
    words, unit = page.words, state["unit"]
    known: dict[str, list[tuple[dict[str, Any], Answer | None]]] = {}
    for kind, fields in needs:
        known.setdefault(kind, []).append((fields, answers.get(identity(kind, fields))))
    title = info.model
    if unit and _of_unit(known, options):
        title = words("still.unit", model=info.model, layer=unit[0], channel=unit[1])
    page.line(title, 30)
    if "sheet" in known:
        _channels(page, *known["sheet"][0])
    for turn, (top, projections) in enumerate(
        zip(known.get("top", ()), known.get("projections", ()), strict=True)
    ):
        fields = projections[0]
        if turn or not unit:
            page.line(words("still.pinned", layer=fields["layer"], channel=fields["channel"]), 22)
        _patches(page, info, fields["rule"], top[1], projections[1], options)
    if "photo" in known:
        name = info.images[state["photo"]] if photo is None else photo
        _occlusion(page, info, state, known, options, name)
    return page.finish()


def _of_unit(
    known: Mapping[str, Sequence[tuple[dict[str, Any], Answer | None]]], options: Mapping[str, Any]
) -> bool:
    """Whether something that is shown is of the chosen channel: a map of a class alone isn't."""
    if known.keys() & {"sheet", "top", "projections"} or "occlusion" not in known:
        return True
    slide = known["occlusion"][0][1]
    return slide is None or map_picture.shown(slide, options) not in CLASS_MAPS


def _channels(page: _Page, fields: Mapping[str, Any], answer: Answer | None) -> None:
    last = fields["first"] + fields["count"] - 1
    page.line(page.words("still.channels", first=fields["first"], last=last), 18, SOFT)
    tile = 40
    across = (WIDTH - 2 * MARGIN) // (tile + 4)
    rows = min(3, -(-fields["count"] // across))
    if answer is None:
        page.empty(
            MARGIN, page.y, WIDTH - 2 * MARGIN, rows * (tile + 4), page.words("still.missing")
        )
    else:
        data, buffers = answer
        sheet, size = decode_picture(buffers[0]), data["size"]
        lost = {channel for channel, *_ in data.get("lost", ())}
        for i in range(min(data["count"], across * rows)):
            left, top = i % data["columns"] * size, i // data["columns"] * size
            x, y = MARGIN + i % across * (tile + 4), page.y + i // across * (tile + 4)
            if data["first"] + i in lost:
                page.empty(x, y, tile, tile)
                page.text(x + 14, y + 8, "?", 20, SOFT, tile)
                continue
            thumb = sheet.crop((left, top, left + size, top + size)).resize((tile, tile))
            page.image.paste(thumb, (x, y))
    page.y += rows * (tile + 4) + GAP


def _patches(
    page: _Page,
    info: EngineInfo,
    rule: str,
    top: Answer | None,
    projections: Answer | None,
    options: Mapping[str, Any],
) -> None:
    half = (WIDTH - 2 * MARGIN - 2 * GAP) // 2
    cell = (half - 2 * GAP) // 3
    count = 0 if top is None else len(top[0]["activations"])
    words = page.words
    patches = words("still.patches")
    if top is not None:
        patches = words(f"still.patches.{'of' if count else 'none'}", images=top[0]["images_seen"])
    captions = {
        "patches": patches,
        "projections": words("still.projections", rule=rule),
        "revealed": words("still.revealed", patches=patches, rule=rule),
    }
    kinds = patch_picture.kinds(options)
    for i, kind in enumerate(kinds):
        x = MARGIN + i * (half + 2 * GAP)
        width = half if len(kinds) > 1 else WIDTH - 2 * MARGIN
        page.text(x, page.y, captions[kind], 18, SOFT, width)
        for line, text in enumerate(patch_picture.legend(kind, options, projections)):
            page.text(x, page.y + 24 + 19 * line, text, 15, SOFT, width)
    page.y += 69
    lost = [] if top is None else [a.get("lost") for a in top[0]["activations"]]
    infos = [] if projections is None else projections[0]["projections"]
    blank = {place for place, one in enumerate(infos) if one and one.get("blank")}
    across = 3 if len(kinds) > 1 else 6  # one kind has the whole width
    for i, kind in enumerate(kinds):
        answer = top if kind == "patches" else projections
        pictures = patch_picture.pictures(kind, options, top, projections, info.input_shape[1:])
        for place in range(9):
            x = MARGIN + i * (half + 2 * GAP) + place % across * (cell + GAP)
            y = page.y + place // across * (cell + GAP)
            picture = pictures[place] if place < len(pictures) else None
            if kind != "patches" and place in blank:
                page.empty(x, y, cell, cell, words("still.blank"))
            elif picture is not None:
                smooth = not options.get("pixels", False)
                page.picture(x, y, picture, cell, cell, smooth=smooth)
            else:
                text = words("still.missing") if answer is None and place == 0 else ""
                if place < len(lost) and lost[place]:
                    text = words("still.unreadable")
                page.empty(x, y, cell, cell, text)
    page.y += -(-9 // across) * (cell + GAP) + GAP


def _occlusion(
    page: _Page,
    info: EngineInfo,
    state: Mapping[str, Any],
    known: Mapping[str, list[tuple[dict[str, Any], Answer | None]]],
    options: Mapping[str, Any],
    name: str,
) -> None:
    third = (WIDTH - 2 * MARGIN - 4 * GAP) // 3
    rows, columns = info.input_shape[1:]
    height = min(third, round(third * rows / columns))
    places = [MARGIN + i * (third + 2 * GAP) for i in range(3)]
    slides = known.get("occlusion", [])
    slide = slides[0][1] if slides else None
    page.text(places[0], page.y, name, 18, SOFT, third)
    if slide is not None:
        caption = map_picture.caption(info, slide, options)
        page.fitting(places[1], page.y + 2, caption, 15, SOFT, third)
    about = page.words("still.classes") if "predict" in known else ""
    page.fitting(places[2], page.y, about, 18, SOFT, third)
    page.y += 28
    photo = known["photo"][0][1]
    if photo is None:
        page.empty(places[0], page.y, third, height, page.why)
    else:
        picture = decode_picture(photo[1][0])
        page.picture(places[0], page.y, _framed(picture, state["occluder"], third), third, height)
    if slide is None:
        text = page.why if slides else page.words("still.no_occluder")
        page.empty(places[1], page.y, third, height, text)
    else:
        size = Image.new("RGB", (columns, rows))
        under = size if photo is None else decode_picture(photo[1][0])
        page.picture(places[1], page.y, map_picture.picture(slide, options, under), third, height)
    used = 0
    if "predict" in known:
        used = _classes(page, info, places[2], third, known["predict"])
    page.y += max(height, used) + GAP


def _framed(picture: Image.Image, occluder: Mapping[str, Any] | None, width: int) -> Image.Image:
    """The photo, ``width`` pixels wide, with the occluder's outline over it."""
    scale = width / picture.width
    size = width, max(1, round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    if occluder is not None:
        pen = ImageDraw.Draw(picture)
        for box in (*occluder["extra_boxes"], occluder):
            top, left = box["top"] * scale, box["left"] * scale
            right, bottom = left + box["width"] * scale, top + box["height"] * scale
            pen.rectangle((left, top, right - 1, bottom - 1), None, PAPER, 4)
            pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), None, STRONG, 2)
    return picture


def _classes(
    page: _Page,
    info: EngineInfo,
    x: int,
    width: int,
    predictions: Sequence[tuple[dict[str, Any], Answer | None]],
) -> int:
    """Bars of the five most probable classes; returns the height that they take."""
    found = [None if a is None else np.frombuffer(a[1][0], "<f4") for _, a in predictions]
    clean = found[0]
    if clean is None:
        page.empty(x, page.y, width, 200, page.why)
        return 200
    if not np.isfinite(clean).all():
        page.empty(x, page.y, width, 200, page.words("map.no_numbers"))
        return 200
    under = found[1] if len(found) > 1 else None
    row = 62
    for i, c in enumerate(np.argsort(-clean, kind="stable")[:5]):
        y = page.y + i * row
        page.text(x, y, info.labels[c], 18, INK, width - 90)
        page.pen.text(
            (x + width, y), f"{page.words.fixed(100 * clean[c], 1)}%", SOFT, font(18), anchor="ra"
        )
        for line, (values, colour) in enumerate(((clean, PALE), (under, STRONG))):
            top = y + 26 + line * 12
            page.pen.rectangle((x, top, x + width - 1, top + 9), EMPTY)
            if values is not None and np.isfinite(values[c]):
                page.pen.rectangle(
                    (x, top, x + round((width - 1) * float(values[c])), top + 9), colour
                )
    return 5 * row


def to_jpeg(picture: Image.Image) -> bytes:
    """A picture as JPEG of at most `LARGEST` bytes: coarser, then smaller, until it fits."""
    for quality in (88, 75, 60, 45):
        if len(jpeg := _jpeg(picture, quality)) <= LARGEST:
            return jpeg
    return to_jpeg(picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, optimize=True, comment=MARK)
    return stream.getvalue()
