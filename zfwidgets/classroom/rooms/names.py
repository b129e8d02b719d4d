"""What rooms are called: a public name whose end is a hash of the secret, as students type it."""

from __future__ import annotations

import hashlib
import re

from ...errors import InputError

SYMBOLS = "23456789bcdfghjkmnpqrstvwxyz"
"""Symbols of a room's code: none looks like another, and without vowels they make no words."""
ROUNDS = 20_000
"""Rounds of the hash, so that many secrets take long to try."""
CODE = re.compile(rf"-[{SYMBOLS}]{{4}}-[{SYMBOLS}]{{4}}$")
MOST_NAME = 40
"""Characters of what a room is called, without its code."""


def named(name: object) -> str:
    """What a room is called, as it stands in its public name: ``lesson``.

    Raises
    ------
    InputError
        It isn't 1 to 40 letters, digits, spaces and hyphens.
    """
    text = re.sub(r"\s+", "-", name.strip().lower()) if isinstance(name, str) else ""
    if not 1 <= len(text) <= MOST_NAME or not re.fullmatch(r"[^\W_]([^\W_]|-)*", text):
        raise InputError(
            f"A room's name is 1 to {MOST_NAME} letters, digits, spaces and hyphens, "
            f"not {name!r:.100}."
        )
    return text


def public_name(name: str, secret: str) -> str:
    """The name that students type: what the room is called, and a hash of its secret.

    Parameters
    ----------
    name
        What the room is called, see `named`.
    secret
        What only its teacher knows.
    """
    name = named(name)
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), name.encode(), ROUNDS)
    number, code = int.from_bytes(digest, "big"), ""
    for _ in range(8):
        number, digit = divmod(number, len(SYMBOLS))
        code += SYMBOLS[digit]
    return f"{name}-{code[:4]}-{code[4:]}"


def called(room: str) -> str:
    """What a room is called, of its public name."""
    return CODE.sub("", room)


def is_public(room: str) -> bool:
    """Whether a name is one that `public_name` gives for some secret."""
    name = called(room)
    try:
        return name != room and named(name) == name
    except InputError:
        return False
