"""The rules of docs/claims.md on made-up numbers whose truth is known; no network is trained."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from benchmarks.claims import rules, rules_of_training, statistics
from benchmarks.claims.page import PAGE, PARTS, claims, page, read
from benchmarks.claims.rows import AGREES, DIFFERS, EMPTY, UNCLEAR, verdict

TIMES = 20


def passes(rule, make, *arguments) -> float:
    """How often a rule holds, of ``TIMES`` records drawn alike."""
    found = [
        rule(make(np.random.default_rng(seed)), *arguments)[1] is True for seed in range(TIMES)
    ]
    return float(np.mean(found))


# ---------------------------------------------------------------- intervals


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = {"bootstrap": 0, "seeds": 0}
    for seed in range(200):
        random = np.random.default_rng(seed)
        many = random.exponential(2.0, 40)
        low, high = statistics.bootstrap([many], lambda values: values.mean(1), draws=400)
        held["bootstrap"] += low <= 2.0 <= high
        low, high = statistics.over_seeds(list(random.normal(3.0, 0.7, 3)))
        held["seeds"] += low <= 3.0 <= high
    assert 0.87 <= held["bootstrap"] / 200 <= 0.98
    assert 0.92 <= held["seeds"] / 200 <= 0.98


def test_an_interval_is_never_narrower_than_the_photos_allow():
    assert statistics.over_seeds([0.3, 0.3, 0.3], 0.02) == pytest.approx((0.28, 0.32))
    assert statistics.over_seeds([0.3]) == (-np.inf, np.inf)
    assert statistics.of_images([0.4, 0.4], 1800) == pytest.approx(
        0.032, abs=5e-4
    )  # not two points


def test_yes_no_and_cant_tell():
    assert [statistics.above(i, 0) for i in ((1, 2), (-2, -1), (-1, 2))] == [True, False, None]
    assert [statistics.below(i, 0) for i in ((1, 2), (-2, -1), (-1, 2))] == [False, True, None]
    assert [statistics.within(i, 1) for i in ((-0.5, 0.9), (1.5, 2), (0.5, 2))] == [
        True,
        False,
        None,
    ]
    assert statistics.every(True, None) is None
    assert statistics.every(None, False, True) is False
    assert verdict(True, False) == verdict(True, None) == AGREES
    assert verdict(True, True) == EMPTY
    assert verdict(False, True) == DIFFERS
    assert verdict(None, False) == UNCLEAR


def test_order_by_hand():
    falls, chance = statistics.order(np.array([[5.0, 4, 3, 2, 1], [9, 7, 5, 3, 2]]))
    assert falls == pytest.approx(-1)
    assert chance < 0.005
    swapped, _ = statistics.order(np.array([[4.0, 5, 3, 2, 1]]))
    assert swapped == pytest.approx(-(1 - 6 * 2 / (5 * 24)))
    assert statistics.order(np.ones((3, 5))) == (0.0, 1.0)


# ---------------------------------------------------------------- networks as they are


def shares(means):
    def make(random):
        return {str(i): random.beta(6 * m, 6 * (1 - m), 64).tolist() for i, m in enumerate(means)}

    return make


def test_classes_in_the_strongest_photos():
    assert passes(rules.more_class_specific, shares([0.15, 0.3, 0.5])) > 0.9
    assert passes(rules.more_class_specific, shares([0.2, 0.2, 0.2])) < 0.1
    assert passes(rules.more_class_specific, shares([0.15, 0.4, 0.3])) == 0


def curves(first, last, left):
    """Distances of the smallest shift, and what is left of the class."""

    def make(random):
        found = {"layers": ["low", "top"]}
        ranges = {
            "vertical": np.linspace(-60, 60, 25),
            "scale": np.linspace(1, 1.8, 17),
            "rotation": np.arange(0, 360, 10),
        }
        for name, values in ranges.items():
            still = values == (1 if name == "scale" else 0)
            distance = random.gamma(4, 1 / 4, (20, 2, len(values)))
            distance *= np.array([first, last])[:, None]
            kept = np.clip(random.normal(left[name], 0.1, (20, len(values))), 0, None)
            found[name] = {
                "values": values.tolist(),
                "distance": np.where(still, 0, distance).tolist(),
                "left": np.where(still, 1.0, kept).tolist(),
            }
        return found

    return make


STABLE = {"vertical": 0.95, "scale": 0.92, "rotation": 0.2}


def test_invariance_is_of_what_moves():
    assert passes(rules.small_shifts, curves(0.8, 0.3, STABLE)) > 0.9
    assert passes(rules.small_shifts, curves(0.5, 0.5, STABLE)) < 0.1
    assert passes(rules.stability, curves(1, 1, STABLE)) > 0.9
    assert passes(rules.stability, curves(1, 1, STABLE | {"scale": 0.68})) == 0
    flat = {"vertical": 1.0, "scale": 1.0, "rotation": 1.0}  # a network that says one thing always
    assert passes(rules.stability, curves(1, 1, flat)) == 0


def test_the_untransformed_value_doesnt_count():
    made = curves(1, 1, {"vertical": 0.0, "scale": 0.0, "rotation": 0.0})(np.random.default_rng(0))
    made["scale"]["values"], made["scale"]["left"] = [1.0, 1.8], [[1.0, 0.0]] * 20
    assert "scales 0.00" in rules.stability(made)[0]


def occluded(local, share, on, anywhere):
    def make(random):
        there = np.arange(20) < local
        return {
            "halved": np.where(there, random.uniform(0.5 * share, 1.5 * share, 20), 0).tolist(),
            "lowest": random.uniform(0, 1, 20).tolist(),
            "on_projection": np.clip(random.normal(on, 0.1, 20), 0, None).tolist(),
            "anywhere": np.clip(random.normal(anywhere, 0.03, 20), 0, None).tolist(),
        }

    return make


def test_localised():
    assert passes(rules.localised, occluded(18, 0.1, 0, 1)) > 0.9
    assert passes(rules.localised, occluded(18, 0.9, 0, 1)) == 0
    assert passes(rules.localised, occluded(0, 0.1, 0, 1)) == 0
    half = rules.localised(occluded(10, 0.1, 0, 1)(np.random.default_rng(0)))
    assert half[1] is None  # 10 of 20 photos are neither more nor fewer than half of all


def test_a_projection_must_show_more_than_any_place():
    assert passes(rules.projection_shows_what_drives, occluded(5, 0.1, 0.3, 0.95)) > 0.9
    assert passes(rules.projection_shows_what_drives, occluded(5, 0.1, 0.76, 0.96)) == 0
    assert passes(rules.projection_shows_what_drives, occluded(5, 0.1, 0.3, 0.3)) < 0.1


def parts(gap, top_gap):
    def make(random):
        def one(size):
            draws = random.normal([size, size], 0.02, (100, 2))
            return {"part": [size - gap, size - top_gap], "random": draws.tolist()}

        return {name: one(size) for name, size in (("eye", 0.19), ("nose", 0.24))}

    return make


def test_a_part_is_compared_with_random_masks_of_its_own_sizes():
    assert passes(rules.parts_correspond, parts(0.06, 0)) > 0.9
    assert passes(rules.parts_correspond, parts(0, 0)) == 0
    assert rules.parts_correspond(parts(-0.03, 0)(np.random.default_rng(0)))[1] is False
    # With sizes pooled, the small part would lie below most masks whatever it does.
    small = parts(0, 0)(np.random.default_rng(1))["eye"]
    assert rules.as_low(small, 0) > 0.2


def test_worse_than_random_isnt_like_random_at_the_top():
    assert passes(rules.parts_are_random_at_the_top, parts(0.06, 0)) > 0.9
    assert passes(rules.parts_are_random_at_the_top, parts(0.06, -0.06)) == 0
    assert passes(rules.parts_are_random_at_the_top, parts(0.06, 0.06)) == 0
    assert passes(rules.parts_are_random_at_the_top, parts(0, 0)) == 0


# ---------------------------------------------------------------- networks trained for it


def trainings(speeds, noise=0.01, seeds=3):
    def make(random):
        epochs = np.arange(13)
        found = []
        for _ in range(seeds):
            likeness = {}
            for number, speed in enumerate(speeds):
                curve = 1 - np.exp(-epochs / speed) + random.normal(0, noise, 13)
                likeness[f"conv{number + 1}"] = [*np.clip(curve[:-1], 0, 0.999), 1.0]
            found.append({"epochs": epochs.tolist(), "likeness": likeness})
        return found

    return make


def test_layers_settle_in_order():
    rule = rules_of_training.layers_settle_in_order
    assert passes(rule, trainings([0.8, 2, 3, 5, 8])) > 0.9
    assert passes(rule, trainings([3, 3, 3, 3, 3], 0.1)) < 0.1
    assert passes(rule, trainings([3, 1, 4, 5, 8])) == 0  # the second layer settles first
    assert passes(rule, trainings([8, 5, 3, 2, 0.8])) == 0
    assert rule([{"epochs": [0, 1, 2], "likeness": {"a": [1.0] * 3, "b": [1.0] * 3}}])[1] is False


def spectra(alex, zf):
    """Filters with so much energy in the bands, beside white noise's."""

    def make(random):
        area = np.array(rules_of_training._areas())

        def filters(density):
            energy = area * density * random.gamma(40, 1 / 40, (32, 3))
            return {"spectrum": (energy / energy.sum(1, keepdims=True)).tolist()}

        return [{"alexnet_small": filters(alex), "zfnet_small": filters(zf)} for _ in range(3)]

    return make


