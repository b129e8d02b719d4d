"""A user's model as named layers: a frozen copy, their shapes, receptive fields and captures."""

from __future__ import annotations

import copy
import hashlib
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..errors import UnknownLayer, UnsupportedModel
from ..images.repeatable import put_back_on_error
from ..records import LayerInfo, Role
from .graph import Graph, Recorder
from .layout import channel_axes

_ROLES: tuple[tuple[Role, tuple[type[nn.Module], ...]], ...] = (
    ("conv", (nn.modules.conv._ConvNd,)),
    ("linear", (nn.Linear, nn.Bilinear)),
    ("rectifier", (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Threshold)),
    (
        "pool",
        (
            nn.modules.pooling._MaxPoolNd,
            nn.modules.pooling._AvgPoolNd,
            nn.modules.pooling._AdaptiveAvgPoolNd,
            nn.modules.pooling._AdaptiveMaxPoolNd,
            nn.FractionalMaxPool2d,
            nn.LPPool2d,
        ),
    ),
    (
        "norm",
        (
            nn.modules.batchnorm._NormBase,
            nn.LocalResponseNorm,
            nn.CrossMapLRN2d,
            nn.GroupNorm,
            nn.LayerNorm,
        ),
    ),
)
_NOT_LISTED = (nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd)
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


Forward = Callable[[nn.Module, Tensor], Any]
"""How to call a model on a batch of images."""


class _Stop(BaseException):
    """Ends a forward pass once the layer that was asked for is there."""


