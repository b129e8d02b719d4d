"""The server extension: what it sets on real sockets, and what it leaves alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import websocket
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.web import Application

from tests.waiting import PROGRAM
from zfwidgets.demo.lab import LabServer
from zfwidgets.server import SETTING, _load_jupyter_server_extension

EXTENSIONS = Path(__file__).parent / "extensions"


def kernel_sockets(server: LabServer) -> dict:
    """What the server says of a kernel websocket that a client has just used."""
    kernel = server.request("POST", "api/kernels", {"name": "python3"})["id"]
    address = server.base_url.replace("http", "ws", 1)
    client = websocket.create_connection(
        f"{address}api/kernels/{kernel}/channels?session_id=a-test",
        header=[f"Authorization: token {server.token}"],
        timeout=PROGRAM,
    )
    try:
        header = {"msg_id": "asked", "msg_type": "kernel_info_request", "session": "a-test"}
        header |= {"username": "", "version": "5.3", "date": "2000-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": {}}
        client.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        while json.loads(client.recv())["msg_type"] != "kernel_info_reply":
            pass
        return server.request("GET", "api/socket-probe")
    finally:
        client.close()


@pytest.mark.parametrize("ours", [(), ("zfwidgets.server",)])
def test_nodelay_is_set_where_the_extension_is_on(ours, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXTENSIONS), prepend=":")
    with LabServer(tmp_path, port=0, extensions=("socket_probe", *ours)) as server:
        found = kernel_sockets(server)
        log = server.log(200)
    assert found["nodelay"] == [bool(ours)]
    assert ("zfwidgets.server: kernel websockets send without delay" in log) == bool(ours)


def server_app(connection_class: object) -> SimpleNamespace:
    return SimpleNamespace(
        web_app=Application(**{SETTING: connection_class}), log=logging.getLogger("server-app")
    )


def test_the_configured_class_is_extended_not_replaced():
    class Custom(ZMQChannelsWebsocketConnection):
        """Stands for a gateway's connection or another extension's."""

    app = server_app(Custom)
    _load_jupyter_server_extension(app)
    derived = app.web_app.settings[SETTING]
    assert issubclass(derived, Custom)
    # Configuration by the name of a base class reaches it still.
    assert ZMQChannelsWebsocketConnection in derived.mro()
    added = set(vars(derived)) - {"__module__", "__doc__"}
    assert not {name for name in added if not name.startswith("_")}


@pytest.mark.parametrize("strange", [None, "a.dotted.Name", object])
def test_a_changed_jupyter_server_is_left_as_it_is(strange, caplog):
    app = server_app(strange)
    _load_jupyter_server_extension(app)
    assert app.web_app.settings[SETTING] is strange
    assert "left as they are" in caplog.text


def test_a_socket_that_refuses_still_connects(caplog):
    class Refuses:
        def set_nodelay(self, value):
            raise OSError("refused")

    class Connection:
        log = logging.getLogger("connection")
        websocket_handler = Refuses()

        def connect(self):
            return "connected"

    app = server_app(Connection)
    _load_jupyter_server_extension(app)
    assert app.web_app.settings[SETTING]().connect() == "connected"
    assert "TCP_NODELAY could not be set: OSError('refused')" in caplog.text
