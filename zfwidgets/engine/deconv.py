"""The deconvnet, and its siblings, as rules on the autograd graph (paper, section 2.1).

Going down from a unit, the deconvnet puts values back at the recorded max-pool switches, rectifies
the *signal* at each ReLU and filters with the transposed weights, without biases. That is the
vector-Jacobian product of the forward pass with every rectifier's backward replaced by
``relu(signal)``. So one ordinary forward records everything, and hooks on the rectifiers' nodes of
the autograd graph put the rule in: whatever the model's code calls a rectifier, in place or not, is
the same node.

The walk over the graph is also the certificate of what was met: every kind of node is listed here
with its status, and what isn't listed is "unknown", never assumed.

- paper: convolution, linear, rectifier, max-pool: as Zeiler & Fergus define.
- adjoint: linear maps that the paper's nets lack; their transpose is the only sensible inverse.
- linearised: nonlinear; replaced by its derivative at this image.
- unknown: not listed; its backward was taken as PyTorch gives it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, UnsupportedModel
from ..records import Operation, Status
from .network import Network

Signal = tuple[Any, ...]
Rule = Callable[[Signal, Signal], Signal]


def deconvnet(inputs: Signal, outputs: Signal) -> Signal:
    """Rectify the signal, whatever the forward activation was (Zeiler & Fergus 2013)."""
    return (outputs[0].relu(), *inputs[1:])


def guided(inputs: Signal, outputs: Signal) -> Signal:
    """Rectify the gradient: pass where signal and activation are positive (Springenberg 2014)."""
    return (inputs[0].relu(), *inputs[1:])


RULES: dict[str, Rule | None] = {"deconvnet": deconvnet, "guided": guided, "gradient": None}
"""What each rule does at a rectifier; None leaves the derivative."""


@dataclass(frozen=True)
class Kind:
    """How a kind of autograd node is inverted."""

    name: str
    status: Status
    rectifier: bool = False
    note: str = ""


_PAPER = {
    "Convolution": "convolution",
    "MkldnnConvolution": "convolution",
    "CudnnConvolution": "convolution",
    "Addmm": "linear",
    "Mm": "linear",
    "Linear": "linear",
    "MaxPool2DWithIndices": "max_pool",
    "AdaptiveMaxPool2D": "max_pool",
}
_RECTIFIERS = {
    "Relu": "relu",
    "Threshold": "relu",
    "Hardtanh": "hardtanh",
    "Clamp": "clamp",
    "ClampMin": "clamp",
    "LeakyRelu": "leaky_relu",
}
_ADJOINT = {
    **dict.fromkeys(["Add", "Sub", "Sum"], "sum"),
    "Neg": "scale",
    "Cat": "concat",
    "Stack": "concat",
    **dict.fromkeys(["AvgPool2D", "AvgPool3D", "AdaptiveAvgPool2D", "Mean"], "average"),
    **dict.fromkeys(["ConstantPadNd", "ReflectionPad2D", "ReplicationPad2D"], "padding"),
    **dict.fromkeys(
        ["UpsampleNearest2D", "UpsampleBilinear2D", "UpsampleBicubic2D"], "interpolation"
    ),
}
_SHAPE = set(
    """View UnsafeView ReshapeAlias Reshape Permute Transpose T Clone Alias Copy ToCopy Slice
    Select Split SplitWithSizes Unbind Unsqueeze Squeeze Expand Contiguous CopySlices AsStrided
    AccumulateGrad""".split()
)
_LINEARISED = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Silu": "SiLU",
    "Gelu": "GELU",
    "Elu": "ELU",
    "Mish": "Mish",
    "Softplus": "softplus",
    "Hardswish": "hardswish",
    "Hardsigmoid": "hardsigmoid",
    "LogSigmoid": "log-sigmoid",
    "Softmax": "softmax",
    "LogSoftmax": "softmax",
    "NativeLayerNorm": "layer norm",
    "NativeGroupNorm": "group norm",
    "Pow": "power",
    "Sqrt": "power",
    "Rsqrt": "power",
    "Exp": "exp",
    "Log": "log",
    "Abs": "abs",
    "PreluKernel": "PReLU",
    "Prelu": "PReLU",
}
_BATCH_NORMS = {"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm"}


def classify(node: Any) -> Kind | None:
    """The kind of an autograd node; None for those that only rearrange values."""
    name = re.sub(r"Backward\d*$", "", node.name().split("::")[-1])
    if name in _SHAPE:
        return None
    if name in _PAPER:
        return Kind(_PAPER[name], "paper")
    if name in _RECTIFIERS:
        return _rectifier(name, node)
    if name in _ADJOINT:
        return Kind(_ADJOINT[name], "adjoint")
    if name in _BATCH_NORMS:
        if getattr(node, "_saved_training", False):
            return Kind("batch norm", "linearised", note="over the batch's own statistics")
        return Kind("batch norm", "adjoint", note="its frozen scale")
    if name in ("Mul", "Div"):
        variable = [parent for parent, _ in node.next_functions if parent is not None]
        if len(variable) == 1:
            return Kind("scale", "adjoint")
        return Kind("product", "linearised", note="of two signals, as in a gate")
    if name in _LINEARISED:
        return Kind(_LINEARISED[name], "linearised")
    return Kind(name, "unknown", note="not in zfwidgets' list of operations")


def _rectifier(name: str, node: Any) -> Kind:
    """Only a bound at zero makes a rectifier; other bounds are derivatives at this image."""
    label = _RECTIFIERS[name]
    if name == "LeakyRelu":
        slope = node._saved_negative_slope
        if slope != 0:
            note = f"slope {slope:g}: no rectifier; its derivative"
            return Kind("leaky_relu", "linearised", note=note)
    bound = next(
        (
            getattr(node, f"_saved_{field}")
            for field in ("min_val", "min", "threshold")
            if hasattr(node, f"_saved_{field}")
        ),
        0,
    )
    if bound != 0:
        return Kind(label, "linearised", note=f"bound {bound} isn't zero: its derivative")
    return Kind("relu", "paper", rectifier=True)


@dataclass(frozen=True)
class Projected:
    """Projections of a batch.

    Attributes
    ----------
    pixels
        (n, channels, rows, columns), signed, in input units.
    values
        (n,) the units' activations, which the projections start from.
    operations
        What was met on the way.
    switches
        Of each max-pool, (n, channels, rows, columns), nearest the unit first.
    """

    pixels: Tensor
    values: Tensor
    operations: tuple[Operation, ...]
    switches: tuple[Tensor, ...]


@dataclass(frozen=True)
class Descent:
    """The graph between a layer's output and the pixels.

    PyTorch frees what the nodes saved once the projection is computed: ask for `switches` before.
    """

    nodes: tuple[tuple[Any, Kind], ...]

    @classmethod
    def below(cls, output: Tensor) -> Descent:
        """Walk down from ``output``, nearest nodes first."""
        found: list[tuple[Any, Kind]] = []
        queue: list[Any] = [output.grad_fn]
        seen = {output.grad_fn}
        for node in queue:
            kind = classify(node)
            if kind is not None:
                found.append((node, kind))
            for parent, _ in node.next_functions:
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
        return cls(tuple(found))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What was met, counted by kind, nearest the unit first."""
        counts = Counter(kind for _, kind in self.nodes)
        return tuple(Operation(k.name, k.status, n, k.note) for k, n in counts.items())

    def switches(self) -> tuple[Tensor, ...]:
        """The recorded max-pool switches: flat indices into each pool's input, (n, c, h, w)."""
        pools = (node for node, kind in self.nodes if kind.name == "max_pool")
        return tuple(node._saved_result1 for node in pools)

    def apply(self, rule: Rule | None) -> None:
        """Put a rule on every rectifier of this graph."""
        if rule is not None:
            for node, kind in self.nodes:
                if kind.rectifier:
                    node.register_hook(rule)


