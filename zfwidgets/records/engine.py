"""What an engine says of itself and of its work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineInfo:
    """What a user may want to know of an engine.

    ``notes`` are sentences that belong on screen: a default that was assumed, a limit of
    exactness, skipped images.
    """

    model: str
    device: str
    input_shape: tuple[int, int, int]
    images: tuple[str, ...]
    image_labels: tuple[str | None, ...]
    labels: tuple[str, ...]
    transform: str
    fingerprint: str
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a long computation is: units of work done and in all, seconds left if known."""

    done: int
    total: int
    seconds_left: float | None
    what: str
