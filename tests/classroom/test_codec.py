"""Records come back as they were, to the bit; nothing else comes at all."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal

import msgpack
import numpy as np
import pytest

from tests.same import assert_same
from zfwidgets import records
from zfwidgets.classroom.messages import codec
from zfwidgets.classroom.messages.codec import ARRAY, DTYPES, FIELDS, MIDDLE, RECORD, RECORDS, TUPLE
from zfwidgets.errors import MalformedMessage, ZfError

ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324]
"""Numbers that a careless way loses."""


def made(hint: Any, random: np.random.Generator, depth: int = 0) -> Any:
    """A value of a type, as a record's field has it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is np.ndarray:
        kind = typing.get_args(arguments[1])[0]
        dtype = np.dtype(np.float32 if kind is Any else kind)
        shape = tuple(random.integers(1, 5, random.integers(1, 4)).tolist())
        bits = random.integers(
            0, 2 if dtype.kind == "b" else 256, (*shape, dtype.itemsize), np.uint8
        )
        return bits.view(dtype)[..., 0]
    if origin in (typing.Union, types.UnionType):
        return made(arguments[random.integers(len(arguments))], random, depth)
    if origin is Literal:
        return arguments[random.integers(len(arguments))]
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(made(arguments[0], random, depth + 1) for _ in range(random.integers(3)))
        return tuple(made(one, random, depth + 1) for one in arguments)
    if origin is frozenset:
        return frozenset(random.integers(0, 9, 3).tolist())
    if dataclasses.is_dataclass(hint):
        return record(hint, random, depth + 1)
    return {
        int: lambda: int(random.integers(-(1 << 40), 1 << 40)),
        float: lambda: ODD[random.integers(len(ODD))],
        bool: lambda: bool(random.integers(2)),
        str: lambda: "".join(map(chr, random.integers(32, 0x2FF, 5))) + "\udcff",
        type(None): lambda: None,
        Any: lambda: int(random.integers(100)),
    }[hint]()


def record(kind: type, random: np.random.Generator, depth: int = 0) -> Any:
    hints = typing.get_type_hints(kind, None, dict(RECORDS))
    values = {
        field.name: made(hints[field.name], random, depth) for field in dataclasses.fields(kind)
    }
    if "mask" in values:  # a record refuses what isn't one
        values["mask"] = "0f" * 32 if values["mask"] else None
    if "extra_boxes" in values:
        values["extra_boxes"] = (records.Box(-2, 3, 4, 5),)[: len(values["extra_boxes"])]
    if "resume" in values:
        values["resume"] = None
    if kind is records.CoverRequest:
        values["controls"] = abs(values["controls"])
    return kind(**values)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_record_comes_back_to_the_bit(name: str) -> None:
    random = np.random.default_rng(len(name))
    for _ in range(20):
        sent = record(RECORDS[name], random)
        data = codec.encode(sent)
        assert_same(codec.decode(data), sent)
        assert codec.encode(codec.decode(data)) == data


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_arrays_come_back_to_the_bit_and_can_be_written_to(dtype: str) -> None:
    random = np.random.default_rng(3)
    for shape in [(), (0,), (3, 0, 2), (7,), (5, 3), (40, 30, 3), (2, 3, 4, 5)]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        high = 2 if dtype == "|b1" else 256
        sent = random.integers(0, high, size, np.uint8).view(dtype).reshape(shape)
        for one in (sent, sent[..., ::-1] if sent.ndim else sent, sent.T):
            found = codec.decode(codec.encode(one))
            assert_same(found, np.ascontiguousarray(one).reshape(one.shape))
            found[...] = 0


def test_a_picture_that_is_zero_all_around_is_sent_without_its_margin() -> None:
    sent = np.zeros((224, 200, 3), np.float32)
    sent[30:61, 100:147] = np.random.default_rng(0).normal(size=(31, 47, 3))
    sent[30, 100] = -0.0  # isn't zero: it has a bit
    data = codec.encode(sent)
    assert len(data) < 1.1 * 31 * 47 * 3 * 4
    assert_same(codec.decode(data), sent)
    for blank in (np.zeros((100, 90)), np.full((100, 90), -0.0)):
        assert_same(codec.decode(codec.encode(blank)), blank)


