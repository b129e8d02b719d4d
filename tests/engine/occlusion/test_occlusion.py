"""Maps of an occluder, on real weights and odd networks, against loops of full forward passes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import memory
from zfwidgets.engine.network.costs import CPU
from zfwidgets.engine.occlusion import scoring
from zfwidgets.errors import InputError, UnknownLayer, UnsupportedModel
from zfwidgets.records import (
    Box,
    CoverRequest,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    mask_of,
    mask_pixels,
)

from ..reference import responses

PLUS = np.zeros((16, 16), dtype=bool)
PLUS[6:10], PLUS[:, 3:7] = True, True
BAND = torch.linspace(-1, 1, 3 * 224 * 224).reshape(3, 224, 224)


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    baselines = {"sand": [0.5, 0.2, -0.4], "band": BAND.numpy(), "mirror": lambda x: x.flip(2)}
    return LocalEngine(zf.samples.network(), zf.samples.photos(), cache=False, baselines=baselines)


class Small(nn.Module):
    """Rows and columns differ, strides differ, sums, a pool that pads, and a vector at the end."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, (3, 5), (1, 2), (1, 2))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU()
        self.classes = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.first(x)))
        x = self.relu(x + self.second(x))
        return self.classes(x.mean((2, 3)))


class NoClasses(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.pool(self.relu(self.first(x))))


def small(model: nn.Module | None = None, **options: object) -> LocalEngine:
    torch.manual_seed(2)
    images = list(torch.rand(3, 3, 44, 68, generator=torch.Generator().manual_seed(1)))
    return LocalEngine(model or Small(), images, cache=False, **options)


# What an occluder is filled with, written out once more


def grey() -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((0.5 - mean) / std).view(3, 1, 1)


