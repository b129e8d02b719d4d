"""Dataclasses come back from a file as they were, and nothing else is made from one."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zfwidgets.errors import InputError
from zfwidgets.storage import checksums, dataclasses_npz

KIND = "a zfwidgets tree"


@dataclass(frozen=True)
class Leaf:
    name: str
    values: Any


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    by_name: Mapping[str, Any]
    height: float = 1.5


def known(name: str) -> type:
    return {"Leaf": Leaf, "Tree": Tree}[name]


def again(path: Path, value: Any, **options: Any) -> Any:
    dataclasses_npz.write(path, KIND, 2, value, **options)
    return dataclasses_npz.read(path, KIND, 2, known)


def test_all_kinds_of_values_come_back(tmp_path: Path) -> None:
    shared = np.arange(6, dtype=np.int8).reshape(2, 3)
    tree = Tree(
        (Leaf("é\udce9", shared), Leaf("", None), Leaf("same", shared)),
        {"nan": math.nan, "low": -math.inf, "yes": True, "text": {"inner": [1, (2, 3.25)]}},
    )
    found = again(tmp_path / "tree.npz", tree)
    assert isinstance(found, Tree)
    assert [leaf.name for leaf in found.leaves] == ["é\udce9", "", "same"]
    np.testing.assert_array_equal(found.leaves[0].values, shared)
    assert found.leaves[0].values.dtype == np.int8
    assert found.leaves[0].values is found.leaves[2].values, "an array is kept once"
    assert math.isnan(found.by_name["nan"])
    assert found.by_name["low"] == -math.inf
    assert found.by_name["yes"] is True
    assert found.by_name["text"] == {"inner": (1, (2, 3.25))}
    assert found.height == 1.5
    with zipfile.ZipFile(tmp_path / "tree.npz") as archive:
        assert len(archive.namelist()) == 2


def test_pictures_are_small_where_that_is_asked_for(tmp_path: Path) -> None:
    down, right = np.mgrid[:40, :30]
    smooth = np.stack([down * 5, right * 6, down + right], -1).astype(np.uint8)
    pictures = np.stack([smooth, smooth[::-1]])
    exact = again(tmp_path / "exact.npz", Leaf("", pictures)).values
    np.testing.assert_array_equal(exact, pictures)
    close = again(tmp_path / "close.npz", Leaf("", pictures), webp=90).values
    assert close.shape == (2, 40, 30, 3)
    assert 0 < np.abs(close.astype(int) - pictures).mean() < 4
    values = np.random.default_rng(3).normal(size=(40, 30, 3))
    kept = again(tmp_path / "values.npz", Leaf("", values), webp=90).values
    np.testing.assert_array_equal(kept, values, "only pictures are made smaller")


@pytest.mark.parametrize("value", [object(), {1: "one"}, np.array([object()])])
def test_what_cant_be_written_is_named(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="can't be written"):
        dataclasses_npz.write(tmp_path / "no.npz", KIND, 2, value)
    assert not list(tmp_path.iterdir())


def test_only_known_dataclasses_are_made(tmp_path: Path) -> None:
    path = tmp_path / "tree.npz"
    dataclasses_npz.write(path, KIND, 2, Leaf("leaf", 1))

    def none(name: str) -> type:
        raise KeyError(name)

    with pytest.raises(InputError, match=r"tree\.npz isn't a readable zfwidgets tree .*Leaf"):
        dataclasses_npz.read(path, KIND, 2, none)
    with pytest.raises(InputError, match="schema 2; this version reads a zfwidgets tree of schema"):
        dataclasses_npz.read(path, KIND, 3, known)


@pytest.mark.parametrize(
    "content",
    [
        {"class": "Leaf", "fields": {"name": "a", "values": 1, "more": 2}},
        {"class": "Leaf"},
        {"array": 7},
        {"array": 0, "webp": [3, 3, 3]},
        {"float": "one"},
        {"nothing": 1},
        "deep",
    ],
)
def test_a_forged_file_is_refused_by_name(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "forged.npz"
    value = json.dumps(content)
    if content == "deep":
        value = "[" * 500 + "]" * 500
    about = f'{{"what": "{KIND}", "schema": 2, "value": {value}}}'
    with path.open("wb") as file:
        np.savez(file, **{"0": np.zeros(3, np.uint8), "about": np.frombuffer(about.encode(), "B")})
    checksums.seal(path)
    with pytest.raises(InputError, match=r"forged\.npz isn't a readable zfwidgets tree"):
        dataclasses_npz.read(path, KIND, 2, known)


def test_changed_bits_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "tree.npz"
    dataclasses_npz.write(path, KIND, 2, Leaf("leaf", np.arange(50)))
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        bad = bytearray(whole)
        bad[place] ^= 4
        path.write_bytes(bad)
        with pytest.raises(InputError, match=r"tree\.npz"):
            dataclasses_npz.read(path, KIND, 2, known)
