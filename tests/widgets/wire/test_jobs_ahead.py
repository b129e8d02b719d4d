"""Jobs that several wait for, that are paused, begun ahead, or too many."""

from __future__ import annotations

import threading

import pytest

from tests.widgets.wire.heard import LONG, Gate, Heard, Pass, result
from zfwidgets.errors import TooManyRequests
from zfwidgets.records import Progress
from zfwidgets.widgets.wire.jobs import job as job_module
from zfwidgets.widgets.wire.jobs import worker as jobs_module
from zfwidgets.widgets.wire.jobs.steps import Away, Shared


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
