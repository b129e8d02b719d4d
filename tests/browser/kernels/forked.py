"""Kernels forked from a process that has imported torch: to import it takes longer than most tests.

``serve`` is that process, ``ask`` the one that Jupyter starts in a kernel's place: it asks for a
fork, hands on signals, and ends with it. The fork is an ordinary IPython kernel, which imports
zfwidgets and everything else itself, and ends when what Jupyter started does.

    python forked.py serve SOCKET
    python forked.py ask SOCKET CONNECTION_FILE
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import socket
import sys

# What a kernel imports when it starts, and what notebooks with us need: all but zfwidgets itself.
PRELOADED = (
    *("ipykernel.kernelapp", "ipykernel.debugger"),
    *("torch", "torchvision", "pandas", "bqplot", "anywidget", "ipywidgets", "PIL.Image"),
    *("filelock", "safetensors.torch"),
)


def ask(path: str, connection_file: str) -> None:
    """Stand for a kernel: Jupyter sends this process the signals that are meant for it."""
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(path)
        folder = os.getcwd()  # noqa: PTH109 -- to import pathlib takes as long as all else here
        wanted = {"file": connection_file, "folder": folder, "environment": {**os.environ}}
        socket.send_fds(there, [json.dumps(wanted).encode()], [1, 2])
        there.shutdown(socket.SHUT_WR)
        pid = int(there.recv(20))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(pid, number))
        there.recv(1)  # nothing ever comes: it is closed when the kernel has ended


def serve(path: str) -> None:
    """Import what takes long, then fork a kernel for each who asks, until the input ends."""
    for name in PRELOADED:
        importlib.import_module(name)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(path)
        here.listen(8)
        while here in select.select([here, sys.stdin], [], [])[0]:
            asked, _ = here.accept()
            if not os.fork():
                here.close()
                be_kernel(asked)
                return
            asked.close()


def be_kernel(asked: socket.socket) -> None:
    """What Jupyter wants to be started, in this fork."""
    # The last that it does: what torch brought the system frees at once, and Python in seconds.
    atexit.register(os._exit, 0)
    import threading

    from ipykernel import kernelapp

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    said, outputs = b"", []
    while True:
        part, fds, *_ = socket.recv_fds(asked, 65536, 2)
        said, outputs = said + part, outputs + fds
        if not part:
            break
    for output, number in zip(outputs, (1, 2), strict=True):
        os.dup2(output, number)
        os.close(output)
    wanted = json.loads(said)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    asked.send(b"%d" % os.getpid())

    def end_with_it() -> None:
        poll = select.poll()
        poll.register(asked, 0)  # reports only that the other end is closed
        poll.poll()
        os._exit(1)

    threading.Thread(target=end_with_it, daemon=True).start()
    sys.argv = ["ipykernel_launcher", "-f", wanted["file"]]
    del sys.path[0]  # this script's folder
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    {"ask": ask, "serve": serve}[sys.argv[1]](*sys.argv[2:])
