"""Datasets whose items are made of their numbers, and which say who reads them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tests.engine.ranking.small import COLUMNS, ROWS

BROKEN = (5, 40)


class Numbered:
    """Pictures by number, two of them broken, with classes.

    Every reading is noted in a file. Who reads ``gate`` waits until there's a file "open".
    """

    classes = ("even", "odd", "third")

    def __init__(self, count: int, notes: Path, gate: int | None = None) -> None:
        self.count, self.notes, self.gate = count, notes, gate
        self.targets = [number % 3 for number in range(count)]
        notes.mkdir(exist_ok=True)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        with (self.notes / "read").open("a") as file:
            file.write(f"{number} {os.getpid()}\n")
        if number == self.gate:
            while not (self.notes / "open").exists():
                time.sleep(0.01)
        if number in BROKEN:
            raise OSError("broken on purpose")
        pixels = np.random.default_rng(number).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
        return pixels, self.targets[number]

    def read(self, number: int | None = None) -> list[int]:
        """The processes that read a picture, or any."""
        path = self.notes / "read"
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [line.split() for line in lines]
        return [int(pid) for which, pid in rows if number is None or int(which) == number]


class Deadly(Numbered):
    """Whoever reads the picture ``gate`` dies of it."""

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        if number == self.gate:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(number)


class OnlyHere(Numbered):
    """Pictures that one process sees alone."""

    def __init__(self, count: int, notes: Path) -> None:
        super().__init__(count, notes)
        self.pid = os.getpid()

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        if os.getpid() != self.pid:
            raise FileNotFoundError(f"/here/{number}.png")
        return super().__getitem__(number)


class Locked(Numbered):
    """Holds what can't be sent."""

    def __init__(self, count: int, notes: Path) -> None:
        super().__init__(count, notes)
        self.turnstile = threading.Lock()


class OneAtATime(nn.Module):
    """A network that fails on more than one image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > 1:
            raise RuntimeError("too many at once")
        return torch.relu(self.layer(images))
