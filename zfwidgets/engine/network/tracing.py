"""One forward pass of one image: which layers a model has, and the graph between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ...errors import UnsupportedModel
from ...records import LayerInfo, ReceptiveField, Role
from .connections import connected
from .graph.geometry import Pair, Window, pair
from .graph.graph import Graph, Recorder
from .layout import Layout, channel_axes
from .modes import computing
from .tokens import follow_tokens

_ROLES: tuple[tuple[Role, tuple[type[nn.Module], ...]], ...] = (
    ("conv", (nn.modules.conv._ConvNd,)),
    ("linear", (nn.Linear, nn.Bilinear)),
    ("rectifier", (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.PReLU, nn.Threshold)),
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


@dataclass(frozen=True)
class Traced:
    """What a forward pass showed.

    Attributes
    ----------
    layers
        In the order of the pass, with their channels first, whatever the model's order is.
    layouts
        Layouts of those layers whose outputs aren't laid out so.
    aliases
        Containers' names to the names of the layers whose outputs are theirs.
    apart
        Names of layers whose outputs don't depend on the image.
    unplaced
        Names of layers whose tokens aren't known to be places of a grid.
    graph
        The operations of the pass.
    outputs
        Shape of the model's output; None if it isn't a tensor.
    """

    layers: tuple[LayerInfo, ...]
    layouts: Mapping[str, Layout]
    aliases: Mapping[str, str]
    apart: tuple[str, ...]
    unplaced: tuple[str, ...]
    graph: Graph
    outputs: tuple[int, ...] | None


def trace(
    forward: Callable[[Tensor], Any], paths: Mapping[nn.Module, str], images: Tensor, model: str
) -> Traced:
    """Run a model on a batch of one image, recording every module call.

    Parameters
    ----------
    forward
        Runs the model.
    paths
        Modules of the model, and what they are called.
    images
        (1, channels, rows, columns).
    model
        Name of the model, for errors.

    Raises
    ------
    UnsupportedModel
        It can't run on the image, or not exactly; names the layer.
    """
    recorder = Recorder(images)
    calls: Counter[str] = Counter()
    found: list[LayerInfo] = []
    aliases: dict[str, str] = {}
    apart: list[str] = []
    seen: dict[tuple[int, int], str | None] = {(id(images), images._version): None}
    entered: list[_Call] = []
    inside: dict[str, tuple[_Call, ...]] = {}
    rows, columns = images.shape[2:]

    def enter(module: nn.Module, args: Any) -> None:
        entered.append(_Call(paths[module], type(module) is nn.Sequential))

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        call = entered.pop()
        call.name = name = call_name(paths[module], calls)
        if not isinstance(output, Tensor) or output.dim() not in (2, 3, 4) or len(output) != 1:
            return
        if recorder.ref(output) is None:  # such outputs aren't kept, and ids come again
            if not isinstance(module, _NOT_LISTED):
                apart.append(name)
            return
        state = (id(output), output._version)
        if state in seen:
            if (same := seen[state]) is not None:
                aliases[name] = same
            return
        if isinstance(module, _NOT_LISTED):
            return
        seen[state] = name
        inside[name] = (*entered, call)
        fields = recorder.fields(output)
        if (ref := recorder.ref(output)) is not None:
            recorder.graph.layers[name] = ref
        shape = (*output.shape[1:], 1, 1)[:3]
        found.append(
            LayerInfo(
                name,
                type(module).__name__,
                _role(module),
                shape,
                fields.window.receptive_field((rows, columns)),
                fields.window.rectified,
                _of_channels(fields.of_channels(shape[0]), (rows, columns)),
            )
        )

    recorder.where = lambda: f"Layer {entered[-1].path!r}" if entered else "The model's forward"
    handles = [m.register_forward_pre_hook(enter) for m in paths]
    handles += [m.register_forward_hook(leave) for m in paths]
    try:
        with computing(images.device), recorder:
            output = forward(images)
    except UnsupportedModel:
        raise
    except Exception as error:
        place = f" in layer {entered[-1].path!r}" if entered else ""
        raise UnsupportedModel(
            f"{model} can't run on the images: its forward failed{place} on an input of "
            f"shape {tuple(images.shape)} ({type(error).__name__}: {error}). Check that it is "
            "an image network and that the transform gives the input it expects."
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    outputs: tuple[int, ...] | None = None
    if isinstance(output, Tensor):
        recorder.graph.output = recorder.ref(output)
        outputs = tuple(output.shape)
    layers, layouts, unplaced = _channels_first(found, recorder)
    for name in unplaced:
        recorder.graph.layers.pop(name, None)
    aliases = {name: layer for name, layer in aliases.items() if layer not in unplaced}
    graph = recorder.graph
    holders = {
        name: [call.name for call in within if not call.row] for name, within in inside.items()
    }
    layers = connected(layers, graph, holders)
    return Traced(layers, layouts, aliases, tuple(apart), unplaced, graph, outputs)


@dataclass
class _Call:
    """A call of a module; its name is known when it ends, and ``row`` is for plain sequences."""

    path: str
    row: bool
    name: str = ""


def _channels_first(
    found: list[LayerInfo], recorder: Recorder
) -> tuple[tuple[LayerInfo, ...], dict[str, Layout], tuple[str, ...]]:
    """Layers with their channels first, the layouts of others, and what has no known places."""
    graph = recorder.graph
    axes = channel_axes(graph)
    tokens = follow_tokens(graph, axes, recorder.windows)
    layers: list[LayerInfo] = []
    layouts: dict[str, Layout] = {}
    unplaced: list[str] = []
    for layer in found:
        ref = graph.layers.get(layer.name)
        shape = () if ref is None else graph.shape(ref)
        if ref is not None and len(shape) == 4 and axes[ref] == 3:
            layouts[layer.name] = Layout(3)
            layer = replace(layer, shape=(shape[3], *shape[1:3]))
        elif ref is not None and len(shape) == 3:
            channels, places = axes[ref], tokens.get(ref)
            if places is None or {channels, places.axis} != {1, 2}:
                unplaced.append(layer.name)
                continue
            assert channels is not None
            layouts[layer.name] = Layout(channels, places.grid, places.before)
            field = places.window.receptive_field(pair(graph.image[2:]))
            shape = (shape[channels], *places.grid)
            layer = replace(layer, shape=shape, receptive_field=field, rectified=False, fields=())
        layers.append(layer)
    for name in layouts:
        graph.reordered[name] = graph.layers.pop(name)
    return tuple(layers), layouts, tuple(unplaced)


def _of_channels(windows: list[Window], image: Pair) -> tuple[tuple[int, ReceptiveField], ...]:
    """Ranges of channels with one field each; none where all have the same."""
    fields: list[ReceptiveField] = []
    for before, window in zip([None, *windows], windows, strict=False):
        same = before is not None and window == before
        fields.append(fields[-1] if same else window.receptive_field(image))
    starts = [0, *(i for i in range(1, len(fields)) if fields[i] != fields[i - 1])]
    return tuple((start, fields[start]) for start in starts) if len(starts) > 1 else ()


def path_of(name: str) -> str:
    """The module's path in a layer's name; a module may have an @ in its own."""
    return re.sub(r"@\d+$", "", name)


def call_name(path: str, calls: Counter[str]) -> str:
    """``path`` for a module's first call in a pass, ``path@1``, ``path@2``, ... after that."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path}@{calls[path] - 1}"


def _role(module: nn.Module) -> Role:
    for role, kinds in _ROLES:
        if isinstance(module, kinds):
            return role
    return "block" if any(True for _ in module.children()) else "other"
