"""How a training is watched: when, what goes wrong, and loops that wait."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.experiments.evolution.trained import Pictures, network, train, watch
from tests.same import assert_same
from tests.trainers import trainer
from tests.waiting import PROGRAM, SECONDS
from zfwidgets.errors import InputError, MissingDependency, TrainingDiverged, UnknownLayer
from zfwidgets.experiments.evolution import lightning as lightning_module
from zfwidgets.experiments.evolution import looking
from zfwidgets.experiments.evolution.gate import CANT
from zfwidgets.records import Unit


def steps_looked_at(epochs: int = 2, batches: int = 4, **when: Any) -> list[int]:
    model = network()
    watched = watch(model, {"conv1": 1}, background=False, **when)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(epochs):
        for batch in watched.each(Pictures(2 * batches).tensors.split(2)):
            F.cross_entropy(model(batch), torch.zeros(2, dtype=torch.int64)).backward()
            optimizer.step()
    return watched.finish(SECONDS).steps.tolist()


@pytest.mark.parametrize(
    ("when", "steps"),
    [
        ({}, [0, 1, 2, 5, 8]),
        ({"every": 3}, [0, 3, 6, 8]),
        ({"at": [0, 4, 7]}, [0, 4, 7]),
        ({"at": [0, 0.5, 2], "per": 4}, [0, 2, 8]),
        ({"at": [1, 2, 5], "per": "epoch"}, [4, 8]),
        ({"at": [0, 2], "per": "epoch"}, [0, 8]),
    ],
)
def test_moments_are_those_asked_for(when: dict[str, Any], steps: list[int]) -> None:
    assert steps_looked_at(**when) == steps


def test_epochs_are_known_where_they_are_told() -> None:
    model = network()
    watched = watch(model, {"conv1": 1}, at=[0.5, 1], per=2)
    train(model, 2, watched.step)
    assert [m.epoch for m in watched.finish(SECONDS).moments] == [0.5, 1]
    watched = watch(network(), {"conv1": 1}, at=[1])
    assert watched.when == "step 0"
    assert watched.record.moments == ()


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({"at": [1], "every": 2}, "not both"),
        ({"every": 0}, "every is 0"),
        ({"at": []}, "at is empty"),
        ({"at": [-1]}, "at has -1"),
        ({"at": [0.5], "per": "epoch"}, r"per=len\(loader\)"),
        ({"per": "week"}, "per is 'week'"),
        ({"pending": 0}, "pending is 0"),
    ],
)
def test_moments_that_make_no_sense_are_named(when: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        watch(network(), **when)


def test_maps_are_chosen_in_the_order_of_the_network() -> None:
    assert watch(network(), [("conv2", 1), Unit("conv1", 0), ("conv2", 1)]).record.units == (
        ("conv1", 0),
        ("conv2", 1),
    )
    default = watch(network()).record.units, watch(network(), 3).record.units
    assert default[0][:3] == watch(network(), {"conv1": 3}).record.units
    assert [layer for layer, _ in default[1]] == ["conv1"] * 3 + ["conv2"] * 3 + ["conv3"] * 3
    assert default[1] == watch(network(), 3).record.units, "drawn the same each time"


@pytest.mark.parametrize(
    ("units", "error", "says"),
    [
        ([("conv9", 0)], UnknownLayer, "no layer 'conv9'. Nearest names: conv"),
        ([("conv1", 6)], InputError, "'conv1' has channels 0 to 5, got 6"),
        ({"conv1": 7}, InputError, "7 maps of layer 'conv1' are asked for: it has 6"),
        ([], InputError, "No feature maps are chosen"),
        (["conv1"], InputError, r"units has 'conv1': expected a Unit or \(layer, channel\)"),
    ],
)
def test_units_that_do_not_exist_are_named(units: Any, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        watch(network(), units)


def test_a_loss_that_is_no_number_names_its_step_and_keeps_what_was_before() -> None:
    model = network()
    watched = watch(model, every=3)

    def told(loss: Tensor) -> None:
        watched.step(loss * torch.nan if watched.steps == 7 else loss)

    with pytest.raises(TrainingDiverged, match="loss of step 8 is nan") as caught:
        train(model, 12, told)
    record = caught.value.record
    assert record.steps.tolist() == [0, 3, 6]
    assert watched.record.steps.tolist() == [0, 3, 6]
    assert "loss of step 8 is nan" in watched.record.ended
    watched.step()  # the loop may go on unwatched
    assert watched.finish(SECONDS).steps.tolist() == [0, 3, 6]


def test_weights_that_are_no_numbers_are_found_at_once() -> None:
    model = network()
    watched = watch(model, every=3)

    def told(loss: Tensor) -> None:
        if watched.steps == 4:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.fill_(torch.nan)
        watched.step()

    with pytest.raises(TrainingDiverged, match=r"weights aren't finite \(seen after step 5\)"):
        train(model, 12, told)
    assert watched.record.steps.tolist() == [0, 3]


def test_finite_weights_with_activations_that_are_not_name_the_layer() -> None:
    model = network()
    watched = watch(model, every=1, background=False)
    with torch.no_grad():
        model.conv1.weight.fill_(3e38)
    with pytest.raises(TrainingDiverged, match="After step 1 layer 'conv1' gives NaN or inf"):
        watched.step()
    assert watched.record.steps.tolist() == [0]


def test_a_loop_that_trains_another_object_is_named() -> None:
    model = network()
    watched = watch(model)
    with pytest.raises(InputError, match=r"trains another object .* than the Sequential that is"):
        watched.step(model=copy.deepcopy(model))
    trained = copy.deepcopy(model)
    with pytest.raises(InputError, match="After 20 steps no weight of the Sequential"):
        train(trained, 30, watched.step)
    watched = watch(model)
    train(trained, 2, watched.step)
    with pytest.raises(InputError, match="After 2 steps no weight"):
        watched.finish(SECONDS)


def test_a_model_that_is_trained_too_slowly_to_see_is_no_other() -> None:
    model = network()
    model.eval()  # so that batch norm's statistics stay too
    watched = watch(model)
    train(model, 20, watched.step, rate=0.0)
    assert watched.finish(SECONDS).steps.tolist() == [0, 1, 2, 5, 10, 20]


def test_a_layer_that_is_replaced_is_named() -> None:
    model = network()
    watched = watch(model, every=1)
    model.conv2 = nn.Conv2d(6, 8, 1)
    with pytest.raises(InputError, match=r"conv2.weight is float32 of shape \(8, 6, 1, 1\) now"):
        watched.step()


@pytest.mark.parametrize("loss", [torch.zeros(2), "much"])
def test_a_loss_that_is_not_one_number_is_named(loss: Any) -> None:
    with pytest.raises(InputError, match=r"loss of step 1 is .*expected one number"):
        watch(network(), {"conv1": 1}, at=[9]).step(loss)


def test_an_interrupted_loop_keeps_what_was_seen() -> None:
    model, watched = network(), []

    def told(loss: Tensor) -> None:
        watched[0].step(loss)
        if watched[0].steps == 5:
            raise KeyboardInterrupt

    def loop() -> None:
        with watch(model, every=2) as now:
            watched.append(now)
            train(model, 12, told)

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert watched[0].record.steps.tolist() == [0, 2, 4]


def test_what_nobody_had_time_for_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, look = network(), looking.Looking.look
    begun, go_on = threading.Event(), threading.Event()

    def slow(self: Any, *arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(SECONDS)
        return look(self, *arguments)

    monkeypatch.setattr(looking.Looking, "look", slow)
    watched = watch(model, every=1, pending=2)
    assert begun.wait(SECONDS)
    train(model, 6, watched.step)
    go_on.set()
    record = watched.finish(SECONDS)
    assert record.missed == (1, 2, 3, 4)
    assert record.steps.tolist() == [0, 5, 6]


class Loop(threading.Thread):
    """A training in a thread of its own, and a way to wait for what it does."""

    def __init__(self, steps: int) -> None:
        super().__init__(daemon=True)
        self.model, self.steps = network(), steps
        self.watch = watch(self.model, {"conv1": 1}, at=[0])
        self.news = threading.Condition()
        self.watch.listen(self.hear)

    def hear(self) -> None:
        with self.news:
            self.news.notify_all()

    def run(self) -> None:
        train(self.model, self.steps, self.watch.step)

    def until(self, true: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(true, SECONDS)


def test_a_loop_in_a_thread_waits_goes_on_and_does_single_steps() -> None:
    loop = Loop(30)
    loop.watch.pause()
    loop.start()
    loop.until(lambda: loop.watch.waiting)
    assert loop.watch.steps == 1
    loop.watch.advance()
    loop.until(lambda: loop.watch.waiting and loop.watch.steps == 2)
    loop.watch.advance(3)
    loop.until(lambda: loop.watch.waiting and loop.watch.steps == 5)
    assert loop.watch.paused
    loop.watch.resume()
    loop.join(SECONDS)
    assert loop.watch.steps == 30
    assert loop.watch.note == ""


def test_a_loop_on_the_main_thread_is_never_held() -> None:
    model = network()
    watched = watch(model, {"conv1": 1}, at=[0])
    watched.pause()
    train(model, 2, watched.step)
    assert not watched.paused
    assert watched.note == CANT
    watched.advance(1)
    train(model, 2, watched.step)
    assert watched.steps == 4


def test_a_loop_in_a_thread_with_an_event_loop_is_never_held() -> None:
    watched = watch(network(), {"conv1": 1}, at=[0])

    async def loop() -> None:
        train(network(), 1)
        watched.pause()
        watched.step()

    thread = threading.Thread(target=lambda: asyncio.run(loop()), daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert watched.note == CANT


def test_a_process_that_ends_lets_its_paused_loop_go_on(tmp_path: Path) -> None:
    code = """
