"""Progress bars that leave nothing behind: no line in a terminal, no dead widget in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


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
