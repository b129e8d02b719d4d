"""A teacher and students over a real server: Explorers, each with a connection of its own."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets.conftest import built, closed_afterwards, front_end, numpy_engine  # noqa: F401
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.client import following
from zfwidgets.classroom.messages.codec import encode
from zfwidgets.classroom.rights import Rights
from zfwidgets.classroom.rooms.limits import Limits
from zfwidgets.classroom.rooms.names import public_name
from zfwidgets.classroom.rooms.state import PATH, Rooms
from zfwidgets.classroom.serving import running
from zfwidgets.errors import (
    InputError,
    NoSuchRoom,
    RoomFull,
    ServerBusy,
    WrongSecret,
    WrongToken,
    ZfError,
)

TOKEN, TEACHER = "for-students", "for-teachers"
RIGHTS = Rights(TOKEN, TEACHER)


def until(what):
    """Wait until something is so; returns it."""
    end = time.monotonic() + SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "it never comes to that"
        time.sleep(0.01)
    return found


def run(server, rooms, port=0):
    """A server with rooms of one's own."""
    server.rooms = rooms
    return running(server, port=port)


class Kernels(dict):
    """Each Explorer of these tests stands for a kernel of its own."""

    def get(self, key):
        return None


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    monkeypatch.setattr(following, "_followers", Kernels())


@pytest.fixture(scope="module")
def served():
    return numpy_engine.NumpyEngine()


@pytest.fixture(scope="module")
def server(served):
    with running(Server(served, RIGHTS)) as url:
        yield url


@pytest.fixture
def explorer(front_end):  # noqa: F811
    """Make Explorers, each on a connection of its own."""
    engines = []

    def make(url, token=TOKEN, **chosen):
        engine = zf.connect(url, token=token)
        engines.append(engine)
        return zf.Explorer(engine, **{"layer": "conv2", "channel": 3, "photo": 5, **chosen})

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def teacher(explorer, server):
    made = explorer(server, TEACHER, layer="conv1", channel=1, photo=0)
    yield made
    made.stop_leading()


def chosen(explorer):
    return explorer.layer, explorer.channel, explorer.photo


def test_two_students_follow_and_one_looks_around(explorer, server, teacher):
    room = teacher.lead("lesson")
    students = [explorer(server) for _ in range(2)]
    for student in students:
        student.follow(f"  {room.upper()} ")
    until(lambda: teacher.room["followers"] == 2)
    for student in students:
        until(lambda student=student: chosen(student) == ("conv1", 1, 0))
    teacher.layer, teacher.channel, teacher.photo = "conv2", 5, 7
    for student in students:
        until(lambda student=student: chosen(student) == ("conv2", 5, 7))
    until(lambda: teacher.room["looking"] == [["conv2", 2]])
    away, stays = students
    away.layer = "relu2"
    until(lambda: teacher.room["wander"] == 1)
    until(lambda: teacher.room["looking"] == [["conv2", 1], ["relu2", 1]])
    teacher.photo = 2
    until(lambda: stays.photo == 2)
    assert chosen(away) == ("relu2", 5, 7)
    away.rejoin()
    until(lambda: chosen(away) == ("conv2", 5, 2))
    until(lambda: teacher.room["wander"] == 0)
    away.unfollow()
    until(lambda: teacher.room["followers"] == 1)
    assert away.room == {}
    teacher.stop_leading()
    until(lambda: stays.room["state"] == "ended")
    assert chosen(stays) == ("conv2", 5, 2)


def test_a_stream_of_changes_arrives_at_its_end(explorer, server, teacher):
    student = explorer(server)
    student.follow(teacher.lead("lesson"))
    heard = []
    student.observe(lambda change: heard.append(change.new["top"]), "occluder")
    for top in range(200):  # as a drag: more than is sent
        teacher.occluder = {**teacher.occluder, "top": top % 20}
    teacher.occluder = {**teacher.occluder, "top": 1, "left": 2, "baseline": "blur"}
    until(lambda: student.occluder == teacher.occluder)
    assert len(heard) < 100
    assert not student.room["wanders"]


