"""Progress bars that leave nothing behind: no line in a terminal, no dead widget in a notebook.

Where a program runs the cells and saves what they show nobody looks: there is none at all.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from . import threads

PATIENCE = 1.0
"""Seconds that something may take without a word."""

_waiting: list[_Line] = []
"""The line of the outermost `waiting` block: there is one at a time."""
_bars: list[object] = []
"""The bars that are shown: no line begins beside one."""
_one = threading.Lock()


def unattended() -> bool:
    """Whether the cell that runs is run by a program, which can't be asked for input.

    Such are nbconvert, papermill, Quarto and Jupyter Book, which save what cells show. Voila's
    pages are made by one too, but somebody looks at them.
    """
    parent: Any = getattr(getattr(_shell(), "kernel", None), "get_parent", dict)()
    content = parent.get("content", {}) if isinstance(parent, dict) else {}
    by_voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    return content.get("allow_stdin") is False and not by_voila


def _shell() -> Any:
    """IPython's, where it runs."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


@contextmanager
def waiting(what: str, *, shown: bool = True) -> Iterator[None]:
    """Say what takes so long, once it takes more than a second; the line goes with the block.

    It is for what has no steps of its own: a bar that starts meanwhile takes its place. In a
    terminal it's written to stderr, in a notebook displayed; elsewhere, as where output goes to a
    file, nothing is. Also a decorator.

    Parameters
    ----------
    what
        As the user would say it: "Reading the report".
    shown
        Whether there is a line at all.
    """
    line = _Line(what)
    with _one:
        outermost = shown and not (_waiting or _bars) and line.can_show
        if outermost:
            _waiting.append(line)
    if not outermost:
        yield
        return
    line.start()
    try:
        yield
    finally:
        line.end()
        _waiting.clear()


class _Line:
    """One line, kept up to date by a thread: what takes long mostly keeps its own thread busy."""

    def __init__(self, what: str) -> None:
        self._what, self._began = what, time.monotonic()
        self._display = _notebook_display()
        self._output: Any = None
        self._written = 0
        self._held = 0
        self._over = threading.Event()
        self._drawing = threading.RLock()
        self._thread: threading.Thread | None = None

    @property
    def can_show(self) -> bool:
        return self._display is not None or _is_terminal(sys.stderr)

    def start(self) -> None:
        context = contextvars.copy_context()  # by which the kernel knows whose cell it is
        # A process that ends, or Pyodide, starts none.
        with suppress(RuntimeError):
            self._thread = threads.start(lambda: context.run(self._run), "waiting", self._over.set)

    def _run(self) -> None:
        while not self._over.wait(PATIENCE):
            with self._drawing:
                if self._held or self._over.is_set():
                    continue
                try:
                    self._draw()
                except (OSError, ValueError):  # the terminal has gone
                    return

    def _draw(self) -> None:
        text = f"{self._what} … {time.monotonic() - self._began:.0f} s"
        if self._display is None:
            sys.stderr.write("\r" + text.ljust(self._written))
            sys.stderr.flush()
            self._written = len(text)
        elif self._output is None:
            self._output = self._display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._output.update({"text/plain": text}, raw=True)

    def hold(self, is_held: bool) -> None:
        """Make way for a bar, and take the place again."""
        with self._drawing:
            self._held += 1 if is_held else -1
            self._wipe()

    def _wipe(self) -> None:
        if self._written:
            sys.stderr.write("\r" + " " * self._written + "\r")
            sys.stderr.flush()
            self._written = 0
        if self._output is not None:
            self._output.update({"text/plain": ""}, raw=True)

    def end(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        with self._drawing:
            self._wipe()


def _notebook_display() -> Any:
    """IPython's ``display`` where this is a notebook's kernel, and somebody looks."""
    if getattr(_shell(), "kernel", None) is None or unattended():
        return None
    from IPython.display import display

    return display


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it was closed
        return False


def asked_for(what: str) -> AbstractContextManager[None]:
    """As `waiting`, for what users call and widgets' threads do too: these show their own words."""
    return waiting(what, shown=threading.current_thread() is threading.main_thread())


@contextmanager
def progress_bar(
    items: Iterable[Any] | None = None, what: str = "", *, shown: bool = True, **options: Any
) -> Iterator[Any]:
    """A `tqdm.tqdm` over items, or to be moved on by hand, that goes when the block ends.

    tqdm's own bars leave the view of a widget that was closed in a notebook's outputs, of which
    Jupyter says "model not found" when it's opened again.

    Parameters
    ----------
    items, what, **options
        As `tqdm.tqdm` takes them.
    shown
        Whether there is a bar at all.
    """
    shown = shown and not unattended()
    line = next(iter(_waiting), None) if shown else None
    if line is not None:
        line.hold(True)
    mine = object()
    if shown:
        _bars.append(mine)
    try:
        with _bar(items, what, shown, options) as bar:
            yield bar
    finally:
        if shown:
            _bars.remove(mine)
        if line is not None:
            line.hold(False)


@contextmanager
def _bar(
    items: Iterable[Any] | None, what: str, shown: bool, options: dict[str, Any]
) -> Iterator[Any]:
    from tqdm.auto import tqdm
    from tqdm.notebook import tqdm_notebook

    # A user may have put a function there, such as functools.partial(tqdm, disable=True).
    in_notebook = isinstance(tqdm, type) and issubclass(tqdm, tqdm_notebook)
    if not (shown and in_notebook):
        with tqdm(items, what, leave=False, disable=not shown, **options) as bar:
            yield bar
        return

    from IPython.display import display

    class Bar(tqdm):
        """Displays itself as an output that can be replaced."""

        output: Any = None

        def display(self, *args: Any, check_delay: bool = True, **changes: Any) -> None:
            if check_delay and self.output is None:
                self.output = display(self.container, display_id=True)
            super().display(*args, check_delay=False, **changes)

    bar = Bar(items, what, leave=False, display=False, **options)
    try:
        if not options.get("delay"):
            bar.refresh()
        with bar:
            yield bar
    finally:
        for widget in (*bar.container.children, bar.container):
            widget.close()
        if bar.output is not None:
            bar.output.update({"text/plain": "", "text/html": ""}, raw=True)