import threading, torch, zfwidgets as zf
model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())
watch = zf.watch(model, [torch.zeros(3, 8, 9)], [("0", 0)], at=[0], denormalize=([0.5], [1.0]))
watch.pause()
def loop():
    watch.step()
    print("went on", flush=True)
thread = threading.Thread(target=loop)
thread.start()
while not watch.waiting: thread.join(0.01)
print("waits", flush=True)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROGRAM, check=True
    )
    assert run.stdout.split("\n") == ["waits", "went on", ""]


def test_without_lightning_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match="pip install lightning"):
        watch(network(), {"conv1": 1}).lightning()
    assert lightning_module.__name__ in sys.modules


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on data loaders
def test_a_lightning_trainer_is_watched_and_trains_the_same(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="pip install lightning")

    class Task(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, batch: Tensor, number: int) -> Tensor:
            return F.cross_entropy(self.network(batch), torch.arange(len(batch)) % 4)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

    def trained(watched: bool) -> tuple[nn.Module, Any]:
        torch.manual_seed(3)
        task = Task()
        found = watch(task.network, {"conv1": 1}, at=[0, 1, 2], per="epoch") if watched else None
        callbacks = [found.lightning()] if found else []
        loader = torch.utils.data.DataLoader(Pictures(12), batch_size=4)
        trainer(2, tmp_path, callbacks=callbacks).fit(task, loader)
        return task.network, found

    plain, _ = trained(False)
    model, watched = trained(True)
    assert_same(dict(plain.state_dict()), dict(model.state_dict()))
    record = watched.record
    assert record.steps.tolist() == [0, 3, 6]
    assert [moment.epoch for moment in record.moments] == [0, 1, 2]
    assert np.isfinite(record.losses).all()
    assert len(record.losses) == 6
