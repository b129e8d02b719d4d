"""A report may come from anybody: whatever is in the file, it is read, or it is `BrokenReport`."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import json
import random
import re
import stat
import struct
import sys
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets.errors import BrokenReport, InputError, NotStored
from zfwidgets.images.pixels import decode
from zfwidgets.reports import checking, parts
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.encode import decode_picture

PART = re.compile(rb'id="zf-part-([\w/-]+)">([^<]*)</script>')
EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 24 32
%%EndComments
0 0 24 32 rectfill
showpage
%%EOF
"""


@pytest.fixture
def small(save):
    """A small report of one layer."""
    return save("small.html", layers=["conv2"], images=[2], budget=None)


def unpacked(page):
    """Each part's header and buffers, by name."""
    found = {}
    for match in PART.finditer(page):
        content = gzip.decompress(base64.b64decode(match[2]))
        (length,) = struct.unpack_from("<I", content)
        header = json.loads(content[4 : 4 + length])
        found[match[1].decode()] = header, content[4 + length :]
    return found


def packed(header, buffers=b""):
    text = json.dumps(header).encode()
    return gzip.compress(struct.pack("<I", len(text)) + text + buffers, mtime=0)


def rewritten(page, changed):
    """The page with other parts (packed), listed in its manifest as if they had been written."""
    contents = unpacked(page)
    ((manifest, _),) = changed.pop("manifest", contents["manifest"][0])
    manifest = copy.deepcopy(manifest)
    for name, part in changed.items():
        crc = struct.unpack("<I", part[-8:-4])[0]
        manifest["parts"][name] = [len(part), crc]
    changed["manifest"] = packed([[manifest, []]])

    def other(match):
        name = match[1].decode()
        part = changed.get(name)
        text = match[2] if part is None else base64.b64encode(part)
        return b'id="zf-part-' + match[1] + b'">' + text + b"</script>"

    return PART.sub(other, page)


def answers(stored):
    """All that a report answers, and what its widgets ask for."""
    stored.verify()
    found = {"info": stored.info, "layers": stored.layers}
    for layer in stored.layers:
        name = layer.name
        found["channels", name] = stored.channels(name)
        for channel in range(min(layer.channels, 4)):
            found["top", name, channel] = top = stored.top(name, channel)
            for kind, call in (
                ("projection", lambda t=top: stored.project_all(t[:1])),
                ("patch", lambda t=top: [stored.patch(a) for a in t[:1]]),
                ("quantiles", lambda c=channel, n=name: stored.quantiles(n, c)),
            ):
                found[kind, name, channel] = if_stored(call)
    for image in range(min(len(stored.info.images), 4)):
        for kind, call in (
            ("photo", lambda i=image: stored.photo(i)),
            ("predict", lambda i=image: stored.predict(i)),
            ("map", lambda i=image: stored.occlude(i, (6, 8), 4, progress=False)),
        ):
            found[kind, image] = if_stored(call)
    explorer = zf.Explorer(stored)
    found["snapshot"] = if_stored(lambda: np.asarray(explorer.snapshot(SECONDS)))
    explorer.close()
    return found


def if_stored(call):
    try:
        return call()
    except NotStored:
        return None


def fates(path, pages, whole=None):
    """How often a damaged page was read, and how often refused; anything else is a fault.

    Of what isn't a report at all, `load_report` says so; what is opened is a broken one, or gives
    the answers of ``whole``.
    """
    counts = {"read": 0, "refused": 0}
    for page in pages:
        path.write_bytes(page)
        try:
            stored = zf.load_report(path)
        except (BrokenReport, InputError):
            counts["refused"] += 1
            continue
        try:
            found = answers(stored)
        except BrokenReport:
            counts["refused"] += 1
        else:
            counts["read"] += 1
            if whole is not None:
                assert_same(found, whole)
    return counts


def damaged(page, chance, times):
    """Bytes flipped, cut, swapped, deleted and doubled."""
    for _ in range(times):
        broken, way = bytearray(page), chance.randrange(5)
        start = chance.randrange(len(page))
        end = min(len(page), start + chance.choice((1, 3, 40, 2000)))
        other = chance.randrange(len(page))
        if way == 0:
            broken[start] ^= 1 << chance.randrange(8)
        elif way == 1:
            del broken[start:]
        elif way == 2:
            broken[start:end], broken[other : other + end - start] = (
                broken[other : other + end - start],
                broken[start:end],
            )
        elif way == 3:
            del broken[start:end]
        else:
            broken[start:start] = broken[start:end]
        yield bytes(broken)


