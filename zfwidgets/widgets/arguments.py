"""What each widget takes, and its help, made from the traits that it has."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, get_type_hints

from .base import EngineWidget
from .selection import Selection

Widget = TypeVar("Widget", bound=EngineWidget)


class Common(TypedDict, total=False):
    """What is chosen first, and whatever else each widget takes."""

    layer: str | None
    channel: int | None
    photo: int | str | None
    image: int | str | None
    language: str | None
    selection: Selection | None
    layout: Any


class OfPicker(Common, total=False):
    """What a `LayerPicker` takes."""

    sort: str


class OfGrid(Common, total=False):
    """What a `PatchGrid` takes."""

    patches: str
    values: str
    scale: str
    whole: bool
    pixels: bool
    rule: str | None
    pinned: Any


class OfMap(Common, total=False):
    """What an `OcclusionMap` takes."""

    target: int | str | None
    occluder: Any
    patch: int | tuple[int, int] | None
    baseline: str | float | None
    stride: int | None
    overlay: str | None
    colours: str
    opacity: float
    auto: bool


class OfExplorer(OfPicker, OfGrid, OfMap, total=False):
    """What an `Explorer` takes."""

    gallery: Any
    photo_follows: bool


def documented(takes: type) -> Callable[[type[Widget]], type[Widget]]:
    """Put what a widget takes and has into its help and its signature.

    Parameters
    ----------
    takes
        One of the above.
    """

    def document(kind: type[Widget]) -> type[Widget]:
        hints, traits = get_type_hints(takes), kind.class_traits()
        own = {name: traits[name] for name in hints if "type" in traits[name].metadata}
        rows = [
            (f"{name} : {trait.metadata['type']}", trait.help, trait.metadata["by_default"])
            for name, trait in own.items()
        ]
        sections = {
            "Parameters": [
                ("engine", "``zf.Engine(model, images)``."),
                *((name, f"{text} {by_default}".strip()) for name, text, by_default in rows),
                ("selection : Selection", "What is shared with other widgets; by default its own."),
                ("layout", "What every ipywidget has by this name."),
            ],
            "Attributes": [
                *((name, text) for name, text, _ in rows),
                ("selection : Selection", "What is chosen, shared with other widgets; see `link`."),
            ],
            "Raises": [("InputError", "For a value that isn't possible or an unknown argument.")],
        }
        parts = [inspect.cleandoc(kind.__doc__ or "")]
        for title, lines in sections.items():
            text = "\n".join(f"{name}\n{_indented(text)}" for name, text in lines)
            parts.append(f"{title}\n{'-' * len(title)}\n{text}")
        kind.__doc__ = "\n\n".join([*parts, _NOTES])
        _sign(kind.__init__, hints, {name: traits[name].metadata.get("first") for name in hints})
        return kind

    return document


def _sign(init: Any, hints: dict[str, Any], first: dict[str, Any]) -> None:
    """Let a constructor's signature name each argument."""
    own = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for name in ("self", "engine")
    ]
    only = inspect.Parameter.KEYWORD_ONLY
    keywords = [
        inspect.Parameter(name, only, default=first[name], annotation=what)
        for name, what in hints.items()
    ]
    init.__signature__ = inspect.Signature([*own, *keywords])


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, 92), "    ")


_NOTES = """\
Notes
-----
All parameters but `engine` and `layout` are attributes, which can be set, observed and linked at
any time, and the page sets them too; all views of the widget follow. A value that isn't possible
is refused, and then nothing has changed.
"""
