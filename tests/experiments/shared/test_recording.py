"""Recordings come back from a file, and widgets show them as what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch

import zfwidgets as zf
from tests.experiments.small import ROWS, Pictures, make_engine
from tests.same import assert_same
from tests.waiting import SECONDS
from tests.without_torch import run_without_torch
from zfwidgets.errors import InputError
from zfwidgets.experiments import Made, Recording
from zfwidgets.experiments.shared.head import Head
from zfwidgets.experiments.shared.picture_wall import PictureWall, Wall
from zfwidgets.widgets.static_picture.unattended import inside

MADE = Made("3 epochs of 12 pictures", 133.4, 7, "2026-11-30", "x86_64, 1 thread", {"torch": "2"})
PART = {"mouth": [(top, 4, 8, 6) for top in (3, 9, 20)], "ear": [(2, 12, 7, 5)] * 3}


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def ablation() -> zf.experiments.AblationTable:
    def build() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * ROWS * 24, 4))

    return zf.experiments.ablate(
        {"wide": build, "again": build}, Pictures(8, labelled=True), epochs=1, progress=False
    )


def evolution() -> zf.experiments.EvolutionRecord:
    from tests.experiments.small import MEAN, STD, chain

    model = chain()
    watch = zf.watch(
        model,
        Pictures(3),
        2,
        at=[0, 1],
        background=False,
        denormalize=(MEAN.tolist(), STD.tolist()),
    )
    with torch.no_grad():
        model[0].weight.mul_(1.5)
    watch.step(0.25)
    return watch.finish()


def transfer() -> zf.experiments.TransferRecord:
    return zf.experiments.transfer_features(
        make_engine(), Pictures(16, labelled=True), counts=[1], repeats=1, progress=False
    )


RESULTS: dict[str, tuple[Callable[[], Any], Callable[[Any], ipywidgets.Widget]]] = {
    "ablation": (ablation, lambda found: zf.Ablation(found)),
    "correspondence": (
        lambda: zf.experiments.measure_correspondence(
            make_engine(), PART, [0, 1, 2], draws=2, progress=False
        ),
        lambda found: zf.Correspondence(found),
    ),
    "diagnosis": (
        lambda: (zf.experiments.diagnose(make_engine(), projections=2, progress=False),),
        lambda found: zf.Diagnosis(found),
    ),
    "evolution": (evolution, lambda found: zf.Evolution(found)),
    "invariance": (
        lambda: zf.experiments.measure_invariance(
            make_engine(), [1, 3], ["scale"], disc=True, progress=False
        ),
        lambda found: zf.Invariance(found),
    ),
    "transfer": (transfer, lambda found: zf.Transfer(found)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_recording_comes_back_and_its_widget_says_what_it_is(name: str, tmp_path: Path) -> None:
    compute, show = RESULTS[name]
    result = compute()
    wall = Wall([np.full((9, 5, 3), 8, np.uint8)], ["one"])
    path = Recording(result, MADE, {"photos": wall}).save(tmp_path / f"{name}.npz")
    found = Recording.load(path)
    assert_same(result, found.result, exact=False)
    assert_same(dict(found.walls), {"photos": wall} if name else {}, exact=False)
    assert found.words == (
        "Recorded run, nothing is computed here: 3 epochs of 12 pictures, 2 minutes of one core, "
        "seed 7, 2026-11-30, x86_64, 1 thread."
    )
    widget = show(found)
    assert widget.settle(SECONDS)
    assert widget.result is found.result
    assert isinstance(widget.children[0], Head), "it stands above all else"
    assert widget.children[0].recorded == found.words
    assert not [
        part
        for part in inside(widget)
        if isinstance(part, ipywidgets.Button)
        and part.description in ("Start", "Stop")
        and widget._footer.layout.display != "none"
    ]
    assert widget.snapshot().size[0] == 1200
    with pytest.raises(InputError, match="there is no engine behind it"):
        _ = widget.engine
    if hasattr(widget, "start"):
        with pytest.raises(InputError, match="can't be gone on with"):
            widget.start()


def test_a_recording_of_another_experiment_is_refused() -> None:
    recording = Recording(evolution(), MADE)
    with pytest.raises(InputError, match="recording of a EvolutionRecord: expected that of a Abl"):
        zf.Ablation(recording)
    with pytest.raises(InputError, match="computed before: pass it alone"):
        zf.Transfer(Recording(transfer(), MADE), Pictures(8, labelled=True))


def test_classes_of_a_recorded_transfer_show_their_kept_pictures() -> None:
    result = transfer()
    walls = {
        f"class {n}": Wall([np.full((7, 6, 3), 40 + n, np.uint8)], [f"of {n}"]) for n in range(4)
    }
    widget = zf.Transfer(Recording(result, MADE, walls))
    widget._class.value = 2
    (hung,) = [part for part in inside(widget) if isinstance(part, PictureWall)]
    assert hung.shown is walls["class 2"]


def test_a_recording_is_shown_without_torch(tmp_path: Path) -> None:
    path = Recording(RESULTS["invariance"][0](), MADE).save(tmp_path / "moved.npz")
    program = (
        "import zfwidgets as zf\n"
        f"widget = zf.Invariance(zf.experiments.Recording.load({str(path)!r}))\n"
        "print(widget.result.curves[0].name, widget.snapshot().size[0])"
    )
    assert run_without_torch(program).split() == ["scale", "1200"]
