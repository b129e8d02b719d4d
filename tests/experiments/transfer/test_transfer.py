"""Transfer: features, splits, linear classifiers and distances, against plain computations."""

from __future__ import annotations

import copy
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import LinearSVC
from torch import nn
from torch.utils.data import TensorDataset

from tests.experiments.transfer.small import (
    DATA,
    NETWORK,
    OPTIONS,
    Counting,
    accuracy,
    plain_features,
    scaled,
)
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import (
    transfer_bias,
    transfer_curve,
    transfer_features,
    transfer_layers,
    transfer_layers_steps,
)
from zfwidgets.experiments.shared.labelled import Labelled
from zfwidgets.experiments.transfer.splits import Plan
from zfwidgets.experiments.transfer.study import Study
from zfwidgets.records import Progress


def test_tested_images_are_never_learned_from():
    images = Labelled.of(DATA)
    plan = Plan.of(images, 12, 7, 3, 0)
    known = np.arange(90)
    splits = [plan.split(images, known, repeat) for repeat in range(3)]
    for split in splits:
        for count in (1, 5, 12):
            train = split.train(count)
            assert not set(train) & set(split.test)
            assert (np.bincount(images.labels[train]) == count).all()
            assert set(split.train(1)) <= set(train)
        assert (np.bincount(images.labels[split.test]) == 7).all()
    assert set(splits[0].test) != set(splits[1].test)
    again = plan.split(images, known, 1)
    np.testing.assert_array_equal(again.test, splits[1].test)


def test_accuracies_are_scikit_learns_on_the_plain_features(engine):
    record = transfer_layers(engine, DATA, train_images=8, test_images=20, **OPTIONS)
    assert record.complete
    assert record.layers == ("pool1", "relu2", "relu3")
    plain = plain_features(engine, DATA.tensors[0])
    labels = DATA.tensors[1].numpy()
    images = Labelled.of(DATA)
    plan = Plan.of(images, 8, 20, 2, 4)
    for repeat in range(2):
        split = plan.split(images, np.arange(90), repeat)
        train, test = split.train(8), split.test
        for number, layer in enumerate(record.layers):
            one, other = scaled(plain[layer][train], plain[layer][test])
            svm = LinearSVC(C=10, max_iter=2000, random_state=4 + repeat).fit(one, labels[train])
            softmax = LogisticRegression(C=10, max_iter=2000).fit(one, labels[train])
            for name, model in (("svm", svm), ("softmax", softmax)):
                wanted = np.mean(accuracy(model, other, labels[test]))
                assert record.accuracies[name][number, repeat] == pytest.approx(wanted, abs=0.02)
    assert record.mean("svm")[0] == pytest.approx(record.accuracies["svm"][0].mean())
    assert record.spread("svm")[0] == pytest.approx(record.accuracies["svm"][0].std(ddof=1))
    assert record.mean("softmax").max() > 2 * record.chance
    frame = record.to_frame()
    assert list(frame["layer"]) == list(record.layers)
    assert frame["softmax"].iloc[1] == pytest.approx(record.mean("softmax")[1])


def test_the_strength_is_chosen_inside_the_training_images(engine):
    strengths = [1e-6, 0.3, 5.0]
    record = transfer_layers(
        engine,
        DATA,
        layers=["pool1"],
        train_images=9,
        strength=strengths,
        classifiers=["softmax"],
        progress=False,
        repeats=6,
        seed=4,
    )
    plain = plain_features(engine, DATA.tensors[0])["pool1"]
    labels = DATA.tensors[1].numpy()
    images = Labelled.of(DATA)
    plan = Plan.of(images, 9, None, 6, 4)
    for repeat in range(6):
        train = plan.split(images, np.arange(90), repeat).train(9)
        vectors, _ = scaled(plain[train], plain[:1])
        folds = StratifiedKFold(3, shuffle=True, random_state=4 + repeat)
        scores = [
            cross_val_score(
                LogisticRegression(C=c, max_iter=2000), vectors, labels[train], cv=folds
            ).mean()
            for c in strengths
        ]
        best = strengths[int(np.argmax(scores))]
        assert record.strength["softmax"][0, repeat] == pytest.approx(best)
    assert len(np.unique(record.strength["softmax"])) > 1
    with pytest.raises(InputError, match=r"Fewer images than folds: 2 training images .* 3 folds"):
        transfer_layers(engine, DATA, train_images=2, strength=[1, 2], **OPTIONS)


def test_nothing_of_the_users_is_touched(engine):
    before = copy.deepcopy(engine.session.network.module.state_dict())
    torch_state = torch.get_rng_state()
    numpy_state = zf_states()
    transfer_layers(engine, DATA, train_images=4, **OPTIONS)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state, zf_states())
    after = engine.session.network.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def zf_states() -> np.ndarray:
    from zfwidgets.images.sets.repeatable import states

    return states()["numpy.random"][1].copy()


