"""Checks of JSON from outside: what a value must be, said once and checked before it is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

Check = Callable[[Any], None]
"""Returns if a value is right; raises `ValueError` if it isn't."""


def whole(low: int, high: int) -> Check:
    """A whole number in ``low .. high``, both included."""

    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{_short(value)} isn't a whole number in {low} .. {high}")

    return check


def number(value: Any) -> None:
    """A finite number, or null: what stands for one that JSON doesn't have."""
    finite = type(value) is int and abs(value) < 1 << 63
    if value is not None and not finite and not (type(value) is float and math.isfinite(value)):
        raise ValueError(f"{_short(value)} isn't a number")


def text(value: Any) -> None:
    """A string."""
    if type(value) is not str:
        raise ValueError(f"{_short(value)} isn't a text")


def truth(value: Any) -> None:
    """True or false."""
    if type(value) is not bool:
        raise ValueError(f"{_short(value)} isn't true or false")


def anything(value: Any) -> None:
    """What is only shown, or handed on."""


def one_of(known: Collection[Any]) -> Check:
    """One of some texts, or other constants."""

    def check(value: Any) -> None:
        if type(value) not in (str, int, type(None)) or value not in known:
            raise ValueError(f"{_short(value)} isn't known")

    return check


def either(*checks: Check) -> Check:
    """What one of the checks lets through."""

    def check(value: Any) -> None:
        for one in checks[:-1]:
            with suppress(ValueError):
                return one(value)
        return checks[-1](value)

    return check


def none(value: Any) -> None:
    """Null."""
    if value is not None:
        raise ValueError(f"{_short(value)} isn't null")


def listed(check: Check, *more: Check, most: int | None = None) -> Check:
    """A list of what passes the one check, or of as many values as there are checks."""

    def every(value: Any) -> None:
        if type(value) is not list:
            raise ValueError(f"{_short(value)} isn't a list")
        if more:
            if len(value) != 1 + len(more):
                raise ValueError(f"a list has {len(value)} values instead of {1 + len(more)}")
            for one, entry in zip((check, *more), value, strict=True):
                one(entry)
            return
        if most is not None and len(value) > most:
            raise ValueError(f"a list has {len(value)} values, more than {most}")
        for entry in value:
            check(entry)

    return every


def fields(known: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with at least these fields; others are let through."""
    optional = optional or {}

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise ValueError(f"{_short(value)} isn't an object")
        for name, one in (*known.items(), *((n, c) for n, c in optional.items() if n in value)):
            if name not in value:
                raise ValueError(f"{name!r} is missing")
            try:
                one(value[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None

    return check


def mapping(name: Check, check: Check) -> Check:
    """An object of any names that pass one check, with values that pass another."""

    def every(value: Any) -> None:
        if type(value) is not dict:
            raise ValueError(f"{_short(value)} isn't an object")
        for key, entry in value.items():
            name(key)
            check(entry)

    return every


def _short(value: Any) -> str:
    """A value in a few letters: one from outside may have any size."""
    shown = value if isinstance(value, str) else type(value).__name__
    if isinstance(value, int | float):
        shown = str(value) if abs(value) < 1e18 else "a very large number"
    return repr(shown[:40])
