"""All three parts of a transfer, over features that are computed once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...engine.local import LocalEngine
from ...records import Progress
from ...stepwise import Growing
from ..shared.labelled import Labelled
from ..shared.running import keep, with_bar
from .bias import bias_steps, training_images
from .curve import Builder, curve_steps
from .layers import layer_steps
from .records.accuracies import BiasRecord, CurveRecord, LayersRecord, TransferRecord
from .shapes import DIMENSION
from .study import Learning, Study, one_layer

_KINDS = {LayersRecord: "layers", CurveRecord: "curve", BiasRecord: "bias"}


def transfer_features_steps(
    engine: LocalEngine,
    data: Any,
    *,
    training: Any = None,
    layers: Sequence[str] | None = None,
    layer: str | None = None,
    counts: Sequence[int] | None = None,
    scratch: Builder | str | None = None,
    scratch_training: Mapping[str, Any] | None = None,
    transform: Any = None,
    dimension: int = DIMENSION,
    **learning: Any,
) -> Growing[TransferRecord]:
    """Layers, bias, then the curve, in steps: yields the record whenever a part has grown.

    Parameters
    ----------
    engine, data, layers, transform, dimension
        As in `zfwidgets.experiments.transfer_layers_steps`.
    training
        As in `zfwidgets.experiments.transfer_bias_steps`.
    layer
        Layer of the curve and the bias; None: the last before the class scores.
    counts, scratch, scratch_training
        As in `zfwidgets.experiments.transfer_curve_steps`.
    **learning
        As in `zfwidgets.experiments.transfer_bias_steps`.

    Raises
    ------
    InputError
        As those three.
    MissingDependency
        Without scikit-learn.
    """
    name = one_layer(engine, layer)
    study = Study(engine, data, transform=transform, layers=layers, dimension=dimension)
    if name not in [shape.layer for shape in study.features.shapes]:
        wanted = [shape.layer for shape in study.features.shapes]
        study = Study(
            engine, data, transform=transform, layers=[*wanted, name], dimension=dimension
        )
    how = Learning(**learning)
    parts: list[Growing[Any]] = [
        layer_steps(study, how),
        bias_steps(study, how, name, training),
        curve_steps(study, how, name, counts, scratch=scratch, scratch_training=scratch_training),
    ]
    result = TransferRecord()
    try:
        for part in parts:
            for step in part:
                if isinstance(step, Progress):
                    yield step
                else:
                    result = replace(result, **{_KINDS[type(step)]: step})
                    yield result
    except KeyboardInterrupt as interrupt:
        keep(interrupt, result)  # not the record of the part
        raise
    return result


def open_images(
    engine: Any,
    data: Any,
    training: Any = None,
    *,
    transform: Any = None,
    train_images: int | None = None,
    test_images: int | None = None,
    repeats: int = 5,
    **options: Any,
) -> tuple[Labelled, Labelled]:
    """Labelled images and training images, if `transfer_features_steps` can be asked for that."""
    inspect.signature(transfer_features).bind(engine, data, **options)
    one_layer(engine, options.get("layer"))
    study = Study(engine, data, transform=transform, layers=options.get("layers"))
    how = Learning(train_images, test_images, repeats, folds=0)
    study.plan(how, train_images)
    return study.images, training_images(study.engine, training)


def how_far(record: TransferRecord) -> str:
    """Which parts are there, in words."""
    parts = [
        f"{name} {'done' if part.complete else 'begun'}"
        for name, part in vars(record).items()
        if part is not None
    ]
    return ", ".join(parts) or "nothing is done"


transfer_features = with_bar(
    "transfer_features",
    transfer_features_steps,
    "Transfer",
    how_far,
    "How far a network's features carry on other pictures, with a progress bar.",
    Learning,
)
