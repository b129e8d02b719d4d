"""What is shown of tensors: as the network saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset
from torchvision import transforms as v1
from torchvision.transforms import v2

from tests.images.files import small
from zfwidgets import samples
from zfwidgets.errors import InputError
from zfwidgets.images.source import ImageSource


@pytest.mark.parametrize(
    "transform",
    [
        small(v1.Normalize([0.48, 0.45, 0.4], [0.2, 0.25, 0.3])),
        small(
            v1.Normalize([0.48, 0.45, 0.4], [0.2, 0.25, 0.3]), v1.Normalize([1, 2, 3], [2, 2, 2])
        ),
        torch.nn.Sequential(
            v2.ToImage(),
            v2.Resize((24, 36)),
            v2.ToDtype(torch.float32, scale=True),
            torch.nn.Sequential(v2.Normalize([0.5], [0.1])),
        ),
        small(v1.Lambda(lambda t: t * 255), v1.Normalize([120, 110, 100], [1, 1, 1])),
        small(v1.Lambda(lambda t: t * 255)),
        small(),
    ],
    ids=["normalize", "twice", "nested", "caffe", "0..255", "plain"],
)
def test_display_is_what_the_network_saw(coffee: Image.Image, transform: Any) -> None:
    source = ImageSource.of([coffee], transform)
    resized = np.asarray(coffee.resize((36, 24), Image.Resampling.BILINEAR))
    assert source.display(0).shape == (24, 36, 3)
    assert source.display(0).dtype == np.uint8
    assert np.abs(source.display(0).astype(int) - resized).max() <= 1
    assert source.display_note == ""


def test_preset_is_inverted(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee])
    seen = v1.functional.center_crop(v1.functional.resize(coffee, 256), 224)
    assert np.abs(source.display(0).astype(int) - np.asarray(seen)).max() <= 1


def test_unknown_values_are_stretched_and_said_so(coffee: Image.Image) -> None:
    odd = small(v1.Normalize([0.5], [0.5]), v1.Lambda(lambda t: 3 * t**3 - 7))
    source = ImageSource.of([coffee], odd)
    assert "contrast stretched" in source.display_note
    values = source.tensor(0).numpy()
    expected = (values - values.min()) / (values.max() - values.min()) * 255
    assert np.abs(source.display(0).transpose(2, 0, 1) - expected).max() <= 0.51


def test_denormalize(coffee: Image.Image) -> None:
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    plain = small()(coffee)
    data = TensorDataset(((plain - mean[:, None, None]) / std[:, None, None])[None])
    expected = (plain * 255).round().byte().permute(1, 2, 0).numpy()
    stretched = ImageSource.of(data)
    assert "Pass denormalize" in stretched.display_note
    ways = [
        (mean, std),
        (mean.tolist(), std.tolist()),
        lambda t: t * std[:, None, None] + mean[:, None, None],
        lambda t: (t.permute(1, 2, 0) * std + mean).numpy(),
        lambda t: expected,
    ]
    for way in ways:
        source = ImageSource.of(data, denormalize=way)
        assert np.abs(source.display(0).astype(int) - expected).max() <= 1
        assert source.display_note == ""


@pytest.mark.parametrize(
    ("denormalize", "message"),
    [
        (0.5, r"expected \(mean, std\)"),
        (([0.5, 0.5], [1, 1]), "mean has 2 values, the images 3 channels"),
        ((0.5, 0), "std must be above 0"),
    ],
)
def test_bad_denormalize(coffee: Image.Image, denormalize: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageSource.of([coffee], denormalize=denormalize)


def test_grey_networks(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee], v1.Compose([v1.Grayscale(), small()]))
    assert source.shape == (1, 24, 36)
    shown = source.display(0)
    assert (shown == shown[..., :1]).all()


def test_transparency_is_said(coffee: Image.Image, tmp_path: Path) -> None:
    clear = coffee.copy()
    clear.putalpha(128)
    clear.save(tmp_path / "clear.png")
    source = ImageSource.of(tmp_path)
    assert "1 image has transparent parts, laid on white" in source.display_note


def test_baselines() -> None:
    source = ImageSource.of(samples.photos()[:1])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    grey = source.baseline_value("grey")
    assert grey.dtype == torch.float32
    assert torch.allclose(grey.flatten(), (0.5 - mean) / std, atol=1e-6)
    covered = source.tensor(0).clone()
    covered[:, 40:60, 10:90] = grey
    assert set(np.unique(source.show(covered)[40:60, 10:90])) <= {127, 128}
    assert source.baseline_value("mean").flatten().tolist() == [0]
    assert source.baseline_value(-1.5).flatten().tolist() == [-1.5]
    assert source.baseline_value((1, 2, 3)).shape == (3, 1, 1)
    for bad in ("blur", (1, 2), float("nan")):
        with pytest.raises(InputError, match="baseline="):
            source.baseline_value(bad)


def test_baselines_without_a_known_normalisation(coffee: Image.Image) -> None:
    source = ImageSource.of([coffee], small(v1.Lambda(lambda t: 9 * t - 4)))
    with pytest.raises(InputError, match="pass denormalize"):
        source.baseline_value("grey")
    assert source.baseline_value(0.25).item() == 0.25
    plain = ImageSource.of([coffee], small())
    assert plain.baseline_value("grey").flatten().tolist() == [0.5]
    with pytest.raises(InputError, match="a Normalize's mean colour"):
        plain.baseline_value("mean")
