"""Training by stochastic gradient descent with momentum, in steps.

The same seed gives the same weights, whether a training was stopped and went on or not: which
images a step takes, and what dropout and augmentation draw in it, follow from the seed and the
step's number alone. (On one machine with one number of threads: convolutions round differently
elsewhere.) The global random state is as it was whenever control is with the caller. On another
thread than the main one it is left alone during a step too, so that cells can draw meanwhile; a
network that draws from NumPy's or Python's generator isn't repeatable there.

A step is computed in a thread of its own: an interrupt of the kernel reaches the main thread
only, so that it can't leave weights that are half updated.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...models.paper import PaperNetwork
from ...models.parts import PIXEL_RANGE
from ...stepwise import Growing
from ..shared.labelled import Labelled
from ..shared.running import keep, with_bar
from .history import TrainingRecord
from .trainer import OnStep, Trainer

PAPER = "paper"
RADIUS = 0.1
"""The paper's: filters whose RMS passes it are brought back to it."""


def train_steps(
    model: nn.Module,
    data: Any,
    *,
    validation: Any = None,
    epochs: int = 10,
    batch: int = 128,
    rate: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    seed: int = 0,
    transform: Any = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    patience: int | None = None,
    filter_radius: float | str | None = PAPER,
    input_range: float | None = None,
    classes: Any = None,
    device: str | torch.device | None = None,
    seconds: float | None = None,
    folder: str | Path | None = None,
    on_step: OnStep | None = None,
) -> Growing[TrainingRecord]:
    """Train a classifier in steps (paper, section 3).

    Yields `Progress` after each step of the optimizer, and the record so far before the first
    step, after each epoch and when it stops. Close it whenever you like: the model has the
    weights of the last step, and ``folder`` too.

    Parameters
    ----------
    model
        Gives logits, (n, classes). It is trained in place; afterwards its modules are in train
        or eval mode as they were before.
    data
        What to train on: a folder of class folders, a map-style Dataset of (image, label), or a
        list of such pairs.
    validation
        As ``data``, of the same classes; None: nothing is validated.
    epochs
        How often to go through the images.
    batch
        Images of a step; the last of an epoch may have fewer.
    rate, momentum, weight_decay
        Settings of `torch.optim.SGD`. The paper's are 0.01 and 0.9, and 5e-4 is Krizhevsky's.
    seed
        Seed of the images' order, dropout and augmentation. The model's first weights are yours.
    transform
        As in `zfwidgets.Engine`: from a picture to a tensor (channels, rows, columns), the same
        each time.
    augment
        From such a tensor to another of one shape, different each time if you like: it draws
        from a generator of this training's own, whether PyTorch's, NumPy's or Python's.
    patience
        Epochs without a smaller validation error after which the rate is divided by ten ("we
        anneal the learning rate throughout training manually when the validation error
        plateaus"); None: the rate stays.
    filter_radius
        Bring filters whose RMS passes it back to it after each step (the paper: "crucial"), see
        `zfwidgets.models.renormalize_filters_`. "paper": 0.1 for networks of `zfwidgets.models`,
        on the scale of their inputs, and nothing for others. None: don't.
    input_range
        The inputs lie in about [-input_range, input_range], for ``filter_radius``; None: those of
        the network, where it is of `zfwidgets.models`, else 128.
    classes
        Names in the order of the outputs; None: the data's.
    device
        Where to train, the model goes there; None: where it is.
    seconds
        Stop after so much time, but not before one step is done.
    folder
        Keep the training there, and go on from there if it holds one, whatever the model's
        weights are now: what comes out is bit-equal to an undisturbed run.
    on_step
        Called with the number of steps done and the model, after each.

    Raises
    ------
    TrainingDiverged
        The loss isn't finite; names the step. The record up to then is its ``record``; the folder
        keeps what was saved before.
    InputError
        For data without labels or of one class only, labels that the model has no outputs for,
        settings that make no sense, or a folder that holds another training; names what and why.
    """
    check_settings(epochs=epochs, batch=batch, rate=rate, patience=patience)
    if patience is not None and validation is None:
        raise InputError(
            "patience waits for a smaller validation error: pass validation=images, or no patience."
        )
    examples, held_out = Labelled.to_train(data, validation, transform, classes)
    settings = {
        "epochs": epochs,
        "batch": batch,
        "rate": rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "seed": seed,
        "augmented": augment is not None,
        "patience": patience,
        **_filters(model, filter_radius, input_range),
        "data": examples.fingerprint,
        "validation": "" if held_out is None else held_out.fingerprint,
    }
    training = Trainer(
        model,
        examples,
        held_out,
        settings,
        next(model.parameters()).device if device is None else torch.device(device),
        augment=augment,
        seconds=seconds,
        folder=None if folder is None else Path(folder),
        on_step=on_step,
    )
    try:
        return (yield from training.steps())
    except KeyboardInterrupt as interrupt:
        keep(interrupt, training.record)
        raise


def check_settings(**settings: Any) -> None:
    """Raise `TypeError` for unknown options, `InputError` for those that make no sense."""
    inspect.signature(train_steps).bind(None, None, **settings)
    for name in ("epochs", "batch"):
        value = settings.get(name, 1)
        if value < 1:
            raise InputError(f"{name} is {value!r}: expected a whole number, 1 or more.")
    if settings.get("patience") is not None and settings["patience"] < 1:
        raise InputError(
            f"patience is {settings['patience']!r}: expected 1 epoch or more, or None."
        )
    if not settings.get("rate", 1.0) > 0:
        raise InputError(f"rate is {settings['rate']}: expected a number above zero.")


def _filters(
    model: nn.Module, radius: float | str | None, input_range: float | None
) -> dict[str, float | None]:
    """What filters are brought back to, if they are."""
    known = isinstance(model, PaperNetwork)
    if isinstance(radius, str):
        if radius != PAPER:
            raise InputError(f"filter_radius is {radius!r}: expected a number, {PAPER!r} or None.")
        radius = RADIUS if known else None
    if radius is None:
        return {"filter_radius": None, "input_range": None}
    if input_range is None:
        input_range = float(model.input_range) if known else PIXEL_RANGE  # type: ignore[arg-type]
    return {"filter_radius": radius, "input_range": input_range}


train = with_bar(
    "train",
    train_steps,
    "Training",
    lambda record: f"{record.steps} of {record.steps_wanted} steps done",
    """Train a classifier, with a progress bar.

    When it is interrupted, the step that is under way is finished: the model has the weights of
    the last step that the record knows of. With a ``folder`` the same call goes on from there.
    """,
)
