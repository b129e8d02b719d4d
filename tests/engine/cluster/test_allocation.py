"""Processes of ours keep the memory that is freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from zfwidgets.engine.cluster.allocation import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def large():
    torch.ones(50, 2**18)

for _ in range(10):  # until there is room at one place
    large()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    large()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told so")
def test_freed_memory_is_used_again() -> None:
    faults = {
        way: int(subprocess.check_output([sys.executable, "-c", SCRIPT, way]))
        for way in ("returned", "kept")
    }
    assert faults["kept"] * 10 < faults["returned"]
