"""Jobs that wait at a gate, and what is heard of them."""

from __future__ import annotations

import threading

from tests.waiting import SECONDS
from zfwidgets.records import Progress
from zfwidgets.widgets.wire.jobs.steps import Shared

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


def result(value, log=None):
    def steps():
        yield from ()
        if log is not None:
            log.append(value)
        return value

    return steps


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
