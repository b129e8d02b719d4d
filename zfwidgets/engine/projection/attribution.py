"""Grad-CAM and LRP of the same units, by the libraries that have them.

Optional: ``pip install 'zfwidgets[attribution]'``. Neither is a deconvnet; their records say what
was computed by whom, and claim no status better than "linearised".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import InputError, UnsupportedModel, ZfError, optional
from ...records import Operation
from ..network.memory import ran_out
from ..network.tracing import call_name, path_of
from .paths import bottlenecks
from .projected import Projected, select

if TYPE_CHECKING:
    from ..network.network import Network

Units = list[tuple[int, int, int]]


def _library(name: str, needed_by: str) -> Any:
    package = name.split(".")[0]
    return optional(name, f"{needed_by} needs {package}: pip install 'zfwidgets[attribution]'")


@contextmanager
def _in_words(what: str, layer: str) -> Iterator[None]:
    """Another library's error as one of ours; a lack of memory stays what it is."""
    try:
        yield
    except ZfError:
        raise
    except Exception as error:
        if isinstance(error, RuntimeError) and ran_out(error):
            raise
        raise UnsupportedModel(
            f"{what} can't be computed for layer {layer!r} of this model ({type(error).__name__}: "
            f"{error}). Choose another rule, or a unit of another layer."
        ) from error


