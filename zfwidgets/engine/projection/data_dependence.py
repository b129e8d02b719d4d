"""What the autograd graph alone can't tell of a forward pass.

The graph doesn't record what is cut off from it: masks by comparison, detached branches, values
that the model's code reads. A `DependenceRecorder` is there while they are computed and remembers
which tensors come from the image, so that nothing of it goes unsaid, and finds rectifiers that are
spelled as something else, by what they do to the numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ...dispatching import DispatchMode
from ...records import Operation
from ..network.graph.dispatched import storage, tensors_in

_ONLY_SHAPE = {
    f"{prefix}{kind}{suffix}"
    for kind in ("zeros", "ones", "full", "empty")
    for prefix, suffix in (("new_", ""), ("", "_like"), ("new_", "_strided"))
}
"""Their results have the input's shape, not its values."""

_HELD = {"mul", "div", "where", "masked_fill", "index_put", "_index_put_impl"}
"""What they do with a part that is cut off has its own line: see `deconv`."""


_PASSED_ON = {
    "copy",
    "zero",
    "baseline",
    "add",
    "sub",
    "neg",
    "masked_fill",
    "index_put",
    "set_data",
}
"""Written through a view these are what they are elsewhere: a rearrangement, or a sum."""


class DependenceRecorder(DispatchMode):
    """Watches one forward pass of a batch; ask it afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self._from_image: dict[int, StorageWeakRef] = {}
        self._rectifying: dict[int, tuple[Tensor, Tensor]] = {}
        self._cuts: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._reads = 0

    def depends(self, tensor: Tensor) -> bool:
        """Whether a tensor's values come from the image."""
        return tensor.requires_grad or storage(tensor) in self._from_image

    def activation(self, mask: Tensor) -> Tensor | None:
        """What the rectifier gave that is spelled with this mask; None if it spells none."""
        return self._rectifying.get(storage(mask), (None, None))[1]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What was seen beside the graph, with its status."""
        found = [
            Operation(
                "cut",
                "unknown",
                count,
                f"{name}: a part of it comes from the image but is cut off (no_grad, detach, "
                ".data, a comparison): the picture lacks what goes through there",
            )
            for name, count in self._cuts.items()
        ]
        found += [
            Operation(
                name,
                "unknown",
                count,
                f"{name}_() is written through a view, as in x[:, :2].{name}_(): the graph hides "
                "it, so no rule reaches it, and the signal goes through its derivative",
            )
            for name, count in self._written.items()
        ]
        if self._reads:
            note = "the model's code reads values (.item(), if): held as in this image"
            found.append(Operation("value read", "linearised", self._reads, note))
        return tuple(found)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = tensors_in((args, kwargs))
        dependent = [t for t in tensors if self.depends(t)]
        name = func._schema.name.removeprefix("aten::").rstrip("_")
        mask = _rectifying_mask(name, args) if len(dependent) > 1 else None
        out = func(*args, **kwargs)
        if not dependent or name in _ONLY_SHAPE:
            return out
        outputs = tensors_in(out)
        for tensor in outputs:
            self._from_image[storage(tensor)] = StorageWeakRef(tensor.untyped_storage())
        if mask is not None:
            self._rectifying[storage(mask)] = (mask, outputs[0].detach().clone())
        if _hidden(func, args) and not (name in ("mul", "div") and len(dependent) == 1):
            self._written[name] += 1
        if name == "_local_scalar_dense":
            self._reads += 1
        elif torch.is_grad_enabled() and name not in _HELD:
            connected = any(t.requires_grad for t in dependent)
            loose = any(t.is_floating_point() and not t.requires_grad for t in dependent)
            if connected and loose and any(t.is_floating_point() for t in outputs):
                self._cuts[name] += 1
        return out


def _hidden(func: Any, args: tuple[Any, ...]) -> bool:
    """Whether an operation changes a part of a tensor in place, so that the graph has a copy."""
    name = func._schema.name.removeprefix("aten::")
    written = args[0] if args else None
    return (
        name.endswith("_")
        and name.rstrip("_") not in _PASSED_ON
        and isinstance(written, Tensor)
        and written._base is not None  # noqa: SLF001 - PyTorch has no other name for it
        and torch.is_grad_enabled()
    )


def _rectifying_mask(name: str, args: tuple[Any, ...]) -> Tensor | None:
    """The mask of an operation that, on these numbers, is exactly a rectifier; else None."""
    x: Any
    mask: Tensor
    if name == "mul" and all(isinstance(a, Tensor) for a in args[:2]):
        for x, mask in (args[:2], args[1::-1]):
            if not mask.requires_grad and _marks_positive(mask, x):
                return mask
    elif name == "where" and len(args) == 3:
        mask, x, other = args
        if _zero(other) and _marks_positive(mask, x):
            return mask
        if _zero(x) and _marks_positive(~mask, other):
            return mask
    elif name == "masked_fill":
        x, mask, value = args
        if _zero(value) and _marks_positive(~mask, x):
            return mask
    elif name in ("index_put", "_index_put_impl"):
        x, indices, values = args[:3]
        if len(indices) == 1 and indices[0] is not None and indices[0].dtype == torch.bool:
            mask = indices[0]
            if _zero(values) and _marks_positive(~mask, x):
                return mask
    return None


def _zero(value: Any) -> bool:
    return not value.any() if isinstance(value, Tensor) else value == 0


def _marks_positive(mask: Tensor, x: Any) -> bool:
    """Whether ``mask`` is 1 exactly where ``x`` is above zero (or at it), and 0 somewhere."""
    if not isinstance(x, Tensor) or mask.shape != x.shape or not x.requires_grad:
        return False
    marked = mask.to(x.dtype)
    if marked.all():
        return False
    return any(torch.equal(marked, (compare(x, 0)).to(x.dtype)) for compare in (torch.gt, torch.ge))
