"""The ablation study's widget shows the table of `ablate`, off the kernel's main thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from torch import nn
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.charted import drawn, names, places
from tests.experiments.small_state import assert_synchronised_state_is_small
from tests.waiting import SECONDS
from tests.without_torch import run_without_torch
from zfwidgets.errors import InputError
from zfwidgets.experiments import AblationTable, ablate
from zfwidgets.experiments.ablation import Architecture, conv, fc, pool
from zfwidgets.experiments.training.trainer import Trainer

ROWS, COLUMNS = 9, 14
BASE = Architecture(
    [
        conv("conv1", 4, 3, padding=1),
        pool("pool1"),
        conv("conv2", 5, 3, padding=1),
        fc("fc3", 8, dropout=0.5),
        fc("fc4", 6),
    ],
    (3, ROWS, COLUMNS),
)
VARIANTS = {
    "as it is": BASE,
    "without conv2": BASE.without("conv2"),
    "own": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * ROWS * COLUMNS, 6)),
}
TRAINING: dict[str, Any] = {"epochs": 3, "batch": 8, "rate": 0.02, "seed": 3}


def images(number: int = 40, seed: int = 0) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 6
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    for image, label in zip(pixels, labels, strict=True):
        image[int(label) % 3, :, 2 * int(label) : 2 * int(label) + 3] += 2.0
    return TensorDataset(pixels, labels)


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    for widget in [w for w in _instances.values() if isinstance(w, zf.Ablation)]:
        widget.close()
    ipywidgets.Widget.close_all()


def study(variants: Any = VARIANTS, **options: Any) -> zf.Ablation:
    options = {**TRAINING, "validation": images(30, 1), **options}
    return zf.Ablation(variants, images(), **options)


def same(one: AblationTable, other: AblationTable) -> None:
    assert [row.name for row in one.rows] == [row.name for row in other.rows]
    for mine, theirs in zip(one.rows, other.rows, strict=True):
        assert (mine.parameters, mine.note) == (theirs.parameters, theirs.note)
        for name in ("losses", "measured", "train_error", "validation_error", "validation_error_5"):
            np.testing.assert_array_equal(
                getattr(mine.training, name), getattr(theirs.training, name)
            )


def test_table_bars_and_curves_are_the_record_of_ablate() -> None:
    box = study()
    assert box.settle(SECONDS)
    record = ablate(VARIANTS, images(), validation=images(30, 1), progress=False, **TRAINING)
    same(box.result, record)
    assert box.result.complete
    bars = dict(zip(names(box._bars), np.transpose([*drawn(box._bars).values()]), strict=True))
    for row in record.rows:
        np.testing.assert_allclose(bars[row.name], [row.train_error, row.validation_error])
        np.testing.assert_allclose(places(box._curves)[row.name], [1, 2, 3])
        np.testing.assert_allclose(drawn(box._curves)[row.name], row.training.validation_error)
        low, high = row.validation_interval
        for text in (
            f"{row.parameters:,}",
            f"{100 * row.train_error:.1f}",
            f"{100 * row.validation_error:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
            f"{100 * row.validation_error_5:.1f}",
            "3 of 3",
        ):
            assert text in box._text.value
    assert "done: 3 of 3 variants" in box._status.value
    assert box._button.disabled, "there is nothing to go on with"
    model = box.trained("without conv2")
    validation = images(30, 1)
    with torch.no_grad():
        wrong = (model(validation.tensors[0]).argmax(1) != validation.tensors[1]).float().mean()
    assert record["without conv2"].validation_error == pytest.approx(float(wrong))


def test_what_is_clicked_is_pointed_out_and_compared() -> None:
    box = study()
    assert box.settle(SECONDS)
    assert "Click a bar" in box._about.value
    box._bars.set_state({"chosen": [0, 1]})
    assert box._variant.value == 1
    assert "▸ without conv2" in box._text.value
    assert box._bars.marks == [{"kind": "place", "at": 1}]
    assert box._curves.strong == 1
    difference, low, high = box.result.difference("without conv2", "as it is")
    said = box._about.value.replace("−", "-")
    assert f"{100 * difference:+.1f} points" in said
    assert f"{100 * low:+.1f} to {100 * high:+.1f}" in said
    assert ("can&#x27;t tell" in box._about.value) == (low <= 0 <= high)
    box._curves.set_state({"chosen": [2, 0]})
    assert box._variant.value == 2
    assert box._bars.marks == [{"kind": "place", "at": 2}]
    box._variant.value = -1
    assert "▸" not in box._text.value
    assert (box._bars.marks, box._curves.strong) == ([], -1)


def test_stopped_and_gone_on_with_it_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the second epoch of the second variant, whose other errors stay in view."""
    record = ablate(VARIANTS, images(), validation=images(30, 1), progress=False, **TRAINING)
    steps, original = [], Trainer._step
    reached, stopped = threading.Event(), threading.Event()

    def step(self: Trainer, *batch: Any) -> Any:
        steps.append(self.done)
        if len(steps) == 15 + 7:
            reached.set()
            assert stopped.wait(SECONDS)
        return original(self, *batch)

    monkeypatch.setattr(Trainer, "_step", step)
    box = study(start=False)
    assert "not begun" in box._text.value
    box.start()
    assert reached.wait(SECONDS)
    box.stop()
    stopped.set()
    assert box.settle(SECONDS)
    assert not box.running
    assert box._button.description == "Go on"
    assert len(steps) == 15 + 7
    assert box.result.rows[0].training.complete
    assert box.result.rows[1].training.measured.tolist() == [5]
    assert "stopped" in box._text.value
    shown = []
    box._text.observe(lambda change: shown.append(change["new"]), "value")
    box._button.click()
    assert box.settle(SECONDS)
    assert len(steps) == 45, "no step is done twice"
    assert all(f"{100 * record.rows[0].train_error:.1f}" in text for text in shown)
    same(box.result, record)


