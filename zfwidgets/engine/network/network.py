"""A user's model as named layers: forward passes over a frozen copy, and what they show."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ...errors import InputError, UnknownLayer, UnsupportedModel
from ...records import LayerInfo
from .conventions import forward_of
from .frozen import (
    check_kind,
    check_precision,
    check_weights,
    frozen_copy,
    named_weights,
    pick_device,
    unwrapped,
)
from .modes import computing
from .repeats import check_repeat
from .tracing import Traced, call_name, path_of, trace

Forward = Callable[[nn.Module, Tensor], Any]
"""How to call a model on a batch of images."""

Change = Callable[[Any, Tensor], Tensor]
"""From a module's input and output to another output; see `Network.run_changed`."""


Hook = Callable[..., Any]
"""What a module calls after its forward: with itself, its arguments and its output."""


class _Stop(BaseException):
    """Ends a forward pass once the layer that was asked for is there."""


ANY_NAME = ("utf-8", "surrogatepass")
"""An encoding that takes whatever a module may be called."""


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
    forward
        How the model is called, as it was given.
    note
        What to know of the model; empty if there is nothing.
    rectified
        Layers that are `torch.nn.ReLU`s of another layer's output alone, and of which one.
    layouts
        Layouts of layers whose modules give neither (images, channels, rows, columns) nor
        (images, features).
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
        forward = forward or forward_of(model)
        self.forward = forward
        self._forward = forward or (lambda module, images: module(images))
        self._forward_code = getattr(forward, "__code__", None)
        self.device = pick_device(model, device)
        self.name = type(model).__name__
        self.module = frozen_copy(model, self.device)
        self.input_shape: tuple[int, int, int] = tuple(example.shape)  # type: ignore[assignment]
        paths = {module: path for path, module in self.module.named_modules() if path}
        # They take no hooks.
        scripted = [p for m, p in paths.items() if isinstance(m, torch.jit.ScriptModule)]
        self._paths = {module: path for module, path in paths.items() if path not in scripted}
        self._hooks: list[RemovableHandle] = []
        self._pass: object = None
        traced = trace(self.run, self._paths, example[None].to(self.device), self.name)
        self.layers, self.graph, self.outputs = traced.layers, traced.graph, traced.outputs
        self._aliases, self.layouts = traced.aliases, traced.layouts
        if not self.layers:
            exported = isinstance(self.module, torch.fx.GraphModule)
            hint = " Pass torch.export.unflatten(program)." if exported else ""
            raise UnsupportedModel(
                f"{self.name} has no layer with feature maps: no submodule gives a tensor of "
                f"shape (images, channels, rows, columns) or (images, features).{hint}"
            )
        self._by_name = {layer.name: layer for layer in self.layers}
        self.rectified: dict[str, str] = {}
        self._listed = {path_of(layer.name) for layer in self.layers}
        notes = [_scripted_note(scripted), _apart_note(traced.apart), *_token_notes(traced)]
        notes.append(check_repeat(self, example))
        self.note = " ".join(filter(None, notes))

    def twin(self, example: Tensor) -> Network:
        """Another network of the same model, whose parameters can be changed.

        Parameters
        ----------
        example
            (channels, rows, columns), as this one was set up for.
        """
        return Network(self.module, example, self.device, self._forward)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take other weights of the same model, as `frozen.copied_weights` copies them.

        What was computed before doesn't hold any more; see `Projector.renew`. Not to be called
        while something is computed.

        Parameters
        ----------
        weights
            Each parameter and buffer of `module` by name, on any device.
        """
        with computing(self.device):
            for name, tensor in named_weights(self.module):
                tensor.copy_(weights[name])
        self.__dict__.pop("fingerprint", None)

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name; raises `UnknownLayer`.

        A container whose output is that of its last layer is known by both names.
        """
        try:
            return self._by_name[self._aliases.get(name, name)]
        except (KeyError, TypeError):
            raise UnknownLayer(name, self._by_name) from None

    def layer_with(self, name: str, channel: int) -> LayerInfo:
        """The layer of that name, if it has a channel; raises `InputError` naming those it has."""
        layer = self.layer(name)
        if not 0 <= channel < layer.channels:
            raise InputError(
                f"Layer {layer.name!r} has channels 0 to {layer.channels - 1}, got {channel}."
            )
        return layer

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
        rectified: Callable[[str, Tensor], None] | None = None,
    ) -> Any:
        """One forward pass that shows layer outputs to ``visit(name, output)`` as they come.

        Outputs may be overwritten in place right after: clone what is to stay. With ``only`` the
        pass ends at that layer and returns nothing. The output of a `torch.nn.ReLU` of what was
        shown just before, if nothing was written into that since, goes to ``rectified(name,
        output)`` instead, if it's given.
        """
        if visit is None:
            with self._hooked((), _nothing):
                return self._forward(self.module, images)
        calls: Counter[str] = Counter()
        only = self.layer(only).name if only is not None else None
        shown = _Shown(None)

        def hook(module: nn.Module, args: Any, output: Any) -> None:
            nonlocal shown
            name = call_name(self._paths[module], calls)
            if only is None and name in self._by_name:
                plain = name not in self.layouts
                follows = plain and type(module) is nn.ReLU and shown.read_by(args, output)
                show = rectified if rectified and follows else visit
                shown = _Shown(output if plain else None)
                show(name, self.channels_first(name, output))
            elif name == only:
                visit(name, self.channels_first(name, output))
                raise _Stop

        wanted = self._listed if only is None else {path_of(only)}
        with self._hooked(wanted, hook), suppress(_Stop):
            return self._forward(self.module, images)

    def run_changed(self, images: Tensor, changes: Mapping[str, Change]) -> Any:
        """One forward pass in which the outputs of layers are others.

        Parameters
        ----------
        images
            (images, channels, rows, columns), on the device.
        changes
            By layer: from its module's input and output, neither of which it may write to, to
            what the layers above get instead, of the output's shape.

        Returns
        -------
        Any
            The model's output.
        """
        calls: Counter[str] = Counter()
        wanted = {self.layer(name).name: change for name, change in changes.items()}

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            change = wanted.get(call_name(self._paths[module], calls))
            return None if change is None else change(args[0] if args else None, output)

        paths = {path_of(name) for name in wanted}
        with self._hooked(paths, hook):
            return self._forward(self.module, images)

    @contextmanager
    def _hooked(self, paths: Collection[str], hook: Hook) -> Iterator[None]:
        """Have modules call a hook in one pass, and never after it.

        An interrupt may strike anywhere, so that a hook may stay: the next pass removes it, and
        until then it does nothing, as it belongs to another pass than the one under way.
        """
        this = self._pass = object()
        self._unhook()

        def call(*args: Any) -> Any:
            return hook(*args) if self._pass is this else None

        try:
            for module, path in self._paths.items():
                if path in paths:
                    self._hooks.append(module.register_forward_hook(call))
            yield
        finally:
            self._pass = None
            self._unhook()

    def _unhook(self) -> None:
        while self._hooks:
            self._hooks[-1].remove()
            self._hooks.pop()

    def channel_axis(self, name: str) -> int:
        """Which axis of a layer's output, as its module gives it, holds the channels."""
        layout = self.layouts.get(self.layer(name).name)
        return 1 if layout is None else layout.channels

    def channels_first(self, name: str, output: Tensor) -> Tensor:
        """A layer's output as its module gives it, laid out as the layers are listed."""
        layout = self.layouts.get(name)
        return output if layout is None else layout.channels_first(output)

    def first_not_finite(self, images: Tensor) -> str | None:
        """The first layer that gives NaN or infinite values for a batch; None if none does."""
        found: list[str] = []

        def visit(name: str, output: Tensor) -> None:
            if not found and not torch.isfinite(output).all():
                found.append(name)

        with computing(self.device):
            self.run(images, visit)
        return found[0] if found else None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the weights, the module tree, the code of the user's forwards and the shapes."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.module.state_dict().items()):
            if isinstance(tensor, Tensor):
                digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode(*ANY_NAME))
                digest.update(tensor.detach().cpu().contiguous().flatten().numpy().data)
        for path, module in self.module.named_modules():
            kind = type(module)
            own = f"{kind.__module__}.{kind.__qualname__}"
            name = getattr(kind, "zfwidgets_same_as", own)
            digest.update(f"{path}{name}".encode(*ANY_NAME))
            if not name.startswith(("torch.", "torchvision.")):
                code = getattr(kind.forward, "__code__", None)
                if code is not None:
                    digest.update(code.co_code + repr(code.co_names).encode())
        if self._forward_code is not None:
            code = self._forward_code
            digest.update(code.co_code + repr((code.co_names, code.co_consts)).encode())
        for layer in self.layers:
            digest.update(f"{layer.name}{layer.shape}".encode(*ANY_NAME))
        return digest.hexdigest()


