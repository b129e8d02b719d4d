"""See what a convolutional network has learned, live in a notebook.

After Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2013). Names are
resolved on first use, so that importing the package loads neither torch nor bqplot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._lazy import resolver
from .errors import needs_torch

__version__ = "0.1.0"

_HOMES = {
    "Lesion": "experiments.lesions.widget",
    "Ablation": "experiments.ablation.widget",
    "ClusterOptions": "engine.ranking.cluster.ray_executor",
    "Compare": "widgets.comparing.compare",
    "Correspondence": "experiments.correspondence.widget",
    "Diagnosis": "experiments.diagnosis.widget",
    "Engine": "engine.local:LocalEngine",
    "Evolution": "experiments.evolution.widget",
    "Explorer": "widgets.explorer",
    "Invariance": "experiments.invariance.widget",
    "LayerPicker": "widgets.picker",
    "OcclusionMap": "widgets.occlusion_map",
    "PatchGrid": "widgets.patch_grid",
    "Question": "lessons.question",
    "Quiz": "experiments.quiz.widget",
    "SanityCheck": "experiments.sanity.widget",
    "Selection": "widgets.selection",
    "StrongestMap": "experiments.covered_map.widget",
    "Transfer": "experiments.transfer.widget",
    "connect": "classroom.client.connect",
    "Worksheet": "lessons.worksheet",
    "link": "widgets.linking",
    "load_report": "reports.reading.stored",
    "name": "naming.embedding",
    "save_report": "reports.writing.saving",
    "set_language": "language.words",
    "watch": "experiments.evolution.begin",
}
_MODULES = (
    "errors",
    "experiments",
    "index",
    "lessons",
    "models",
    "plots",
    "records",
    "rules",
    "samples",
)

__all__ = ["__version__", *_HOMES, *_MODULES]

if TYPE_CHECKING:
    from . import errors, experiments, index, lessons, models, plots, records, rules, samples
    from .classroom.client.connect import connect
    from .engine.local import LocalEngine as Engine
    from .engine.ranking.cluster.ray_executor import ClusterOptions
    from .experiments.ablation.widget import Ablation
    from .experiments.correspondence.widget import Correspondence
    from .experiments.covered_map.widget import StrongestMap
    from .experiments.diagnosis.widget import Diagnosis
    from .experiments.evolution.begin import watch
    from .experiments.evolution.widget import Evolution
    from .experiments.invariance.widget import Invariance
    from .experiments.lesions.widget import Lesion
    from .experiments.quiz.widget import Quiz
    from .experiments.sanity.widget import SanityCheck
    from .experiments.transfer.widget import Transfer
    from .language.words import set_language
    from .lessons.question import Question
    from .lessons.worksheet import Worksheet
    from .naming.embedding import name
    from .reports.reading.stored import load_report
    from .reports.writing.saving import save_report
    from .widgets.comparing.compare import Compare
    from .widgets.explorer import Explorer
    from .widgets.linking import link
    from .widgets.occlusion_map import OcclusionMap
    from .widgets.patch_grid import PatchGrid
    from .widgets.picker import LayerPicker
    from .widgets.selection import Selection


_resolve, _ = resolver(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        return _resolve(name)
    with needs_torch(f"{__name__}.{name}"):
        return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted(__all__)
