"""Programs that run where torch can't be imported."""

from __future__ import annotations

import subprocess
import sys

from tests.waiting import PROGRAM


def run_without_torch(code: str) -> str:
    """What a program prints to its output; fails where the program does, with what it said."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['torch'] = None\n{code}"],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
