"""Processes of ours keep the memory that is freed."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from zfwidgets.engine.ranking.cluster.allocation import keep_freed_memory

def faults():
    for _ in range(10):  # until there is room at one place
        torch.ones(50, 2**18)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(50, 2**18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

returned = faults()
keep_freed_memory()
print(returned, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told so")
def test_freed_memory_is_used_again() -> None:
    returned, kept = map(int, subprocess.check_output([sys.executable, "-c", SCRIPT]).split())
    assert kept * 10 < returned
