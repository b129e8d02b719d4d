"""A class at one server: thirty kernels over loopback, a teacher whom they follow, a server killed.

    python -m benchmarks.classroom [--minutes 5] [--clients 30] [--every 2] [--cold] [--quick]

`zfwidgets serve` runs in a process of its own with the sample SqueezeNet and photos; each student
is a process of its own, connected by `zf.connect`, that asks as an Explorer's page does.

- **lesson**: each asks for a random unit of the convolutions (its nine patches and their nine
  projections, as pictures) every few seconds; times are from when the click was due, so that a
  late answer makes the next click late too and isn't forgotten. Answers were prepared ahead by
  `zfwidgets serve --prepare`, all of them, which takes a while: `--units` draws some at random
  and has only these computed. `--cold` begins with none: each is computed when it is asked for.
- **following**: a teacher's clicks until they are in all students' selections, and until what their
  views show then has come.
- **killed**: the server is killed in mid-lesson and started again.
- **student**: memory of a real kernel that has neither torch nor bqplot, with an open Explorer
  that was answered all that a page asks for.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import zfwidgets as zf
from benchmarks import harness
from benchmarks.classroom._kernel import student
from benchmarks.classroom._server import LONGEST, STUDENT, TEACHER, Served, Unit, grid
from zfwidgets.classroom.client import following  # noqa: F401 -- once, before the students fork
from zfwidgets.widgets.wire.service import Service, service_of

CLICKS = 12
"""Of the teacher."""
AWAY = 3.0
"""Seconds for which a killed server is away."""
FORK = multiprocessing.get_context("fork")

Say = Callable[..., None]


# ---------------------------------------------------------------- students


def asked(service: Service, needs: Sequence[Any], told: Callable[[str, Any], None]) -> bool:
    """Ask as a page does, each need in its slot, until all are answered; whether all were."""
    left, lock = len(needs), threading.Condition()
    failed: list[Any] = []

    def listener(op: str, value: Any) -> None:
        nonlocal left
        told(op, value)
        if op in ("reply", "error", "superseded"):
            with lock:
                left -= 1
                if op != "reply":
                    failed.append(value)
                lock.notify_all()

    for need in needs:
        service.ask("student", "grid", need[0], need, listener)
    with lock:
        done = lock.wait_for(lambda: left == 0, LONGEST)
    return done and not failed


def clicking(
    say: Say, number: int, url: str, units: Sequence[Unit], every: float, start: float, end: float
) -> None:
    """A student who clicks on random units."""
    engine = zf.connect(url, STUDENT, patience=LONGEST)
    service = service_of(engine)
    chance = random.Random(number)
    away: list[float] = []

    def told(op: str, value: Any) -> None:
        if "It is asked again" in str(value):
            away.append(time.monotonic())

    say("ready")
    due = start + every * chance.random()
    clicks: list[tuple[float, float, bool]] = []
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        good = asked(service, grid(chance.choice(units)), told)
        clicks.append((due, time.monotonic(), good))
        due += every
    engine.close()
    say("clicks", clicks, away)


def following_along(say: Say, number: int, url: str, room: str) -> None:
    """A student whose Explorer follows the teacher's."""

    async def lesson() -> None:
        engine = zf.connect(url, STUDENT, patience=LONGEST)
        explorer = zf.Explorer(engine)
        service = service_of(engine)
        heard: asyncio.Queue[tuple[Unit, float]] = asyncio.Queue()

        def moved(_: Any) -> None:
            unit = explorer.selection.unit
            if unit is not None:
                heard.put_nowait((unit, time.monotonic()))

        explorer.selection.observe(moved, "unit")
        explorer.follow(room)
        say("ready")
        times: dict[Unit, list[float]] = {}
        while explorer.room.get("state") != "ended":
            try:
                unit, when = await asyncio.wait_for(heard.get(), 0.5)
            except asyncio.TimeoutError:
                continue
            if not heard.empty():
                continue
            await asyncio.to_thread(asked, service, grid(unit), lambda *_: None)
            times[unit] = [when, time.monotonic()]
        explorer.close()
        engine.close()
        say("times", list(times.items()))

    asyncio.run(lesson())


