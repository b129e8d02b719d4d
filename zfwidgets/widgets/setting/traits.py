"""What can be set on a widget: traits that are checked at once, and nothing that isn't there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import traitlets

from ...errors import InputError, ZfError
from ..wire import validation


class SelectionError(InputError, traitlets.TraitError):
    """A value that can't be selected; the selection stays as it was."""


@contextmanager
def refused() -> Iterator[None]:
    """Errors of ours as those that setting a trait may raise."""
    try:
        yield
    except SelectionError:
        raise
    except ZfError as error:
        raise SelectionError(str(error)) from error


class Settable:
    """A widget on which only what is there can be set: a misspelt trait is an error.

    Names with an underscore stay free, and so do all names on classes that users derive: their
    ``__init__`` may set what it likes.
    """

    _takes_any_name: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # anywidget gives each widget a class of its own, by traitlets' add_traits.
        if cls.__module__.split(".")[0] not in ("zfwidgets", "traitlets"):
            cls._takes_any_name = True

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name.startswith("_") or cls._takes_any_name or hasattr(cls, name):
            super().__setattr__(name, value)
            return
        what = cls.__name__
        if name in inspect.signature(cls.__init__).parameters:
            raise AttributeError(
                f"{what} takes {name!r} when it is made and can't change it later: make a new one."
            )
        raise AttributeError(
            f"{what} has no {name!r} to set{validation.nearest(name, settable(cls))}"
        )


def settable(cls: type) -> tuple[str, ...]:
    """The public names that can be set on a widget's class."""
    names = {
        name: None
        for base in cls.__mro__
        if base.__module__.split(".")[0] == "zfwidgets"
        for name, value in vars(base).items()
        if not name.startswith("_")
        and (
            (isinstance(value, traitlets.TraitType) and not value.read_only)
            or (isinstance(value, property) and value.fset is not None)
        )
    }
    return (*names, "layout")
