"""The recordings that are shipped are what the code computes, and learned what they show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import zfwidgets as zf
from benchmarks.building.recordings import learning
from benchmarks.building.recordings.build import RUNS
from zfwidgets.errors import InputError
from zfwidgets.experiments.evolution.moments import Strongest
from zfwidgets.experiments.recordings.opening import DATA

MOST = 4e6
"""Bytes of all recordings together."""


def test_all_are_there_small_and_say_how_they_were_made() -> None:
    assert zf.experiments.recorded_names() == tuple(sorted(RUNS))
    assert sum(path.stat().st_size for path in DATA.iterdir()) < MOST
    for name in RUNS:
        recording = zf.experiments.recorded(name)
        made = recording.made
        assert made.seconds > 10, "a recording saves waiting"
        assert {"torch", "zfwidgets"} <= made.versions.keys()
        assert made.date in recording.words
        assert "nothing is computed here" in recording.words
    with pytest.raises(InputError, match="no recording 'dreams': expected one of ablation, corr"):
        zf.experiments.recorded("dreams")


def assert_same_course(losses: Sequence[float], recorded: Sequence[float]) -> None:
    """Training magnifies what another processor rounds otherwise: equal at first, near later."""
    recorded = recorded[: len(losses)]
    np.testing.assert_allclose(losses[:10], recorded[:10], rtol=1e-5)
    np.testing.assert_allclose(losses, recorded, rtol=2e-2)


def same_picture(mine: Strongest, theirs: Strongest, levels: int) -> bool:
    """Whether a projection is the recorded one: of the same unit and image, to so many of 127."""
    if (mine.unit, mine.image, mine.box) != (theirs.unit, theirs.image, theirs.box):
        return False
    if mine.levels is None or theirs.levels is None:
        return mine.levels is theirs.levels
    apart = np.abs(mine.levels.astype(int) - theirs.levels)
    return bool(apart.max() <= levels) and abs(mine.scale / theirs.scale - 1) < 0.02


def test_the_first_epoch_of_the_evolution_again() -> None:
    recorded = zf.experiments.recorded("evolution").result
    again = learning.evolution(epochs=1).result
    assert len(again.losses) > 20
    assert_same_course(again.losses, recorded.losses)
    assert again.units == recorded.units
    for number in range(len(again.units)):
        np.testing.assert_allclose(again.values(number)[0], recorded.values(number)[0], rtol=1e-5)
        np.testing.assert_allclose(again.values(number)[1], recorded.values(number)[1], rtol=2e-2)
    # Pictures too: rounding moves one here and there to another place, or at a near tie.
    for at, levels, least in ((0, 1, 0.9), (1, 6, 0.7)):
        pairs = list(zip(again.moments[at].strongest, recorded.moments[at].strongest, strict=True))
        alike = [same_picture(mine, theirs, levels) for mine, theirs in pairs]
        assert np.mean(alike) >= least, [mine.unit for mine, _ in pairs]


def test_the_first_epoch_of_the_ablation_again() -> None:
    table = zf.experiments.recorded("ablation").result
    again = learning.ablation(epochs=1).result
    for mine, theirs in zip(again.rows, table.rows, strict=True):
        assert (mine.name, mine.parameters) == (theirs.name, theirs.parameters)
        assert_same_course(mine.training.losses, theirs.training.losses)


def test_the_network_of_the_ablation_is_the_one_that_was_recorded() -> None:
    """Half precision costs hardly a picture."""
    before = torch.get_rng_state()
    network = zf.experiments.trained_network()
    assert torch.equal(torch.get_rng_state(), before)
    pictures = zf.samples.shapes(600, learning.SIZE, seed=1)
    transform = zf.models.transform(learning.SIZE)
    images = torch.stack([transform(picture) for picture, _ in pictures])
    with torch.no_grad():
        wrong = network(images).argmax(1) != torch.tensor(pictures.targets)
    recorded = zf.experiments.recorded("ablation").result["as it is"].validation_error
    assert float(wrong.float().mean()) == pytest.approx(recorded, abs=0.006)


def test_what_recordings_are_there_for() -> None:
    """Each shows what its example says it does."""
    evolution = zf.experiments.recorded("evolution")
    assert evolution.made.settings["error"] < 0.3, "it has learned"
    shares = evolution.made.settings["shares"]
    top = [count for name, (_, count) in shares.items() if name.startswith(("conv4", "conv5"))]
    assert np.median(top) >= 5, "most high maps are of one texture"
    table = zf.experiments.recorded("ablation").result
    assert table["as it is"].validation_error < 0.5
    alexnet, zfnet = zf.experiments.recorded("diagnosis").result
    assert zfnet["conv1"].aliasing.mean() < alexnet["conv1"].aliasing.mean() / 2
    transfer = zf.experiments.recorded("transfer").result
    means = transfer.layers.mean("svm")
    assert means[-1] > means[0] + 0.1, "it rises"
    assert transfer.bias.accuracy.min() >= 0
    moved = zf.experiments.recorded("invariance").result
    assert [curves.name for curves in moved.curves] == ["vertical", "scale", "rotation"]
    parts = zf.experiments.recorded("correspondence").result
    middle = parts.layers.index("features.8")
    for part in ("left eye", "right eye", "nose"):
        assert parts.mean(part)[middle] < parts.mean(f"random, size of {part}")[middle]