def _nothing(*_: Any) -> None:
    """A hook that is on no module."""


def _scripted_note(scripted: Sequence[str]) -> str:
    tops = [p for p in scripted if not any(p.startswith(f"{other}.") for other in scripted)]
    if not tops:
        return ""
    return (
        f"What TorchScript runs isn't listed as layers: {', '.join(tops)}. For these pass the "
        "original modules."
    )


def _apart_note(apart: Sequence[str]) -> str:
    if not apart:
        return ""
    return f"Layers whose outputs don't depend on the image aren't listed: {', '.join(apart)}."


def _token_notes(traced: Traced) -> list[str]:
    """What isn't shown of layers whose places are tokens."""
    notes = []
    layouts = {name: layout for name, layout in traced.layouts.items() if layout.grid}
    if layouts:
        first, *_, last = [*layouts, *layouts]
        notes.append(
            f"The tokens of {len(layouts)} layers ({first} to {last}) are shown as maps, on the "
            "grid that they were laid out from."
        )
    if any(layout.before for layout in layouts.values()):
        notes.append("Class tokens have no place there, and aren't shown.")
    if traced.unplaced:
        notes.append(
            "Layers that give (images, tokens, channels) aren't listed where it isn't known which "
            f"token is which place: {', '.join(traced.unplaced)}."
        )
    return notes


class _Shown:
    """A layer's output as it was shown, until something is written into it."""

    def __init__(self, output: Any) -> None:
        known = isinstance(output, Tensor) and not output.is_inference()
        self._output = output if known else None
        self._version = output._version if known else 0

    def read_by(self, args: Any, output: Any) -> bool:
        """Whether a module that made ``output`` of ``args`` read just that."""
        if self._output is None or not args or args[0] is not self._output:
            return False
        in_place = output is self._output
        return bool(self._output._version == self._version + in_place)
