"""Every number of a diagnosis is that of a plain slow computation; findings say what is there."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zfwidgets as zf
from zfwidgets.errors import InputError
from zfwidgets.experiments import diagnose, diagnose_steps
from zfwidgets.experiments.diagnosis import measures
from zfwidgets.experiments.diagnosis.layer_diagnosis import ConvolutionDiagnosis, RectifierDiagnosis
from zfwidgets.experiments.diagnosis.responses import StrideResponses
from zfwidgets.experiments.diagnosis.result import DiagnosisResult

ROWS, COLUMNS = 40, 52


def random_filters(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def small_model() -> nn.Sequential:
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Conv2d(3, 6, (5, 7), stride=(3, 2), padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1, groups=2),
        nn.ReLU(),
    )
    with torch.no_grad():
        model[0].weight[4] = 3 * model[0].weight[1]  # a near-duplicate that dominates
        model[0].weight[2] = 0
        model[0].bias[2] = -1  # dead
    return model


def engine_of(model: nn.Module, count: int = 7) -> zf.Engine:
    return zf.Engine(
        model,
        zf.samples.textures(count, (ROWS, COLUMNS)),
        zf.models.transform((ROWS, COLUMNS)),
        cache=False,
    )


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return engine_of(small_model())


@pytest.fixture(scope="module")
def result(engine: zf.Engine) -> DiagnosisResult:
    return diagnose(engine, images=5, projections=3, progress=False)


# Filters alone


def energies(filter_: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy of a filter (in, rows, columns) on the grid, by the definition, and frequencies."""
    padded = np.zeros((len(filter_), 64, 64))
    padded[:, : filter_.shape[1], : filter_.shape[2]] = filter_
    energy = (np.abs(np.fft.fft2(padded)) ** 2).sum(0)
    along = np.fft.fftfreq(64)
    down, right = np.meshgrid(along, along, indexing="ij")
    return energy, down, right


@pytest.mark.parametrize("shape", [(4, 3, 11, 7), (5, 2, 1, 3), (3, 6, 1, 1)])
def test_spectrum_is_the_fourier_transforms(shape: tuple[int, ...]) -> None:
    filters = random_filters(*shape)
    found = measures.spectrum(filters)
    for filter_, shares in zip(filters, found, strict=True):
        energy, down, right = energies(filter_)
        radius = np.sqrt(down**2 + right**2)
        wanted = [
            energy[radius < 1 / 6].sum(),
            energy[(radius >= 1 / 6) & (radius < 1 / 3)].sum(),
            energy[radius >= 1 / 3].sum(),
        ]
        np.testing.assert_allclose(shares, np.array(wanted) / energy.sum(), atol=1e-6)
        assert shares.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("stride", [(4, 2), (1, 3), (1, 1)])
def test_energy_beyond_the_limit_is_the_fourier_transforms(stride: tuple[int, int]) -> None:
    filters = random_filters(4, 3, 7, 5, seed=1)
    found = measures.beyond(filters, stride)
    for filter_, share in zip(filters, found, strict=True):
        energy, down, right = energies(filter_)
        outside = (np.abs(down) > 1 / (2 * stride[0])) | (np.abs(right) > 1 / (2 * stride[1]))
        assert share == pytest.approx(energy[outside].sum() / energy.sum(), abs=1e-6)
    if stride == (1, 1):
        assert not found.any()


def test_known_filters_lie_where_they_should() -> None:
    place = np.arange(11)
    stripes = np.stack([np.cos(2 * np.pi * f * place) for f in (0.0, 0.25, 0.45)])
    filters = np.broadcast_to(stripes[:, None, None], (3, 1, 11, 11)).astype(np.float32)
    assert measures.spectrum(filters).argmax(1).tolist() == [0, 1, 2]
    assert measures.spectrum(filters).max(1).min() > 0.7
    assert (measures.beyond(filters, (4, 4)) > 0.5).tolist() == [False, True, True]
    assert (measures.beyond(filters, (1, 2)) > 0.5).tolist() == [False, False, True]
    assert (measures.beyond(filters, (2, 1)) > 0.5).tolist() == [False, False, False]


def test_random_weights_have_the_shares_that_are_said() -> None:
    found = measures.spectrum(random_filters(400, 3, 7, 7)).mean(0)
    np.testing.assert_allclose(found, measures.WHITE, atol=0.01)