@contextmanager
def students(count: int, run: Callable[..., None], *given: Any) -> Iterator[Any]:
    """Processes that run something and say what came of it; each is named by its number."""
    results = FORK.SimpleQueue()

    def child(number: int) -> None:
        def say(what: str, *found: Any) -> None:
            results.put((number, what, *found))

        try:
            run(say, number, *given)
        except BaseException as error:
            say("failed", repr(error))
            raise

    processes = [FORK.Process(target=child, args=(number,), daemon=True) for number in range(count)]
    for process in processes:
        process.start()

    def gather(what: str) -> list[Any]:
        found = []
        while len(found) < count:
            number, said, *values = results.get()
            if said == "failed":
                raise SystemExit(f"Student {number} failed: {values[0]}")
            if said == what:
                found.append(values)
        return found

    try:
        yield gather
    finally:
        for process in processes:
            process.join(5)
            process.kill()


def p95(values: Sequence[float]) -> float:
    """95th percentile in milliseconds."""
    return round(1000 * float(np.percentile(values, 95)), 1) if values else float("nan")


def median(values: Sequence[float]) -> float:
    """Median in milliseconds."""
    return round(1000 * statistics.median(values), 1) if values else float("nan")


# ---------------------------------------------------------------- what is measured


def lesson(server: Served, units: Sequence[Unit], options: Any) -> dict[str, Any]:
    """Students who click."""
    every, seconds = options.every, 60 * options.minutes
    start = time.monotonic() + 1.5 + 0.15 * options.clients
    given = (server.url, units, every, start, start + seconds)
    with students(options.clients, clicking, *given) as gather:
        gather("ready")
        late = time.monotonic() - start
        time.sleep(max(0.0, -late) + seconds / 5)  # until what a lesson needs is there
        memory, used, began = server.memory(), server.seconds(), time.monotonic()
        time.sleep(max(0.0, start + seconds - time.monotonic()))
        share = (server.seconds() - used) / (time.monotonic() - began)
        found = gather("clicks")
    clicks = [click for one, _ in found for click in one]
    times = [end - due for due, end, _ in clicks]
    return {
        "p95_ms": p95(times),
        "median_ms": median(times),
        "worst_ms": round(1000 * max(times), 1),
        "errors": sum(not good for *_, good in clicks),
        "clicks": len(clicks),
        "server_cpu": round(share, 3),
        "server_mb_start": round(memory, 1),
        "server_mb_end": round(server.memory(), 1),
    }


def follow(server: Served, units: Sequence[Unit], options: Any) -> dict[str, Any]:
    """A teacher who clicks, and students who follow."""

    async def teach() -> dict[Unit, float]:
        engine = zf.connect(server.url, TEACHER)
        explorer = zf.Explorer(engine)
        room = explorer.lead("lesson")
        chance, clicks = random.Random(1), {}
        ready = await asyncio.to_thread(start.recv)  # the room's name is needed first
        assert ready == "room?"
        start.send(room)
        await asyncio.to_thread(start.recv)
        while explorer.room.get("followers", 0) < options.clients:
            await asyncio.sleep(0.05)
        for unit in chance.sample(units, CLICKS):
            await asyncio.sleep(1.5)
            clicks[unit] = time.monotonic()
            explorer.layer, explorer.channel = unit
        await asyncio.sleep(2.0)
        explorer.stop_leading()
        await asyncio.sleep(0.5)
        engine.close()
        return clicks

    start, end = FORK.Pipe()

    def teacher() -> None:
        start.send(list(asyncio.run(teach()).items()))

    process = FORK.Process(target=teacher, daemon=True)
    process.start()
    end.send("room?")
    room = end.recv()
    with students(options.clients, following_along, server.url, room) as gather:
        gather("ready")
        end.send("go")
        clicks = dict(end.recv())
        found = [dict(times) for (times,) in gather("times")]
    process.join(5)
    heard = [one[unit][0] - when for one in found for unit, when in clicks.items() if unit in one]
    shown = [one[unit][1] - when for one in found for unit, when in clicks.items() if unit in one]
    return {
        "follow_p95_ms": p95(heard),
        "follow_shown_p95_ms": p95(shown),
        "follow_missed": len(clicks) * len(found) - len(heard),
    }


