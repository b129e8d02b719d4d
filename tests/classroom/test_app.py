"""What the server refuses: strangers, other versions, what is too much, too large or nonsense."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import msgpack
import numpy as np
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets import errors
from zfwidgets.classroom.app import Server, make_app
from zfwidgets.classroom.messages import frames
from zfwidgets.classroom.messages.codec import SCHEMA, decode, encode
from zfwidgets.classroom.messages.methods import METHODS
from zfwidgets.classroom.rights import Rights
from zfwidgets.classroom.working.clients import Clients, Limits
from zfwidgets.errors import (
    InputError,
    MalformedMessage,
    OtherEngine,
    ServerBusy,
    ServerUnreachable,
    WrongToken,
    WrongVersion,
)
from zfwidgets.records import (
    Activation,
    Box,
    CoverRequest,
    Occluder,
    OcclusionRequest,
    OwnPhoto,
    Unit,
)
from zfwidgets.stepwise import finish

from .asgi import ME, error, last, question, request
from .conftest import numpy_engine

TOKENS = Rights("students-word", "teachers-word")


def ask(server: Server, *requests: Any) -> list[tuple[int, bytes]]:
    """Make requests of an app, one after the other."""
    app = make_app(server)

    async def run() -> list[tuple[int, bytes]]:
        return [await request(app, *one) for one in requests]

    try:
        return asyncio.run(run())
    finally:
        server.close()


def made(**arguments: Any) -> Server:
    return Server(numpy_engine.NumpyEngine(), **arguments)


# ------------------------------------------------------------------ who may ask


def test_tokens_are_needed_and_give_what_they_give() -> None:
    def bearer(word: str) -> dict[str, str]:
        return {"authorization": f"Bearer {word}"}

    paths = [
        (frames.HELLO, None),
        (frames.ASK, question("photo", image=0)),
        (frames.CANCEL, encode({"slot": "x"})),
        (frames.PHOTOS, encode({"image": 1})),
        (frames.METRICS, None),
        (frames.BYE, b"\xc0"),
    ]
    wrong: list[dict[str, str]] = [
        {}, bearer(""), bearer("students-wor"), bearer("students-word2"), bearer("x" * 10_000),
        bearer("ünï"), {"authorization": "Basic students-word"}, {"authorization": "students-word"},
    ]  # fmt: skip
    server = made(rights=TOKENS)
    for status, content in ask(
        server, *((path, body, head) for path, body in paths for head in wrong)
    ):
        assert (status, error(content)) == (401, "WrongToken")
    server = made(rights=TOKENS)
    found = ask(
        server,
        (frames.METRICS, None, bearer("students-word")),
        (frames.METRICS, None, bearer("teachers-word")),
        (frames.HEALTH, None, {}),
        *((path, body, bearer("students-word")) for path, body in paths[:2]),
    )
    assert [status for status, _ in found] == [401, 200, 200, 200, 200]
    assert b"zfwidgets_clients" in found[1][1]
    assert json.loads(found[2][1])["ok"] is True
    assert decode(found[3][1])["role"] == "student"


def test_connect_says_what_is_wrong_with_a_token(serve: Any, connect: Any) -> None:
    _, url = serve(rights=TOKENS)
    for token, words in ((None, "needs a token"), ("not-the-word", "doesn't know this token")):
        with pytest.raises(WrongToken, match=words):
            zf.connect(url, token)
    assert connect(url, "students-word").role == "student"
    assert connect(url, "teachers-word").role == "teacher"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_other_addresses_than_this_machines_need_a_token(host: str) -> None:
    with pytest.raises(InputError, match="--token"):
        Rights.for_address(host)
    rights = Rights.for_address(host, "students-word")
    assert rights.role("Bearer students-word") == "student"
    assert rights.role(f"Bearer {rights.teacher_token}") == "teacher"
    assert len(rights.teacher_token or "") >= 16


def test_tokens_that_are_no_good_are_refused() -> None:
    for token in ("short", "with space", "unprintable\n", "schlüsselwort"):
        with pytest.raises(InputError, match="--token needs"):
            Rights.for_address("0.0.0.0", token)
    with pytest.raises(InputError, match="two different"):
        Rights.for_address("0.0.0.0", "same-word", "same-word")
    with pytest.raises(InputError, match="goes with --token"):
        Rights.for_address("127.0.0.1", None, "teachers-word")


def test_without_token_a_page_that_goes_by_another_name_gets_nothing() -> None:
    """A page of another site may have its name point here (DNS rebinding)."""
    (status, content), good = ask(
        made(), (frames.HELLO, None, {"host": "evil.example"}), (frames.HELLO, None)
    )
    assert (status, error(content), good[0]) == (401, "WrongToken", 200)


def test_another_schema_or_engine_is_named(serve: Any, connect: Any, monkeypatch: Any) -> None:
    server, url = serve()
    remote = connect(url)
    server.fingerprint = "of another network"
    with pytest.raises(OtherEngine, match=r"zf\.connect again"):
        remote.photo(0)
    monkeypatch.setattr("zfwidgets.classroom.app.SCHEMA", "another")
    with pytest.raises(WrongVersion, match="pip install"):
        remote.photo(0)
    with pytest.raises(WrongVersion, match="pip install"):
        zf.connect(url)


def test_what_is_no_server_of_ours_is_said(serve: Any) -> None:
    with pytest.raises(ServerUnreachable, match="can't be reached"):
        zf.connect("http://127.0.0.1:9", patience=0)
    for url in ("127.0.0.1:80", "ftp://x", "http://", "http://a:b@host", "http://h/?q", 5, None):
        with pytest.raises(InputError, match="http://host:port"):
            zf.connect(url)
    with pytest.raises(InputError, match="can't be read"):
        zf.connect("https://127.0.0.1:9", certificate="no/such/file.pem")
    _, url = serve()
    with pytest.raises(InputError, match="no zfwidgets server"):
        zf.connect(f"{url}/elsewhere", patience=0)


# ------------------------------------------------------------------ how much


def test_a_client_that_asks_too_quickly_waits_and_others_do_not() -> None:
    clock = [0.0]
    clients = Clients(Limits(rate=10, burst=5, clients=3), lambda _: None, lambda: clock[0])
    for _ in range(5):
        clients.find("a" * 32)
    with pytest.raises(ServerBusy) as refused:
        clients.find("a" * 32)
    assert 0 < refused.value.seconds <= 0.11
    clients.find("b" * 32)
    clock[0] += 0.1
    clients.find("a" * 32)
    with pytest.raises(ServerBusy):
        clients.find("a" * 32)


def test_there_are_so_many_clients_and_the_silent_make_room() -> None:
    clock, gone = [0.0], []
    clients = Clients(Limits(clients=2, idle=60), gone.append, lambda: clock[0])
    for name in "ab":
        clients.find(name * 32)
        clock[0] += 20
    with pytest.raises(ServerBusy, match="2 clients"):
        clients.find("c" * 32)
    clock[0] += 25
    clients.find("c" * 32)
    assert [client.id[0] for client in gone] == ["a"]
    for bad in ("", "a" * 31, "A" * 32, "a" * 33, "é" * 32):
        with pytest.raises(MalformedMessage):
            clients.find(bad)


def test_who_holds_many_places_without_use_keeps_nobody_out() -> None:
    clock, gone = [0.0], []
    clients = Clients(Limits(clients=30, idle=1800), gone.append, lambda: clock[0])
    for number in range(30):
        clients.find(f"{number:032x}")
    mine = clients.find(f"{7:032x}")
    mine.photos[99] = OwnPhoto(99, "mine")
    with pytest.raises(ServerBusy):
        clients.find("f" * 32)
    clock[0] += 61
    clients.find("f" * 32)
    assert len(clients) == 2
    assert mine not in gone, "he has a photo"


def test_requests_that_are_too_large_are_refused_before_they_are_read_whole() -> None:
    found = ask(
        made(limits=Limits(body=1000)),
        (frames.ASK, question("photo", slot="x" * 2000, image=0)),
        (frames.CANCEL, bytes(10_000_000)),
        (frames.ASK, question("photo", image=0)),
    )
    assert [status for status, _ in found] == [400, 400, 200]
    assert error(found[0][1]) == "MalformedMessage"


def test_a_busy_server_is_asked_again_by_itself(serve: Any, connect: Any) -> None:
    server, url = serve(limits=Limits(rate=1, burst=2))
    remote = connect(url)
    assert [remote.photo(image).shape for image in range(4)] == [(24, 32, 3)] * 4
    refused = [line for line in server.metrics.text().decode().splitlines() if "Busy" in line]
    assert any('error="ServerBusy"' in line for line in refused)


# ------------------------------------------------------------------ nonsense


UNIT = Unit("conv2", 3, 1, 2)
SEEN = Activation(UNIT, 1, "picture 1", 1.0, Box(0, 0, 8, 8))


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("top", {"layer": "conv2", "channel": "3"}),
        ("top", {"layer": "conv2", "channel": True}),
        ("top", {"layer": "conv2", "channel": 8}),
        ("top", {"layer": "conv2", "channel": 3, "k": 1 << 40}),
        ("top", {"layer": ["conv2"], "channel": 3}),
        ("top", {"layer": "c" * 100_000, "channel": 3}),
        ("top", {"layer": "conv2", "channel": 3, "path": "/etc/passwd"}),
        ("top", {"layer": "conv2"}),
        ("channels", {"layer": "conv2", "so_far": 1}),
        ("photo", {"image": -1}),
        ("photo", {"image": 14}),
        ("photo", {"image": "/etc/passwd"}),
        ("photo", {"image": 1.0}),
        ("photo", {"image": np.zeros(3)}),
        ("predict", {"image": 0, "occluder": {"box": 1}}),
        ("predict", {"image": 0, "occluder": Occluder("box", "grey")}),
        ("predict", {"image": 0, "occluder": Occluder(Box(0, 0, 1 << 40, 1), "grey")}),
        ("predict", {"image": 0, "occluder": Occluder(Box(0, 0, 1, 1), b"grey")}),
        ("project_all", {"activations": [SEEN]}),
        ("project_all", {"activations": (SEEN,) * 65}),
        ("project_all", {"activations": (SEEN,), "rule": "no such rule"}),
        ("project_all", {"activations": (UNIT,)}),
        ("project_all", {"activations": (Activation(UNIT, None, "x", 1.0, SEEN.box),)}),
        ("project_all", {"activations": (Activation(UNIT, 99, "x", 1.0, SEEN.box),)}),
        ("project_all", {"activations": (Activation(Unit("x", 0), 1, "x", 1.0, SEEN.box),)}),
        ("project_all", {"activations": (Activation(Unit("conv2", 3, 99), 1, "", 1.0, SEEN.box),)}),
        ("occlude_steps", {"request": 5}),
        ("occlude_steps", {"request": OcclusionRequest("/etc/passwd")}),
        ("occlude_steps", {"request": OcclusionRequest(0, stride=0)}),
        ("occlude_steps", {"request": OcclusionRequest(0, patch=(1, 2, 3))}),
        ("occlude_steps", {"request": OcclusionRequest(0, layer="no such layer")}),
        ("estimate_steps", {"request": OcclusionRequest(0, stride=-3)}),
        ("quantile_steps", {"layer": "conv2", "channel": 0, "each": 0}),
        ("cover_steps", {"request": CoverRequest("conv2", 0, controls=1 << 30)}),
        ("cover_steps", {"request": CoverRequest("conv2", 99)}),
        ("cover_steps", {"request": CoverRequest("conv2", 0, baseline=b"grey")}),
        ("answer", {"kind": "photos", "fields": {}}),
        ("answer", {"kind": "no such kind", "fields": {}}),
        ("answer", {"kind": ["photo"], "fields": {}}),
        ("answer", {"kind": "photo", "fields": {"image": 99}}),
        ("answer", {"kind": "photo", "fields": {"image": 0, "path": "/etc/passwd"}}),
        ("answer", {"kind": "thumbnails", "fields": {"images": [0, 99], "size": 20}}),
        ("answer", {"kind": "photo", "fields": [1]}),
        ("verify_steps", {}),
        ("session", {}),
        ("__class__", {}),
        (5, {}),
        ("photo", [0]),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(method: Any, arguments: Any) -> None:
    body = encode({"method": method, "arguments": arguments, "slot": "slot"})
    server = made()
    ((status, content),) = ask(server, (frames.ASK, body))
    assert status == 400
    assert issubclass(getattr(errors, error(content)), InputError)
    assert "passwd" not in json.loads(content)["message"] or isinstance(arguments, dict)
    assert not server.engine.threads, "nothing was computed"


def test_ten_thousand_damaged_requests_leave_no_trace() -> None:
    """Seeded: no crash, each answered with an error of ours or an answer, and nothing left."""
    random = np.random.default_rng(16)
    engine = numpy_engine.NumpyEngine()
    finish(engine.index_steps())
    server = Server(engine, limits=Limits(rate=1e9, burst=1e9))
    app = make_app(server)
    values = [0, 3, "conv2", "deconvnet", None, SEEN, (SEEN,), Box(0, 0, 2, 2), -1, 1.5, b"x", {},
              OcclusionRequest(0, 9, 8), Occluder(Box(1, 1, 5, 5))]  # fmt: skip
    ends: Counter[str] = Counter()

    def body() -> bytes:
        method = [*METHODS.values()][random.integers(len(METHODS))]
        arguments = {
            one.name: values[random.integers(len(values))]
            for one in method.arguments
            if random.integers(5)
        }
        content = bytearray(question(method.name, f"slot {random.integers(3)}", **arguments))
        for _ in range(random.integers(4)):
            at = int(random.integers(len(content)))
            if random.integers(2):
                content[at] = random.integers(256)
            else:
                content[at : at + 3] = random.bytes(int(random.integers(6)))
        return bytes(content)

    async def one(turn: int) -> None:
        headers = {frames.CLIENT: f"{turn % 40:032x}"}
        if turn % 97 == 0:
            headers[frames.SCHEMA_HEADER] = "x"
        if turn % 89 == 0:
            headers[frames.CLIENT] = "no client"
        path = [frames.ASK] * 8 + [frames.CANCEL, frames.PHOTOS, frames.BYE]
        status, content = await request(app, path[turn % len(path)], body(), headers)
        ends[error(content) if status != 200 else "answered"] += 1

    async def run() -> list[int]:
        sizes = []
        for part in range(4):
            for turn in range(0, 2500, 5):
                await asyncio.gather(*(one(2500 * part + turn + more) for more in range(5)))
            gc.collect()
            sizes.append(len(gc.get_objects()))
        return sizes

    sizes = asyncio.run(run())
    server.close()
    assert sum(ends.values()) == 10_000
    assert not {"ServerFailed"} & ends.keys(), ends
    assert ends["answered"] > 500
    assert ends["MalformedMessage"] > 2000
    assert abs(sizes[3] - sizes[1]) < 1000, sizes
    assert server.clients.in_flight == 0


# ------------------------------------------------------------------ slow ones, and those who go


def test_a_client_that_goes_in_mid_answer_frees_what_it_held() -> None:
    server = made()
    app = make_app(server)
    asked = question("occlude_steps", request=OcclusionRequest(0, 9, 1))

    async def run() -> None:
        for _ in range(3):
            await request(app, frames.ASK, asked, leave_after=1)
        assert server.clients.in_flight == 0
        status, content = await request(app, frames.ASK, question("predict", image=3))
        assert (status, last(content)[0]) == (200, frames.RESULT)

    asyncio.run(run())
    assert server.work.jobs.wait([ME], SECONDS)
    assert server.work._running == {}
    server.close()


def test_a_newer_question_takes_the_place_of_one_in_the_same_slot() -> None:
    server = made()
    app = make_app(server)

    async def run() -> list[tuple[int, bytes]]:
        asked = [
            request(app, frames.ASK, question("occlude_steps", request=OcclusionRequest(i, 9, 1)))
            for i in range(12)
        ]
        return await asyncio.gather(*asked, request(app, frames.ASK, question("photo", image=5)))

    *older, (_, newest) = asyncio.run(run())
    assert [last(content)[0] for _, content in older] == [frames.SUPERSEDED] * 12
    kind, pixels = last(newest)
    assert kind == frames.RESULT
    np.testing.assert_array_equal(pixels, server.engine.photo(5))
    server.close()


def test_slow_loris_connections_are_ended_and_others_are_answered(serve: Any, connect: Any) -> None:
    _, url = serve(limits=Limits(receiving=0.5, connections=50))
    host, port = url.removeprefix("http://").split(":")
    head = f"POST {frames.ASK} HTTP/1.1\r\nhost: {host}\r\n"
    good = f"{head}{frames.CLIENT}: {ME}\r\n{frames.SCHEMA_HEADER}: {SCHEMA}\r\n"
    slow = []
    for start in ["", "P", head, f"{good}content-length: 100\r\n\r\nabc"] * 5:
        one = socket.create_connection((host, int(port)), SECONDS)
        one.sendall(start.encode())
        slow.append(one)
    remote = connect(url)
    remote.photo(0)
    for one in slow:
        said = b""
        while part := one.recv(10_000):  # until the server has ended it
            said += part
        assert said == b"" or b"MalformedMessage" in said
        one.close()
    remote.photo(1)


def test_who_takes_nothing_of_an_answer_is_dropped(serve: Any, connect: Any) -> None:
    """A client that asks for megabytes and reads none."""
    server, url = serve(
        numpy_engine.NumpyEngine(2, classes=3000), limits=Limits(sending=0.5, body=1 << 20)
    )
    host, port = url.removeprefix("http://").split(":")
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, int(port)))
    body = question("occlude_steps", request=OcclusionRequest(0, 9, 1))
    head = (
        f"POST {frames.ASK} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n"
        f"{frames.CLIENT}: {ME}\r\n{frames.SCHEMA_HEADER}: {SCHEMA}\r\n\r\n"
    )
    one.sendall(head.encode() + body)
    until = time.monotonic() + SECONDS
    came = threading.Event()
    while not server.clients.in_flight and time.monotonic() < until:
        came.wait(0.01)
    while server.clients.in_flight and time.monotonic() < until:
        came.wait(0.01)
    assert server.clients.in_flight == 0
    connect(url).photo(0)
    one.close()


def test_what_is_no_http_ends_its_connection_alone(serve: Any, connect: Any) -> None:
    """Seeded noise, and requests that are nearly right, on raw sockets."""
    random = np.random.default_rng(16)
    _, url = serve()
    host, port = url.removeprefix("http://").split(":")
    good = f"GET {frames.HELLO} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    for turn in range(200):
        blob = bytearray(good if turn % 2 else random.bytes(200))
        for _ in range(3):
            blob[random.integers(len(blob))] = random.integers(256)
        with socket.create_connection((host, int(port)), SECONDS) as one:
            one.sendall(bytes(blob) + b"\r\n\r\n")
            one.shutdown(socket.SHUT_WR)
            while one.recv(10_000):
                pass
    long = b"GET / HTTP/1.1\r\nx: " + bytes(100_000)
    with socket.create_connection((host, int(port)), SECONDS) as one, suppress(OSError):
        one.sendall(long)
        while one.recv(10_000):
            pass
    connect(url).photo(0)


def test_who_leaves_says_goodbye(serve: Any) -> None:
    server, url = serve()
    engine = zf.connect(url)
    engine.photo(0)
    assert len(server.clients) == 1
    engine.close()
    assert len(server.clients) == 0
    engine.photo(0)  # and may come back
    del engine  # nobody closed it
    gc.collect()
    until, rest = time.monotonic() + SECONDS, threading.Event()
    while len(server.clients) and time.monotonic() < until:
        rest.wait(0.01)
    assert len(server.clients) == 0


def test_a_message_without_end_of_nesting_is_refused() -> None:
    deep = msgpack.packb(0)
    for _ in range(5000):
        deep = b"\x91" + deep
    ((status, content),) = ask(made(), (frames.ASK, deep))
    assert (status, error(content)) == (400, "MalformedMessage")
