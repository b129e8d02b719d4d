"""See what a convolutional network has learned, live in a notebook.

After Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2013). Names are
resolved on first use, so that importing the package loads neither torch nor bqplot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import public

__version__ = "0.1.0"

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

__getattr__, __dir__, __all__ = public(__name__, __file__, "__version__")
