"""A unit's projection in a network that is being randomised."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....records import Box, Floats, Operation, Unit
from ...network.modes import computing
from ...network.network import Network
from .. import deconv
from ..rules import under


class ProjectAt:
    """Projects a channel's unit at one place, from a start value of the caller's."""

    def __init__(self, network: Network, unit: Unit, rule: str, box: Box) -> None:
        assert unit.row is not None
        assert unit.col is not None
        self.network, self.rule, self.box = network, rule, box
        self.unit, self.place = unit, (unit.row, unit.col)

    def __call__(
        self, image: Tensor, channel: int, start: float
    ) -> tuple[Floats, float, tuple[Operation, ...]]:
        """The picture inside the box, the unit's own activation in this network, what was met."""
        network = self.network
        with computing(network.device, grad=True):
            batch = image[None].to(network.device)
            forward = deconv.record(network, batch, self.unit.layer)
            output = forward.output
            place = (0, channel, *self.place)[: output.dim()]
            signal = torch.zeros_like(output)
            signal[place] = start
            with deconv.Descent.below(output, forward.witness) as descent:
                descent.apply(deconv.RULES[self.rule])
                met = under(deconv.RULES[self.rule], descent.operations)
                (pixels,) = torch.autograd.grad(output, forward.leaf, signal)
        picture = pixels[0].permute(1, 2, 0).cpu().contiguous().numpy()
        return self.box.cut(picture), float(output[place].detach()), met

    def active(self, image: Tensor) -> Floats:
        """Activations of all channels at the place, (channels,) float32."""
        found: list[Tensor] = []

        def visit(_: str, output: Tensor) -> None:
            found.append(output[(0, slice(None), *self.place)[: output.dim()]].cpu())

        with computing(self.network.device):
            batch = image[None].to(self.network.device)
            self.network.run(batch, visit, only=self.unit.layer)
        return np.asarray(found[0].numpy(), dtype=np.float32)
