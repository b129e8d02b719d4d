"""One computing thread: turns, what is superseded, what is shared, what is kept."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import SECONDS
from zfwidgets.classroom.messages.codec import decode, encode
from zfwidgets.classroom.working.answers import DIGEST, Answers, question
from zfwidgets.classroom.working.work import Work
from zfwidgets.records import Box, Progress
from zfwidgets.widgets.wire.jobs import Op


class Heard:
    """Takes down what jobs say."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ends: Counter[str] = Counter()
        self.told: list[tuple[str, Op, Any]] = []

    def listener(self, name: str) -> Any:
        def listen(op: Op, value: Any) -> None:
            with self.changed:
                self.told.append((name, op, value))
                self.ends[op] += 1
                self.changed.notify_all()

        return listen

    def wait(self, enough: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self), SECONDS)

    def replies(self) -> dict[str, Any]:
        return {name: decode(value) for name, op, value in self.told if op == "reply"}


@pytest.fixture
def work() -> Generator[Work, None, None]:
    found = Work(Answers(), lambda: 0)
    yield found
    found.jobs.stop()


def submit(
    work: Work, heard: Heard, client: str, slot: str, name: str, make: Any, *, keep: bool = True,
    priority: int = 1,
) -> None:  # fmt: skip
    key = question(name, {})
    work.jobs.submit(
        client, "ask", slot, object(), lambda: work.steps(key, make, keep),
        heard.listener(name), priority=priority,
    )  # fmt: skip


def test_ten_thousand_supersessions_in_a_row(work: Work) -> None:
    """Each is answered once, the newest is computed, and nothing is left behind."""
    heard, closed, steps = Heard(), Counter(), threading.Event()

    def long() -> Generator[Progress, None, str]:
        try:
            for step in range(1 << 30):
                yield Progress(step, 1 << 30, None, "never done")
                steps.set()
        finally:
            closed["closed"] += 1
        return "never"

    def last() -> Generator[None, None, str]:
        yield from ()
        return "the newest"

    for turn in range(10_000):
        submit(work, heard, "one", "slot", f"question {turn}", long)
        if turn % 1000 == 0:
            assert steps.wait(SECONDS)
            steps.clear()
    submit(work, heard, "one", "slot", "last", last)
    heard.wait(lambda h: h.ends["reply"])
    assert heard.ends["superseded"] == 10_000
    assert heard.ends["error"] == 0
    assert heard.replies() == {"last": "the newest"}
    heard.wait(lambda _: not work.jobs.waiting)
    assert work._running == {}


def turns(order: list[str], name: str, count: int, gate: threading.Event | None = None) -> Any:
    def make() -> Generator[None, None, str]:
        for _ in range(count):
            if gate is not None:
                assert gate.wait(SECONDS)
            order.append(name)
            yield
        return name

    return make


def test_clients_take_turns_however_much_one_asks(work: Work) -> None:
    heard, order, gate = Heard(), [], threading.Event()
    for number in range(20):
        name = f"greedy {number}"
        submit(work, heard, "greedy", name, name, turns(order, "greedy", 30, gate), priority=0)
    for name in ("modest", "other"):
        submit(work, heard, name, "slot", name, turns(order, name, 10), priority=5)
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 22)
    for name in ("modest", "other"):
        last = len(order) - 1 - order[::-1].index(name)
        assert last <= 3 * 10 + 3
    assert order.count("greedy") == 600


def test_the_most_urgent_of_one_client_goes_first(work: Work) -> None:
    heard, order, gate = Heard(), [], threading.Event()
    submit(work, heard, "one", "gate", "gate", turns(order, "gate", 1, gate), priority=0)
    for priority in (4, 2, 0, 3):
        name = str(priority)
        submit(work, heard, "one", name, name, turns(order, name, 2), priority=priority)
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 5)
    assert [one for one in order if one != "gate"] == [*"00223344"]


def test_what_many_ask_at_once_is_computed_once(work: Work) -> None:
    heard, made, gate = Heard(), Counter(), threading.Event()

    def make() -> Generator[Any, None, Any]:
        made["begun"] += 1
        assert gate.wait(SECONDS)
        for step in range(5):
            made["steps"] += 1
            yield Box(step, 0, 1, 1)
        return Box(9, 9, 1, 1)

    key = question("same", {})
    for client in range(30):
        work.jobs.submit(
            client, "ask", "slot", object(), lambda: work.steps(key, make, True),
            heard.listener(f"client {client}"),
        )  # fmt: skip
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 30)
    assert made == {"begun": 1, "steps": 5}
    assert set(heard.replies().values()) == {Box(9, 9, 1, 1)}
    assert work.computed == 1
    assert work.known(key) is not None


def test_who_leaves_does_not_stop_what_others_wait_for(work: Work) -> None:
    heard, gate = Heard(), threading.Event()
    order: list[str] = []
    make = turns(order, "step", 6, gate)
    key = question("same", {})
    for client in ("leaves", "stays"):
        work.jobs.submit(
            client, "ask", "slot", object(), lambda: work.steps(key, make, False),
            heard.listener(client),
        )  # fmt: skip
    work.jobs.cancel("leaves")
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 1)
    assert heard.replies() == {"stays": "step"}


