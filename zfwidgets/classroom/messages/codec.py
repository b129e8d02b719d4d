"""Records as bytes and back: msgpack with an explicit table of records, never pickle.

What isn't in the table can't be sent, and nothing that is received can name code: a record is its
name in the table and its fields. Arrays are their dtype, shape and bytes, so that NaN, -0.0 and
every bit come back as they were. Of an array that is zero all around, as a projection is outside
of its unit's field, only the middle is sent.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from ... import records
from ...errors import MalformedMessage
from ...reports.coarse import StoredOcclusionMap, StoredPrediction
from ...widgets.wire.jobs.steps import Shared

RECORDS: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (
        records.Activation,
        records.ActivationSample,
        records.Box,
        records.ChannelSummary,
        records.CoveredPatch,
        records.CoveredPatches,
        records.CoverRequest,
        records.EngineInfo,
        records.Estimate,
        records.Explanation,
        records.LayerInfo,
        records.LayerResponse,
        records.Occluder,
        records.OcclusionMap,
        records.OcclusionRequest,
        records.Operation,
        records.OwnPhoto,
        records.PhotoResponses,
        records.Prediction,
        records.Progress,
        records.Projection,
        records.QuantileRow,
        records.QuantileRows,
        records.ReceptiveField,
        records.RuleInfo,
        records.TopActivations,
        records.Unit,
        Shared,
        StoredOcclusionMap,
        StoredPrediction,
    )
}
"""All that crosses the wire, beside plain values, tuples and arrays."""
FIELDS: Final = {
    name: tuple(field.name for field in dataclasses.fields(kind)) for name, kind in RECORDS.items()
}
DTYPES: Final = frozenset(
    "|b1 |i1 |u1 <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8".split()  # all that records hold
)
LARGEST = 512 << 20
"""Bytes of one message, at most."""
MOST_DIMENSIONS = 6
DEEPEST = 12
"""How far records may lie within each other."""
TUPLE, ARRAY, RECORD, SCALAR, SET, MIDDLE = range(1, 7)
"""Kinds of msgpack's extensions."""

SCHEMA: Final = hashlib.sha256(
    repr(
        [sorted(FIELDS.items()), sorted(DTYPES), (TUPLE, ARRAY, RECORD, SCALAR, SET, MIDDLE)]
    ).encode()
).hexdigest()[:16]
"""Digest of the records and fields that a side knows: both must know the same."""


def encode(value: Any) -> bytes:
    """A value as bytes.

    Raises
    ------
    TypeError
        It holds what isn't in the table.
    """
    packed: bytes = msgpack.packb(
        value, default=_extend, strict_types=True, unicode_errors="surrogateescape"
    )
    return packed


def decode(data: bytes | bytearray | memoryview, most: int = LARGEST) -> Any:
    """The value of bytes that `encode` made.

    Parameters
    ----------
    data
        What came.
    most
        Bytes that it may have, and that it may take unpacked.

    Raises
    ------
    MalformedMessage
        It is too large, cut short, or not what `encode` makes.
    """
    if len(data) > most:
        raise MalformedMessage(f"A message has {len(data):,} bytes: at most {most:,} are taken.")
    return _Decoder(most).unpack(data)


# ------------------------------------------------------------------ to bytes


def _extend(value: Any) -> msgpack.ExtType:
    kind = type(value)
    if kind is tuple:
        return msgpack.ExtType(TUPLE, encode([*value]))
    if isinstance(value, np.ndarray):
        return _array(value)
    if kind.__name__ in RECORDS and RECORDS[kind.__name__] is kind:
        fields = [getattr(value, name) for name in FIELDS[kind.__name__]]
        return msgpack.ExtType(RECORD, encode([kind.__name__, fields]))
    if isinstance(value, np.generic):
        return msgpack.ExtType(SCALAR, encode([_dtype(value.dtype), value.tobytes()]))
    if kind is frozenset:
        return msgpack.ExtType(SET, encode(sorted(value)))
    raise TypeError(f"A {kind.__name__} can't be sent: it isn't in the codec's table.")


def _dtype(dtype: np.dtype[Any]) -> str:
    name: str = dtype.newbyteorder("<").str
    if name not in DTYPES:
        raise TypeError(f"An array of {dtype} can't be sent: records have none.")
    return name


def _array(array: NDArray[Any]) -> msgpack.ExtType:
    name = _dtype(array.dtype)
    plain = np.ascontiguousarray(array, dtype=name).reshape(array.shape)
    middle = _middle(plain)
    if middle is None:
        return msgpack.ExtType(ARRAY, encode([name, [*plain.shape], plain.tobytes()]))
    top, bottom, left, right = middle
    cut = plain[top:bottom, left:right].tobytes()
    return msgpack.ExtType(MIDDLE, encode([name, [*plain.shape], [*middle], cut]))


