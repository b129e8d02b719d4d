"""Our own random numbers: the same on every thread, and nobody else's are touched."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import TensorDataset

from tests.waiting import SECONDS
from zfwidgets.experiments import train_steps
from zfwidgets.experiments.shared.seeded import DrawnAgain, numpy_and_python, own_random
from zfwidgets.images.sets.repeatable import states
from zfwidgets.records import Progress

DRAWS: list[Callable[[], torch.Tensor]] = [
    lambda: torch.rand(3, 2),
    lambda: torch.randn(5),
    lambda: torch.randint(9, (4,)),
    lambda: torch.randint(2, 9, (4,)),
    lambda: torch.randperm(6),
    lambda: torch.rand_like(torch.ones(2, 3)),
    lambda: torch.empty(4).uniform_(),
    lambda: torch.bernoulli(torch.full((7,), 0.4)),
    lambda: torch.multinomial(torch.ones(6), 3),
    lambda: torch.normal(torch.zeros(3), 2.0),
    lambda: nn.functional.dropout(torch.ones(4, 5), 0.3),
    lambda: nn.functional.rrelu(-torch.ones(6), training=True),
    lambda: nn.init.trunc_normal_(torch.empty(8)),
]


def drawn() -> list[torch.Tensor]:
    return [draw() for draw in DRAWS]


def in_a_thread(call: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join(SECONDS)
    return found[0]


def test_a_worker_draws_what_the_global_generator_would_give() -> None:
    with own_random(3, 5, alone=True):
        wanted = drawn()

    def worker() -> list[torch.Tensor]:
        with own_random(3, 5):
            return drawn()

    before = torch.get_rng_state()
    for one, other in zip(in_a_thread(worker), wanted, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_others_draw_undisturbed_meanwhile() -> None:
    """In the middle of a worker's draws the main thread draws: both get their own numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(8)
        undisturbed = torch.rand(4)
        np.random.seed(8)  # noqa: NPY002
        theirs = np.random.rand(3)  # noqa: NPY002
        with own_random(1, alone=True):
            wanted = torch.rand(6)
        turn, back = threading.Event(), threading.Event()

        def worker() -> torch.Tensor:
            with own_random(1):
                first = torch.rand(3)
                turn.set()
                assert back.wait(SECONDS)
                return torch.cat([first, torch.rand(3)])

        torch.manual_seed(8)
        np.random.seed(8)  # noqa: NPY002
        found: list[torch.Tensor] = []
        thread = threading.Thread(target=lambda: found.append(worker()))
        thread.start()
        assert turn.wait(SECONDS)
        mine = torch.rand(4), np.random.rand(3)  # noqa: NPY002
        back.set()
        thread.join(SECONDS)
    assert torch.equal(found[0], wanted)
    assert torch.equal(mine[0], undisturbed)
    np.testing.assert_array_equal(mine[1], theirs)


def test_numpy_and_python_are_put_back() -> None:
    before = states()["numpy.random"][1].copy(), random.getstate()
    values = []
    for _ in range(2):
        with numpy_and_python(4):
            values.append((np.random.rand(), random.random()))  # noqa: NPY002
    assert values[0] == values[1]
    assert np.array_equal(before[0], states()["numpy.random"][1])
    assert before[1] == random.getstate()


class Net(nn.Module):
    """A small network with batch norm and dropout, which may run again in the backward pass."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again
        layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.4)]
        layers += [nn.FractionalMaxPool2d(2, output_size=3)]  # draws in eval mode too
        self.first, self.last = nn.Sequential(*layers), nn.Linear(4, 3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.again:
            maps = checkpoint(self.first, pixels, use_reentrant=False)
        else:
            maps = self.first(pixels)
        return self.last(maps.mean((2, 3)))


@pytest.mark.parametrize("again", [False, True])
def test_a_training_has_the_same_bits_on_a_worker(again: bool) -> None:
    pixels = torch.randn(24, 3, 7, 9, generator=torch.Generator().manual_seed(1))
    data = TensorDataset(pixels, torch.arange(24) % 3)

    def flip(image: torch.Tensor) -> torch.Tensor:
        image = image.flip(-1) if torch.rand(()) < 0.5 else image
        return image + random.random() + np.random.rand()  # noqa: NPY002

    def trained() -> dict[str, torch.Tensor]:
        with own_random(2):
            model = Net(again)
        options = {"epochs": 2, "batch": 8, "rate": 0.1, "seed": 3, "augment": flip}
        for step in train_steps(model, data, validation=data, **options):
            if not isinstance(step, Progress):
                record = step
        errors = torch.from_numpy(np.append(record.train_error, record.validation_error))
        return {**model.state_dict(), "errors": errors}

    before = torch.get_rng_state(), random.getstate(), states()["numpy.random"][1].copy()
    wanted, found = trained(), in_a_thread(trained)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert np.array_equal(before[2], states()["numpy.random"][1])
    for name, value in wanted.items():
        assert torch.equal(value, found[name]), name


def test_what_would_draw_other_numbers_in_the_backward_pass_is_noticed() -> None:
    net = Net(again=True)
    with own_random(1, alone=False) as draws:
        loss = net(torch.randn(4, 3, 7, 9)).sum()
        assert draws is not None
        draws.end()
        with pytest.raises(DrawnAgain):
            loss.backward()
