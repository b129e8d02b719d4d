"""Rooms as a state machine: random lessons against a record of all that was said."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from zfwidgets.classroom.rooms.limits import Limits
from zfwidgets.classroom.rooms.names import is_public, named, public_name
from zfwidgets.classroom.rooms.state import Rooms
from zfwidgets.errors import (
    InputError,
    LedByAnother,
    NoSuchRoom,
    RoomError,
    RoomFull,
    ServerBusy,
    WrongSecret,
)

LIMITS = Limits(rooms=3, members=4, silent=10, gone=40, updates=1e9, looks=1e9, leads=1e9)
SECRETS = {public_name(f"lesson {i}", f"secret {i}"): f"secret {i}" for i in range(4)}
LAYERS = ("conv1", "relu1", None)


def view(i):
    return {"selection": {"photo": i}, "options": {}, "own_photo": False}


def member(i):
    return f"member {i}".ljust(16, ".")


class Log:
    """The plain reference: everything that was said and let pass, read from its beginning."""

    def __init__(self):
        self.said = []

    def since_lead(self, room, now):
        """What was said in a room since it is led without a gap, or None."""
        lesson = None
        for at, what, where, *rest in [*self.said, (now, "asked", room)]:
            if where != room:
                continue
            if lesson and at - max(t for t, w, *_ in lesson if w in ("lead", "update")) > 40:
                lesson = None
            if what == "lead" and lesson is None:
                lesson = []
            if what == "end":
                lesson = None
            if lesson is not None and what != "asked":
                lesson.append((at, what, *rest))
        return lesson

    def leader(self, room, now):
        lesson = self.since_lead(room, now)
        return lesson and [rest[0] for _, what, *rest in lesson if what == "lead"][-1]

    def view(self, room, now):
        lesson = self.since_lead(room, now)
        views = [rest[1] for _, what, *rest in lesson if what in ("lead", "update")]
        return [one for one in views if one is not None][-1]

    def silent(self, room, now):
        lesson = self.since_lead(room, now)
        return now - max(t for t, w, *_ in lesson if w in ("lead", "update")) > 10

    def members(self, room, now):
        """Each member's last look: (layer, wanders)."""
        looks, heard = {}, {}
        for at, what, *rest in [*(self.since_lead(room, now) or []), (now, "asked")]:
            for gone in [one for one, t in heard.items() if at - t > 40]:
                del looks[gone], heard[gone]
            if what in ("join", "look", "part"):
                who, *look = rest
                if what == "part":
                    looks.pop(who, None), heard.pop(who, None)
                elif what == "look":
                    looks[who], heard[who] = tuple(look), at
                else:
                    looks.setdefault(who, (None, False))
                    heard[who] = at
        return looks

    def led(self, now):
        return [room for room in SECRETS if self.since_lead(room, now) is not None]


def compare(rooms, log, tickets, now):
    assert len(rooms) == len(log.led(now))
    for room in SECRETS:
        leader, members = log.leader(room, now), log.members(room, now)
        if leader is None:
            with pytest.raises(NoSuchRoom):
                rooms.counted(room, "anybody")
            continue
        counted = rooms.counted(room, leader)
        assert counted.followers == len(members)
        assert counted.wander == sum(wanders for _, wanders in members.values())
        looking = Counter(layer for layer, _ in members.values() if layer)
        assert dict(counted.looking) == looking
        assert [n for _, n in counted.looking] == sorted(looking.values(), reverse=True)
        for old in set(tickets[room]) - {leader}:
            with pytest.raises(LedByAnother):
                rooms.counted(room, old)
        for who in map(member, range(6)):
            if who in members:
                shown = rooms.shown(room, who)
                assert shown.view == log.view(room, now)
                assert shown.silent == log.silent(room, now)
            else:
                with pytest.raises(NoSuchRoom):
                    rooms.shown(room, who)


