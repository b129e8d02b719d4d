"""What all benchmarks share: the machine and the figures as one JSON line, neighbours that end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """import argparse, os, psutil
from benchmarks import harness
parser = argparse.ArgumentParser()
options = harness.options(parser)
busy = [one.pid for one in psutil.Process().children()]
harness.finish({"busy": busy, "figure": 1 / 3})
"""


def run(*arguments: str, **environment: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("beside", [0, 2])
def test_the_last_line_tells_all(beside: int) -> None:
    first, last = run("--beside", str(beside))
    told = json.loads(last)
    assert told["machine"]["cores"] >= 1
    assert told["machine"]["processor"] in first
    assert len(told["load"]) == 2
    assert told["beside"] == len(told["busy"]) == beside
    assert told["figure"] == 0.3333
    assert not any(map(psutil.pid_exists, told["busy"]))


def test_a_process_of_a_benchmarks_own_has_no_neighbours() -> None:
    (only,) = run("--beside", "2", ZFWIDGETS_BENCHMARK_CHILD="1")
    assert json.loads(only)["busy"] == []


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path in (ROOT / "benchmarks").glob("*/[!_]*.py")
        if path.parent.name not in ("claims", "building")  # which make tables, and data
    ),
    ids=lambda path: path.stem,
)
def test_every_benchmark_has_the_same_options(path: Path) -> None:
    """But for the table of docs/coverage.md, which is no measurement."""
    if path.stem != "coverage":
        text = path.read_text()
        assert "harness.options(" in text
        assert "harness.finish(" in text or path.stem == "examples"
