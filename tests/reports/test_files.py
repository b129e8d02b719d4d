"""Reports are written whole or not at all, and say when they aren't what was written."""

from __future__ import annotations

import base64
import errno
import os
import re

import pytest

import zfwidgets as zf
from zfwidgets.errors import BrokenReport, InputError
from zfwidgets.reports import files


def left(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["report.html", "folder"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left")])
def test_what_fails_half_way_leaves_the_old_report(
    save, tmp_path, engine, monkeypatch, name, failure
):
    path = save(name)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    listed = left(tmp_path)
    asked = []

    def photo(image, photo=engine.photo):
        asked.append(image)
        if len(asked) > 9:
            raise failure
        return photo(image)

    monkeypatch.setattr(engine, "photo", photo)
    expected = KeyboardInterrupt if failure is KeyboardInterrupt else InputError
    with pytest.raises(expected):
        save(name)
    assert left(tmp_path) == listed
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    monkeypatch.undo()
    assert zf.load_report(path).info.model == "NumpyNet"


@pytest.mark.parametrize("name", ["report.html", "folder"])
def test_a_full_disk_leaves_the_old_report(save, tmp_path, monkeypatch, name):
    save(name)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def full(file, pieces):
        file.write(next(iter(pieces)))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(InputError, match="No space left on device"):
        save(name)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_report_takes_the_place_of_an_older_one(save, tmp_path):
    for name in ("report.html", "folder"):
        save(name, layers=["conv1", "conv2"])
        path = save(name, layers=["conv2"])
        assert [layer.name for layer in zf.load_report(path).layers] == ["conv2"]
    assert left(tmp_path) == ["folder", "report.html"]


def test_unwritable_places_are_named_before_anything_is_computed(
    save, tmp_path, engine, monkeypatch
):
    monkeypatch.setattr(engine, "channels", lambda layer: pytest.fail("computed"))
    with pytest.raises(InputError, match=r"missing.report\.html.*choose another place"):
        save("missing/report.html")
    (tmp_path / "mine.html").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        save("mine.html")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"precious")
    with pytest.raises(InputError, match="isn't a report"):
        save("photos")
    (tmp_path / "notes").write_bytes(b"precious")
    with pytest.raises(InputError, match="isn't a report"):
        save("notes")
    assert left(tmp_path) == ["mine.html", "notes", "photos"]
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "mine.html").chmod(0o500)
        with pytest.raises(InputError, match="Permission denied"):
            save("mine.html/report.html")


def test_a_truncated_file_is_named(save, tmp_path):
    whole = save().read_bytes()
    for share in (0.999, 0.9, 0.5, 0.2):
        cut = tmp_path / "cut.html"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises((BrokenReport, InputError), match=r"cut short|isn't a report"):
            zf.load_report(cut).verify()


def parts(content):
    return list(re.finditer(rb'id="zf-part-([\w/-]+)">([^<]+)</script>', content))


def test_an_edited_part_is_named(save, tmp_path):
    whole = save(layers=["conv1", "conv2"]).read_bytes()  # no part twice
    edited = tmp_path / "edited.html"
    for match in parts(whole):
        name = match[1].decode()
        part = bytearray(base64.b64decode(match[2]))
        part[len(part) // 2] ^= 4
        edited.write_bytes(whole.replace(match[2], base64.b64encode(part)))
        with pytest.raises(BrokenReport, match=f"'{name}'.*get it again"):
            zf.load_report(edited).verify()
        edited.write_bytes(whole.replace(match[2], match[2][:-7] + b"!" + match[2][-6:]))
        with pytest.raises(BrokenReport, match=f"'{name}'"):
            zf.load_report(edited).verify()


def test_an_exchanged_part_is_named(save, tmp_path):
    whole = save().read_bytes()
    photos = [match for match in parts(whole) if match[1].startswith(b"photo/")]
    edited = tmp_path / "edited.html"
    edited.write_bytes(whole.replace(photos[0][2], photos[1][2]))
    with pytest.raises(BrokenReport, match=f"'{photos[0][1].decode()}'"):
        zf.load_report(edited).verify()


def test_a_folder_without_a_part_is_named(save):
    folder = save("folder")
    (folder / "parts" / "layer-1.zfpart").unlink()
    stored = zf.load_report(folder / "index.html")
    assert len(stored.top("conv1", 0)) == 9
    with pytest.raises(BrokenReport, match="layer/1"):
        stored.channels("relu1")


def test_other_files_are_no_reports(tmp_path):
    (tmp_path / "page.html").write_text("<html>hello</html>")
    for path, words in (("page.html", "isn't a report"), ("missing.html", "Can't read")):
        with pytest.raises(InputError, match=words):
            zf.load_report(tmp_path / path)


def test_equal_reports_have_equal_parts(save, tmp_path):
    one, two = (parts(save(name).read_bytes()) for name in ("one.html", "two.html"))
    assert [match[0] for match in one] == [match[0] for match in two]
