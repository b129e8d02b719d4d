"""Frozen dataclasses on disk: NumPy's compressed ``npz`` with one JSON text inside, no pickle.

A record is taken apart into JSON and arrays: its dataclasses by name and fields, its arrays by
number, each array once however often it is there. What is read back is made by the dataclasses
that the reader names, and by nothing else, so that a file can't have code run.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from . import checksums
from .files import write_npz

Array = NDArray[Any]
ABOUT = "about"
"""The entry that holds the JSON text, as UTF-8 bytes."""
DEEPEST = 60
"""Levels of what is inside each other, at most."""


def write(path: Path, what: str, schema: int, value: Any, *, webp: int | None = None) -> None:
    """Write a value of dataclasses, arrays, tuples, mappings with text keys, and plain values.

    Parameters
    ----------
    path
        Where; the file is there whole or not at all.
    what, schema
        What `read` must find in it.
    value
        What to write.
    webp
        Quality, 0..100, at which pictures ((n, rows, columns, 3) or (rows, columns, 3) uint8) are
        kept as WebP, for files that are shipped; None: as they are.

    Raises
    ------
    TypeError
        There is something inside that can't be written; names its type.
    """
    taking = _Taking(webp)
    content = taking.apart(value)
    about = json.dumps({"what": what, "schema": schema, "value": content})
    arrays = {str(number): array for number, array in enumerate(taking.arrays)}
    arrays[ABOUT] = np.frombuffer(about.encode("utf-8", "surrogatepass"), np.uint8)
    write_npz(path, arrays)


def read(path: Path, what: str, schema: int, known: Callable[[str], type]) -> Any:
    """What `write` has written.

    Parameters
    ----------
    path, what, schema
        As they were written.
    known
        The dataclass of a name; raises KeyError for one that may not be made.

    Raises
    ------
    InputError
        The file isn't there, isn't whole, isn't ``what`` of that schema, or holds a dataclass that
        isn't known.
    """
    with _readable(path, what):
        checksums.check(path)
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(ABOUT).tobytes().decode("utf-8", "surrogatepass"))
        if (about["what"], about["schema"]) != (what, schema):
            raise InputError(
                f"{path} is {about['what']} of schema {about['schema']}; this version reads "
                f"{what} of schema {schema}."
            )
        return _Putting(arrays, known).together(about["value"])


class _Taking:
    """Takes a value apart into what JSON holds and arrays."""

    def __init__(self, webp: int | None) -> None:
        self.arrays: list[Array] = []
        self._webp = webp
        self._places: dict[int, int] = {}
        self._kept: list[Array] = []  # so that no other array gets the number of one that is gone

    def apart(self, value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            named = {
                one.name: self.apart(getattr(value, one.name)) for one in fields(value) if one.init
            }
            return {"class": type(value).__name__, "fields": named}
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic):
            return self.apart(value.item())
        if isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise TypeError("A mapping whose keys aren't texts can't be written.")
            return {"map": {key: self.apart(one) for key, one in value.items()}}
        if isinstance(value, (tuple, list)):
            return [self.apart(one) for one in value]
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"A {type(value).__name__} can't be written.")

    def _array(self, array: Array) -> Any:
        if array.dtype.hasobject:
            raise TypeError(f"An array of {array.dtype} can't be written.")
        if id(array) not in self._places:
            self._places[id(array)] = len(self.arrays)
            self._kept.append(array)
            self.arrays.append(array if self._webp is None else _packed(array, self._webp))
        place = self._places[id(array)]
        packed = self.arrays[place] is not array
        return {"array": place, "webp": list(array.shape)} if packed else {"array": place}


class _Putting:
    """Puts a value together again."""

    def __init__(self, arrays: Mapping[str, Array], known: Callable[[str], type]) -> None:
        self._arrays, self._known = dict(arrays), known
        self._pictures: dict[int, Array] = {}

    def together(self, content: Any, deep: int = 0) -> Any:
        if deep > DEEPEST:
            raise ValueError("it is nested too deeply")
        if isinstance(content, list):
            return tuple(self.together(one, deep + 1) for one in content)
        if not isinstance(content, dict):
            return content
        if "array" in content:
            return self._array(content)
        if "float" in content:
            return float(content["float"])
        if "map" in content:
            return {key: self.together(one, deep + 1) for key, one in content["map"].items()}
        kind = self._known(content["class"])
        named = {n: self.together(one, deep + 1) for n, one in content["fields"].items()}
        return kind(**named)

    def _array(self, content: Mapping[str, Any]) -> Array:
        place = int(content["array"])
        array = self._arrays[str(place)]
        if "webp" not in content:
            return array
        if place not in self._pictures:
            self._pictures[place] = _unpacked(array, tuple(content["webp"]))
        return self._pictures[place]


def _packed(array: Array, quality: int) -> Array:
    """A picture, or a row of pictures as one tall one, as the bytes of a WebP; else the array."""
    if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[-1] != 3:
        return array
    tall = array.reshape(-1, *array.shape[-2:])
    if min(tall.shape) == 0 or max(tall.shape) > 16383:  # WebP's largest side
        return array
    file = io.BytesIO()
    Image.fromarray(tall).save(file, "WEBP", quality=quality, method=6)
    return np.frombuffer(file.getvalue(), np.uint8)


def _unpacked(array: Array, shape: tuple[int, ...]) -> Array:
    image = Image.open(io.BytesIO(array.tobytes()), formats=["WEBP"])
    if image.size != (shape[-2], math.prod(shape[:-2])):  # before it is decoded
        raise ValueError("its pictures don't have the sizes that it says")
    return np.asarray(image.convert("RGB")).reshape(shape)


@contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """Whatever is wrong inside as an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        IndexError,
        RecursionError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        kind = what.removeprefix("a ")
        raise InputError(
            f"{path} isn't a readable {kind} ({type(error).__name__}: {error})."
        ) from error
