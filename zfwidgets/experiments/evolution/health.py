"""Check between steps, by reading weights, that the watched training still runs on this model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...engine.network.frozen import named_weights, unwrapped
from ...errors import InputError

SURE = 16
"""Steps after which weights that never changed are taken for those of another model."""


class Health:
    """Looks after a model's weights.

    Parameters
    ----------
    model, frozen
        The model that is trained, and a copy of it as it was before.
    """

    def __init__(self, model: nn.Module, frozen: nn.Module) -> None:
        self._model, self._first = model, dict(named_weights(frozen))
        self._guard = _smallest(model)

    def check_same(self, model: nn.Module) -> None:
        """Refuse another object."""
        if unwrapped(model) is not unwrapped(self._model):
            raise InputError(
                f"The loop trains another object ({type(model).__name__}) than the "
                f"{type(self._model).__name__} that is watched: call zf.watch with the model "
                "that the loop trains, after it has been replaced."
            )

    def check_trained(self, steps: int, weights: Mapping[str, Tensor], sure: int = SURE) -> None:
        """Refuse a model that has no gradients and whose weights are those of the beginning."""
        if steps < sure or any(p.grad is not None for p in self._model.parameters()):
            return
        if all(
            torch.equal(tensor, self._first[name].to(tensor.device))
            for name, tensor in weights.items()
        ):
            raise InputError(
                f"After {steps} steps no weight of the {type(self._model).__name__} that is "
                "watched has changed: the loop trains another object (a copy, or one that has "
                "replaced it). Call zf.watch with the model that the loop trains, and "
                "watch.step(model=model) to be sure."
            )

    def finite(self) -> bool:
        """Whether weights are finite, as far as that can be told in no time.

        Once a gradient isn't finite, all weights aren't: the smallest tells. None is asked on a
        GPU, which would have to be waited for.
        """
        if self._guard is None:
            return True
        module, name = self._guard
        tensor = getattr(module, name)
        return tensor.device.type != "cpu" or bool(torch.isfinite(tensor.detach()).all())


def not_finite(weights: Mapping[str, Tensor]) -> str:
    """Name of the first that isn't finite; "" if all are."""
    return next((n for n, tensor in weights.items() if not torch.isfinite(tensor).all()), "")


def _smallest(model: nn.Module) -> tuple[nn.Module, str] | None:
    """Owner and name of the smallest parameter that is trained."""
    found: list[tuple[int, nn.Module, str]] = [
        (tensor.numel(), module, name)
        for module in model.modules()
        for name, tensor in module.named_parameters(recurse=False)
        if tensor.requires_grad and tensor.numel()
    ]
    if not found:
        return None
    _, module, name = min(found, key=lambda one: one[0])
    return module, name
