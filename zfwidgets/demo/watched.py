"""JupyterLab in a process that ends with the one that started it, however that ends.

The standard input is a pipe that nobody writes to: its end is the end of the other process,
also where that was killed and could stop nothing. Kernels watch their server likewise.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time

PATIENCE = 10.0
"""Seconds that the server has for stopping its kernels."""


def main() -> None:
    """Run JupyterLab; the first argument is a folder to remove if nobody else can."""
    folder = sys.argv.pop(1)
    threading.Thread(target=_watch, args=(folder,), daemon=True).start()
    from jupyterlab.labapp import main as lab

    lab()


def _watch(folder: str) -> None:
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    if os.name != "nt":
        os.kill(os.getpid(), signal.SIGTERM)  # stops kernels too
        time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    main()
