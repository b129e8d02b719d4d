"""Projections against the deconvnet written out by hand in float64."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from tests.engine import reference
from tests.waiting import SECONDS
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv, rules
from zfwidgets.errors import InputError, UnsupportedModel

TOLERANCE = 1e-5
RULES = {rule.name: rule for rule in (rules.Deconvnet(), rules.GuidedBackprop(), rules.Gradient())}


def seeded(build: object, **kwargs: object) -> nn.Module:
    """A model with seeded weights and lively batch-norm statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = build(weights=None, **kwargs)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, -0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return model.eval()


def photos(rows: int, columns: int) -> Tensor:
    """Two sample photos as a normalised batch, rows != columns."""
    from torchvision.transforms import v2

    from zfwidgets import samples

    prepare = v2.Compose(
        [
            v2.PILToTensor(),
            v2.Resize(max(rows, columns) + 20),
            v2.CenterCrop((rows, columns)),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    pictures = samples.photos()
    return torch.stack([prepare(pictures[i]) for i in (3, 40)])


def active_units(output: Tensor) -> list[tuple[int, int, int]]:
    """One positive unit in the middle, and one on each corner of the maps, where there is one."""
    rows, cols = output.shape[1:]
    places = [(rows // 2, cols // 3), (0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1)]
    found = []
    for row, col in dict.fromkeys(places):
        channel = int(output[:, row, col].argmax())
        if output[channel, row, col] > 0:
            found.append((channel, row, col))
    return found


def check(
    model: nn.Module,
    images: Tensor,
    layer: str,
    path: list[nn.Module],
) -> None:
    """Compare every projection of active units of ``layer`` with the way down over ``path``."""
    network = Network(model, images[0])
    outputs: list[Tensor] = []
    with computing(network.device):
        network.run(images, lambda _, out: outputs.append(out.clone()), only=layer)
    shapes = reference.input_shapes(model, images[:1])
    checked = 0
    for image, output in zip(images, outputs[0], strict=True):
        for unit in active_units(output):
            with computing(network.device, grad=True):
                ours = deconv.project(
                    network, image[None], layer, [unit], rules.Deconvnet(), keep_switches=True
                )
            signal = torch.zeros(1, *output.shape, dtype=torch.float64)
            signal[(0, *unit)] = output[unit].double()
            down = reference.Down(shapes, iter(ours.switches))
            for module in reversed(path):
                signal = down(module, signal)
            assert next(down.switches, None) is None, "switches left over"
            assert signal.abs().max() > 0
            difference = (ours.pixels.double() - signal).abs().max() / signal.abs().max()
            assert difference <= TOLERANCE, (layer, unit, float(difference))
            assert ours.values[0] == pytest.approx(float(output[unit]), rel=1e-5)
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize(
    ("layer", "last"),
    [("features.0", 0), ("features.4", 4), ("features.7", 7), ("features.10", 10)],
)
def test_squeezenet_on_real_weights(layer: str, last: int) -> None:
    from zfwidgets import samples

    model = samples.network()
    check(model, photos(224, 192), layer, list(model.features)[: last + 1])


def test_squeezenet_last_convolution() -> None:
    from zfwidgets import samples

    model = samples.network()
    check(model, photos(160, 224), "classifier.2", [*model.features, *model.classifier[:3]])


@pytest.mark.parametrize("name", ["squeeze", "expand3x3_activation"])
def test_inside_a_fire_module(name: str) -> None:
    from zfwidgets import samples

    model = samples.network()
    fire = model.features[9]
    inside = {
        "squeeze": [fire.squeeze],
        "expand3x3_activation": [
            fire.squeeze,
            fire.squeeze_activation,
            fire.expand3x3,
            fire.expand3x3_activation,
        ],
    }
    path = [*list(model.features)[:9], *inside[name]]
    check(model, photos(192, 224), f"features.9.{name}", path)


@pytest.mark.parametrize(("layer", "last"), [("features.4", 4), ("features.11", 11)])
def test_alexnet_with_overlapping_pools(layer: str, last: int) -> None:
    model = seeded(torchvision.models.alexnet)
    check(model, photos(224, 192), layer, list(model.features)[: last + 1])


@pytest.mark.parametrize(("layer", "last"), [("features.15", 15), ("features.29", 29)])
def test_vgg16(layer: str, last: int) -> None:
    model = seeded(torchvision.models.vgg16)
    check(model, photos(96, 128), layer, list(model.features)[: last + 1])


def test_vgg16_on_real_weights(extra_data: Path) -> None:
    from safetensors.torch import load_file

    model = torchvision.models.vgg16(weights=None).eval()
    weights = load_file(extra_data / "weights" / "vgg16_features_hed.fp16.safetensors")
    own = model.state_dict()
    own.update({k: v.float() for k, v in weights.items()})
    model.load_state_dict(own)
    check(model, photos(128, 96), "features.22", list(model.features)[:23])


@pytest.mark.parametrize(("layer", "blocks"), [("layer1.1", 2), ("layer2.0", 3)])
def test_resnet_blocks(layer: str, blocks: int) -> None:
    model = seeded(torchvision.models.resnet18)
    stem = [model.conv1, model.bn1, model.relu, model.maxpool]
    body = [*model.layer1, *model.layer2][:blocks]
    check(model, photos(128, 96), layer, [*stem, *body])


def small(*layers: nn.Module) -> Network:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), *layers)
    return Network(model, torch.zeros(3, 9, 12))


def project(network: Network, layer: str, rule: str) -> Tensor:
    """The picture of one unit; the seed makes it an active one."""
    images = torch.linspace(-2, 2, 3 * 9 * 12).sin().reshape(1, 3, 9, 12)
    with computing(network.device, grad=True):
        return deconv.project(network, images, layer, [(1, 2, 3)], rules.choose(rule, RULES)).pixels


def test_rules_differ_only_at_rectifiers() -> None:
    network = small(nn.ReLU(), nn.Conv2d(4, 5, 3))
    pictures = {rule: project(network, "2", rule) for rule in RULES}
    assert not torch.equal(pictures["deconvnet"], pictures["gradient"])
    assert not torch.equal(pictures["deconvnet"], pictures["guided"])
    linear = small(nn.Conv2d(4, 5, 3))
    first, *others = (project(linear, "1", rule) for rule in RULES)
    assert all(torch.equal(first, other) for other in others)


def test_unknown_rule_is_named() -> None:
    with pytest.raises(InputError, match=r"'magic'.*deconvnet, guided, gradient"):
        project(small(nn.ReLU()), "1", "magic")


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach() * 2


def test_a_cut_graph_is_named() -> None:
    with pytest.raises(UnsupportedModel, match=r"Layer '1' isn't connected"):
        project(small(Detached()), "1", "deconvnet")


class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cumsum(x, 2)


@pytest.mark.parametrize(
    ("module", "status"),
    [
        (nn.ReLU(), "paper"),
        (nn.ReLU6(inplace=True), "paper"),
        (nn.LeakyReLU(0.2), "linearised"),
        (nn.Hardtanh(), "linearised"),
        (nn.BatchNorm2d(4), "adjoint"),
        (nn.AvgPool2d(2), "adjoint"),
        (nn.GELU(), "linearised"),
        (Odd(), "unknown"),
    ],
)
def test_every_operation_has_a_status(module: nn.Module, status: str) -> None:
    network = small(module)
    images = torch.ones(1, 3, 9, 12)
    with computing(network.device, grad=True):
        output = deconv.record(network, images, "1").output
        operations = deconv.Descent.below(output).operations
    assert operations[0].status == status


class PreActivation(nn.Module):
    """A shortcut around a rectifier that may change what the convolution and sigmoid saved."""

    def __init__(self, forward: Callable[[Tensor, nn.Module], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(x, self.conv)


def out_of_place(x: Tensor, conv: nn.Module) -> Tensor:
    y = torch.relu(torch.sigmoid(x) * 2 - 1)
    return conv(y) + y * y


def in_place(x: Tensor, conv: nn.Module) -> Tensor:
    y = torch.relu_(torch.sigmoid(x).mul_(2).sub_(1))
    z = conv(y)
    square = y * y
    y.fill_(7)
    return z + square


def through_a_list(x: Tensor, conv: nn.Module) -> Tensor:
    y = torch.sigmoid(x)
    torch._foreach_mul_([y], 2)
    y = torch.relu(y.sub_(1))
    z = conv(y)
    square = y * y
    torch._foreach_zero_([y])
    return z + square


def through_views(x: Tensor, conv: nn.Module) -> Tensor:
    y = torch.sigmoid(x)
    y[:, :, ::2].mul_(2).sub_(1)
    y[:, :, 1::2].mul_(2).sub_(1)
    y = torch.relu_(y)
    return conv(y) + y * y


def behind_autograd(x: Tensor, conv: nn.Module) -> Tensor:
    y = torch.sigmoid(x)
    rectified = torch.relu(y * 2 - 1)
    y.data.zero_()
    z = conv(rectified) + rectified * rectified
    rectified.data.zero_()
    return z


@pytest.mark.parametrize("forward", [in_place, through_a_list, through_views, behind_autograd])
def test_in_place_changes_of_saved_tensors_are_kept_right(
    forward: Callable[[Tensor, nn.Module], Tensor],
) -> None:
    expected = project(small(PreActivation(out_of_place)), "1", "deconvnet")
    assert expected.any()
    torch.testing.assert_close(project(small(PreActivation(forward)), "1", "deconvnet"), expected)


def test_projections_run_in_several_threads_and_beside_the_users_training() -> None:
    network = small(PreActivation(in_place))
    expected = project(network, "1", "deconvnet")
    inside, ended = threading.Barrier(3), threading.Event()

    def waits(x: Tensor, conv: nn.Module) -> Tensor:
        inside.wait(SECONDS)
        return in_place(x, conv)

    def train() -> list[float]:
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            x = torch.ones(3, requires_grad=True)
            squared = (y := x * 2) ** 2
            inside.wait(SECONDS)
            assert ended.wait(SECONDS)
            y.zero_()
            squared.sum().backward()
        assert x.grad is not None
        return list(x.grad.tolist())

    with ThreadPoolExecutor(3) as pool:
        trained = pool.submit(train)
        both = [small(PreActivation(in_place)) for _ in range(2)]
        for one in both:
            one.module[1]._forward = waits
        pictures = [pool.submit(project, one, "1", "deconvnet") for one in both]
        try:
            for picture in pictures:
                torch.testing.assert_close(picture.result(), expected)
        finally:
            ended.set()
        assert trained.result() == [8.0] * 3


def test_nothing_that_a_forward_pass_saved_stays() -> None:
    network = small(PreActivation(in_place))
    forwards: list[weakref.ref[Tensor]] = []

    def watched(x: Tensor, conv: nn.Module) -> Tensor:
        y = torch.sigmoid(x)
        forwards.append(weakref.ref(y.untyped_storage()))
        return conv(y) + y

    network.module[1]._forward = watched
    gc.disable()
    try:
        project(network, "1", "deconvnet")
        with computing(network.device, grad=True):
            deconv.certificate(network, torch.ones(1, 3, 9, 12), "1")  # its graph isn't gone down
        assert len(forwards) == 2
        assert not any(reference() for reference in forwards)
    finally:
        gc.enable()


def recorded_operations() -> int:
    """Operations of PyTorch's graphs that Python holds."""
    return sum(type(one).__name__.endswith("Backward0") for one in gc.get_objects())


@pytest.mark.parametrize("rule", RULES)
def test_no_graph_waits_for_the_garbage_collection(rule: str) -> None:
    """Rules hang on the nodes that hold them: a cycle, of which each collection frees one node."""
    pools = nn.MaxPool2d(2, 1), nn.MaxPool2d(2, 1)
    network = small(
        nn.ReLU(), pools[0], nn.Conv2d(4, 5, 2), nn.ReLU(), pools[1], nn.Conv2d(5, 6, 2)
    )
    gc.collect()
    gc.disable()
    try:
        before = recorded_operations()
        project(network, "5", rule)
        assert recorded_operations() <= before
    finally:
        gc.enable()
