"""The experiments: each one call that gives a record; each with a widget of its own.

- `diagnose`: first-layer filters, dead channels, near-duplicates, aliasing (`zfwidgets.Diagnosis`)
- `measure_invariance`: how far features move when a photo is shifted, scaled, rotated
  (`zfwidgets.Invariance`)
- `measure_correspondence`: does masking the same part of objects change features alike?
  (`zfwidgets.Correspondence`)
- `strongest_map`: what a photo's strongest feature map shows, and what covering that leaves of it
  (`zfwidgets.StrongestMap`)
- `sanity_check`: does a projection depend on the trained parameters? (`zfwidgets.SanityCheck`)
- `ablate`, `lesion`: what does it need? Parts left out before training
  (`zfwidgets.Ablation`), or switched off after (`zfwidgets.Lesion`)
- `zfwidgets.watch`: feature maps while they are trained (`EvolutionRecord`,
  `zfwidgets.Evolution`).
- `transfer_features`: do its features tell other pictures apart? Per layer, per number of images,
  per class (`zfwidgets.Transfer`)
- `quiz_questions`: which of two photos fires a channel more? Asked of people, it measures what a
  display tells them (`zfwidgets.Quiz`)
- `train`: what the others train networks with.
- `transfer_labels`: the same for pictures with several labels, by average precision
- `average_models`: what ten crops and several models together bring
- `recorded`: the longer of these, computed before; every widget shows a `Recording` too

Every experiment is a subpackage: its records need no torch, its computation is imported when a
name of it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import public

if TYPE_CHECKING:
    from .ablation.retraining import ablate, ablation_steps
    from .ablation.table import AblationRow, AblationTable
    from .averaging.measuring import average_models, average_models_steps
    from .averaging.result import AveragedRow, AveragedTable
    from .correspondence.measuring import measure_correspondence, measure_correspondence_steps
    from .correspondence.signs import CorrespondenceResult, MaskedSigns
    from .covered_map.measuring import strongest_map, strongest_map_steps
    from .covered_map.result import StrongestMapResult
    from .diagnosis.diagnosing import diagnose, diagnose_steps
    from .diagnosis.findings import Finding
    from .diagnosis.layer_diagnosis import ConvolutionDiagnosis, RectifierDiagnosis
    from .diagnosis.result import DiagnosisResult
    from .evolution.moments import EvolutionRecord
    from .invariance.curves import InvarianceCurves, InvarianceResult
    from .invariance.measuring import measure_invariance, measure_invariance_steps
    from .invariance.transforms import Transform
    from .lesions.measuring import lesion, lesion_steps
    from .lesions.result import LesionResult
    from .quiz.answers import QuizAnswer, QuizScore
    from .quiz.making import quiz_question_steps, quiz_questions
    from .quiz.questions import QuizChoice, QuizQuestion, QuizQuestions
    from .recordings.opening import recorded, recorded_names, trained_network
    from .sanity.check import sanity_check, sanity_steps
    from .sanity.result import SanityControl, SanityResult, SanityStep
    from .sanity.similarity import Similarity, compare
    from .shared.recording import Made, Recording
    from .training.history import TrainingRecord
    from .training.loop import train, train_steps
    from .transfer.bias import transfer_bias, transfer_bias_steps
    from .transfer.curve import transfer_curve, transfer_curve_steps
    from .transfer.layers import transfer_layers, transfer_layers_steps
    from .transfer.records.accuracies import BiasRecord, CurveRecord, LayersRecord, TransferRecord
    from .transfer.records.precision import LabelsRecord, average_precision
    from .transfer.several import transfer_labels, transfer_labels_steps
    from .transfer.whole import transfer_features, transfer_features_steps

__getattr__, __dir__, __all__ = public(__name__, __file__)
