"""Parts of a report: answers packed into a gzip file each, read by Python and by the page.

A part's content is a uint32 (little-endian) with the length of a JSON header, the header
``[[data, [[start, bytes] of each buffer]], ...]``, and the buffers. gzip ends with the CRC-32 of
its content, so that a part says itself whether it is whole; the manifest says which it must be.

A report may come from anybody: what a part grows to is bounded before it is unpacked, by limits
that writing keeps as well.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from ..errors import BrokenReport, InputError
from ..widgets.wire.encode import Answer, json_text

ADVICE = "The file was cut short or changed: get it again from where it came."
LARGEST = 256 << 20
"""Bytes of a part's content at most: a page holds all of it to show any of it."""
MOST_VALUES = 12_000_000
"""JSON values in a part at most: the manifest lists four or so for each of the images, of which
two million are more than anybody looks at."""
GZIP = 31
"""zlib's ``wbits`` of a gzip file."""


def pack(answers: Sequence[Answer]) -> bytes:
    """Pack answers into one part: equal answers give equal bytes; equal buffers are held once."""
    places: dict[bytes, int] = {}
    header, end = [], 0
    for data, buffers in answers:
        for buffer in buffers:
            if buffer not in places:
                places[buffer] = end
                end += len(buffer)
        header.append([data, [[places[buffer], len(buffer)] for buffer in buffers]])
    text = json_text(header).encode()
    content = [struct.pack("<I", len(text)), text, *places]
    if sum(map(len, content)) > LARGEST or _values(text) > MOST_VALUES:
        raise InputError(
            f"A part of a report holds {LARGEST >> 20} MB and {MOST_VALUES:,} JSON values at most, "
            "and one would be larger: store fewer images, classes or positions, or leave out the "
            "figure that has so much data."
        )
    return gzip.compress(b"".join(content), mtime=0)


def unpack(name: str, part: bytes) -> list[Answer]:
    """The answers of a part.

    Raises
    ------
    BrokenReport
        If it isn't whole, or isn't as `pack` writes it; ``name`` is the part's.
    """
    try:
        content = _decompress(part)
        (length,) = struct.unpack_from("<I", content)
        text = content[4 : 4 + length]
        if len(text) < length or _values(text) > MOST_VALUES:
            raise ValueError("its header isn't one")
        return _answers(
            json.loads(text, parse_constant=_refused), memoryview(content)[4 + length :]
        )
    except (OSError, EOFError, zlib.error, struct.error, ValueError, RecursionError) as error:
        raise BrokenReport(f"Part {name!r} of the report is damaged ({error}). {ADVICE}") from error


def _decompress(part: bytes) -> bytes:
    """The content of a gzip file, `LARGEST` bytes at most, whose checksum holds."""
    stream = zlib.decompressobj(GZIP)
    content = stream.decompress(part, LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it holds more than {LARGEST >> 20} MB")
    if not stream.eof or stream.unused_data:
        raise ValueError("it isn't one whole gzip file")
    return content


def _values(text: bytes) -> int:
    """At least as many as there are values in JSON."""
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} isn't JSON")


def _answers(header: Any, buffers: memoryview) -> list[Answer]:
    """The answers that a header lists. Each buffer lies behind the one before, or was named."""
    known: dict[tuple[int, int], bytes] = {}
    end, found = 0, []
    if not isinstance(header, list):
        raise ValueError("its header isn't a list")
    for one in header:
        if not (isinstance(one, list) and len(one) == 2 and isinstance(one[1], list)):
            raise ValueError("its header lists what is no answer")
        data, places = one
        for place in places:
            if not (isinstance(place, list) and len(place) == 2 and all(map(_is_size, place))):
                raise ValueError("a buffer has no place")
            start, size = place
            if (start, size) not in known:
                if start != end or size > len(buffers) - end:
                    raise ValueError("its buffers aren't where its header says")
                known[start, size] = bytes(buffers[start : start + size])
                end += size
        found.append((data, [known[start, size] for start, size in places]))
    if end != len(buffers):
        raise ValueError("it holds more than its header says")
    return found


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def checksum(part: bytes) -> tuple[int, int]:
    """(bytes of the part, CRC-32 of its content), as the manifest lists them."""
    return len(part), struct.unpack("<I", part[-8:-4])[0] if len(part) >= 18 else -1


def checked(name: str, part: bytes, expected: Any) -> bytes:
    """The part, if it is the one that the manifest lists; raises `BrokenReport`."""
    if list(checksum(part)) != expected:
        raise BrokenReport(f"Part {name!r} of the report isn't what was written. {ADVICE}")
    return part
