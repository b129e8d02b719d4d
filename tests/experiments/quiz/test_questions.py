"""Questions are true: compared with a plain forward hook on the user's own model."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import zfwidgets as zf
from tests.experiments.small import MEAN, STD, Pictures, chain
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import QuizQuestions, quiz_questions
from zfwidgets.experiments.quiz.questions import EASY, Candidates, hints_of, pairs
from zfwidgets.records import ActivationSample

PHOTOS = 120


def engine_of(photos: int, model: nn.Module | None = None) -> zf.Engine:
    return zf.Engine(
        chain() if model is None else model,
        Pictures(photos),
        cache=False,
        denormalize=(MEAN.tolist(), STD.tolist()),
    )


def maxima(model: nn.Sequential, layer: str, photos: int) -> np.ndarray:
    """(photos, channels): each channel's largest activation in each photo, by a hook."""
    seen: list[torch.Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.detach().clone())
    )
    with torch.no_grad():
        model.eval()(Pictures(photos).tensors)
    handle.remove()
    return seen[0].amax((2, 3)).numpy()


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return engine_of(PHOTOS)


def ask(engine: zf.Engine, *arguments: object, **options: object) -> QuizQuestions:
    return quiz_questions(engine, *arguments, progress=False, **options)


@pytest.mark.parametrize("layer", ["0", "1", "4"])
@pytest.mark.parametrize("hard", [False, True])
def test_values_sides_and_percentiles_are_those_of_a_forward_hook(
    engine: zf.Engine, layer: str, hard: bool
) -> None:
    found = [q for seed in (5, 6, 7) for q in ask(engine, layer, 6, seed=seed, hard=hard)]
    assert len(found) == 18
    reference = maxima(chain(), layer, PHOTOS)
    band = (75, 90, 25, 50) if hard else (90, 99, 0, 50)
    for question in found:
        values = reference[:, question.channel]
        for choice in question.choices:
            assert choice.activation.value == pytest.approx(
                values[choice.image], rel=1e-4, abs=1e-6
            )
            assert choice.activation.image_name == engine.info.images[choice.image]
            weaker = 100 * np.mean(values < values[choice.image] - 2e-3 * values.max())
            stronger = 100 * np.mean(values > values[choice.image] + 2e-3 * values.max())
            assert weaker <= choice.percentile <= 100 - stronger
        left, right = (values[choice.image] for choice in question.choices)
        assert question.correct == ("left" if left > right else "right")
        strong, weak = sorted(question.choices, key=lambda choice: -choice.activation.value)
        assert band[0] <= strong.percentile < band[1]
        assert band[2] <= weak.percentile < band[3]
        row, col = strong.activation.unit.row, strong.activation.unit.col
        assert strong.activation.box == engine.layer(layer).field_of(question.channel).box(row, col)


def test_the_hint_is_the_strongest_nine_and_never_has_a_choice(engine: zf.Engine) -> None:
    reference = maxima(chain(), "1", PHOTOS)
    for question in ask(engine, "1", 30, seed=2):
        order = np.argsort(-reference[:, question.channel], kind="stable")
        assert [a.image for a in question.hint] == order[:9].tolist()
        assert not {c.image for c in question.choices} & {a.image for a in question.hint}
        assert question.left.image != question.right.image


def test_a_seed_draws_the_same_and_another_one_other_questions(engine: zf.Engine) -> None:
    one = ask(engine, "4", 8, seed=1)
    assert ask(engine_of(PHOTOS), "4", 8, seed=1).made == one.made
    other = ask(engine, "4", 8, seed=2)
    assert [q.choices for q in other] != [q.choices for q in one]
    sides = {q.correct for seed in range(3) for q in ask(engine, "4", 8, seed=seed)}
    assert sides == {"left", "right"}


def test_the_global_random_states_stay_as_they_are(engine: zf.Engine) -> None:
    numpy_state = np.random.get_state
    before = random.getstate(), numpy_state()[1].copy(), torch.get_rng_state()
    ask(engine, "1", 5, seed=3)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(numpy_state()[1], before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_no_question_comes_twice_and_channels_come_again_only_after_all(engine: zf.Engine) -> None:
    found = ask(engine, "1", 18, seed=0)  # of six channels
    alive = {q.channel for q in found}
    for first in range(0, 18, len(alive)):
        part = [q.channel for q in found[first : first + len(alive)]]
        assert len(set(part)) == len(part)
    strong = [(q.channel, max(q.choices, key=lambda c: c.activation.value).image) for q in found]
    assert len(set(strong)) == len(strong)


def dying(channel: int) -> nn.Sequential:
    """The chain with a channel of its first layer that is nowhere above zero."""
    model = chain()
    with torch.no_grad():
        model[0].bias[channel] = -1e4
    return model


def test_dead_channels_are_not_asked_for() -> None:
    engine = engine_of(40, dying(2))
    assert engine.channels("1").silent[2] == 1
    assert 2 not in {q.channel for q in ask(engine, "1", 12)}


def test_a_layer_that_is_dead_says_so() -> None:
    model = chain()
    with torch.no_grad():
        model[0].bias[:] = -1e4
    with pytest.raises(InputError, match=r"Layer '1' makes no question: no unit .* above zero"):
        ask(engine_of(12, model), "1")


def test_few_photos_have_a_smaller_hint_and_fewer_questions() -> None:
    engine = engine_of(5)
    found = ask(engine, "1", 50)
    assert 0 < len(found) < 50
    reference = maxima(chain(), "1", 5)
    for question in found:
        assert len(question.hint) == 1
        values = reference[:, question.channel]
        assert question.hint[0].image == values.argmax()
        strong, weak = sorted(question.choices, key=lambda choice: -choice.activation.value)
        assert values[strong.image] > values[weak.image]
        assert strong.percentile >= 50 > weak.percentile
    with pytest.raises(InputError, match=r"needs 4 photos or more.*the engine has 3"):
        ask(engine_of(3), "1")


def test_a_channel_that_fires_in_few_photos_leaves_one_for_the_choice() -> None:
    values = np.zeros(40, np.float32)
    values[[3, 20, 31]] = 1, 3, 2
    sample = ActivationSample("1", 0, np.arange(40), values, True)
    candidates = Candidates.of_sample(sample)
    assert hints_of(40, 3) == 2
    found = list(pairs(candidates, {20, 31}, EASY, np.random.default_rng(0)))
    assert found
    assert {int(candidates.images[strong]) for strong, _ in found} == {3}
    assert all(values[candidates.images[weak]] == 0 for _, weak in found)
    assert hints_of(40, 1) == 0  # it fires in one alone: there's nothing to learn from


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"questions": 0}, r"questions must be in 1 \.\. 100, not 0"),
        ({"questions": 2.5}, r"questions must be a whole number, not 2\.5"),
        ({"seed": -1}, r"seed must be in 0 \.\. \d+, not -1"),
    ],
)
def test_what_is_not_possible_is_named(engine: zf.Engine, options: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        ask(engine, "1", **options)
    with pytest.raises(UnknownLayer, match="no layer 'no such layer'"):
        ask(engine, "no such layer")
