"""A teacher's and students' Explorers: what follows, what doesn't, and what is said of it.

Their parts in a room are stand-ins here that pass on what is said; `tests/classroom` has real ones.
"""

from __future__ import annotations

import json

import pytest

import zfwidgets as zf
from tests.widgets.numpy_engine import NumpyEngine
from zfwidgets.errors import InputError


class Room:
    """The rooms of an engine's server, with one room: everybody hears at once."""

    def __init__(self):
        self.said = []
        self.fingerprint = self.view = None
        self.students = []
        self.ended = 0

    def lead(self, seat, name, secret, looks):
        self.leader, self.view = seat, looks
        return Stub(self, seat)

    def follow(self, seat, room):
        self.students.append(seat)
        self.tell(seat)
        return Stub(self, seat)

    def tell(self, seat, silent=False):
        seat.tell(shown={"fingerprint": self.fingerprint, "view": self.view, "silent": silent})


class Stub:
    room = "lesson-2222-2222"

    def __init__(self, room, seat):
        self.of, self.seat, self.begun = room, seat, 1

    def say(self, news):
        json.dumps(news)
        self.of.said.append((self.seat, news))
        if "view" in news:
            self.of.view = news["view"]
            for seat in self.of.students:
                self.of.tell(seat)

    def again(self):
        self.begun += 1

    def end(self):
        self.of.ended += 1


@pytest.fixture
def room(engine):
    engine.rooms = Room()
    engine.rooms.fingerprint = engine.info.fingerprint
    return engine.rooms


@pytest.fixture
def teacher(front_end, engine, room):
    explorer = zf.Explorer(engine, layer="conv1", channel=1, photo=0)
    explorer.lead("lesson")
    return explorer


@pytest.fixture
def student(engine, room, teacher):
    explorer = zf.Explorer(engine, layer="conv2", channel=3, photo=5)
    explorer.follow("lesson-2222-2222")
    return explorer


def where(room, student):
    return [news for seat, news in room.said if seat is student._seat][-1]


def test_what_the_teacher_looks_at_is_what_students_see(teacher, student, room):
    assert (student.layer, student.channel, student.photo) == ("conv1", 1, 0)
    teacher.layer = "conv2"
    teacher.channel = 5
    teacher.photo = 7
    teacher.occluder = {"top": 1, "left": 2, "height": 5, "width": 9, "baseline": "blur"}
    teacher.target = "class 3"
    teacher.rule = "guided"
    teacher.overlay, teacher.stride, teacher.patches = "hamming", 3, "revealed"
    assert student.selection.state == teacher.selection.state
    shared = ("overlay", "stride", "patches")
    assert [getattr(student, name) for name in shared] == ["hamming", 3, "revealed"]
    assert not student.room["wanders"]
    assert where(room, student) == {"layer": "conv2", "wanders": False}


def test_how_a_student_likes_to_see_it_is_nobodys_business(teacher, student):
    student.colours, student.opacity, student.pixels, student.sort = "magma", 0.3, True, "mean"
    assert not student.room["wanders"]
    teacher.colours, teacher.photo = "viridis", 4
    assert student.photo == 4
    assert student.colours == "magma"


@pytest.mark.parametrize(
    "act",
    [
        lambda student, _: student.selection.choose(photo=9),
        lambda student, _: setattr(student, "stride", 5),
        lambda student, page: page.change(student.selection, unit=["conv2", 2]),
        lambda student, page: page.send(student, {"zf": 1, "op": "wander", "view": "v"}),
        lambda student, _: student.wander(),
    ],
    ids=["Python", "an option", "a click", "the button", "wander()"],
)
@pytest.mark.parametrize("back", ["page", "Python"])
def test_who_looks_around_is_left_alone_until_back(front_end, teacher, student, room, act, back):
    act(student, front_end)
    assert student.room["wanders"]
    mine = student.selection.state
    assert where(room, student) == {"layer": mine["unit"][0], "wanders": True}
    teacher.photo = 3
    teacher.layer = "relu2"
    assert student.selection.state == mine
    if back == "page":
        front_end.send(student, {"zf": 1, "op": "return", "view": "v"})
    else:
        student.rejoin()
    assert not student.room["wanders"]
    assert student.selection.state == teacher.selection.state
    teacher.photo = 4
    assert student.photo == 4
    assert where(room, student) == {"layer": "relu2", "wanders": False}


def test_who_is_moved_elsewhere_meanwhile_isnt_said_to_follow(teacher, student):
    """As by a click that another thread takes, or a callback of the student's own."""
    student.selection.observe(lambda _: student.selection.choose(photo=13), "unit")
    teacher.layer = "conv2"
    assert (student.layer, student.photo) == ("conv2", 13)
    assert student.room["wanders"]


def test_choosing_what_is_chosen_already_isnt_looking_around(front_end, teacher, student):
    student.photo = teacher.photo
    front_end.change(student.selection, unit=["conv1", 1])
    assert not student.room["wanders"]