@contextmanager
def computing(device: torch.device, *, grad: bool = False) -> Iterator[None]:
    """PyTorch's thread-local modes as the engine needs them, whatever the caller's are."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(grad))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        yield


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
        with torch.inference_mode(False):
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
            model = model._orig_mod  # type: ignore[assignment]
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            return model


def _unwrap_inside(model: nn.Module) -> None:
    """Do so for the parts of a (copied) model; what is compiled or parallel hides its layers."""
    for module in model.modules():
        module._compiled_call_impl = None
        for name, child in module._modules.items():
            if child is not None:
                module._modules[name] = unwrapped(child)


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


class Network:
    """A frozen copy of a model, seen as named layers.

    Parameters
    ----------
    model
        The user's model; only read.
    example
        One input, (channels, rows, columns) float32, as the transform gives it.
    device
        Where to compute; see `pick_device`.
    forward
        How to call the model on a batch; None means ``model(batch)``.

    Attributes
    ----------
    note
        What to know of the model; empty if there is nothing.
    """

    def __init__(
        self,
        model: nn.Module,
        example: Tensor,
        device: str | torch.device | None = None,
        forward: Forward | None = None,
    ) -> None:
        check_kind(model)
        model = unwrapped(model)
        check_kind(model)
        check_weights(model)
        check_precision(model)
        self._forward = forward or (lambda module, images: module(images))
        self._forward_code = getattr(forward, "__code__", None)
        self.device = pick_device(model, device)
        self.name = type(model).__name__
        self.module = frozen_copy(model, self.device)
        self.input_shape: tuple[int, int, int] = tuple(example.shape)  # type: ignore[assignment]
        self._paths = {
            module: path
            for path, module in self.module.named_modules()
            if path and not isinstance(module, torch.jit.ScriptModule)  # they take no hooks
        }
        self._aliases: dict[str, str] = {}
        self._channels_last: set[str] = set()
        self._apart: list[str] = []
        self.graph = Graph(())
        self.layers, self.outputs = self._trace(example)
        if not self.layers:
            exported = isinstance(self.module, torch.fx.GraphModule)
            hint = " Pass torch.export.unflatten(program)." if exported else ""
            raise UnsupportedModel(
                f"{self.name} has no layer with feature maps: no submodule gives a tensor of "
                f"shape (images, channels, rows, columns) or (images, features).{hint}"
            )
        self._by_name = {layer.name: layer for layer in self.layers}
        self._listed = {_path(layer.name) for layer in self.layers}
        self.note = " ".join(filter(None, [self._apart_note(), self._check_repeat(example)]))
        self.fingerprint = self._fingerprint()

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name; raises `UnknownLayer`.

        A container whose output is that of its last layer is known by both names.
        """
        try:
            return self._by_name[self._aliases.get(name, name)]
        except (KeyError, TypeError):
            raise UnknownLayer(name, self._by_name) from None

    def __call__(self, images: Tensor) -> Tensor:
        """The model's output for a batch."""
        output: Tensor = self.run(images)
        return output

    def run(
        self,
        images: Tensor,
        visit: Callable[[str, Tensor], None] | None = None,
        *,
        only: str | None = None,
    ) -> Any:
        """One forward pass that shows layer outputs to ``visit(name, output)`` as they come.

        Outputs may be overwritten in place right after: clone what is to stay. With ``only`` the
        pass ends at that layer and returns nothing.
        """
        if visit is None:
            return self._forward(self.module, images)
        calls: Counter[str] = Counter()
        only = self.layer(only).name if only is not None else None

        def hook(module: nn.Module, args: Any, output: Any) -> None:
            name = _call_name(self._paths[module], calls)
            if only is None and name in self._by_name:
                visit(name, self._channels_first(name, output))
            elif name == only:
                visit(name, self._channels_first(name, output))
                raise _Stop

        wanted = self._listed if only is None else {_path(only)}
        handles = [m.register_forward_hook(hook) for m, p in self._paths.items() if p in wanted]
        try:
            return self._forward(self.module, images)
        except _Stop:
            return None
        finally:
            for handle in handles:
                handle.remove()

    def _channels_first(self, name: str, output: Tensor) -> Tensor:
        return output.permute(0, 3, 1, 2) if name in self._channels_last else output

    def _turn(self, layers: list[LayerInfo]) -> tuple[LayerInfo, ...]:
        """Layers with their channels first, whatever the model's order is."""
        axes = channel_axes(self.graph)
        for number, layer in enumerate(layers):
            ref = self.graph.layers.get(layer.name)
            if ref is not None and len(self.graph.shape(ref)) == 4 and axes[ref] == 3:
                rows, columns, channels = layer.shape
                layers[number] = replace(layer, shape=(channels, rows, columns))
                self._channels_last.add(layer.name)
                del self.graph.layers[layer.name]  # whose places are read in the other order
        return tuple(layers)

    def _trace(self, example: Tensor) -> tuple[tuple[LayerInfo, ...], tuple[int, ...] | None]:
        """Run one image, recording every module call; also the shape of the output."""
        images = example[None].to(self.device)
        recorder = Recorder(images)
        self.graph = recorder.graph
        calls: Counter[str] = Counter()
        found: list[LayerInfo] = []
        seen: dict[tuple[int, int], str | None] = {(id(images), images._version): None}
        entered: list[str] = []
        rows, columns = self.input_shape[1:]

        def enter(module: nn.Module, args: Any) -> None:
            entered.append(self._paths[module])

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            entered.pop()
            name = _call_name(self._paths[module], calls)
            if not isinstance(output, Tensor) or output.dim() not in (2, 4) or len(output) != 1:
                return
            if recorder.ref(output) is None:  # such outputs aren't kept, and ids come again
                if not isinstance(module, _NOT_LISTED):
                    self._apart.append(name)
                return
            state = (id(output), output._version)
            if state in seen:
                if (same := seen[state]) is not None:
                    self._aliases[name] = same
                return
            if isinstance(module, _NOT_LISTED):
                return
            seen[state] = name
            window = recorder.window(output)
            if (ref := recorder.ref(output)) is not None:
                recorder.graph.layers[name] = ref
            shape = (*output.shape[1:], 1, 1)[:3]
            found.append(
                LayerInfo(
                    name,
                    type(module).__name__,
                    _role(module),
                    shape,
                    window.receptive_field((rows, columns)),
                    window.rectified,
                )
            )

        recorder.where = lambda: f"Layer {entered[-1]!r}" if entered else "The model's forward"
        handles = [m.register_forward_pre_hook(enter) for m in self._paths]
        handles += [m.register_forward_hook(leave) for m in self._paths]
        try:
            with computing(self.device), recorder:
                output = self._forward(self.module, images)
        except UnsupportedModel:
            raise
        except Exception as error:
            place = f" in layer {entered[-1]!r}" if entered else ""
            raise UnsupportedModel(
                f"{self.name} can't run on the images: its forward failed{place} on an input of "
                f"shape {tuple(images.shape)} ({type(error).__name__}: {error}). Check that it is "
                "an image network and that the transform gives the input it expects."
            ) from error
        finally:
            for handle in handles:
                handle.remove()
        if not isinstance(output, Tensor):
            return self._turn(found), None
        recorder.graph.output = recorder.ref(output)
        return self._turn(found), tuple(output.shape)

    def _apart_note(self) -> str:
        if not self._apart:
            return ""
        return (
            "Layers whose outputs don't depend on the image aren't listed: "
            f"{', '.join(self._apart)}."
        )

    def _check_repeat(self, example: Tensor) -> str:
        """Run one image twice; refuse a model that isn't the same the second time."""
        images = example[None].to(self.device)
        tensors = {**dict(self.module.named_buffers()), **dict(self.module.named_parameters())}
        versions = {name: tensor._version for name, tensor in tensors.items()}
        first: dict[str, Tensor] = {}

        def compare(name: str, output: Tensor) -> None:
            before = first.setdefault(name, output.clone())
            if before.shape != output.shape or not _alike(before, output):
                raise UnsupportedModel(
                    f"Layer {name!r} gives another output when the same image comes again: the "
                    f"model changes itself, or draws numbers. {self.name} must give the same for "
                    "the same image in eval mode."
                )

        with computing(self.device), put_back_on_error():
            for _ in range(2):
                output = self.run(images, compare)
                if isinstance(output, Tensor):
                    compare("output", output)
        changed = [name for name, tensor in tensors.items() if tensor._version != versions[name]]
        if changed:
            return f"{', '.join(changed)} changes with every forward pass; the outputs don't."
        return ""

    def first_not_finite(self, images: Tensor) -> str | None:
        """The first layer that gives NaN or infinite values for a batch; None if none does."""
        found: list[str] = []

        def visit(name: str, output: Tensor) -> None:
            if not found and not torch.isfinite(output).all():
                found.append(name)

        with computing(self.device):
            self.run(images, visit)
        return found[0] if found else None

    def _fingerprint(self) -> str:
        """Hash of the weights, the module tree, the code of the user's forwards and the shapes."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.module.state_dict().items()):
            if isinstance(tensor, Tensor):
                digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().numpy().data)
        for path, module in self.module.named_modules():
            kind = type(module)
            digest.update(f"{path}{kind.__module__}.{kind.__qualname__}".encode())
            if not kind.__module__.startswith(("torch.", "torchvision.")):
                code = getattr(kind.forward, "__code__", None)
                if code is not None:
                    digest.update(code.co_code + repr(code.co_names).encode())
        if self._forward_code is not None:
            code = self._forward_code
            digest.update(code.co_code + repr((code.co_names, code.co_consts)).encode())
        for layer in self.layers:
            digest.update(f"{layer.name}{layer.shape}".encode())
        return digest.hexdigest()


def _alike(first: Tensor, second: Tensor) -> bool:
    """Equal but for the order in which a GPU's threads add; NaN equals NaN."""
    scale = float(first.abs().max()) if first.numel() else 0.0
    if not math.isfinite(scale):
        return torch.allclose(first, second, equal_nan=True)
    return torch.allclose(first, second, rtol=1e-4, atol=1e-4 * scale)


def _path(name: str) -> str:
    """The module's path in a layer's name."""
    return name.split("@")[0]


def _call_name(path: str, calls: Counter[str]) -> str:
    """``path`` for a module's first call in a pass, ``path@1``, ``path@2``, ... after that."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path}@{calls[path] - 1}"


def _role(module: nn.Module) -> Role:
    for role, kinds in _ROLES:
        if isinstance(module, kinds):
            return role
    return "block" if any(True for _ in module.children()) else "other"
