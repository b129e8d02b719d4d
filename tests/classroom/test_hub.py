"""A service of JupyterHub: whose token may come in; and a real hub with the shipped settings."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import zfwidgets as zf
from tests.classroom.conftest import numpy_engine
from tests.waiting import SECONDS
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.hub import BELIEVED, HubRights, of_environment
from zfwidgets.classroom.serving import running
from zfwidgets.errors import InputError, ServerBusy, WrongToken

USE, TEACH = "access:services!service=zfwidgets", "custom:zfwidgets:teach"
SCOPES = {
    "of-ada": [USE, "access:servers!server=ada/"],
    "of-grace": [USE, TEACH],
    "of-all": ["access:services"],
    "of-nobody": ["access:services!service=another", TEACH],
}


class Hub(httpx.AsyncBaseTransport):
    """A hub that knows some tokens."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://hub/hub/api/user"
        kind, token = request.headers["authorization"].split(" ")
        assert kind == "token"
        self.asked.append(token)
        if self.status != 200:
            return httpx.Response(self.status)
        scopes = SCOPES.get(token)
        return httpx.Response(403 if scopes is None else 200, json={"scopes": scopes or []})


def role(rights: HubRights, header: str) -> str:
    asyncio.run(rights.learn(header))
    return rights.role(header)


def test_scopes_say_who_may_ask_and_who_teaches() -> None:
    rights = HubRights("http://hub/hub/api/", "zfwidgets", Hub())
    assert role(rights, "Bearer of-ada") == "student"
    assert role(rights, "token of-grace") == "teacher"
    assert role(rights, "Bearer of-all") == "student"
    for header in ("Bearer of-nobody", "Bearer made-up", "Basic of-ada", "Bearer ", "of-ada", ""):
        with pytest.raises(WrongToken, match="access:services!service=zfwidgets"):
            role(rights, header)


def test_the_hub_is_asked_once_in_a_while() -> None:
    hub, now = Hub(), [0.0]
    rights = HubRights("http://hub/hub/api", "zfwidgets", hub, lambda: now[0])
    for _ in range(5):
        role(rights, "Bearer of-ada")
        with pytest.raises(WrongToken):
            role(rights, "Bearer made-up")
    assert hub.asked == ["of-ada", "made-up"]
    now[0] += BELIEVED + 1
    SCOPES["of-ada"], before = [], SCOPES["of-ada"]
    try:
        with pytest.raises(WrongToken):  # the user was removed meanwhile
            role(rights, "Bearer of-ada")
    finally:
        SCOPES["of-ada"] = before


def test_a_hub_that_is_down_counts_as_busy() -> None:
    hub = Hub()
    rights = HubRights("http://hub/hub/api", "zfwidgets", hub)
    hub.status = 503
    with pytest.raises(ServerBusy, match="JupyterHub"):
        role(rights, "Bearer of-ada")
    hub.status = 200
    assert role(rights, "Bearer of-ada") == "student"


def test_a_server_below_a_path_answers_there_with_the_hubs_rights(connect: Any) -> None:
    rights = HubRights("http://hub/hub/api", "zfwidgets", Hub())
    server = Server(numpy_engine.NumpyEngine(), rights, path="/services/zfwidgets")
    with running(server) as url:
        engine = connect(f"{url}/services/zfwidgets", "of-ada")
        assert engine.role == "student"
        assert len(engine.top("conv2", 3)) == 9
        with pytest.raises(WrongToken):
            connect(f"{url}/services/zfwidgets", "made-up")
        with pytest.raises(InputError, match="404"):
            connect(url, "of-ada")


def test_only_what_a_hub_has_started_is_its_service() -> None:
    environment = {
        "JUPYTERHUB_SERVICE_NAME": "zfwidgets",
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8765",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/zfwidgets/",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    }
    _, *where = of_environment(environment)
    assert where == ["127.0.0.1", 8765, "/services/zfwidgets"]
    with pytest.raises(InputError, match="JUPYTERHUB_SERVICE_PREFIX isn't set"):
        of_environment({**environment, "JUPYTERHUB_SERVICE_PREFIX": ""})
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:8765"):
        of_environment({**environment, "JUPYTERHUB_SERVICE_URL": "unix:///run/x"})


# ---------------------------------------------------------------- a real one


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