def _middle(array: NDArray[Any]) -> tuple[int, int, int, int] | None:
    """Rows and columns outside of which all bits are zero, where that is half of an array."""
    if array.ndim < 2 or array.nbytes < 4096:
        return None
    bits = array.view(np.uint8).reshape(*array.shape[:2], -1)
    used: NDArray[np.bool_] = np.any(bits, axis=-1)
    rows, columns = np.flatnonzero(np.any(used, 1)), np.flatnonzero(np.any(used, 0))
    if not rows.size:
        return 0, 0, 0, 0
    found = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    kept = (found[1] - found[0]) * (found[3] - found[2])
    return found if 2 * kept <= used.size else None


# ------------------------------------------------------------------ from bytes


class _Decoder:
    """Unpacks one message, and counts what it takes."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._depth = 0

    def unpack(self, data: Any) -> Any:
        self._depth += 1
        if self._depth > DEEPEST * 2:
            raise MalformedMessage(
                f"A message has records within records, more than {DEEPEST} deep."
            )
        try:
            return msgpack.unpackb(
                data, ext_hook=self._extension, strict_map_key=True, use_list=True,
                unicode_errors="surrogateescape",
            )  # fmt: skip
        except MalformedMessage:
            raise
        except (ValueError, TypeError, RecursionError, MemoryError, OverflowError) as error:
            raise MalformedMessage(
                f"A message can't be read: {str(error) or type(error).__name__}."
            ) from error
        finally:
            self._depth -= 1

    def _extension(self, code: int, data: bytes) -> Any:
        found = self.unpack(data)
        if not isinstance(found, list):
            raise MalformedMessage("A message's tuple, array or record isn't a list of its parts.")
        if code == TUPLE:
            return tuple(found)
        if code == RECORD:
            return self._record(found)
        if code == ARRAY:
            name, shape, content = _parts(found, 3)
            return self._whole(name, shape, content)
        if code == MIDDLE:
            return self._with_margin(*_parts(found, 4))
        if code == SCALAR:
            name, content = _parts(found, 2)
            return self._whole(name, [], content)[()]
        if code == SET:
            if not all(isinstance(one, int) for one in found):
                raise MalformedMessage("A message's set isn't of whole numbers.")
            return frozenset(found)
        raise MalformedMessage(f"A message has a part of kind {code}, which there isn't.")

    def _record(self, found: list[Any]) -> Any:
        name, fields = _parts(found, 2)
        if not isinstance(name, str) or name not in RECORDS or not isinstance(fields, list):
            raise MalformedMessage(f"There is no record {name!r:.80}.")
        if len(fields) != len(FIELDS[name]):
            raise MalformedMessage(
                f"A {name} has {len(FIELDS[name])} fields, not {len(fields)}: the other side has "
                "another version of zfwidgets."
            )
        return RECORDS[name](*fields)

    def _take(self, name: Any, shape: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
        if name not in DTYPES:
            raise MalformedMessage(f"An array of {name!r:.80} isn't taken.")
        whole = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
        if not whole or len(shape) > MOST_DIMENSIONS:
            raise MalformedMessage(f"An array's shape is {shape!r:.80}.")
        dtype = np.dtype(name)
        size = math.prod(shape) * dtype.itemsize
        if size > self._left:
            raise MalformedMessage(f"A message's arrays would take more than {self._left:,} bytes.")
        self._left -= size
        return dtype, tuple(shape)

    def _whole(self, name: Any, shape: Any, content: Any) -> NDArray[Any]:
        dtype, shape = self._take(name, shape)
        if not isinstance(content, bytes) or len(content) != math.prod(shape) * dtype.itemsize:
            raise MalformedMessage(f"An array of shape {shape} hasn't as many bytes as it needs.")
        array: NDArray[Any] = np.zeros(shape, dtype)
        if content:
            array = np.frombuffer(bytearray(content), dtype).reshape(shape)  # may be written to
        return array

    def _with_margin(self, name: Any, shape: Any, middle: Any, content: Any) -> NDArray[Any]:
        dtype, shape = self._take(name, shape)
        if len(shape) < 2 or not isinstance(middle, list) or len(middle) != 4:
            raise MalformedMessage("An array's middle isn't where it can be.")
        top, bottom, left, right = middle
        fits = all(type(n) is int for n in middle)
        if not (fits and 0 <= top <= bottom <= shape[0] and 0 <= left <= right <= shape[1]):
            raise MalformedMessage("An array's middle isn't where it can be.")
        inner = (bottom - top, right - left, *shape[2:])
        if not isinstance(content, bytes) or len(content) != math.prod(inner) * dtype.itemsize:
            raise MalformedMessage(f"An array of shape {inner} hasn't as many bytes as it needs.")
        array = np.zeros(shape, dtype)
        if content:
            array[top:bottom, left:right] = np.frombuffer(content, dtype).reshape(inner)
        return array


def _parts(found: list[Any], count: int) -> list[Any]:
    if len(found) != count:
        raise MalformedMessage(f"A part of a message has {len(found)} fields, not {count}.")
    return found
