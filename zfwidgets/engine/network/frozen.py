"""The copy of the user's model that the engine computes on: what is refused, and what it keeps."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ...errors import InputError, UnsupportedModel

_WEIGHT_HOOKS = (WeightNorm, SpectralNorm, BasePruningMethod)
_HOOK_TABLES = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)


def frozen_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """Copy a model in eval mode, on a device, without its hooks, gradients or training state.

    Hooks that compute weights (weight norm, spectral norm, pruning) belong to the model and stay.
    The user's model is only read.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        for name in _HOOK_TABLES:
            hooks = getattr(module, name, None)
            if hooks is not None:
                kept = {k: h for k, h in hooks.items() if isinstance(h, _WEIGHT_HOOKS)}
                memo[id(hooks)] = OrderedDict(copy.deepcopy(kept))
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
            if isinstance(value, torch.fx.Graph):  # torch.export leaves tensors without data
                memo.update({id(node.meta): {} for node in value.nodes})
    try:
        # With gradients, TorchScript's parameters would be copied as what was computed of them.
        with torch.inference_mode(False), torch.no_grad():
            frozen = copy.deepcopy(model, memo)
            _unwrap_inside(frozen)
            frozen.eval()
    except Exception as error:
        raise UnsupportedModel(
            f"{type(model).__name__} can't be copied ({type(error).__name__}: {error}). zfwidgets "
            "computes on a copy so that yours stays as it is: give the class a __deepcopy__."
        ) from error
    frozen.requires_grad_(False)
    return frozen.to(device)


def unwrapped(model: nn.Module) -> nn.Module:
    """The module behind `torch.compile` and `nn.DataParallel`."""
    while True:
        if isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]  # noqa: SLF001 -- torch.compile's
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            return model


def named_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, also those that a state dict leaves out; what is tied comes once."""
    yield from model.named_parameters()
    yield from model.named_buffers()


def copied_weights(model: nn.Module, frozen: nn.Module) -> dict[str, Tensor]:
    """The weights that a model has now, by the names of its `frozen_copy`.

    Only reads the model: no hook of its state dict runs, nothing is drawn. They are matched by
    their order, as `torch.compile` gives the same weights other names.

    Raises
    ------
    InputError
        The model has other weights than when it was copied; names the first.
    """
    now, then = (list(named_weights(m)) for m in (unwrapped(model), frozen))
    for (name, tensor), (expected, own) in zip(now, then, strict=False):
        if tensor.shape != own.shape or tensor.dtype != own.dtype:
            raise InputError(
                f"{name} is {_kind(tensor)} now; it was {expected}, {_kind(own)}: the model was "
                "changed after it was copied. Start anew with the model as it is."
            )
    if len(now) != len(then):
        raise InputError(
            f"{type(model).__name__} has {len(now)} parameters and buffers now, it had "
            f"{len(then)}: the model was changed after it was copied. Start anew with the model "
            "as it is."
        )
    with torch.inference_mode(False), torch.no_grad():
        return {
            name: tensor.detach().clone() for (_, tensor), (name, _) in zip(now, then, strict=True)
        }


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _unwrap_inside(model: nn.Module) -> None:
    """Do so for the parts of a (copied) model; what is compiled or parallel hides its layers."""
    for module in model.modules():
        module._compiled_call_impl = None  # noqa: SLF001 -- what `module.compile()` sets
        children = module._modules  # noqa: SLF001 -- named_children() leaves out what comes twice
        for name, child in children.items():
            if child is not None:
                children[name] = unwrapped(child)


def pick_device(model: nn.Module, device: str | torch.device | None) -> torch.device:
    """The device asked for, or the model's own when it isn't the CPU, or a GPU, or the CPU."""
    places = {t.device for t in (*model.parameters(), *model.buffers())}
    if any(p.type == "meta" for p in places):
        raise UnsupportedModel(
            f"{type(model).__name__} has parameters on the meta device, without values: load its "
            "weights first (load_state_dict(..., assign=True))."
        )
    if device is not None:
        try:
            chosen = torch.device(device)
            torch.empty(1, device=chosen)
        except (RuntimeError, AssertionError) as error:
            raise UnsupportedModel(
                f"Device {device!r} can't be used here: {error}. Leave device=None to let the "
                "engine choose."
            ) from error
        return chosen
    if len(places) > 1:
        raise UnsupportedModel(
            f"{type(model).__name__} is spread over {sorted(map(str, places))}: pass "
            "device='cpu' or device='cuda' to gather the engine's copy there."
        )
    own = next(iter(places), torch.device("cpu"))
    if own.type == "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    return own


def check_kind(model: Any) -> None:
    """Refuse what isn't a model with layers."""
    if not isinstance(model, nn.Module):
        hint = "Wrap a function in a Module whose forward calls it."
        if isinstance(model, torch.export.ExportedProgram):
            hint = "Pass torch.export.unflatten(program)."
        raise UnsupportedModel(
            f"Expected a torch.nn.Module, got {type(model).__name__}: {model!r:.80}. {hint}"
        )
    if isinstance(model, torch.jit.ScriptModule):
        name = getattr(model, "original_name", type(model).__name__)
        raise UnsupportedModel(
            f"{name} is a TorchScript module: its layers run where nothing can look at them. Pass "
            "the original nn.Module (with this one's state dict)."
        )


def check_weights(model: nn.Module) -> None:
    """Refuse weights that are no numbers."""
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise UnsupportedModel(
                f"{name} isn't initialised yet: run the model once, or load its weights."
            )
        if parameter.is_meta:
            continue  # see `pick_device`
        bad = int((~torch.isfinite(parameter.detach())).sum())
        if bad:
            raise UnsupportedModel(
                f"{name} has {bad} NaN or infinite values of {parameter.numel()}: check where the "
                "weights come from."
            )


def check_precision(model: nn.Module) -> None:
    """Refuse what isn't float32: other precisions would show other numbers than the model's."""
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point():
            if tensor.dtype != torch.float32:
                raise UnsupportedModel(
                    f"{name} is {str(tensor.dtype).removeprefix('torch.')}; zfwidgets computes in "
                    "float32. Pass copy.deepcopy(model).float(), and the pictures are those of "
                    "that float32 model."
                )
