"""Variants of a network, each trained alike from the start (paper, section 5.1 and Table 3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...engine.network.modes import computing
from ...errors import InputError, TrainingDiverged, one_of
from ...records import Progress
from ...stepwise import Growing
from ..shared.labelled import Labelled
from ..shared.running import hand_on, keep, with_bar
from ..shared.seeded import numpy_and_python, own_random
from ..training.checkpoint import load_weights
from ..training.history import TrainingRecord
from ..training.loop import check_settings, train_steps
from ..training.trainer import check_outputs
from .architecture import Architecture
from .table import AblationRow, AblationTable

Variant = Architecture | Callable[[], nn.Module]
Variants = Mapping[str, Variant] | Sequence[Architecture]


def ablation_steps(
    variants: Variants,
    data: Any,
    *,
    validation: Any = None,
    transform: Any = None,
    classes: Any = None,
    seed: int = 0,
    seconds: float | None = None,
    folder: str | Path | None = None,
    **training: Any,
) -> Growing[AblationTable]:
    """Train variants in steps: yields how far it is, and the table whenever it has grown.

    Parameters
    ----------
    variants
        By name: `Architecture`s, or callables that build a model each (their random weights are
        drawn from ``seed`` too). A sequence of architectures is named by what was changed.
    data, validation, transform, classes
        As in `zfwidgets.experiments.train_steps`; read once for all variants.
    seed
        Seed of weights, order and dropout, the same for each variant.
    seconds
        Seconds for all variants together: each gets an equal part of what is left.
    folder
        Keep trainings there, and go on from there: what is finished isn't trained again.
    **training
        What else `zfwidgets.experiments.train_steps` takes: ``epochs``, ``batch``, ``rate``, ...

    Raises
    ------
    InputError
        Before anything is trained: a variant that can't be built, that can't take the images, or
        that gives fewer class scores than there are classes; one class only.
    """
    check_settings(**training)
    named, examples, held_out, result = opened(variants, data, validation, transform, classes, seed)
    places = _places(named)
    where = None if folder is None else Path(folder)
    began = time.monotonic()
    yield result
    for number, (name, variant) in enumerate(named.items()):
        budget = None
        if seconds is not None:
            left = seconds - (time.monotonic() - began)
            budget = max(left, 0.0) / (len(named) - number)
        steps = train_steps(
            _built(variant, seed),
            examples,
            validation=held_out,
            seed=seed,
            seconds=budget,
            folder=None if where is None else where / places[name],
            **training,
        )
        try:
            for step in steps:
                if isinstance(step, Progress):
                    yield _of_all(step, number, len(named), name)
                    continue
                result = _with(result, number, step)
                if where is not None:
                    result.save(where, places)
                yield result
        except TrainingDiverged as error:
            note, _, _ = str(error).partition(" The record of")  # a row has it beside
            result = _with(result, number, error.record, note)
            if where is not None:
                result.save(where, places)
            yield result
        except KeyboardInterrupt as interrupt:
            hand_on(interrupt, steps)
            newest = getattr(interrupt, "so_far", None)
            result = result if newest is None else _with(result, number, newest)
            keep(interrupt, result)
            raise
        finally:
            steps.close()
    return result


Opened = tuple[dict[str, Variant], Labelled, Labelled | None, AblationTable]


def opened(
    variants: Variants, data: Any, validation: Any, transform: Any, classes: Any, seed: int
) -> Opened:
    """Variants by name, the images, and the table before anything is trained; all checked.

    Each variant is shown one image, so that what doesn't fit is known before hours of training.
    What it takes and raises: `ablation_steps`.
    """
    named = _named(variants)
    examples, held_out = Labelled.to_train(data, validation, transform, classes)
    rows = [AblationRow(n, _parameters(n, v, examples, seed)) for n, v in named.items()]
    return named, examples, held_out, AblationTable(tuple(rows))


def trained(variants: Variants, folder: str | Path, name: str) -> nn.Module:
    """A variant as `ablate` has trained it so far, in eval mode, to look into with an engine.

    Parameters
    ----------
    variants, folder
        As `ablate` got them.
    name
        Name of the variant.

    Raises
    ------
    InputError
        There is no such variant, or it isn't trained yet.
    """
    named = _named(variants)
    model = _built(one_of(named, name, "variant"), 0)
    load_weights(Path(folder) / _places(named)[name], model)
    return model.eval()


def _places(named: Mapping[str, Variant]) -> dict[str, str]:
    """Folders of the variants inside the one of all."""
    return {name: f"{number:02d}" for number, name in enumerate(named)}


def _with(table: AblationTable, number: int, training: Any, note: str = "") -> AblationTable:
    rows = list(table.rows)
    training = training if isinstance(training, TrainingRecord) else None
    note = note or (training.stopped if training is not None else "")
    rows[number] = replace(rows[number], training=training, note=note)
    return AblationTable(tuple(rows))


def _of_all(step: Progress, number: int, variants: int, name: str) -> Progress:
    """A variant's progress as part of all, as if each took as many steps and as long."""
    total = step.total * variants
    done = step.total * number + step.done
    left = step.seconds_left
    if left is not None and step.done < step.total:
        left *= (total - done) / (step.total - step.done)
    return Progress(done, total, left, f"{name} ({number + 1} of {variants}), {step.what}")


