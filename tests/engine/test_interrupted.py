"""Ctrl-C at any moment: no hook stays that does anything, and all weights are as they were."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.two_convolutions import images, make
from tests.waiting import eventually
from zfwidgets.engine.network import network as network_module
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import GradCam
from zfwidgets.records import Unit


def test_interrupts_at_any_moment_leave_no_hook_that_does_anything() -> None:
    network = make().session.network
    batch = torch.stack(images(2))
    expected = _shown(network, batch)
    wanted_scores = network(batch)
    changed = {"first": lambda _, output: output * 0}
    calls = [
        lambda: _shown(network, batch),
        lambda: network.run(batch, lambda *_: None, only="second"),
        lambda: network.run_changed(batch, changed),
        lambda: network(batch),
    ]
    chance, lengths = np.random.default_rng(0), [_steps_of(call)[0] for call in calls]
    struck = 0
    for number in range(2000):
        which = number % len(calls)
        struck += _steps_of(calls[which], chance.integers(1, lengths[which] + 1))[1]
    assert struck > 1900
    # Nothing that an earlier pass left may see, or change, the next one.
    np.testing.assert_array_equal(network(batch), wanted_scores)
    found = _shown(network, batch)
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (_, mine), (_, wanted) in zip(found, expected, strict=True):
        assert torch.equal(mine, wanted)


def _shown(network: Any, batch: Tensor) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    network.run(batch, lambda name, output: found.append((name, output.clone())))
    return found


def _steps_of(call: Callable[[], Any], interrupt_at: int | None = None) -> tuple[int, bool]:
    """Run a call; how many instructions it took, and whether it was interrupted at one of them.

    Counted are the instructions of the module that hooks, and the lines of all others.
    """
    done = 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal done
        frame.f_trace_opcodes = frame.f_code.co_filename == network_module.__file__
        done += 1
        if done == interrupt_at:
            raise KeyboardInterrupt
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    except KeyboardInterrupt:
        return done, True
    finally:
        sys.settrace(before)
    return done, False


def test_however_often_it_is_pressed_another_packages_rule_ends_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("captum")
    engine, true = make(), GradCam.attribute
    waits, ended = 0, False

    class Counted:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.release = self.lock.release

        def acquire(self) -> None:
            nonlocal waits
            waits += self.lock.locked()
            self.lock.acquire()

    def pressed(self: GradCam, *arguments: Any) -> Any:
        nonlocal ended
        eventually(lambda: _is(waits > 0))
        for _ in range(2):
            before = waits
            while waits == before:
                # Not to the process: another thread may take that, and the one that waits sleep
                # on. It also sleeps on after one that came just before it fell asleep.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                time.sleep(0.01)
        found = true(self, *arguments)
        ended = True
        return found

    monkeypatch.setattr(deconv, "Lock", Counted)
    monkeypatch.setattr(GradCam, "attribute", pressed)
    unit, image = Unit("second", 3), engine.top("second", 3)[0].image
    with pytest.raises(KeyboardInterrupt):
        engine.project(unit, image, "grad-cam")
    assert ended
    monkeypatch.setattr(GradCam, "attribute", true)
    np.testing.assert_array_equal(
        engine.project(unit, image, "grad-cam").pixels,
        make().project(unit, image, "grad-cam").pixels,
    )


def _is(condition: bool) -> None:
    assert condition
