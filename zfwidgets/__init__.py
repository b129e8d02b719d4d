"""See what a convolutional network has learned, live in a notebook.

After Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2013). Names are
resolved on first use, so that importing the package loads neither torch nor bqplot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._lazy import resolver

__version__ = "0.1.0"

_HOMES = {
    "Ablation": "widgets.ablation",
    "AblationStudy": "widgets.ablation_study",
    "ClusterOptions": "engine.cluster.ray_executor",
    "Correspondence": "widgets.correspondence",
    "Diagnosis": "widgets.diagnosis",
    "Engine": "engine.local:LocalEngine",
    "Evolution": "widgets.evolution",
    "Explorer": "widgets.explorer",
    "Invariance": "widgets.invariance",
    "LayerPicker": "widgets.picker",
    "OcclusionMap": "widgets.occlusion_map",
    "PatchGrid": "widgets.patch_grid",
    "SanityCheck": "widgets.sanity",
    "Selection": "widgets.selection",
    "Transfer": "widgets.transfer",
    "link": "widgets.selection",
    "load_report": "reports.stored",
    "save_report": "reports.saving",
    "watch": "experiments.evolution.begin",
}
_MODULES = ("errors", "experiments", "index", "models", "plots", "records", "rules", "samples")

__all__ = ["__version__", *_HOMES, *_MODULES]

if TYPE_CHECKING:
    from . import errors, experiments, index, models, plots, records, rules, samples
    from .engine.cluster.ray_executor import ClusterOptions
    from .engine.local import LocalEngine as Engine
    from .experiments.evolution.begin import watch
    from .reports.saving import save_report
    from .reports.stored import load_report
    from .widgets.ablation import Ablation
    from .widgets.ablation_study import AblationStudy
    from .widgets.correspondence import Correspondence
    from .widgets.diagnosis import Diagnosis
    from .widgets.evolution import Evolution
    from .widgets.explorer import Explorer
    from .widgets.invariance import Invariance
    from .widgets.occlusion_map import OcclusionMap
    from .widgets.patch_grid import PatchGrid
    from .widgets.picker import LayerPicker
    from .widgets.sanity import SanityCheck
    from .widgets.selection import Selection, link
    from .widgets.transfer import Transfer


_resolve, _ = resolver(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    return import_module(f".{name}", __name__) if name in _MODULES else _resolve(name)


def __dir__() -> list[str]:
    return sorted(__all__)
