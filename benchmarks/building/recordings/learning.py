"""Recorded experiments that train networks; with fewer epochs they are what tests do again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zfwidgets import samples
from zfwidgets.engine.local import LocalEngine
from zfwidgets.experiments.ablation.architecture import Architecture
from zfwidgets.experiments.ablation.retraining import ablate, trained
from zfwidgets.experiments.ablation.table import AblationTable
from zfwidgets.experiments.diagnosis.diagnosing import diagnose
from zfwidgets.experiments.diagnosis.result import DiagnosisResult
from zfwidgets.experiments.evolution.begin import watch
from zfwidgets.experiments.evolution.moments import EvolutionRecord
from zfwidgets.experiments.shared.recording import Made, Recording
from zfwidgets.experiments.training.loop import train
from zfwidgets.models.paper import PaperNetwork, alexnet_small, zfnet_small
from zfwidgets.models.parts import transform as inputs

SIZE = 32
"""Pixels of the sides of the pictures that networks are trained on here."""
LARGER = 64
"""The same, where AlexNet's first layers are among the networks: less is too small for them."""
BATCH, PATIENCE = 32, 3
TRAINED: dict[str, Any] = {"batch": BATCH, "rate": 0.02, "progress": False}
"""How all of them are trained."""
EPOCHS, PICTURES = 24, 1000
MOMENTS = (0, 1, 2, 3, 5, 8, 12, 16, 20, 24)
"""Epochs after which the evolution is looked at."""
MAPS = 6
"""Feature maps of each convolution that are watched, drawn at random."""


def untrained(build: Any = zfnet_small, size: int = SIZE) -> PaperNetwork:
    """A network of the paper's kind for pictures of that size, its weights drawn from seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: PaperNetwork = build(10, size=size)
    return network


def evolution(epochs: int = EPOCHS, pictures: int = PICTURES) -> Recording[EvolutionRecord]:
    """Fig. 4: a network that learns ten textures is watched; its rate falls when it stays."""
    return evolving(untrained(), epochs, pictures)


def evolving(
    network: nn.Module, epochs: int = EPOCHS, pictures: int = PICTURES
) -> Recording[EvolutionRecord]:
    """Train a network on textures and watch it."""
    began = time.process_time()
    data, held_out = samples.textures(pictures, SIZE), samples.textures(pictures // 3, SIZE, seed=1)
    transform = inputs(SIZE)
    seen = [data[number][0] for number in range(200)]
    watching = watch(
        network,
        seen,
        units=MAPS,
        at=[*MOMENTS],
        per=-(-pictures // BATCH),
        transform=transform,
        background=False,
    )
    training = train(
        network,
        data,
        validation=held_out,
        transform=transform,
        epochs=epochs,
        patience=PATIENCE,
        on_step=lambda step, model: watching.step(model=model),
        **TRAINED,
    )
    record = replace(watching.finish(), losses=training.losses)
    engine = LocalEngine(network.eval(), data, transform, labels=data.classes, cache=False)
    engine.index(progress=False)
    made = Made.now(
        f"{epochs} epochs of {pictures} textures, {SIZE} x {SIZE} pixels",
        time.process_time() - began,
        0,
        error=float(training.validation_error[-1]),
        shares=shared(engine, record.units, data.targets, data.classes),
    )
    return Recording(record, made)


def shared(
    engine: LocalEngine,
    units: Sequence[tuple[str, int]],
    labels: Sequence[int],
    classes: Sequence[str],
) -> dict[str, tuple[str, int]]:
    """For each map the class that most of its nine strongest pictures have, and how many do."""
    found = {}
    for layer, channel in units:
        own = [labels[one.image] for one in engine.top(layer, channel) if one.image is not None]
        most = max(sorted(set(own)), key=own.count)
        found[f"{layer} {channel}"] = classes[most], own.count(most)
    return found


LEFT_OUT = {
    "without conv3, conv4": ("conv3", "conv4"),
    "without fc6, fc7": ("fc6", "fc7"),
    "without conv3, conv4, fc6, fc7": ("conv3", "conv4", "fc6", "fc7"),
}
"""Table 3's variants: two middle layers, two fully connected ones, all four."""


def variants() -> dict[str, Architecture]:
    """The small network as it is, and without what Table 3 leaves out."""
    base = Architecture.of(untrained(), (3, SIZE, SIZE))
    return {"as it is": base} | {name: base.without(*out) for name, out in LEFT_OUT.items()}


def ablation(
    epochs: int = 18, pictures: int = 1000, folder: Path | None = None
) -> Recording[AblationTable]:
    """Table 3: four variants learn ten shapes, all alike.

    Parameters
    ----------
    epochs, pictures
        How long each learns, and from how many pictures.
    folder
        Keeps the trained networks.
    """
    began = time.process_time()
    table = ablate(
        variants(),
        samples.shapes(pictures, SIZE),
        validation=samples.shapes(600, SIZE, seed=1),
        transform=inputs(SIZE),
        epochs=epochs,
        patience=PATIENCE,
        folder=folder,
        **TRAINED,
    )
    what = f"{len(table.rows)} variants, each {epochs} epochs of {pictures} shapes"
    return Recording(table, Made.now(what, time.process_time() - began, 0))


def network_of(folder: Path) -> nn.Module:
    """The network as it is that `ablation` has trained in a folder, in eval mode."""
    network: nn.Module = trained(variants(), folder, "as it is")
    return network


def diagnosis(
    epochs: int = 8, pictures: int = 600
) -> Recording[tuple[DiagnosisResult, DiagnosisResult]]:
    """Fig. 6: AlexNet's first layers beside ZFNet's, trained alike on the same textures."""
    began = time.process_time()
    data, held_out = samples.textures(pictures, LARGER), samples.textures(300, LARGER, seed=1)
    transform, results, errors = inputs(LARGER), [], {}
    for build in (alexnet_small, zfnet_small):
        network = untrained(build, LARGER)
        training = train(
            network, data, validation=held_out, transform=transform, epochs=epochs, **TRAINED
        )
        engine = LocalEngine(network.eval(), held_out, transform, cache=False)
        engine.index(progress=False)
        results.append(diagnose(engine, progress=False))
        errors[type(network).__name__] = float(training.validation_error[-1])
    what = f"two networks, each {epochs} epochs of {pictures} textures, {LARGER} x {LARGER} pixels"
    made = Made.now(what, time.process_time() - began, 0, errors=errors)
    return Recording((results[0], results[1]), made)
