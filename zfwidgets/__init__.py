"""See what a convolutional network has learned, live in a notebook.

After Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2013). Names are
resolved on first use, so that importing the package loads neither torch nor bqplot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Engine": "engine.local",
    "Explorer": "widgets.explorer",
    "LayerPicker": "widgets.picker",
    "OcclusionMap": "widgets.occlusion_map",
    "PatchGrid": "widgets.patch_grid",
    "SanityCheck": "widgets.sanity",
    "Selection": "widgets.selection",
    "link": "widgets.selection",
    "load_report": "reports.stored",
    "save_report": "reports.saving",
}
_MODULES = ("errors", "experiments", "models", "plots", "records", "rules", "samples")

__all__ = ["__version__", *_HOMES, *_MODULES]

if TYPE_CHECKING:
    from . import errors, experiments, models, plots, records, rules, samples
    from .engine.local import LocalEngine as Engine
    from .reports.saving import save_report
    from .reports.stored import load_report
    from .widgets.explorer import Explorer
    from .widgets.occlusion_map import OcclusionMap
    from .widgets.patch_grid import PatchGrid
    from .widgets.picker import LayerPicker
    from .widgets.sanity import SanityCheck
    from .widgets.selection import Selection, link


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    attribute = {"Engine": "LocalEngine"}.get(name, name)
    value = getattr(import_module(f".{_HOMES[name]}", __name__), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
