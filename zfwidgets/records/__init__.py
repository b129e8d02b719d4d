"""What crosses every boundary: frozen dataclasses of NumPy arrays.

Records carry the results of an engine to users, widgets and reports. They need NumPy;
Pillow and pandas are imported by the conversions that return their types.

Pixels: ``uint8`` arrays of shape (rows, columns, 3) are RGB for the eye. Coordinates are
(row, column) with the origin at the top left of the network's input.
"""

from __future__ import annotations

from .activations import Activation, ActivationSample, ChannelSummary, TopActivations
from .arrays import Floats, Ints, Pixels, table
from .engine import EngineInfo, Progress
from .explanations import MAX_POOL, RECTIFIER, STATUSES, Explanation, Operation, Status, weakest
from .layers import Box, LayerInfo, Reach, ReceptiveField, Role, Unit
from .occlusion import OcclusionMap, occluder_box
from .predictions import Occluder, Prediction, softmax
from .projections import CLIPPED_AT, Projection, display_scale, signed_to_uint8

__all__ = [
    "CLIPPED_AT",
    "MAX_POOL",
    "RECTIFIER",
    "STATUSES",
    "Activation",
    "ActivationSample",
    "Box",
    "ChannelSummary",
    "EngineInfo",
    "Explanation",
    "Floats",
    "Ints",
    "LayerInfo",
    "Occluder",
    "OcclusionMap",
    "Operation",
    "Pixels",
    "Prediction",
    "Progress",
    "Projection",
    "Reach",
    "ReceptiveField",
    "Role",
    "Status",
    "TopActivations",
    "Unit",
    "display_scale",
    "occluder_box",
    "signed_to_uint8",
    "softmax",
    "table",
    "weakest",
]