def test_white_noise_doesnt_cover_mid_frequencies_well():
    extremes, more = rules_of_training.mixes_extremes, rules_of_training.more_mid_frequencies
    assert passes(extremes, spectra([3, 0.3, 1], [2, 1.5, 0.5])) > 0.9
    assert passes(more, spectra([3, 0.3, 1], [2, 1.5, 0.5])) > 0.9
    for rule in (extremes, more):
        assert passes(rule, spectra([1, 1, 1], [1, 1, 1])) < 0.1
    assert passes(extremes, spectra([3, 1, 0.3], [2, 1.5, 0.5])) == 0
    assert passes(more, spectra([3, 0.3, 1], [1, 1, 1])) == 0
    assert passes(more, spectra([2, 1.5, 0.5], [3, 0.3, 1])) == 0


def test_bands_areas_are_those_of_the_diagnosis():
    from zfwidgets.experiments.diagnosis.measures import spectrum

    impulse = np.zeros((1, 1, 5, 7), np.float32)
    impulse[0, 0, 2, 3] = 1  # all frequencies alike
    np.testing.assert_allclose(rules_of_training._areas(), spectrum(impulse)[0], rtol=1e-5)


def pairs(what, alex, zf, noise, seeds=3):
    def make(random):
        return [
            {
                "alexnet_small": {
                    w: random.normal(a, noise) for w, a in zip(what, alex, strict=True)
                },
                "zfnet_small": {w: random.normal(z, noise) for w, z in zip(what, zf, strict=True)},
            }
            for _ in range(seeds)
        ]

    return make


