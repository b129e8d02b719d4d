"""docs/models.md: its table is of the models that the benchmark has, and of what they are now."""

from __future__ import annotations

import pytest

from benchmarks.documents import models
from tests.conftest import ROOT

TABLE = (ROOT / "docs" / "models.md").read_text("utf-8").partition(models.MARK)[2].splitlines()
CHEAP = (
    ("torchvision", "squeezenet1_1"),
    ("torchvision", "shufflenet_v2_x0_5"),
    ("torchvision", "mobilenet_v3_small"),
    ("timm", "mobilenetv3_small_050"),
    ("transformers", "MobileNetV2"),
    ("lightning", "resnet18"),
)
ROUNDING = 1e-5
"""Of a forward pass in float32, relative to the largest class score."""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows() -> dict[tuple[str, str], list[str]]:
    """What the first table says of each model."""
    lines = TABLE[TABLE.index("| package | model | " + " | ".join(models.HEADS) + " |") + 2 :]
    found = [cells(line) for line in lines[: lines.index("")]]
    return {(package, name): rest for package, name, *rest in found}


def test_each_model_has_its_row_and_was_measured():
    assert [*rows()] == [(package, name) for package, name, _ in models.MODELS]
    for name, (_, difference, _) in rows().items():
        assert float(difference) <= ROUNDING, name
    said = "\n".join(TABLE)
    assert all(f"\n| {name} | " in said for name in models.SETTLED)


@pytest.mark.parametrize(("package", "name"), CHEAP)
def test_table_is_up_to_date(package: str, name: str) -> None:
    """``python -m benchmarks.documents.models --markdown docs/models.md`` makes it."""
    pytest.importorskip(package, reason=f"{package} isn't installed")
    (make,) = [make for *key, make in models.MODELS if key == [package, name]]
    found = models.row(package, name, make)
    layers, _, status = rows()[package, name]
    assert [str(found["layers"]), found["status"]] == [layers, status]
    assert found["difference"] <= ROUNDING