MORE = """
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.command = [{program!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.spawner_class = "simple"
c.Spawner.cmd = [{python!r}, {user!r}]
c.Spawner.default_url = "/"
c.JupyterHub.services[0]["url"] = "http://127.0.0.1:{service}"
c.JupyterHub.services[0]["command"] = [
    {python!r}, "-m", "zfwidgets", "serve", "--hub", {report!r}
]
c.JupyterHub.services[0]["environment"]["PYTHONPATH"] = {path!r}
c.JupyterHub.services.append({{"name": "test", "api_token": "of-the-test-of-the-hub"}})
c.JupyterHub.load_roles.append({{
    "name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "tokens", USE],
}})
"""
USER = """
import http.server, os, urllib.parse
with open(os.path.join({folder!r}, os.environ["JUPYTERHUB_USER"]), "w") as file:
    file.write(os.environ["JUPYTERHUB_API_TOKEN"] + " " + os.environ["ZFWIDGETS_SERVER"])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6")
        self.end_headers()
where = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.HTTPServer((where.hostname, where.port), Answer).serve_forever()
"""
"""What stands for a user's notebook server: says which token it was given."""


@pytest.fixture
def hub(root: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A JupyterHub with the settings of the documentation; its address and the users' tokens."""
    if importlib.util.find_spec("jupyterhub") is None:
        pytest.skip("JupyterHub isn't installed here")
    bundled = root / "js" / "node_modules" / ".bin"
    places = os.pathsep.join([str(bundled), os.environ.get("PATH", "")])
    program = shutil.which("configurable-http-proxy", path=places)
    if program is None or shutil.which("node") is None:
        pytest.skip("configurable-http-proxy isn't installed here: `make setup` does it")
    engine = numpy_engine.NumpyEngine().built()
    report = tmp_path / "report.html"
    zf.save_report(zf.Explorer(engine, layer="conv2"), report, layers=["conv2"], progress=False)
    proxy, private, api, service = free_ports(4)
    tokens, user = tmp_path / "tokens", tmp_path / "user.py"
    tokens.mkdir()
    user.write_text(USER.format(folder=str(tokens)))
    shipped = (root / "docs/deploy/jupyterhub_config.py").read_text()
    assert "http://127.0.0.1:8000" in shipped
    settings = shipped.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{proxy}")
    settings += MORE.format(
        proxy=proxy, hub=private, api=api, service=service, python=sys.executable,
        user=str(user), report=str(report), path=str(root), program=program,
    )  # fmt: skip
    (tmp_path / "settings.py").write_text(settings)
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "-f", tmp_path / "settings.py"],
        cwd=tmp_path, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{proxy}"
    try:
        end = time.monotonic() + 2 * SECONDS
        health = f"{url}/services/zfwidgets/v1/health"
        while not reached(health):
            assert process.poll() is None, (tmp_path / "log").read_text()[-4000:]
            assert time.monotonic() < end, (tmp_path / "log").read_text()[-4000:]
            time.sleep(0.1)
        yield url, tokens
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        finally:
            process.kill()
            log.close()


def reached(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def spawned(url: str, tokens: Path, name: str) -> tuple[str, str]:
    """Start a user's server; its token, and where it is told that the class's server is."""
    headers = {"authorization": "token of-the-test-of-the-hub"}
    api = f"{url}/hub/api/users/{name}"
    for path in (api, f"{api}/server"):
        reply = httpx.post(path, headers=headers, json={}, timeout=SECONDS)
        assert reply.status_code in (201, 202, 409), reply.text  # the teacher is there
    end = time.monotonic() + SECONDS
    while not (tokens / name).exists() or not (tokens / name).read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    token, server = (tokens / name).read_text().split()
    return token, server


def test_users_of_a_real_hub_connect_with_their_servers_token(hub: Any, connect: Any) -> None:
    url, tokens = hub
    token, server = spawned(url, tokens, "ada")
    student = connect(server, token)
    assert server == f"{url}/services/zfwidgets"
    assert student.role == "student"
    assert len(student.top("conv2", 3)) == 9
    assert zf.Explorer(student, layer="conv2", channel=3).settle(SECONDS)
    token, server = spawned(url, tokens, "teacher")
    assert connect(server, token).role == "teacher"
    with pytest.raises(WrongToken, match="JupyterHub"):
        connect(server, "nobodys-token")
    assert json.loads(httpx.get(f"{server}/v1/health").content)["ok"]