def test_networks_beside_each_other():
    both, rule = ["aliasing", "consistency"], rules_of_training.aliasing
    assert passes(rule, pairs(both, [0.1, 0.9], [0.01, 0.99], 0.003)) > 0.9
    assert passes(rule, pairs(both, [0.1, 0.9], [0.1, 0.9], 0.003)) < 0.1
    error, rule = ["error"], rules_of_training.smaller_error
    assert passes(rule, pairs(error, [0.5], [0.4], 0.005), 1800) > 0.9
    assert passes(rule, pairs(error, [0.45], [0.45], 0.005), 1800) < 0.1
    assert passes(rule, pairs(error, [0.47], [0.45], 0.0), 1800) == 0  # 2 points need more photos
    none = pairs(["dead"], [0], [0], 0)(np.random.default_rng(0))
    assert rules_of_training.dead_features(none)[1] is None


def test_networks_together():
    def errors(alone, together):
        def make(random):
            ten = random.normal(alone, 0.005, 5).tolist()
            return {"alone": [ten, ten], "together": [together, together]}

        return make

    rule = rules_of_training.together_is_better
    assert passes(rule, errors(0.5, 0.44), 1800) > 0.9
    assert passes(rule, errors(0.5, 0.5), 1800) == 0
    assert passes(rule, errors(0.5, 0.49), 1800) == 0  # a point needs more photos


def variants(gaps, whole=0.4, noise=0.003, seeds=3):
    names = [
        rules_of_training.WHOLE,
        rules_of_training.MIDDLE,
        rules_of_training.FULL,
        rules_of_training.BOTH,
        "fc6 640, fc7 640",
        "fc6 2560, fc7 2560",
        "conv3 128, conv4 256, conv5 128",
    ]

    def make(random):
        def one():
            return {
                name: [whole + gap + random.normal(0, noise), 0.2]
                for name, gap in zip(names, [0, *gaps], strict=True)
            }

        return rules_of_training.Errors([one() for _ in range(seeds)], 1800)

    return make


