"""Patches that are covered."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.occlusion.plain import assert_near, blurred, paint
from zfwidgets.engine.local import LocalEngine
from zfwidgets.records import CoverRequest


def test_covered_patches_equal_full_passes(engine: LocalEngine) -> None:
    layer, channel = "features.4", 3
    found = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=7)
    top = engine.top(layer, channel, 4)
    assert [p.activation for p in found] == list(top)
    assert found.complete
    field = engine.layer(layer).field_of(channel)

    def plane(image: Tensor) -> Tensor:
        maps = []
        engine.session.network.run(
            image[None], lambda name, out: maps.append(out[0, channel].clone()), only=layer
        )
        return maps[0]

    for patch in found:
        a = patch.activation
        image, at = engine.session.source.tensor(a.image), (a.unit.row, a.unit.col)
        baseline = blurred(image)
        with torch.no_grad():
            clean, covered = plane(image), plane(paint(image, baseline, a.box))
            controls = [plane(paint(image, baseline, box))[at] for box in patch.controls]
        assert patch.box == a.box.clip(224, 224)
        assert_near(np.array([patch.before, patch.after]), np.array([clean[at], covered[at]]))
        assert patch.before == pytest.approx(a.value, rel=1e-4)
        assert patch.moved.value == pytest.approx(float(covered.max()), rel=1e-4)
        assert covered[patch.moved.unit.row, patch.moved.unit.col] >= covered.max() * (1 - 1e-4)
        assert patch.moved.box == field.box(patch.moved.unit.row, patch.moved.unit.col)
        assert_near(patch.control_values, np.array(controls))
        shares = []
        for box in patch.controls:
            assert (box.height, box.width) == (patch.box.height, patch.box.width)
            assert box == box.clip(224, 224)
            one, other = (np.zeros((224, 224), bool) for _ in range(2))
            one[box.top : box.bottom, box.left : box.right] = True
            other[patch.box.top : patch.box.bottom, patch.box.left : patch.box.right] = True
            shares.append((one & other).sum() / other.sum())
        assert patch.overlap == pytest.approx(np.mean(shares))
    again = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=7)
    assert [p.controls for p in again] == [p.controls for p in found]
    other = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=8)
    assert [p.controls for p in other] != [p.controls for p in found]


def test_a_unit_sees_nothing_but_its_receptive_field(engine: LocalEngine) -> None:
    """Covered with one colour, all units inside the image give one and the same value."""
    found = engine.cover_patches("features.4", 3, k=9, controls=0)
    inside = [p.after for p in found if p.box == p.activation.box]
    assert len(inside) >= 3
    np.testing.assert_allclose(inside, inside[0], rtol=1e-4, atol=1e-4)
    assert all(p.before > p.after for p in found)
    assert all(len(p.controls) == 0 for p in found)


def test_covers_come_as_they_are_known(engine: LocalEngine) -> None:
    steps = engine.cover_steps(CoverRequest("features.4", 3, k=3, controls=2))
    first = next(steps)
    assert len(first) == 3
    assert not first.complete
    assert not any(p.controls for p in first)
    assert [len(p.controls) for p in next(steps)] == [2, 0, 0]
