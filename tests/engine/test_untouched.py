"""Nothing of the user's is touched; indexes that are kept; what can't be is explained."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import zfwidgets as zf
from tests.engine.calls import Counting, pictures, public_calls, to_tensor
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.network import Network
from zfwidgets.errors import InactiveUnit, IndexMismatch, InputError, UnknownLayer, UnsupportedModel
from zfwidgets.index.storing import load
from zfwidgets.records import Box, Occluder, Unit


def few(cache: Path, **kwargs: object) -> LocalEngine:
    model = kwargs.pop("model", None) or zf.samples.network()
    return LocalEngine(model, zf.samples.photos()[:5], cache=cache, **kwargs)


def test_index_is_kept_and_reused(tmp_path: Path) -> None:
    first = few(tmp_path)
    assert not first.indexed
    steps = [p.done for p in first.index_steps()]
    assert steps[-1] == 5
    again = few(tmp_path)
    assert again.indexed
    assert [a.value for a in again.top("features.4", 3)] == [
        a.value for a in first.top("features.4", 3)
    ]


def test_other_weights_have_another_index(tmp_path: Path) -> None:
    few(tmp_path).index(progress=False)
    changed = zf.samples.network()
    with torch.no_grad():
        changed.features[0].bias[0] += 1e-3
    assert not few(tmp_path, model=changed).indexed


def halved(image: Image.Image) -> Tensor:
    return to_tensor(image) / 2


def test_transforms_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Digests can't tell two lambdas apart; what they make of the images can."""
    photos = pictures(4)

    def engine(transform: object) -> LocalEngine:
        return LocalEngine(Counting(), photos, transform, cache=tmp_path)

    torch.manual_seed(8)
    first = engine(lambda image: to_tensor(image))
    first.index(progress=False)
    (path,) = tmp_path.glob("*/index.safetensors")
    torch.manual_seed(8)
    assert engine(lambda image: to_tensor(image) * (1 + 1e-5)).indexed, "rounding of a version"
    torch.manual_seed(8)
    other = engine(lambda image: halved(image))
    assert not other.indexed
    assert any("another transform of the same name" in note for note in other.info.notes)
    with pytest.raises(IndexMismatch, match=r"transform.*there, .* here"):
        load(path, other._indexing.fingerprint, other.session.source.probe)
    assert other.index(progress=False).probe == other.session.source.probe


