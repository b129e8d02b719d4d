"""The worker: newest wins, the urgent first, everything is answered."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from tests.widgets.wire.heard import LONG, Gate, Heard, result
from zfwidgets.errors import InputError
from zfwidgets.records import Progress
from zfwidgets.widgets.base import Teller
from zfwidgets.widgets.wire.jobs import Jobs


class Together(Heard):
    """A listener that can be told the same as others in one message."""

    sent: list[int]

    def together(self, others, progress):
        self.sent.append(1 + len(others))
        for one in (self, *others):
            one("progress", progress)


def test_a_job_runs_on_another_thread_and_answers(jobs):
    heard, threads = Heard(), []

    def steps():
        threads.append(threading.current_thread())
        yield Progress(1, 2, None, "half")
        yield lambda: "so far"
        return "all"

    jobs.submit("w", "v", "s", 1, steps, heard)
    assert jobs.wait({"w"}, LONG)
    assert heard.wait("reply") == ["all"]
    assert ("partial", "so far") in heard
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_newest_wins_in_a_slot_waiting_or_running(jobs):
    gate, first, second, third = Gate(), Heard(), Heard(), Heard()
    log = []
    jobs.submit("w", "v", "s", 1, gate, first)
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "s", 2, result(2, log), second)
    assert first == [("superseded", None)]
    jobs.submit("w", "v", "s", 3, result(3, log), third)
    assert second == [("superseded", None)]
    gate.open.set()
    assert third.wait("reply") == [3]
    assert log == [3]
    assert gate.closed.wait(LONG)
    assert [op for op, _ in first] == ["superseded"]


def test_slots_views_and_owners_do_not_disturb_each_other(jobs):
    gate, heards = Gate(), [Heard() for _ in range(4)]
    jobs.submit("w", "v", "s", 0, gate, heards[0])
    assert gate.reached.wait(LONG)
    for i, place in enumerate([("w", "v", "t"), ("w", "u", "s"), ("x", "v", "s")], 1):
        jobs.submit(*place, i, result(i), heards[i])
    gate.open.set()
    assert [h.wait("reply", "superseded") for h in heards] == [["gate"], [1], [2], [3]]


def test_asking_again_for_the_same_changes_nothing(jobs):
    gate, first, again = Gate(), Heard(), Heard()
    jobs.submit("w", "v", "s", "same", gate, first)
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "s", "same", result("twice"), again)
    waiting, urgent = Heard(), Heard()
    jobs.submit("w", "v", "t", "wait", result("wait"), waiting)
    jobs.submit("w", "v", "t", "wait", result("twice"), urgent)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert first.wait("reply") == ["gate"]
    assert waiting.wait("reply") == ["wait"]
    assert again == []
    assert urgent == []


def test_the_urgent_goes_first_between_two_steps_of_a_long_job(jobs):
    log, gate, heard = [], Gate(), Heard()

    def long():
        yield from gate()
        log.append("long goes on")
        yield Progress(2, 2, None, "")
        log.append("long ends")

    jobs.submit("w", "v", "long", 0, long, heard, priority=4)
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "lazy", 1, result("lazy", log), heard, priority=5)
    jobs.submit("w", "v", "urgent", 2, result("urgent", log), heard, priority=0)
    jobs.submit("w", "v", "equal", 3, result("equal", log), heard, priority=4)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert log == ["urgent", "long goes on", "long ends", "equal", "lazy"]


def test_asking_again_more_urgently_moves_a_job_forward(jobs):
    log, gate, heard = [], Gate(), Heard()
    jobs.submit("w", "v", "gate", 0, gate, heard, priority=0)
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "a", "a", result("a", log), heard, priority=3)
    jobs.submit("w", "v", "b", "b", result("b", log), heard, priority=5)
    jobs.submit("w", "v", "b", "b", result("b", log), heard, priority=1)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert log == ["b", "a"]


def test_cancelling_stops_a_view_and_leaves_others(jobs):
    gate, stopped, kept = Gate(), Heard(), Heard()
    jobs.submit("w", "v", "s", 1, gate, stopped)
    jobs.submit("w", "v", "t", 2, result(2), stopped)
    jobs.submit("w", "u", "s", 3, result(3), kept)
    assert gate.reached.wait(LONG)
    jobs.cancel("w", "v")
    gate.open.set()
    assert kept.wait("reply") == [3]
    assert gate.closed.wait(LONG)
    assert stopped == [("superseded", None)] * 2


def test_errors_are_answers_and_what_is_unexpected_is_logged(jobs, caplog):
    heard, after = Heard(), Heard()

    def expected():
        yield from ()
        raise InputError("no such layer")

    def unexpected():
        yield Progress(1, 2, None, "")
        raise ZeroDivisionError("a bug")

    jobs.submit("w", "v", "s", 1, expected, heard)
    assert isinstance(heard.wait("error")[0], InputError)
    assert not caplog.records
    jobs.submit("w", "v", "t", 2, unexpected, heard)
    jobs.submit("w", "v", "u", 3, result("alive"), after)
    assert after.wait("reply") == ["alive"]
    assert str(heard.wait("error")[1]) == "a bug"
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_that_fails_is_logged_and_the_worker_lives(jobs, caplog):
    def fails(op, value):
        raise OSError("the comm is closed")

    heard = Heard()
    jobs.submit("w", "v", "s", 1, result(1), fails)
    jobs.submit("w", "v", "t", 2, result(2), heard)
    assert heard.wait("reply") == [2]
    assert "the comm is closed" in caplog.text


def test_signs_of_life_while_a_step_takes_long():
    jobs, gate, running, waiting = Jobs(heartbeat=0.01), Gate(), Heard(), Heard()
    jobs.submit("w", "v", "s", 1, gate, running)
    jobs.submit("w", "v", "t", 2, result(2), waiting)
    for heard in (running, waiting):
        with heard.changed:
            assert heard.changed.wait_for(lambda heard=heard: len(heard) >= 3, LONG)
        assert {op for op, _ in heard} == {"progress"}
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert running[-1] == ("reply", "gate")
    jobs.stop()


def test_partial_results_in_between_are_left_out_but_never_the_last():
    jobs, heard = Jobs(heartbeat=LONG, pause=LONG), Heard()

    def steps():
        for i in range(5):
            yield Progress(i, 5, None, "")
            yield lambda i=i: i
        return "last"

    jobs.submit("w", "v", "s", 1, steps, heard)
    assert jobs.wait({"w"}, LONG)
    assert heard == [("partial", 0), ("reply", "last")]
    jobs.stop()


def test_a_delayed_job_starts_when_its_slot_was_left_alone(jobs):
    heard, log = Heard(), []
    jobs.submit("w", "v", "s", 1, result(1, log), heard, delay=LONG)
    jobs.submit("w", "v", "s", 2, result(2, log), heard, delay=LONG)
    assert not jobs.wait({"w"}, 0)
    jobs.submit("w", "v", "s", 2, result(2, log), heard)  # now
    assert jobs.wait({"w"}, LONG)
    assert log == [2]


def test_waiting_is_for_some_owners_only_and_says_when_time_is_up(jobs):
    gate = Gate()
    jobs.submit("w", "v", "s", 1, gate, Heard())
    assert gate.reached.wait(LONG)
    assert jobs.wait({"other"}, 0)
    assert not jobs.wait({"w", "other"}, 0)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)


def test_a_listener_that_waits_for_jobs_gets_an_error_not_a_deadlock(jobs):
    caught = Heard()

    def waits(op, value):
        with pytest.raises(RuntimeError, match="can't wait"):
            jobs.wait({"w"}, LONG)
        caught("caught", op)

    jobs.submit("w", "v", "s", 1, result(1), waits)
    assert caught.wait("caught") == ["reply"]


def test_signs_of_life_of_many_are_one_message():
    jobs, gate = Jobs(heartbeat=0.1, pause=0), Gate()
    Together.sent = []
    waiting = [Together() for _ in range(200)]
    try:
        jobs.submit("w", "v", "gate", 0, gate, Heard())
        assert gate.reached.wait(LONG)
        for number, heard in enumerate(waiting):
            jobs.submit("w", "v", f"s{number}", 0, result(number), heard, bounded=True)
        for heard in waiting:
            heard.wait("progress")
        beats_of_one = [len([op for op, _ in heard if op == "progress"]) for heard in waiting]
        # Each message is for nearly all: they give signs of life together from the first on.
        assert len(Together.sent) <= 2 * max(beats_of_one) + 2
        gate.open.set()
        assert jobs.wait({"w"}, LONG)
    finally:
        jobs.stop()
    assert [heard.wait("reply") for heard in waiting] == [[number] for number in range(200)]


def test_a_message_says_whose_signs_of_life_it_is():
    sent = []
    widget = SimpleNamespace(send=lambda content, buffers: sent.append((content, buffers)))
    requests = [
        {"zf": 1, "op": "get", "view": "v", "slot": f"s{i}", "kind": "top", "key": {"channel": i}}
        for i in range(3)
    ]
    first, *others = [Teller(widget, request) for request in requests]
    first.together(others, Progress(1, 9, 2.5, "looking"))
    first.together([], Progress(2, 9, 2.5, "looking"))
    ((together, _), (alone, _)) = sent
    assert together["op"] == alone["op"] == "progress"
    assert (together["kind"], together["key"]) == ("top", {"channel": 0})
    assert together["others"] == [{"kind": "top", "key": {"channel": i}} for i in (1, 2)]
    assert together["data"]["done"] == 1
    assert "others" not in alone
