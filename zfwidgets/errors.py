"""The errors that zfwidgets raises.

Every message names the thing, says what was expected, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

Thing = TypeVar("Thing")


class ZfError(Exception):
    """Base class of all errors that zfwidgets raises on purpose."""


class InputError(ZfError, ValueError):
    """An argument, model, dataset or file isn't what was expected."""


class UnreadableImage(InputError):
    """An image file or dataset item can't be decoded; ``reason`` says why without its name."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class StaleImage(UnreadableImage):
    """An image isn't the one any more that the index is of: it was changed, or is gone."""


class UnknownLayer(InputError, KeyError):
    """No layer has that name; the message lists the nearest names."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(str(name), names, n=3, cutoff=0.3) or names[:3]
        super().__init__(
            f"The model has no layer {name!r}. Nearest names: {', '.join(near)}. "
            "engine.layers lists all of them."
        )

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class UnsupportedModel(ZfError, TypeError):
    """The model can't be handled exactly; the message names the layer or operation."""


class InactiveUnit(ZfError, ValueError):
    """A unit that isn't active (activation <= 0) has no deconvnet projection."""


class NotStored(ZfError, LookupError):
    """A stored engine doesn't hold what was asked for; a live engine would."""


class BrokenReport(ZfError, ValueError):
    """A report's file isn't whole, or isn't what was written."""


class IndexMismatch(ZfError, ValueError):
    """An index on disk belongs to another model, transform or data; lists what differs."""


class IndexBusy(ZfError, RuntimeError):
    """Another process is writing the index; names it."""


class ForkedProcess(ZfError, RuntimeError):
    """An engine or widget was used in a process that was forked from the one that made it."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message
            or "This engine (or widget) was made in another process, from which this one was "
            "forked. The threads that compute, PyTorch's and ours, don't come along in a fork, so "
            "that it would wait for ever. Make an engine in this process, which must be started "
            'afresh: multiprocessing.get_context("spawn"), or multiprocessing_context="spawn" for '
            "a DataLoader."
        )


class NotCopied(ZfError, TypeError):
    """What can't be copied, pickled or sent to another process was to be."""


class ClusterError(ZfError, RuntimeError):
    """Other machines can't do what was asked; says which, and what they lack."""


class TrainingDiverged(ZfError, ArithmeticError):
    """The loss isn't finite any more; ``record`` is the training's record up to then."""

    def __init__(self, message: str, record: object = None) -> None:
        super().__init__(message)
        self.record = record


class Cancelled(ZfError):
    """The computation was cancelled or superseded by a newer request."""


class TooManyRequests(ZfError, RuntimeError):
    """More requests of one widget waited than it can need; this one made room for a newer one."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"More than {most} requests of this widget wait for an answer, so that this one, which "
            "waited longest, was dropped. Ask again once others are answered."
        )


class ServerUnreachable(ZfError, ConnectionError):
    """The server that answers for an engine can't be reached, or doesn't answer.

    ``lost``: whether what was sent to it may have come.
    """

    lost = False


class ServerFailed(ZfError, RuntimeError):
    """The server couldn't answer, by a fault of its own; its log says more."""


class ServerBusy(ZfError, RuntimeError):
    """The server has as many clients, or requests, as it takes; ``seconds``: when to ask again."""

    def __init__(self, message: str, seconds: float = 1.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class WrongToken(ZfError, PermissionError):
    """The server knows no such token, or it gives no right to what was asked."""


class WrongVersion(ZfError, RuntimeError):
    """The two sides of a connection don't speak alike; says which versions they have."""


class OtherEngine(ZfError, RuntimeError):
    """The server answers for another network, or other images, than when it was connected to."""


class MalformedMessage(InputError):
    """A message between server and client isn't what the other side sends."""


class NeedsModel(ZfError, TypeError):
    """What was asked for needs the network itself in this process, not one on a server."""


class MissingDependency(ZfError, ImportError):
    """An optional package is needed; the message says what to install."""


class RoomError(ZfError, RuntimeError):
    """A classroom's room can't be led or followed; the message says why and what to do."""


class NoSuchRoom(RoomError, LookupError):
    """Nobody leads a room of that name."""

    def __init__(self, room: str) -> None:
        super().__init__(
            f"Nobody leads a room {room!r:.80} now. Check its name on the teacher's screen: it "
            "ends in a code, as in 'lesson-k7m2-qd9x'."
        )


class LedByAnother(RoomError):
    """Another leader with the same secret has taken the room over."""

    def __init__(self, room: str) -> None:
        super().__init__(
            f"The room {room!r:.80} is led from elsewhere now, with the same secret. "
            "explorer.lead(...) with that secret takes it back."
        )


class WrongSecret(RoomError):
    """A room isn't led by who doesn't hold its secret."""

    def __init__(self, room: str) -> None:
        super().__init__(
            f"The secret isn't that of the room {room!r:.80}: only who has it leads there. "
            "explorer.lead('lesson') makes a room of your own, with a secret of its own."
        )


class RoomFull(RoomError):
    """A room, or a server, has as many as it bears."""


def one_of(things: Mapping[str, Thing], name: str, what: str) -> Thing:
    """The thing of that name; raises `InputError` with the names that there are."""
    if name not in things:
        raise InputError(f"There is no {what} {name!r}: expected one of {', '.join(things)}.")
    return things[name]


@contextmanager
def needs_torch(what: str) -> Iterator[None]:
    """Around what imports PyTorch: where that isn't installed, say that `what` needs it.

    ``zfwidgets-core`` works without. `what` is how the sentence begins, up to "needs torch".
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("torch", "torchvision"):
            raise
        raise MissingDependency(
            f"{what} needs {missing}, which isn't installed here: pip install zfwidgets"
        ) from error


def optional(module: str, message: str) -> Any:
    """An optional package's module; raises `MissingDependency` where it isn't installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependency(message) from error