def test_damage_is_noticed(small, tmp_path):
    page = small.read_bytes()
    first = page.index(b'id="zf-part-')
    data = page[first:]  # prose is only read by people
    pages = (page[:first] + broken for broken in damaged(data, random.Random(7), 1500))
    whole = answers(zf.load_report(small))
    assert sum(answer is not None for answer in whole.values()) > 20
    counts = fates(tmp_path / "broken.html", pages, whole)
    assert counts["refused"] > 1450, counts  # what doubles or cuts the end's HTML may be read


WRONG = (None, -1, 0, 1, 1 << 31, 1 << 40, 10**400, 0.5, 1e308, "", "x", "\0", "../x", True, [], {},
         [[]], [1, 2], {"x": 1}, "9" * 50)  # fmt: skip


def mutated(value, chance):
    """The same JSON with one value, somewhere, changed, left out, doubled or exchanged."""
    value = copy.deepcopy(value)
    places = []

    def walk(node):
        entries = node.items() if isinstance(node, dict) else enumerate(node)
        for name, one in list(entries):
            places.append((node, name))
            if isinstance(one, dict | list):
                walk(one)

    walk(value)
    node, name = chance.choice(places)
    way = chance.randrange(4)
    if way == 0:
        del node[name]
    elif way == 1 and isinstance(node, list):
        node.insert(name, copy.deepcopy(node[name]))
    elif way == 2:
        other, at = chance.choice(places)
        node[name] = copy.deepcopy(other[at]) if at in other or isinstance(other, list) else None
    else:
        node[name] = copy.deepcopy(chance.choice(WRONG))
    return value


def test_what_is_whole_but_wrong_is_noticed(small, tmp_path):
    """Parts that are packed as they must be, with checksums that hold, and say something else."""
    page, chance = small.read_bytes(), random.Random(11)
    contents = unpacked(page)
    names = [name for name in contents if name != "manifest"]

    def pages():
        for turn in range(500):
            if turn % 2:
                try:
                    header = mutated(contents["manifest"][0], chance)
                    yield rewritten(page, {"manifest": header})
                except (ValueError, KeyError, TypeError):
                    continue
            else:
                name = chance.choice(names)
                header, buffers = contents[name]
                if turn % 4:
                    yield rewritten(page, {name: packed(mutated(header, chance), buffers)})
                else:
                    at = chance.randrange(max(len(buffers), 1))
                    change = bytes([chance.randrange(256) for _ in range(4)])
                    yield rewritten(
                        page, {name: packed(header, buffers[:at] + change + buffers[at + 4 :])}
                    )

    counts = fates(tmp_path / "wrong.html", pages())
    assert counts["refused"] > 300, counts


# ---------------------------------------------------------------------- sizes


