"""PyTorch's names of operations by what they do: the one list that all tables are made from.

What an operation does to fields (`operations`), to channels (`channelwise`), to windows
(`window_operations`) and to tokens (`zfwidgets.engine.network.tokens`) is said there, by group.
"""

from __future__ import annotations

SUMS = frozenset("add sub neg".split())
PRODUCTS = frozenset("mul div".split())
BOUNDS = frozenset("relu clamp clamp_min hardtanh leaky_relu".split())
"""Rectifiers, where their bound or slope is zero."""
SMOOTH = frozenset(
    """sigmoid tanh silu gelu elu hardswish hardsigmoid mish softplus _prelu_kernel abs exp square
    pow""".split()
)
"""Nonlinear and finite at zero, so that a window's padding stays harmless."""
CURVES = SMOOTH | frozenset(
    "log sqrt rsqrt prelu rrelu_with_noise log_sigmoid_forward threshold".split()
)
"""All nonlinear ones of a single signal."""
CHOICES = frozenset(
    """maximum minimum where masked_fill gt ge lt le eq ne bitwise_not logical_not""".split()
)
COPIES = frozenset("clone detach alias lift_fresh _to_copy copy to".split())
CONSTANTS = frozenset("zeros_like ones_like".split())
BATCH_NORMS = frozenset(
    """native_batch_norm _native_batch_norm_legit_no_training _batch_norm_no_update
    cudnn_batch_norm miopen_batch_norm""".split()
)
POINTWISE = (
    SUMS | PRODUCTS | BOUNDS | CURVES | CHOICES | COPIES | CONSTANTS | BATCH_NORMS | {"stack"}
)
"""Place by place."""

RESHAPES = frozenset("view _unsafe_view reshape _reshape_alias".split())
PARTS = frozenset("select slice split split_with_sizes unbind".split())
VIEWS = RESHAPES | PARTS | frozenset("unsqueeze squeeze expand".split())

CONVOLUTIONS = frozenset("convolution _convolution mkldnn_convolution".split())
MAX_POOLS = frozenset("max_pool2d_with_indices max_pool2d".split())
MATRICES = frozenset("addmm mm linear".split())
REDUCTIONS = frozenset("mean sum amax amin max _softmax".split())
MIRROR_PADS = frozenset("reflection_pad2d replication_pad2d".split())