def killed(server: Served, units: Sequence[Unit], options: Any) -> dict[str, Any]:
    """A server that is killed while students click, and started again."""
    start = time.monotonic() + 1.5 + 0.15 * options.clients
    end = start + 45.0
    given = (server.url, units, options.every, start, end)
    with students(options.clients, clicking, *given) as gather:
        gather("ready")
        time.sleep(max(0.0, start + 6.0 - time.monotonic()))
        died = time.monotonic()
        server.kill()
        time.sleep(AWAY)
        server.start()
        back = time.monotonic()
        found = gather("clicks")
    after = [min(end for due, end, _ in one if end > back) - back for one, _ in found]
    return {
        "killed_errors": sum(not good for one, _ in found for *_, good in one),
        "killed_said_so": sum(any(died < when < back + 5 for when in away) for _, away in found),
        "killed_away_s": round(back - died, 1),
        "killed_back_s": round(max(after), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5.0, help="of the lesson")
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two clicks")
    parser.add_argument("--cold", action="store_true", help="nothing is prepared ahead")
    parser.add_argument("--units", type=int, default=0, help="how many there are to click on")
    parser.add_argument("--answers", type=Path, help="folder of answers that is kept")
    parser.add_argument("--only", choices=["lesson", "following", "killed", "student"])
    parser.add_argument("--quick", action="store_true", help="half a minute, 100 units")
    options = harness.options(parser)
    if options.quick:
        options.minutes, options.units = 0.5, 100
    with tempfile.TemporaryDirectory() as temporary:
        more = () if options.cold or options.units else ("--prepare",)
        server = Served(options.answers or Path(temporary), *more)
        try:
            answer = measure(server, options)
        finally:
            server.process.terminate()
            server.process.wait()
    harness.finish(answer)


def measure(server: Served, options: Any) -> dict[str, Any]:
    """All of it."""
    answer: dict[str, Any] = {"clients": options.clients, "every_s": options.every}
    answer["seconds"] = 60 * options.minutes
    units = FORK.SimpleQueue()

    def look() -> None:
        engine = zf.connect(server.url, STUDENT)
        there = [
            (layer.name, channel)
            for layer in engine.layers if layer.role == "conv"
            for channel in range(layer.channels)
        ]  # fmt: skip
        if options.units:
            there = random.Random(0).sample(there, options.units)
        if options.units and not options.cold:
            for unit in there:
                assert asked(service_of(engine), grid(unit), lambda *_: None)
        units.put(there)
        engine.close()

    looking = FORK.Process(target=look)  # threads of this process would trouble its forks
    began = time.monotonic()
    looking.start()
    chosen = units.get()
    looking.join()
    if not options.cold:
        server.prepared()
        answer["preparing_s"] = round(time.monotonic() - began, 1)
        print(f"prepared in {answer['preparing_s']:.0f} s", flush=True)
    answer["units"] = len(chosen)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "lesson": lambda: lesson(server, chosen, options),
        "following": lambda: follow(server, chosen, options),
        "killed": lambda: killed(server, chosen, options),
        "student": lambda: student(server, chosen),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            found = part()
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()),
                  flush=True)  # fmt: skip
            answer |= found
    return answer


if __name__ == "__main__":
    main()
