"""The worker: newest wins, the urgent first, everything is answered."""

from __future__ import annotations

import asyncio
import gc
import platform
import threading
import time
import weakref
from types import SimpleNamespace

import psutil
import pytest

from tests.waiting import SECONDS
from zfwidgets.errors import InputError, TooManyRequests
from zfwidgets.records import Progress
from zfwidgets.widgets.base import Teller
from zfwidgets.widgets.wire.jobs import Jobs
from zfwidgets.widgets.wire.jobs import job as job_module
from zfwidgets.widgets.wire.jobs import worker as jobs_module
from zfwidgets.widgets.wire.jobs.hand_back import HandBack
from zfwidgets.widgets.wire.jobs.steps import Away, Shared

LONG = SECONDS


class Heard(list):
    """A listener that keeps what it heard, and can be waited for."""

    def __init__(self):
        self.changed = threading.Condition()

    def __call__(self, op, value):
        with self.changed:
            self.append((op, value))
            self.changed.notify_all()

    def wait(self, *ops):
        with self.changed:
            assert self.changed.wait_for(lambda: [op for op, _ in self if op in ops], LONG), self
        return [value for op, value in self if op in ops]


@pytest.fixture
def jobs():
    jobs = Jobs(heartbeat=LONG, pause=0)
    yield jobs
    jobs.stop()


class Gate:
    """A job that stops in the middle of a step until it may go on."""

    def __init__(self, result="gate"):
        self.reached, self.open = threading.Event(), threading.Event()
        self.result = result
        self.closed = threading.Event()

    def __call__(self):
        try:
            self.reached.set()
            assert self.open.wait(LONG)
            yield Progress(1, 2, None, "in the gate")
            return self.result
        finally:
            self.closed.set()


class Together(Heard):
    """A listener that can be told the same as others in one message."""

    sent: list[int]

    def together(self, others, progress):
        self.sent.append(1 + len(others))
        for one in (self, *others):
            one("progress", progress)


def result(value, log=None):
    def steps():
        yield from ()
        if log is not None:
            log.append(value)
        return value

    return steps


def test_who_waits_for_what_is_away_lets_others_go_and_is_tried_again(jobs):
    """However urgent it is; and all that wait so say why."""
    tries, back = {"a": 0, "b": 0}, threading.Event()

    def away(name):
        while not back.is_set():
            tries[name] += 1
            yield Away(0, 0, None, "nobody there", pause=0.001)
        return name

    first, second, other = Heard(), Heard(), Heard()
    jobs.submit("o", "v", "a", 1, lambda: away("a"), first, priority=0)
    jobs.submit("o", "v", "b", 2, lambda: away("b"), second, priority=0)
    for heard in (first, second):
        assert heard.wait("progress")[0].what == "nobody there"
    jobs.submit("o", "v", "c", 3, lambda: iter_of("there"), other, priority=9)
    assert other.wait("reply") == ["there"]
    assert not jobs.wait(["o"], 0.05), "it isn't answered"
    back.set()
    assert first.wait("reply") == ["a"]
    assert second.wait("reply") == ["b"]
    assert min(tries.values()) > 1


def iter_of(result):
    yield from ()
    return result


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


