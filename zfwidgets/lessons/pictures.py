"""A task as its page asks for it."""

from __future__ import annotations

from typing import Any

from ..records import Pixels
from ..widgets.wire.encode import Answer, encode_pictures
from .exercises.task import Figure, Task


def task_answer(task: Task, revealed: bool) -> Answer:
    """What the page shows of a task; the right answer only when ``revealed``."""
    pictures: list[Pixels] = []

    def told(figure: Figure | None) -> dict[str, Any] | None:
        if figure is None:
            return None
        pictures.append(figure.pixels)
        return {
            "picture": len(pictures) - 1,
            "caption": figure.caption,
            "alt": figure.alt,
            "extent": list(figure.pixels.shape[:2]),
            "marks": [{"box": mark.box.to_json(), "text": mark.text} for mark in figure.marks],
        }

    figures = (task.reveal or task.figures) if revealed else task.figures
    data: dict[str, Any] = {
        "ask": task.ask,
        "figures": [told(figure) for figure in figures],
        "options": [
            {
                "text": option.text,
                "told": option.told if revealed else "",
                "figure": told((option.shown or option.figure) if revealed else option.figure),
            }
            for option in task.options
        ],
        "scale": None if task.scale is None else task.scale._asdict(),
        "answer": task.answer if revealed else None,
    }
    mime, buffers = encode_pictures(pictures)
    return {**data, "mime": mime}, buffers
