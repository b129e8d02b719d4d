"""Modules between a unit and the pixels, and random parameters for them.

Which modules those are is read from the autograd graph of one forward pass, so that it is true
for whatever code the model has: a module counts if the unit depends on a parameter of its own,
or its layer on the module's batch-norm statistics.

Parameters are drawn from a generator of our own. A module's ``reset_parameters`` would draw from
PyTorch's global one, which other threads of the user's use meanwhile; it is missing in users' and
in scripted modules; and PyTorch's default scale makes deep activations fade until the biases
alone decide about switches. So a tensor gets normal numbers with its own trained mean and
standard deviation: what is lost is what training put into it, but for its scale. Gaussian weights
are also what Nie, Zhang & Patel (2018) analyse. A batch norm's parameters and statistics belong
together channel by channel: its channels are permuted, so that each keeps a scale and shift that
a trained channel had, and variances stay positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ....records import Unit
from ...network.modes import computing
from ...network.network import Network
from ..deconv import Descent, record


@dataclass(frozen=True)
class Stage:
    """A module with parameters of its own, on the way from a unit to the pixels.

    Attributes
    ----------
    name
        The module's path; that of the module itself for its ``torch.nn.utils.parametrize``
        children.
    parts
        The module, or those children, that hold the tensors.
    """

    name: str
    parts: tuple[nn.Module, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are randomised, batch-norm statistics among them."""
        return sum(tensor.numel() for part in self.parts for tensor in _tensors(part))

    @property
    def filters(self) -> bool:
        """Whether there are filters in it: weights that mix its inputs."""
        return any(tensor.dim() > 1 for part in self.parts for tensor in _tensors(part))

    def randomise_(self, generator: torch.Generator) -> None:
        """Give the module random parameters, in place.

        Parameters
        ----------
        generator
            On the CPU, so that every device gets the same numbers.
        """
        with torch.no_grad():
            for part in self.parts:
                tensors = _tensors(part)
                if _statistics(part):
                    order = torch.randperm(len(tensors[0]), generator=generator)
                    for tensor in tensors:
                        tensor.copy_(tensor[order.to(tensor.device)])
                    continue
                for tensor in tensors:
                    numbers = torch.randn(
                        tensor.shape, generator=generator, dtype=torch.float32
                    ).to(tensor)
                    spread, mean = torch.std_mean(tensor, correction=0)
                    tensor.copy_(numbers * spread + mean)


def stages_below(network: Network, image: Tensor, unit: Unit) -> tuple[Stage, ...]:
    """The modules with parameters that a unit depends on, last one of the forward pass first.

    A module is left out if it only feeds other channels of the unit's layer, as the second
    branch of a concatenation does, or if the model's forward cuts the graph above it
    (``torch.no_grad()``, ``.detach()``): `SanityStep.operations` names such cuts.

    Parameters
    ----------
    network
        A `Network.twin`: its parameters need gradients for a moment.
    image
        (channels, rows, columns) float32.
    unit
        With row and col. What comes after its layer in the forward pass can't change its
        projections.
    """
    tensors = [t for t in network.module.parameters() if t.is_floating_point()]
    for tensor in tensors:
        tensor.requires_grad_(True)
    try:
        with computing(network.device, grad=True):
            forward = record(network, image[None].to(network.device), unit.layer)
            output = forward.output
            used = _used(output)
            signal = torch.zeros_like(output)
            signal[(0, unit.channel, unit.row, unit.col)[: output.dim()]] = 1
            with Descent.below(output, forward.witness, into_gates=True) as descent:
                descent.apply(_Open())
                found: Sequence[Tensor | None] = torch.autograd.grad(
                    output, tensors, signal, allow_unused=True
                )
    finally:
        for tensor in tensors:
            tensor.requires_grad_(False)
    for tensor, gradient in zip(tensors, found, strict=True):
        if gradient is None or not gradient.any():
            used.pop(_key(tensor), None)
    return _stages(network, used)


class _Open:
    """Let everything through a rectifier: a path counts, whether or not it is active here."""

    name, answers, reads_forward = "open", "Is there a path?", False

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        return signal


def _stages(network: Network, used: dict[Any, int]) -> tuple[Stage, ...]:
    """Modules of the tensors that are used, last use first."""
    last: dict[str, int] = {}
    parts: dict[str, list[nn.Module]] = {}
    for path, module in network.module.named_modules():
        name = path.split(".parametrizations")[0] or network.name
        keys = [_key(tensor) for tensor in _tensors(module)]
        # What two modules share counts, and is randomised, with the first of them.
        if times := [used.pop(key) for key in keys if key in used]:
            last[name] = max(*times, last.get(name, -1))
            parts.setdefault(name, []).append(module)
    order = sorted(last, key=last.__getitem__, reverse=True)
    return tuple(Stage(name, tuple(parts[name])) for name in order)


def _tensors(module: nn.Module) -> list[Tensor]:
    own = [p for p in module.parameters(recurse=False) if p.is_floating_point() and p.numel()]
    return own + _statistics(module)


def _statistics(module: nn.Module) -> list[Tensor]:
    """A batch norm's running mean and variance."""
    found = [getattr(module, name, None) for name in ("running_mean", "running_var")]
    return [t for t in found if isinstance(t, Tensor)] if isinstance(found[1], Tensor) else []


def _key(tensor: Tensor) -> tuple[int, tuple[int, ...]]:
    return tensor.data_ptr(), tuple(tensor.shape)


def _used(output: Tensor) -> dict[Any, int]:
    """Parameters and batch-norm means below ``output``, with the number of their last use."""
    used: dict[Any, int] = {}
    seen = {output.grad_fn}
    queue: list[Any] = [output.grad_fn]
    for node in queue:
        number = node._sequence_nr()  # noqa: SLF001 -- autograd's count of calls
        mean = getattr(node, "_saved_running_mean", None)
        leaves = [] if mean is None else [mean]
        for parent, _ in node.next_functions:
            if parent is None:
                continue
            if hasattr(parent, "variable"):
                leaves.append(parent.variable)
            elif parent not in seen:
                seen.add(parent)
                queue.append(parent)
        for tensor in leaves:
            used[_key(tensor)] = max(number, used.get(_key(tensor), -1))
    return used
