"""The evolution's widget shows the watch's record, on the kernel's main thread."""

from __future__ import annotations

import asyncio
import html
import io
import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ipywidgets.widgets.widget import _instances
from PIL import Image
from torch import nn

import zfwidgets as zf
from tests.experiments.charted import drawn
from tests.experiments.small_state import assert_synchronised_state_is_small
from tests.waiting import SECONDS
from zfwidgets.errors import InputError, TrainingDiverged
from zfwidgets.experiments import EvolutionRecord
from zfwidgets.experiments.evolution.gate import CANT
from zfwidgets.experiments.evolution.widget_pictures import KINDS, shown


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


class Training:
    """A small network, a watch on it, and its steps."""

    def __init__(self, **when: Any) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.model = nn.Sequential(
                nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.Flatten(1)
            )
        self.images = torch.randn(5, 3, 20, 16, generator=torch.Generator().manual_seed(2))
        self.watch = zf.watch(
            self.model, list(self.images), 2, denormalize=([0.5] * 3, [1.0] * 3), **when
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.05)

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.images), torch.arange(5))
        loss.backward()
        self.optimizer.step()
        self.watch.step(loss)

    def run(self, steps: int) -> EvolutionRecord:
        for _ in range(steps):
            self.step()
        return self.watch.finish(SECONDS)


def asked(wall: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[Any]]:
    """What the page gets when it asks for a wall: data and pictures."""
    sent: list[tuple] = []
    key = {"fingerprint": wall.fingerprint, "wall": wall.wall, "first": 0}
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "wall", "key": key}
    with monkeypatch.context() as patch:
        patch.setattr(wall, "send", lambda content, buffers: sent.append((content, buffers)))
        wall._handle_custom_msg(request, [])
    ((content, buffers),) = sent
    assert content["op"] == "reply", content
    return content["data"], [np.asarray(Image.open(io.BytesIO(b)).convert("RGB")) for b in buffers]


def test_slider_maps_and_curves_are_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(every=2)
    record = training.run(6)
    box = zf.Evolution(training.watch)
    assert box.settle(SECONDS)
    assert box.result.steps.tolist() == [0, 2, 4, 6]
    assert (box._time.max, box._time.value) == (3, 3)
    for at in (1, 0, 3):
        box._time.value = at
        moment = record.moments[at]
        assert moment.when in box._when.value
        data, found = asked(box._maps, monkeypatch)
        expected = [shown(one, "projections") for one in moment.strongest]
        assert data["there"] == [one is not None for one in expected]
        for picture, pixels in zip(found, (p for p in expected if p is not None), strict=True):
            np.testing.assert_array_equal(picture, pixels)
        assert box._curve.marks == [{"kind": "line", "at": at}]
    for layer in record.layers:
        np.testing.assert_allclose(drawn(box._curve)[layer], record.likeness(layer))
    box._maps.chosen = 2
    data, found = asked(box._film, monkeypatch)
    assert data["total"] == 4
    assert [detail == "new photo" for detail in data["details"]] == record.jumps(2).tolist()
    layer, channel = record.units[2]
    strength = drawn(box._strength)[f"{layer} {channel}"]
    np.testing.assert_allclose(strength, record.values(2))
    box._film.chosen = 1
    assert box._time.value == 1
    box._layer.value = record.layers[1]
    assert asked(box._maps, monkeypatch)[0]["total"] == 2
    box._kind.value = "patches"
    _, found = asked(box._maps, monkeypatch)
    np.testing.assert_array_equal(found[0], shown(record.moments[1].strongest[2], KINDS[1]))


def test_it_follows_the_training_unless_one_looks_back() -> None:
    training = Training(every=1, background=False)
    box = zf.Evolution(training.watch)
    assert box._time.max == 0
    training.step()
    assert (box._time.max, box._time.value) == (1, 1)
    box._time.value = 0
    training.step()
    assert (box._time.max, box._time.value) == (2, 0)
    assert "step 2" in box._status.value or box.settle(SECONDS)


def test_news_are_shown_on_the_main_thread_while_the_loop_runs_in_another() -> None:
    training = Training(every=1)
    told: set[threading.Thread] = set()

    async def cell() -> None:
        box = zf.Evolution(training.watch)
        done = asyncio.Event()

        def changed(change: dict[str, Any]) -> None:
            told.add(threading.current_thread())
            if "done" in box._status.value:
                done.set()

        box._time.observe(changed)
        box._status.observe(changed, "value")
        thread = threading.Thread(target=training.run, args=(5,))
        thread.start()
        await asyncio.wait_for(done.wait(), SECONDS)
        await asyncio.to_thread(thread.join)
        assert box.result.steps[-1] == 5
        assert box._pause.disabled

    asyncio.run(cell())
    assert told == {threading.current_thread()}