def blurred(image: Tensor) -> Tensor:
    """By one kernel of two axes, mirrored at the borders."""
    sigma = min(image.shape[1:]) / 16
    reach = math.ceil(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = torch.outer(line, line)
    kernel = (kernel / kernel.sum()).double()
    padded = F.pad(image[None].double(), [reach] * 4, mode="reflect")
    planes = [F.conv2d(padded[:, c : c + 1], kernel[None, None])[0] for c in range(len(image))]
    return torch.cat(planes).float()


def noise(image: Tensor) -> Tensor:
    field = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    out = [field[c] * image[c].std(correction=0) + image[c].mean() for c in range(len(image))]
    return torch.stack(out)


def border(image: Tensor) -> Tensor:
    ring = [image[:, 0], image[:, -1], image[:, 1:-1, 0], image[:, 1:-1, -1]]
    return torch.cat(ring, 1).mean(1).view(-1, 1, 1)


BASELINES: dict[str | float, Callable[[Tensor], Tensor]] = {
    "grey": lambda x: grey(),
    "mean": lambda x: torch.zeros(3, 1, 1),
    "blur": blurred,
    "noise": noise,
    "border": border,
    -0.75: lambda x: torch.full((3, 1, 1), -0.75),
    "sand": lambda x: torch.tensor([0.5, 0.2, -0.4]).view(3, 1, 1),
    "band": lambda x: BAND,
    "mirror": lambda x: x.flip(2),
}


def paint(image: Tensor, baseline: Tensor, box: Box, mask: np.ndarray | None = None) -> Tensor:
    """The image with a baseline over a box that may reach over its border."""
    inside = np.zeros(image.shape[1:], dtype=bool)
    for row in range(box.height):
        for col in range(box.width):
            y, x = box.top + row, box.left + col
            if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                inside[y, x] |= mask is None or bool(mask[row, col])
    return torch.where(torch.from_numpy(inside), baseline.expand(image.shape), image)


def expected(
    engine: LocalEngine, found: OcclusionMap, image: Tensor, baseline: Tensor
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits (positions, classes) and what became of the layer, by full forward passes."""
    network = engine.session.network
    mask = None if found.mask is None else mask_pixels(found.mask, *found.size)
    base = image
    for box in found.extra_boxes:
        base = paint(base, baseline, box)
    batch = [image]
    for i, j in np.ndindex(found.grid):
        top = i * found.stride[0] + found.stride[0] // 2 - found.size[0] // 2
        left = j * found.stride[1] + found.stride[1] // 2 - found.size[1] // 2
        batch.append(paint(base, baseline, Box(top, left, *found.size), mask))
    maps: list[Tensor] = []

    def visit(name: str, output: Tensor) -> None:
        if found.features is not None and name == found.features.layer:
            maps.append(output.reshape(-1, *network.layer(name).shape).clone())

    with torch.no_grad():
        outputs = [network.run(one[None], visit) for one in batch]
    measured = {}
    if maps:
        whole = torch.cat(maps)
        measured = {k: v.numpy() for k, v in responses(whole[0], whole[1:]).items()}
    return torch.cat(outputs[1:]).numpy(), measured


def check(engine: LocalEngine, found: OcclusionMap, image: Tensor, baseline: Tensor) -> None:
    """All eight maps, of the predicted class and another, of the strongest channel and another."""
    assert found.complete
    logits, measured = expected(engine, found, image, baseline)
    flat = lambda values: np.asarray(values).reshape(len(logits), *values.shape[2:])  # noqa: E731
    if found.logits is not None:
        assert_near(flat(found.logits), logits)
        for target in (found.target, 1):
            shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
            others = np.delete(shifted, target, 1).sum(1)
            assert_near(flat(found.probability(target)), shifted[:, target] / shifted.sum(1))
            odds = np.log(shifted[:, target]) - np.log(others)
            np.testing.assert_allclose(flat(found.log_odds(target)), odds, rtol=1e-4, atol=1e-3)
            assert_near(flat(found.logit(target)), logits[:, target])
        first, second = np.sort(logits, 1)[:, :-3:-1].T
        clear = first - second > 1e-3 * np.abs(logits).max()
        assert clear.mean() > 0.8
        np.testing.assert_array_equal(flat(found.predicted())[clear], logits.argmax(1)[clear])
    if found.features is None:
        return
    features, units = found.features, np.prod(engine.layer(found.features.layer).shape)
    for name in ("totals", "units", "cosine"):
        assert_near(flat(getattr(features, name)), measured[name])
    # A unit within rounding of zero may fall on either side.
    apart = np.abs(flat(features.hamming) - measured["hamming"])
    assert apart.max() <= max(2e-4, 1.5 / units)
    other = len(features.clean_totals) - 1
    assert_near(flat(found.feature_map(other)), measured["totals"][:, other])
    assert_near(flat(found.unit(other)), measured["units"][:, other])
    strongest = features.clean_totals.argmax()
    assert_near(flat(found.feature_map()), measured["totals"][:, strongest])


def assert_near(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("baseline", "layer", "drawn", "extra_boxes"),
    [
        ("grey", "features.7", False, ()),
        ("mean", "features.12", True, ()),
        ("blur", "features.4.squeeze", False, (Box(-5, 30, 60, 50),)),
        ("noise", "features.9", True, (Box(100, 150, 40, 90), Box(0, 0, 9, 200))),
        ("border", "features.2", False, ()),
        (-0.75, "classifier.1", False, ()),
        ("sand", None, True, ()),
        ("band", "features.5", True, ()),
        ("mirror", "features.0", False, ()),
    ],
)
def test_every_map_of_the_sample_network(
    engine: LocalEngine,
    baseline: str | float,
    layer: str | None,
    drawn: bool,
    extra_boxes: tuple[Box, ...],
) -> None:
    photo = engine.info.images.index("coffee")
    mask = mask_of(PLUS) if drawn else None
    found = engine.occlude(
        photo,
        (51, 70),
        (75, 56),
        baseline,
        layer=layer,
        mask=mask,
        extra_boxes=extra_boxes,
        progress=False,
    )
    assert found.note == ""
    assert found.grid == (3, 4)
    image = engine.session.source.tensor(photo)
    check(engine, found, image, BASELINES[baseline](image))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("layer", ["first", "pool", "second", "relu@1", "classes"])
def test_every_map_of_an_odd_network(monkeypatch, layer: str, full: bool) -> None:
    monkeypatch.setattr(scoring, "WORTHWHILE", math.inf if full else 0)
    engine = small(baselines={"mirror": lambda x: x.flip(2)})
    options = {"mask": mask_of(PLUS), "extra_boxes": (Box(30, 3, 20, 9),)}
    found = engine.occlude(1, (9, 14), (7, 5), "mirror", layer=layer, progress=False, **options)
    assert (found.note != "") is full
    image = engine.session.source.tensor(1)
    check(engine, found, image, image.flip(2))


def test_a_position_is_what_predict_says(engine: LocalEngine) -> None:
    options = {"mask": mask_of(PLUS), "extra_boxes": (Box(3, 9, 30, 40),)}
    found = next(
        engine.occlude_steps(zf.records.OcclusionRequest(5, (44, 60), 56, "blur", **options))
    )
    for i, j in np.argwhere(found.done)[:3]:
        top, left = i * 56 + 28 - 22, j * 56 + 28 - 30
        alone = engine.predict(5, Occluder(Box(top, left, 44, 60), "blur", *options.values()))
        assert_near(found.logits[i, j], alone.logits)


# Passes that stop and go on


def test_a_stopped_pass_goes_on_where_it_was(engine: LocalEngine) -> None:
    whole = engine.occlude(2, 40, 24, layer="features.6", progress=False)
    steps = engine.occlude_steps(zf.records.OcclusionRequest(2, 40, 24, layer="features.6"))
    part = next(steps)
    steps.close()
    count = part.done.sum()
    assert 0 < count < part.done.size
    steps = engine.occlude_steps(
        zf.records.OcclusionRequest(2, 40, 24, target="tench", layer="features.6", resume=part)
    )
    assert next(steps).done.sum() > count
    steps.close()
    again = engine.occlude(
        2, 40, 24, target="tench", layer="features.6", resume=part, progress=False
    )
    assert part.done.sum() == count, "the map that is gone on with must not change"
    assert again.complete
    assert again.target == 0
    assert_near(again.logits, whole.logits)
    assert_near(again.features.totals, whole.features.totals)
    np.testing.assert_array_equal(again.logits[part.done], part.logits[part.done])
    done = engine.occlude(2, 40, 24, layer="features.6", resume=again, progress=False)
    assert done.target == whole.target
    with pytest.raises(InputError, match=r"go on with has stride \(24, 24\), but \(30, 24\)"):
        engine.occlude(2, 40, (30, 24), layer="features.6", resume=part, progress=False)
    with pytest.raises(InputError, match=r"has layer 'features.6', but None"):
        engine.occlude(2, 40, 24, resume=part, progress=False)


# How long it takes


def test_estimates_come_from_a_probe_then_from_passes() -> None:
    engine = small()
    steps = engine.estimate_steps(OcclusionRequest(0, (9, 14), (4, 6)))
    assert len(list(steps)) >= 2, "a probe takes steps, so that what is urgent goes first"
    probed = engine.estimate(0, (9, 14), (4, 6), "second")
    assert (probed.positions, probed.basis) == (11 * 12, "probe")
    assert probed.seconds > 0
    engine.occlude(0, (9, 14), (4, 6), progress=False)
    measured = engine.estimate(0, (9, 14), (4, 6))
    assert measured.basis == "measured"
    finer = engine.estimate(0, (9, 14), (2, 3))
    assert finer.positions == 22 * 23
    assert finer.seconds > measured.seconds


def test_an_estimate_is_a_line_over_multiply_adds() -> None:
    from zfwidgets.engine.occlusion.estimate import Timing, Timings

    timings = Timings()
    assert timings.basis is None
    assert timings.seconds(5) is None
    timings.add_probe(Timing(0.5, 10, 2.0))
    assert (timings.basis, timings.seconds(100)) == ("probe", 20.5)
    begun = Timing(1.0)
    timings.add(begun)
    assert timings.basis == "probe", "a pass that has computed nothing tells nothing"
    begun.work, begun.seconds = 40, 2.0
    timings.add(Timing(2.0, 60, 3.0))
    assert (timings.basis, timings.seconds(100)) == ("measured", 6.5)


# Cover the patch


def test_covered_patches_equal_full_passes(engine: LocalEngine) -> None:
    layer, channel = "features.4", 3
    found = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=7)
    top = engine.top(layer, channel, 4)
    assert [p.activation for p in found] == list(top)
    assert found.complete
    field = engine.layer(layer).field_of(channel)

    def plane(image: Tensor) -> Tensor:
        maps = []
        engine.session.network.run(
            image[None], lambda name, out: maps.append(out[0, channel].clone()), only=layer
        )
        return maps[0]

    for patch in found:
        a = patch.activation
        image, at = engine.session.source.tensor(a.image), (a.unit.row, a.unit.col)
        baseline = blurred(image)
        with torch.no_grad():
            clean, covered = plane(image), plane(paint(image, baseline, a.box))
            controls = [plane(paint(image, baseline, box))[at] for box in patch.controls]
        assert patch.box == a.box.clip(224, 224)
        assert_near(np.array([patch.before, patch.after]), np.array([clean[at], covered[at]]))
        assert patch.before == pytest.approx(a.value, rel=1e-4)
        assert patch.moved.value == pytest.approx(float(covered.max()), rel=1e-4)
        assert covered[patch.moved.unit.row, patch.moved.unit.col] >= covered.max() * (1 - 1e-4)
        assert patch.moved.box == field.box(patch.moved.unit.row, patch.moved.unit.col)
        assert_near(patch.control_values, np.array(controls))
        shares = []
        for box in patch.controls:
            assert (box.height, box.width) == (patch.box.height, patch.box.width)
            assert box == box.clip(224, 224)
            one, other = (np.zeros((224, 224), bool) for _ in range(2))
            one[box.top : box.bottom, box.left : box.right] = True
            other[patch.box.top : patch.box.bottom, patch.box.left : patch.box.right] = True
            shares.append((one & other).sum() / other.sum())
        assert patch.overlap == pytest.approx(np.mean(shares))
    again = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=7)
    assert [p.controls for p in again] == [p.controls for p in found]
    other = engine.cover_patches(layer, channel, k=4, baseline="blur", controls=5, seed=8)
    assert [p.controls for p in other] != [p.controls for p in found]


def test_a_unit_sees_nothing_but_its_receptive_field(engine: LocalEngine) -> None:
    """Covered with one colour, all units inside the image give one and the same value."""
    found = engine.cover_patches("features.4", 3, k=9, controls=0)
    inside = [p.after for p in found if p.box == p.activation.box]
    assert len(inside) >= 3
    np.testing.assert_allclose(inside, inside[0], rtol=1e-4, atol=1e-4)
    assert all(p.before > p.after for p in found)
    assert all(len(p.controls) == 0 for p in found)


def test_covers_come_as_they_are_known(engine: LocalEngine) -> None:
    steps = engine.cover_steps(CoverRequest("features.4", 3, k=3, controls=2))
    first = next(steps)
    assert len(first) == 3
    assert not first.complete
    assert not any(p.controls for p in first)
    assert [len(p.controls) for p in next(steps)] == [2, 0, 0]


# Bad input


def test_what_is_not_possible_is_named() -> None:
    engine = small()
    wrong: list[tuple[str, Callable[[], object]]] = [
        ("patch is 45: .*from 1 to the image's size, 44 x 68", lambda: engine.occlude(0, 45)),
        (r"patch is \(9, 69\)", lambda: engine.occlude(0, (9, 69))),
        ("patch is 0", lambda: engine.occlude(0, 0)),
        ("stride is 0", lambda: engine.occlude(0, 9, 0)),
        ("stride is 45", lambda: engine.occlude(0, 9, 45)),
        ("stride is 2.5", lambda: engine.occlude(0, 9, 2.5)),
        (r"stride is \(1, 2, 3\)", lambda: engine.occlude(0, 9, (1, 2, 3))),
        ("There are classes 0 to 4, got 5", lambda: engine.occlude(0, 9, target=5)),
        ("'zebra' is no class name", lambda: engine.occlude(0, 9, target="zebra")),
        ("no baseline 'pink'.*grey, mean, blur", lambda: engine.occlude(0, 9, baseline="pink")),
        ("no baseline 'pink'", lambda: engine.predict(0, Occluder(Box(0, 0, 2, 2), "pink"))),
        ("64 hex digits", lambda: engine.occlude(0, 9, mask="ff")),
        ("covers nothing", lambda: engine.occlude(0, 9, mask="0" * 64)),
        ("covers no pixel", lambda: engine.occlude(0, 1, mask="8" + "0" * 63)),
        ("At most 8", lambda: engine.occlude(0, 9, extra_boxes=[Box(0, 0, 1, 1)] * 9)),
        ("at least one pixel", lambda: engine.occlude(0, 9, extra_boxes=[Box(0, 0, 0, 1)])),
        ("controls is -1", lambda: engine.cover_patches("second", 0, controls=-1)),
    ]
    for says, call in wrong:
        with pytest.raises(InputError, match=says):
            call()
    with pytest.raises(UnknownLayer, match="no layer 'third'"):
        engine.occlude(0, 9, layer="third")
    assert engine.occlude(0, 9, progress=False).complete, "the engine stays usable"


@pytest.mark.parametrize(
    ("baselines", "says"),
    [
        ({"grey": [0, 0, 0]}, "'grey' can't be a baseline's name"),
        ({"": [0, 0, 0]}, "can't be a baseline's name"),
        ({"two": [0, 0]}, r"'two' has shape \(2,\): expected \(3,\), a colour, or \(3, 44, 68\)"),
        ({"turned": np.zeros((3, 68, 44))}, r"'turned' has shape \(3, 68, 44\)"),
        ({"nan": [0, 0, np.nan]}, "'nan' has NaN"),
        ({"words": ["a", "b", "c"]}, "'words' is no array"),
    ],
)
def test_fills_that_are_not_possible_are_named(baselines: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        small(baselines=baselines)


def test_what_a_callable_fill_gives_is_checked() -> None:
    baselines = {"flat": lambda x: x[0], "dice": torch.rand_like, "over": lambda x: x.zero_()}
    baselines["broken"] = lambda x: x.no_such_thing
    engine = small(baselines=baselines)
    before, state = engine.session.source.tensor(0), torch.get_rng_state()
    with pytest.raises(InputError, match=r"'flat' has shape \(44, 68\)"):
        engine.occlude(0, 9, baseline="flat")
    with pytest.raises(InputError, match="The baseline 'dice' draws random numbers"):
        engine.occlude(0, 9, baseline="dice")
    with pytest.raises(InputError, match=r"The baseline 'broken' failed .* 'no_such_thing'"):
        engine.predict(0, Occluder(Box(0, 0, 2, 2), "broken"))
    assert engine.occlude(0, 9, baseline="over", progress=False).complete
    assert torch.equal(engine.session.tensor(0), before), "a callable gets a copy"
    assert torch.equal(torch.get_rng_state(), state)


def test_an_image_smaller_than_the_networks_minimum_is_named() -> None:
    images = [torch.rand(3, 20, 300)]
    with pytest.raises(
        UnsupportedModel, match=r"failed in layer 'features\.\d+'.*\(1, 3, 20, 300\)"
    ):
        LocalEngine(torchvision.models.alexnet(weights=None), images, cache=False)


def test_without_class_scores_maps_are_of_activations() -> None:
    engine = small(NoClasses())
    assert "(1, 6, 22, 17) for one image; class probabilities need" in engine.info.no_classes
    with pytest.raises(UnsupportedModel, match="choose a layer"):
        engine.occlude(0, 9)
    with pytest.raises(UnsupportedModel, match="class probabilities need"):
        engine.predict(0)
    with pytest.raises(UnsupportedModel, match="class probabilities need"):
        engine.occlude(0, 9, target=0, layer="pool")
    found = engine.occlude(0, (9, 14), (7, 5), layer="pool", progress=False)
    assert (found.logits, found.clean, found.target, found.labels) == (None, None, None, ())
    assert found.no_classes == engine.info.no_classes
    with pytest.raises(InputError, match="no class scores: NoClasses gives a tensor"):
        found.probability()
    check(engine, found, engine.session.source.tensor(0), torch.full((3, 1, 1), 0.5))
    assert set(found.maps()) == {"total", "unit", "hamming", "cosine"}
    assert engine.estimate(0, 9, 7, "pool").seconds > 0


def test_memory_that_runs_out_makes_batches_smaller(monkeypatch) -> None:
    engine, most = small(), 3
    whole = engine.occlude(0, 9, 7, layer="second", progress=False)
    computes = scoring.Scorer.__call__

    def scarce(self: scoring.Scorer, boxes: list[Box]) -> scoring.Scores:
        if len(boxes) > most:
            raise memory.OutOfMemory("no memory left")
        return computes(self, boxes)

    monkeypatch.setattr(scoring.Scorer, "__call__", scarce)
    found = engine.occlude(0, 9, 7, layer="second", progress=False)
    assert_near(found.logits, whole.logits)
    assert any("sliding the occluder: 2 images at a time" in note for note in engine.info.notes)
    steps = engine.occlude_steps(zf.records.OcclusionRequest(0, 9, 7))
    part = next(steps)
    most = 0
    with pytest.raises(UnsupportedModel, match="memory of cpu doesn't hold one image"):
        list(steps)
    most = 3
    assert engine.occlude(0, 9, 7, resume=part, progress=False).complete


@pytest.mark.parametrize("full", [False, True])
def test_batches_keep_tensors_small(monkeypatch, full: bool) -> None:
    """The largest tensor of a batch, measured as the operations see it, keeps to the bound."""
    monkeypatch.setattr(scoring, "WORTHWHILE", math.inf if full else 0)
    engine = small()
    whole = engine.occlude(0, 9, 4, layer="second", progress=False)
    bound = 12 * 4 * 6 * 44 * 34  # bytes of a dozen maps of the first convolution
    monkeypatch.setattr(scoring, "costs_on", lambda device: replace(CPU, at_once=bound))
    largest = [0]

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor) and out.dim() == 4 and out.dtype == torch.float32:
                largest[0] = max(largest[0], out.numel() * 4)
            return out

    with Watch():
        found = engine.occlude(0, 9, 4, layer="second", progress=False)
    assert 0 < largest[0] <= bound
    assert_near(found.logits, whole.logits)
    assert_near(found.features.totals, whole.features.totals)


def test_memory_that_does_not_hold_one_image_is_named(monkeypatch) -> None:
    engine = small()

    def scarce(*_: object, **__: object) -> None:
        raise memory.OutOfMemory("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(engine.session.network, "run", scarce)
        for call in (
            lambda: engine.occlude(0, 9, progress=False),
            lambda: engine.estimate(0, 9),
            lambda: engine.predict(0),
        ):
            with pytest.raises(UnsupportedModel, match="memory of cpu doesn't hold one image"):
                call()
    assert engine.predict(0).probabilities.sum() == pytest.approx(1)