def test_interrupted_results_stay(engine):
    seen = []
    with closing(transfer_layers_steps(engine, DATA, repeats=2, train_images=5)) as steps:
        for step in steps:
            if not isinstance(step, Progress):
                seen.append(step)
            if len(seen) == 4:
                break
    done = [sum(np.isfinite(v).sum() for v in record.accuracies.values()) for record in seen]
    assert done == [0, 1, 2, 3]
    assert not seen[-1].complete
    assert np.isfinite(seen[-1].mean("svm")[0])
    assert np.isnan(seen[-1].mean("svm")[2])


class Interrupts(nn.Module):
    """Ctrl-C in its so many-th step of training."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step
        self.inner = NETWORK.build(1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.left -= self.training
        if self.training and not self.left:
            import _thread

            _thread.interrupt_main()
        return self.inner(pixels)


def test_an_interrupt_keeps_what_is_done(engine, monkeypatch):
    """In each of the four calls; in a training from scratch it is the record of the transfer."""
    learned, original = [], Study.learn

    def learn(self: Study, *args: object) -> object:
        learned.append(args)
        if len(learned) == 3:
            raise KeyboardInterrupt
        return original(self, *args)

    for call, options in (
        (transfer_layers, {"train_images": 5}),
        (transfer_curve, {"counts": [2, 5]}),
        (transfer_bias, {"repeats": 3}),
        (transfer_features, {"train_images": 5, "counts": [2, 5]}),
    ):
        learned.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Study, "learn", learn)
            with pytest.warns(UserWarning, match="Transfer was interrupted"):
                record = call(engine, DATA, **{**OPTIONS, **options})
        part = getattr(record, "layers", record) if call is transfer_features else record
        values = part.accuracies if isinstance(part.accuracies, dict) else {"": part.accuracies}
        fits = sum(int(np.isfinite(v).sum()) for v in values.values())
        assert fits == (2 if call is not transfer_bias else 2 * 3), call
        assert not record.complete
    scratch = {"scratch": lambda: Interrupts(2), "scratch_training": {"epochs": 3, "batch": 4}}
    for call in (transfer_curve, transfer_features):
        with pytest.warns(UserWarning, match="Transfer was interrupted"):
            record = call(engine, DATA, counts=[2, 5], **scratch, **OPTIONS)
        curve = record if call is transfer_curve else record.curve
        assert np.isfinite(curve.accuracies["pretrained"]).all()
        assert np.isnan(curve.accuracies["from scratch"]).all()


def test_bad_input(engine):
    with pytest.raises(InputError, match=r"one class only \('1'\)"):
        transfer_layers(
            engine, TensorDataset(DATA.tensors[0], torch.ones(90, dtype=torch.int64)), **OPTIONS
        )
    few = TensorDataset(DATA.tensors[0][:61], torch.cat([torch.arange(60) % 2, torch.tensor([2])]))
    with pytest.raises(InputError, match="Class '2' has 1 images: too few to learn from 1"):
        transfer_layers(engine, few, **OPTIONS)
    with pytest.raises(InputError, match="Class '0' has 30 images: too few to learn from 30"):
        transfer_layers(engine, DATA, train_images=30, **OPTIONS)
    with pytest.raises(UnknownLayer, match="conv9"):
        transfer_layers(engine, DATA, layers=["conv9"], **OPTIONS)
    with pytest.raises(InputError, match="Unknown classifier 'tree'"):
        transfer_layers(engine, DATA, classifiers=["tree"], **OPTIONS)
    with pytest.raises(InputError, match="strength is 0"):
        transfer_layers(engine, DATA, strength=0, **OPTIONS)
    with pytest.raises(InputError, match="repeats is 0"):
        transfer_layers(engine, DATA, progress=False, repeats=0)
    with pytest.raises(InputError, match=r"expected a zf.Engine, got NoneType"):
        transfer_layers(None, DATA, **OPTIONS)


class Broken(Counting):
    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        if number == 7:
            raise OSError("bad sector")
        return super().__getitem__(number)


def test_all_three_at_once_and_bad_images_are_named(engine):
    record = transfer_features(
        engine, Broken(), layers=["pool1"], counts=[2, 5], train_images=6, **OPTIONS
    )
    assert record.complete
    assert record.layers.layers == ("pool1", "relu3")
    assert record.curve.shape.layer == record.bias.shape.layer == "relu3"
    assert len(record.bias.images) == 89
    assert 7 not in record.bias.images
    for part in (record.layers, record.curve, record.bias):
        assert "1 images of the data can't be read (image 7: " in part.notes[0]
    alone = transfer_layers(engine, DATA, layers=["pool1"], train_images=6, **OPTIONS)
    assert np.isfinite(alone.accuracies["svm"]).all()


def test_without_scikit_learn_it_says_what_to_install(root: Path) -> None:
    script = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import zfwidgets as zf\n"
        "try: zf.experiments.transfer_layers(None, [])\n"
        "except zf.errors.MissingDependency as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=root, capture_output=True, text=True
    )
    assert "pip install 'zfwidgets[transfer]'" in done.stdout


def test_importing_records_imports_no_torch(root: Path) -> None:
    script = (
        "import sys; import zfwidgets.experiments.transfer.records.accuracies, "
        "zfwidgets.experiments.ablation.table, zfwidgets.experiments.training.history; "
        "assert not {'torch', 'sklearn'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)