def test_damaged_and_foreign_indexes_are_said_and_rebuilt(tmp_path: Path) -> None:
    few(tmp_path).index(progress=False)
    (path,) = tmp_path.glob("*/index.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    engine = few(tmp_path)
    assert not engine.indexed
    assert any("isn't a readable zfwidgets index" in note for note in engine.info.notes)
    engine.index(progress=False)
    assert few(tmp_path).indexed
    with pytest.raises(IndexMismatch, match=r"model is .* there, 'other' here"):
        load(path, {"model": "other"})


def test_an_unwritable_cache_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    engine = few(blocked / "cache")
    engine.index(progress=False)
    assert engine.indexed
    assert any("in memory only" in note for note in engine.info.notes)


def test_an_interrupted_pass_keeps_no_half_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LocalEngine(zf.samples.network(), zf.samples.photos()[:20], cache=tmp_path)
    steps = engine.index_steps()
    next(steps)

    def interrupt(self: Network, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Network, "run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            next(steps)
    assert not engine.indexed
    engine.index(progress=False)
    reference = LocalEngine(zf.samples.network(), zf.samples.photos()[:20], cache=False)
    for name, part in reference.index(progress=False).layers.items():
        np.testing.assert_array_equal(part.values, engine.index().layers[name].values)


def test_two_threads_share_one_pass(tmp_path: Path) -> None:
    engine = LocalEngine(zf.samples.network(), zf.samples.photos()[:40], cache=tmp_path)
    seen: list[list[int]] = [[], []]
    threads = [
        threading.Thread(target=lambda i=i: seen[i].extend(p.done for p in engine.index_steps()))
        for i in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = sorted(seen[0] + seen[1])
    assert together == [16, 32, 40]


def observed(model: nn.Module) -> dict[str, object]:
    return {
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "training": [m.training for m in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._backward_hooks)) for m in model.modules()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "calls": model.calls,
        "ids": [id(p) for p in model.parameters()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "grad mode": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
    }


def failing_calls(engine: LocalEngine) -> Iterator[tuple[type[Exception], object]]:
    yield UnknownLayer, lambda: engine.top("bodi.5", 0)
    yield InputError, lambda: engine.top("body.5", 8)
    yield InputError, lambda: engine.top("body.5", -1)
    yield InputError, lambda: engine.top("body.5", 0, k=0)
    yield InputError, lambda: engine.project(Unit("body.5", 2, 99, 0), 0)
    yield InputError, lambda: engine.project(Unit("body.5", 2, 1, None), 0)
    yield InputError, lambda: engine.project(Unit("body.5", 2), 3, rule="magic")
    yield InputError, lambda: engine.predict(77)
    yield InputError, lambda: engine.predict(0, Occluder(Box(0, 0, 3, 3), "pink"))
    yield InputError, lambda: engine.occlude(0, 99, progress=False)
    yield InputError, lambda: engine.occlude(0, stride=0, progress=False)
    yield InputError, lambda: engine.occlude(0, 9, target="zebra", progress=False)
    yield InputError, lambda: engine.occlude(0, 9, target=4, progress=False)
    yield UnknownLayer, lambda: engine.occlude(0, 9, layer="nowhere", progress=False)


def test_model_and_generators_are_untouched() -> None:
    torch.manual_seed(4)
    model = Counting().train()
    model.head.weight.requires_grad_(False)
    model.body[0].register_forward_hook(lambda m, a, o: o * 0)  # must not reach the engine
    model.head.bias.grad = torch.ones(4)
    before = observed(model)
    engine = LocalEngine(model, pictures(7), to_tensor, cache=False)
    assert_same(before, observed(model))
    for call in public_calls(engine):
        call()
        assert_same(before, observed(model))
    for error, call in failing_calls(engine):
        with pytest.raises(error):
            call()
        assert_same(before, observed(model))
    assert not engine.session.network.module.training
    assert engine.top("body.0", 0)[0].value > 0, "the user's hook is not the engine's"


def train(model: nn.Module, steps: int, started: threading.Event | None = None) -> None:
    torch.manual_seed(11)
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    for step in range(steps):
        images = torch.randn(4, 3, 40, 56)
        loss = nn.functional.cross_entropy(model(images), torch.randint(0, 4, (4,)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if started is not None and step == 2:
            started.set()


def test_training_in_another_thread_ends_bit_equal() -> None:
    first = Counting().train()
    alone, watched = copy.deepcopy(first), copy.deepcopy(first)
    train(alone, 60)
    started = threading.Event()
    thread = threading.Thread(target=train, args=(watched, 60, started))
    thread.start()
    started.wait(SECONDS)
    rounds = 0
    while thread.is_alive():
        engine = LocalEngine(watched, pictures(5), to_tensor, cache=False)
        for call in public_calls(engine):
            with suppress(InactiveUnit, IndexError):  # the weights change from round to round
                call()
        rounds += 1
    thread.join()
    assert rounds
    assert_same(dict(alone.state_dict()), dict(watched.state_dict()))


def test_wrong_models_are_explained() -> None:
    with pytest.raises(UnsupportedModel, match=r"Expected a torch.nn.Module, got function"):
        LocalEngine(to_tensor, pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"weight is float16.*float\(\)"):
        LocalEngine(Counting().half(), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"failed in layer '0'.*\(1, 3, 40, 56\)"):
        LocalEngine(nn.Sequential(nn.Linear(7, 3)), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"failed in layer '0'.*Check that it is"):
        LocalEngine(nn.Sequential(nn.Embedding(5, 3)), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="no layer with feature maps"):
        LocalEngine(nn.Identity(), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="meta device"):
        LocalEngine(Counting().to("meta"), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="Device 'qpu'"):
        LocalEngine(Counting(), pictures(1), to_tensor, device="qpu")


def test_wrong_labels_are_explained() -> None:
    with pytest.raises(InputError, match="4 classes, got 2 labels"):
        LocalEngine(Counting(), pictures(1), to_tensor, labels=["a", "b"])


def test_a_network_without_classes_still_has_layers() -> None:
    engine = LocalEngine(Counting().body, pictures(3), to_tensor, cache=False)
    assert len(engine.top("4", 1)) <= 3
    with pytest.raises(UnsupportedModel, match=r"a tensor of shape \(1, 8, 16, 24\)"):
        engine.predict(0)


def test_activations_that_are_not_numbers_are_refused() -> None:
    model = Counting()
    with torch.no_grad():
        model.body[4].bias[3] = 3e38  # overflows where the rest of the sum is large
        model.body[4].weight[3] = 3e38
    engine = LocalEngine(model, pictures(2), to_tensor, cache=False)
    with pytest.raises(UnsupportedModel, match=r"'body.4' gives inf in channel 3 for image 0"):
        engine.index(progress=False)
    with pytest.raises(UnsupportedModel, match=r"'body.4' gives NaN or infinite values"):
        engine.project(Unit("body.5", 3), 1)


def test_weights_that_are_not_numbers_are_refused() -> None:
    model = Counting()
    with torch.no_grad():
        model.body[4].bias[3:5] = float("nan")
    with pytest.raises(UnsupportedModel, match=r"body\.4\.bias has 2 NaN or infinite values of 8"):
        LocalEngine(model, pictures(2), to_tensor, cache=False)
