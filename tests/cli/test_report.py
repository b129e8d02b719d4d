"""``zfwidgets report``."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from zfwidgets.cli import main

torch = pytest.importorskip("torch")

MODEL = """
import torch
from torch import nn

class Small(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 5, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 6, 3),
                         nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 7))

def make():
    torch.manual_seed(0)
    return Small()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model and photos, where the command runs."""
    photos = zf.samples.photos()
    (tmp_path / "photos").mkdir()
    for i in range(5):
        photos[i].save(tmp_path / "photos" / f"{photos.names[i]}.jpg")
    (tmp_path / "models.py").write_text(MODEL)
    (tmp_path / "about.md").write_text("# About it\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


ARGUMENTS = ["report", "--model", "models.py:make", "--images", "photos", "--stride", "56"]


def test_a_report_is_written(folder, capsys):
    arguments = [*ARGUMENTS, "-o", "out.html", "--layers", "0", "3", "--channels", '{"0": [1, 2]}']
    arguments += ["--text", "about.md", "--title", "Small & mine", "--maps", "anthias.jpg"]
    assert main(arguments) == 0
    assert "out.html: " in capsys.readouterr().out
    page = (folder / "out.html").read_text("utf-8")
    assert "<h1>About it</h1>" in page
    assert "<title>Small &amp; mine</title>" in page
    assert str(folder) not in page
    stored = zf.load_report("out.html")
    assert [layer.name for layer in stored.layers] == ["0", "3"]
    assert len(stored.project_all(stored.top("0", 1))) == 5
    assert stored.predict(1).image_name == "anthias.jpg"


def test_weights_are_loaded_without_running_code(folder, capsys):
    models = {}
    exec(MODEL, models)
    model = models["Small"]()
    torch.save(model.state_dict(), "good.pth")
    assert main([*ARGUMENTS, "-o", "one.html", "--weights", "good.pth", "--layers", "0"]) == 0
    assert main([*ARGUMENTS, "-o", "two.html", "--layers", "0"]) == 0
    one, two = (zf.load_report(f"{name}.html").info.fingerprint for name in ("one", "two"))
    assert one != two

    class Bomb:
        def __reduce__(self):
            return (open, (str(folder / "exploded"), "w"))

    torch.save({"bomb": Bomb()}, "bad.pth")
    assert main([*ARGUMENTS, "--weights", "bad.pth"]) == 1
    assert "--weights bad.pth" in capsys.readouterr().err
    assert not (folder / "exploded").exists()
    assert not (folder / "report.html").exists()


def test_a_dry_run_says_the_size_and_writes_nothing(folder, capsys):
    before = sorted(folder.iterdir())
    assert main([*ARGUMENTS, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "strongest projections" in said
    assert "budget 25.0 MB" in said
    assert {p.name for p in set(folder.iterdir()) - set(before)} <= {"cache", "__pycache__"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layers", "layer9"], "no layer 'layer9'"),
        (["--budget", "lots"], "budget must be like"),
        (["--text", "missing.md"], "missing.md"),
        (["-o", "missing/report.html"], "choose another place"),
    ],
)
def test_mistakes_are_named(folder, capsys, arguments, words):
    assert main([*ARGUMENTS, *arguments]) == 1
    assert words in capsys.readouterr().err
    assert not (folder / "report.html").exists()


def test_channels_are_json(folder, capsys):
    with pytest.raises(SystemExit):
        main([*ARGUMENTS, "--channels", "3 to 5"])
    assert "neither 'all' nor JSON" in capsys.readouterr().err
