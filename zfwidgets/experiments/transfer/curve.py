"""Accuracy against images per class, pretrained and from scratch (paper, Fig. 9)."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from ...engine.local import LocalEngine
from ...engine.network.modes import computing
from ...errors import InputError, TrainingDiverged
from ...records import Floats, Ints, Progress
from ...stepwise import Growing
from ..ablation.architecture import Architecture
from ..shared.labelled import Labelled
from ..shared.running import keep, with_bar
from ..shared.seeded import numpy_and_python, own_random
from ..training.loop import train_steps
from .classifiers import check_classifier, class_accuracies
from .layers import not_converged
from .records.accuracies import CurveRecord, how_far
from .shapes import DIMENSION
from .splits import Split, check_counts
from .study import Learning, Study, one_layer

COUNTS = (1, 2, 5, 10, 20, 30)
STEPS = 300
"""Fewest steps of the optimizer for a network from scratch; more where an epoch has more."""
PRETRAINED, SCRATCH = "pretrained", "from scratch"

Builder = Architecture | Callable[[], nn.Module]


def transfer_curve_steps(
    engine: LocalEngine,
    data: Any,
    *,
    layer: str | None = None,
    counts: Sequence[int] | None = None,
    classifier: str = "softmax",
    scratch: Builder | str | None = None,
    scratch_training: Mapping[str, Any] | None = None,
    transform: Any = None,
    dimension: int = DIMENSION,
    **learning: Any,
) -> Growing[CurveRecord]:
    """Accuracy against images per class, in steps: yields the record after each fit.

    In a repeat all counts are tested on the same images, and a larger count has the images of a
    smaller one among its own; so has the network from scratch.

    Parameters
    ----------
    engine, data, transform, dimension
        As in `zfwidgets.experiments.transfer_layers_steps`.
    layer
        Layer whose features are used; None: the last before the class scores.
    counts
        Training images of each class; None: 1, 2, 5, 10, 20 and 30, as far as the smallest class
        leaves a third for the test.
    classifier
        "softmax" (the paper's choice here) or "svm".
    scratch
        The network from scratch: an `Architecture`, or a callable that builds an untrained
        model; "same" is the engine's with parameters drawn anew. None: only pretrained.
    scratch_training
        What `zfwidgets.experiments.train_steps` gets; by default batches of 32 for 300 steps,
        or an epoch.
    **learning
        As in `zfwidgets.experiments.transfer_layers_steps`: ``test_images``, ``repeats``,
        ``strength``, ``folds``, ``seed``.

    Raises
    ------
    InputError
        As in `transfer_layers_steps`; counts that aren't above zero; "same" for a network that
        has fewer outputs than there are classes, or modules that can't draw parameters anew.
    """
    name = one_layer(engine, layer)
    study = Study(engine, data, transform=transform, layers=[name], dimension=dimension)
    how = Learning(None, **learning)
    return (yield from curve_steps(study, how, name, counts, classifier, scratch, scratch_training))


def curve_steps(
    study: Study,
    how: Learning,
    layer: str,
    counts: Sequence[int] | None = None,
    classifier: str = "softmax",
    scratch: Builder | str | None = None,
    scratch_training: Mapping[str, Any] | None = None,
) -> Growing[CurveRecord]:
    """The same of a study."""
    check_classifier(classifier)
    inner, repeats = how.inner, how.repeats
    most = study.plan(how).train_images
    numbers = check_counts([c for c in COUNTS if c <= most] if counts is None else counts)
    plan = study.plan(how, int(numbers[-1]), inner)
    if inner and numbers[0] < inner:
        study.plan(how, int(numbers[0]), inner)  # names the class
    build = None if scratch is None else builder(study, scratch)
    nothing: Floats = np.full((len(numbers), repeats), np.nan, dtype=np.float32)
    kinds = [PRETRAINED, *([SCRATCH] if build is not None else [])]
    result = CurveRecord(
        numbers,
        {kind: nothing.copy() for kind in kinds},
        study.features.shape(layer),
        classifier,
        plan.test_images,
        study.classes,
        how.seed,
    )
    yield result
    known = yield from study.look()
    total, done, unfinished = nothing.size * len(kinds), 0, 0
    diverged: list[str] = []
    began = time.monotonic()
    for kind in kinds:
        for repeat in range(repeats):
            split = plan.split(study.images, known, repeat)
            for place, count in enumerate(numbers.tolist()):
                what = f"{kind}, {count} of each class"
                if kind == PRETRAINED:
                    found, fitted = study.learn(layer, split, count, classifier, how, repeat)
                    unfinished += not fitted.converged
                else:
                    assert build is not None
                    training = from_scratch(
                        study, build, split, count, how.seed + repeat, scratch_training or {}
                    )
                    found = np.full(len(study.present), np.nan, dtype=np.float32)
                    try:
                        for step in training:
                            if isinstance(step, Progress):
                                yield Progress(done, total, None, f"{what}, {step.what}")
                            else:
                                found = step
                    except TrainingDiverged as error:
                        text, _, _ = str(error).partition(" The record of")
                        where = f"on {count} of each class, split {repeat + 1}"
                        diverged.append(f"From scratch {where}: {text}")
                    except KeyboardInterrupt as interrupt:
                        keep(interrupt, result)  # not the record of the training inside
                        raise
                done += 1
                values = result.accuracies[kind].copy()
                values[place, repeat] = found.mean()
                result = replace(
                    result,
                    accuracies={**result.accuracies, kind: values},
                    notes=(*study.features.skipped, *not_converged(unfinished, done), *diverged),
                )
                left = (time.monotonic() - began) / done * (total - done)
                yield Progress(done, total, None if len(kinds) > 1 else left, what)
                yield result
    return result


def from_scratch(
    study: Study,
    build: Callable[[int], nn.Module],
    split: Split,
    count: int,
    seed: int,
    options: Mapping[str, Any],
) -> Generator[Progress | Floats, None, None]:
    """Train a network on a split's images alone; yields the accuracies of the classes last."""
    images, trained = study.images, split.train(count)
    pairs = [(tensor, int(images.labels[i])) for i, tensor in images.tensors(trained)]
    batch = int(options.get("batch", 32))
    epochs = -(-STEPS // -(-len(pairs) // batch))
    chosen = {"epochs": epochs, "batch": batch, **options}
    model = build(seed)
    data = Labelled.of(pairs, classes=images.classes, what="training data")
    for step in train_steps(model, data, seed=seed, device=study.engine.info.device, **chosen):
        if isinstance(step, Progress):
            yield step
    yield _tested(study, model, split.test)


def _tested(study: Study, model: nn.Module, tested: Ints) -> Floats:
    device = torch.device(study.engine.info.device)
    model.eval()
    found = []
    with computing(device):
        for indices, pixels, _ in study.images.batches(tested, 64):
            predicted = model(pixels.to(device)).argmax(1).cpu().numpy()
            found.append((indices, predicted))
    indices = np.concatenate([i for i, _ in found])
    predicted = np.concatenate([p for _, p in found])
    return class_accuracies(predicted, study.images.labels[indices], study.present)


def builder(study: Study, scratch: Builder | str) -> Callable[[int], nn.Module]:
    """How to build the network from scratch: from a seed."""
    classes = len(study.images.classes)
    if isinstance(scratch, Architecture):
        if scratch.classes < classes:
            raise InputError(
                f"The network from scratch has {scratch.classes} outputs, the data has {classes} "
                "classes."
            )
        return scratch.build
    if scratch == "same":
        return _renewer(study.engine, classes)
    if isinstance(scratch, nn.Module) or not callable(scratch):
        raise InputError(
            f"scratch is a {type(scratch).__name__}: expected an Architecture, a callable that "
            "builds an untrained model, 'same', or None."
        )
    made: Callable[[], nn.Module] = scratch

    def build(seed: int) -> nn.Module:
        with own_random(seed, 3), numpy_and_python(seed, 3):
            return made()

    return build


def _renewer(engine: LocalEngine, classes: int) -> Callable[[int], nn.Module]:
    outputs = engine.session.network.outputs
    if outputs is None or len(outputs) != 2 or outputs[1] < classes:
        raise InputError(
            f"scratch='same': the network gives {outputs} for one image, the data has {classes} "
            "classes. Pass an Architecture, or a callable that builds a model."
        )
    stubborn = [
        name
        for name, module in engine.session.network.module.named_modules()
        if [*module.parameters(recurse=False)] and not hasattr(module, "reset_parameters")
    ]
    if stubborn:
        raise InputError(
            f"scratch='same': the parameters of {stubborn[0]!r} can't be drawn anew (it has no "
            "reset_parameters). Pass a callable that builds a model."
        )

    def build(seed: int) -> nn.Module:
        with engine.session.lock:
            model = copy.deepcopy(engine.session.network.module)
        with own_random(seed, 3):
            for module in model.modules():
                anew: Any = getattr(module, "reset_parameters", None)
                if anew is not None:
                    anew()
        return model.requires_grad_(True)

    return build


transfer_curve = with_bar(
    "transfer_curve",
    transfer_curve_steps,
    "Transfer",
    how_far,
    "Accuracy against images per class (paper, Fig. 9), with a progress bar.",
    partial(Learning, None),
)
