"""Bad data never stops a pass: each file is counted and listed with its reason."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import torch
from PIL import Image

from zfwidgets import samples
from zfwidgets.images.pixels import decode
from zfwidgets.images.sets import base
from zfwidgets.images.skipped import table
from zfwidgets.images.source import ImageSource

from .malformed import write

GOOD = {
    "1-pixel.png": (1, 1),
    "a-good.jpg": (90, 60),
    "line.png": (40, 1),
    "z-huge.png": (5000, 4000),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("hostile")
    expected = write(folder, samples.photos()["koala"].resize((72, 54)))
    for name, size in GOOD.items():
        Image.new("RGB", size, (9, 99, 200)).save(folder / name)
    return folder, expected


@pytest.mark.filterwarnings("ignore")  # Pillow's own, about what it finds
@pytest.mark.parametrize("headers", [True, False])
def test_two_hundred_malformed_files(
    hostile: tuple[Path, dict[str, str]], headers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, expected = hostile
    assert len(expected) >= 200
    if not headers:  # as in a set of many files, whose headers aren't read beforehand
        monkeypatch.setattr(base, "HEADERS_CHECKED_AT_ONCE", 0)
        found = sorted(folder.iterdir(), key=lambda path: path.name not in GOOD)
        source = ImageSource.of(found)
    else:
        source = ImageSource.of(folder)
    with closing(source.feed(range(len(source)), workers=2, processes=False)) as feeding:
        got = {source.names[number]: tensor for number, tensor in feeding}
    good = {name for name, tensor in got.items() if tensor is not None}
    assert good == set(GOOD)
    assert all(torch.isfinite(got[name]).all() for name in good)  # type: ignore[arg-type]
    reasons = {skip.name: skip.reason for skip in source.skipped}
    if headers:
        assert reasons.keys() == expected.keys()
    for name, word in expected.items():
        assert word in reasons[name], name
        assert reasons[name].strip()
        assert str(folder) not in reasons[name]
    shown = table([(skip.name, skip.reason) for skip in source.skipped], len(expected) + len(GOOD))
    assert shown.startswith(f"{len(reasons)} of {len(expected) + len(GOOD)} images were left out")
    assert shown.isprintable() or shown.isascii()
    assert len(shown.splitlines()) <= 11


def test_no_program_is_started_for_postscript(tmp_path: Path) -> None:
    path = tmp_path / "trap.jpg"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with Image.open(path) as opened:  # Pillow alone would take it
        assert opened.format == "EPS"
    assert decode.header_problem(path) == "not an image that Pillow can read"


PROGRAM = """
import os
import sys
from pathlib import Path
from PIL import Image
from zfwidgets.images.pixels import decode

Image.init()
if os.geteuid() == 0:  # who may read everything: so ask as somebody else
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(decode.header_problem(Path(sys.argv[1])))
"""


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    Image.new("RGB", (3, 2)).save(path)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.stdout == "no permission to read the file\n", out.stderr


def test_table_of_few_and_many() -> None:
    assert table([], 5) == ""
    one = table([("a\nb.jpg", "the file is empty")], 5)
    assert one.splitlines()[:2] == [
        "1 of 5 images was left out:",
        "  1  the file is empty  (a\\nb.jpg)",
    ]
    many = table([(f"{n}", f"reason {'x' * (n % 20)} {n}") for n in range(1000)], 2000)
    assert "1,000 of 2,000 images were left out" in many
    assert " 600  for 12 other reasons" in many
