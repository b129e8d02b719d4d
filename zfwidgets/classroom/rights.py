"""Who may ask: tokens of students and of teachers, compared in constant time.

Nothing that a client sends names a file, a module or code; what a token gives is to ask. A
teacher's also shows the metrics, and whatever else is marked so.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError, WrongToken
from .messages.peers import is_loopback

Role = Literal["student", "teacher"]


@dataclass(frozen=True)
class Rights:
    """The tokens of a server; without any all who reach it have all rights.

    Parameters
    ----------
    token
        Students' token.
    teacher_token
        Teachers' token.
    """

    token: str | None = None
    teacher_token: str | None = None

    @classmethod
    def for_address(
        cls, host: str, token: str | None = None, teacher_token: str | None = None
    ) -> Rights:
        """The rights of a server on an address; a teacher's token is made if there is none.

        Raises
        ------
        InputError
            Others than this machine can reach the address, and there is no token.
        """
        for name, given in (("--token", token), ("--teacher-token", teacher_token)):
            if given is not None and (len(given) < 8 or not given.isascii() or " " in given
                                      or not given.isprintable()):  # fmt: skip
                raise InputError(f"{name} needs 8 or more printable ASCII letters, without spaces.")
        if token is None and not is_loopback(host):
            raise InputError(
                f"Whoever can reach {host} could use this server: pass --token with a word that "
                f"the class gets, like --token {secrets.token_urlsafe(9)}, or --host 127.0.0.1 to "
                "serve this machine alone."
            )
        if token is None and teacher_token is not None:
            raise InputError("--teacher-token goes with --token, that of the students.")
        if token is not None and token == teacher_token:
            raise InputError("--token and --teacher-token must be two different words.")
        if token is not None and teacher_token is None:
            teacher_token = secrets.token_urlsafe(12)
        return cls(token, teacher_token)

    @property
    def open(self) -> bool:
        """Whether no token is needed."""
        return self.token is None and self.teacher_token is None

    async def learn(self, authorization: str) -> None:
        """Find out what a token gives, where others know that: see `hub.HubRights`."""

    def role(self, authorization: str) -> Role:
        """What an ``Authorization`` header gives the right to be.

        Raises
        ------
        WrongToken
            Saying what to do.
        """
        if self.open:
            return "teacher"
        kind, _, given = authorization.partition(" ")
        teacher = _same(given, self.teacher_token)
        student = _same(given, self.token)
        if kind.lower() != "bearer" or not (teacher or student):
            what = "doesn't know this token" if given else "needs a token"
            raise WrongToken(
                f"The server {what}: zf.connect(url, token='...') with the one that your teacher, "
                "or whoever started `zfwidgets serve`, gave out."
            )
        return "teacher" if teacher else "student"


def need_teacher(role: Role) -> None:
    """Raise `WrongToken` unless it is a teacher who asks."""
    if role != "teacher":
        raise WrongToken("Only a teacher may do this: connect with the teacher's token.")


def _same(given: str, token: str | None) -> bool:
    one, other = given.encode("utf-8", "replace"), (token or "").encode()
    return hmac.compare_digest(one, other) and token is not None