def test_without_threads_jobs_run_at_once(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    jobs, heard, chained = Jobs(heartbeat=LONG), Heard(), Heard()

    def chain(op, value):
        heard(op, value)
        if op == "reply":  # a listener may ask for more
            jobs.submit("w", "v", "t", 2, result(2), chained)

    def steps():
        assert threading.current_thread() is threading.main_thread()
        yield lambda: "so far"
        return 1

    jobs.submit("w", "v", "s", 1, steps, chain, delay=LONG)
    assert heard == [("partial", "so far"), ("reply", 1)]
    assert chained == [("reply", 2)]
    assert jobs.wait({"w"}, 0)


def test_without_threads_jobs_run_step_by_step_on_the_event_loop(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    steps_run = []

    def steps(name, count):
        def run():
            for i in range(count):
                steps_run.append((name, i))
                yield Progress(i, count, None, name)
            return name

        return run

    async def main():
        jobs, old, new, other = Jobs(heartbeat=LONG), Heard(), Heard(), Heard()
        jobs.submit("w", "v", "s", 1, steps("old", 1000), old)
        assert steps_run == []  # the one who asks isn't kept waiting
        while len(steps_run) < 3:
            await asyncio.sleep(0)  # between two steps the loop has its turn
        jobs.submit("w", "v", "s", 2, steps("new", 3), new)
        jobs.submit("w", "v", "urgent", 3, steps("urgent", 2), other, priority=0)
        while not (new and other):
            await asyncio.sleep(0)
        assert old == [("superseded", None)]
        assert len([one for one in steps_run if one[0] == "old"]) < 10
        assert new == [("reply", "new")]
        assert other == [("reply", "urgent")]
        assert [name for name, _ in steps_run if name != "old"] == ["urgent"] * 2 + ["new"] * 3
        last = Heard()
        jobs.submit("w", "v", "s", 4, steps("last", 5), last, delay=LONG)
        assert jobs.wait({"w"}, LONG)  # a cell that waits runs them itself
        assert last == [("reply", "last")]

    asyncio.run(main())


def test_threads_end_when_stopped_and_start_again(jobs):
    heard = Heard()
    jobs.submit("w", "v", "s", 1, result(1), heard)
    assert jobs.wait({"w"}, LONG)
    threads = list(jobs._threads.values())
    assert len(threads) == 2
    jobs.stop()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    jobs.submit("w", "v", "s", 2, result(2), heard)
    assert jobs.wait({"w"}, LONG)
    assert heard.wait("reply") == [1, 2]


def test_an_idle_worker_keeps_nothing_alive(jobs):
    class Big:
        pass

    big, heard = Big(), Heard()
    gone, alive = threading.Event(), weakref.ref(big)
    weakref.finalize(big, gone.set)

    def steps(big=big):
        yield from ()
        return id(big)

    jobs.submit("w", "v", "s", 1, steps, heard)
    assert jobs.wait({"w"}, LONG)
    del big, steps
    # A job of no consequence, so that the worker has surely left the first one's frame.
    jobs.submit("w", "v", "s", 2, result(2), heard)
    assert jobs.wait({"w"}, LONG)
    gc.collect()
    assert gone.wait(LONG)
    assert alive() is None


def test_handing_back_runs_on_the_event_loops_thread_in_order():
    async def main():
        hand_back, ran, done = HandBack(), [], asyncio.Event()
        hand_back.adopt_loop()

        def post():
            for i in range(3):
                hand_back(lambda i=i: ran.append((i, threading.current_thread())))
            hand_back(done.set)

        worker = threading.Thread(target=post)
        worker.start()
        worker.join(LONG)
        assert ran == []
        await asyncio.wait_for(done.wait(), LONG)
        return ran

    assert asyncio.run(main()) == [(i, threading.current_thread()) for i in range(3)]


def test_a_cell_that_blocks_the_loop_can_run_what_waits():
    async def main():
        hand_back, ran = HandBack(), []
        hand_back.adopt_loop()
        worker = threading.Thread(target=lambda: hand_back(lambda: ran.append(1)))
        worker.start()
        worker.join(LONG)
        assert hand_back.run_waiting()
        assert not hand_back.run_waiting()
        return ran

    assert asyncio.run(main()) == [1]


def test_without_a_loop_what_is_handed_back_runs_at_once():
    hand_back, ran = HandBack(), []
    hand_back.adopt_loop()
    hand_back(lambda: ran.append(1))
    assert ran == [1]


# ---------------------------------------------------------------------- what several wait for


class Pass:
    """Something that takes steps, which whoever waits for it takes in turn."""

    def __init__(self, steps, log):
        self.left, self.log = steps, log
        self.paused = False

    def waiter(self, name):
        def steps():
            while self.left:
                if not self.paused:
                    self.left -= 1
                    self.log.append(name)
                yield Shared(0, self.left, None, "", paused=self.paused)
            return name

        return steps


def long_job(name, steps, log):
    def run():
        for _ in range(steps):
            log.append(name)
            yield Progress(0, 0, None, "")
        return name

    return run


def gated(jobs):
    gate = Gate()
    jobs.submit("w", "gate", "s", 0, gate, Heard(), priority=0)
    assert gate.reached.wait(LONG)
    return gate


def test_what_several_wait_for_they_move_on_in_turn_and_last(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "TURN", LONG)
    log, heard = [], Heard()
    gate, shared = gated(jobs), Pass(7, log)
    jobs.submit("w", "v", "a", "a", shared.waiter("a"), heard, priority=1)
    jobs.submit("w", "v", "b", "b", shared.waiter("b"), heard, priority=2)
    jobs.submit("w", "v", "map", "map", long_job("map", 3, log), heard, priority=4)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    # Each begins when it is its turn; from then on it isn't urgent, but equal to the others.
    assert log == ["a", "b", "map", "map", "map", "a", "b", "a", "b", "a"]
    assert sorted(heard.wait("reply")) == ["a", "b", "map"]


def test_what_is_slow_too_never_stops_what_several_wait_for(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "TURN", 0)
    log = []
    gate, shared = gated(jobs), Pass(4, log)
    jobs.submit("w", "v", "a", "a", shared.waiter("a"), Heard(), priority=1)
    jobs.submit("w", "v", "map", "map", long_job("map", 2, log), Heard(), priority=4)
    jobs.submit("w", "v", "sheet", "sheet", long_job("sheet", 2, log), Heard(), priority=3)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert log == ["a", "sheet", "sheet", "a", "a", "a", "map", "map"]


def test_when_all_is_done_that_several_wait_for_no_map_comes_between(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "TURN", LONG)
    log, heard = [], Heard()

    def waiter(name):
        """It takes the last step, or hears of it, and is to end after that."""

        def steps():
            log.append(name)
            yield Shared(5, 5, None, "")
            yield Shared(5, 5, None, "")
            log.append(f"{name} ends")
            return name

        return steps

    gate = gated(jobs)
    jobs.submit("w", "v", "a", "a", waiter("a"), heard, priority=1)
    jobs.submit("w", "v", "b", "b", waiter("b"), heard, priority=2)
    jobs.submit("w", "v", "map", "map", long_job("map", 3, log), heard, priority=4)
    gate.open.set()
    assert jobs.wait({"w"}, LONG)
    assert log == ["a", "b", "a ends", "b ends", "map", "map", "map"]


def test_waiting_ends_when_all_that_is_left_is_paused(jobs):
    log, heard, other = [], Heard(), Heard()
    shared = Pass(3, log)
    shared.paused = True
    jobs.submit("w", "v", "a", "a", shared.waiter("a"), heard)
    jobs.submit("w", "v", "b", "b", result("b", log), other)
    assert not jobs.wait({"w"}, LONG)
    assert other.wait("reply") == ["b"]
    assert heard.wait("progress")[-1].paused, "said at once, not with the next sign of life"
    assert log == ["b"]
    shared.paused = False
    jobs.wake()
    assert jobs.wait({"w"}, LONG)
    assert log == ["b", "a", "a", "a"]


def test_what_is_paused_is_heard_of_when_it_is_there_by_other_means(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "TURN", 0.01)
    shared, heard = Pass(3, []), Heard()
    shared.paused = True
    jobs.submit("w", "v", "a", "a", shared.waiter("a"), heard)
    assert not jobs.wait({"w"}, LONG)
    shared.left = 0
    assert heard.wait("reply") == ["a"]


def test_paused_jobs_end_a_wait_without_threads_too(monkeypatch):
    def no_threads(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    jobs, shared, heard = Jobs(), Pass(2, []), Heard()
    shared.paused = True
    jobs.submit("w", "v", "a", "a", shared.waiter("a"), heard)
    assert not jobs.wait({"w"}, LONG)
    shared.paused = False
    jobs.wake()
    assert heard.wait("reply") == ["a"]


def test_a_burst_of_requests_is_bounded_and_each_is_answered_once(jobs):
    gate, most, burst = Gate(), job_module.MOST, 10_000
    jobs.submit("w", "v", "gate", 0, gate, Heard())
    assert gate.reached.wait(LONG)
    heards = [Heard() for _ in range(burst)]
    for number, heard in enumerate(heards):
        view, slot = f"v{number % 3}", f"s{number}"
        jobs.submit("w", view, slot, number, result(number), heard, bounded=True)
        assert len(jobs._jobs) <= most + 1
    other = Heard()
    jobs.submit("another", "v", "s", 0, result("other"), other, bounded=True)
    gate.open.set()
    assert other.wait("reply") == ["other"]
    assert jobs.wait({"w"}, LONG)
    for number, heard in enumerate(heards):
        ((op, value),) = heard
        if number < burst - most:
            assert op == "error"
            assert isinstance(value, TooManyRequests)
        else:
            assert (op, value) == ("reply", number)


class Counted:
    """Makes one kind of job, and counts how often each step was computed."""

    def __init__(self, gate=None):
        self.steps, self.gate, self.known = [], gate, None

    def make(self):
        if self.known is not None:
            return self.known
        for step in range(3):
            self.steps.append(step)
            if step == 1 and self.gate is not None:
                self.gate.reached.set()
                assert self.gate.open.wait(LONG)
            yield Progress(step, 3, None, "")
        self.known = "result"
        return self.known


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("owner", ["w", "another"])
def test_what_was_begun_ahead_is_gone_on_with(jobs, left, owner):
    """Asked ahead, then for itself, then maybe not ahead any more: each step is computed once."""
    counted = Counted(Gate())
    ahead, asked = Heard(), Heard()
    jobs.submit("w", "v", "ahead", "same", counted.make, ahead, priority=5, bounded=True)
    assert counted.gate.reached.wait(LONG)
    jobs.submit(owner, "v", "asked", "same", counted.make, asked, priority=2, bounded=True)
    if left:
        jobs.cancel("w", "v", "ahead")
    counted.gate.open.set()
    assert asked.wait("reply") == ["result"]
    assert ahead.wait("reply", "superseded") == [None if left else "result"]
    assert counted.steps == [0, 1, 2]


def test_what_was_begun_stays_with_who_waits_for_it_when_the_other_leaves(jobs):
    counted = Counted(Gate())
    ahead, asked = Heard(), Heard()
    jobs.submit("w", "v", "asked", "same", counted.make, asked, priority=2, bounded=True)
    assert counted.gate.reached.wait(LONG)
    jobs.submit("w", "v", "ahead", "same", counted.make, ahead, priority=5, bounded=True)
    jobs.cancel("w", "v", "asked")
    counted.gate.open.set()
    assert ahead.wait("reply") == ["result"]
    assert counted.steps == [0, 1, 2]


def test_a_job_that_ended_as_it_was_dropped_leaves_nothing_to_go_on_with(jobs):
    """Its last step was under way; who waits for the same asks anew, and is answered."""
    gate = Gate()
    made = []

    def make():
        made.append(None)
        yield Progress(0, 1, None, "")
        if len(made) == 1:
            gate.reached.set()
            assert gate.open.wait(LONG)
        return f"result {len(made)}"

    first, second = Heard(), Heard()
    jobs.submit("w", "v", "first", "same", make, first, priority=2, bounded=True)
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "second", "same", make, second, priority=5, bounded=True)
    jobs.cancel("w", "v", "first")
    gate.open.set()
    assert second.wait("reply") == ["result 2"]


def test_what_is_urgent_or_not_bounded_stays_in_a_burst(jobs):
    gate, urgent, own = Gate(), Heard(), Heard()
    jobs.submit("w", "v", "gate", 0, gate, Heard())
    assert gate.reached.wait(LONG)
    jobs.submit("w", "v", "urgent", 0, result("urgent"), urgent, priority=0, bounded=True)
    jobs.submit("w", "python", "picture", 0, result("own"), own, priority=9)
    for number in range(2 * job_module.MOST):
        jobs.submit("w", "v", f"s{number}", 0, result(0), Heard(), priority=3, bounded=True)
    gate.open.set()
    assert urgent.wait("reply") == ["urgent"]
    assert own.wait("reply") == ["own"]


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


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries give freed memory back themselves"
)
def test_an_idle_worker_gives_back_what_was_freed(jobs):
    """What glibc keeps for a thread, no other can use."""
    size = 256 << 20
    process = psutil.Process()
    before = process.memory_info().rss
    last = []

    def steps():
        yield from ()
        parts = [bytearray(b"x" * (64 << 10)) for _ in range(size >> 16)]
        last.append(parts.pop())  # above all others, which can't go back by themselves
        held = process.memory_info().rss - before
        parts.clear()
        return held, process.memory_info().rss - before

    heard = Heard()
    jobs.submit("owner", "view", "slot", "what", steps, heard)
    ((held, freed),) = heard.wait("reply")
    assert held > 0.8 * size
    assert freed > 0.8 * size
    end = time.monotonic() + SECONDS
    while process.memory_info().rss - before > 0.2 * size:
        assert time.monotonic() < end, "an idle worker keeps what it has freed"
        time.sleep(0.05)