def test_an_error_reaches_all_who_ask_and_is_not_kept(work: Work) -> None:
    heard, gate = Heard(), threading.Event()

    def make() -> Generator[None, None, None]:
        assert gate.wait(SECONDS)
        yield
        raise OSError("secret/path")

    for client in "ab":
        submit(work, heard, client, "slot", "same", make)
    gate.set()
    heard.wait(lambda h: h.ends["error"] == 2)
    assert work.known(question("same", {})) is None
    assert work._running == {}


def test_nothing_is_computed_ahead_while_somebody_asks(work: Work) -> None:
    heard, order, gate = Heard(), [], threading.Event()
    submit(work, heard, "one", "gate", "gate", turns(order, "gate", 1, gate), priority=0)
    work.prepare((question(f"ahead {i}", {}), turns(order, "ahead", 2)) for i in range(10))
    submit(work, heard, "one", "slot", "asked", turns(order, "asked", 50), priority=9)
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 2)
    assert "ahead" not in order[: order.index("asked") + 50]
    assert work.jobs.wait(["nobody"], SECONDS)
    assert order.count("ahead") == 20
    assert work.known(question("ahead 9", {})) is not None


def test_preparing_ends_where_what_is_kept_is_full() -> None:
    work = Work(Answers(1000), lambda: 0)

    def make() -> Generator[None, None, bytes]:
        yield from ()
        return bytes(300)

    work.prepare((question(str(i), {}), make) for i in range(1 << 30))
    assert work.jobs.wait(["nobody"], SECONDS)
    assert 600 < work.answers.memory.bytes <= 1000
    work.jobs.stop()


def test_with_a_folder_preparing_goes_on_there(tmp_path: Path) -> None:
    answers = Answers(1000, tmp_path, "engine", most_on_disk=10_000)
    work = Work(answers, lambda: 0)
    made = Counter[str]()

    def make() -> Generator[None, None, bytes]:
        made["made"] += 1
        yield from ()
        return bytes(300)

    for _ in range(2):  # the second finds them there
        work.prepare((question(str(i), {}), make) for i in range(1 << 30))
        assert work.jobs.wait(["nobody"], SECONDS)
        assert 9000 <= answers.on_disk <= 10_000
        assert made["made"] == answers.on_disk // (len(encode(bytes(300))) + DIGEST)
    assert decode(work.known(question("0", {})) or b"") == bytes(300)
    work.jobs.stop()


def test_answers_of_images_that_changed_are_forgotten() -> None:
    generation = [0]
    work = Work(Answers(), lambda: generation[0])
    work.answers.put(b"key", b"content")
    assert work.known(b"key") == b"content"

    def own() -> None:
        generation[0] += 1

    work.unchanged(own)  # a photo of somebody's own
    assert work.known(b"key") == b"content"
    generation[0] += 1
    assert work.known(b"key") is None


# ------------------------------------------------------------------ on disk


def test_answers_stay_on_disk_and_damaged_ones_count_as_gone(tmp_path: Path) -> None:
    one = Answers(1 << 20, tmp_path, "engine")
    keys = [question("top", {"layer": "conv", "channel": n}) for n in range(3)]
    for key in keys:
        one.put(key, b"content of " + key)
    again = Answers(1 << 20, tmp_path, "engine")
    assert [again.get(key) for key in keys] == [b"content of " + key for key in keys]
    assert Answers(1 << 20, tmp_path, "another engine").get(keys[0]) is None
    cut, changed, _ = sorted(tmp_path.glob("*/*.answer"))
    cut.write_bytes(cut.read_bytes()[:-1])
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    fresh = Answers(1 << 20, tmp_path, "engine")
    assert sum(fresh.get(key) is None for key in keys) == 2


def test_a_full_disk_is_said_once_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    answers = Answers(1 << 20, tmp_path, "engine")
    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr("zfwidgets.classroom.working.answers.AGAIN", 0.0)
    for number in range(5):
        answers.put(b"%d" % number * 32, b"content")
    assert answers.get(b"4" * 32) == b"content"
    assert "No space left on device" in answers.note
    assert len(caplog.records) == 1
    monkeypatch.undo()
    answers._retry = 0.0
    answers.put(b"9" * 32, b"content")
    assert answers.note == ""
    assert [path.suffix for path in tmp_path.glob("*/*")] == [".answer"]


def test_the_folder_has_a_limit(tmp_path: Path) -> None:
    answers = Answers(1 << 20, tmp_path, "engine", most_on_disk=250)
    for number in range(9):
        answers.put(bytes([number] * 32), bytes(100))
    size = sum(file.stat().st_size for file in tmp_path.glob("*/*"))
    assert 0 < size <= 250
    assert size == answers.on_disk == 100 + DIGEST
    assert answers.get(bytes([8] * 32)) == bytes(100)


def test_signs_of_life_come_while_a_job_waits() -> None:
    work, heard, gate = Work(Answers(), lambda: 0), Heard(), threading.Event()
    order: list[str] = []
    began = time.monotonic()
    submit(work, heard, "one", "a", "a", turns(order, "a", 1, gate))
    submit(work, heard, "two", "b", "b", turns(order, "b", 1))
    heard.wait(lambda h: h.ends["progress"] >= 2)
    assert time.monotonic() - began < SECONDS
    gate.set()
    heard.wait(lambda h: h.ends["reply"] == 2)
    work.jobs.stop()
