"""What docs/deploy has: nginx with TLS, run here, and files that linters read."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import zfwidgets as zf
from tests.classroom.conftest import numpy_engine
from tests.waiting import SECONDS
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.messages.codec import encode
from zfwidgets.classroom.rights import Rights
from zfwidgets.classroom.serving import running
from zfwidgets.errors import ServerUnreachable, WrongToken

TOKEN = "for-students"
MAIN = """
daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} isn't installed here")
    return found


@contextmanager
def nginx(site: str, folder: Path, server: str) -> Iterator[str]:
    """The site of the documentation before a server, with a certificate that is made here."""
    binary, port = program("nginx"), free_port()
    certificate, key = folder / "class.crt", folder / "class.key"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name class.example.org", "server_name localhost"),
        ("/etc/nginx/class.crt", str(certificate)),
        ("/etc/nginx/class.key", str(key)),
        ("http://127.0.0.1:8765", server),
    ):
        assert site.count(old) == 1, old
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    process = subprocess.Popen([binary, "-p", folder, "-c", folder / "nginx.conf"])
    try:
        end = time.monotonic() + SECONDS
        while True:
            assert process.poll() is None, (folder / "errors").read_text()
            assert time.monotonic() < end
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def test_nginx_with_tls_stands_before_a_server(root: Path, tmp_path: Path) -> None:
    """Answers are the same bytes, and a wrong token is told."""
    site = (root / "docs/deploy/nginx.conf").read_text()
    engine = numpy_engine.NumpyEngine()
    with (
        running(Server(engine, Rights(TOKEN, "for-the-teacher"))) as server,
        nginx(site, tmp_path, server) as url,
    ):
        own = str(tmp_path / "class.crt")
        with pytest.raises(ServerUnreachable, match=r"(?i)certificate"):
            zf.connect(url, TOKEN, patience=0.0)
        with pytest.raises(WrongToken):
            zf.connect(url, "of-another-class", certificate=own)
        remote = zf.connect(url, TOKEN, certificate=own)
        top = remote.top("conv2", 3)
        assert top.activations == engine.top("conv2", 3).activations
        projected = remote.project_all(top.activations)
        assert encode(projected) == encode(engine.project_all(top.activations))
        remote.close()


def test_a_room_is_followed_through_nginx(root: Path, tmp_path: Path) -> None:
    """Its streams stay open and aren't held back."""
    site = (root / "docs/deploy/nginx.conf").read_text()
    rights = Rights(TOKEN, "for-the-teacher")
    with (
        running(Server(numpy_engine.NumpyEngine(), rights)) as server,
        nginx(site, tmp_path, server) as url,
    ):
        own = str(tmp_path / "class.crt")
        engines = [zf.connect(url, token, certificate=own) for token in ("for-the-teacher", TOKEN)]
        teacher, student = (zf.Explorer(engine, layer="conv1", channel=1) for engine in engines)
        student.follow(teacher.lead("lesson"))
        moved = threading.Event()
        student.selection.observe(
            lambda change: moved.set() if change["new"] == ("conv2", 3) else None, "unit"
        )
        teacher.layer, teacher.channel = "conv2", 3
        assert moved.wait(SECONDS)
        for one in (student, teacher):
            one.close()
        for engine in engines:
            engine.close()


def linted(tool: str, *arguments: object) -> None:
    """What a linter has to say, which should be nothing."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} isn't installed here")
    done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one(root: Path) -> None:
    file = root / "docs/deploy/compose.yaml"
    linted("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


def test_the_dockerfile_is_one(root: Path) -> None:
    linted("hadolint", root / "docs/deploy/Dockerfile")


def test_what_the_compose_file_names_is_there(root: Path) -> None:
    text = (root / "docs/deploy/compose.yaml").read_text()
    named = [
        line.split("- ./")[1].split(":")[0] for line in text.splitlines() if "- ./nginx" in line
    ]
    assert named == ["nginx.conf"]
    assert (root / "docs/deploy/nginx.conf").is_file()
