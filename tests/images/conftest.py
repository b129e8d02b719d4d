"""Real photos as files, and broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.images.files import LABELS, NAMES, jpeg
from zfwidgets import samples


@pytest.fixture(scope="session")
def coffee() -> Image.Image:
    """A real photo, columns != rows."""
    return samples.photos()["coffee"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three real photos as JPEG, PNG and WebP, one of them in a subfolder."""
    photos = samples.photos()
    photos["coffee"].save(tmp_path / "coffee.jpg", quality=95)
    photos["koala"].save(tmp_path / "koala.PNG")
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "deeper" / "bison.webp").write_bytes(
        photos.webp(photos.names.index("bison"))
    )
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {name: jpeg(name) for name in NAMES}


@pytest.fixture(scope="module")
def hub() -> Any:
    return pytest.importorskip("datasets", reason="Hugging Face's datasets isn't installed")


@pytest.fixture
def rows(hub: Any, files: dict[str, bytes]) -> Any:
    features = hub.Features(
        {"photo": hub.Image(), "label": hub.ClassLabel(names=["drink", "animal"])}
    )
    table = {
        "photo": [{"bytes": files[name], "path": f"{name}.jpg"} for name in NAMES],
        "label": [["drink", "animal"].index(label) for label in LABELS],
    }
    return hub.Dataset.from_dict(table, features)