class _Unit(nn.Module):
    """The network up to one unit per image, as a model with one output."""

    def __init__(self, network: Network, layer: str, units: Units) -> None:
        super().__init__()
        self.network_module = network.module
        self._run, self._layer, self._units = network.run, layer, units

    def forward(self, images: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        self._run(images, lambda _, output: outputs.append(output), only=self._layer)
        return outputs[0][select(self._units, outputs[0])][:, None]


class _Over(_Unit):
    """A unit over one call of a module, whose output goes through `maps`."""

    def __init__(self, network: Network, layer: str, units: Units, at: str) -> None:
        super().__init__(network, layer, units)
        self.maps = nn.Identity()
        self._at, self._module = at, network.module.get_submodule(path_of(at))

    def forward(self, images: Tensor) -> Tensor:
        calls: Counter[str] = Counter()
        through: list[Tensor] = []

        def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor | None:
            if call_name(path_of(self._at), calls) != self._at:
                return None
            through.append(self.maps(output))
            return through[0]

        handle = self._module.register_forward_hook(hook)
        try:
            values = super().forward(images)
        finally:
            handle.remove()
        if not through or (torch.is_grad_enabled() and not _leads(values, through[0])):
            raise InputError(
                f"Grad-CAM weighs the feature maps of a layer that the unit depends on, and these "
                f"units of {self._layer!r} don't depend on {self._at!r}: choose another "
                "GradCam(at=...), or leave it out."
            )
        return values


def _leads(values: Tensor, maps: Tensor) -> bool:
    """Whether the graph goes down from values to maps."""
    queue, seen = [values.grad_fn], {values.grad_fn}
    for node in queue:
        if node is not None and node is maps.grad_fn:
            return True
        below = {parent for parent, _ in node.next_functions if parent} if node else set()
        queue += below - seen
        seen |= below
    return False


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017) by captum, enlarged to the image.

    Parameters
    ----------
    at
        The layer whose feature maps are weighed; None means the nearest one below the unit that
        has places (rows and columns) and that all of the unit's paths to the pixels go through.
        Where maps are concatenated, a unit's paths are those of the branch that its channel comes
        from.
    """

    name = "grad-cam"
    title = "Grad-CAM"
    answers = "Where in the image, coarsely, is what raises the unit: a place, no pattern."
    needs = "captum"

    def __init__(self, at: str | None = None) -> None:
        self.at = at

    def attribute(self, network: Network, images: Tensor, layer: str, units: Units) -> Projected:
        """As `zfwidgets.engine.projection.deconv.project`."""
        attr = _library("captum.attr", "Grad-CAM")
        if self.at:
            at = network.layer(self.at).name
        else:
            channels = {channel for channel, _, _ in units}
            at = _below(network, layer, channels.pop() if len(channels) == 1 else None)
        if at in network.layouts:
            raise InputError(
                f"captum's Grad-CAM weighs (images, channels, rows, columns), and {at!r} keeps its "
                "channels elsewhere: choose another layer, GradCam(at=...)."
            )
        unit = _Over(network, layer, units, at)
        with torch.no_grad():
            values = unit(images)[:, 0]
        with _in_words("captum's Grad-CAM", layer):
            maps = attr.LayerGradCam(unit, unit.maps).attribute(
                images.clone().requires_grad_(), target=0, relu_attributions=True
            )
        enlarged = attr.LayerAttribution.interpolate(maps.detach(), images.shape[-2:], "bilinear")
        rows, columns = maps.shape[-2:]
        note = (
            f"captum {version('captum')}: feature maps of {at!r} weighed by the mean gradient, "
            f"{rows} x {columns} values enlarged to the image; no pixel is attributed by itself"
        )
        return Projected(
            enlarged.expand_as(images), values, (Operation("Grad-CAM", "linearised", 1, note),), ()
        )


def _below(network: Network, layer: str, channel: int | None) -> str:
    """The nearest layer with places that all paths from a unit to the pixels go through."""
    graph = network.graph
    top = graph.layers.get(layer)
    if top is None:  # its channels aren't the graph's
        top, channel = graph.reordered[layer], None
    placed = {
        graph.layers[info.name]: info.name
        for info in network.layers
        if info.name in graph.layers and info.shape[1] * info.shape[2] > 1
    }
    found = next((placed[at] for at in bottlenecks(graph, top, channel) if at in placed), None)
    if found is None:
        raise InputError(
            "Grad-CAM weighs the feature maps of a layer below the unit's that all of the unit's "
            f"paths to the pixels go through, and {layer!r} has none below it that keeps its "
            "channels first: choose a unit further up, or GradCam(at=...)."
        )
    return found


class Lrp:
    """Layer-wise relevance propagation (Bach et al. 2015) by zennit.

    Parameters
    ----------
    composite
        A zennit composite; None means ``EpsilonPlus``, with each batch norm merged into the
        convolution or linear layer whose output it reads.
    """

    name = "lrp"
    title = "LRP"
    answers = "How the unit's activation is shared out over the pixels, layer by layer."
    needs = "zennit"

    def __init__(self, composite: Any = None) -> None:
        self.composite = composite

    def attribute(self, network: Network, images: Tensor, layer: str, units: Units) -> Projected:
        """As `zfwidgets.engine.projection.deconv.project`."""
        composites = _library("zennit.composites", "LRP")
        leaf = images.clone().requires_grad_()
        unit = _Unit(network, layer, units)
        with torch.no_grad():
            values = unit(images)[:, 0]
        composite = self.composite or composites.EpsilonPlus(canonizers=[_merger(unit, images)])
        with _in_words("zennit's LRP", layer), _put_back(unit):
            try:
                composite.register(unit)
                output = unit(leaf)
                if not torch.allclose(output[:, 0], values, rtol=1e-2, atol=1e-4):
                    raise UnsupportedModel(
                        f"{type(composite).__name__} merges batch norms where they don't follow in "
                        f"{network.name}, so that layer {layer!r} gives other values: pass Lrp a "
                        "composite without that canonizer."
                    )
                (pixels,) = torch.autograd.grad(output, leaf, values[:, None])
            finally:
                composite.remove()
        note = (
            f"zennit {version('zennit')}, {type(composite).__name__}: rules on convolution, linear "
            "and pooling modules; what the model calls as a function keeps its derivative"
        )
        return Projected(pixels.detach(), values, (Operation("LRP", "linearised", 1, note),), ())


def _merger(unit: _Unit, images: Tensor) -> Any:
    """Merges batch norms into what they follow in a forward pass, not in the tree of modules."""
    types = _library("zennit.types", "LRP")
    calls: Counter[str] = Counter()
    made: dict[int, tuple[Tensor, str]] = {}  # the tensor, lest its id come again
    pairs: list[tuple[str, str]] = []
    paths = {module: path for path, module in unit.named_modules()}

    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        path = paths[module]
        calls[path] += 1
        if isinstance(module, types.Linear):
            made[id(output)] = output, path
        elif args and id(args[0]) in made and module.weight is not None:
            pairs.append((made[id(args[0])][1], path))

    kinds = types.Linear, types.BatchNorm
    handles = [m.register_forward_hook(hook) for m in paths if isinstance(m, kinds)]
    try:
        with torch.no_grad():
            unit(images)
    finally:
        for handle in handles:
            handle.remove()
    once = [([before], norm) for before, norm in pairs if calls[before] == calls[norm] == 1]
    return _library("zennit.canonizers", "LRP").NamedMergeBatchNorm(once)


@contextmanager
def _put_back(model: nn.Module) -> Iterator[None]:
    """Leave a model's tensors as they were, whatever was merged before an error."""
    held: list[dict[str, Any]] = [
        named
        for module in model.modules()
        for named in (module._parameters, module._buffers)  # noqa: SLF001 -- torch's own
    ]
    kept = [(named, name, tensor) for named in held for name, tensor in named.items()]
    data = [None if tensor is None else tensor.data for _, _, tensor in kept]
    try:
        yield
    finally:
        for (named, name, tensor), values in zip(kept, data, strict=True):
            named[name] = tensor
            if tensor is not None:
                tensor.data = values
