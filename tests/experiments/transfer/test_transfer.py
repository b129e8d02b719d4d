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
import torch.nn.functional as F
from safetensors.numpy import load_file
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import LinearSVC
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import zfwidgets as zf
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import (
    transfer_bias,
    transfer_bias_steps,
    transfer_curve,
    transfer_curve_steps,
    transfer_features,
    transfer_layers,
    transfer_layers_steps,
)
from zfwidgets.experiments.ablation import Architecture, conv, fc, pool
from zfwidgets.experiments.shared.labelled import Labelled
from zfwidgets.experiments.transfer import main_layers
from zfwidgets.experiments.transfer.features import Features
from zfwidgets.experiments.transfer.splits import Plan
from zfwidgets.experiments.transfer.study import Study
from zfwidgets.records import Progress

ROWS, COLUMNS = 9, 14
NETWORK = Architecture(
    [conv("conv1", 6, 3), pool("pool1"), conv("conv2", 8, 3), fc("fc3", 10, rectified=True),
     fc("fc4", 3)],
    (3, ROWS, COLUMNS),
)  # fmt: skip


def pictures(number: int, seed: int, classes: int = 3, apart: float = 0.8) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % classes
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    for image, label in zip(pixels, labels, strict=True):
        image[int(label) % 3, :, 3 + 2 * int(label) : 6 + 2 * int(label)] += apart
    return TensorDataset(pixels, labels)


def make_engine(cache: object = False) -> zf.Engine:
    model = NETWORK.build(2).eval()
    return zf.Engine(model, pictures(30, 1), cache=cache, denormalize=([0.5] * 3, [0.5] * 3))


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


DATA = pictures(90, seed=5)
OPTIONS = {"progress": False, "repeats": 2, "seed": 4}


def plain_features(engine: zf.Engine, pixels: torch.Tensor) -> dict[str, np.ndarray]:
    """The slow way: module by module."""
    found = {}
    with torch.no_grad():
        for name, module in engine.session.network.module.named_children():
            pixels = module(pixels)
            found[name] = pixels.flatten(1).numpy()
    return found


def accuracy(model: object, features: np.ndarray, labels: np.ndarray) -> list[float]:
    predicted = model.predict(features)
    return [(predicted[labels == c] == c).mean() for c in np.unique(labels)]


def scaled(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = train.mean(0)
    length = np.sqrt((np.linalg.norm(train - mean, axis=1) ** 2).mean())
    return (train - mean) / length, (test - mean) / length


# ---------------------------------------------------------------- features


def test_layers_are_those_of_the_paper(engine):
    assert main_layers(engine.layers) == ("pool1", "relu2", "relu3")
    assert len(main_layers(engine.layers, most=2)) == 2
    small = zf.Engine(
        zf.models.zfnet_small(4), zf.samples.textures(n=4), zf.models.transform(), cache=False
    )
    assert main_layers(small.layers) == (
        *("norm1", "norm2", "relu3", "relu4", "pool5", "relu6", "relu7"),
    )


def test_what_branches_inside_a_module_is_one_layer():
    """Blocks' outputs behind their rectifier, not bottlenecks or half branches."""
    from torchvision.models import resnet18, squeezenet1_1

    images = [torch.rand(3, 48, 64) for _ in range(2)]
    fires = zf.Engine(squeezenet1_1(num_classes=5).eval(), images, cache=False)
    assert main_layers(fires.layers, 20) == tuple(
        f"features.{number}" for number in (2, 3, 5, 6, 8, 9, 10, 11, 12)
    )
    blocks = zf.Engine(resnet18(num_classes=5).eval(), images, cache=False)
    found = main_layers(blocks.layers, 20)
    assert found == (
        "maxpool",
        *(f"layer{stage}.{block}.relu@1" for stage in (1, 2, 3) for block in (0, 1)),
        *("layer4.0.relu@1", "avgpool"),
    )


def test_features_are_the_layers_outputs(engine):
    images = Labelled.of(DATA)
    features = Features(engine, images, None)
    for _ in features.steps():
        pass
    plain = plain_features(engine, DATA.tensors[0])
    for layer in ("pool1", "relu2", "relu3"):
        rows = features.rows(layer)
        assert rows.known.all()
        np.testing.assert_allclose(rows.read(np.arange(90)), plain[layer], rtol=1e-5, atol=1e-6)
    assert features.shape("pool1").how == "6 maps of 3 x 6, as they are"
    assert features.shape("relu3").how == "10 units"


def test_large_maps_are_averaged_over_places(engine):
    images = Labelled.of(DATA)
    features = Features(engine, images, ["pool1"], dimension=60)
    shape = features.shape("pool1")
    assert shape.grid == (3, 3)
    assert shape.dimension == 54
    assert "averaged to 3 x 3" in shape.how
    for _ in features.steps():
        pass
    with torch.no_grad():
        maps = engine.session.network.module[:3](DATA.tensors[0])
    wanted = F.adaptive_avg_pool2d(maps, (3, 3)).flatten(1)
    by_hand = torch.stack([maps[..., 2 * i : 2 * i + 2].mean(-1) for i in range(3)], -1).flatten(1)
    np.testing.assert_allclose(wanted, by_hand, rtol=1e-5, atol=1e-6)
    found = features.rows("pool1").read(np.arange(90))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="6 channels, a feature vector may have 5"):
        Features(engine, images, ["pool1"], dimension=5)


