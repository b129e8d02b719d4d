"""Shares among the nine and their chances, against enumeration and against the engine's records."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from zfwidgets.naming.chance import corrected, tail
from zfwidgets.naming.folding import fold
from zfwidgets.naming.grouping import near_ties
from zfwidgets.naming.shared import share_groups


def shared(nine, classes, channels):
    groups = {image: fold(name) for image, name in classes.items()}
    return share_groups(nine, classes, groups, channels)


BIRDS = ["robin", "house finch", "bald eagle", "goose", "magpie"]


@pytest.mark.parametrize(
    ("drawn", "found", "there", "total"),
    [(3, 2, 4, 9), (3, 0, 4, 9), (3, 3, 2, 7), (4, 2, 6, 7), (5, 1, 1, 8), (2, 2, 8, 8)],
)
def test_the_chance_is_that_of_all_ways_to_draw(drawn, found, there, total):
    ways = list(itertools.combinations(range(total), drawn))
    hits = sum(sum(one < there for one in way) >= found for way in ways)
    assert tail(drawn, found, there, total) == pytest.approx(hits / len(ways), abs=1e-12)


def test_the_chance_is_corrected_for_every_name_that_could_have_been_given():
    assert corrected(1e-5, 300) == pytest.approx(3e-3)
    assert corrected(0.4, 300) == 1
    assert corrected(0.4, 0) == 0.4


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("house finch", "birds"),
        ("house_finch", "birds"),
        ("house finch, linnet, Carpodacus mexicanus", "birds"),
        ("crane bird", "birds"),
        ("Chihuahua", "dogs"),
        ("tabby", "cats"),
        ("Cardigan", "dogs"),
        ("cardigan", "clothes and shoes"),
        ("CARDIGAN", "clothes and shoes"),
        ("lion", "big cats"),
        ("great white shark", "fish"),
        ("African elephant", "elephants"),
        ("grand piano", "musical instruments"),
        ("jersey", "clothes and shoes"),
        ("airplane", "aircraft"),
        ("horse", "hoofed animals"),
        ("wolves, wild dogs and foxes", "wolves, wild dogs and foxes"),
        ("koala", "koala"),
        ("crane", "crane"),  # a bird or a machine: its own
        ("my own thing, at home", "my own thing, at home"),
    ],
)
def test_classes_fold_into_plain_groups(name, group):
    assert fold(name) == group


def test_most_classes_of_imagenet_are_in_few_groups():
    categories = pytest.importorskip("torchvision.models").SqueezeNet1_1_Weights.DEFAULT.meta[
        "categories"
    ]
    sizes = Counter(map(fold, categories))
    large = {group: size for group, size in sizes.items() if size >= 2}
    assert sum(large.values()) >= 900
    assert len(large) <= 50
    # ImageNet's order is that of WordNet: these ranges are well known.
    assert {fold(name) for name in categories[151:269]} == {"dogs"}
    assert {fold(name) for name in categories[7:24]} == {"birds"}
    assert {fold(name) for name in categories[52:69]} == {"snakes"}


def test_what_many_of_the_nine_are_is_named_with_its_share_of_all():
    classes = {i: BIRDS[i % 5] for i in range(12)} | {i: f"thing {i}" for i in range(12, 100)}
    nine = [0, 1, 2, 3, 50, 4, 5, 60, 6]
    (name,) = shared(nine, classes, 4)
    assert (name.text, name.count, name.of) == ("birds", 7, 9)
    assert (name.share, name.compared) == (0.12, 100)
    assert name.tests == 4  # "things" are one each: only birds could be named
    assert name.p == pytest.approx(4 * tail(9, 7, 12, 100))
    assert name.named
    assert name.most == ("robin", 2)
    assert str(name) == "7 of 9: birds (of all: 12 %)"


def test_what_chance_gives_somewhere_in_a_layer_is_no_name():
    classes = {i: ("robin" if i < 30 else "tabby") for i in range(90)}
    nine = [0, 1, 2, 3, 4, 5, 40, 41, 42]
    alone, *_ = shared(nine, classes, 1)
    assert (alone.text, alone.count) == ("birds", 6)
    in_layer, *_ = shared(nine, classes, 64)
    assert not in_layer.named
    assert in_layer.p == pytest.approx(min(1, 64 * 2 * tail(9, 6, 30, 90)))


def test_fewer_than_three_have_nothing_in_common():
    classes = {i: ("robin" if i < 2 else f"thing {i}") for i in range(1000)}
    assert shared([0, 1, 5, 6, 7, 8, 9, 10, 11], classes, 1) == ()


def test_only_images_whose_class_is_known_count():
    classes = dict.fromkeys(range(4), "robin") | {i: f"thing {i}" for i in range(10, 60)}
    (name,) = shared([0, 1, 2, 100, 101, 102, 10, 103, 11], classes, 1)
    assert (name.count, name.of, name.compared) == (3, 5, 54)


def test_layers_of_chance_alone_hardly_get_a_name():
    random = np.random.default_rng(0)
    names = [*BIRDS, "tabby", "Chihuahua", "jersey", "tench"]
    classes = {i: names[random.integers(len(names))] for i in range(200)}
    named = 0
    for _ in range(40):  # layers of 40 channels
        nines = [random.choice(200, 9, replace=False).tolist() for _ in range(40)]
        named += any(one.named for nine in nines for one in shared(nine, classes, 40))
    assert named <= 7  # 2 expected at most; more than 7 has a chance of 1 in 1000


def test_where_rounding_may_have_hidden_the_largest_score_is_known():
    random = np.random.default_rng(4)
    exact = random.normal(0, 3, (40, 900)) * random.uniform(0.5, 2, (40, 1))
    close = random.integers(40, size=900)
    exact[close, np.arange(900)] = exact.max(0) - 10 ** random.uniform(-7, -1, 900)
    scale = np.abs(exact).max(1, keepdims=True)
    kept = (exact / scale).astype(np.float16).astype(np.float64) * scale
    wrong = np.flatnonzero(kept.argmax(0) != exact.argmax(0))
    told = near_ties(kept)
    assert len(wrong) > 20
    assert set(wrong.tolist()) <= set(told)
    apart = np.diff(np.sort(exact, 0)[-2:], axis=0)[0]
    assert (apart[told] <= 2**-8 * np.abs(exact).max(0)[told]).all()
