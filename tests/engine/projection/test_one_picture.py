"""A unit of an image has one picture, bit for bit, and what rounding decides of it is told."""

from __future__ import annotations

import copy
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

import zfwidgets as zf
from tests.waiting import PROGRAM
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import network
from zfwidgets.engine.network.graph.geometry import Slide
from zfwidgets.engine.network.graph.near_ties import largest
from zfwidgets.engine.network.graph.switches import TIED, pool, unpack
from zfwidgets.engine.network.memory import Memory
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.projector import Projector
from zfwidgets.records import Activation, Projection, Unit, display_scale, signed_to_uint8

ROWS, COLUMNS = 112, 96
DENORMALIZE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def flat_photos(count: int, rows: int = ROWS, columns: int = COLUMNS) -> list[Tensor]:
    """Photos of which several parts are painted in one colour."""
    source = zf.Engine(zf.samples.network(), zf.samples.photos(), device="cpu").session.source
    photos = torch.stack([source.tensor(number) for number in range(count)])
    photos = F.interpolate(photos, (rows, columns), mode="bilinear", antialias=True)
    for top, left, colour in ((0.1, 0.1, 0.7), (0.6, 0.4, -1.2), (0.0, 0.7, 2.0)):
        down, across = int(top * rows), int(left * columns)
        photos[..., down : down + rows // 3, across : across + columns // 2] = colour
    return [photo.contiguous() for photo in photos]


def engine_of(model: nn.Module, photos: list[Tensor], **more: int) -> LocalEngine:
    return zf.Engine(model, photos, cache=False, device="cpu", denormalize=DENORMALIZE, **more)


def build(name: str) -> nn.Module:
    if name == "squeezenet":
        return zf.samples.network()
    torch.manual_seed(0)
    if name == "mirrored":
        mirrored = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")
        return nn.Sequential(mirrored, nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(8, 6, 3), nn.ReLU())
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(weights=None, **options)
    if name == "vgg11":  # without the classifier's half a gigabyte
        model = nn.Sequential(*model.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return model.eval()


def strongest(engine: LocalEngine, layer: str, channel: int) -> list[Activation]:
    """The channel's strongest unit in each image where it is active."""
    found = []
    info = engine.layer(layer)
    for image, name in enumerate(engine.info.images):
        row, col = engine._projector.place(
            info, Unit(layer, channel), engine.session.source.tensor(image)
        )
        box = info.receptive_field.box(row, col)
        found.append(Activation(Unit(layer, channel, row, col), image, name, 1.0, box))
    return [a for a in found if _active(engine, a)]


def _active(engine: LocalEngine, activation: Activation) -> bool:
    try:
        engine.project(activation.unit, activation.image)
    except zf.errors.InactiveUnit:
        return False
    return True


def same(found: Projection, expected: Projection) -> bool:
    return (
        np.array_equal(found.pixels, expected.pixels)
        and found.activation.value == expected.activation.value
        and repr(found.near_ties) == repr(expected.near_ties)  # not another zero
    )


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("squeezenet", ("features.3", "features.7.expand3x3", "features.12")),
        ("googlenet", ("inception3a.branch2.1.conv", "inception4a.branch4.1.conv")),
        ("densenet121", ("features.denseblock1.denselayer6.conv2",)),
        ("vgg11", ("8", "13")),
        ("mirrored", ("1", "4")),  # without cones
    ],
)
def test_a_unit_has_one_picture(name: str, layers: tuple[str, ...]) -> None:
    """Alone, beside others, in any order, again, with anything kept, in a fresh engine."""
    model, photos = build(name), flat_photos(4)
    engine = engine_of(model, photos)
    for layer in layers:
        units = strongest(engine, layer, engine.layer(layer).channels // 2)
        assert len(units) > 1
        for rule in ("deconvnet", "guided"):
            alone = engine_of(model, photos, switches=0)
            expected = [alone.project(a.unit, a.image, rule) for a in units]
            fresh = engine_of(model, photos)
            for order in (
                units,  # nothing kept
                units,  # all kept
                units[::-1],
                [units[0], *units],  # one of them twice
                units[1:],
            ):
                found = fresh.project_all(order, rule)
                wanted = [expected[units.index(a)] for a in order]
                assert all(map(same, found, wanted)), (layer, rule)
            kept = engine_of(model, photos)
            kept.keep_switches([a.image for a in units], layer, rule)
            assert all(map(same, kept.project_all(units, rule), expected)), (layer, rule)
            other = "guided" if rule == "deconvnet" else "deconvnet"
            mixed = engine_of(model, photos)
            mixed.project_all(units[1:], other)  # some tapes hold more, or less, than is needed
            assert all(map(same, mixed.project_all(units, rule), expected)), (layer, rule)
        carrying = engine.project(units[0].unit, units[0].image, keep_switches=True)
        assert same(carrying, engine.project(units[0].unit, units[0].image))


@pytest.fixture
def threads():
    """Sets how many threads PyTorch has, and sets them back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("layer", ["features.3", "features.10.expand3x3"])
def test_it_is_the_same_with_any_number_of_threads(layer: str, threads) -> None:
    """One thread inside each operation; units side by side where they are many."""
    model, photos = build("squeezenet"), flat_photos(4, 128, 120)
    found = []
    for count in (1, 3):
        threads(count)
        engine = engine_of(model, photos)
        units = strongest(engine, layer, 40)
        assert len(units) > 2
        found.append(engine.project_all(units))
        assert torch.get_num_threads() == count
    assert all(map(same, *found))


RESTARTED = ("inception3a.branch2.1.conv", "inception4b")
"""Layers whose pictures are made again in another process."""


def pictures_of_googlenet() -> str:
    """A checksum of pictures of GoogLeNet, their values and near ties."""
    engine = engine_of(build("googlenet"), flat_photos(2))
    found = hashlib.sha256()
    pictures = 0
    for layer in RESTARTED:
        units = strongest(engine, layer, engine.layer(layer).channels // 2)
        for one in engine.project_all(units):
            found.update(one.pixels.tobytes())
            found.update(repr((one.activation.value, one.near_ties)).encode())
            pictures += 1
    assert pictures > 2
    return found.hexdigest()


def test_a_restart_shows_the_same_pictures(root: Path) -> None:
    """In a process of its own, with as many threads."""
    code = (
        f"import torch; torch.set_num_threads({torch.get_num_threads()})\n"
        f"from {__name__} import pictures_of_googlenet\nprint(pictures_of_googlenet())"
    )
    command, paths = [sys.executable, "-c", code], {"PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=root, env=os.environ | paths, capture_output=True, text=True, timeout=PROGRAM
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == pictures_of_googlenet()


def test_a_report_holds_the_same_pictures(tmp_path: Path) -> None:
    """Its levels are those of what an engine projects one by one."""
    photos = flat_photos(6, 64, 72)
    model = nn.Sequential(*list(zf.samples.network().features)[:6], nn.Flatten(), nn.LazyLinear(4))
    model.eval()(torch.stack(photos))
    engine = engine_of(model, photos)
    explorer = zf.Explorer(engine, layer="3", channel=42)
    path = tmp_path / "report.html"
    zf.save_report(explorer, path, progress=False)
    stored = zf.load_report(path)
    assert stored.rules == ("deconvnet",)
    assert stored.explain("3") == engine.explain("3")
    top = list(stored.top("3", 42))
    alone = engine_of(model, photos, switches=0)
    expected = [alone.project(a.unit, a.image) for a in top]
    scale = display_scale(expected)
    assert len(top) > 2
    for found, live in zip(stored.project_all(top), expected, strict=True):
        assert found.near_ties == live.near_ties
        full = max(scale, display_scale([live]))
        levels = signed_to_uint8(live.crop(), full).astype(np.float32) - 128
        assert np.array_equal(found.crop(), levels * np.float32(full / 127))


# ---------------------------------------------------------------------- any session


class Branches(nn.Module):
    """Parallel ways that are added or concatenated, one of them through a pool."""

    def __init__(self, channels: int, out: int, chance: random.Random) -> None:
        super().__init__()
        self.left = nn.Conv2d(channels, out, chance.choice((1, 3, 5)), padding="same")
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.right = nn.Conv2d(channels, out, 1)
        self.join = chance.choice(("add", "cat"))
        self.out = out * (1 + (self.join == "cat"))

    def forward(self, x: Tensor) -> Tensor:
        left, right = F.relu(self.left(x)), self.right(self.pool(x))
        return left + right if self.join == "add" else torch.cat([left, right], 1)


def small_network(chance: random.Random) -> nn.Module:
    """Two to four stages of convolutions or branches, with rectifiers and pools."""
    torch.manual_seed(chance.randrange(10**6))
    layers: list[nn.Module] = []
    channels = 2
    for _ in range(chance.randint(2, 4)):
        out = chance.choice((4, 7, 12))
        if chance.random() < 0.4:
            block = Branches(channels, out, chance)
            layers.append(block)
            channels = block.out
        else:
            kernel = chance.choice((1, 3, 5))
            layers.append(nn.Conv2d(channels, out, kernel, padding=kernel // 2))
            channels = out
        if chance.random() < 0.3:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU())
        if chance.random() < 0.6:
            layers.append(nn.MaxPool2d(*chance.choice(((2,), (3, 2), (3, 2, 1)))))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))


def run_session(seed: int) -> int:
    """A user's clicks; each picture is that of the whole image, by autograd.

    What crosses near ties may lie elsewhere, by about the share that crosses them. Returns how many
    were clear of them.
    """
    chance = random.Random(seed)
    model = small_network(chance).double().eval()
    generator = torch.Generator().manual_seed(seed)
    photos = torch.randn(5, 2, 33, 40, dtype=torch.float64, generator=generator)
    limit = chance.choice((0, 20_000, 1 << 28))
    net = Network(model, photos[0])
    projector = Projector(net, Memory(net.device), limit)
    layers = [info for info in net.layers if min(info.shape[1:]) > 1]
    compared = 0
    for _ in range(8):
        info = chance.choice(layers)
        rule = deconv.RULES[chance.choice(tuple(deconv.RULES))]
        images = [chance.randrange(len(photos)) for _ in range(chance.randint(1, 4))]
        units = [tuple(chance.randrange(n) for n in info.shape) for _ in images]
        keys = [chance.choice((image, image, None)) for image in images]
        if chance.random() < 0.2:
            projector.keep(photos[images], images, info.name, rule)
        found = projector.project(photos[images], keys, info.name, units, rule)
        with computing(net.device, grad=True):
            whole = deconv.project(net, photos[images], info.name, units, rule)
        assert found.near_ties is not None
        assert whole.near_ties is not None
        # Pools of pools pass one maximum on to several places: those tie in any precision.
        clear = (found.near_ties == 0) & (whole.near_ties == 0)
        scale = whole.pixels.abs().amax((1, 2, 3)).clamp(min=1e-12)
        apart = (found.pixels - whole.pixels).abs().amax((1, 2, 3)) / scale
        crossing = torch.maximum(found.near_ties, whole.near_ties)
        assert (apart[clear] <= 1e-9).all(), (seed, info.name)
        assert (apart[~clear] <= crossing[~clear] + 1e-9).all(), (seed, apart, crossing)
        compared += int(clear.sum())
        assert torch.allclose(found.values, whole.values, rtol=1e-9, atol=1e-12), (seed, info.name)
    return compared


SESSIONS = int(os.environ.get("ZFWIDGETS_SESSIONS", "12"))


@pytest.mark.parametrize("seed", range(SESSIONS))
def test_any_session_gives_whole_images_pictures(seed: int, monkeypatch) -> None:
    """Rules, layers, channels and images in any order; in float64, so that no switch flips."""
    monkeypatch.setattr(network, "check_precision", lambda model: None)
    assert run_session(seed) > 3


# ---------------------------------------------------------------------- near ties


@pytest.mark.parametrize("slide", [Slide((2, 3), (2, 1)), Slide((3, 3), (2, 2), (1, 1))])
def test_near_ties_are_those_of_a_loop(slide: Slide) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 5, (2, 3, 9, 12), generator=generator).float()  # many are equal
    x += torch.randint(0, 2, x.shape, generator=generator) * 1e-7  # and some nearly so
    padded = F.pad(x, (slide.padding[1],) * 2 + (slide.padding[0],) * 2, value=-torch.inf)
    out, switches = pool(padded, slide, largest(x))
    whole, flat = F.max_pool2d(x, slide.kernel, slide.stride, slide.padding, return_indices=True)
    assert torch.equal(out, whole)
    assert torch.equal(unpack(switches, slide, x.shape[-2:]), flat)
    bound = 16 * 2**-23 * 5
    seen = set()
    for n, c, i, j in np.ndindex(*out.shape):
        top, left = i * slide.stride[0], j * slide.stride[1]
        window = padded[n, c, top : top + slide.kernel[0], left : left + slide.kernel[1]].flatten()
        gaps = float(window.max()) - window[window < window.max()]
        tied = bool((gaps <= bound).any())
        assert bool(switches[n, c, i, j] >= TIED) == tied
        seen.add(tied)
    assert seen == {False, True}


MARKED = 0.01
"""From where on the card says so."""


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("squeezenet", ("features.7", "features.9")),
        ("googlenet", ("inception3a.branch2.1.conv", "inception4b")),
        ("vgg11", ("8", "13")),
        ("densenet121", ("features.denseblock2.denselayer4.conv2",)),
    ],
)
def test_what_another_precision_shows_otherwise_is_marked(
    name: str, layers: tuple[str, ...], monkeypatch
) -> None:
    """Beside float64, which decides near ties anew: what isn't marked agrees to one per cent.

    And to what float32 rounds where there is no near tie at all.
    """
    monkeypatch.setattr(network, "check_precision", lambda model: None)
    model, photos = build(name), flat_photos(4)
    engine = engine_of(model, photos)
    exact = Network(copy.deepcopy(model).double(), photos[0].double())
    compared = unmarked = 0
    for layer in layers:
        for channel in (1, engine.layer(layer).channels // 2):
            units = strongest(engine, layer, channel)
            if not units:
                continue
            compared += len(units)
            places = [(channel, a.unit.row, a.unit.col) for a in units]
            images = torch.stack([photos[a.image] for a in units]).double()
            with computing(exact.device, grad=True):
                whole = deconv.project(exact, images, layer, places, "deconvnet").pixels
            for found, expected in zip(engine.project_all(units), whole, strict=True):
                pixels = expected.permute(1, 2, 0).numpy()
                apart = np.abs(found.pixels - pixels).max() / np.abs(pixels).max()
                assert found.near_ties is not None
                unmarked += found.near_ties < MARKED
                bound = 1.0 if found.near_ties >= MARKED else MARKED if found.near_ties else 1e-4
                assert apart <= bound, (layer, found.activation.unit, found.near_ties)
    assert compared > 3
    assert unmarked, "of those that are marked this compares nothing"