def test_a_variant_that_diverges_is_named_in_its_row_and_the_others_go_on() -> None:
    class Broken(nn.Module):
        """Its loss is NaN from the seventh step on."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = BASE.build(1)
            self.steps = 0

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            self.steps += self.training
            return self.inner(pixels) + (float("nan") if self.steps >= 7 else 0.0)

    box = study({"first": BASE, "bad": Broken, "last": VARIANTS["without conv2"]})
    assert box.settle(SECONDS)
    bad = box.result["bad"]
    assert "loss of step 7 (in epoch 2) is nan" in bad.note
    assert bad.training.measured.tolist() == [5]
    assert "in epoch 2) is nan" in box._text.value
    assert box.result["last"].training.complete
    assert "done: 2 of 3 variants" in box._status.value
    picture = box.snapshot()
    assert picture.width == 1200


def test_news_are_shown_on_the_main_thread_and_computed_on_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed, told = set(), set()
    original = Trainer._errors

    def errors(self: Trainer, *args: Any) -> Any:
        computed.add(threading.current_thread())
        return original(self, *args)

    monkeypatch.setattr(Trainer, "_errors", errors)

    async def cell() -> None:
        box = study()
        assert "in training" in box._text.value
        assert "waiting" in box._text.value
        done = asyncio.Event()

        def changed(change: dict[str, Any]) -> None:
            told.add(threading.current_thread())
            if "done" in box._status.value:
                done.set()

        box._text.observe(changed, "value")
        box._status.observe(changed, "value")
        await asyncio.wait_for(done.wait(), SECONDS)

    asyncio.run(cell())
    assert told == {threading.current_thread()}
    assert threading.current_thread() not in computed


def test_cells_draw_undisturbed_while_it_trains() -> None:
    """NumPy's too: nothing is built by a callable, for which it would be seeded meanwhile."""
    described = {name: VARIANTS[name] for name in ("as it is", "without conv2")}
    record = ablate(described, images(), validation=images(30, 1), progress=False, **TRAINING)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        box = study(described, start=False)
        drawn, theirs = [], []
        box.start()
        while box.running:
            drawn.append(torch.rand(3))
            theirs.append(np.random.rand())  # noqa: NPY002
            assert torch.is_grad_enabled()
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        assert len(drawn) > 1
        for mine in drawn:
            assert torch.equal(mine, torch.rand(3))
    np.testing.assert_array_equal(theirs, np.random.rand(len(theirs)))  # noqa: NPY002
    assert box.settle(SECONDS)
    same(box.result, record)