def peak():
    """The most memory that this process has had, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


@pytest.fixture
def little_memory():
    """Fails if a test makes the process grow by more than half a gigabyte."""
    pytest.importorskip("resource")
    before = peak()
    yield
    assert peak() - before < 600e6


def bomb(size):
    """A gzip file of zeros."""
    stream = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = b"\0" * (1 << 20)
    return b"".join([*(stream.compress(zeros) for _ in range(size >> 20)), stream.flush()])


def test_what_grows_beyond_a_part_is_not_unpacked(small, tmp_path, little_memory):
    page, large = small.read_bytes(), bomb(1 << 30)
    for name in ("manifest", "photo/2"):
        broken = tmp_path / "bomb.html"
        changed = {} if name == "manifest" else {name: large}
        content = rewritten(page, changed)
        if name == "manifest":
            content = re.sub(
                rb'(id="zf-part-manifest">)[^<]*', b"\\1" + base64.b64encode(large), content
            )
        broken.write_bytes(content)
        with pytest.raises(BrokenReport, match=f"'{name}'.*more than 256 MB"):
            zf.load_report(broken).verify()


@pytest.mark.parametrize("of", [1, 3, "2"])
def test_another_format_is_refused_by_name(small, tmp_path, of):
    """In the first one patches had padding, and projections neither brightness nor a square."""
    header, _ = unpacked(small.read_bytes())["manifest"]
    assert header[0][0]["format"] == 2
    header[0][0]["format"] = of
    page = rewritten(small.read_bytes(), {"manifest": header})
    (tmp_path / "other.html").write_bytes(page)
    words = f"reads reports of format 2, and this is one of format {of!r}: use the zfwidgets that"
    with pytest.raises(BrokenReport, match=words):
        zf.load_report(tmp_path / "other.html")


def test_json_of_many_small_values_is_not_made_into_them(little_memory):
    text = b"[" + b"[]," * 40_000_000 + b"[]]"
    part = gzip.compress(struct.pack("<I", len(text)) + text, 1)
    with pytest.raises(BrokenReport, match="isn't one"):
        parts.unpack("x", part)
    deep = b"[" * 100_000
    with pytest.raises(BrokenReport):
        parts.unpack("x", gzip.compress(struct.pack("<I", len(deep)) + deep, 1))


def test_buffers_lie_where_they_were_written(little_memory):
    content = bytes(8 << 20)
    shifted = [[i, len(content) - 1000 - i] for i in range(500)]
    for places in (shifted, [[-1, 4]], [[0, len(content) + 1]], [[0, 4]], [[True, 4]], [0], 3):
        with pytest.raises(BrokenReport):
            parts.unpack("x", packed([[{}, places]], content))
    again = [[0, 8], [8, 4], [0, 8], [12, 0]]
    (answer,) = parts.unpack("x", packed([[{}, again]], b"abcdefghijkl"))
    assert answer == ({}, [b"abcdefgh", b"ijkl", b"abcdefgh", b""])


def test_writing_keeps_the_limits_of_reading(monkeypatch):
    monkeypatch.setattr(parts, "LARGEST", 1000)
    with pytest.raises(InputError, match="store fewer"):
        parts.pack([({}, [bytes(2000)])])
    monkeypatch.setattr(parts, "MOST_VALUES", 100)
    with pytest.raises(InputError, match="store fewer"):
        parts.pack([({"rows": [0] * 101}, [])])


def test_a_manifest_that_asks_for_much_gets_nothing(small, tmp_path, little_memory):
    page = small.read_bytes()

    def wide(manifest):
        manifest["catalogue"]["engine"]["input"] = [3, 200_000, 200_000]

    def large(manifest):
        manifest["catalogue"]["engine"]["input"] = [3, 16_000, 16_000]

    def many(manifest):
        manifest["catalogue"]["layers"][0]["channels"] = 1 << 30

    for change in (wide, large, many):
        header, _ = copy.deepcopy(unpacked(page)["manifest"])
        change(header[0][0])
        path = tmp_path / "much.html"
        path.write_bytes(rewritten(page, {"manifest": header}))
        with pytest.raises(BrokenReport):
            zf.load_report(path).verify()


def test_an_occlusion_map_too_large_for_a_record_is_not_made(
    small, tmp_path, little_memory, monkeypatch
):
    from zfwidgets.reports.reading import stored

    whole = zf.load_report(small)
    monkeypatch.setattr(stored, "LARGEST_MAP", 100)
    with pytest.raises(NotStored, match="too large"):
        finish(whole.occlude_steps(zf.records.OcclusionRequest(2, (6, 8), 4)))


def picture(form, size=(24, 32), **options):
    stream = io.BytesIO()
    Image.new("RGB", size[::-1]).save(stream, form, **options)
    return stream.getvalue()


def enlarged(webp):
    """A WebP that says of itself that it has 16,383 x 16,383 pixels."""
    assert webp[12:16] == b"VP8X"
    side = (16_382).to_bytes(3, "little")
    return webp[:24] + side + side + webp[30:]


def test_photos_have_the_size_that_they_are_said_to_have(small, tmp_path, little_memory):
    page = small.read_bytes()
    header, _ = unpacked(page)["photo/2"]
    large = enlarged(picture("WEBP", exif=b"Exif\0\0" + b"x" * 8))
    for other in (large, picture("WEBP", (23, 32))):
        parts_ = copy.deepcopy(header)
        parts_[0][1] = [[0, len(other)]]
        parts_[1][1] = [[len(other), 4 * len(zf.load_report(small).info.labels)]]
        numbers = bytes(4 * len(zf.load_report(small).info.labels))
        path = tmp_path / "photo.html"
        path.write_bytes(rewritten(page, {"photo/2": packed(parts_, other + numbers)}))
        with pytest.raises(BrokenReport, match=r"pixels|can't be decoded"):
            zf.load_report(path).photo(2)


# ---------------------------------------------------------------------- programs and other files


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A Ghostscript that leaves a trace when it is started."""
    from PIL import EpsImagePlugin

    if sys.platform == "win32":
        pytest.skip("a shell script")
    trace, program = tmp_path / "started", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho started >> '{trace}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    with suppress(Exception), Image.open(io.BytesIO(EPS)) as image:
        image.load()
    assert trace.exists()  # Pillow does start it
    trace.unlink()
    return trace