def say(rooms, log, tickets, draw, now):
    """One thing that somebody says, right or wrong."""
    room = draw.choice([*SECRETS])
    who = member(draw.randrange(6))
    what = draw.choice(("lead", "update", "update", "end", "join", "join", "look", "look", "part"))
    lesson, members = log.since_lead(room, now), log.members(room, now)
    if what == "lead":
        if draw.random() < 0.2:
            with pytest.raises(WrongSecret):
                rooms.lead(room, draw.choice(["", "guessed", "secret"]), "f", view(0), now)
            return
        if lesson is None and len(log.led(now)) == LIMITS.rooms:
            with pytest.raises(RoomFull):
                rooms.lead(room, SECRETS[room], "f", view(0), now)
            return
        shows = view(draw.randrange(5))
        ticket = rooms.lead(room, SECRETS[room], "f", shows, now)
        tickets[room].append(ticket)
        log.said.append((now, "lead", room, ticket, shows))
    elif what in ("update", "end"):
        ticket = draw.choice([*tickets[room][-2:], "never given"])
        shows = draw.choice([None, view(draw.randrange(5))])
        call = rooms.end if what == "end" else lambda *a: rooms.update(*a, shows, now)
        if lesson is None or ticket != log.leader(room, now):
            with pytest.raises(NoSuchRoom if lesson is None else LedByAnother):
                call(room, ticket)
            return
        call(room, ticket)
        log.said.append((now, what, room, ticket, shows))
    elif what == "join":
        if lesson is None or (who not in members and len(members) == LIMITS.members):
            with pytest.raises(NoSuchRoom if lesson is None else RoomFull):
                rooms.join(room, who, now)
            return
        rooms.join(room, who, now)
        log.said.append((now, "join", room, who))
    elif what == "look":
        look = draw.choice(LAYERS), draw.random() < 0.5
        if who not in members:
            with pytest.raises(NoSuchRoom):
                rooms.look(room, who, *look, now)
            return
        rooms.look(room, who, *look, now)
        log.said.append((now, "look", room, who, *look))
    else:
        rooms.part(room, who)
        log.said.append((now, "part", room, who))


@pytest.mark.parametrize("seed", range(12))
def test_random_lessons(seed):
    draw, log = random.Random(seed), Log()
    numbers = itertools.count()
    rooms = Rooms(LIMITS, ticket=lambda: f"ticket {next(numbers)}")
    tickets = {room: [] for room in SECRETS}
    now = 1e6
    for _ in range(150):
        now += draw.choice((0, 0.5, 1, 3, 15))
        rooms.expire(now)
        say(rooms, log, tickets, draw, now)
        compare(rooms, log, tickets, now)
    assert next(numbers) > 5, "nobody has led"


@pytest.fixture
def lesson():
    rooms = Rooms(LIMITS)
    room = public_name("lesson", "secret")
    ticket = rooms.lead(room, "secret", "fingerprint", view(0), 0)
    rooms.join(room, member(0), 0)
    return rooms, room, ticket


def test_a_revision_is_another_exactly_when_something_has_changed(lesson):
    rooms, room, ticket = lesson
    shown, counted = rooms.shown(room, member(0)), rooms.counted(room, ticket)
    rooms.update(room, ticket, view(0), 1)
    rooms.update(room, ticket, None, 2)
    rooms.look(room, member(0), None, False, 3)
    rooms.join(room, member(0), 4)
    rooms.expire(5)
    assert rooms.shown(room, member(0)) == shown
    assert rooms.counted(room, ticket) == counted
    rooms.look(room, member(0), "conv1", False, 6)
    assert rooms.counted(room, ticket).revision != counted.revision
    assert rooms.shown(room, member(0)) == shown  # where others look is nothing for students
    rooms.update(room, ticket, view(1), 7)
    assert rooms.shown(room, member(0)).revision != shown.revision
    rooms.expire(18)
    silent = rooms.shown(room, member(0))
    assert silent.silent
    rooms.update(room, ticket, None, 19)
    again = rooms.shown(room, member(0))
    assert not again.silent
    assert again.revision != silent.revision


def test_who_has_lost_the_connection_is_gone_soon_or_comes_back(lesson):
    rooms, room, ticket = lesson
    rooms.join(room, member(1), 1)
    rooms.lost(room, ticket, 2)
    rooms.lost_member(room, member(1), 2)
    assert rooms.shown(room, member(0)).silent
    rooms.expire(9.5)
    assert rooms.shown(room, member(1)).silent
    rooms.update(room, ticket, None, 9.6)
    assert not rooms.shown(room, member(0)).silent
    rooms.expire(10.5)
    assert rooms.counted(room, ticket).followers == 1
    with pytest.raises(NoSuchRoom):
        rooms.shown(room, member(1))
    rooms.lost(room, ticket, 11)
    rooms.expire(20)
    with pytest.raises(NoSuchRoom, match=room):
        rooms.shown(room, member(0))


def test_a_second_leader_takes_the_class_over(lesson):
    rooms, room, first = lesson
    second = rooms.lead(room, "secret", "other", view(3), 1)
    with pytest.raises(LedByAnother, match="led from elsewhere"):
        rooms.update(room, first, view(4), 2)
    with pytest.raises(LedByAnother):
        rooms.end(room, first)
    assert rooms.shown(room, member(0)).view == view(3)
    assert rooms.shown(room, member(0)).fingerprint == "other"
    assert rooms.counted(room, second).followers == 1


