"""The diagnosis' widget shows the records; its example tells its story."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import ImageDraw

import zfwidgets as zf
from tests.experiments.charted import drawn, names
from tests.experiments.small import parts
from tests.waiting import PROGRAM, SECONDS
from tests.widgets.numpy_engine import NumpyEngine
from zfwidgets.errors import InputError
from zfwidgets.experiments.diagnosis.texts import MEASURES
from zfwidgets.experiments.shared.picture_wall import PictureWall
from zfwidgets.language.words import Words

SIZE = (48, 64)


def engine(make: object, seed: int) -> zf.Engine:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make(classes=3, size=SIZE)  # type: ignore[operator]
    with torch.no_grad():
        model.conv1.weight[3] *= 5
    return zf.Engine(
        model, zf.samples.textures(6, SIZE, seed), zf.models.transform(SIZE), cache=False
    )


@pytest.fixture(scope="module")
def engines() -> tuple[zf.Engine, zf.Engine]:
    return engine(zf.models.alexnet_small, 1), engine(zf.models.zfnet_small, 2)


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def said(widget: ipywidgets.Widget) -> str:
    return " ".join(part.value for part in parts(widget, ipywidgets.HTML))


def test_two_networks_side_by_side_are_their_records(
    engines: tuple[zf.Engine, zf.Engine],
) -> None:
    widget = zf.Diagnosis(*engines, images=3, projections=4)
    assert widget.settle(SECONDS)
    records = [
        zf.experiments.diagnose(one, images=3, projections=4, progress=False) for one in engines
    ]
    assert len(parts(widget, PictureWall)) == 4
    for column, record, result in zip(widget._columns, records, widget.result, strict=True):
        assert result.complete
        for mine, theirs in zip(result.convolutions, record.convolutions, strict=True):
            np.testing.assert_array_equal(mine.rms, theirs.rms)
            if theirs.aliasing is not None:
                np.testing.assert_array_equal(mine.aliasing, theirs.aliasing)
        filters, projections = column._filters, column._projections
        assert filters.note.startswith(f"conv1: 32 filters of {record['conv1'].shape[1]} x")
        pictures = filters.shown.pictures
        for picture, wanted in zip(pictures, record.filter_pictures(), strict=True):
            factor = picture.shape[0] // wanted.shape[0]
            assert factor >= 7
            np.testing.assert_array_equal(picture, wanted.repeat(factor, 0).repeat(factor, 1))
        assert list(projections.shown.captions) == [f"channel {c}" for c in record.channels]
        pictures = projections.shown.pictures
        for picture, wanted in zip(pictures, record.projection_pictures(), strict=True):
            np.testing.assert_equal(picture, wanted)
        for finding in record.findings:
            assert html.escape(finding.text) in column._findings.value
            assert html.escape(finding.remedy) in column._findings.value


def test_the_chart_shows_the_measure_that_is_chosen(
    engines: tuple[zf.Engine, zf.Engine],
) -> None:
    widget = zf.Diagnosis(*engines, images=3, projections=0, names=("theirs", "ours"))
    assert widget.settle(SECONDS)
    first, second = widget.result
    (dropdown,) = parts(widget, ipywidgets.Dropdown)
    chart = widget._chart

    def lengths() -> np.ndarray:
        return np.array([*drawn(chart).values()])

    assert names(chart) == ["conv1"], "it opens on the layer that sees the pixels"
    wanted = [[np.nanmean(one["conv1"].aliasing)] for one in widget.result]
    np.testing.assert_allclose(lengths(), wanted, rtol=1e-6)
    dropdown.value = "aliasing"
    assert names(chart) == ["conv1", "conv2"]
    wanted = [
        [np.nanmean(first["conv1"].aliasing), 0.0],  # conv2 has no stride there: nothing is lost
        [np.nanmean(second["conv1"].aliasing), np.nanmean(second["conv2"].aliasing)],
    ]
    np.testing.assert_allclose(lengths(), wanted, rtol=1e-6)
    assert [*drawn(chart)] == ["theirs", "ours"]
    dropdown.value = "dead"
    assert names(chart) == [f"relu{number}" for number in range(1, 8)]
    np.testing.assert_allclose(
        lengths(), [[len(r.dead) / len(r) for r in result.rectifiers] for result in widget.result]
    )
    dropdown.value = "dominance"
    assert lengths()[0, 0] == pytest.approx(first["conv1"].dominance.max())
    for name in MEASURES:
        dropdown.value = name
        assert chart.up["label"] == Words()(f"diagnosis.{name}.axis")
        assert np.isfinite(lengths()).any()


def test_a_chosen_filter_tells_its_numbers(engines: tuple[zf.Engine, zf.Engine]) -> None:
    widget = zf.Diagnosis(engines[1], images=2, projections=2)
    assert widget.settle(SECONDS)
    (wall, _) = sorted(parts(widget, PictureWall), key=lambda wall: not wall.choosable)
    assert "Choose a filter" in said(widget)
    wall.chosen = 3
    layer = widget.result[0]["conv1"]
    assert f"Filter 3: RMS {layer.rms[3]:.3g}, {layer.dominance[3]:.2f} times" in said(widget)
    assert widget.snapshot().size[0] == 1200


def test_the_static_picture_has_the_chart_and_whole_sentences(
    engines: tuple[zf.Engine, zf.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = zf.Diagnosis(*engines, images=3, projections=2)
    assert widget.settle(SECONDS)
    written: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def text(
        pen: ImageDraw.ImageDraw, at: object, text: str, *more: object, **named: object
    ) -> None:
        written.append(text)
        draw(pen, at, text, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    widget.snapshot()
    for result in widget.result:
        value = float(np.nanmean(result["conv1"].aliasing))
        assert f"{value:.3f}" in written
        for finding in result.findings[:6]:
            assert f"{finding.layer}: {finding.text}" in " ".join(written)
    assert "aliasing of the first layer (share of variance)" in written


def test_start_again_gives_the_same(engines: tuple[zf.Engine, zf.Engine]) -> None:
    widget = zf.Diagnosis(engines[0], images=2, projections=2)
    assert widget.settle(SECONDS)
    first = widget.result[0]
    widget.start()
    assert widget.settle(SECONDS)
    assert widget.result[0] is not first
    np.testing.assert_array_equal(widget.result[0]["conv1"].aliasing, first["conv1"].aliasing)


def test_what_is_no_engine_of_this_machine_is_named(
    engines: tuple[zf.Engine, zf.Engine],
) -> None:
    with pytest.raises(InputError, match=r"expected a zf\.Engine"):
        zf.Diagnosis(engines[0], NumpyEngine())
    with pytest.raises(InputError, match="expected 2 different names"):
        zf.Diagnosis(*engines, names=("one", "one"))


def test_the_example_shows_less_aliasing_with_the_smaller_stride(root: Path) -> None:
    notebook = nbformat.read(root / "examples" / "diagnosis.ipynb", as_version=4)
    assert len(notebook.cells) <= 13  # one is Colab's
    notebook.cells.append(
        nbformat.v4.new_code_cell("[float(r['conv1'].aliasing.mean()) for r in diagnosis.result]")
    )
    folder = {"metadata": {"path": str(root)}}
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3", resources=folder).execute()
    alexnet, zfnet = eval(notebook.cells[-1].outputs[0]["data"]["text/plain"])
    assert zfnet < alexnet / 2
    assert any("dominates" in str(cell.get("outputs")) for cell in notebook.cells)


def test_a_recordings_networks_have_pictures_of_their_own(
    engines: tuple[zf.Engine, zf.Engine],
) -> None:
    """The page keeps pictures by fingerprint and wall: no two of a recording may share these."""
    records = tuple(
        zf.experiments.diagnose(one, images=2, projections=2, progress=False) for one in engines
    )
    walls = parts(zf.Diagnosis(records), PictureWall)
    assert len(walls) == 4
    assert len({(wall.fingerprint, wall.wall) for wall in walls}) == 4