def test_who_leads_a_room_takes_it_over_with_its_secret(explorer, server, teacher):
    room = teacher.lead("lesson", secret="chalk")
    assert room == public_name("lesson", "chalk")
    student = explorer(server)
    student.follow(room)
    second = explorer(server, TEACHER, photo=9)
    with pytest.raises(WrongSecret, match=room):
        second.lead(room, secret="cheese")
    assert second.room == {}
    assert second.lead(room, secret="chalk") == room
    until(lambda: teacher.room["state"] == "taken")
    until(lambda: student.photo == 9)
    teacher.photo = 4  # nobody's business any more
    second.photo = 8
    until(lambda: student.photo == 8)
    teacher.rejoin()
    until(lambda: second.room["state"] == "taken")
    until(lambda: student.photo == 4)
    second.stop_leading()
    teacher.photo = 6
    until(lambda: student.photo == 6)


def test_a_cell_that_is_run_again_leads_the_same_room(explorer, server, teacher):
    room = teacher.lead("my lesson")
    student = explorer(server)
    student.follow(room)
    again = explorer(server, TEACHER, photo=3)
    assert again.lead("My Lesson") == room
    until(lambda: student.photo == 3)
    again.stop_leading()
    with pytest.raises(InputError, match="give its secret"):
        teacher.lead("other-2222-2222")


def test_only_teachers_lead(explorer, server):
    student = explorer(server)
    with pytest.raises(WrongToken, match="teacher"):
        student.lead("lesson")
    assert student.room == {}


def test_of_one_kernel_the_newest_widget_follows(explorer, server, teacher, monkeypatch):
    """As where a student's cell is run again: nobody is counted twice."""
    monkeypatch.setattr(following, "_followers", {})
    room = teacher.lead("lesson")
    first, second = explorer(server), explorer(server)
    first.follow(room)
    until(lambda: first.photo == 0)
    second.follow(room)
    until(lambda: first.room["state"] == "replaced")
    teacher.photo = 8
    until(lambda: second.photo == 8)
    until(lambda: teacher.room["followers"] == 1)
    assert first.photo == 0
    first.rejoin()
    until(lambda: second.room["state"] == "replaced")
    until(lambda: first.photo == 8)
    assert first.room["state"] == "on"
    teacher.photo = 9
    until(lambda: first.photo == 9)
    until(lambda: teacher.room["followers"] == 1)
    assert second.photo == 8


@pytest.mark.parametrize("what", ["lead", "view", "end", "class"])
def test_only_teachers_lead_whatever_else_they_know(explorer, server, teacher, what):
    room = teacher.lead("lesson", secret="chalk")
    said = {"secret": "chalk", "fingerprint": "f", "ticket": teacher._part._ticket}
    said["view"] = teacher._looks()
    with pytest.raises(WrongToken, match="teacher"):
        explorer(server).engine.connection.post(f"{PATH}/{room}/{what}", said)
    assert teacher.room["state"] == "on"


def test_what_is_too_large_for_a_room_is_said_to_who_leads(explorer, server, teacher):
    student = explorer(server)
    student.follow(teacher.lead("lesson"))
    until(lambda: student.photo == 0)
    teacher._part.say(
        {"view": {**teacher._looks(), "options": {"overlay": "x" * 3000}}}
    )  # as no widget
    until(lambda: "at most 2048 bytes" in teacher.room["text"])
    teacher.photo = 4
    until(lambda: student.photo == 4)
    until(lambda: not teacher.room["text"])


@pytest.mark.parametrize("room", ["lesson", "lesson-2222-2222", "a/../b", "ü" * 50])
def test_a_room_that_nobody_leads_is_named(explorer, server, room):
    student = explorer(server)
    before = chosen(student)
    with pytest.raises(NoSuchRoom, match="Nobody leads"):
        student.follow(room)
    assert student.room == {}
    assert chosen(student) == before


def test_a_teacher_who_is_gone_is_said_and_then_the_room_ends(served, explorer):
    rooms = Rooms(Limits(grace=1.0))
    server = Server(served, RIGHTS)
    with run(server, rooms) as url:
        teacher, student = explorer(url, TEACHER, photo=2), explorer(url)
        student.follow(teacher.lead("lesson"))
        until(lambda: student.photo == 2)
        states = []
        student.observe(lambda change: states.append(change.new.get("state")), "room")
        part = teacher._part
        part._leave = lambda: None  # as where its kernel is killed
        part.end()
        until(lambda: student.room["state"] == "ended")
        assert states.index("silent") < states.index("ended")
        assert chosen(student) == ("conv2", 3, 2)
        teacher.lead("lesson")
        student.rejoin()
        until(lambda: student.room["state"] == "on")
        teacher.photo = 3
        until(lambda: student.photo == 3)


