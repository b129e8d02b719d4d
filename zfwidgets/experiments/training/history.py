"""How a training went: a frozen record of NumPy arrays, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...records import Floats, Ints, table
from ..shared.safetensors_header import read_safetensors

if TYPE_CHECKING:
    import pandas

FILE = "training.safetensors"
"""What a training is called in its folder."""
KIND, SCHEMA = "a zfwidgets training", 1
PREFIX = "record."


@dataclass(frozen=True)
class TrainingRecord:
    """Loss of each step, and errors at the end of each epoch.

    Attributes
    ----------
    model, parameters
        The model's class, and how many numbers are trained.
    classes
        Class names in the order of the network's outputs.
    images, validation_images
        How many images there are to train on, and to validate on (0: none were given).
    measured_images
        How many of the images the train error is measured on.
    steps_per_epoch, steps_wanted
        Steps of the optimizer in an epoch and in all.
    losses
        (steps,) float32: mean cross-entropy of each step's batch, before its update, in nats.
    measured
        (measurements,) int64: after how many steps the errors were measured: at the end of each
        epoch, and where the time was up.
    train_error, validation_error
        (measurements,) float32, 0..1: share of images whose class isn't the most probable one, in
        eval mode, so without dropout. NaN without images to validate on.
    validation_error_5
        The same for the five most probable classes; NaN where there are no more than five.
    settings
        What the training was asked for, by name.
    seconds
        Spent on it, over all runs.
    stopped
        Why it ended before all steps were done; "" if it didn't, or hasn't ended.
    skipped
        (name, reason) of images that can't be read.
    """

    model: str
    parameters: int
    classes: tuple[str, ...]
    images: int
    validation_images: int
    measured_images: int
    steps_per_epoch: int
    steps_wanted: int
    losses: Floats = field(repr=False)
    measured: Ints
    train_error: Floats
    validation_error: Floats
    validation_error_5: Floats
    settings: Mapping[str, Any]
    seconds: float = 0.0
    stopped: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def steps(self) -> int:
        """How many steps were done."""
        return len(self.losses)

    @property
    def epochs(self) -> float:
        """How often the images were gone through, maybe not a whole number."""
        return self.steps / self.steps_per_epoch

    @property
    def complete(self) -> bool:
        """Whether all steps were done."""
        return self.steps >= self.steps_wanted

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a measurement; loss is the mean since the one before."""
        starts = [0, *self.measured[:-1]]
        return table(
            {
                "step": int(step),
                "epoch": step / self.steps_per_epoch,
                "loss": float(self.losses[start:step].mean()),
                "train_error": float(self.train_error[number]),
                "validation_error": float(self.validation_error[number]),
                "validation_error_5": float(self.validation_error_5[number]),
            }
            for number, (start, step) in enumerate(zip(starts, self.measured, strict=True))
        )

    def parts(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
        """Arrays and what JSON holds, as `load` puts them together again."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        about = {
            name: value for name, value in vars(self).items() if name not in {*_ARRAYS, "settings"}
        }
        return arrays, {**about, "settings": dict(self.settings)}

    @classmethod
    def of_parts(
        cls, arrays: Mapping[str, NDArray[np.generic]], about: Mapping[str, Any]
    ) -> TrainingRecord:
        """What `parts` has taken apart."""
        known = {name: about[name] for name in cls.__dataclass_fields__ if name in about}
        known["classes"] = tuple(about["classes"])
        known["skipped"] = tuple((name, reason) for name, reason in about["skipped"])
        return cls(**known, **{name: arrays[name] for name in _ARRAYS})  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: str | Path) -> TrainingRecord:
        """The record of a training that was given this folder.

        Raises
        ------
        InputError
            There is none, or it can't be read.
        """
        arrays, about = read_safetensors(Path(folder) / FILE, KIND, SCHEMA, PREFIX)
        return cls.of_parts(arrays, about["record"])


_ARRAYS = ("losses", "measured", "train_error", "validation_error", "validation_error_5")
