"""The recorded operations of a forward pass, and what each does to receptive fields.

A forward pass runs under a `TorchDispatchMode`, which sees every operation that PyTorch executes,
however the model spells it (module, function, method, in place, scripted). Per tensor we keep a
`Window`: which input pixels an element depends on, as interval arithmetic over rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..errors import UnsupportedModel
from ..records import Reach, ReceptiveField

aten = torch.ops.aten
Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Element i of an axis depends on input pixels ``i*stride+low .. i*stride+high``.

    One (row, column) pair each. With reach "global" every element may depend on every pixel.
    """

    stride: Pair = (1, 1)
    low: Pair = (0, 0)
    high: Pair = (0, 0)
    reach: Reach = "exact"
    rectified: bool = False

    def slide(self, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Window:
        """After a window of ``kernel`` elements slid over the map (convolution, pooling)."""
        if self.reach == "global":
            return replace(self, rectified=False)
        reach = [(k - 1) * d - p for k, d, p in zip(kernel, dilation, padding, strict=True)]
        return Window(
            _pair(s * t for s, t in zip(self.stride, stride, strict=True)),
            _pair(lo - s * p for lo, s, p in zip(self.low, self.stride, padding, strict=True)),
            _pair(hi + s * r for hi, s, r in zip(self.high, self.stride, reach, strict=True)),
            self.reach,
        )

    def union(self, other: Window) -> Window:
        """After both were summed or concatenated."""
        if self.reach == "global" or other.reach == "global":
            return GLOBAL
        if self.stride != other.stride:
            return UNBOUNDED
        bound = "upper bound" in (self.reach, other.reach)
        return Window(
            self.stride,
            _pair(map(min, self.low, other.low)),
            _pair(map(max, self.high, other.high)),
            "upper bound" if bound else "exact",
            self.rectified and other.rectified,
        )

    def receptive_field(self, image: Pair) -> ReceptiveField:
        """As a record, for images of ``image`` rows x columns."""
        if self.stride == (0, 0):
            return ReceptiveField(image, (0, 0), (0, 0), image, self.reach)
        size = _pair(hi - lo + 1 for lo, hi in zip(self.low, self.high, strict=True))
        return ReceptiveField(size, self.stride, self.low, image, self.reach)


GLOBAL = Window((0, 0), reach="global")
UNBOUNDED = Window((0, 0), reach="upper bound")


def _pair(values: Any) -> Pair:
    first, second = values
    return int(first), int(second)


def _two(value: int | Sequence[int], default: Pair = (1, 1)) -> Pair:
    """PyTorch's int-or-list arguments as a (rows, columns) pair."""
    if isinstance(value, int):
        return value, value
    if not value:
        return default
    return (value[0], value[0]) if len(value) == 1 else (value[-2], value[-1])


def _argument(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Any:
    for position, parameter in enumerate(func._schema.arguments):
        if parameter.name == name:
            if position < len(args):
                return args[position]
            return kwargs.get(name, parameter.default_value)
    raise KeyError(name)


# One entry an operation: (window of the first input, reader of arguments, input, output) -> window.
Read = Callable[[str], Any]
Rule = Callable[[Window, Read, Tensor, Tensor], Window]


def _convolution(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    if read("transposed") or source.dim() != 4:
        return UNBOUNDED
    kernel = _pair(read("weight").shape[-2:])
    return window.slide(kernel, *(_two(read(n)) for n in ("stride", "padding", "dilation")))


def _pool(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    kernel = _two(read("kernel_size"))
    return window.slide(kernel, _two(read("stride"), kernel), _two(read("padding")))


def _max_pool(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    kernel = _two(read("kernel_size"))
    stride = _two(read("stride"), kernel)
    pooled = window.slide(kernel, stride, _two(read("padding")), _two(read("dilation")))
    return replace(pooled, rectified=window.rectified)


def _adaptive_pool(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    before, after = _pair(source.shape[-2:]), _pair(out.shape[-2:])
    if any(b % a for b, a in zip(before, after, strict=True)):
        return UNBOUNDED
    ratio = _pair(b // a for b, a in zip(before, after, strict=True))
    if after == (1, 1) and before != (1, 1):
        return GLOBAL
    return window.slide(ratio, ratio, (0, 0))


def _reduction(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    dims = {d % source.dim() for d in read("dim") or range(source.dim())}
    spatial = {source.dim() - 2, source.dim() - 1}
    if not dims & spatial:
        return replace(window, rectified=False)
    return window if _is_vector(source) else GLOBAL


def _constant_pad(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    left, _, top, _ = (*read("pad"), 0, 0, 0, 0)[:4]
    padded = window.slide((1, 1), (1, 1), (top, left))
    return replace(padded, high=_pair(h - s * p for h, s, p in _shift(window, (top, left))))


def _mirror_pad(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    left, right, top, bottom = read("padding")
    pads = max(top, bottom), max(left, right)
    centre = _pair(lo - s * p for lo, s, p in _shift(replace(window, high=window.low), (top, left)))
    width = _pair(h - lo for h, lo in zip(window.high, window.low, strict=True))
    spread = _pair(2 * s * p for s, p in zip(window.stride, pads, strict=True))
    return replace(
        window,
        low=_pair(c - w for c, w in zip(centre, spread, strict=True)),
        high=_pair(c + w + e for c, w, e in zip(centre, width, spread, strict=True)),
        reach="upper bound" if window.reach == "exact" else window.reach,
    )


def _shift(window: Window, pads: Pair) -> Any:
    return zip(window.high, window.stride, pads, strict=True)


def _same(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    return replace(window, rectified=False)


def _rectify(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    return replace(window, rectified=True)


def _view(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    """A view keeps windows when it leaves the last two axes (rows, columns) as they were."""
    if source.dim() >= 3 and out.dim() >= 3 and out.shape[-2:] == source.shape[-2:]:
        return window
    return window if _is_vector(source) else GLOBAL


def _transpose(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    dims = {read("dim0") % source.dim(), read("dim1") % source.dim()}
    if dims & {source.dim() - 2, source.dim() - 1} and not _is_vector(source):
        return UNBOUNDED
    return window


def _linear(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    return replace(window, rectified=False) if _is_vector(source) else UNBOUNDED


def _avg_pool3d(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    """Local response normalisation averages squares over neighbouring channels with it."""
    kernel = read("kernel_size")
    return replace(window, rectified=False) if tuple(kernel[-2:]) == (1, 1) else UNBOUNDED


def _clamp(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    return replace(window, rectified=read("min") == 0)


def _hardtanh(window: Window, read: Read, source: Tensor, out: Tensor) -> Window:
    return replace(window, rectified=read("min_val") == 0)


def _is_vector(tensor: Tensor) -> bool:
    """One value a channel: rows and columns are 1 x 1, or gone."""
    return tensor.dim() <= 2 or tensor.shape[-2:] == (1, 1)


_SAME = """
add sub mul div neg exp log sqrt rsqrt pow abs square sigmoid tanh silu gelu elu hardswish
hardsigmoid mish softplus leaky_relu prelu _prelu_kernel rrelu_with_noise
log_sigmoid_forward threshold maximum minimum where masked_fill clone detach alias
lift_fresh _to_copy copy to native_batch_norm _native_batch_norm_legit_no_training
_batch_norm_no_update cudnn_batch_norm miopen_batch_norm zeros_like ones_like gt ge lt le
eq ne bitwise_not logical_not
""".split()

RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(["relu"], _rectify),
    **dict.fromkeys(["clamp", "clamp_min"], _clamp),
    **dict.fromkeys(["hardtanh"], _hardtanh),
    **dict.fromkeys(["convolution", "_convolution", "mkldnn_convolution"], _convolution),
    **dict.fromkeys(["max_pool2d_with_indices", "max_pool2d"], _max_pool),
    "avg_pool2d": _pool,
    "avg_pool3d": _avg_pool3d,
    **dict.fromkeys(["_adaptive_avg_pool2d", "adaptive_max_pool2d"], _adaptive_pool),
    **dict.fromkeys(["mean", "sum", "amax", "amin", "max", "_softmax"], _reduction),
    "constant_pad_nd": _constant_pad,
    **dict.fromkeys(["reflection_pad2d", "replication_pad2d"], _mirror_pad),
    **dict.fromkeys(
        "view _unsafe_view reshape unsqueeze squeeze expand select slice split split_with_sizes "
        "unbind _reshape_alias".split(),
        _view,
    ),
    "transpose": _transpose,
    **dict.fromkeys(["addmm", "mm", "linear", "t", "permute"], _linear),
    "cat": _same,
    "stack": _same,
}
_RULES_WITH_DIM = {"_softmax"}


class Recorder(TorchDispatchMode):
    """Follows receptive-field windows through everything that runs under it.

    Random operations are refused before they run: a model that draws numbers in eval mode can't
    be shown exactly, and the user's random generators stay untouched.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self._windows: dict[int, tuple[Tensor, Window]] = {}
        self.operations: list[str] = []
        self.where: Callable[[], str] = lambda: "the model"
        self._set(image, Window())

    def window(self, tensor: Tensor) -> Window:
        """The window of a tensor that came out of a recorded operation."""
        entry = self._windows.get(id(tensor))
        return entry[1] if entry else UNBOUNDED

    def _set(self, tensor: Tensor, window: Window) -> None:
        self._windows[id(tensor)] = (tensor, window)  # the reference keeps the id from reuse

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise UnsupportedModel(
                f"{self.where()} draws random numbers in eval mode ({name}): its activations "
                "aren't repeatable. Make the operation depend on `self.training`."
            )
        out = func(*args, **kwargs)
        self.operations.append(name)
        known = [t for t in tree_leaves((args, kwargs)) if id(t) in self._windows]
        if known:
            window = self._after(func, name.rstrip("_"), args, kwargs, known, out)
            for tensor in tree_leaves(out):
                if isinstance(tensor, Tensor):
                    self._set(tensor, window)
        return out

    def _after(
        self, func: Any, name: str, args: Any, kwargs: Any, known: list[Tensor], out: Any
    ) -> Window:
        merged = self._windows[id(known[0])][1]
        for other in known[1:]:
            merged = merged.union(self._windows[id(other)][1])
        if name == "cat" and _cat_is_spatial(func, args, kwargs, known[0]):
            return UNBOUNDED
        if name == "cat":
            return merged
        rule = RULES.get(name)
        first = next((t for t in tree_leaves(out) if isinstance(t, Tensor)), None)
        if rule is None or first is None:
            return UNBOUNDED

        def read(parameter: str) -> Any:
            value = _argument(func, args, kwargs, parameter)
            return [value] if name in _RULES_WITH_DIM and isinstance(value, int) else value

        return rule(merged, read, known[0], first)


def _cat_is_spatial(func: Any, args: Any, kwargs: Any, first: Tensor) -> bool:
    dim = _argument(func, args, kwargs, "dim") % first.dim()
    return dim >= first.dim() - 2 and first.dim() > 2
