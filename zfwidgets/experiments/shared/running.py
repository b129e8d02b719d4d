"""Plain functions over steps: run them under a progress bar, and keep what was done."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

from ...bars import progress_bar
from ...engine.network.modes import InUsualModes
from ...records import Progress
from ...stepwise import Driven, Growing

Result = TypeVar("Result")

RUNS = """Interrupt it at any moment: what is done is returned, with a warning.
``progress=False`` shows no bar."""


def run(
    steps: Growing[Result],
    what: str,
    shown: bool,
    how_far: Callable[[Result], str],
) -> Result:
    """The result of steps that yield `Progress`, and the newest result so far.

    An interrupt (Ctrl-C, Jupyter's stop button) ends the steps. What is done by then is returned
    with a warning that says so; before the first result it is raised. Steps may
    know a newer result than they have yielded: see `keep`.
    """
    newest: Result | None = None
    steps = InUsualModes(steps)
    driven: Driven[Progress | Result, Result] = Driven(steps)
    with progress_bar(None, what, shown=shown, unit="") as bar:
        try:
            for step in driven:
                if isinstance(step, Progress):
                    if step.total != bar.total:
                        bar.total = step.total
                    bar.set_description(step.what, refresh=False)
                    bar.update(step.done - bar.n)
                else:
                    newest = step
            return driven.result
        except KeyboardInterrupt as interrupt:
            hand_on(interrupt, steps)
            newest = getattr(interrupt, "so_far", newest)
            if newest is None:
                raise
    warnings.warn(f"{what} was interrupted: {how_far(newest)}.", stacklevel=3)
    return newest


def with_bar(
    name: str,
    steps: Callable[..., Growing[Result]],
    what: str,
    how_far: Callable[[Result], str],
    about: str,
    options: Callable[..., Any] | None = None,
) -> Callable[..., Result]:
    """The plain call of what is computed in steps: it takes the same, and ``progress``.

    Parameters
    ----------
    name
        The call's name.
    steps
        What computes it; the call has its parameters, and their descriptions.
    what, how_far
        As in `run`.
    about
        The first lines of the call's docstring.
    options
        What the steps make of the last of their arguments, ``**options``; its parameters stand in
        the call's signature and docstring.
    """

    @wraps(steps)
    def plain(*given: Any, progress: bool = True, **options: Any) -> Result:
        return run(steps(*given, **options), what, progress, how_far)

    signature = inspect.signature(steps)
    kind = inspect.Parameter.KEYWORD_ONLY
    shown = inspect.Parameter("progress", kind, default=True, annotation="bool")
    parameters = [*signature.parameters.values()]
    at = next(i for i, part in enumerate(parameters) if part.kind is kind)
    parameters.insert(at, shown)
    _, head, rest = inspect.cleandoc(steps.__doc__ or "").partition("Parameters\n---")
    if options is not None:
        more = inspect.signature(options).parameters
        rest = rest.replace(f"**{parameters[-1].name}", ", ".join(more), 1)
        parameters[-1:] = [parameter.replace(kind=kind) for parameter in more.values()]
    record = str(signature.return_annotation).removeprefix("Growing[").removesuffix("]")
    signature = signature.replace(parameters=parameters, return_annotation=record)
    plain.__signature__ = signature  # type: ignore[attr-defined]
    plain.__name__ = plain.__qualname__ = name
    plain.__doc__ = f"{inspect.cleandoc(about)}\n\n{RUNS}\n\n{head}{rest}"
    return plain


def keep(interrupt: KeyboardInterrupt, result: object) -> None:
    """Let `run` know a result that was there when steps were interrupted."""
    interrupt.so_far = result  # type: ignore[attr-defined]


def hand_on(interrupt: KeyboardInterrupt, steps: Generator[Any, None, Any]) -> None:
    """Let steps know of an interrupt that has struck outside of them, so that they can `keep`."""
    with suppress(KeyboardInterrupt, StopIteration):
        steps.throw(interrupt)
    steps.close()
