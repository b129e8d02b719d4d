"""Lightning's trainers, quiet and on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def trainer(epochs: int, folder: Path, **more: Any) -> Any:
    """A trainer of some epochs that writes nothing but below a folder; skips without Lightning."""
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning isn't installed")
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **more,
    )
