"""What forks kernels, started for a session's notebooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.waiting import SECONDS

SCRIPT = Path(__file__).with_name("forked.py")
KERNEL = "forked" if sys.platform == "linux" else "python3"  # elsewhere forks of torch don't work
"""The name of the kernel that notebooks of tests have."""


@contextmanager
def forked_kernels(folder: Path) -> Iterator[None]:
    """Put a kernel "forked" beside "python3", where processes can be forked."""
    path = str(folder / "fork")
    command = [sys.executable, str(SCRIPT)]
    spec = {
        "argv": [*command, "ask", path, "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "kernels" / KERNEL).mkdir(parents=True)
    (folder / "kernels" / KERNEL / "kernel.json").write_text(json.dumps(spec))
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(
            [*command, "serve", path], stdin=subprocess.PIPE, start_new_session=True
        ) as process,
    ):
        places = [str(folder), os.environ.get("JUPYTER_PATH")]
        patch.setenv("JUPYTER_PATH", os.pathsep.join(filter(None, places)))
        end = time.monotonic() + SECONDS
        while not Path(path).exists():
            assert process.poll() is None, "what forks kernels has ended"
            assert time.monotonic() < end, "what forks kernels doesn't start"
            time.sleep(0.05)
        with closing(process.stdin):
            yield
