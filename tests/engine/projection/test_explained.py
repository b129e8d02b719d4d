"""What an engine says of the way down, and rules of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.projection.hard_networks import (
    Call,
    Relu,
    Squeeze,
    between,
    conv_net,
    images,
    seeded,
)
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES
from zfwidgets.errors import InputError
from zfwidgets.records import RuleInfo, Unit


def test_explain_says_what_is_on_the_way() -> None:
    model = seeded(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), Squeeze(), nn.Conv2d(4, 5, 2), nn.Sigmoid()
    )
    engine = LocalEngine(model, list(images()), cache=False)
    first = engine.explain("1")
    assert first.status == "paper"
    assert first.same_for_every_image
    assert first.reach == "exact"
    assert "every image gives the same picture" in " ".join(first.sentences)
    assert not engine.explain("1", "guided").same_for_every_image
    last = engine.explain("5")
    assert last.status == "linearised"
    assert [o.name for o in last.linearised] == ["sigmoid", "gate"]
    assert sum(o.count for o in last.pools) == sum(o.count for o in last.rectifiers) == 1
    words = " ".join(last.sentences)
    assert "acts at 1 rectifier." in words
    assert "through 1 max-pool." in words
    assert "gate: one value a channel, frozen like a switch" in words
    assert last.operations == engine.project(Unit("5", 0), 0).operations
    odd = LocalEngine(between(Call(Relu.apply)), list(images()), cache=False).explain("2")
    assert odd.unknown[0].name == "Relu"
    assert any(s.startswith("Not known: Relu") for s in odd.sentences)
    assert odd.to_frame().status.tolist() == ["paper", "unknown"]


def test_explain_says_that_branches_have_fields_of_their_own() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3, padding=1)])

        def forward(self, x: Tensor) -> Tensor:
            parts = [branch(x) for branch in self.branches]
            return torch.cat([*parts, parts[0] * x.mean((1, 2, 3), keepdim=True)], 1)

    model = seeded(Branches(), nn.Conv2d(6, 3, 1))
    engine = LocalEngine(model, list(images()), cache=False)
    reaches = [engine.layer("0").field_of(channel).reach for channel in range(6)]
    assert reaches == ["exact"] * 4 + ["gated"] * 2
    assert engine.explain("0").reach == "gated"
    assert "some of which are exact but for gates" in engine.explain("0").sentences[-1]
    assert engine.explain("0.branches.1").sentences[-1] == "The receptive field is exact."


def test_without_pools_every_image_gives_the_same_picture() -> None:
    """What the sentence claims, on two images whose strongest units are the same."""
    network = Network(conv_net(), images()[0])
    with computing(network.device, grad=True):
        output = deconv.record(network, images(), "2").output
        both = (output > 0).all(0).nonzero()
        unit = tuple(both[len(both) // 2].tolist())
        found = deconv.project(network, images(), "2", [unit] * 2, RULES["deconvnet"])
    one, other = found.pixels / found.values[:, None, None, None]
    torch.testing.assert_close(one, other)


class Absolute:
    name, answers, reads_forward = "absolute", "for the test", True

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        self.seen.append((gradient, signal, activation))
        return gradient.abs()


def test_a_rule_of_ones_own() -> None:
    rule = Absolute()
    engine = LocalEngine(conv_net(), list(images()), cache=False, rules=[rule])
    assert engine.rules[:3] == ("deconvnet", "guided", "gradient")
    assert engine.rules[-1] == "absolute"
    assert engine.rule("absolute") == RuleInfo("absolute", "absolute", "for the test", True)
    assert engine.rule("deconvnet").title == "deconvnet (paper)"
    by_name = engine.project(Unit("2", 1), 0, rule="absolute")
    rule.seen.clear()
    unit = by_name.activation.unit
    with computing(torch.device("cpu"), grad=True):
        whole = deconv.project(
            engine.session.network, images()[:1], "2", [(1, unit.row, unit.col)], rule
        )
    pixels = whole.pixels[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(by_name.pixels, pixels, rtol=1e-5, atol=1e-6)
    assert by_name.rule == "absolute"
    gradient, signal, activation = rule.seen[0]
    torch.testing.assert_close(gradient, signal * (activation > 0))
    hidden = conv_net()[:2](images()[:1])
    torch.testing.assert_close(activation, hidden.detach())
    assert engine.explain("2", rule).rule == "absolute"
    for broken in (object(), Absolute):
        with pytest.raises(InputError, match="is no rule"):
            engine.project(Unit("2", 1), 0, rule=broken)
    with pytest.raises(InputError, match="two rules called 'absolute'"):
        LocalEngine(conv_net(), list(images()), cache=False, rules=[rule, Absolute()])
    with pytest.raises(InputError, match="Unknown rule 'magic': expected one of deconvnet"):
        engine.project(Unit("2", 1), 0, rule="magic")