@pytest.mark.parametrize("groups", [1, 3])
def test_nearest_is_the_largest_cosine(groups: int) -> None:
    filters = random_filters(9, 2, 3, 5)
    filters[4] = 2 * filters[3] + 0.01 * filters[0]
    filters[8] = -filters[7]
    filters[1] = 0
    which, cosine = measures.nearest(filters, groups)
    size = 9 // groups
    for i in range(9):
        best, value = -1, -np.inf
        for j in range(9):
            if i == j or i // size != j // size or not filters[i].any() or not filters[j].any():
                continue
            a, b = filters[i].ravel().astype(float), filters[j].ravel().astype(float)
            found = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            if found > value:
                best, value = j, found
        assert which[i] == best
        assert cosine[i] == pytest.approx(value, abs=1e-6) if best >= 0 else np.isnan(cosine[i])
    assert which[3] == 4
    assert cosine[7] < 0.95  # a filter and its negative aren't alike


def test_rms_and_dominance() -> None:
    filters = random_filters(5, 2, 3, 4)
    filters[2] *= 10
    found = measures.rms(filters)
    wanted = [np.sqrt(np.mean([v * v for v in f.ravel().astype(float)])) for f in filters]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(measures.dominance(found), wanted / np.median(wanted), rtol=1e-6)
    assert np.isnan(measures.dominance(np.zeros(3, np.float32))).all()


# On images