def test_the_teachers_own_photo_isnt_sent(teacher, student, room, engine, monkeypatch):
    student_sees = student.photo
    number = 1 << 40
    monkeypatch.setattr(
        type(teacher.selection), "_check_photo", lambda self, value: value, raising=True
    )
    teacher.photo = number
    assert "photo" not in room.view["selection"]
    assert str(number) not in json.dumps(room.view)
    assert student.photo == student_sees
    assert student.room["own_photo"]
    teacher.layer = "conv2"
    assert student.layer == "conv2"
    teacher.photo = 2
    assert student.photo == 2
    assert not student.room["own_photo"]


def test_another_network_is_said_and_nothing_of_it_shown(teacher, student, room):
    before = student.selection.state
    room.fingerprint = "another"
    teacher.photo = 8
    assert student.room["state"] == "another network"
    assert student.selection.state == before
    room.fingerprint = student.fingerprint
    teacher.photo = 9
    assert student.room["state"] == "on"
    assert student.photo == 9


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("selection", {"unit": ["nowhere", 0]}, "nowhere"),
        ("selection", {"colour": "red"}, "colour"),
        ("options", {"stride": -1}, "stride"),
        ("options", {"gallery": [["conv1", 0, "x"]]}, "gallery"),
    ],
)
def test_what_cant_be_shown_changes_nothing_and_is_said(
    student, room, teacher, part, change, words
):
    before = student.state
    room.view = json.loads(json.dumps(room.view))
    room.view["selection"]["photo"] = 3
    room.view[part] |= change
    room.tell(student._seat)
    assert student.room["state"] == "refused"
    assert words in student.room["text"]
    assert student.state == before
    assert not student.room["wanders"]


def test_the_end_is_said_and_one_click_begins_anew(front_end, student, teacher):
    seen = student.selection.state
    student._seat.tell(state="ended")
    assert student.room["state"] == "ended"
    assert student.selection.state == seen
    front_end.send(student, {"zf": 1, "op": "return", "view": "v"})
    assert student.room["state"] == "joining"
    assert student._part.begun == 2


@pytest.mark.parametrize("busy", [False, True])
def test_what_was_on_its_way_when_it_ended_is_no_news(teacher, student, room, busy):
    calls = []
    if busy:
        student._seat._hand_back = calls.append
    student._seat.tell(state="replaced")
    room.view["selection"]["photo"] = 12
    room.tell(student._seat)
    for call in calls:
        call()
    assert student.room["state"] == "replaced"
    assert student.photo == 0
    student.rejoin()
    room.tell(student._seat)
    for call in calls[1:]:
        call()
    assert student.room["state"] == "on"
    assert student.photo == 12


def test_silence_is_said(teacher, student, room):
    room.tell(student._seat, silent=True)
    assert student.room["state"] == "silent"
    room.tell(student._seat)
    assert student.room["state"] == "on"


def test_what_was_told_last_holds_where_the_kernel_is_busy(teacher, student, room):
    calls = []
    student._seat._hand_back = calls.append
    room.tell(student._seat)
    student._seat.tell(state="unreachable")
    (call,) = calls
    call()
    assert student.room["state"] == "unreachable"
    student.wander()
    student._seat.tell(state="unreachable")
    room.tell(student._seat)
    calls[-1]()
    assert student.room["state"] == "on"
    assert len(calls) == 2


def test_who_leads_is_told_who_follows_and_where(teacher):
    teacher._seat.tell(followers=27, wander=3, looking=[["conv1", 20], ["conv2", 4]])
    assert teacher.room["followers"] == 27
    assert teacher.room["role"] == "leads"
    teacher._seat.tell(state="taken")
    assert teacher.room["state"] == "taken"


def test_leaving_ends_it_for_this_widget_alone(front_end, teacher, student, room):
    seat = student._seat
    front_end.send(student, {"zf": 1, "op": "leave", "view": "v"})
    assert student.room == {}
    assert room.ended == 1
    room.tell(seat)
    teacher.photo = 6
    assert student.photo == 0
    student.unfollow()  # once more is nothing
    student.photo = 1
    teacher.stop_leading()
    assert teacher.room == {}
    assert room.ended == 2


def test_closing_leaves_the_room(teacher, room):
    teacher.close()
    assert room.ended == 1


def test_a_widget_follows_itself_in_no_way(teacher):
    with pytest.raises(InputError, match="can't follow itself"):
        teacher.follow("lesson-2222-2222")
    assert teacher.room["role"] == "leads"


@pytest.mark.parametrize("what", ["lead", "follow"])
def test_an_engine_of_this_kernel_says_how(front_end, what):
    explorer = zf.Explorer(NumpyEngine())
    with pytest.raises(InputError, match=r"zf\.connect\("):
        getattr(explorer, what)("lesson")
    assert explorer.room == {}


def test_the_page_cant_make_itself_a_leader(front_end, engine):
    explorer = zf.Explorer(engine)
    front_end.change(explorer, room={"role": "leads"})
    assert explorer.room == {}
    front_end.send(explorer, {"zf": 1, "op": "return", "view": "v"})
    front_end.send(explorer, {"zf": 1, "op": "wander", "view": "v"})
    assert explorer.room == {}


def test_state_stays_small(teacher):
    looking = [[f"features.{'x' * 40}.{i}", 500 - i] for i in range(24)]
    teacher._seat.tell(followers=500, wander=500, looking=looking)
    state = {name: value for name, value in teacher.get_state().items() if name != "_esm"}
    assert len(json.dumps(state, default=str)) < 4000
