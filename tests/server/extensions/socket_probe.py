"""A server extension for tests: says which options the open kernel websockets have."""

from __future__ import annotations

import socket

from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.utils import url_path_join
from tornado import web


class SocketProbe(APIHandler):
    @web.authenticated
    async def get(self) -> None:
        connections = list(ZMQChannelsWebsocketConnection._open_sockets)
        self.finish({"nodelay": [self.nodelay(connection) for connection in connections]})

    @staticmethod
    def nodelay(connection: ZMQChannelsWebsocketConnection) -> bool:
        opened = connection.websocket_handler.ws_connection.stream.socket
        return bool(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def _jupyter_server_extension_points():
    return [{"module": "socket_probe"}]


def _load_jupyter_server_extension(server_app):
    base = server_app.web_app.settings["base_url"]
    server_app.web_app.add_handlers(".*$", [(url_path_join(base, "api/socket-probe"), SocketProbe)])
