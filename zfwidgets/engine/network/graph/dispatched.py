"""Reading one call that PyTorch dispatches: its arguments, its tensors, what it writes into."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves


def argument(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, default: Any = None
) -> Any:
    """The argument called ``name`` in the schema of ``func``, or its default."""
    for position, parameter in enumerate(func._schema.arguments):
        if parameter.name == name:
            if position < len(args):
                return args[position]
            return kwargs.get(name, parameter.default_value)
    return default


def tensors_in(tree: Any) -> list[Tensor]:
    """All tensors of nested tuples, lists and dictionaries."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors that a call writes into."""
    return [
        tensor
        for parameter in func._schema.arguments
        if parameter.alias_info is not None and parameter.alias_info.is_write
        for tensor in tensors_in(argument(func, args, kwargs, parameter.name))
    ]


def storage(tensor: Tensor) -> int:
    """The same for all views of one memory; used again when that memory is freed."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 -- torch has no other name for it
