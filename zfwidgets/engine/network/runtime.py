"""What every part of a local engine computes with."""

from __future__ import annotations

from dataclasses import dataclass

from ...images.source import ImageSource
from ...threads import ProcessLock
from .memory import Memory
from .network import Network


@dataclass(eq=False, repr=False)
class Runtime:
    """A network with its images, and what all computing on it goes through.

    Attributes
    ----------
    network
        The frozen copy of the model.
    source
        The images, as the network gets them and for the eye.
    memory
        Computes in smaller parts where the device's memory doesn't suffice.
    lock
        Held by whoever computes on the network, for a step at a time.
    """

    network: Network
    source: ImageSource
    memory: Memory
    lock: ProcessLock