def test_a_loop_that_blocks_the_main_thread_shows_its_news_as_it_passes_by() -> None:
    training = Training(every=1, background=False)

    async def cell() -> None:
        box = zf.Evolution(training.watch)
        pushed: list[str] = []
        box._maps.send = lambda content, buffers=None: pushed.append(content["key"]["wall"])
        for number in range(1, 4):  # without a pause for the event loop
            training.step()
            training.watch.wait()
            assert box._time.max == number
            assert pushed[-1] == box._maps.wall, "the page needn't ask"

    asyncio.run(cell())


def test_pause_and_single_steps_from_the_widget() -> None:
    training = Training(at=[0])
    box = zf.Evolution(training.watch)
    news = threading.Condition()

    def hear() -> None:
        with news:
            news.notify_all()

    def until(steps: int) -> None:
        with news:
            assert news.wait_for(
                lambda: training.watch.waiting and training.watch.steps == steps, 60
            )

    training.watch.listen(hear)
    box._pause.click()
    assert box._pause.description == "Continue"
    thread = threading.Thread(target=training.run, args=(9,), daemon=True)
    thread.start()
    until(1)
    box._one.click()
    until(2)
    assert "the training waits" in box._status.value
    box._look.click()
    box._pause.click()
    thread.join(SECONDS)
    assert training.watch.record.steps.tolist() == [0, 3]
    assert box._pause.description == "Pause"


def test_closing_lets_a_paused_loop_go_on() -> None:
    training = Training(at=[0])
    box = zf.Evolution(training.watch)
    box._pause.click()
    thread = threading.Thread(target=training.run, args=(3,), daemon=True)
    thread.start()
    box.close()
    thread.join(SECONDS)
    assert training.watch.steps == 3
    assert box._maps.comm is None


def test_on_the_main_thread_it_says_why_it_is_not_paused() -> None:
    training = Training(at=[0])
    box = zf.Evolution(training.watch)
    box._pause.click()
    training.step()
    assert html.escape(CANT) in box._status.value
    assert box._pause.description == "Pause"


def test_a_training_that_diverges_keeps_what_was_seen() -> None:
    training = Training(every=1)
    box = zf.Evolution(training.watch)
    training.step()
    with pytest.raises(TrainingDiverged):
        training.watch.step(float("nan"))
    assert box.settle(SECONDS)
    assert "The loss of step 2 is nan" in box._status.value
    assert box.result.steps.tolist() == [0, 1]
    assert box._pause.disabled


def test_synchronised_state_is_small_and_without_pixels() -> None:
    training = Training(every=1)
    training.run(4)
    zf.Evolution(training.watch)
    assert_synchronised_state_is_small()


def test_curves_are_drawn_again_without_leaving_models_behind() -> None:
    training = Training(every=1, background=False)
    zf.Evolution(training.watch)
    training.step()
    before = len(_instances)
    for _ in range(4):
        training.step()
    assert len(_instances) == before


def test_a_stored_record_is_shown_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[tuple[dict, dict]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **m: outputs.append((data, m)))
    record = Training(every=2).run(4)
    box = zf.Evolution(record)
    box._ipython_display_()
    (live, _), (picture, _) = outputs
    assert "application/vnd.jupyter.widget-view+json" in live
    assert picture["text/plain"].startswith("zfwidgets Evolution: Sequential: 4 feature maps of 2")
    sheet = np.asarray(box.snapshot())
    assert sheet.shape[1] == 1200
    found = next(one for one in record.moments[-1].strongest if one.levels is not None)
    shown = found.to_pil()
    assert shown is not None
    colours = {tuple(c) for c in np.asarray(shown).reshape(-1, 3)}
    assert colours & {tuple(c) for c in sheet.reshape(-1, 3)}
    with pytest.raises(InputError, match="there is no engine behind it"):
        _ = box.engine
    assert not [one for one in box.children if isinstance(one, ipywidgets.Button)]
    empty = zf.Evolution(Training(at=[3]).watch.record)
    assert empty.snapshot().width == 1200
