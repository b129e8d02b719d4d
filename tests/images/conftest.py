"""Real photos as files, and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

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