def test_plain_values_come_back() -> None:
    sent = {"a": [1, -5, None, True, "ü", b"\0", (1, (2.5, ()))], "b": {"c": 1 << 62}}
    assert codec.decode(codec.encode(sent)) == sent
    assert_same(codec.decode(codec.encode(np.float32(0.1))), np.float32(0.1))


class Sly:
    def __reduce__(self) -> Any:
        raise AssertionError("nothing is pickled")


@pytest.mark.parametrize(
    "value",
    [Sly(), {1, 2}, object, np.array([Sly()]), np.array(["x"]), 1 << 70, 1j, np.zeros(2, "f2,f4")],
)
def test_what_is_in_no_table_is_not_sent(value: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        codec.encode(value)


def extended(code: int, content: Any) -> bytes:
    return bytes(msgpack.packb(msgpack.ExtType(code, msgpack.packb(content))))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "can't be read"),
        (b"\xc1", "can't be read"),
        (codec.encode([1, 2])[:-1], "can't be read"),
        (codec.encode(1) + b"\0", "can't be read"),
        (extended(99, [1]), "kind 99"),
        (extended(TUPLE, 5), "isn't a list"),
        (extended(RECORD, ["Sly", []]), "no record 'Sly'"),
        (extended(RECORD, ["Box", [1, 2, 3]]), "Box has 4 fields, not 3"),
        (extended(RECORD, ["OcclusionRequest", [0] * len(FIELDS["OcclusionRequest"])]), "read"),
        (extended(ARRAY, ["|O8", [1], b"12345678"]), "isn't taken"),
        (extended(ARRAY, ["<f4", [2], b"1234"]), "as many bytes"),
        (extended(ARRAY, ["<f4", [-1], b"1234"]), "shape"),
        (extended(ARRAY, ["<f4", [1] * 7, b"1234"]), "shape"),
        (extended(ARRAY, ["<f4", [1 << 30, 1 << 30], b""]), "more than"),
        (extended(MIDDLE, ["<f4", [4, 4], [0, 9, 0, 1], b"1" * 36]), "middle"),
        (extended(MIDDLE, ["<f4", [4], [0, 1, 0, 1], b"1234"]), "middle"),
        (extended(MIDDLE, ["<f8", [1 << 20, 1 << 20], [0, 0, 0, 0], b""]), "more than"),
        (bytes(msgpack.packb({1: 2})), "can't be read"),
    ],
)
def test_malformed_messages_are_named_errors(data: bytes, words: str) -> None:
    with pytest.raises(MalformedMessage, match=words):
        codec.decode(data)


def test_records_within_records_without_end_are_refused() -> None:
    data = msgpack.packb([])
    for _ in range(500):
        data = msgpack.packb(msgpack.ExtType(TUPLE, msgpack.packb([0])[:0] + b"\x91" + data))
    with pytest.raises(MalformedMessage):
        codec.decode(data)


def test_a_message_may_not_be_larger_than_is_said() -> None:
    with pytest.raises(MalformedMessage, match="at most 10"):
        codec.decode(codec.encode(b"12345678901"), 10)


def test_ten_thousand_damaged_messages_are_refused_or_read() -> None:
    """Seeded: each is an error of ours or a value, and nothing else ever happens."""
    random = np.random.default_rng(16)
    whole = [codec.encode(record(kind, random)) for kind in RECORDS.values()]
    read = refused = 0
    for turn in range(10_000):
        data = bytearray(whole[turn % len(whole)])
        for _ in range(random.integers(1, 6)):
            at = int(random.integers(len(data) - 1))
            match random.integers(4):
                case 0:
                    data[at] = random.integers(256)
                case 1:
                    del data[at + 2 : at + 2 + int(random.integers(1, 9))]
                case 2:
                    data[at:at] = random.bytes(int(random.integers(1, 9)))
                case _:
                    data = data[: at + 2]
        try:
            codec.decode(bytes(data), 1 << 20)
            read += 1
        except ZfError:
            refused += 1
    assert read + refused == 10_000
    assert refused > 5000
