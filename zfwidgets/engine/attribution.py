"""Grad-CAM and LRP of the same units, by the libraries that have them.

Optional: ``pip install 'zfwidgets[attribution]'``. Neither is a deconvnet; their records say what
was computed by whom, and claim no status better than "linearised".
"""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import InputError, MissingDependency
from ..records import Operation

if TYPE_CHECKING:
    from .deconv import Projected
    from .network import Network

Units = list[tuple[int, int, int]]


def _library(name: str, needed_by: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"{needed_by} needs {name.split('.')[0]}: pip install 'zfwidgets[attribution]'"
        ) from error


class _Unit(nn.Module):
    """The network up to one unit per image, as a model with one output."""

    def __init__(self, network: Network, layer: str, units: Units) -> None:
        super().__init__()
        self.network_module = network.module
        self._run, self._layer, self._units = network.run, layer, units

    def forward(self, images: Tensor) -> Tensor:
        from .deconv import select

        outputs: list[Tensor] = []
        self._run(images, lambda _, output: outputs.append(output), only=self._layer)
        return outputs[0][select(self._units, outputs[0])][:, None]


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017) by captum, enlarged to the image.

    Parameters
    ----------
    at
        The layer whose feature maps are weighed; None means the last one with places (rows and
        columns) before the unit's.
    """

    name = "grad-cam"
    answers = "Where in the image, coarsely, is what raises the unit? A place, no pattern."
    needs = "captum"

    def __init__(self, at: str | None = None) -> None:
        self.at = at

    def attribute(self, network: Network, images: Tensor, layer: str, units: Units) -> Projected:
        """As `zfwidgets.engine.deconv.project`."""
        from .deconv import Projected

        attr = _library("captum.attr", "Grad-CAM")
        at = network.layer(self.at).name if self.at else self._below(network, layer)
        if at in network.layouts:
            raise InputError(
                f"captum's Grad-CAM weighs (images, channels, rows, columns), and {at!r} keeps its "
                "channels elsewhere: choose another layer, GradCam(at=...)."
            )
        module = network.module.get_submodule(at.split("@")[0])
        unit = _Unit(network, layer, units)
        with torch.no_grad():
            values = unit(images)[:, 0]
        maps = attr.LayerGradCam(unit, module).attribute(
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

    @staticmethod
    def _below(network: Network, layer: str) -> str:
        found = None
        for info in network.layers:
            if info.name == layer:
                break
            unfit = "@" in info.name or info.name in network.layouts
            if info.shape[1] * info.shape[2] > 1 and not unfit:
                found = info.name
        if found is None:
            raise InputError(
                f"Grad-CAM weighs the feature maps of a layer before the unit's, and {layer!r} "
                "has none before it that keeps its channels first: choose a unit further up, or "
                "GradCam(at=...)."
            )
        return found


class Lrp:
    """Layer-wise relevance propagation (Bach et al. 2015) by zennit.

    Parameters
    ----------
    composite
        A zennit composite; None means ``EpsilonPlus`` with torchvision's canonisers.
    """

    name = "lrp"
    answers = "How is the unit's value shared out over the pixels, layer by layer?"
    needs = "zennit"

    def __init__(self, composite: Any = None) -> None:
        self.composite = composite

    def attribute(self, network: Network, images: Tensor, layer: str, units: Units) -> Projected:
        """As `zfwidgets.engine.deconv.project`."""
        from .deconv import Projected

        composites = _library("zennit.composites", "LRP")
        composite = self.composite or composites.EpsilonPlus(
            canonizers=[_library("zennit.canonizers", "LRP").SequentialMergeBatchNorm()]
        )
        leaf = images.clone().requires_grad_()
        unit = _Unit(network, layer, units)
        with torch.no_grad():
            values = unit(images)[:, 0]
        with ExitStack() as stack:
            module = stack.enter_context(composite.context(unit))
            output = module(leaf)
            (pixels,) = torch.autograd.grad(output, leaf, values[:, None])
        note = (
            f"zennit {version('zennit')}, {type(composite).__name__}: rules on convolution, linear "
            "and pooling modules; what the model calls as a function keeps its derivative"
        )
        return Projected(pixels.detach(), values, (Operation("LRP", "linearised", 1, note),), ())
