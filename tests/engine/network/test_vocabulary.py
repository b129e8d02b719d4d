"""The tables of operations agree: what one of them knows, the others know or are known not to."""

from __future__ import annotations

import pytest
import torch

from zfwidgets.engine.network import tokens
from zfwidgets.engine.network.graph import operations, vocabulary, window_operations
from zfwidgets.engine.portable import vocabulary as portable

NAMES = frozenset().union(*(part for part in vars(vocabulary).values() if type(part) is frozenset))
ON_WHOLE_IMAGES = frozenset(
    """_softmax addmm amax amin bitwise_not clamp clamp_min copy eq ge gt hardtanh le linear log
    log_sigmoid_forward logical_not lt masked_fill max max_pool2d maximum mean minimum
    mkldnn_convolution mm ne ones_like prelu reflection_pad2d relu replication_pad2d
    rrelu_with_noise rsqrt sqrt sum threshold where zeros_like""".split()
)
"""What has no window of its own: rectifiers have another's, all else needs whole images."""


def test_every_name_has_a_geometry_and_channels() -> None:
    assert operations._TABLE.keys() >= NAMES
    assert operations._CHANNELS.keys() == operations._TABLE.keys()


def test_what_runs_on_windows_has_a_geometry_and_all_else_is_listed() -> None:
    windows = window_operations._TABLE.keys()
    assert windows <= operations._TABLE.keys()
    assert NAMES - windows == ON_WHOLE_IMAGES


def test_what_a_page_runs_and_what_keeps_tokens_has_a_geometry() -> None:
    followed_apart = {"native_group_norm"}  # as a norm, which no geometry holds
    assert portable._TABLE.keys() - followed_apart <= operations._TABLE.keys()
    assert tokens._EACH - {"contiguous"} <= operations._TABLE.keys()  # which leaves no trace


@pytest.mark.parametrize("name", sorted({*operations._TABLE, *portable._TABLE, *tokens._EACH}))
def test_pytorch_has_an_operation_of_that_name(name: str) -> None:
    assert hasattr(torch.ops.aten, name)
