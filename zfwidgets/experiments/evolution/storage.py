"""Evolution records on disk: NumPy's compressed ``npz``, one JSON text inside, without pickle.

Patches that stay the same from moment to moment are stored once.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...storage import checksums
from ...storage.files import whole

if TYPE_CHECKING:
    from .moments import EvolutionRecord

KIND, SCHEMA = "a zfwidgets evolution", 1
PLAIN = ("model", "rule", "images", "fingerprint", "ended")
"""What of a record the description has as it is."""


def save(record: EvolutionRecord, path: Path) -> None:
    """See `EvolutionRecord.save`."""
    arrays: dict[str, NDArray[Any]] = {"losses": record.losses}
    patches: dict[int, int] = {}
    kept: list[NDArray[Any]] = []
    levels: list[NDArray[Any]] = []
    moments = []
    for moment in record.moments:
        found = []
        for one in moment.strongest:
            if id(one.patch) not in patches:
                patches[id(one.patch)] = len(kept)
                kept.append(one.patch)
            if one.levels is not None:
                levels.append(one.levels)
            found.append(
                {
                    "unit": asdict(one.unit),
                    "value": one.value,
                    "image": one.image,
                    "image_name": one.image_name,
                    "box": one.box.to_json(),
                    "scale": one.scale,
                    "levels": None if one.levels is None else one.levels.shape,
                    "patch": patches[id(one.patch)],
                }
            )
        moments.append(
            {
                "step": moment.step,
                "epoch": moment.epoch,
                "seconds": moment.seconds,
                "strongest": found,
            }
        )
    for number, layer in enumerate(record.layers):
        if record.moments:
            arrays[f"features{number}"] = np.stack([m.features[layer] for m in record.moments])
    arrays["levels"], arrays["patches"] = _flat(levels, np.int8), _flat(kept, np.uint8)
    about = {
        "what": KIND,
        "schema": SCHEMA,
        **{name: getattr(record, name) for name in PLAIN},
        "units": record.units,
        "missed": record.missed,
        "patches": [patch.shape for patch in kept],
        "moments": moments,
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode("utf-8", "surrogatepass"), np.uint8)
    with whole(path) as temporary:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        checksums.seal(temporary)


def load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and description of a file whose checksum holds; see `EvolutionRecord.load`."""
    with readable(path):
        checksums.check(path)
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays["about"].tobytes().decode("utf-8", "surrogatepass"))
        if (about["what"], about["schema"]) != (KIND, SCHEMA):
            raise InputError(
                f"{path} is {about['what']} of schema {about['schema']}; this version reads "
                f"{KIND} of schema {SCHEMA}."
            )
        return arrays, about


@contextmanager
def readable(path: Path) -> Iterator[None]:
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
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(
            f"{path} isn't a readable {KIND.removeprefix('a ')} ({type(error).__name__}: {error})."
        ) from error


def _flat(parts: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0, kind)


def shaped(flat: NDArray[Any], shapes: Sequence[Sequence[int]]) -> Iterator[NDArray[Any]]:
    """The arrays of these shapes that were laid one after the other."""
    ends = np.cumsum([prod(shape) for shape in shapes], dtype=np.int64)
    if len(flat) != (ends[-1] if len(ends) else 0):
        raise ValueError("its pictures don't have the sizes that it says")
    for end, shape in zip(ends, shapes, strict=True):
        yield flat[end - prod(shape) : end].reshape(shape)
