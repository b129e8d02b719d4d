"""Kinds of arrays, and tables, that records are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency

if TYPE_CHECKING:
    import pandas

Pixels = NDArray[np.uint8]
"""RGB for the eye: a ``uint8`` array of shape (rows, columns, 3)."""
Floats = NDArray[np.float32]
"""A ``float32`` array."""
Ints = NDArray[np.int64]
"""An ``int64`` array."""


def table(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    r"""Rows as a pandas table; raises `MissingDependency` without pandas.

    Names of files that aren't UTF-8 can't be in every table: they are escaped (``\udcff``).
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependency(
            "to_frame() needs pandas: pip install 'zfwidgets[frames]'"
        ) from error
    frame: pandas.DataFrame = pandas.DataFrame(
        [{key: _printable(value) for key, value in row.items()} for row in rows]
    )
    return frame


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value
