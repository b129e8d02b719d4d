"""How each kind of operation is inverted: the certificate of a projection.

Every kind of node of the autograd graph is listed here with its status, and what isn't listed is
"unknown", never assumed.

- paper: convolution, linear, rectifier, max-pool: as Zeiler & Fergus define; contrast norms,
  which their deconvnet passes by. A rule that doesn't has their derivative: linearised.
- adjoint: linear maps that the paper's nets lack; their transpose is the only sensible inverse.
- linearised: nonlinear; replaced by its derivative at this image.
- unknown: not listed; its backward was taken as PyTorch gives it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.nn.modules._functions import CrossMapLRN2d

from ...records import MAX_POOL, PASSED_BY, RECTIFIER, RESPONSE_NORM, Status
from ..network.graph.norms import Step, normalisation
from .data_dependence import DependenceRecorder


@dataclass(frozen=True)
class Kind:
    """How a kind of autograd node is inverted.

    Attributes
    ----------
    rectifier
        For a rectifier, gives its activation; None for everything else.
    frozen
        Which of the node's inputs is a gate, that no signal goes into; None if none is.
    norm
        Whether it ends a contrast norm, whose first input is what is normed.
    """

    name: str
    status: Status
    note: str = ""
    rectifier: Callable[[], Tensor] | None = None
    frozen: int | None = None
    norm: bool = False


def _table(status: Status, names: dict[str, str]) -> dict[str, Kind]:
    return {node: Kind(name, status) for name, nodes in names.items() for node in nodes.split()}


_REARRANGED = set(
    """View UnsafeView ReshapeAlias Reshape Permute Transpose T Clone Alias Copy ToCopy Slice
    Select Split SplitWithSizes Unbind Unsqueeze Squeeze Expand Contiguous CopySlices AsStrided
    AccumulateGrad Roll Flip PixelShuffle PixelUnshuffle ChannelShuffle Unfold Narrow Diagonal
    UnsafeSplit Lift LiftFresh""".split()
)

_LISTED = {
    **_table(
        "paper",
        {
            MAX_POOL: "MaxPool2DWithIndices MaxPool3DWithIndices AdaptiveMaxPool2D "
            "FractionalMaxPool2D",
        },
    ),
    **_table(
        "adjoint",
        {
            "sum": "Add Sub Sum Rsub",
            "scale": "Neg",
            "concat": "Cat Stack",
            "average": "AvgPool2D AvgPool3D AdaptiveAvgPool2D Mean",
            "padding": "ConstantPadNd ReflectionPad2D ReplicationPad2D",
            "repetition": "Repeat Im2Col Col2Im",
            "interpolation": "UpsampleNearest2D UpsampleNearestExact2D UpsampleBilinear2D "
            "UpsampleBicubic2D UpsampleBilinear2DAa UpsampleBicubic2DAa",
        },
    ),
    **_table(
        "linearised",
        {
            "sigmoid": "Sigmoid",
            "tanh": "Tanh",
            "SiLU": "Silu",
            "GELU": "Gelu",
            "ELU": "Elu Celu Selu",
            "GLU": "Glu",
            "Mish": "Mish",
            "softplus": "Softplus",
            "softshrink": "Softshrink Hardshrink",
            "hardswish": "Hardswish",
            "hardsigmoid": "Hardsigmoid",
            "log-sigmoid": "LogSigmoid",
            "softmax": "Softmax LogSoftmax",
            "layer norm": "NativeLayerNorm FusedRmsNorm",
            "group norm": "NativeGroupNorm",
            "power": "Pow Sqrt Rsqrt Reciprocal",
            "exp": "Exp Expm1 Erf",
            "log": "Log Log1P Logsumexp",
            "abs": "Abs",
            "sine": "Sin Cos",
            "norm": "LinalgVectorNorm Norm",
            "variance": "Var Std VarMean StdMean",
            "PReLU": "PreluKernel Prelu",
            "minimum": "Minimum Fmin",
            "maximum": "Amax Amin Max Min",
            "sorting": "Sort Topk",
            "sampling": "GridSampler2D",
        },
    ),
}
_STEPS = {"Sign", "Sgn", "Round", "Floor", "Ceil", "Trunc", "Heaviside"}
_NO_RECTIFIER = "no rectifier: its derivative"


def classify(node: Any, witness: DependenceRecorder | None = None) -> Kind | None:
    """The kind of an autograd node; None for those that only rearrange values."""
    name = _name(node)
    if getattr(node, "_forward_cls", None) is CrossMapLRN2d:
        return Kind(RESPONSE_NORM, "paper", PASSED_BY, norm=True)
    if isinstance(node, BackwardCFunction):
        return Kind(name, "unknown", "the model's own autograd.Function: its backward as it is")
    if name in _REARRANGED:
        return None
    if (special := _SPECIAL.get(name)) is not None:
        return special(node, witness)
    if (kind := _LISTED.get(name)) is not None:
        return kind
    if name.startswith("ScaledDotProduct"):
        return Kind("attention", "linearised")
    if name in _STEPS:
        return Kind(name.lower(), "linearised", "steps: no signal goes below it")
    return Kind(name, "unknown", "not in zfwidgets' list of operations")


def _name(node: Any) -> str:
    return re.sub(r"Backward\d*$", "", node.name().split("::")[-1])


def _variable(node: Any) -> list[int]:
    """Which inputs come from the pixels."""
    return [number for number, (parent, _) in enumerate(node.next_functions) if parent is not None]


def _rectifier(activation: Callable[[], Tensor], note: str = "") -> Kind:
    return Kind(RECTIFIER, "paper", note, activation)


def _relu(node: Any, witness: DependenceRecorder | None) -> Kind:
    return _rectifier(lambda: node._saved_result)


def _bounded(node: Any, witness: DependenceRecorder | None) -> Kind:
    """Only a lower bound at zero makes a rectifier; other bounds are derivatives at this image."""
    low, high = (
        next((getattr(node, f"_saved_{n}") for n in names if hasattr(node, f"_saved_{n}")), None)
        for names in (("min_val", "min", "threshold"), ("max_val", "max"))
    )
    bounds = f"{_shown(low)} to {_shown(high)}"
    if len(_variable(node)) > 1:
        return Kind("clamp", "linearised", "bounds that depend on the image")
    if low is None or (low.any() if isinstance(low, Tensor) else low != 0):
        return Kind("clamp", "linearised", f"{bounds}: {_NO_RECTIFIER}")
    note = (
        "" if high is None else f"clamped {bounds}: the upper bound stops nothing on the way down"
    )
    return _rectifier(lambda: node._saved_self.clamp(low, high), note)


def _shown(bound: Any) -> str:
    if bound is None:
        return "..."
    return "a tensor" if isinstance(bound, Tensor) else f"{bound:g}"


def _leaky(node: Any, witness: DependenceRecorder | None) -> Kind:
    return _sloped(node, "leaky_relu", node._saved_negative_slope, "slope")


def _rrelu(node: Any, witness: DependenceRecorder | None) -> Kind:
    return _sloped(node, "rrelu", (node._saved_lower + node._saved_upper) / 2, "mean slope")


def _sloped(node: Any, name: str, slope: float, what: str) -> Kind:
    if slope != 0:
        return Kind(name, "linearised", f"{what} {slope:g}: {_NO_RECTIFIER}")
    saved = "_saved_self" if hasattr(node, "_saved_self") else "_saved_result"
    return _rectifier(lambda: getattr(node, saved).relu())


def _maximum(node: Any, witness: DependenceRecorder | None) -> Kind:
    """``maximum(x, 0)`` is a rectifier."""
    variable = _variable(node)
    if len(variable) == 1:
        x, other = (node._saved_self, node._saved_other)[:: 1 if variable == [0] else -1]
        held = witness is None or not witness.depends(other)
        if held and not other.any() and x.dim() >= other.dim():
            return _rectifier(lambda: x.relu(), "spelled as a maximum with zero")
        return Kind("maximum", "linearised", "with values held as in this image")
    return Kind("maximum", "linearised", "of two signals: down where the larger was")


def _selection(saved: str) -> Callable[[Any, DependenceRecorder | None], Kind]:
    def classify(node: Any, witness: DependenceRecorder | None) -> Kind:
        """Rectifiers by comparison, and other choices by a mask."""
        mask = getattr(node, f"_saved_{saved}")
        if isinstance(mask, (tuple, list)):
            mask = next((m for m in mask if m is not None), None)
        if mask is None or witness is None or not witness.depends(mask):
            return Kind("selection", "adjoint", "by a mask that is the same for every image")
        found = witness.activation(mask)
        if found is not None and len(_variable(node)) == 1:
            return _rectifier(lambda: found, "spelled with a comparison")
        return Kind("selection", "linearised", "by comparison, held as in this image")

    return classify


def _product(node: Any, witness: DependenceRecorder | None) -> Kind:
    if not hasattr(node, "_saved_self"):
        return Kind("scale", "adjoint")  # by a number: what foreach operations record
    variable = _variable(node)
    factors = node._saved_self, node._saved_other
    if len(variable) == 1:
        factor = factors[1 - variable[0]]
        if factor is None or witness is None or not witness.depends(factor):
            return Kind("scale", "adjoint")
        found = witness.activation(factor)
        if found is not None:
            return _rectifier(lambda: found, "spelled as a product with a comparison")
        note = "by a factor that depends on the image and is cut off from it: held fixed"
        return Kind("product", "linearised", note)
    gates = [_one_per_channel(node, number, factors[number]) for number in (0, 1)]
    if sum(gates) == 1:
        note = "one value a channel, frozen like a switch: no signal goes into it"
        return Kind("gate", "linearised", note, frozen=gates.index(True))
    return Kind("product", "linearised", "of two signals")


def _one_per_channel(node: Any, number: int, factor: Tensor) -> bool:
    """Whether a factor has one value a channel, maybe expanded to the map's size."""
    parent = node.next_functions[number][0]
    shape = tuple(factor.shape)
    if parent.name().startswith("ExpandBackward"):
        shape = tuple(parent._saved_self_sym_sizes)
    return len(shape) <= 2 or shape[-2:] == (1, 1)


