"""Copies of the example notebooks: made, executed in a running kernel, saved and signed."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import psutil  # ipykernel needs it, so it is there

PACKAGE = Path(__file__).resolve().parent
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def source(name: str) -> Path:
    """Path of the example notebook `name`: in the package, or in the checkout it is part of."""
    candidates = [PACKAGE / name, PACKAGE.parent.parent / "examples" / name]
    for path in candidates:
        if path.is_file():
            return path
    looked = " and ".join(map(str, candidates))
    raise InputError(f"The notebook {name} is missing; looked for {looked}. Reinstall zfwidgets.")


def prepare(folder: Path, name: str) -> tuple[Path, bool]:
    """Put a copy of the example notebook `name` into `folder`, unless one was edited there.

    Returns
    -------
    path : Path
        The notebook in `folder`.
    ours : bool
        False if its cells differ from the example's: a user's copy, left as it is.
    """
    import nbformat

    original = nbformat.read(source(name), as_version=4)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if path.exists():
        try:
            there = nbformat.read(path, as_version=4)
        except Exception as error:
            raise InputError(
                f"{path} can't be read as a notebook ({error}). Move it away and try again."
            ) from error
        if _cells(there) != _cells(original):
            return path, False
    nbformat.write(original, path)
    return path, True


def _cells(notebook: Any) -> list[tuple[str, str]]:
    """What makes a notebook the same to its author: kinds and sources of cells, not outputs."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def execute(path: Path, connection_file: Path, *, say: Callable[[str], None]) -> str | None:
    """Execute the notebook at `path` in the kernel behind `connection_file`.

    The outputs, of a failed run too, are written into the file, which is then signed as
    ``jupyter trust`` does, so that a browser shows them.

    Parameters
    ----------
    path : Path
        Notebook to execute and to write to.
    connection_file : Path
        Connection file of a running kernel, which keeps running.
    say : callable
        Told about each cell.

    Returns
    -------
    str or None
        The traceback of the first cell that raised.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    notebook = nbformat.read(path, as_version=4)
    try:
        return asyncio.run(_execute(notebook, connection_file, say))
    finally:
        nbformat.write(notebook, path)
        NotebookNotary().sign(notebook)


async def _execute(notebook: Any, connection_file: Path, say: Callable[[str], None]) -> str | None:
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    kernel: Any = AsyncKernelClient(connection_file=str(connection_file))
    kernel.load_connection_file()
    kernel.start_channels(hb=False)
    try:
        await kernel.wait_for_ready(timeout=300)
        kernel.allow_stdin = False
        kernel.is_alive = (await _process(kernel)).is_running
        # No widget state in the file: it would be a copy of what the kernel has, and show stale
        # widgets without it.
        client = NotebookClient(
            notebook, timeout=None, store_widget_state=False, record_timing=False
        )
        client.kc = kernel
        client.reset_execution_trackers()
        code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        for number, index in enumerate(code, 1):
            started = time.perf_counter()
            try:
                await client.async_execute_cell(notebook.cells[index], index)
            except CellExecutionError as error:
                return _ANSI.sub("", str(error))
            except DeadKernelError:
                if kernel.is_alive():  # nbclient's word for Ctrl-C too, which cancels the task
                    raise KeyboardInterrupt from None
                return f"The kernel died while it ran this cell:\n{notebook.cells[index].source}"
            say(f"cell {number} of {len(code)}: {time.perf_counter() - started:.1f} s")
        return None
    finally:
        kernel.stop_channels()


async def _process(kernel: Any) -> psutil.Process:
    """Ask a kernel for its process, leaving no trace in its history or count.

    The server restarts a dead kernel within seconds, under the same ports: only the process tells
    that the reply to a cell will never come.
    """
    import psutil

    reply = await kernel.execute_interactive(
        "", silent=True, user_expressions={"pid": "__import__('os').getpid()"}, timeout=300
    )
    return psutil.Process(int(reply["content"]["user_expressions"]["pid"]["data"]["text/plain"]))
