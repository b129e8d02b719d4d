"""``python -m benchmarks.building.recordings.build [NAME ...]``: compute recordings anew.

With one thread and the same versions the numbers come out the same; what was used stands in each
recording's `Made`. All of them take about half an hour on one core.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from zfwidgets.experiments.ablation.table import AblationTable
from zfwidgets.experiments.recordings.opening import DATA, WEIGHTS
from zfwidgets.experiments.shared.recording import Recording

from . import learning, looking

QUALITY = 85
"""Quality of pictures as WebP."""


def ablation() -> Recording[AblationTable]:
    """The ablation, and the weights of its first network beside it."""
    with tempfile.TemporaryDirectory() as folder:
        recording = learning.ablation(folder=Path(folder))
        network = learning.network_of(Path(folder))
    save_file({name: value.half() for name, value in network.state_dict().items()}, WEIGHTS)
    return recording


RUNS: dict[str, Callable[[], Recording[Any]]] = {
    "ablation": ablation,
    "correspondence": looking.correspondence,
    "diagnosis": learning.diagnosis,
    "evolution": learning.evolution,
    "invariance": looking.invariance,
    "transfer": looking.transfer,
}


def main() -> None:
    """Compute what is asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], help="None: all.")
    names = parser.parse_args().names or [*RUNS]
    torch.set_num_threads(1)
    for name in names:
        recording = RUNS[name]()
        path = recording.save(DATA / f"{name}.npz", webp=QUALITY)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB. {recording.words}", flush=True)


if __name__ == "__main__":
    main()