def _named(variants: Variants) -> dict[str, Variant]:
    if isinstance(variants, Mapping):
        named = {str(name): variant for name, variant in variants.items()}
    else:
        named = {variant.title or "as it is": variant for variant in variants}
        if len(named) < len(variants):
            raise InputError("Two variants are the same: give them names, {'name': variant}.")
    if not named:
        raise InputError("There are no variants: pass {'name': architecture} or callables.")
    for name, variant in named.items():
        if isinstance(variant, nn.Module) or not (
            isinstance(variant, Architecture) or callable(variant)
        ):
            raise InputError(
                f"Variant {name!r} is a {type(variant).__name__}: expected an Architecture, or a "
                "callable that builds an untrained model each time, as lambda: Model()."
            )
    return named


def _built(variant: Variant, seed: int) -> nn.Module:
    if isinstance(variant, Architecture):
        return variant.build(seed)
    with own_random(seed, 3), numpy_and_python(seed, 3):
        return variant()


def _parameters(name: str, variant: Variant, examples: Labelled, seed: int) -> int:
    """How many numbers are learned; raises `InputError` if the images don't fit the variant."""
    model: nn.Module
    if isinstance(variant, Architecture):
        count, model, device = variant.parameters, variant.on("meta"), torch.device("meta")
    else:
        model = _built(variant, seed)
        if not isinstance(model, nn.Module):
            raise InputError(f"Variant {name!r} built a {type(model).__name__}: expected a Module.")
        count = sum(p.numel() for p in model.parameters() if p.requires_grad)
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
    image = torch.zeros(1, *examples.source.shape, device=device)
    try:
        where = torch.device("cpu") if device.type == "meta" else device
        with computing(where), own_random(seed, 3, device=where):
            logits = model.eval()(image)
    except Exception as error:
        raise InputError(
            f"Variant {name!r} can't be shown a picture of shape {examples.source.shape}, as the "
            f"training data has ({type(error).__name__}: {error}). Build it for that shape, or "
            "pass a transform that gives its own."
        ) from error
    try:
        check_outputs(logits, 1, len(examples.classes), model)
    except InputError as error:
        raise InputError(f"Variant {name!r}: {error}") from None
    return count


def _how_far(table: AblationTable) -> str:
    done = sum(row.training is not None and row.training.complete for row in table.rows)
    return f"{done} of {len(table.rows)} variants are trained to the end"


ablate = with_bar(
    "ablate",
    ablation_steps,
    "Ablation",
    _how_far,
    """Train variants of a network alike, one after the other; a table as the paper's Table 3.

    With a ``folder`` the same call goes on from there.
    """,
)
