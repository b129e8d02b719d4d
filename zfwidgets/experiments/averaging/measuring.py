"""Pictures through several models, in ten crops each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...engine.network.modes import computing
from ...errors import InputError
from ...stepwise import Clock, Growing
from ..shared.labelled import Labelled
from ..shared.running import with_bar
from ..shared.seeded import own_random
from ..training.trainer import check_outputs
from .result import CROPS, AveragedRow, AveragedTable

BATCH = 16
"""Pictures at a time: ten crops of each."""


def ten_crops(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    """The four corners and the centre of pictures, then the same mirrored.

    Parameters
    ----------
    images
        (n, channels, rows, columns).
    size
        (rows, columns) of the crops, or one number for both.

    Returns
    -------
    torch.Tensor
        (10, n, channels, crop rows, crop columns): top left, top right, bottom left, bottom right,
        centre, then each from left to right.

    Raises
    ------
    InputError
        A crop is larger than the pictures.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    high, wide = images.shape[-2:]
    if not (0 < rows <= high and 0 < columns <= wide):
        raise InputError(
            f"Crops of {rows} x {columns} pixels don't fit into pictures of {high} x {wide}: give "
            "a transform that makes larger pictures, or smaller crops."
        )
    down, right = high - rows, wide - columns
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    crops = [images[..., t : t + rows, left : left + columns] for t, left in corners]
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)])


CENTRE = 4


def average_models_steps(
    models: Mapping[str, nn.Module] | nn.Module,
    data: Any,
    *,
    crop: int | tuple[int, int],
    transform: Any = None,
    classes: Any = None,
) -> Growing[AveragedTable]:
    """`average_models` in steps: yields how far it is, and the table of what was looked at.

    Parameters
    ----------
    models
        By name: networks that give logits (n, classes) for crops; or a single one.
    data
        What to test on: a folder of class folders, a map-style Dataset of (image, label), or a
        list of such pairs.
    crop
        (rows, columns) of the networks' input, or one number for both.
    transform
        From a picture to a tensor that is larger than the crops, as
        ``zfwidgets.models.transform(256)`` is for crops of 224.
    classes
        Names in the order of the outputs; None: the data's.

    Returns
    -------
    AveragedTable

    Raises
    ------
    InputError
        No model; a model that gives no class scores for all classes; crops that are larger than
        the pictures; images without labels.
    """
    named = {"model": models} if isinstance(models, nn.Module) else dict(models)
    if not named:
        raise InputError("There are no models: pass {'name': model}.")
    examples = Labelled.of(data, transform, classes=classes, what="test data")
    ten_crops(torch.empty(1, *examples.source.shape), crop)
    order = np.flatnonzero(examples.labels >= 0).tolist()
    answers: dict[tuple[str, int], list[NDArray[np.float64]]] = {
        (name, crops): [] for name in named for crops in CROPS
    }
    truth: list[int] = []
    clock, done = Clock(len(order)), 0
    with closing(examples.batches(order, BATCH)) as batches:
        for _, images, labels in batches:
            done = min(done + BATCH, len(order))
            if len(images):
                truth += labels.tolist()
                cut = ten_crops(images, crop)
                for name, model in named.items():
                    found = _probabilities(name, model, cut, len(examples.classes))
                    answers[name, 1].append(found[CENTRE])
                    answers[name, 10].append(found.mean(0))
            yield clock.at(done, "looking at pictures")
            if truth:
                yield _table(named, answers, truth, examples, done == len(order))
    if not truth:
        raise InputError(f"None of the {len(order)} pictures of the test data can be read.")
    return _table(named, answers, truth, examples, True)


def _probabilities(name: str, model: nn.Module, crops: Tensor, classes: int) -> Any:
    """(10, n, outputs) float64; the model's modes and all random states stay as they were."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with computing(device), own_random(0, 5, device=device):
            flat = crops.flatten(0, 1).contiguous().to(device)
            logits = model(flat)
            check_outputs(logits, len(flat), classes, model)
    except InputError as error:
        raise InputError(f"Model {name!r}: {error}") from None
    finally:
        for module, training in modes.items():
            module.training = training
    softmax = logits.detach().double().softmax(1).cpu().numpy()
    return softmax.reshape(*crops.shape[:2], -1)


def _table(
    named: Mapping[str, nn.Module],
    answers: Mapping[tuple[str, int], list[NDArray[np.float64]]],
    truth: list[int],
    examples: Labelled,
    complete: bool,
) -> AveragedTable:
    groups: list[tuple[str, ...]] = [(name,) for name in named]
    if len(named) > 1:
        groups.append(tuple(named))
    known = {key: np.concatenate(values) for key, values in answers.items()}
    labels, five = np.array(truth), len(examples.classes) > 5
    rows = []
    for group in groups:
        for crops in CROPS:
            widths = {known[name, crops].shape[1] for name in group}
            if len(widths) > 1:
                raise InputError(
                    f"Models give {' and '.join(map(str, sorted(widths)))} class scores: answers "
                    "of other classes can't be averaged."
                )
            mean = np.mean([known[name, crops] for name in group], axis=0)
            own = mean[np.arange(len(labels)), labels]
            rank = (mean > own[:, None]).sum(1)
            error_5 = float((rank >= 5).mean()) if five else float("nan")
            rows.append(AveragedRow(group, crops, float((rank >= 1).mean()), error_5, len(labels)))
    return AveragedTable(tuple(rows), complete, examples.skipped)


average_models = with_bar(
    "average_models",
    average_models_steps,
    "Averaging",
    lambda found: f"{found.rows[0].images} pictures were looked at",
    """Errors of models alone and together, of one crop and of ten (paper, Table 2).

    What is measured: `zfwidgets.experiments.averaging`. The models and random state stay as they
    are.
    """,
)
