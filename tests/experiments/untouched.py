"""What an experiment leaves alone: the user's model, and the global random states."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from zfwidgets.images.sets.repeatable import states


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """What happens inside leaves a model that is being trained, and all random states, alone."""
    weights = copy.deepcopy(model.state_dict())
    torch.manual_seed(3)
    before = torch.get_rng_state(), str(states())
    yield
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(states()) == before[1]
    assert model.training
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name])