PAPER = (0.05, 0.04, 0.31, 0.012, -0.005, -0.06)
"""The paper's own differences, its wider layers' made clear."""


def test_ablation():
    depth, wide = rules_of_training.depth_matters, rules_of_training.wider_helps
    width = rules_of_training.width_of_heads
    nothing, exact = (0.0,) * 6, {"noise": 0.0005}
    assert passes(depth, variants(PAPER), 0.87) > 0.9
    assert passes(depth, variants(nothing), 0.87) < 0.1
    assert passes(depth, variants((0.2, 0.2, 0.6, 0, 0, 0)), 0.87) == 0  # it isn't little
    assert passes(depth, variants((-0.2, -0.2, -0.1, 0, 0, 0)), 0.87) == 0  # leaving out helps
    few = depth(variants(PAPER)(np.random.default_rng(0)), 0.25)
    assert few[1] is None  # no surprise where the layers hold a quarter of the parameters
    assert passes(wide, variants(PAPER)) > 0.9
    assert passes(wide, variants(nothing)) < 0.1
    wide_apart = variants((0, 0, 0, 0.05, 0.1, 0), **exact)
    assert passes(width, wide_apart, 6) == 0
    unsure = width(variants((0, 0, 0, 0.010, 0.017, 0), **exact)(np.random.default_rng(0)), 6)
    assert unsure[1] is None  # 1 and 1.7 points with intervals of 3
    guessing = width(variants(nothing, whole=5 / 6, noise=0)(np.random.default_rng(0)), 6)
    assert guessing[1] is False  # all guess alike, whatever their width


def test_transfer():
    def svm(means):
        return lambda random: random.normal(np.array(means)[:, None], 0.003, (len(means), 5))

    def up(values):
        return rules_of_training.rises_up_the_network([*map(str, range(len(values)))], values)

    def top(values):
        return rules_of_training.none_better_below([*map(str, range(len(values)))], values)

    for rule in (up, top):
        assert passes(rule, svm([0.3, 0.5, 0.6, 0.65, 0.72])) > 0.9
        assert passes(rule, svm([0.5] * 5)) < 0.1
        assert passes(rule, svm([0.6, 0.5, 0.5, 0.4, 0.55])) == 0
    falls = svm([0.33, 0.49, 0.63, 0.695, 0.655])
    assert passes(up, falls) > 0.9
    assert passes(top, falls) == 0  # a fall at the end isn't hidden by the rise
    assert rules_of_training.few_photos_suffice([0.45, 0.46, 0.45], [0.3, 0.31, 0.32])[1] is True
    assert rules_of_training.few_photos_suffice([0.3, 0.31, 0.3], [0.31, 0.3, 0.3])[1] is None


def test_several_labels():
    chance = [0.1, 0.2, 0.3]

    def precision(means):
        return lambda random: random.normal(np.array(means)[:, None], 0.02, (3, 5)).tolist()

    def rule(values):
        return rules_of_training.several_labels(values, chance)

    assert passes(rule, precision([0.7, 0.8, 0.9])) > 0.9
    assert passes(rule, precision([0.45, 0.5, 0.55])) == 0  # better than chance isn't enough
    assert passes(rule, precision(chance)) == 0
    assert "in random order 20.0" in rule([[0.5, 0.5]] * 3)[0]


# ---------------------------------------------------------------- the page


def test_the_page_is_what_follows_from_the_measurements():
    measured = read()
    assert PAGE.read_text() == page(measured)
    assert set(measured) == {*PARTS, "copies"}
    for claim in claims(measured):
        assert claim.untrained[1] is not True or claim.verdict != AGREES


def test_a_rule_that_an_untrained_network_passes_is_no_evidence():
    """Whatever was measured: with the trained network's numbers in both places nothing agrees."""
    measured = copy.deepcopy(read())
    for part in measured.values():
        if "untrained" in part:
            part["untrained"] = part["trained"]
    same = claims({name: part for name, part in measured.items() if "untrained" in part})
    assert {claim.verdict for claim in same} <= {EMPTY, DIFFERS, UNCLEAR}
    assert len(same) > 10
