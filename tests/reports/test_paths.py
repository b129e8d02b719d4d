"""No absolute path leaves the author's machine, whatever its folders are called."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote

import pytest

import zfwidgets as zf
from zfwidgets.images.sets.naming import file_names
from zfwidgets.images.sets.opening import open_set
from zfwidgets.reports.files import Parts
from zfwidgets.reports.writing.scrubbing import Scrubber

from .conftest import renamed

PIECES = (
    "Überblick", "first visit", "(2024)", "[raw]", "{a}", "1961,", "it's", "100%", "a;b", "c=d",
    "e&f", "#7", "über", "写真", "фото", "R&D", "x+y", "~old", "$HOME", "naïve", "a.b", "-", "_",
    "@ann", "!", "  ", "'quoted'", "`tick`", "e\u0301te\u0301",
)  # fmt: skip
OTHERS = ('"', "<b>", ":", "\\")
"""What only other file systems than Windows' take."""


def folder_name(chance, posix):
    pieces = (*PIECES, *OTHERS) if posix else PIECES
    joined = chance.choice((" ", "", ", ", "-")).join(chance.sample(pieces, chance.randint(2, 4)))
    secret = f"zf{chance.randrange(10**9)}"  # what is looked for afterwards
    return f"{secret} {joined.strip()}{secret[::-1]}", secret


def folders(chance, posix):
    """An absolute path of some folders, and what none of its folders may show."""
    names, secrets = zip(*(folder_name(chance, posix) for _ in range(3)), strict=True)
    if posix:
        return PurePosixPath("/data", *names), secrets
    root = chance.choice(("C:\\", "\\\\server\\share", "d:\\Users"))
    return PureWindowsPath(root, *names), secrets


def spelled(path):
    """How texts spell a path."""
    text = str(path)
    yield text
    yield path.as_posix()
    yield text.replace("\\", "\\\\")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield ascii(text)[1:-1]
    yield repr(text)[1:-1]
    yield quote(path.as_posix())
    yield quote(text, safe="")
    yield "file:///" + quote(path.as_posix()).lstrip("/")


AROUND = (
    "{}", "'{}'", '"{}"', "can't open {}: no such file", "read from ({})", "path={}, mode=r",
    'File "{}", line 3, in read', "[{}]", "OSError: [Errno 2] No such file or directory: '{}'",
    "two lines\n{}\nand a third", "`{}`", "<repr of {}>", "error:{}",
)  # fmt: skip
ODD = (
    "-I{}", "cc -L{}", "@{}", "#{}", "!{}", "*{}", "<{}>", "%{}", "wait...{}", "\u2026{}",
    "\u2192{}", "+{}", "~{}", "-{}", "?{}", "\x1b{}", "50$, {}", "smb:{}", "%20{}", "%27{}%27",
    "path%3D{}",
)  # fmt: skip
"""What seldom stands before a path."""


@pytest.mark.parametrize("posix", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_known_folders_are_cut_from_any_text(posix, seed):
    chance = random.Random(seed)
    folder, secrets = folders(chance, posix)
    scrubber = Scrubber([str(folder)])
    for path in (folder / "cat.jpg", folder / "more than, (one)" / "cat.jpg"):
        for text in spelled(path):
            for around in AROUND:
                for cut in (scrubber.text, scrubber.known):
                    left = cut(around.format(text))
                    assert not [s for s in secrets if s in left], (around.format(text), left)
                    assert "cat.jpg" in left
                assert scrubber.name(text) == "cat.jpg"


@pytest.mark.parametrize("seed", range(30))
def test_other_paths_are_cut_wherever_they_stand(seed):
    """Not known: the folders of others. A name may hold anything but what closes the quote."""
    chance = random.Random(seed)
    for posix in (True, False):
        folder, secrets = folders(chance, posix)
        scrubber = Scrubber()
        for path in (folder / "cat.jpg", folder / "cat (1).jpg"):
            for text in spelled(path):
                for around in (*AROUND, *ODD):
                    before, behind = around.split("{}")
                    if behind and before[-1:] == behind[0] and behind[0] in text:
                        continue  # that quote
                    left = scrubber.text(around.format(text))
                    assert not [s for s in secrets if s in left], (around.format(text), left)


@pytest.mark.parametrize(
    "before",
    ["-I", "-L", "@", "#", "!", "*", "$", "</", "[INFO]", "(see)", "{x}", "smb:/", "see..."],
)
def test_a_path_behind_what_seldom_stands_there_is_cut(before):
    path = f"{before.rstrip('/')}/srv/first visit/x.pt"
    if before.startswith("smb"):
        path = "smb://nas/first visit/x.pt"
    left = Scrubber().text(path)
    assert "visit" not in left
    assert "x.pt" in left


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/a/b/c.html, or http://localhost:8888/lab",
        "animals/dogs/rex.jpg and/or 3/4",
        "resize [256], (0.485, 0.456)",
        "a / b, 1 / 2, 12 images/s",
        "</title></textarea> <b>bold</b>",
        r"quote \ ' \u0022 ${x} {% x %}",
        "Compose(\n    Resize(size=[256], antialias=True)\n    CenterCrop(size=(224, 224))\n)",
        "models.py:trained, ratio 3:4, C: 5",
        "data:image/png;base64,iVBORw0KGgo=",
        "https://example.org/#/a/b, https://example.org:80/~ann/b/-/c and http://h/@ann/b/!/c",
        "first visit (2024)/raw/x.jpg",
        "cats [raw]/big/x.jpg",
        "cafe\u0301/raw/x.jpg",
        "\u0939\u093f\u0928\u094d\u0926\u0940/raw/x.jpg",
        "Lambda((x - 0.5)/0.2, +/-3 m/s)",
        "<p>a</p><p>b/c</p>",
        "photos/**/raw/*.jpg",
        "a -b/c",
        "50%/s, ./parts/x/y, ../parts/x/y, image/*",
    ],
)
def test_what_is_no_path_stays(text):
    assert Scrubber(["/data/photos of ann"]).text(text) == text