def forward_to(network: Network, images: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """Run a batch up to a layer with the graph recorded: (leaf, output of the layer)."""
    leaf = images.detach().clone().requires_grad_()
    captured: list[Tensor] = []
    # The clones keep in-place operations away from the leaf and from the captured output.
    network.run(leaf.clone(), lambda _, output: captured.append(output.clone()), only=layer)
    output = captured[0]
    if output.grad_fn is None:
        raise UnsupportedModel(
            f"Layer {layer!r} isn't connected to the pixels: the model's forward cuts its graph "
            "before it (torch.no_grad(), .detach() or .data). Remove that from the forward."
        )
    return leaf, output


def rule_of(name: str) -> Rule | None:
    """The rule of that name; None for the derivative."""
    if name not in RULES:
        raise InputError(f"Unknown rule {name!r}: expected one of {', '.join(RULES)}.")
    return RULES[name]


def certificate(network: Network, image: Tensor, layer: str) -> tuple[Operation, ...]:
    """What lies between a layer and the pixels, by one forward pass of one image."""
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        return Descent.below(forward_to(network, image, layer)[1]).operations


def project(
    network: Network,
    images: Tensor,
    layer: str,
    units: list[tuple[int, int, int]],
    rule: str,
    *,
    keep_switches: bool = False,
) -> Projected:
    """Project one unit of a layer per image to pixel space.

    Parameters
    ----------
    images
        (n, channels, rows, columns) float32 on the network's device.
    units
        Per image (channel, row, col).
    rule
        A key of `RULES`.
    """
    chosen = rule_of(rule)
    # Pre-activation shortcuts change saved tensors in place; this mode keeps what was saved.
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        leaf, output = forward_to(network, images, layer)
        descent = Descent.below(output)
        switches = descent.switches() if keep_switches else ()
        descent.apply(chosen)
        index = torch.tensor(units, device=output.device)
        places = (torch.arange(len(units), device=output.device), *index.T)[: output.dim()]
        values = output[places].detach()
        signal = torch.zeros_like(output).index_put_(places, values)
        (pixels,) = torch.autograd.grad(output, leaf, signal)
    return Projected(pixels.detach(), values, descent.operations, switches)
