"""A training on disk: weights, the optimizer's momentum and the record, in one file.

Random numbers need no place in it: those of a step follow from the seed and the step's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import InputError
from ...storage.checksums import seal
from ...storage.whole import whole
from ..shared.safetensors_header import header, read_safetensors
from .history import FILE, KIND, PREFIX, SCHEMA, TrainingRecord

MAY_CHANGE = ("epochs",)
"""Settings that may be others when a training goes on."""


def save(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, record: TrainingRecord
) -> None:
    """Write atomically: what was there stays until the whole new file is."""
    arrays, about = record.parts()
    tensors = {f"{PREFIX}{name}": torch.from_numpy(array) for name, array in arrays.items()}
    tensors.update({f"model.{name}": tensor for name, tensor in _state(model).items()})
    for name, parameter in model.named_parameters():
        momentum = optimizer.state.get(parameter, {}).get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{name}"] = momentum
    kept = {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}
    with whole(folder / FILE) as path:
        save_file(kept, path, header(KIND, SCHEMA, {"record": about}))
        seal(path)


def load(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: Mapping[str, Any]
) -> TrainingRecord | None:
    """Put model and optimizer where a training was left; None if the folder has none.

    Raises
    ------
    InputError
        The training there is another one; says what differs.
    """
    if not (folder / FILE).exists():
        return None
    arrays, about = read_safetensors(folder / FILE, KIND, SCHEMA, PREFIX)
    record = TrainingRecord.of_parts(arrays, about["record"])
    differs = [
        f"{name} is {record.settings.get(name)!r} there, {settings.get(name)!r} here"
        for name in sorted({*record.settings, *settings} - set(MAY_CHANGE))
        if record.settings.get(name) != settings.get(name)
    ]
    tensors = load_file(folder / FILE)
    there = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    here = _state(model)
    shapes = [{n: tuple(t.shape) for n, t in state.items()} for state in (there, here)]
    for name in sorted({*there, *here}):
        one, other = (shape.get(name, "missing") for shape in shapes)
        if one != other:
            differs.append(f"{name} is {one} there, {other} here")
    if differs:
        raise InputError(
            f"{folder} holds another training: {'; '.join(differs[:5])}. Ask for the same, or name "
            "another folder."
        )
    with torch.no_grad():
        for name, tensor in here.items():
            tensor.copy_(there[name])
        for name, parameter in model.named_parameters():
            if (momentum := tensors.get(f"momentum.{name}")) is not None:
                optimizer.state[parameter]["momentum_buffer"] = momentum.to(parameter.device)
    return record


def load_weights(folder: Path, model: nn.Module) -> None:
    """Give a model the weights that a training has left in a folder, finished or not."""
    read_safetensors(folder / FILE, KIND, SCHEMA, PREFIX)  # says what is wrong with it
    tensors = load_file(folder / FILE)
    there = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    try:
        model.load_state_dict(there)
    except RuntimeError as error:
        raise InputError(f"{folder} holds the training of another network: {error}") from error


def _state(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{name} of {type(model).__name__} is a {type(value).__name__}: only tensors can "
                "be kept in a folder. Train without folder=."
            )
    return dict(state)
