"""The paper's networks: sizes, parameters, formulas, and that the engine shows them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import zfwidgets as zf
from tests.engine.reference import Down, input_shapes
from zfwidgets.errors import InputError
from zfwidgets.models import ContrastNorm, renormalize_filters_

ROWS, COLUMNS = 66, 98


def map_sizes(model: nn.Module, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    """Shapes of all layers' outputs, found on the meta device."""
    x, sizes = torch.empty(1, 3, rows, columns, device="meta"), {}
    for name, layer in model.to("meta").named_children():
        x = layer(x)
        sizes[name] = tuple(x.shape[1:])
    return sizes


def test_zfnet_is_figure_3() -> None:
    model = zf.models.zfnet()
    assert sum(p.numel() for p in model.parameters()) == 62_357_608
    # paper: "initialized to 10^-2", biases zero
    assert float(model.fc6.weight.detach().std()) == pytest.approx(0.01, rel=0.01)
    assert not any(p.any() for n, p in model.named_parameters() if n.endswith("bias"))
    sizes = map_sizes(model, 224, 224)
    assert {name: sizes[name] for name in ("conv1", "pool1", "norm1")} == {
        "conv1": (96, 110, 110),
        "pool1": (96, 55, 55),
        "norm1": (96, 55, 55),
    }
    assert sizes["conv2"] == (256, 26, 26)
    assert sizes["pool2"] == sizes["norm2"] == (256, 13, 13)
    assert sizes["conv3"] == sizes["conv4"] == (384, 13, 13)
    assert sizes["conv5"] == (256, 13, 13)
    assert sizes["pool5"] == (256, 6, 6)
    assert (sizes["fc6"], sizes["fc7"], sizes["fc8"]) == ((4096,), (4096,), (1000,))
    order = [name for name in sizes if name[-1] == "1"]
    assert order == ["conv1", "relu1", "pool1", "norm1"]


def test_alexnet_replica_is_krizhevskys() -> None:
    model = zf.models.alexnet_replica()
    assert sum(p.numel() for p in model.parameters()) == 60_965_224
    assert (model.conv1.kernel_size, model.conv1.stride) == ((11, 11), (4, 4))
    sizes = map_sizes(model, 224, 224)
    assert [sizes[name][1] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")] == [
        55,
        27,
        27,
        13,
        13,
        6,
    ]
    assert [name for name in sizes if name[-1] == "1"] == ["conv1", "relu1", "norm1", "pool1"]


@pytest.mark.parametrize(
    ("small", "big"),
    [
        (zf.models.zfnet_small, zf.models.zfnet),
        (zf.models.alexnet_small, zf.models.alexnet_replica),
    ],
)
def test_small_sisters_have_the_same_layers_in_the_same_order(small: Any, big: Any) -> None:
    first, second = small(classes=7), big(classes=7)
    assert [n for n, _ in first.named_children()] == [n for n, _ in second.named_children()]
    assert [type(m) for m in first] == [type(m) for m in second]
    assert first.conv1.kernel_size == second.conv1.kernel_size
    assert first.conv1.stride == second.conv1.stride
    assert sum(p.numel() for p in first.parameters()) < 500_000
    with torch.no_grad():
        assert first.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


def test_small_sizes_and_other_pictures() -> None:
    assert [map_sizes(zf.models.zfnet_small(), 64, 64)[n][1] for n in ("conv1", "pool1")] == [
        30,
        15,
    ]
    wide = zf.models.zfnet_small(size=(ROWS, COLUMNS))
    assert map_sizes(wide, ROWS, COLUMNS)["pool5"] == (64, 2, 3)
    with pytest.raises(InputError, match="Pictures of 10 x 30 pixels are too small"):
        zf.models.alexnet_small(size=(10, 30))
    with pytest.raises(InputError, match="classes is 0"):
        zf.models.zfnet_small(0)


def test_small_nets_start_with_the_loss_of_guessing_and_learn() -> None:
    torch.manual_seed(0)
    model = zf.models.zfnet_small(size=(48, 64))
    assert model.training
    data, bring = zf.samples.textures(40, (48, 64)), zf.models.transform((48, 64))
    images = torch.stack([bring(image) for image, _ in data])
    assert images.shape[1:] == (3, 48, 64)
    assert float(images.abs().max()) <= 2
    targets = torch.tensor(data.targets)
    optimizer = torch.optim.SGD(model.parameters(), 0.007, 0.9)
    losses = []
    for _ in range(70):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(np.log(10), rel=0.1)
    assert np.mean(losses[-3:]) < 0.6 * losses[0]