def _quotient(node: Any, witness: DependenceRecorder | None) -> Kind:
    if _variable(node) == [0]:
        other = node._saved_other if hasattr(node, "_saved_other") else None
        if isinstance(other, Tensor) and witness is not None and witness.depends(other):
            return Kind("quotient", "linearised", "by values held as in this image")
        return Kind("scale", "adjoint")
    if len(_variable(node)) == 2 and node._saved_self.shape == node._saved_other.shape:
        norm = normalisation(_step(node), lambda at: _step(at[0]))
        if norm:
            return Kind(norm, "paper", PASSED_BY, frozen=1, norm=True)
    return Kind("quotient", "linearised", "of two signals")


def _step(node: Any) -> Step[tuple[Any, int]]:
    """A node of the autograd graph, as `normalisation` reads it."""
    inputs = tuple(parent for parent in node.next_functions if parent[0] is not None)
    return Step(_name(node).lower(), inputs, getattr(node, "_saved_exponent", None))


def _matrices(name: str, first: int) -> Callable[[Any, DependenceRecorder | None], Kind]:
    """Linear if one matrix is constant; ``first`` of the node's inputs is the first matrix."""

    def classify(node: Any, witness: DependenceRecorder | None) -> Kind:
        if len([number for number in _variable(node) if number >= first]) > 1:
            return Kind("matrix product", "linearised", "of two signals, as in attention")
        return Kind(name, "paper")

    return classify


