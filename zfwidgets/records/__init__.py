"""What crosses every boundary: frozen dataclasses of NumPy arrays.

Records carry the results of an engine to users, widgets and reports. They need NumPy;
Pillow and pandas are imported by the conversions that return their types.

Pixels: ``uint8`` arrays of shape (rows, columns, 3) are RGB for the eye. Coordinates are
(row, column) with the origin at the top left of the network's input.
"""

from __future__ import annotations

from .activations import (
    Activation,
    ActivationSample,
    ChannelSummary,
    QuantileRow,
    QuantileRows,
    TopActivations,
)
from .arrays import Floats, Ints, Pixels, Rows, table
from .colour_maps import CHANGES, COLOUR_MAPS, DEFAULT_COLOURS, LUMINANCE, SERIES
from .colours import COLOURS, categories, change_reach, coloured, value_ends
from .covering import CoveredPatch, CoveredPatches, CoverRequest
from .engine import EngineInfo, Estimate, Progress
from .explanations import (
    CONTRAST_NORM,
    MAX_POOL,
    NORMS,
    PASSED_BY,
    RECTIFIER,
    RESPONSE_NORM,
    STATUSES,
    Explanation,
    Operation,
    RuleInfo,
    SanityNumber,
    Status,
    weakest,
)
from .focus import SHARE, focus_box, focus_side
from .layers import Box, Join, LayerInfo, Reach, ReceptiveField, Role, Unit, loosest
from .occluders import (
    BASELINES,
    MASK,
    MOST_EXTRA_BOXES,
    Occluder,
    check_extra_boxes,
    check_mask,
    mask_cells,
    mask_of,
    mask_pixels,
    occluder_box,
)
from .occlusion import LayerResponse, OcclusionMap
from .occlusion_request import OcclusionRequest
from .photos import MOST_OWN, MOST_OWN_BYTES, MOST_OWN_PIXELS, OwnPhoto, PhotoResponses
from .predictions import Prediction, log_odds, no_numbers, softmax
from .projections import (
    BLANK,
    CLIPPED_AT,
    Projection,
    Values,
    brightness,
    brightness_scale,
    brightness_scales,
    clearest_values,
    colour_share,
    display_scale,
    display_scales,
    signed_picture,
    signed_to_uint8,
)

__all__ = [
    "BASELINES",
    "BLANK",
    "CHANGES",
    "CLIPPED_AT",
    "COLOURS",
    "COLOUR_MAPS",
    "CONTRAST_NORM",
    "DEFAULT_COLOURS",
    "LUMINANCE",
    "MASK",
    "MAX_POOL",
    "MOST_EXTRA_BOXES",
    "MOST_OWN",
    "MOST_OWN_BYTES",
    "MOST_OWN_PIXELS",
    "NORMS",
    "PASSED_BY",
    "RECTIFIER",
    "RESPONSE_NORM",
    "SERIES",
    "SHARE",
    "STATUSES",
    "Activation",
    "ActivationSample",
    "Box",
    "ChannelSummary",
    "CoverRequest",
    "CoveredPatch",
    "CoveredPatches",
    "EngineInfo",
    "Estimate",
    "Explanation",
    "Floats",
    "Ints",
    "Join",
    "LayerInfo",
    "LayerResponse",
    "Occluder",
    "OcclusionMap",
    "OcclusionRequest",
    "Operation",
    "OwnPhoto",
    "PhotoResponses",
    "Pixels",
    "Prediction",
    "Progress",
    "Projection",
    "QuantileRow",
    "QuantileRows",
    "Reach",
    "ReceptiveField",
    "Role",
    "Rows",
    "RuleInfo",
    "SanityNumber",
    "Status",
    "TopActivations",
    "Unit",
    "Values",
    "brightness",
    "brightness_scale",
    "brightness_scales",
    "categories",
    "change_reach",
    "check_extra_boxes",
    "check_mask",
    "clearest_values",
    "colour_share",
    "coloured",
    "display_scale",
    "display_scales",
    "focus_box",
    "focus_side",
    "log_odds",
    "loosest",
    "mask_cells",
    "mask_of",
    "mask_pixels",
    "no_numbers",
    "occluder_box",
    "signed_picture",
    "signed_to_uint8",
    "softmax",
    "table",
    "value_ends",
    "weakest",
]
