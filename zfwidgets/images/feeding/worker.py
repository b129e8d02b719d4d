"""A process that reads images for another: ``python -m zfwidgets.images.feeding.worker``.

It gets a `Reader` on its standard input and then what is `Asked`, and answers each with a `Reading`
on its standard output. It ends with its input: when it is told to, or whoever started it is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from typing import IO

from .reader import Asked, Reader


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: whoever started us decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a transform prints is no answer
    with suppress(EOFError, BrokenPipeError):
        _serve(answers)


def _serve(answers: IO[bytes]) -> None:
    import torch

    torch.set_num_threads(1)
    questions = sys.stdin.buffer
    reader: Reader = pickle.load(questions)  # noqa: S301 -- from the process that started us
    pickle.dump("ready", answers)
    answers.flush()
    while True:
        asked: Asked = pickle.load(questions)  # noqa: S301
        reading = reader.look_at(asked)
        # NumPy crosses in one copy, torch in several.
        pixels = None if reading.tensor is None else reading.tensor.numpy()
        pickle.dump((replace(reading, tensor=None), pixels), answers, protocol=5)
        answers.flush()


if __name__ == "__main__":
    main()
