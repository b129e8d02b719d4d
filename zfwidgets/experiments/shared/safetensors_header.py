"""Files of experiments: safetensors with a JSON description in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ...errors import InputError
from ...storage import checksums


def read_safetensors(
    path: Path, what: str, schema: int, prefix: str = ""
) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
    """Arrays whose names begin with ``prefix`` (taken off), and the header's description.

    Raises
    ------
    InputError
        The file isn't there, isn't whole, or isn't ``what`` of that schema.
    """
    try:
        checksums.check(path)
        with safe_open(path, "numpy") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})[checksums.KEY])
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            arrays = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError, OSError, ValueError) as error:
        raise InputError(
            f"{path} can't be read as {what} ({type(error).__name__}: {error}): delete it, or "
            "name another place."
        ) from error
    if about.get("what") != what or about.get("schema") != schema:
        raise InputError(
            f"{path} is {about.get('what')} of schema {about.get('schema')}; this version reads "
            f"{what} of schema {schema}: delete it, or name another place."
        )
    return arrays, about


def header(what: str, schema: int, about: Mapping[str, Any]) -> dict[str, str]:
    """The description that `read_safetensors` reads back, with room for `checksums.seal`."""
    return checksums.described({"what": what, "schema": schema, **about})
