"""Ctrl-C at any moment: no hook stays that does anything, and all weights are as they were."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zfwidgets as zf
from tests.engine.two_convolutions import images, make
from tests.same import assert_same
from tests.waiting import eventually
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import network as network_module
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection.projected import Projected
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


# ---------------------------------------------------------------------- other packages' rules


RULES = {"lrp": ("zennit", zf.rules.Lrp), "grad-cam": ("captum", zf.rules.GradCam)}


def inside(engine: LocalEngine) -> dict[str, object]:
    """What other packages change of the engine's copy while they compute.

    Not the hooks of the engine's own passes: one that stays does nothing (see above).
    """
    module = engine.session.network.module
    parts = [*module.modules()]
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

    def others(hooks: dict[int, Any]) -> list[str]:
        return [str(one) for one in hooks.values() if one.__module__ != network_module.__name__]

    return {
        "state": {name: value.clone() for name, value in module.state_dict().items()},
        "hooks": [[others(getattr(part, kind)) for kind in kinds] for part in parts],
        "own": [sorted(vars(part)) for part in parts],
        "training": [part.training for part in parts],
        "requires_grad": [one.requires_grad for one in module.parameters()],
        "grad": [one.grad is None for one in module.parameters()],
    }


@pytest.mark.parametrize("name", RULES)
def test_an_interrupt_of_another_packages_rule_leaves_the_copy_as_it_was(name: str) -> None:
    package, _ = RULES[name]
    pytest.importorskip(package)
    engine = make()
    unit, image = Unit("second", 3), engine.top("second", 3)[0].image

    def call() -> Any:
        return engine.project(unit, image, name)

    expected, before = call(), inside(engine)
    length, _ = _steps_of(call)
    struck = 0
    for moment in np.random.default_rng(1).integers(1, length + 1, 40).tolist():
        struck += _steps_of(call, moment)[1]
        assert_same(inside(engine), before)
    assert struck > 35
    assert_same(call().pixels, expected.pixels)


def is_waiting(thread: int, left: list[FrameType]) -> None:
    """Fails where a thread isn't inside one of Python's waits, and another than those it left."""
    frame = sys._current_frames()[thread]
    code = frame.f_code
    assert (Path(code.co_filename).name, code.co_name) == ("threading.py", "wait")
    assert not any(frame is one for one in left)
    left.append(frame)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C can't be sent to one process there")
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", RULES)
def test_ctrl_c_while_another_package_computes_waits_for_it(name: str, times: int) -> None:
    """However often it is pressed: the next call finds no half of that."""
    package, kind = RULES[name]
    pytest.importorskip(package)
    engine = make()
    unit, image = Unit("second", 3), engine.top("second", 3)[0].image
    expected, before = engine.project(unit, image, name), inside(engine)
    done = []

    class Struck(kind):  # type: ignore[misc, valid-type]
        """Its library hooks in, then Ctrl-C is pressed."""

        def attribute(
            self, network: Network, images: Tensor, layer: str, units: list[tuple[int, int, int]]
        ) -> Projected:
            run = network.run

            def pressed(*given: Any, **options: Any) -> Any:
                for number in range(len(heard) + 1, times + 1):
                    eventually(partial(is_waiting, main, left))
                    os.kill(os.getpid(), signal.SIGINT)
                    eventually(partial(is_heard, number))
                return run(*given, **options)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(network, "run", pressed)
                found = super().attribute(network, images, layer, units)
            done.append(found)
            return found  # type: ignore[no-any-return]

    main = threading.get_ident()
    heard: list[int] = []
    left: list[FrameType] = []

    def is_heard(times: int) -> None:
        assert len(heard) == times

    def handle(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    former, at_once = signal.signal(signal.SIGINT, handle), None
    try:
        engine.project(unit, image, Struck())
    except KeyboardInterrupt:
        at_once = bool(done)
    finally:
        signal.signal(signal.SIGINT, former)
    assert at_once is True, "it is still computing, or wasn't interrupted"
    assert_same(inside(engine), before)
    assert_same(engine.project(unit, image, name).pixels, expected.pixels)
