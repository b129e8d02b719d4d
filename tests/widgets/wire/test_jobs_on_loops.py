"""Jobs without threads, on an event loop, and threads that end."""

from __future__ import annotations

import asyncio
import gc
import platform
import threading
import time
import weakref

import psutil
import pytest

from tests.waiting import SECONDS
from tests.widgets.wire.heard import LONG, Heard, Pass, result
from zfwidgets.records import Progress
from zfwidgets.widgets.wire.jobs import Jobs
from zfwidgets.widgets.wire.jobs.hand_back import HandBack


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
