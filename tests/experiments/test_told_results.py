"""What the notebooks' prose says of results is what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import zfwidgets as zf


@pytest.fixture
def told(root: Path):
    """All that a notebook's prose says, by the notebook's name."""

    def read(name: str) -> str:
        notebook = nbformat.read(root / "examples" / f"{name}.ipynb", as_version=4)
        return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")

    return read


@pytest.fixture
def claims(root: Path) -> str:
    return (root / "docs" / "claims.md").read_text()


def row_of(claims: str, says: str) -> list[str]:
    """The cells of the one claim that says so."""
    (row,) = (line for line in claims.splitlines() if line.startswith("|") and says in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


NUMBERS = {"five": "5", "three": "3"}


def test_the_diagnosis_tells_on_what_and_how_often_the_smaller_network_was_better(told, claims):
    (classes,) = re.findall(r"know (\w+ classes of [\w-]+)", claims)
    said = re.search(
        r"On photos of ([^,]+), with (\w+) seeds, the small ZFNet made fewer", told("diagnosis")
    )
    row = row_of(claims, "Smaller filters and stride also classify better")
    assert said[1] == classes
    assert f" {NUMBERS[said[2]]} seeds," in row[2]
    assert row[-1].startswith("**agrees**")


def test_the_better_network_of_the_diagnosis_has_the_fault(told):
    assert "the network with the fault needn't be the worse one" in told("diagnosis")
    recording = zf.experiments.recorded("diagnosis")
    errors = recording.made.settings["errors"]
    alexnet, zfnet = recording.result
    assert errors["AlexNet"] < errors["ZFNet"]
    assert alexnet.beside(zfnet)[0].startswith("AlexNet has the fault that the paper saw")


def test_the_correspondence_tells_parts_as_its_findings_do(told):
    """Of each layer: which parts change it more alike than random masks, and which less."""
    text = told("correspondence")
    result = zf.experiments.recorded("correspondence").result
    lines = {line.split(":")[0]: line for line in result.findings}

    def parts(layer: str, verdict: str) -> set[str]:
        said = re.search(rf"{verdict}[^:;]*: (.*?)(;|\.$)", lines[layer])
        return set(re.findall(r"left eye|right eye|nose", said[1])) if said else set()

    assert "this doesn't tell that the network knows a nose" in text
    assert not any("nose" in parts(layer, "fewer signs") for layer in result.layers)
    assert "gaps at `features.5` and `features.8`" in text
    assert "are mostly within what chance does" in text
    low = [parts(layer, "can't be told") for layer in ("features.5", "features.8")]
    assert sum(map(len, low)) > 3  # of six
    for layer in ("features.5", "features.8"):
        assert all(
            result.mean(part)[result.layers.index(layer)]
            < result.mean(f"random, size of {part}")[result.layers.index(layer)]
            for part in ("left eye", "right eye", "nose")
        ), "there are gaps, the way the paper has them"
    assert "At `features.12`, near the classes, eyes even change features *less* alike" in text
    assert parts("features.12", "more signs") == {"left eye", "right eye"}
    assert "(these masks change more units, too" in lines["features.12"]
    opposite = result.to_frame().query("masked in ['left eye', 'right eye', 'nose']").opposite
    assert "coins would give one half, and parts come close to that" in text
    assert opposite.between(0.4, 0.6).all()


def test_the_sanity_check_quotes_what_was_measured(told, root: Path):
    (said,) = re.findall(
        r"the median over (\d+) channels of this layer is (\S+)", told("sanity_check")
    )
    measured = (root / "docs" / "what_pictures_show.md").read_text()
    table = measured[measured.index(f"--units {said[0]}`") :]
    gradient = table[table.index("| gradient |") :]
    assert re.search(r"\| features\.7 \| (\S+) \|", gradient)[1] == said[1]


def test_the_story_quotes_the_claims_page(told, claims):
    text = told("zeiler_fergus")
    (said,) = re.findall(r"of (\d+) photos the map lost more than half in (\d+)", text)
    row = row_of(claims, "Covering the region that the strongest map's projection shows")
    assert re.search(r"less than half in (\d+) of (\d+) photos", row[3]).groups() == said[::-1]
    assert "Among what agrees: features that were learned once carry over to other" in text
    for claim in (
        "A linear classifier on features gets better up the network",
        "Pretrained features beat a network from scratch",
        "Features of photos of single objects carry over to scenes",
    ):
        assert row_of(claims, claim)[-1].startswith("**agrees**")
    for name in ("zeiler_fergus", "evolution"):
        assert re.search(r"low(er)? layers settle first", told(name))
    assert row_of(claims, "Lower layers converge within")[-1].startswith("**no evidence")