def test_a_wrong_secret_is_refused_by_name(lesson):
    rooms, room, ticket = lesson
    with pytest.raises(WrongSecret, match=room):
        rooms.lead(room, "another", "fingerprint", view(1), 1)
    assert rooms.shown(room, member(0)).view == view(0)
    rooms.update(room, ticket, view(2), 2)


@pytest.mark.parametrize(
    ("shows", "words"),
    [
        ({**view(0), "selection": {"photo": "x" * 3000}}, "at most 2048 bytes"),
        ({**view(0), "pixels": [1, 2, 3]}, "nothing else"),
        ({"selection": {}, "options": {}}, "nothing else"),
        ({**view(0), "options": [1]}, "nothing else"),
        ({**view(0), "own_photo": 1}, "nothing else"),
        (["selection", "options", "own_photo"], "nothing else"),
        ({**view(0), "options": {"stride": float("nan")}}, "JSON"),
        ({**view(0), "options": {"stride": b"12"}}, "JSON"),
    ],
)
def test_what_is_no_view_is_refused(lesson, shows, words):
    rooms, room, ticket = lesson
    with pytest.raises(InputError, match=words):
        rooms.update(room, ticket, shows, 1)
    with pytest.raises(InputError, match=words):
        rooms.lead(room, "secret", "fingerprint", shows, 1)
    assert rooms.shown(room, member(0)).view == view(0)
    rooms.update(room, ticket, None, 2)


def test_no_kernel_fills_a_room():
    rooms = Rooms(Limits(widgets=2))
    room = public_name("lesson", "secret")
    rooms.lead(room, "secret", "f", view(0), 0)
    rooms.join(room, member(0), 0, "one")
    rooms.join(room, member(1), 0, "one")
    rooms.join(room, member(1), 0, "one")  # again is no other
    with pytest.raises(RoomFull, match="2 widgets of this kernel"):
        rooms.join(room, member(2), 0, "one")
    rooms.join(room, member(2), 0, "another")
    rooms.part(room, member(0))
    rooms.join(room, member(3), 0, "one")
    assert rooms.members == 3


def test_rates_are_bounded_and_nobody_else_pays():
    rooms = Rooms(Limits(updates=5, looks=2, leads=100))
    room = public_name("lesson", "secret")
    ticket = rooms.lead(room, "secret", "f", view(0), 0)
    for who in map(member, range(2)):
        rooms.join(room, who, 0)
    for i in range(10):  # two seconds' at once
        rooms.update(room, ticket, view(i), 0)
    with pytest.raises(ServerBusy) as error:
        rooms.update(room, ticket, view(10), 0)
    assert rooms.shown(room, member(0)).view == view(9)
    rooms.update(room, ticket, view(50), error.value.seconds)
    for _ in range(4):
        rooms.look(room, member(0), "conv1", False, 0)
    with pytest.raises(ServerBusy):
        rooms.look(room, member(0), "conv1", False, 0)
    rooms.look(room, member(1), "conv1", False, 0)


def test_guesses_are_bounded():
    rooms = Rooms(Limits(leads=2))
    for i in range(4):
        with pytest.raises(WrongSecret):
            rooms.lead("lesson-2222-2222", f"guess {i}", "f", view(0), 0)
    with pytest.raises(ServerBusy):
        rooms.lead("lesson-2222-2222", "guess", "f", view(0), 0)


def test_layers_are_bounded():
    rooms = Rooms(Limits(layers=3, looks=1e9))
    room = public_name("lesson", "secret")
    ticket = rooms.lead(room, "secret", "f", view(0), 0)
    for i in range(10):
        rooms.join(room, member(i), 0)
        rooms.look(room, member(i), f"layer {i}", False, 0)
    assert len(rooms.counted(room, ticket).looking) <= 3
    with pytest.raises(InputError):
        rooms.look(room, member(0), "x" * 201, False, 0)


def test_public_names():
    one = public_name("Year 9 Physics", "secret")
    assert one == public_name(" year 9  physics", "secret")
    assert one.startswith("year-9-physics-")
    assert is_public(one)
    assert not is_public("my-long-name")
    assert len({public_name("lesson", str(i)) for i in range(50)}) == 50
    assert public_name("other", "secret")[-9:] != one[-9:]
    assert named("Übung 3") == "übung-3"
    for wrong in ("", "  ", "a/b", "x" * 41, "a\nb?", None, 3, "-a"):
        with pytest.raises(InputError, match="room's name"):
            named(wrong)


def test_errors_of_rooms_are_one_kind():
    assert all(issubclass(e, RoomError) for e in (NoSuchRoom, LedByAnother, RoomFull, WrongSecret))