@pytest.mark.parametrize("seed", range(4))
def test_a_report_names_none_of_the_folders(engine, tmp_path, monkeypatch, seed):
    """Wherever an engine, its images or an author's text may name them."""
    chance = random.Random(seed)
    folder, secrets = folders(chance, True)
    home = tmp_path / folder_name(chance, True)[0].replace("/", "")
    home.mkdir()
    secrets = (*secrets, home.name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    names = tuple(f"{folder}/{i % 3}/{i // 3}.jpg" for i in range(len(engine.info.images)))
    said = (f"An index of '{folder}' in {home}/cache was not used", f"{folder}: {home} is full")
    renamed(
        engine,
        model=f"Net({folder}/weights.pt)",
        images=names,
        transform=f"Compose(Mean('{folder}/mean.npy'), partial(read, root={home}))",
        notes=said,
        skipped=tuple((name, f"[Errno 5] Input/output error: {name!r}") for name in names[:3]),
    )
    monkeypatch.setattr(type(engine), "folders", (str(folder),), raising=False)
    explorer = zf.Explorer(engine, layer="conv1", stride=8, patch=8)
    path = tmp_path / "report.html"
    text = f"# Photos\n\nThey lie in `{folder}/0`, [here](file://{quote(str(folder))}/0), {home}."
    zf.save_report([explorer, text], path, images=[0], title=f"{folder}", text=text, progress=False)
    parts = Parts(path)
    content = re.sub(r"<script type=\"application[^<]*</script>", "", path.read_text("utf-8"))
    for name in parts:
        content += gzip.decompress(parts[name]).decode("latin-1")
    left = [secret for secret in secrets if secret in content]
    # A folder that is named by itself keeps its own name, as it says what it is.
    assert set(left) <= {secrets[2]}, left
    stored = zf.load_report(path)
    assert len(set(stored.info.images)) == len(names)
    assert stored.info.images[0] == "0.jpg"
    activation = stored.top("conv1", 0)[0]
    assert activation.image_name == stored.info.images[activation.image]


# ---------------------------------------------------------------------- at the source


def test_names_of_listed_files_are_relative(tmp_path, monkeypatch):
    from PIL import Image

    for name in ("first visit, 1961", "second (visit)/again"):
        (tmp_path / "all of them" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (9, 8)).save(tmp_path / "all of them" / name / f"{i}.png")
    files = sorted((tmp_path / "all of them").rglob("*.png"))
    wanted = [f.relative_to(tmp_path / "all of them").as_posix() for f in files]
    monkeypatch.chdir(tmp_path)
    for given in (files, [f.relative_to(tmp_path) for f in files], list(map(str, files))):
        assert list(open_set(given).names) == wanted
    assert file_names([PurePosixPath("/a/x.png"), PurePosixPath("/b/y.png")]) == ["x.png", "y.png"]


def test_names_of_a_datasets_files_are_relative(tmp_path):
    from zfwidgets.images.sets.items import Items

    class Dataset:
        def __init__(self):
            self.samples = [(f"{tmp_path}/{kind}/0.png", 0) for kind in ("cats", "dogs")]

        def __len__(self):
            return 2

        def __getitem__(self, number):
            raise AssertionError("not read for its name")

    assert list(Items(Dataset()).names) == ["cats/0.png", "dogs/0.png"]
    Dataset.root = str(tmp_path / "elsewhere")
    assert list(Items(Dataset()).names) == ["cats/0.png", "dogs/0.png"]


def test_an_exported_notebook_names_none_of_the_folders():
    pytest.importorskip("nbconvert")
    import nbformat

    from zfwidgets.reports.notebooks.exporter import _scrub

    chance = random.Random(5)
    folder, secrets = folders(chance, True)
    error = {"output_type": "error", "ename": "OSError", "evalue": f"{folder}/x.png is gone"}
    outputs = [
        nbformat.v4.new_output("stream", text=f"Reading {folder}/a b/cat.jpg\n{folder}/dog.jpg\n"),
        nbformat.v4.new_output("execute_result", {"text/plain": repr(f"{folder}/cat.jpg")}),
        nbformat.from_dict({**error, "traceback": [f'File "{folder}/net.py", line 3', "1 / 2"]}),
    ]
    code = nbformat.v4.new_code_cell(
        f"zf.Engine(net, {f'{folder}/photos'!r}) # 3 /4", outputs=outputs
    )
    text = nbformat.v4.new_markdown_cell(f"See `{folder}/photos` and https://example.org/a/b.")
    notebook = nbformat.v4.new_notebook(cells=[code, text])
    _scrub(notebook, Scrubber([str(folder)]))
    content = nbformat.writes(notebook) + str(notebook)
    assert not [secret for secret in secrets if secret in content]
    assert "cat.jpg" in content
    assert code.source.endswith("photos') # 3 /4") or code.source.endswith('photos") # 3 /4')
    assert "https://example.org/a/b." in text.source
    assert code.outputs[2].traceback[1] == "1 / 2"
