"""Rights by JupyterHub: whoever the hub lets use this service may ask, with his server's own token.

As a service of the hub's, the process is told by its environment where to listen, below which path
its requests come, and where the hub's API is (JupyterHub's documentation: "Services"). A token is
asked about there; what the hub said is believed for a short while.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

from ..errors import InputError, ServerBusy, WrongToken
from .rights import Role

ACCESS: Final = "access:services"
"""The hub's scope for using services; ``!service=NAME`` makes it one service's."""
TEACH: Final = "custom:zfwidgets:teach"
"""The scope that makes a teacher."""
BELIEVED = 60.0
"""Seconds for which what the hub said of a token holds."""
REMEMBERED = 1000
"""Tokens of which something is known."""
PATIENCE = 5.0
"""Seconds within which the hub must answer."""
NEEDED = (
    "JUPYTERHUB_SERVICE_NAME",
    "JUPYTERHUB_SERVICE_URL",
    "JUPYTERHUB_SERVICE_PREFIX",
    "JUPYTERHUB_API_URL",
)


class HubRights:
    """Who may ask, as a JupyterHub says.

    Parameters
    ----------
    api
        Address of the hub's API.
    service
        The service's name.
    transport
        How to talk with the hub; None is HTTP.
    clock
        Gives seconds.
    """

    open = False

    def __init__(
        self,
        api: str,
        service: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._service = api.rstrip("/"), service
        self._transport, self._clock = transport, clock
        self._known: OrderedDict[bytes, tuple[float, Role | None]] = OrderedDict()

    async def learn(self, authorization: str) -> None:
        """Ask the hub about a token that isn't known.

        Raises
        ------
        ServerBusy
            The hub doesn't answer; ask again.
        """
        given = _token(authorization)
        if not given or self._current(given) is not None:
            return
        try:
            async with httpx.AsyncClient(
                transport=self._transport, timeout=PATIENCE, trust_env=False
            ) as http:
                headers = {"authorization": f"token {given}"}
                reply = await http.get(f"{self._api}/user", headers=headers)
        except httpx.HTTPError as error:
            raise ServerBusy(f"JupyterHub doesn't answer ({type(error).__name__}).", 1.0) from error
        if reply.status_code >= 500:
            raise ServerBusy(f"JupyterHub answers with status {reply.status_code}.", 1.0)
        scopes = set(reply.json().get("scopes", ())) if reply.status_code == 200 else set()
        role: Role | None = None
        if scopes & {ACCESS, f"{ACCESS}!service={self._service}"}:
            role = "teacher" if TEACH in scopes else "student"
        self._known[_digest(given)] = self._clock() + BELIEVED, role
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def role(self, authorization: str) -> Role:
        """What an ``Authorization`` header gives the right to be, as `learn` has found out."""
        given = _token(authorization)
        known = self._current(given) if given else None
        if known is None or known[1] is None:
            raise WrongToken(
                f"JupyterHub doesn't let this token use the service {self._service!r}: in a "
                "notebook of the hub's, zf.connect(url, os.environ['JUPYTERHUB_API_TOKEN']); "
                f"whoever runs the hub gives users and their servers the scope "
                f"{ACCESS}!service={self._service}."
            )
        return known[1]

    def _current(self, given: str) -> tuple[float, Role | None] | None:
        known = self._known.get(_digest(given))
        return known if known is not None and known[0] > self._clock() else None


def of_environment(
    environment: Mapping[str, str] = os.environ,
) -> tuple[HubRights, str, int, str]:
    """Rights, host, port and path of the service that this process is.

    Raises
    ------
    InputError
        It was started by no hub, or as a service without an address.
    """
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        raise InputError(
            f"--hub is for services that JupyterHub starts: {', '.join(missing)} isn't set. Give "
            "the service a 'url' and a 'command' in jupyterhub_config.py (docs/classroom.md)."
        )
    parts = urlsplit(environment["JUPYTERHUB_SERVICE_URL"])
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise InputError(
            "The service's 'url' must be like 'http://127.0.0.1:8765', not "
            f"{environment['JUPYTERHUB_SERVICE_URL']!r}."
        )
    rights = HubRights(environment["JUPYTERHUB_API_URL"], environment["JUPYTERHUB_SERVICE_NAME"])
    path = quote(environment["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/"))
    return rights, parts.hostname, parts.port, path


def _token(authorization: str) -> str:
    kind, _, given = authorization.partition(" ")
    good = kind.lower() in ("bearer", "token") and len(given) <= 512
    return given.strip() if good and given.isascii() and given.isprintable() else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
