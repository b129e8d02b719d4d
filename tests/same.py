"""Whether two values are the same, to the bit and to the type."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np


def assert_same(one: Any, other: Any, *, exact: bool = True) -> None:
    """Compare what is inside of each other; arrays, tensors and floats by their bits.

    ``exact=False``: a tuple may be a list, and a number of NumPy's one of Python's.
    """
    torch = sys.modules.get("torch")
    if exact or dataclasses.is_dataclass(one):
        assert type(one) is type(other)
    if torch is not None and isinstance(one, torch.Tensor):
        assert_same(one.detach().numpy(), other.detach().numpy())
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), exact=exact)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name], exact=exact)
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs, exact=exact)
    elif isinstance(one, (float, np.floating)):
        assert np.float64(one).tobytes() == np.float64(other).tobytes()
    else:
        assert one == other
