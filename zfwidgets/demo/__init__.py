"""The demo: the quickstart notebook, already run, in a JupyterLab of its own.

JupyterLab can't run a notebook when it opens it. So the server is started, a session is created
for the notebook, its cells are executed in that session's kernel from here, the outputs are saved
and signed; whoever opens the page then finds widgets that are live.
"""

from __future__ import annotations

import signal
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import notebooks
from .lab import LabServer, require_lab

__all__ = ["picture", "serve"]

NAME = "quickstart.ipynb"


def serve(folder: Path, *, port: int | None = None, open_browser: bool = False) -> int:
    """Serve the quickstart from `folder` until interrupted.

    Parameters
    ----------
    folder : Path
        Made if it isn't there. A copy of the notebook that was edited there is kept and used.
    port : int, optional
        Exactly this port; 8888 or the next free one if not given.
    open_browser : bool
        Open the page in the default browser.

    Returns
    -------
    int
        Exit code: 0 after an interrupt, 1 if a cell raised or the server ended by itself.
    """
    require_lab()
    with _terminated_like_interrupted():
        path, mine = notebooks.prepare(folder, NAME)
        say(f"notebook {path}")
        if not mine:
            say(f"that copy was edited: it is used as it is (delete {path} to start afresh)")
        with LabServer(folder, port=port, say=say) as lab:
            if not _execute(lab, path):
                return 1
            url = lab.url(f"lab/tree/{NAME}")
            try:
                print(f"\n    {url}\n\nCtrl-C stops the server and the kernel.", flush=True)
                if open_browser:
                    webbrowser.open(url)
                lab.wait()
            except KeyboardInterrupt:
                print(flush=True)
                say("stopping the server and the kernel")
                return 0
            say("the server ended by itself")
            return 1


def picture(folder: Path) -> int:
    """Run the quickstart, show it in a headless Chromium, and write what it shows.

    Writes ``quickstart.executed.ipynb``, as JupyterLab saves it, and ``explorer.png`` into
    `folder`. The work itself happens in a temporary folder.

    Returns
    -------
    int
        Exit code: 0, or 1 if a cell raised.
    """
    from .browser import require_browser, shoot

    require_lab()
    chromium = require_browser()
    folder.mkdir(parents=True, exist_ok=True)
    with _terminated_like_interrupted(), tempfile.TemporaryDirectory(prefix="zfwidgets-") as temp:
        work = Path(temp)
        path, _ = notebooks.prepare(work, NAME)
        with LabServer(work, port=0, expose_app=True, say=say) as lab:
            if not _execute(lab, path):
                return 1
            say("opening it in a headless Chromium")
            image = folder / "explorer.png"
            shoot(lab.url(f"lab/tree/{NAME}"), image, chromium=chromium, say=say)
            executed = folder / NAME.replace(".ipynb", ".executed.ipynb")
            executed.write_bytes(path.read_bytes())
    say(f"wrote {executed} and {image}")
    return 0


def say(text: str) -> None:
    """Report progress on stdout, at once."""
    print(f"zfwidgets: {text}", flush=True)


def _execute(lab: LabServer, path: Path) -> bool:
    kernel = lab.open_session(path.name)
    say("running the notebook in its kernel")
    error = notebooks.execute(path, kernel, say=say)
    if error is not None:
        print(f"\n{error}\n", flush=True)
        say(f"a cell of {path.name} raised; the server is stopped")
    return error is None


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C, so that they leave no process behind either."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