def test_no_part_and_no_photo_starts_ghostscript(small, tmp_path, ghostscript):
    for other in (EPS, picture("BMP"), picture("TIFF"), picture("GIF"), b"", b"\0" * 99):
        with pytest.raises(BrokenReport, match="picture can't be decoded"):
            decode_picture(other)
    for form in ("PNG", "JPEG", "WEBP"):
        assert decode_picture(picture(form)).size == (32, 24)
    page = small.read_bytes()
    header, buffers = unpacked(page)["photo/2"]
    header = copy.deepcopy(header)
    size = header[0][1][0][1]
    eps = EPS + b"\n" * max(0, size - len(EPS))
    header[0][1][0][1], header[1][1][0][0] = len(eps), len(eps)
    path = tmp_path / "eps.html"
    path.write_bytes(rewritten(page, {"photo/2": packed(header, eps + buffers[size:])}))
    with pytest.raises(BrokenReport, match="picture can't be decoded"):
        zf.load_report(path).photo(2)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(EPS)
    for file in (photo, EPS):
        with pytest.raises(zf.errors.UnreadableImage):
            decode.read_rgb(file)
    assert not ghostscript.exists()


def test_one_file_looks_into_no_folder(small, tmp_path):
    """Its page's script names the folder's mark, which made the file look for one."""
    page = small.read_bytes()
    script = b"<script>const mark = 'meta[name=\"zfwidgets-parts\"]';"
    assert page.count(b"\n<script>") == 1
    page = page.replace(b"\n<script>", b"\n" + script)
    lone = PART.sub(lambda m: b"></script>" if m[1] == b"photo/2" else m[0], page)
    folder = tmp_path / "elsewhere"
    (folder / "parts").mkdir(parents=True)
    (folder / "lone.html").write_bytes(lone)
    photo = base64.b64decode(dict(m.groups() for m in PART.finditer(page))[b"photo/2"])
    (folder / "parts" / "photo-2.zfpart").write_bytes(photo)
    stored = zf.load_report(folder / "lone.html")
    with pytest.raises(BrokenReport, match="isn't in"):
        stored.photo(2)


def test_a_folder_reads_files_of_its_own_alone(save, tmp_path):
    folder = save("folder", layers=["conv2"], images=[2])
    part = folder / "parts" / "photo-2.zfpart"
    assert zf.load_report(folder).photo(2).shape == (24, 32, 3)
    part.unlink()
    part.mkdir()
    with pytest.raises(BrokenReport, match="photo/2"):
        zf.load_report(folder).photo(2)
    part.rmdir()
    part.symlink_to("/dev/zero")
    with pytest.raises(BrokenReport, match="photo/2"):
        zf.load_report(folder).photo(2)
    page = (folder / "index.html").read_bytes()
    header, _ = copy.deepcopy(unpacked(page)["manifest"])
    for name in ("../secret", "..\\secret", "/etc/passwd", "C:secret"):
        header[0][0]["parts"][name] = [1, 1]
        (folder / "index.html").write_bytes(rewritten(page, {"manifest": header}))
        with pytest.raises(BrokenReport, match="manifest"):
            zf.load_report(folder)
        del header[0][0]["parts"][name]


def test_what_is_written_passes_its_own_checks(explorer, engine, tmp_path):
    choices = {"layers": ["conv1", "relu1", "conv2"], "channels": {"conv1": "all"}, "images": "all"}
    path = tmp_path / "all.html"
    zf.save_report(explorer, path, budget=None, progress=False, **choices)
    stored = zf.load_report(path)
    stored.verify()
    kinds = {kind for kind, *_ in stored._manifest["answers"]}
    assert kinds == {"photo", "predict", "positions", "occlusion", "quantile_rows", "cover"}
    assert kinds <= checking._ANSWERS.keys()
    assert np.array_equal(stored.photo(1), engine.photo(1))
