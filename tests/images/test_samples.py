"""The shipped photos are there, are free, and say whose they are."""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from zfwidgets import samples
from zfwidgets.images.sets.base import Samples
from zfwidgets.images.sets.samples import ALLOWED_LICENCES, DATA, SamplePhotos


@pytest.fixture(scope="module")
def photos() -> SamplePhotos:
    return samples.photos()


def test_at_least_120_photos_at_display_size(photos: SamplePhotos) -> None:
    assert len(photos) >= 120
    for image in photos:
        assert image.mode == "RGB"
        assert min(image.size) <= 320
        assert max(image.size) <= 480
    assert sum(len(photos.webp(i)) for i in range(len(photos))) <= 4_500_000


def test_table_and_files_are_the_same_set(photos: SamplePhotos) -> None:
    shipped = {path.name for path in (DATA / "photos").iterdir()}
    assert shipped == {row.file for row in photos.licences}
    assert len(set(photos.names)) == len(photos)


def test_every_photo_has_a_free_licence_and_an_attribution(photos: SamplePhotos) -> None:
    sources = [row.source_url for row in photos.licences]
    assert len(set(sources)) == len(sources)  # no photo twice
    for row in photos.licences:
        assert ALLOWED_LICENCES[row.licence] == row.licence_url
        assert row.author
        assert row.title
        assert row.source_url.startswith("https://")
        if row.licence.startswith("CC-BY"):
            assert row.changes, row.file  # the licence asks to say what was changed
            assert row.author in row.attribution
            assert row.source_url in row.attribution


def test_the_documented_counts_are_those_of_the_table(photos: SamplePhotos) -> None:
    text = (Path(__file__).parents[2] / "docs" / "samples.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| (public domain|CC.*?) \| (\d+) \|$", text, re.MULTILINE))
    words = {"public-domain": "public domain", "CC0-1.0": "CC0 1.0", "CC-BY-2.0": "CC BY 2.0"}
    words |= {"CC-BY-3.0": "CC BY 3.0", "CC-BY-SA-4.0": "CC BY-SA 4.0"}
    shipped = Counter(words[row.licence] for row in photos.licences)
    assert {name: int(count) for name, count in documented.items()} == shipped


def test_table_is_plain_tsv() -> None:
    text = (DATA / "photos.tsv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    assert {len(row) for row in rows} == {10}
    assert rows[0][:4] == ["file", "title", "author", "licence"]


def test_by_name_by_number_and_as_a_smaller_set(photos: SamplePhotos) -> None:
    number = photos.names.index("coffee")
    assert photos["coffee"].tobytes() == photos[number].tobytes()
    some = photos[["coffee", 0]]
    assert some.names == ("coffee", photos.names[0])
    assert photos[2:5].names == photos.names[2:5]
    assert [image.size for image in photos[:2]] == [photos[0].size, photos[1].size]
    assert photos[-1].size == photos[len(photos) - 1].size
    with pytest.raises(IndexError):
        photos[len(photos)]
    with pytest.raises(KeyError, match="kitten"):
        photos["kiten"]


def test_digest_depends_on_the_set(photos: SamplePhotos) -> None:
    assert photos[:9].digest == samples.photos()[:9].digest
    assert photos[:9].digest != photos[:8].digest


def test_categories_and_transform_need_no_download() -> None:
    assert len(samples.categories()) == 1000
    assert samples.categories()[281:283] == ("tabby", "tiger cat")
    assert samples.transform()(Image.new("RGB", (300, 200))).shape == (3, 224, 224)


def test_importing_samples_imports_no_torch() -> None:
    code = "import sys, zfwidgets.samples as s; s.photos()[0]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_photos_stamp_is_the_digest_of_its_bytes_now(
    photos: SamplePhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "photos" / photos.licences[0].file
    copied.parent.mkdir()
    copied.write_bytes(photos.webp(0))
    monkeypatch.setattr("zfwidgets.images.sets.samples.DATA", tmp_path)
    images = Samples(photos[:1])
    for content in (copied.read_bytes(), copied.read_bytes() + b"\0"):
        copied.write_bytes(content)
        for _ in range(2):
            assert images.stamp(0) == hashlib.sha256(content).hexdigest()