def slow_strides(module: nn.Conv2d, images: list[torch.Tensor]) -> tuple[list[float], list[float]]:
    """Aliasing and shift consistency per channel, by the definitions, in float64."""
    rows, columns = module.stride
    weight = module.weight.detach().double()
    aliasing, consistency = [], []
    for channel in range(module.out_channels):
        beyond = total = 0.0
        actual, expected = [], []
        for image in images:
            one = weight[channel : channel + 1]
            per_group = module.out_channels // module.groups
            first = channel // per_group * one.shape[1]
            x = image[None, first : first + one.shape[1]].double()
            response = nn.functional.conv2d(x, one)[0, 0].numpy()
            response = response - response.mean()
            h, w = response.shape
            window = np.outer(np.hanning(h + 2)[1:-1], np.hanning(w + 2)[1:-1])
            energy = np.abs(np.fft.fft2(response * window)) ** 2
            for i, j in np.ndindex(h, w):
                down, right = min(i, h - i) / h, min(j, w - j) / w
                total += energy[i, j]
                if down > 1 / (2 * rows) or right > 1 / (2 * columns):
                    beyond += energy[i, j]
            for i in range((h - 1) // rows * rows + 1):
                for j in range((w - 1) // columns * columns + 1):
                    if i % rows == 0 and j % columns == 0:
                        continue
                    i0, j0, a, b = i // rows * rows, j // columns * columns, i % rows, j % columns
                    a, b = a / rows, b / columns
                    value = 0.0
                    for di, wi in ((0, 1 - a), (rows, a)):
                        for dj, wj in ((0, 1 - b), (columns, b)):
                            if wi * wj:
                                value += wi * wj * response[i0 + di, j0 + dj]
                    actual.append(response[i, j])
                    expected.append(value)
        aliasing.append(beyond / total if total else float("nan"))
        dead = np.std(actual) == 0
        consistency.append(float("nan") if dead else np.corrcoef(actual, expected)[0, 1])
    return aliasing, consistency


def test_aliasing_and_shift_consistency_are_their_definitions(
    engine: zf.Engine, result: DiagnosisResult
) -> None:
    layer = result["0"]
    assert isinstance(layer, ConvolutionDiagnosis)
    assert layer.strided
    assert result.images_measured == 5
    images = [
        engine.session.image(number)[2] for number in (0, 1, 2, 4, 5)
    ]  # five of seven, spaced
    aliasing, consistency = slow_strides(small_model()[0], images)
    np.testing.assert_allclose(layer.aliasing, aliasing, atol=1e-5)
    np.testing.assert_allclose(layer.consistency, consistency, atol=1e-4)
    assert np.isnan(layer.aliasing[2])  # a filter of zeros
    assert result["3"].aliasing is None


def test_groups_and_small_maps() -> None:
    torch.manual_seed(6)
    module = nn.Conv2d(4, 6, (3, 2), stride=(2, 3), padding=1, groups=2).requires_grad_(False)
    images = [torch.randn(4, 17, 23) for _ in range(2)]
    responses = StrideResponses(module)
    responses.add(torch.stack(images))
    aliasing, consistency = slow_strides(module, images)
    np.testing.assert_allclose(responses.aliasing, aliasing, atol=1e-5)
    np.testing.assert_allclose(responses.consistency, consistency, atol=1e-4)
    small = StrideResponses(module)
    small.add(torch.randn(1, 4, 17, 10))  # three places of the grid across
    assert np.isnan(small.aliasing).all()
    assert np.isnan(small.consistency).all()


@pytest.mark.parametrize(("wavelength", "aliased"), [(24.0, False), (5.0, True)])
def test_stripes_finer_than_the_stride_can_carry_are_aliased(
    wavelength: float, aliased: bool
) -> None:
    module = nn.Conv2d(1, 1, 1, stride=4, bias=False).requires_grad_(False)
    x = torch.cos(2 * torch.pi * torch.arange(90.0) / wavelength).expand(1, 1, 70, 90)
    responses = StrideResponses(module)
    responses.add(x.contiguous())
    assert responses.aliasing[0] == pytest.approx(float(aliased), abs=0.02)
    assert (responses.consistency[0] > 0.95) is not aliased


def test_dead_channels_are_those_that_no_image_excites(
    engine: zf.Engine, result: DiagnosisResult
) -> None:
    assert [layer.name for layer in result.rectifiers] == ["1", "4"]
    assert result.images_seen == 7
    model = small_model().eval()
    for name in ("1", "4"):
        active = []
        for number in range(7):
            with torch.no_grad():
                maps = model[: int(name) + 1](engine.session.image(number)[2][None])[0]
            active.append((maps > 0).flatten(1).any(1).numpy())
        layer = result[name]
        assert isinstance(layer, RectifierDiagnosis)
        np.testing.assert_allclose(layer.active, np.mean(active, 0), rtol=1e-6)
        assert list(layer.dead) == [c for c in range(len(layer)) if not np.any(active, 0)[c]]
    assert 2 in result["1"].dead


def test_projections_are_the_engines(engine: zf.Engine, result: DiagnosisResult) -> None:
    assert result.second == "3"
    assert result.channels.tolist() == [0, 2, 5]
    assert result.complete
    for channel, projection in zip(result.channels, result.projections, strict=True):
        top = engine.top("3", int(channel), 1)
        if not len(top):
            assert projection is None
            continue
        wanted = engine.project_all(list(top))[0]
        np.testing.assert_array_equal(projection.pixels, wanted.pixels)


def test_the_record(result: DiagnosisResult) -> None:
    weight = small_model()[0].weight.detach().numpy()
    np.testing.assert_array_equal(result.filters, weight.transpose(0, 2, 3, 1))
    pictures = result.filter_pictures()
    assert len(pictures) == 6
    assert pictures[0].shape == (5, 7, 3)
    scale = np.percentile(np.abs(weight), 99.5)
    assert result.filter_scale == pytest.approx(scale)
    wanted = np.clip(np.rint(weight[3] / scale * 127), -127, 127).transpose(1, 2, 0) + 128
    np.testing.assert_array_equal(pictures[3], wanted)
    assert (pictures[2] == 128).all()
    layer = result["0"]
    assert isinstance(layer, ConvolutionDiagnosis)
    assert layer.shape == (3, 5, 7)
    assert layer.stride == (3, 2)
    assert layer.duplicates == ((1, 4, pytest.approx(1.0)),)
    assert layer.repeated == 2
    assert layer.dominating.tolist() == [4]
    frame = result.to_frame().set_index("layer")
    assert list(frame.index) == ["0", "3", "1", "4"]
    assert frame.loc["0", "near-duplicates"] == 2
    assert frame.loc["0", "aliasing"] == pytest.approx(np.nanmean(layer.aliasing))
    assert frame.loc["1", "dead"] == len(result["1"].dead)
    assert result.to_pil().mode == "RGB"
    with pytest.raises(InputError, match=r"no layer 'conv9': expected one of 0, 3, 1, 4"):
        result["conv9"]


def test_findings_say_what_is_there_and_what_the_paper_did(result: DiagnosisResult) -> None:
    by_kind = {(f.layer, f.kind): f for f in result.findings}
    dominating = by_kind["0", "dominating"]
    assert "1 of 6 filters dominates" in dominating.text
    assert "renormalize_filters_" in dominating.remedy
    duplicates = by_kind["0", "duplicates"]
    assert "2 of 6 filters have" in duplicates.text
    assert "1 and 4 are most alike (1.00)" in duplicates.text
    assert "7 x 7 instead of 11 x 11" in duplicates.remedy
    dead = by_kind["1", "dead"]
    assert f"{len(result['1'].dead)} of 6 channels" in dead.text
    assert "in 7 images" in dead.text
    aliasing = by_kind["0", "aliasing"]
    assert "stride of 3" in aliasing.text
    assert f"{100 * np.nanmean(result['0'].aliasing):.0f} %" in aliasing.text
    assert "instead of 4" in aliasing.remedy
    assert str(dead).startswith("1: ")


def test_layers_above_the_first_share_a_finding_on_dead_channels(result: DiagnosisResult) -> None:
    def rectifier(name: str, dead: int, channels: int) -> RectifierDiagnosis:
        return RectifierDiagnosis(name, (np.arange(channels) >= dead).astype(np.float32))

    layers = (rectifier("1", 2, 6), rectifier("4", 1, 5), rectifier("6", 0, 7))
    found = [f for f in replace(result, rectifiers=layers).findings if f.kind == "dead"]
    assert [f.layer for f in found] == ["1", "4"], "the first layer has a remedy of its own"
    assert "1 of 5 channels is dead" in found[1].text
    layers = (*layers[:2], rectifier("6", 3, 7))
    found = [f for f in replace(result, rectifiers=layers).findings if f.kind == "dead"]
    assert [f.layer for f in found] == ["1", "4, 6"]
    assert "1 of 5, 3 of 7 channels are dead" in found[1].text


def test_beside_another_network_it_is_said_whose_first_layer_aliases() -> None:
    def network(
        model: str, aliasing: float, strides: tuple[int, int], above: float, mid: float
    ) -> DiagnosisResult:
        def layer(name: str, stride: int, share: float) -> ConvolutionDiagnosis:
            values = np.array([share - 0.01, share + 0.01], np.float32)
            return ConvolutionDiagnosis(
                name=name,
                shape=(3, 7, 5),
                stride=(stride, stride),
                rms=np.ones(2, np.float32),
                nearest=np.array([1, 0]),
                likeness=np.zeros(2, np.float32),
                spectrum=np.array([[1 - mid, mid, 0]] * 2, np.float32),
                beyond=values,
                aliasing=values if stride > 1 else None,
            )

        layers = (layer("c1", strides[0], aliasing), layer("c2", strides[1], above))
        return DiagnosisResult(model, layers, first="c1")

    old, new = network("old", 0.4, (4, 1), 0, 0.05), network("new", 0.02, (2, 3), 0.3, 0.4)
    for first, second, shares in ((new, old, "40 % of the first"), (old, new, "5 % of the first")):
        one, above, mid = first.beside(second)
        assert one.startswith("old has the fault that the paper saw: 40 % of the responses of its")
        assert one.endswith("in new 2 % with a stride of 2.")
        assert above == "new has it higher up: 30 % in c2, whose stride is 3."
        assert mid.startswith("old covers the mid frequencies little")
        assert shares in mid
    both, *_ = old.beside(network("third", 0.5, (2, 1), 0, 0.2))
    assert both.startswith("Both have the fault that the paper saw: 50 % of the responses of c1")
    neither, mid = network("none", 0.0, (1, 1), 0, 0.3).beside(network("few", 0.09, (2, 1), 0, 0.3))
    assert neither.startswith("Neither has the fault")
    assert "isn't seen" in mid
    unmeasured = replace(old, convolutions=(replace(old.convolutions[0], aliasing=None),))
    assert len(unmeasured.beside(old)) == 1, "nothing is said of what isn't measured"


def test_the_remedy_named_reaches_the_filter_that_dominates(result: DiagnosisResult) -> None:
    (finding,) = [f for f in result.findings if f.kind == "dominating"]
    radius = float(finding.remedy.split("A radius of ")[1].split()[0])
    model = small_model()
    assert zf.models.renormalize_filters_(model[0], radius) == {"": 1}
    assert not len(diagnose(model, progress=False)["0"].dominating)


def test_spectrum_findings() -> None:
    def first(filters: np.ndarray) -> set[str]:
        model = nn.Conv2d(3, len(filters), filters.shape[2:]).requires_grad_(False)
        model.weight.copy_(torch.from_numpy(filters))
        return {f.kind for f in diagnose(nn.Sequential(model), progress=False).findings}

    assert first(random_filters(30, 3, 7, 9)) == {"untrained"}
    place = np.arange(11)
    mix = [np.cos(2 * np.pi * f * place + p) for f in (0.0, 0.45) for p in (0.1, 1.2)]
    extremes = np.stack([np.broadcast_to(m[:, None], (3, 11, 11)) for m in mix])
    assert "spectrum" in first(extremes.astype(np.float32))
    mid = [np.cos(2 * np.pi * 0.22 * place + p) for p in (0.1, 1.2)]
    covered = np.stack([np.broadcast_to(m[:, None], (3, 11, 11)) for m in [*mix, *mid]])
    assert not {"spectrum", "untrained"} & first(covered.astype(np.float32))


# How it runs


def test_a_model_alone_shows_its_filters(result: DiagnosisResult) -> None:
    alone = diagnose(small_model(), progress=False)
    assert alone.complete
    assert not alone.rectifiers
    assert not alone.projections
    for mine, theirs in zip(alone.convolutions, result.convolutions, strict=True):
        np.testing.assert_array_equal(mine.rms, theirs.rms)
        np.testing.assert_array_equal(mine.spectrum, theirs.spectrum)
        assert mine.aliasing is None


def test_nothing_of_the_users_is_touched() -> None:
    model = small_model().train()
    engine = engine_of(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    copy = {k: v.clone() for k, v in engine.session.network.module.state_dict().items()}
    random = torch.get_rng_state()
    diagnose(engine, images=2, projections=2, progress=False)
    diagnose(model, progress=False)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(
        torch.equal(v, copy[k]) for k, v in engine.session.network.module.state_dict().items()
    )
    assert torch.equal(random, torch.get_rng_state())
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks for m in engine.session.network.module.modules())


def test_an_interrupt_keeps_what_is_done(
    engine: zf.Engine, result: DiagnosisResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, seen = StrideResponses.add, []

    def add(self: StrideResponses, inputs: torch.Tensor) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        original(self, inputs)

    monkeypatch.setattr(StrideResponses, "add", add)
    with pytest.warns(UserWarning, match="strides measured on 2 images"):
        partial = diagnose(engine, images=5, progress=False)
    assert partial.images_measured == 2
    assert not partial.complete
    np.testing.assert_array_equal(partial["0"].rms, result["0"].rms)
    assert np.isfinite(partial["0"].aliasing[0])
    assert not any(m._forward_hooks for m in engine.session.network.module.modules())


def test_steps_tell_how_far_and_what_is_there(engine: zf.Engine) -> None:
    steps = list(diagnose_steps(engine, images=3, projections=2))
    results = [step for step in steps if isinstance(step, DiagnosisResult)]
    assert results[0].images_measured == 0
    assert [r.complete for r in results] == [False] * (len(results) - 1) + [True]
    assert max(r.images_measured for r in results) == 3
    measured = [s for s in steps if getattr(s, "what", "") == "measuring aliasing"]
    assert [(s.done, s.total) for s in measured] == [(1, 3), (2, 3), (3, 3)]


def without_convolutions() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3, 2))


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (without_convolutions, {}, "Sequential has no Conv2d"),
        (lambda: "alexnet", {}, "expected a zf.Engine or a torch.nn.Module, got str"),
        (small_model, {"images": -1}, "images is -1"),
        (small_model, {"projections": -2}, "projections is -2"),
    ],
)
def test_what_cannot_be_diagnosed_is_named(
    make: Any, options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        diagnose(make(), progress=False, **options)


def test_weights_that_are_no_numbers() -> None:
    model = small_model()
    with torch.no_grad():
        model[3].weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="'3' has NaN"):
        diagnose(model, progress=False)


def test_a_first_layer_that_does_not_see_pixels_has_no_pictures() -> None:
    model = nn.Sequential(nn.Conv2d(5, 4, 3), nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = diagnose(model, progress=False)
    assert (result.first, result.filters, result.filter_pictures()) == ("", None, ())
    assert replace(result, model="other").findings == result.findings
