"""Widgets that hold what their page will ask for: answers are there at once, or never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError, ZfError
from .boxes import show_boxes_around
from .bundle import Viewed
from .wire.encode import Answer
from .wire.telling import Teller


class Answering(Viewed):
    """Answers its page's requests from what it keeps. Subclasses add `page_module` and `_find`."""

    def __init__(self, **traits: Any) -> None:
        self.on_msg(self._on_message)
        show_boxes_around()
        super().__init__(**traits)

    def _find(self, message: Mapping[str, Any]) -> Answer:
        """The answer to a request; raises what is to be said instead."""
        raise NotImplementedError

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        message = content if isinstance(content, dict) else {}
        if message.get("op") == "cancel":  # nothing is under way: answers are there, or aren't
            return
        tell = Teller(self, message)
        try:
            tell("reply", self._find(message))
        except ZfError as error:
            tell("error", error)


def asked(message: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the key of a request of the one kind that a widget answers."""
    key = message.get("key")
    if message.get("kind") != kind or not isinstance(key, Mapping):
        raise InputError(
            f"This widget answers requests of kind {kind!r}, not {message.get('kind')!r}."
        )
    return key