def test_the_class_goes_on_when_the_server_is_back(served, explorer, monkeypatch):
    server = Server(served, RIGHTS)
    with run(server, Rooms()) as url:
        port = int(url.rpartition(":")[2])
        teacher, student = explorer(url, TEACHER, photo=2), explorer(url)
        student.follow(teacher.lead("lesson"))
        until(lambda: student.photo == 2)
    for one in (teacher, student):
        until(lambda one=one: one.room["state"] == "unreachable")
    teacher.photo = 6
    with run(Server(served, RIGHTS), Rooms(), port):
        until(lambda: student.room["state"] == "on" and student.photo == 6)
        until(lambda: teacher.room["state"] == "on" and teacher.room["followers"] == 1)
        # A lesson whose teacher doesn't come back ends at last.
        monkeypatch.setattr(following, "PATIENCE", 0.5)
        teacher.stop_leading()
        until(lambda: student.room["state"] == "ended")


def test_another_network_on_the_server_is_said(served, explorer):
    with run(Server(served, RIGHTS), Rooms()) as url:
        port = int(url.rpartition(":")[2])
        teacher, student = explorer(url, TEACHER, photo=2), explorer(url)
        student.follow(teacher.lead("lesson", secret="chalk"))
        until(lambda: student.photo == 2)
        teacher.stop_leading()
        until(lambda: student.room["state"] == "ended")
    other = numpy_engine.NumpyEngine(seed=1)
    with run(Server(other, RIGHTS), Rooms(), port):
        explorer(url, TEACHER, photo=9).lead("lesson", secret="chalk")
        student.rejoin()
        until(lambda: student.room["state"] == "another network")
        assert chosen(student) == ("conv2", 3, 2)


def test_a_full_room_is_said(served, explorer):
    with run(Server(served, RIGHTS), Rooms(Limits(members=1))) as url:
        room = explorer(url, TEACHER).lead("lesson")
        explorer(url).follow(room)
        late = explorer(url)
        with pytest.raises(RoomFull, match="1 students"):
            late.follow(room)


def test_nothing_that_is_said_harms_a_room(explorer, server, teacher):
    """Seeded garbage, whole and cut messages, to all routes: refused in words, and all go on."""
    room = teacher.lead("lesson")
    student = explorer(server)
    student.follow(room)
    draw = random.Random(0)
    connection = explorer(server, TEACHER).engine.connection
    values = [None, 3, "x" * 9000, [], {}, -1.5, True, {"ticket": "x"}, {"member": "y" * 32}]
    names = ["secret", "fingerprint", "view", "ticket", "member", "layer", "wanders"]
    whats = ["lead", "view", "end", "join", "look", "part", "class", "shown"]
    refused = 0
    for i in range(400):
        what, place = whats[i % 8], [room, "lesson-2222-2222", "%00"][i % 3]
        data = encode({name: draw.choice(values) for name in draw.sample(names, 5)})
        if i % 2:
            data = data[: draw.randrange(len(data))]
        elif i % 5 == 0:
            data = draw.randbytes(draw.randrange(20_000))
        try:
            connection.post(f"{PATH}/{place}/{what}", data, patience=5)
        except ServerBusy as error:  # so many at once
            time.sleep(error.seconds)
        except ZfError as error:
            refused += bool(str(error))
    assert refused > 300
    teacher.photo = 11
    until(lambda: student.photo == 11)
    assert teacher.room["state"] == "on"


SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import zfwidgets as zf
explorer = zf.Explorer(zf.connect({url!r}, token={token!r}))
explorer.follow({room!r})
print(explorer.photo, flush=True)
sys.stdin.readline()
"""


def test_a_script_that_follows_ends_at_once(server, teacher, root):
    teacher.photo = 9
    room = teacher.lead("lesson")
    tests = str(Path(numpy_engine.__file__).parent)
    script = SCRIPT.format(root=str(root), tests=tests, url=server, token=TOKEN, room=room)
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().strip().isdigit()
        until(lambda: teacher.room["followers"] == 1)
        _, said = process.communicate("\n", timeout=SECONDS)
    assert said == ""
    assert process.returncode == 0


def test_threads_end_with_the_lesson(explorer, server, teacher):
    def of_rooms():
        return [one for one in threading.enumerate() if one.name.startswith("zfwidgets-room")]

    until(lambda: not of_rooms())
    student = explorer(server)
    student.follow(teacher.lead("lesson"))
    assert len(of_rooms()) == 4
    student.close()
    until(lambda: len(of_rooms()) == 2)
    teacher.stop_leading()
    until(lambda: not of_rooms())
