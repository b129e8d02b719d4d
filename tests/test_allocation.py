"""Processes of ours keep the memory that is freed, and a user's for the length of a pass."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import threading
import torch
from zfwidgets import allocation

def faults():
    for _ in range(10):  # until there is room at one place
        torch.ones(50, 2**18)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(50, 2**18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return 4096 * int(open("/proc/self/statm").read().split()[1])
"""
FOR_GOOD = """
returned = faults()
allocation.keep_freed_memory()
kept = faults()
with allocation.freed_memory_kept():
    pass
print(returned, kept, faults())
"""
FOR_A_PASS = """
returned, before = faults(), resident()
try:
    with allocation.freed_memory_kept():
        with allocation.freed_memory_kept():  # another pass, meanwhile
            kept = [faults()]
        kept.append(faults())
        held = resident() - before
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
print(returned, *kept, held, resident() - before)
"""
IN_A_THREAD = """
def work():
    returned = faults()
    with allocation.freed_memory_kept():
        print(returned, faults(), faults())

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
CHOSEN = """
returned = faults()
with allocation.freed_memory_kept():
    print(returned, faults())
"""


def printed(script: str, **variables: str) -> list[int]:
    environment = {**os.environ, **variables}
    command = [sys.executable, "-c", FAULTS + script]
    return [*map(int, subprocess.check_output(command, env=environment).split())]


pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory"
)


def test_freed_memory_is_used_again() -> None:
    returned, kept, later = printed(FOR_GOOD)
    assert max(kept, later) * 10 < returned


def test_a_pass_keeps_memory_and_gives_it_back_also_when_interrupted() -> None:
    returned, inner, outer, held, left = printed(FOR_A_PASS)
    assert max(inner, outer) * 10 < returned
    assert left < held / 4


def test_a_thread_keeps_memory_for_a_pass() -> None:
    returned, *kept = printed(IN_A_THREAD)
    assert max(kept) * 10 < returned


def test_what_users_set_themselves_stays() -> None:
    returned, during = printed(CHOSEN, MALLOC_TRIM_THRESHOLD_="131072")
    assert during * 2 > returned
