"""What a forward pass saves for the way down, kept as it was when it was saved."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from ...dispatching import DispatchMode
from ..network.graph.dispatched import storage, written


class _Saved:
    """One saved tensor. Detached: an output that led back to its own node would never be freed."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()


class KeepSaved(DispatchMode):
    """Copies what the forward pass under it saved before something is written into it.

    Pre-activation shortcuts overwrite what a convolution saved. As PyTorch's
    ``allow_mutation_on_saved_tensors``, which only one thread of a process may use at a time: two
    engines, or an engine and the user's training, would break each other.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_storage: dict[int, list[_Saved]] = defaultdict(list)
        self._hooks = saved_tensors_hooks(self._pack, lambda saved: saved.tensor)

    def __enter__(self) -> KeepSaved:
        super().__enter__()
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)
        self._of_storage.clear()
        super().__exit__(*error)

    def _pack(self, tensor: Tensor) -> _Saved:
        saved = _Saved(tensor)
        self._of_storage[storage(tensor)].append(saved)
        return saved

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for tensor in written(func, args, kwargs):
            for saved in self._of_storage.pop(storage(tensor), ()):
                saved.tensor = saved.tensor.clone()
        return func(*args, **kwargs)
