"""A Jupyter server extension that sends kernel messages at once.

Jupyter's server leaves Nagle's algorithm on for kernel websockets: the second of two small
messages waits until the browser has acknowledged the first, so that every click in a widget costs
about 40 ms in which nothing happens. This extension sets ``TCP_NODELAY`` on those sockets and
changes nothing else.

The demo switches it on for itself. Elsewhere one command does, for the environment it runs in::

    jupyter server extension enable zfwidgets.server

or one line in ``jupyter_server_config.py``, which is the same::

    c.ServerApp.jpserver_extensions = {"zfwidgets.server": True}

It is not switched on by installing zfwidgets, since it is the server's business, not the kernel's:
the two often live in different environments. ``benchmarks.page.websocket_delay`` measures it.
"""

from __future__ import annotations

from typing import Any

SETTING = "kernel_websocket_connection_class"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "zfwidgets.server"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    """Derive the connection class that new kernel websockets get from the configured one.

    ``ServerApp.kernel_websocket_connection_class`` is jupyter_server's own extension point. It
    isn't replaced but subclassed, so that a gateway's connections, or another extension's, keep
    their behaviour and their configuration.
    """
    settings = server_app.web_app.settings
    base = settings.get(SETTING)
    if not (isinstance(base, type) and callable(getattr(base, "connect", None))):
        server_app.log.warning(
            "zfwidgets.server: expected the setting %r to be a class with a `connect` method and "
            "found %r; kernel websockets are left as they are (each widget event is ~40 ms slower)",
            SETTING,
            base,
        )
        return
    settings[SETTING] = type(f"NoDelay{base.__name__}", (_NoDelay, base), {})
    server_app.log.info("zfwidgets.server: kernel websockets send without delay")


class _NoDelay:
    """Mixin for a kernel websocket connection: no Nagle on its socket."""

    websocket_handler: Any
    log: Any

    def connect(self) -> Any:
        try:
            self.websocket_handler.set_nodelay(True)
        except Exception as error:  # noqa: BLE001 - a slow connection is better than none
            self.log.warning("zfwidgets.server: TCP_NODELAY could not be set: %r", error)
        return super().connect()  # type: ignore[misc]
