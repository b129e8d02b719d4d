"""Results of experiments that were computed before, and what is known of how: kept in a file.

A training of minutes is shown at once where it was recorded. What is on the page says that it is a
recording (`Recording.words`), so that nobody takes it for what their own machine has just done.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import InputError
from ...language.words import RECORDED, Words
from ...storage import dataclasses_npz
from .picture_wall import Wall

Result = TypeVar("Result")

KIND, SCHEMA = "a zfwidgets recording", 1

_KNOWN = {
    "experiments.ablation.table": "AblationRow AblationTable",
    "experiments.correspondence.signs": "CorrespondenceResult MaskedSigns",
    "experiments.diagnosis.layer_diagnosis": "ConvolutionDiagnosis RectifierDiagnosis",
    "experiments.diagnosis.result": "DiagnosisResult",
    "experiments.evolution.moments": "EvolutionRecord Moment Strongest",
    "experiments.invariance.curves": "InvarianceCurves InvarianceResult",
    "experiments.shared.picture_wall": "Wall",
    "experiments.shared.recording": "Made Recording",
    "experiments.training.history": "TrainingRecord",
    "experiments.transfer.records.accuracies": (
        "BiasRecord CurveRecord FeatureShape LayersRecord TransferRecord"
    ),
    "experiments.transfer.records.precision": "LabelsRecord",
    "records.activations": "Activation",
    "records.explanations": "Operation",
    "records.layers": "Box Unit",
    "records.projections": "Projection",
}
"""What may be read back, by module: nothing else in a file is made into an object."""
_HOMES = {name: module for module, names in _KNOWN.items() for name in names.split()}


@dataclass(frozen=True)
class Made:
    """How, when and where a result was computed.

    Attributes
    ----------
    what
        What was done, in a few words: "40 epochs of 2000 textures".
    seconds
        Seconds of processor time: on an idle core it takes as long.
    seed
        Seed of weights, order and draws.
    date
        Day on which it was made, YYYY-MM-DD.
    machine
        Processor, threads and operating system.
    versions
        By package.
    settings
        What else it was asked for, by name.
    """

    what: str
    seconds: float
    seed: int
    date: str
    machine: str
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def now(cls, what: str, seconds: float, seed: int, **settings: Any) -> Made:
        """What was computed just now, on this machine."""
        threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
        machine = f"{platform.machine()}, {threads} thread{'' if str(threads) == '1' else 's'}, "
        return cls(
            what,
            seconds,
            seed,
            time.strftime("%Y-%m-%d"),
            machine + platform.system(),
            {name: _version(name) for name in ("zfwidgets", "torch")},
            settings,
        )


@dataclass(frozen=True)
class Recording(Generic[Result]):
    """A result that was computed before.

    Every experiment's widget shows one in the place of an engine: ``zf.Transfer(recording)``.

    Attributes
    ----------
    result
        What was found.
    made
        How, when and where.
    walls
        Pictures that the widget shows beside the result, by name; each experiment has its own.

    Examples
    --------
    >>> recording = zf.experiments.recorded("evolution")
    >>> recording.result.convergence()
    >>> zf.Evolution(recording)
    """

    result: Result
    made: Made
    walls: Mapping[str, Wall] = field(default_factory=dict, repr=False)

    @property
    def words(self) -> str:
        """What the page says of it."""
        words, made = Words(), self.made
        took = "seconds" if made.seconds < 100 else "minutes"
        number = round(made.seconds if took == "seconds" else made.seconds / 60)
        return words(
            "experiment.recorded",
            what=words.told(made.what, RECORDED),
            seconds=words(f"experiment.{took}", number=number),
            seed=made.seed,
            date=made.date,
            machine=made.machine,
        )

    def save(self, path: str | Path, *, webp: int | None = None) -> Path:
        """Write it to a file, whole or not at all: NumPy's ``npz``, without pickle.

        Parameters
        ----------
        path
            Where.
        webp
            Quality, 0..100, at which pictures are kept as WebP, to make the file small. None:
            as they are.
        """
        dataclasses_npz.write(Path(path), KIND, SCHEMA, self, webp=webp)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Recording[Any]:
        """Read a recording; raises `InputError` for a file that isn't one, or is damaged."""
        found = dataclasses_npz.read(Path(path), KIND, SCHEMA, _known)
        if not isinstance(found, cls):
            raise InputError(f"{path} holds a {type(found).__name__}: expected a recording.")
        return found


def stored(given: Any, kind: type[Result]) -> tuple[Result, str, Mapping[str, Wall]] | None:
    """A result that was computed before, what to say of it, and its walls; None for all else.

    Parameters
    ----------
    given
        What a widget was made with.
    kind
        The widget's records.

    Raises
    ------
    InputError
        For a recording of another experiment.
    """
    if isinstance(given, kind):
        return given, Words()("experiment.stored"), {}
    if not isinstance(given, Recording):
        return None
    if not isinstance(given.result, kind):
        raise InputError(
            f"This is the recording of a {type(given.result).__name__}: expected that of a "
            f"{kind.__name__}."
        )
    return given.result, given.words, given.walls


def _known(name: str) -> type:
    return getattr(import_module(f"zfwidgets.{_HOMES[name]}"), name)  # type: ignore[no-any-return]


def _version(package: str) -> str:
    if package == "zfwidgets":
        from ... import __version__

        return __version__
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return "not installed"
