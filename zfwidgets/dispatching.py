"""A mode that sees all that PyTorch dispatches, without importing its compiler."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):
    """A ``TorchDispatchMode`` that leaves ``torch._dynamo`` alone until somebody imports it.

    PyTorch keeps its compiler out of ``__torch_dispatch__``, and imports it for that, which takes
    almost as long as PyTorch itself. While nobody else has imported it there is none to keep out.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        plain: Any = cls.__dict__["__torch_dispatch__"]
        uncompiled = torch._disable_dynamo(plain)  # type: ignore[attr-defined]  # noqa: SLF001

        def dispatch(
            self: Any, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            run = uncompiled if "torch._dynamo" in sys.modules else plain
            return run(self, func, types, args, kwargs)

        cls.__torch_dispatch__ = dispatch  # type: ignore[method-assign]
