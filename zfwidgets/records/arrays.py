"""Kinds of arrays, rows and tables that records are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import optional

if TYPE_CHECKING:
    import pandas

Pixels = NDArray[np.uint8]
"""RGB for the eye: a ``uint8`` array of shape (rows, columns, 3)."""
Floats = NDArray[np.float32]
"""A ``float32`` array."""
Ints = NDArray[np.int64]
"""An ``int64`` array."""

Row = TypeVar("Row")


class Rows(Sequence[Row]):
    """A record that is a sequence of what one of its fields holds: ``of`` names the field."""

    _field: ClassVar[str]

    def __init_subclass__(cls, of: str) -> None:
        cls._field = of

    def __len__(self) -> int:
        return len(getattr(self, self._field))

    def __getitem__(self, item: Any) -> Any:
        return getattr(self, self._field)[item]

    def __iter__(self) -> Iterator[Row]:
        return iter(getattr(self, self._field))


def table(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    r"""Rows as a pandas table; raises `MissingDependency` without pandas.

    Names of files that aren't UTF-8 can't be in every table: they are escaped (``\udcff``).
    """
    library = optional("pandas", "to_frame() needs pandas: pip install 'zfwidgets[frames]'")
    frame: pandas.DataFrame = library.DataFrame(
        [{key: _printable(value) for key, value in row.items()} for row in rows]
    )
    return frame


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value