def test_transform_keeps_as_much_of_a_picture_as_fits() -> None:
    rows, columns = 48, 64
    picture = zf.samples.shapes(1, (rows, columns))[0][0]
    pixels = torch.tensor(np.asarray(picture)).permute(2, 0, 1)
    torch.testing.assert_close(zf.models.transform((rows, columns))(picture), pixels / 63.75 - 2)
    # a wide picture's left and right third, red and blue, go; a high one's upper and lower
    wide = Image.new("RGB", (180, 60), "lime")
    wide.paste("red", (0, 0, 60, 60))
    wide.paste("blue", (120, 0, 180, 60))
    for seen in (zf.models.transform(30)(wide), zf.models.transform(30)(wide.rotate(90, expand=1))):
        assert seen.shape == (3, 30, 30)
        inside = seen[:, 2:-2, 2:-2]  # the filter that makes it smaller blends at the edge
        assert (inside[1] > 1.9).all()
        assert (inside[[0, 2]] < -1.9).all()
    # of pictures with the proportions asked for nothing is cut off
    seen = zf.models.transform((20, 60))(wide)
    assert seen[0, 10, 2] > 1.9
    assert seen[2, 10, 57] > 1.9


def contrast(maps: np.ndarray, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
    """The formula, place by place and map by map, in float64."""
    out = np.empty(maps.shape)
    n, channels, rows, columns = maps.shape
    for image, f, row, column in np.ndindex(n, channels, rows, columns):
        around = [
            maps[image, g, row, column] if 0 <= g < channels else 0.0
            for g in range(f - size // 2, f + size // 2 + 1)
        ]
        variance = np.mean([(a - np.mean(around)) ** 2 for a in around])
        out[image, f, row, column] = maps[image, f, row, column] / (k + alpha * variance) ** beta
    return out


@pytest.mark.parametrize(("size", "channels"), [(5, 8), (3, 2), (1, 4)])
def test_contrast_norm_is_its_formula(size: int, channels: int) -> None:
    maps = np.random.default_rng(0).normal(3, 20, (2, channels, 3, 4)).clip(0)
    norm = ContrastNorm(size, 0.02, 0.6, 1.5)
    found = norm(torch.tensor(maps)).numpy()
    np.testing.assert_allclose(found, contrast(maps, size, 0.02, 0.6, 1.5), rtol=1e-10)
    with pytest.raises(InputError, match="size is 4"):
        ContrastNorm(4)


class LinearisedDown(Down):
    """A way down through the contrast norms' transposed derivative, which the paper leaves out."""

    def __init__(self, *args: Any, inputs: dict[nn.Module, Tensor]) -> None:
        super().__init__(*args)
        self.inputs = inputs

    def ContrastNorm(self, module: ContrastNorm, signal: Tensor) -> Tensor:
        a, half = self.inputs[module].double(), module.size // 2
        channels = a.shape[1]

        def windows(values: Tensor) -> list[slice]:
            return [slice(max(0, f - half), f + half + 1) for f in range(channels)]

        mean = torch.stack([a[:, w].sum(1) / module.size for w in windows(a)], 1)
        square = torch.stack([(a[:, w] ** 2).sum(1) / module.size for w in windows(a)], 1)
        scale = module.k + module.alpha * (square - mean**2)
        below = signal * scale**-module.beta
        factor = signal * a * scale ** (-module.beta - 1)
        factor = factor * 2 * module.alpha * module.beta / module.size
        for g in range(channels):
            for f in range(max(0, g - half), min(channels, g + half + 1)):
                below[:, g] -= factor[:, f] * (a[:, g] - mean[:, f])
        return below


class Rectified:
    """The deconvnet's rule at rectifiers, of a user who says nothing of norms."""

    name, answers, reads_forward = "rectified", "as the deconvnet, but for norms", False

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        return signal.relu()


@pytest.mark.parametrize("rule", ["deconvnet", Rectified()], ids=["passed by", "derivative"])
@pytest.mark.parametrize("layer", ["norm1", "conv2", "relu4"])
def test_the_engine_projects_it_as_written_out_by_hand(layer: str, rule: Any) -> None:
    torch.manual_seed(1)
    model = zf.models.zfnet_small(size=(ROWS, COLUMNS)).eval()
    engine = zf.Engine(
        model,
        zf.samples.shapes(4, (ROWS, COLUMNS)),
        zf.models.transform((ROWS, COLUMNS)),
        cache=False,
    )
    assert engine.layer("norm1").role == "norm"
    tensor = engine.session.image(2)[2][None]
    inputs: dict[nn.Module, Tensor] = {}
    handles = [
        m.register_forward_pre_hook(lambda m, args: inputs.__setitem__(m, args[0].clone()))
        for m in model
    ]
    with torch.no_grad():
        model(tensor)
    for handle in handles:
        handle.remove()
    names = [name for name, _ in model.named_children()]
    below = [getattr(model, name) for name in names[: names.index(layer) + 1]]
    maps = nn.Sequential(*below)(tensor).detach()
    channel = int(maps[0].amax((1, 2)).argmax())
    found = engine.project(zf.records.Unit(layer, channel), 2, rule, keep_switches=True)
    unit = found.activation.unit
    assert found.activation.value == pytest.approx(float(maps[0, channel].max()), rel=1e-5)

    signal = torch.zeros(maps.shape, dtype=torch.float64)
    signal[0, channel, unit.row, unit.col] = found.activation.value
    switches = [
        nn.functional.max_pool2d(inputs[m], 3, 2, ceil_mode=True, return_indices=True)[1]
        for m in below
        if isinstance(m, nn.MaxPool2d)
    ]
    shapes = input_shapes(model, tensor)
    if rule == "deconvnet":
        down = Down(shapes, iter(switches[::-1]))
    else:
        down = LinearisedDown(shapes, iter(switches[::-1]), inputs=inputs)
    with torch.no_grad():
        wanted = down(nn.Sequential(*below), signal)[0].permute(1, 2, 0).numpy()
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found.pixels, wanted, atol=1e-5 * np.abs(wanted).max())
    assert found.status == ("paper" if rule == "deconvnet" else "linearised")
    (norm,) = (o for o in found.operations if "normalisation" in o.name)
    assert norm.name == "contrast normalisation"
    assert (norm.note == "passed by, as in the paper") == (rule == "deconvnet")


def test_renormalize_filters_is_the_papers_rule() -> None:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(3, 6, (3, 5)), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2))
    with torch.no_grad():
        for factor, conv in ((4.0, model[0]), (0.5, model[2])):
            conv.weight.normal_(0, 0.1)
            conv.weight[1] *= factor
            conv.weight[2] *= factor
    before = {k: v.clone() for k, v in model.state_dict().items()}
    bias, where = model[0].bias.clone(), model[0].weight.data_ptr()
    changed = renormalize_filters_(model, 0.15, input_range=64)

    expected = {}
    for name, radius in (("0", 0.15 * 2), ("2", 0.15)):
        for number, old in enumerate(before[f"{name}.weight"].numpy().astype(float)):
            rms = np.sqrt(np.mean(old**2))
            new = model.get_submodule(name).weight[number].detach().numpy()
            if rms > radius:
                expected[name] = expected.get(name, 0) + 1
                np.testing.assert_allclose(new, old * radius / rms, rtol=1e-5)
            else:
                np.testing.assert_array_equal(new, old.astype(np.float32))
    assert changed == expected
    assert changed["0"] == 2
    assert torch.equal(bias, model[0].bias)
    assert where == model[0].weight.data_ptr()
    assert model[0].weight.requires_grad


def test_renormalize_filters_scales_with_the_inputs() -> None:
    """Inputs divided by 64 and filters times 64: the same network before and after."""
    torch.manual_seed(3)
    paper = zf.models.zfnet_small(3, (48, 64)).eval()
    scaled = zf.models.zfnet_small(3, (48, 64)).eval()
    scaled.load_state_dict(paper.state_dict())
    with torch.no_grad():
        scaled.conv1.weight *= 64
    images = torch.randn(2, 3, 48, 64) * 60
    renormalize_filters_(paper, 0.1)
    renormalize_filters_(scaled, 0.1, input_range=2)
    with torch.no_grad():
        torch.testing.assert_close(paper(images), scaled(images / 64), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (nn.Linear(3, 2), {}, "Linear has no Conv2d"),
        (nn.Conv2d(3, 2, 1), {"radius": 0}, "radius is 0"),
        (nn.Conv2d(3, 2, 1), {"input_range": float("nan")}, "input_range is nan"),
    ],
)
def test_what_cannot_be_renormalised(
    model: nn.Module, options: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        renormalize_filters_(model, **options)
