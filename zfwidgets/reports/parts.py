"""Parts of a report: answers packed into a gzip file each, read by Python and by the page.

A part's content is a uint32 (little-endian) with the length of a JSON header, the header
``[[data, [[start, bytes] of each buffer]], ...]``, and the buffers. gzip ends with the CRC-32 of
its content, so that a part says itself whether it is whole; the manifest says which it must be.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from ..errors import BrokenReport
from ..widgets.encode import Answer, finite

ADVICE = "The file was cut short or changed: get it again from where it came."


def pack(answers: Sequence[Answer], *, level: int = 9) -> bytes:
    """Pack answers into one part: equal answers give equal bytes; equal buffers are held once."""
    places: dict[bytes, int] = {}
    header, end = [], 0
    for data, buffers in answers:
        for buffer in buffers:
            if buffer not in places:
                places[buffer] = end
                end += len(buffer)
        header.append([data, [[places[buffer], len(buffer)] for buffer in buffers]])
    text = json.dumps(finite(header), separators=(",", ":"), allow_nan=False).encode()
    content = [struct.pack("<I", len(text)), text, *places]
    return gzip.compress(b"".join(content), level, mtime=0)


def unpack(name: str, part: bytes) -> list[Answer]:
    """The answers of a part.

    Raises
    ------
    BrokenReport
        If it isn't whole; ``name`` is the part's.
    """
    try:
        content = gzip.decompress(part)
        (length,) = struct.unpack_from("<I", content)
        header = json.loads(content[4 : 4 + length])
        buffers = content[4 + length :]
        return [
            (data, [buffers[start : start + size] for start, size in places])
            for data, places in header
        ]
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise BrokenReport(f"Part {name!r} of the report is damaged ({error}). {ADVICE}") from error


def checksum(part: bytes) -> tuple[int, int]:
    """(bytes of the part, CRC-32 of its content), as the manifest lists them."""
    return len(part), struct.unpack("<I", part[-8:-4])[0] if len(part) >= 18 else -1


def checked(name: str, part: bytes, expected: Any) -> bytes:
    """The part, if it is the one that the manifest lists; raises `BrokenReport`."""
    if list(checksum(part)) != list(expected):
        raise BrokenReport(f"Part {name!r} of the report isn't what was written. {ADVICE}")
    return part