def test_a_temporary_folder_is_removed_and_ones_own_is_kept(tmp_path: Path) -> None:
    box = study()
    folder = box.folder
    assert folder is not None
    box.settle(SECONDS)
    assert (folder / "ablation.json").exists()
    box.close()
    assert box._service.jobs.wait({box._owner}, SECONDS)
    assert not folder.exists()
    box = study(folder=tmp_path)
    box.close()  # in the middle of it
    assert box._service.jobs.wait({box._owner}, SECONDS)
    other = study(folder=tmp_path)
    assert other.settle(SECONDS)
    same(
        AblationTable.load(tmp_path),
        ablate(VARIANTS, images(), validation=images(30, 1), progress=False, **TRAINING),
    )


def test_a_stored_record_is_shown_without_torch(tmp_path: Path) -> None:
    box = study(folder=tmp_path)
    assert box.settle(SECONDS)
    script = f"""
import zfwidgets as zf
from zfwidgets.experiments import AblationTable
box = zf.Ablation(AblationTable.load({str(tmp_path)!r}))
box.snapshot()
assert box._footer.layout.display == "none"
print(box._text.value)
"""
    assert run_without_torch(script).strip() == box._text.value
    stored = zf.Ablation(AblationTable.load(tmp_path))
    with pytest.raises(InputError, match="can't be gone on with"):
        stored.start()
    with pytest.raises(InputError, match="has no networks"):
        stored.trained("own")


def test_the_time_is_a_budget_of_each_run() -> None:
    box = study({1: BASE, 2: VARIANTS["own"]}, seconds=0.0)
    assert box.settle(SECONDS)
    for steps in (1, 2):
        assert [row.name for row in box.result.rows] == ["1", "2"]
        assert [row.training.steps for row in box.result.rows] == [steps, steps]
        assert box._text.value.count("the 0 s it was given were over") == 4, "in the row and below"
        assert not box._button.disabled
        box._button.click()
        assert box.settle(SECONDS)


def test_without_validation_it_says_so() -> None:
    box = study({"one": BASE, "other": VARIANTS["own"]}, validation=None)
    assert box.settle(SECONDS)
    assert "nothing here says how they do on new ones" in box._reading.value
    assert "validation" not in box._text.value
    errors = box.result["one"].training.train_error
    np.testing.assert_allclose(drawn(box._curves)["one"], errors)
    assert len(box._bars.series) == 1


def test_synchronised_state_is_small() -> None:
    box = study()
    assert box.settle(SECONDS)
    assert_synchronised_state_is_small()


def test_bad_input_is_named_before_anything_is_trained() -> None:
    with pytest.raises(InputError, match=r"Variant 'small': .* has 3 outputs, the data has 6"):
        study({"as it is": BASE, "small": Architecture([fc("fc1", 3)], (3, ROWS, COLUMNS))})
    wrong = Architecture(BASE.layers, (3, 16, 20))
    with pytest.raises(InputError, match=r"'wrong' can't be shown a picture of shape \(3, 9, 14\)"):
        study({"as it is": BASE, "wrong": wrong})
    with pytest.raises(InputError, match="epochs is 0"):
        study(epochs=0)
    with pytest.raises(TypeError, match="epoch"):
        study(epoch=3)
    one = TensorDataset(images().tensors[0], torch.ones(40, dtype=torch.int64))
    with pytest.raises(InputError, match="one class only"):
        zf.Ablation(VARIANTS, one, **TRAINING)
    with pytest.raises(InputError, match="pass it alone"):
        zf.Ablation(AblationTable(()), images())