class Counting(Dataset):
    """Counts how often its images are read."""

    def __init__(self) -> None:
        self.reads = 0
        self.targets = DATA.tensors[1].tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        self.reads += 1
        return DATA.tensors[0][number], self.targets[number]


def test_features_are_kept_on_disk_and_gone_on_with(tmp_path):
    def study() -> tuple[Features, Counting]:
        data = Counting()
        features = Features(make_engine(tmp_path), Labelled.of(data), ["pool1", "relu3"])
        data.reads = 0
        return features, data

    first, data = study()
    with closing(first.steps()) as steps:
        next(steps)
    assert len(first.known) == 64, "an interrupted pass leaves what it has done"
    second, data = study()
    assert len(second.known) == 64
    for _ in second.steps():
        pass
    assert data.reads == 90 - 64
    third, data = study()
    for _ in third.steps():
        pass
    assert data.reads == 0
    plain = plain_features(make_engine(), DATA.tensors[0])
    for layer in ("pool1", "relu3"):
        rows = third.rows(layer)
        np.testing.assert_allclose(rows.read(np.arange(90)), plain[layer], rtol=1e-5, atol=1e-6)
        assert isinstance(rows._rows, np.memmap)
        on_disk = load_file(rows.path)["features"]  # by the library, not by our own reader
        np.testing.assert_array_equal(on_disk, rows.read(np.arange(90)))
    assert not list(tmp_path.rglob("*.part"))


