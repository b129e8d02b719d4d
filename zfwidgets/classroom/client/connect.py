"""`connect`: how a kernel gets an engine that is on a server."""

from __future__ import annotations

from ...bars import waiting
from .connection import Connection
from .remote import RemoteEngine
from .with_photos import WithPhotos


@waiting("Connecting to the server")
def connect(
    url: str, token: str | None = None, *, certificate: str | None = None, patience: float = 10.0
) -> RemoteEngine:
    """Connect to a server that answers for an engine: `zfwidgets serve` runs one.

    Widgets and records are those of a local engine; neither the network nor torch is needed here.
    While the server is away, widgets say so and go on when it is back.

    Parameters
    ----------
    url
        The server's address, as it printed it: ``"http://host:port"``.
    token
        The word that the class was given; None on the server's own machine, if it has none.
    certificate
        File with the certificate of an authority that signed the server's, where the system
        doesn't know it.
    patience
        Seconds for which to try if the server can't be reached.

    Returns
    -------
    RemoteEngine
        An engine for widgets, ``zf.Explorer(engine)``, and for Python.

    Raises
    ------
    ServerUnreachable
        Nobody answers at the address.
    WrongToken
        The server doesn't know the token.
    WrongVersion
        The server has another version of zfwidgets, which sends other records.
    InputError
        The address isn't one, or what answers there is no server of ours.

    Examples
    --------
    >>> engine = zf.connect("http://127.0.0.1:8765")  # doctest: +SKIP
    >>> zf.Explorer(engine)  # doctest: +SKIP
    """
    connection = Connection(url, token, certificate=certificate)
    try:
        told = connection.hello(patience)
        return (WithPhotos if told.get("own") else RemoteEngine)(connection, told)
    except BaseException:
        connection.close()
        raise
