"""The index on a GPU; skipped, and said so, where there is none (`make gpu`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import zfwidgets as zf
from tests.engine.ranking.small import engine, network, pictures, transform
from tests.engine.ranking.test_index import assert_same
from zfwidgets.engine.network.memory import MOST_ON_GPU

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="`make gpu` runs it, with a CUDA GPU"),
]

COUNT = 2 * MOST_ON_GPU + 22
"""Three batches, the last one not full."""


@pytest.fixture(autouse=True)
def full_float32() -> Iterator[None]:
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = allowed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("pictures") / "all", COUNT)


def test_equals_all_maxima_sorted() -> None:
    """SqueezeNet's layers on the sample photos: values, images and places, bit for bit."""
    photos = zf.samples.photos()
    some = [photos[number] for number in range(100)]  # of all there's an index in the package
    made = zf.Engine(zf.samples.network(), some, photos.transform, device="cuda", cache=False)
    index = made.index()
    net, source = made.session.network, made.session.source
    kept: dict[str, list[torch.Tensor]] = {}
    for number in range(len(index.plan)):
        batch = torch.stack([source.tensor(int(i)) for i in index.plan.batch(number)]).cuda()
        with torch.no_grad():
            net.run(batch, lambda name, out: kept.setdefault(name, []).append(out.flatten(2)))
    for name, layer in index.layers.items():
        maps = torch.cat(kept[name])
        largest = maps.amax(2)
        order = largest.sort(dim=0, descending=True, stable=True).indices[: layer.values.shape[1]].T
        values = largest.T.gather(1, order).cpu().numpy()
        there = values > 0
        assert there.any()
        places = maps.argmax(2).T.gather(1, order).cpu().numpy()
        width = made.layer(name).shape[-1]
        np.testing.assert_array_equal(layer.values[there], values[there], name)
        np.testing.assert_array_equal(layer.images[there], order.cpu().numpy()[there], name)
        np.testing.assert_array_equal((layer.rows * width + layer.cols)[there], places[there], name)


def test_gone_on_with_after_an_interrupt(folder: Path, tmp_path: Path) -> None:
    """The bits of an undisturbed pass."""
    whole = engine(folder).index()
    steps = engine(folder).index_steps(folder=tmp_path / "index")
    for _ in zip(range(2), steps, strict=False):
        pass
    steps.close()
    assert_same(engine(folder).index(folder=tmp_path / "index"), whole)


def test_verified_and_near_the_cpu_s(folder: Path) -> None:
    made = engine(folder)
    assert made.session.network.device.type == "cuda"
    index = made.index()
    assert made.verify(sample=None, progress=False).bit_equal
    other = zf.Engine(network(), folder, transform(), cache=False, device="cpu").index()
    for name, layer in index.layers.items():
        np.testing.assert_allclose(
            layer.values, other.layers[name].values, rtol=1e-4, atol=1e-5, err_msg=name
        )
    assert index.made_with["device"] != other.made_with["device"]


def test_too_large_a_batch_is_halved() -> None:
    """A GPU whose memory really runs out: the pass ends, and says what it did."""
    size, count = 1024, 8
    net = torch.nn.Sequential(*(torch.nn.Conv2d(c, 32, 3) for c in (3, 32, 32)), torch.nn.ReLU())
    generator = torch.Generator().manual_seed(0)
    images = list(torch.rand(count, 3, size, size // 2, generator=generator))
    made = zf.Engine(net.eval(), images, cache=False, device="cuda")
    before = torch.cuda.memory_allocated()
    total = torch.cuda.get_device_properties(0).total_memory
    one = 4 * 32 * size * size // 2
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((before + 8 * one) / total)
    try:
        index = made.index()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert index.images_seen == count
    assert any("images at a time" in note for note in made.info.notes)


def test_gpu_s_random_numbers_and_mode_stay(folder: Path) -> None:
    net = network().cuda().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    torch.cuda.manual_seed(3)
    state = torch.cuda.get_rng_state()
    made = zf.Engine(net, folder, transform(), cache=False)
    top = made.top("4", 3)
    made.project_all(top.activations)
    made.occlude(0, 6, 4, layer="4", progress=False)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(parameter.device.type == "cuda" for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())