def _convolution(node: Any, witness: DependenceRecorder | None) -> Kind:
    if any(number > 0 for number in _variable(node)):
        return Kind("convolution", "linearised", "its filters depend on the image")
    if getattr(node, "_saved_transposed", False):
        return Kind("transposed convolution", "adjoint")
    return Kind("convolution", "paper")


def _batch_norm(node: Any, witness: DependenceRecorder | None) -> Kind:
    if getattr(node, "_saved_training", getattr(node, "_saved_train", False)):
        return Kind("batch norm", "linearised", "over the image's own statistics")
    return Kind("batch norm", "adjoint", "its frozen scale")


def _indexing(node: Any, witness: DependenceRecorder | None) -> Kind | None:
    indices = [i for i in node._saved_indices if i is not None]
    if witness is not None and any(witness.depends(i) for i in indices):
        return Kind("indexing", "linearised", "places held as in this image")
    return None


_SPECIAL: dict[str, Callable[[Any, DependenceRecorder | None], Kind | None]] = {
    "Relu": _relu,
    **dict.fromkeys(["Threshold", "Hardtanh", "Clamp", "ClampMin", "ClampMax"], _bounded),
    "LeakyRelu": _leaky,
    "RreluWithNoise": _rrelu,
    **dict.fromkeys(["Maximum", "Fmax"], _maximum),
    "Where": _selection("condition"),
    "MaskedFill": _selection("mask"),
    "IndexPut": _selection("indices"),
    "Index": _indexing,
    "Mul": _product,
    "Div": _quotient,
    **dict.fromkeys(["Addmm", "Baddbmm", "Addmv"], _matrices("linear", 1)),
    **dict.fromkeys(["Mm", "Bmm", "Mv", "Dot", "Linear"], _matrices("linear", 0)),
    **dict.fromkeys(
        ["Convolution", "MkldnnConvolution", "CudnnConvolution", "MiopenConvolution"], _convolution
    ),
    **dict.fromkeys(["NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm"], _batch_norm),
}
