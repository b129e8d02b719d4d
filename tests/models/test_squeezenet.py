"""The embedded weights name what a person sees, and loading them leaves no trace."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
import torch
from PIL import Image

import zfwidgets as zf
from zfwidgets import samples
from zfwidgets.models import squeezenet


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return squeezenet.load()


@pytest.fixture(scope="module")
def best(network: torch.nn.Module) -> Callable[[Image.Image], list[str]]:
    def names(image: Image.Image, k: int = 5) -> list[str]:
        with torch.no_grad():
            logits = network(samples.transform()(image)[None])[0]
        return [samples.categories()[int(i)] for i in logits.topk(k).indices]

    return names


def test_loading_moves_no_random_state_and_evaluates_in_float32() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    network = squeezenet.load()
    assert torch.equal(before, torch.get_rng_state())
    assert not any(module.training for module in network.modules())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    assert network.categories == samples.categories()
    assert samples.network is squeezenet.load


def test_it_is_torchvisions_layer_by_layer(network: torch.nn.Module) -> None:
    from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

    theirs = squeezenet1_1(weights=None).eval()
    theirs.load_state_dict(network.state_dict())
    names = [name for name, _ in network.named_modules()]
    assert names == [name for name, _ in theirs.named_modules()]
    images = torch.randn(2, 3, 140, 171, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.equal(network(images), theirs(images))
    assert samples.categories() == tuple(SqueezeNet1_1_Weights.DEFAULT.meta["categories"])
    known = [zf.Engine(of, images[:, :, :96, :96]).info.fingerprint for of in (network, theirs)]
    assert known[0] == known[1]


def test_the_quickstart_imports_neither_torchvision_nor_a_compiler() -> None:
    code = """
        import sys, torch
        import zfwidgets as zf
        engine = zf.Engine(zf.samples.network(), zf.samples.photos())
        zf.Explorer(engine, layer="features.10", channel=50, photo="coffee")
        assert engine.indexed
        engine.patch(engine.top("features.10", 50, 2)[0])  # a way down has torch import sympy
        slow = {"torchvision", "torch._dynamo", "sympy", "pandas", "bqplot", "scipy", "matplotlib"}
        sys.exit(" ".join(slow & set(sys.modules)) or None)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_two_loads_share_no_storage() -> None:
    first, second = squeezenet.load(), squeezenet.load()
    with torch.no_grad():
        next(first.parameters()).zero_()
    assert next(second.parameters()).abs().sum() > 0


def test_shipped_cat_and_espresso(best: Callable[..., list[str]]) -> None:
    photos = samples.photos()
    assert set(best(photos["chelsea-cat"], 2)) & {"tiger cat", "Egyptian cat"}
    assert best(photos["coffee"], 1) == ["espresso"]


@pytest.mark.skipif(importlib.util.find_spec("skimage") is None, reason="needs scikit-image")
def test_originals_of_scikit_image(best: Callable[..., list[str]]) -> None:
    from skimage import data

    assert set(best(Image.fromarray(data.chelsea()), 2)) & {"tiger cat", "Egyptian cat"}
    assert best(Image.fromarray(data.coffee()), 1) == ["espresso"]


@pytest.mark.parametrize(
    ("photo", "seen"),
    [
        ("red-panda", "lesser panda"),
        ("koala", "koala"),
        ("bison", "bison"),
        ("scarlet-macaw", "macaw"),
        ("baseball", "baseball"),
        ("clownfish", "anemone fish"),
        ("pont-du-gard", "viaduct"),
        ("frying-pan", "frying pan"),
    ],
)
def test_names_what_a_person_sees(best: Callable[..., list[str]], photo: str, seen: str) -> None:
    assert best(samples.photos()[photo], 1) == [seen]


def test_folding_the_input_keeps_the_function() -> None:
    """Conversion folds (BGR, minus mean) into conv1: the same outputs from the same pixels."""
    import numpy as np
    from tools import convert_squeezenet as convert

    rng = np.random.default_rng(4)
    kernel = rng.normal(size=(5, 3, 3, 3)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)
    folded, shift = convert.fold_input(kernel, bias)
    pixels = torch.from_numpy(rng.uniform(size=(1, 3, 9, 13)))  # RGB, 0..1
    mean = torch.from_numpy(convert.TORCHVISION_MEAN_RGB).double().reshape(3, 1, 1)
    std = torch.from_numpy(convert.TORCHVISION_STD_RGB).double().reshape(3, 1, 1)
    caffe = (255 * pixels - torch.from_numpy(convert.CAFFE_MEAN_RGB).reshape(3, 1, 1)).flip(1)
    old = torch.nn.functional.conv2d(
        caffe, torch.from_numpy(kernel).double(), torch.from_numpy(bias).double()
    )
    new = torch.nn.functional.conv2d(
        (pixels - mean) / std, torch.from_numpy(folded).double(), torch.from_numpy(shift).double()
    )
    assert torch.allclose(old, new, rtol=1e-5, atol=1e-3)


def test_notice_is_shipped_beside_the_weights() -> None:
    folder = squeezenet.WEIGHTS.parent
    notice = (folder / "LICENCE-squeezenet.txt").read_text()
    assert "Copyright (c) 2019 Primoz Godec" in notice
    assert "What was changed" in notice
