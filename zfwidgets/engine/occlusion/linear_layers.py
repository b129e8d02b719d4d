"""Linear layers over many positions, by the library that filters, where PyTorch has it.

PyTorch multiplies float32 matrices by MKL, which on an AMD processor was half as quick as oneDNN,
by which it filters; oneDNN takes weights in a form of its own, a second copy of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network.graph.graph import Node

MANY = 32
"""Positions from which it pays to copy the weights."""
LEAST_WEIGHTS, MOST_COPIED = 1 << 20, 512 << 20
"""Weights from which a layer's are copied, and bytes of all that are, at most."""


class LinearLayers:
    """Runs linear layers of one network; keeps the copies of their weights as long as it is."""

    def __init__(self) -> None:
        self._copies: dict[int, Tensor] = {}
        self._bytes = 0

    def run(self, node: Node, x: Tensor) -> Tensor | None:
        """A linear layer's output of vectors (n, features); None where PyTorch's own way is due."""
        parts = linear(node)
        if parts is None or len(x) < MANY or x.device.type != "cpu":
            return None
        weight, bias = parts
        if weight.numel() < LEAST_WEIGHTS or {x.dtype, weight.dtype} != {torch.float32}:
            return None
        copy = self._copies.get(node.index)
        if copy is None:
            available = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled
            if not available or self._bytes + weight.nbytes > MOST_COPIED:
                return None
            copy = self._copies[node.index] = weight.contiguous().to_mkldnn()
            self._bytes += weight.nbytes
        out: Tensor = F.linear(x.contiguous().to_mkldnn(), copy, bias).to_dense()
        return out


def linear(node: Node) -> tuple[Tensor, Tensor | None] | None:
    """Weights (outputs, inputs) and bias of a node that is a linear layer of the image's vector."""
    if node.name not in ("addmm", "mm") or len(node.inputs) != 1:
        return None
    plain = node.read("beta", 1) == 1 and node.read("alpha", 1) == 1
    bias, weight = node.read("self") if node.name == "addmm" else None, node.read("mat2")
    vector = bias is None or (isinstance(bias, Tensor) and bias.dim() == 1)
    return (weight.t(), bias) if plain and vector and isinstance(weight, Tensor) else None
