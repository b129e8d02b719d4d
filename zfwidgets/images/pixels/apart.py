"""Image files of strangers, decoded in a process apart: with little memory, and not for long.

What a decoder can be made to do by a hostile file ends with that process. What comes back is a
size and as many bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

from PIL import Image

from ...errors import InputError, UnreadableImage
from ...records import MOST_OWN_BYTES, MOST_OWN_PIXELS
from . import decode

SECONDS = 30.0
"""Time limit of the whole process, and of its processor time."""
MEMORY = 2 << 30
"""Bytes of its address space: of a photo of 64 million pixels and its copies."""


async def decode_apart(
    file: bytes, name: str, seconds: float = SECONDS
) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode an image file to RGB, and what was made of its pixels, in sentences.

    Parameters
    ----------
    file
        What is in it.
    name
        What it is called.
    seconds
        After which its process is ended.

    Raises
    ------
    UnreadableImage
        It is no image, too large, or takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", _PROGRAM, json.dumps(sys.path), name,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )  # fmt: skip
    try:
        told, _ = await asyncio.wait_for(process.communicate(file), seconds)
    except asyncio.TimeoutError:
        why = f"it takes more than {seconds:g} seconds to decode"
        raise UnreadableImage(f"{name}: {why}.", why) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _read(told, name)


def _read(told: bytes, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    head, _, pixels = told.partition(b"\n")
    try:
        found = json.loads(head)
    except ValueError:
        why = "it takes too much memory to decode, or no decoder can read it"
        raise UnreadableImage(f"{name}: {why}.", why) from None
    if "reason" in found:
        raise UnreadableImage(str(found["message"]), str(found["reason"]))
    picture = Image.frombytes("RGB", tuple(found["size"]), pixels)
    if found["white"]:
        picture.info[decode.LAID_ON_WHITE] = True
    return picture, tuple(map(str, found["notes"]))


_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from zfwidgets.images.pixels.apart import main; main(sys.argv[2])"
)


def main(name: str) -> None:
    """Decode what comes on standard input; called in the process apart."""
    _bound()
    file, out = sys.stdin.buffer.read(MOST_OWN_BYTES + 1), sys.stdout.buffer
    try:
        notes = decode.check_size(file, name, MOST_OWN_BYTES, MOST_OWN_PIXELS)
        picture = decode.read_rgb(file, name)
    except (UnreadableImage, InputError, MemoryError) as error:
        reason = getattr(error, "reason", "") or str(error) or "it takes too much memory"
        told = {"reason": reason, "message": str(error) or f"{name}: {reason}"}
        out.write(json.dumps(told).encode() + b"\n")
        return
    white = decode.LAID_ON_WHITE in picture.info
    about = {"size": picture.size, "notes": notes, "white": white}
    out.write(json.dumps(about).encode() + b"\n")
    out.write(picture.tobytes())


def _bound() -> None:
    """Let this process have little, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, int(SECONDS)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    )
    for what, most in limits:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
