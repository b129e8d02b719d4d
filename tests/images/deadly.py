"""A transform that another process can import, without torchvision."""

from __future__ import annotations

import os
import signal

import numpy as np
import torch
from PIL import Image

ROWS, COLUMNS = 30, 36


class Deadly:
    """Ends the process on photos so wide, as decoders do on hostile files; not this process."""

    def __init__(self, columns: int) -> None:
        self.spared, self.columns = os.getpid(), columns

    def __call__(self, image: Image.Image) -> torch.Tensor:
        if image.width == self.columns and os.getpid() != self.spared:
            os.kill(os.getpid(), signal.SIGSEGV)
        pixels = np.asarray(image.resize((COLUMNS, ROWS)))
        return torch.from_numpy(pixels / 255).permute(2, 0, 1).float()