def test_files_of_features_that_are_damaged_or_anothers(tmp_path):
    features = Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"])
    path = features.rows("pool1").path
    whole = path.read_bytes()
    for content, says in (
        (whole[:-4], "isn't a readable file of features"),
        (b"", "isn't a readable file of features"),
        (whole.replace(b"pool1", b"pool9"), "has features of something else"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"]).rows("pool1")
    path.write_bytes(whole.replace(rb"\"schema\": 2", rb"\"schema\": 1"))
    assert path.read_bytes() != whole
    again = Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"])
    assert not len(again.known), "an older version's are begun anew"
    assert path.read_bytes()[:1000] == whole[:1000]
    other = zf.Engine(
        NETWORK.build(3), pictures(30, 1), cache=tmp_path, denormalize=([0.5] * 3, [0.5] * 3)
    )
    assert not len(Features(other, Labelled.of(DATA), ["pool1"]).known), "another network's"
    assert not len(Features(make_engine(tmp_path), Labelled.of(pictures(90, 6)), ["pool1"]).known)


# ---------------------------------------------------------------- splits


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


# ---------------------------------------------------------------- layers


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


def test_a_network_from_scratch_that_diverges_is_noted_and_the_others_are_trained(engine):
    built = []

    def build() -> nn.Module:
        built.append(NETWORK.build(1))
        if len(built) == 2:
            with torch.no_grad():
                built[-1].conv1.weight.fill_(float("inf"))
        return built[-1]

    record = transfer_curve(
        engine, DATA, counts=[2, 5], scratch=build, scratch_training={"epochs": 1}, **OPTIONS
    )
    assert np.isnan(record.accuracies["from scratch"]).sum() == 1
    assert np.isnan(record.accuracies["from scratch"][1, 0])
    assert any(
        "From scratch on 5 of each class, split 1: The loss of step 1" in n for n in record.notes
    )
    assert np.isfinite(record.mean("from scratch")).all()


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


# ---------------------------------------------------------------- curve


def test_the_curve_is_the_classifiers_on_nested_images(engine):
    record = transfer_curve(engine, DATA, counts=[9, 2], test_images=15, **OPTIONS)
    assert list(record.counts) == [2, 9]
    assert record.shape.layer == "relu3"
    labels = DATA.tensors[1].numpy()
    images = Labelled.of(DATA)
    split = Plan.of(images, 9, 15, 2, 4).split(images, np.arange(90), 1)
    plain = plain_features(engine, DATA.tensors[0])["relu3"]
    for place, count in enumerate((2, 9)):
        train = split.train(count)
        one, other = scaled(plain[train], plain[split.test])
        model = LogisticRegression(C=10, max_iter=2000).fit(one, labels[train])
        wanted = np.mean(accuracy(model, other, labels[split.test]))
        assert record.accuracies["pretrained"][place, 1] == pytest.approx(wanted, abs=0.02)
    assert list(record.to_frame()["images per class"]) == [2, 9]


def test_a_network_from_scratch_sees_the_same_images(engine):
    training = {"epochs": 3, "batch": 8, "rate": 0.02}
    record = transfer_curve(
        engine,
        DATA,
        counts=[3, 10],
        test_images=15,
        scratch=NETWORK,
        scratch_training=training,
        **OPTIONS,
    )
    assert record.complete
    images = Labelled.of(DATA)
    split = Plan.of(images, 10, 15, 2, 4).split(images, np.arange(90), 1)
    train = split.train(10)
    model = NETWORK.build(5)
    pairs = [(DATA.tensors[0][i], int(DATA.tensors[1][i])) for i in train]
    zf.experiments.train(model, pairs, seed=5, progress=False, **training)
    predicted = model.eval()(DATA.tensors[0][split.test]).argmax(1).numpy()
    labels = DATA.tensors[1].numpy()[split.test]
    wanted = np.mean([(predicted[labels == c] == c).mean() for c in range(3)])
    assert record.accuracies["from scratch"][1, 1] == pytest.approx(wanted)


def test_the_same_network_drawn_anew(engine):
    before = copy.deepcopy(engine.session.network.module.state_dict())
    state = torch.get_rng_state()
    record = transfer_curve(
        engine, DATA, counts=[2], scratch="same", scratch_training={"epochs": 1}, **OPTIONS
    )
    assert record.complete
    assert torch.equal(state, torch.get_rng_state())
    after = engine.session.network.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(InputError, match=r"gives \(1, 3\) for one image, the data has 5 classes"):
        transfer_curve(engine, pictures(60, 1, classes=5), scratch="same", **OPTIONS)
    with pytest.raises(InputError, match="scratch is a Sequential: expected"):
        transfer_curve(engine, DATA, scratch=NETWORK.build(), **OPTIONS)


def test_bad_counts(engine):
    with pytest.raises(InputError, match="expected numbers of images"):
        transfer_curve(engine, DATA, counts=[0, 3], **OPTIONS)
    with pytest.raises(InputError, match="too few to learn from 40"):
        transfer_curve(engine, DATA, counts=[2, 40], **OPTIONS)
    with pytest.raises(InputError, match="Fewer images than folds: 2 training"):
        transfer_curve(engine, DATA, counts=[2, 9], strength=[1, 2], **OPTIONS)
    default = transfer_curve(engine, DATA, repeats=1, progress=False)
    assert list(default.counts) == [1, 2, 5, 10, 20]


# ---------------------------------------------------------------- bias


def test_distances_are_those_of_a_plain_search(engine):
    record = transfer_bias(engine, DATA, train_images=8, **OPTIONS)
    trained_on = pictures(30, 1).tensors[0]
    here = plain_features(engine, DATA.tensors[0])["relu3"].astype(np.float64)
    there = plain_features(engine, trained_on)["relu3"].astype(np.float64)
    own = [min(np.linalg.norm(there[i] - there[j]) for j in range(30) if j != i) for i in range(30)]
    assert record.typical == pytest.approx(np.median(own), rel=1e-4)
    wanted = [min(np.linalg.norm(one - other) for other in there) for one in here]
    np.testing.assert_allclose(record.distances * record.typical, wanted, rtol=1e-3)
    nearest = [int(np.argmin([np.linalg.norm(one - other) for other in there])) for one in here]
    assert list(record.nearest) == nearest
    labels = DATA.tensors[1].numpy()
    wanted = [record.distances[labels == c].mean() for c in range(3)]
    np.testing.assert_allclose(record.distance, wanted, rtol=1e-6)
    assert record.training_images == 30
    ranks = spearmanr(record.distance, record.accuracy).statistic
    assert record.rank_correlation == pytest.approx(ranks)
    frame = record.to_frame()
    assert frame["accuracy"].is_monotonic_increasing


def test_what_is_far_away_has_a_larger_distance(engine):
    """Class 2's photos are unlike the training ones, the others are those very photos."""
    pixels, labels = pictures(30, 1).tensors
    strange = torch.cat([pixels, pixels[:10] * 6 + 2])
    data = TensorDataset(strange, torch.cat([labels % 2, torch.full((10,), 2)]))
    record = transfer_bias(engine, data, train_images=5, **OPTIONS)
    assert record.distance[0] == pytest.approx(0, abs=1e-3)
    assert record.distance[2] > 2
    assert list(record.nearest[:30]) == list(range(30))
    assert record.notes[0].startswith(
        "30 of 40 photos are among the training images, or nearly (image 0 is image 0, by their "
    )


def test_distances_in_blocks_are_the_same(engine, monkeypatch):
    whole = transfer_bias(engine, DATA, train_images=5, **OPTIONS)
    monkeypatch.setattr("zfwidgets.experiments.transfer.bias._BLOCK", 7)
    parts = transfer_bias(engine, DATA, train_images=5, **OPTIONS)
    np.testing.assert_array_equal(whole.nearest, parts.nearest)
    np.testing.assert_allclose(whole.distances, parts.distances, rtol=1e-6)


def test_training_images_of_ones_own(engine):
    with pytest.raises(InputError, match="one training image only"):
        list(transfer_bias_steps(engine, DATA, training=[DATA.tensors[0][3]]))
    record = transfer_bias(
        engine, DATA, training=pictures(12, 9), layer="pool1", train_images=5, **OPTIONS
    )
    assert record.training_images == 12
    assert record.shape.layer == "pool1"


# ---------------------------------------------------------------- all


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


def test_curve_steps_tell_how_far_a_network_from_scratch_is(engine):
    told = [
        step.what
        for step in transfer_curve_steps(
            engine, DATA, counts=[2], repeats=1, scratch=NETWORK, scratch_training={"epochs": 2}
        )
        if isinstance(step, Progress)
    ]
    assert any(what.startswith("from scratch, 2 of each class, epoch 1 of 2") for what in told)


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
        "import sys; import zfwidgets.experiments.transfer.accuracies, "
        "zfwidgets.experiments.ablation.table, zfwidgets.experiments.training.history; "
        "assert not {'torch', 'sklearn'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_layers_with_parameters_that_cannot_be_drawn_anew():
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels * self.factor

    model = nn.Sequential(Scale(), *NETWORK.build())
    engine = zf.Engine(model, DATA, cache=False, denormalize=([0.5] * 3, [0.5] * 3))
    with pytest.raises(InputError, match="parameters of '0' can't be drawn anew"):
        transfer_curve(engine, DATA, scratch="same", **OPTIONS)
